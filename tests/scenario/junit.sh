#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The JUnit file of tests/run: valid for the schema that Jenkins uses, whatever tests print.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

tests=$(cd "$(dirname "$0")/.." && pwd)
printf 'fine <b> & "c"\n\033[31m red \001 \xff\xfe ]]>\n' >"$TMP/log"
{
    printf 'ok\tunit/test_a\t0\t3, 1 skipped\t\n'
    printf 'ok\tunit/test_a/suite::one\t0.01\t\t\n'
    printf 'skip\tunit/test_a/suite::two\t0\tno "engine" <here>\t\n'
    printf 'FAIL\tscript/odd&name\t1234\texit code 3 \001\xff\t%s\n' "$TMP/log"
} >"$TMP/records"
"$tests/junit" "$TMP/records" "$TMP/out" || fail "tests/junit"
says '<testsuite name="script" tests="1" failures="1" errors="0" skipped="0"'
says '<testsuite name="unit" tests="3" failures="0" errors="0" skipped="1"'
says '<testcase classname="script" name="odd&amp;name" time="1234"><failure type="failed" message="exit code 3'
says 'fine &lt;b&gt; &amp; &quot;c&quot;'
says '<skipped message="no &quot;engine&quot; &lt;here&gt;"/>'
command -v xmllint >/dev/null || skip "xmllint is not installed"
xmllint --noout --schema "$tests/data/junit-10.xsd" "$TMP/out" >"$TMP/lint" 2>&1 || {
    cat "$TMP/lint"
    fail "it is not valid"
}
exit 0
