#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Preemption: with slices so short that every program is interrupted hundreds of times, in its disabled
# moments too, everything works as with long ones.  `slice=` of the kernel line; one that cannot be
# read is refused.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/libtest
need_image sbin/alltoall

# menu SLICE: writes a menu with this slice
menu() {
    sed "s|^kernel .*|kernel /boot/cpu slice=$1|" scenarios/menus/base.lst >"$TMP/menu.lst"
}

for bad in 0us 50 1.5ms 2s 5min x; do
    menu $bad
    vmm check --set "boot.menu=$TMP/menu.lst" scenarios/hello.yaml
    exits_with 2
    says "menu.lst:3:18: error: 'slice=$bad': "
done

# stressed ENGINE SLICE INTERRUPTS SCENARIO...: passes, with at least so many interrupts
stressed() {
    local engine=$1 slice=$2 least=$3 scenario
    shift 3
    menu "$slice"
    for scenario; do
        vmm run -v --engine "$engine" --seed 3 --deadline 100s --set "boot.menu=$TMP/menu.lst" \
            "scenarios/$scenario.yaml"
        exits_with 0
        interrupts=$(grep -oE 'interrupts [0-9]+' "$TMP/out" | grep -oE '[0-9]+')
        echo "$scenario, $engine, slice $slice: $interrupts interrupts"
        [ "$interrupts" -ge "$least" ] || fail "$scenario: only $interrupts interrupts"
    done
}

for engine in $ENGINES; do
    case $engine in
    unicorn)
        stressed unicorn 2us 2000 four-core-idc library
        stressed unicorn 7us 500 four-core-idc library
        ;;
    kvm) # an entry to the dispatcher may take 100 us; how often it is interrupted is the host's affair
        stressed kvm 2ms 1 four-core-idc library
        ;;
    esac
done
