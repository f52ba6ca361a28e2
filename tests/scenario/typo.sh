#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A key that does not exist: one error with file, line and column, and the key that was meant.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

scenario typo 1 '10 s' 'console: never' </dev/null
sed -i 's/^machine:/machne:/' "$TMP/typo.yaml"
for command in check run; do
    vmm "$command" "$TMP/typo.yaml"
    exits_with 2
    says 'typo\.yaml:3:1: .*machne.*machine'
    is_brief 5
done

# The same for programs: one document on standard output, whether or not there are errors.
cp scenarios/hello.yaml "$TMP/good.yaml"
cp -r scenarios/menus "$TMP/"
for form in json sarif; do
    vmm check --format "$form" "$TMP/typo.yaml"
    exits_with 2
    python3 -m json.tool "$TMP/out" /dev/null || fail "--format $form is not JSON"
    says 'machne'
    vmm check --format "$form" "$TMP/good.yaml"
    exits_with 0
    says '"(findings|results)": \[\]'
done
vmm check --format xml "$TMP/good.yaml"
exits_with 2
says 'expected text, json or sarif'

idl=$(dirname "$VMM")/idl
printf 'interface wrong "a" {\n    message m(unt8 x);\n};\n' >"$TMP/wrong.if"
"$idl" --check --format=json "$TMP/wrong.if" >"$TMP/out" 2>"$TMP/err" && fail "wrong.if was accepted"
[ ! -s "$TMP/err" ] || fail "--format=json writes to standard error as well"
python3 -c '
import json, sys
found = json.load(open(sys.argv[1]))["findings"]
assert [(f["line"], f["column"], f["severity"]) for f in found] == [(2, 15, "error")], found
assert "uint8" in found[0]["hint"], found' "$TMP/out" || fail "the findings of idl"
"$idl" --dump-ast --format=json "$TMP/wrong.if" >"$TMP/out" 2>&1 && fail "--format=json without --check"
says 'goes with --check'
exit 0
