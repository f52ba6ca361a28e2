#!/bin/bash
# SPDX-License-Identifier: MIT
#
# SWI-Prolog answers the queries of tests/knowledge/queries.txt as answers.txt says, with which test_prolog_answers
# compares our engine.  The package is needed here only, so it is installed here, where that can be done.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

if ! command -v swipl >/dev/null; then
    if [ "$(id -u)" != 0 ] || [ -n "${VMM_NO_SETUP:-}" ]; then
        skip "no swipl here (Debian package swi-prolog-nox)"
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends swi-prolog-nox >"$TMP/apt" 2>&1 ||
        skip "swi-prolog-nox cannot be installed"
fi

swipl tests/knowledge/swipl.pl <tests/knowledge/queries.txt >"$TMP/answers" 2>"$TMP/errors" ||
    fail "swipl: $(head -n 5 "$TMP/errors")"
diff -u tests/knowledge/answers.txt "$TMP/answers" >"$TMP/difference" || fail "$(head -n 40 "$TMP/difference")"
[ "$(grep -c '^?-' "$TMP/answers")" -ge 200 ] || fail "fewer than 200 queries"
