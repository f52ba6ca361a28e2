#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The checker of capabilities looks during the run as well, at moments in which no core is in ring 0
# (`every` beside `invariants`): a database that is broken for a while, and whole again when the run
# ends, is found only so.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/spin
[[ " $ENGINES " == *" unicorn "* ]] || skip "the deterministic engine cannot run here"

# scenario FAULTS EVERY: core 1 stays in user mode; a bit of its database's root flips, and flips back
scenario() {
    {
        cat <<END
scenario: quiet-points
machine:
  cores: 2
boot:
  menu: $PWD/scenarios/menus/base.lst
  add:
    - module /sbin/spin core=1
$1
deadline: 60 ms
expect:
  - not: PANIC
  - invariants: [capabilities]
$2
END
    } >"$TMP/quiet.yaml"
    vmm run --engine unicorn --seed 1 "$TMP/quiet.yaml"
}

# between two ticks of its timer, so that the CPU driver never sees it
planted='faults:
  - when: {time: 42 ms}
    do: {flip: {domain: cpu.1, symbol: kernel_mdb, bit: 0}}
  - when: {time: 43 ms}
    do: {flip: {domain: cpu.1, symbol: kernel_mdb, bit: 0}}'

scenario "" "    every: 100 us"
exits_with 0
scenario "$planted" ""
exits_with 0
scenario "$planted" "    every: 100 us"
exits_with 1
says "at 0\.04[23][0-9]* s: core 1: a link of the database leads nowhere"
scenario "" "    every: 1 us"
exits_with 2
says "expected at least 10 us"
