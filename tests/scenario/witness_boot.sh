#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The same images on a machine that others wrote: what `vmm export` writes boots on QEMU's microvm
# and q35, on one, two and four cores; a bundle that is cut off and a processor that is too old
# are told in one line.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"
# shellcheck source=tests/scenario/lib/witness.bash
. "$(dirname "$0")/lib/witness.bash"
need_qemu

on_qemu microvm '^[0-9.]+ 0 u myapp: hello message received!' scenarios/two-core-idc.yaml
on_qemu q35 '^[0-9.]+ 0 u myapp: hello message received!' scenarios/two-core-idc.yaml \
    --set machine.board=q35
# The loader finds out how `syscall` enters; vmm's own probe of KVM, which is another program, must agree.
by_translation=' t -: CPU driver on core 0: .* system calls enter natively'
grep -qaE "$by_translation" "$TMP/microvm.console" || fail "microvm: system calls do not enter natively by translation"
case $("$VMM" doctor --engine kvm) in
*"system calls arrive as faults"*)
    on_qemu by-kvm ' t -: CPU driver on core 0: .* system calls enter by page fault' scenarios/hello.yaml --accel kvm
    boots by-kvm '^[0-9.]+ 0 u hello: Hello World' ;;
*works*)
    on_qemu by-kvm "$by_translation" scenarios/hello.yaml --accel kvm
    boots by-kvm '^[0-9.]+ 0 u hello: Hello World' ;;
*) echo "no KVM here: its system calls were not tried" ;;
esac

on_qemu four ' u alltoall: all 3 others reached' scenarios/four-core-idc.yaml

# On q35 the firmware's tables say which core is of which node, and how far nodes are apart: the order
# in which cores start is theirs, not the bundle's.
on_qemu nodes '^[0-9.]+ 0 u ask: \[\[1\],\[4,5\],\[2,3\]\]' scenarios/knowledge.yaml \
    --set machine.board=q35
sed -i 's/dist,src=0,dst=2,val=20/dist,src=0,dst=2,val=40/; s/dist,src=2,dst=0,val=20/dist,src=2,dst=0,val=40/' \
    "$TMP/nodes/run"
boots nodes '^[0-9.]+ 0 u ask: \[\[1\],\[2,3\],\[4,5\]\]'

# pci finds what QEMU has, behind a bridge as well; acpi reads the tables that the loader hands on.
on_qemu devices ' u ask: \[functions,4,cores,2\]' scenarios/devices.yaml --set machine.board=q35
sed -i 's/ -serial stdio/ -device pcie-root-port,id=root1,chassis=1 -device virtio-rng-pci,bus=root1&/' "$TMP/devices/run"
boots devices ' u ask: \[functions,5,cores,2\]'
cp "$TMP/devices.console" "$TMP/out"
says ' u pci: 0:1.0 1b36:000c class 6\.4\.0'
says ' u pci: 1:0.0 1af4:1044 class 0\.255\.0'
says ' u acpi: [0-9]+ tables, [0-9]+ facts'

scenario alone 1 '60 s' 'exit: 3' <<'MENU'
module /sbin/hello core=0
MENU
echo "one core that ends the machine:"
vmm export "$TMP/alone.yaml" "$TMP/alone"
exits_with 0
status=0
timeout -k 5 300 "$TMP/alone/run" >"$TMP/out" 2>&1 </dev/null || status=$?
says '^[0-9.]+ 0 x -: [0-9]+'
code=$(sed -n 's/^[0-9.]* 0 x -: \([0-9]*\).*/\1/p' "$TMP/out")
exits_with $((2 * code + 1))

# bad QEMU-OPTION...: what is wrong is the last line but one, and QEMU ends with the panic's status
bad() {
    status=0
    timeout -k 5 300 "$TMP/microvm/run" "$@" >"$TMP/out" 2>&1 </dev/null || status=$?
}
head -c 100000 "$TMP/microvm/bundle" >"$TMP/cut"
bad -initrd "$TMP/cut"
exits_with 253
says '^0.000000 0 k -: loader: the bundle: it is cut off'
bad -cpu qemu64
exits_with 255
says '^loader: this processor lacks .*FSGSBASE'
bad -m 24M
exits_with 253
says 'loader: no [0-9]+ [KM]iB of memory '
bad -smp 1,sockets=1,cores=1,threads=1
exits_with 253
says '^0.000000 0 k -: loader: the machine has fewer cores than the scenario wants: 1, and not 2'
bad -machine microvm,pit=off
exits_with 253
says 'loader: there is no 8254 timer'

