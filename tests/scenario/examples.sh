#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The examples at other numbers of cores than their scenarios have: 1 and 2 here; EXAMPLE_SEEDS=N runs each with N
# seeds at 1, 2, 4 and 16 cores (make soak: 300).
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"
need_engine
need_image sbin/matrix
engine=${ENGINES##* } # the deterministic one, where there is one

# with_cores CORES EXAMPLE: writes $TMP/EXAMPLE.yaml
with_cores() {
    sed -e "s|menus/base.lst|$PWD/scenarios/menus/base.lst|" -e "s|^  cores: .*|  cores: $1|" \
        -e "s|core=0-3|core=0-$(($1 - 1))|" -e "s|4 replicas agree after 240|$1 replicas agree after $((60 * $1))|" \
        -e "s|bulk core=1 client|bulk core=$(($1 > 1 ? 1 : 0)) client|" "scenarios/$2.yaml" >"$TMP/$2.yaml"
}

cores=(1 2)
[ -z "${EXAMPLE_SEEDS:-}" ] || cores=(1 2 4 16)
for ((seed = 1; seed <= ${EXAMPLE_SEEDS:-1}; seed++)); do
    for count in "${cores[@]}"; do
        for example in matrix kv bulk; do
            with_cores "$count" "$example"
            vmm run --engine "$engine" --seed "$seed" "$TMP/$example.yaml"
            [ "$status" -eq 0 ] || fail "$example, $count cores, seed $seed"
            grep '^PASS' "$TMP/out"
        done
    done
    [ "$engine" = unicorn ] || continue # where ring 0 is slow, nobody meets a deadline of a millisecond
    vmm run --engine unicorn --seed "$seed" scenarios/realtime/deadlines.yaml
    [ "$status" -eq 0 ] || fail "deadlines, seed $seed"
    grep '^PASS' "$TMP/out"
done
exit 0
