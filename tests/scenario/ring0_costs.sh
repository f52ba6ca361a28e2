#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the calls that everybody makes cost in ring 0, and stubs over what they stand on, in instructions,
# counted on the deterministic engine: not more than docs/performance.md promises.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/idcbench
case " $ENGINES " in
*' unicorn '*) ;;
*) skip "only the deterministic engine counts" ;;
esac
count=$(dirname "$VMM")/../bench/count
[ -x "$count" ] || skip "build/bench/count is not built (make all tests)"

"$count" scenarios/bench/count.yaml >"$TMP/out" 2>&1 || fail "the run failed"

count_of() { # NAME: the median, in $cost
    cost=$(sed -n "s/.*: bench $1 \([0-9]*\) .*/\1/p" "$TMP/out")
    [ "${cost:-0}" -gt 30 ] || fail "$1 was not counted"
}

at_most() { # LIMIT NAME
    count_of "$2"
    [ "$cost" -le "$1" ] || fail "$2 costs $cost instructions, more than $1"
}

below_60_over() { # NAME BASE: a side of stubs, and of what they stand on
    local base
    count_of "$2"
    base=$cost
    count_of "$1"
    [ $((cost - base)) -lt 60 ] || fail "$1 costs $((cost - base)) instructions more than $2"
}

at_most 115 kernel.nop
at_most 1717 kernel.retype
at_most 950 kernel.delete
at_most 880 kernel.copy
at_most 910 kernel.mint
at_most 1150 kernel.map
at_most 1150 kernel.unmap
at_most 330000 kernel.retype.256
at_most 1560000 kernel.revoke.1000
at_most 223 lmp.waitset.1.kernel
at_most 223 lmp.stub.1.kernel
at_most 462 lmp.waitset.7.kernel
at_most 462 lmp.stub.7.kernel
at_most 445 lmp.roundtrip.1.kernel
at_most 457 lmp.roundtrip.4.kernel
at_most 960 lmp.roundtrip.10.kernel
# ring 3, an empty message over LMP
at_most 345 lmp.waitset.0.receiver
at_most 330 lmp.stub.0.receiver
# ring 3, a string of 2 KiB: word by word, several lines at once
at_most 9400 lmp.stub.text.sender
at_most 4000 ump.stub.text.sender
at_most 4500 ump.stub.text.receiver
for words in 0 1 7; do
    for side in sender receiver; do
        below_60_over "ump.stub.$words.$side" "ump.bare.$words.$side"
        below_60_over "lmp.stub.$words.$side" "lmp.waitset.$words.$side"
    done
done

# vmm run counts the same
"$count" --seed 3 scenarios/two-core-idc.yaml >"$TMP/out" 2>&1 || fail "the run failed"
counted=$(sed -n 's/^count: \([0-9]*\) instructions.*/\1/p' "$TMP/out")
vmm run --engine unicorn --seed 3 --json "$TMP/run.json" scenarios/two-core-idc.yaml
exits_with 0
grep -q "^ *\"instructions\": $counted,\$" "$TMP/run.json" || fail "vmm run does not count $counted instructions"
