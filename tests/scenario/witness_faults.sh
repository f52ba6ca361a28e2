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
words=()
while [ $# -gt 0 ]; do
    case ${2:-} in
    socket,id=bell,* | ivshmem-doorbell,*) shift 2 ;;
    *) words+=("$1"); shift ;;
    esac
done
exec $QEMU "${words[@]}"
END
chmod +x "$TMP/without-bells"
VMM_QEMU="$TMP/without-bells" run -v --set machine.board=q35 scenarios/faults/lose-the-third.yaml
exits_with 0
says 'cpu: lines are carried: cores look at their core pages'
run --set machine.board=q35 scenarios/faults/interrupt-storm.yaml
exits_with 0

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
refused slow-core 'stall: QEMU does not stop a core alone'
vmm run --engine qemu --connect test:///default scenarios/faults/lose-the-third.yaml
exits_with 3
is_brief 2
run --set machine.memory="3 GiB" scenarios/faults/lose-the-third.yaml
exits_with 3
says 'faults need a PC of at most 2048 MiB'
is_brief 2
