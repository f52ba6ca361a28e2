#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The death of cores (docs/agreement.md): each scenario of scenarios/faults/deaths/ on the deterministic engine,
# where 8 time-outs of heartbeats pass at once, with DEATH_SEEDS seeds (1), and the same seed twice to the
# same state.  On kvm, which lives through them, one: the smallest.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
folder=scenarios/faults/deaths

if [[ " $ENGINES " == *" unicorn "* ]]; then
    for file in "$folder"/*.yaml; do
        for ((seed = 1; seed <= ${DEATH_SEEDS:-1}; seed++)); do
            vmm run -q --engine unicorn --seed "$seed" "$file"
            exits_with 0
        done
    done
    for try in 1 2; do
        vmm run -q --engine unicorn --seed 1 --json "$TMP/$try.json" "$folder/two-cores-crash-at-once.yaml"
        exits_with 0
    done
    hash_of() { grep -o '"state_hash": *"[0-9a-f]*"' "$TMP/$1.json"; }
    [ -n "$(hash_of 1)" ] && [ "$(hash_of 1)" = "$(hash_of 2)" ] || fail "the same seed ends in another state"
fi
if [[ " $ENGINES " == *" kvm "* ]]; then
    vmm run -q --engine kvm "$folder/minority.yaml"
    exits_with 0
fi
