#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Models of protocols (tests/models), searched by spin; every rule that a model can leave out must be missed.
# MODEL_CORES=4: a larger machine (make soak).
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

command -v spin >/dev/null || skip "no spin here (Debian package spin)"

search() {
    tests/models/run "$@" >"$TMP/out" 2>&1 || fail "$(cat "$TMP/out")"
    cat "$TMP/out"
}

search agreement "${MODEL_CORES:-3}"
for rule in TAKES_BACK NO_MAJORITY ANY_SET; do
    search agreement 3 $rule
done

search hold "$([ -z "${MODEL_CORES:-}" ] && echo 2 || echo 3)"
for rule in LOOKS_EARLY TAKES_FIRST NO_TIMER IDLES_HELD; do
    search hold 2 $rule
done

# Two cores, of which one may die, in every check; three (make soak) take a minute.
cores=2
[ -z "${MODEL_CORES:-}" ] || cores=3
search capabilities $cores
for rule in LOCKS_LATE PAST_OWNER OVERTAKING NO_MARK NO_WITNESS DEATH_UNHEARD REUSED_EARLY; do
    search capabilities 3 $rule
done

search shootdown 3
for rule in ANSWERED_EARLY NO_LOCAL ORPHANS DEATH_UNHEARD UNFENCED; do
    search shootdown 3 $rule
done

search parts $cores
for rule in WHOLE_OVERLOOKED NO_PART_MARK OVERTAKING ONCE DEATH_UNHEARD; do
    search parts 2 $rule
done

search moves 2
for rule in WITNESS_REVOKED NOT_THE_LAST; do
    search moves 2 $rule
done
search moves 3 NOT_CLEARED
search moves 3 PAST_HOME

search claims $cores
for rule in NO_ENTRY NO_TURN ANSWER_IS_ALL NAME_FIRST DEATH_UNHEARD; do
    search claims 2 $rule
done
