#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Random mixes of faults on channels that heal: none may hang, deliver wrongly or lose memory; and the same
# harness catches channels that do not heal, and checked channels in which nothing is ever written again.  MIXES=N: so
# many (make soak).
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

[[ " $ENGINES " == *" unicorn "* ]] || skip "no deterministic engine here"
need_image sbin/mixer

patience=7200
tests/faults/mixes --vmm "$VMM" --count "${MIXES:-24}" --keep "$TMP/mixes" || fail "a mix of faults breaks channels that heal"
for broken in plain ump_checked_serve_disabled; do
    tests/faults/mixes --vmm "$VMM" --count 4 --broken "$broken" --keep "$TMP/$broken" ||
        fail "broken channels ($broken) survive mixes of faults: the harness sees nothing"
done
