#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The stress program (guest/user/apps/mixer) with time slices from 1 us to 10 ms: scenarios/mixer.yaml with a
# peer that exits, is stopped, or faults, where the peers that live must get to the end; and, on the deterministic
# engine for every second length, scenarios/hurried.yaml, where bindings are closed while messages are on their
# way.  One seed for each here; MIXER_SEEDS=N gives N in all (make soak: 2000).
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/mixer

slices=(1us 3us 7us 20us 50us 200us 1ms 10ms)
deaths=(exit stop fault)

# with_slice SLICE SCENARIO: writes $TMP/SCENARIO.yaml
with_slice() {
    sed "s|^kernel .*|kernel /boot/cpu slice=$1|" scenarios/menus/base.lst >"$TMP/menu.lst"
    sed -e "s|menus/base.lst|$TMP/menu.lst|" "scenarios/$2.yaml" >"$TMP/$2.yaml"
}

# mixed ENGINE SLICE DEATH SEED
mixed() {
    with_slice "$2" mixer
    sed -i "s|dies=exit|dies=$3|" "$TMP/mixer.yaml"
    vmm run --engine "$1" --seed "$4" "$TMP/mixer.yaml"
    if [ "$status" -ne 0 ]; then
        fail "mixer: $1, slice $2, peer 0 dies by $3, seed $4"
    fi
}

# hurried SLICE SEED: more bindings than anybody's account holds
hurried() {
    with_slice "$1" hurried
    sed -i -e "s|rounds=30|rounds=200|" -e "s|mixer: 30|mixer: 200|" "$TMP/hurried.yaml"
    vmm run --engine unicorn --seed "$2" "$TMP/hurried.yaml"
    if [ "$status" -ne 0 ]; then
        fail "hurried: slice $1, seed $2"
    fi
}

for engine in $ENGINES; do
    for ((i = 0; i < ${MIXER_SEEDS:-${#slices[@]}}; i++)); do
        slice=${slices[i % ${#slices[@]}]}
        [ "$engine" = kvm ] && slice=2ms # an entry to the dispatcher may take 100 us there
        mixed "$engine" "$slice" "${deaths[i % ${#deaths[@]}]}" $((i + 1))
        if [ "$engine" = unicorn ] && ((i % 2 == 1)); then hurried "$slice" $((i + 1)); fi
        if [ "$engine" = kvm ] && [ -z "${MIXER_SEEDS:-}" ] && [ "$i" -ge 2 ]; then break; fi
    done
done
