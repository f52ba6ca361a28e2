#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Rules for messages on QEMU: the pump carries lines between the two ends of each channel.  Some rules here, on
# both boards; all of them in `make check-witness`.  What cannot work is refused before anything starts.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"
# shellcheck source=tests/scenario/lib/witness.bash
. "$(dirname "$0")/lib/witness.bash"
need_qemu
own_qemu

run() {
    vmm run --engine qemu --connect direct "$@"
}

for scenario in lose-the-third partition-heals; do
    for board in microvm q35; do
        run --set "machine.board=$board" "scenarios/faults/$scenario.yaml"
        exits_with 0
        says '\*\* .*(drop|partition)'
        says "^PASS $scenario "
    done
done
run -q scenarios/faults/bells.yaml # lines that are counted by a head
exits_with 0

# A line that is shown late wakes its reader: by a bell on q35, which is the only way there, by the CPU driver's
# own look on microvm, and on a q35 whose QEMU has no bells.
run -v --set machine.board=q35 scenarios/faults/lose-the-third.yaml
exits_with 0
says 'cpu: lines are carried: cores are interrupted by bells'
run -v scenarios/faults/lose-the-third.yaml
exits_with 0
says 'cpu: lines are carried: cores look at their core pages every millisecond'
cat >"$TMP/without-bells" <<'END'
#!/bin/bash
for word; do
    case $word in
    ivshmem-doorbell*)
        echo "qemu: -device $word: 'ivshmem-doorbell' is not a valid device model name" >&2
        exit 1 ;;
    esac
done
exec $QEMU "$@"
END
chmod +x "$TMP/without-bells"
VMM_QEMU="$TMP/without-bells" run -v --set machine.board=q35 scenarios/faults/lose-the-third.yaml
exits_with 0
says 'cpu: lines are carried: cores look at their core pages'
says 'this QEMU has no device to interrupt cores with'
run --set machine.board=q35 scenarios/faults/interrupt-storm.yaml
exits_with 0

# Values and invariants: read out of the same memory.  A property that fails ends the run at once.
run -q scenarios/properties.yaml
exits_with 0
sed -e 's/count == 60/count == 61/' -e "s|menus/base.lst|$PWD/scenarios/menus/base.lst|" -e 's/: 60 s/: 20 s/' \
    scenarios/properties.yaml >"$TMP/properties.yaml"
run "$TMP/properties.yaml"
exits_with 1
says 'does not hold: .*properties.count == 61 in the end \(it is 60\)'
sed -i 's/core=0 20/core=0 5 broken/' "$TMP/properties.yaml"
run "$TMP/properties.yaml"
exits_with 1
says '^FAIL properties .* properties.in-order does not hold in properties on core 0$'

# typed: with nobody who types, at its end from the start
run -q scenarios/input.yaml
exits_with 0

# refused FILE WHY
refused() {
    run "scenarios/faults/$1.yaml"
    exits_with 3
    says "$2"
    is_brief 2
}
refused clock-jump "rule fault-1: jump: a PC's clock is its processor's"
refused lost-notification "a PC's cores interrupt each other without us"
refused interrupt-storm "spurious: we interrupt cores on machine.board: q35 only"
run scenarios/sharing.yaml
exits_with 3
says 'invariant capabilities: a PC.s cores keep their databases'
is_brief 2
refused slow-core 'stall: QEMU does not stop a core alone'
vmm run --engine qemu --connect test:///default scenarios/faults/lose-the-third.yaml
exits_with 3
is_brief 2
run --set machine.memory="3 GiB" scenarios/faults/lose-the-third.yaml
exits_with 3
says 'faults, values and invariants need a PC of at most 2048 MiB'
is_brief 2
