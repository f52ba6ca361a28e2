#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The stress program (guest/user/apps/mixer): scenarios/mixer.yaml with time slices from 1 us to 10 ms and with
# a peer that exits, is stopped, or faults.  The peers that live must get to the end.  One seed for each
# here; MIXER_SEEDS=N gives N in all (make soak: 2000).
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/mixer

slices=(1us 3us 7us 20us 50us 200us 1ms 10ms)
deaths=(exit stop fault)

# mixed ENGINE SLICE DEATH SEED
mixed() {
    sed "s|^kernel .*|kernel /boot/cpu slice=$2|" scenarios/menus/base.lst >"$TMP/menu.lst"
    sed -e "s|menus/base.lst|$TMP/menu.lst|" -e "s|dies=exit|dies=$3|" scenarios/mixer.yaml >"$TMP/mixer.yaml"
    vmm run --engine "$1" --seed "$4" "$TMP/mixer.yaml"
    if [ "$status" -ne 0 ]; then
        fail "mixer: $1, slice $2, peer 0 dies by $3, seed $4"
    fi
}

for engine in $ENGINES; do
    for ((i = 0; i < ${MIXER_SEEDS:-${#slices[@]}}; i++)); do
        slice=${slices[i % ${#slices[@]}]}
        [ "$engine" = kvm ] && slice=2ms # an entry to the dispatcher may take 100 us there
        mixed "$engine" "$slice" "${deaths[i % ${#deaths[@]}]}" $((i + 1))
        if [ "$engine" = kvm ] && [ -z "${MIXER_SEEDS:-}" ] && [ "$i" -ge 2 ]; then break; fi
    done
done
