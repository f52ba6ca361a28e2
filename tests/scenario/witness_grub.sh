#!/bin/bash
# SPDX-License-Identifier: MIT
#
# GRUB boots the menu of a scenario: `vmm export --format grub` writes its tree, grub-mkrescue makes a
# disk of it, and a q35 without anything of ours starts from that disk.  A menu that GRUB would change,
# or whose paths lead out of the tree, is refused.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"
# shellcheck source=tests/scenario/lib/witness.bash
. "$(dirname "$0")/lib/witness.bash"

scenario quoted 1 '60 s' 'exit: 0' <<'MENU'
module /sbin/ask core=0 write('never')
MENU
vmm export --format grub "$TMP/quoted.yaml" "$TMP/quoted"
exits_with 2
says "^vmm: quoted: /sbin/ask core=0 write\\('never'\\): GRUB changes quotes and backslashes"
vmm export --format lilo scenarios/two-core-idc.yaml "$TMP/lilo"
exits_with 2
says 'expected qemu, libvirt or grub$'

need_qemu
need_grub
on_qemu grub ' u alltoall: all 3 others reached' --format grub scenarios/four-core-idc.yaml
grep -q "module2 '/sbin/alltoall' '/sbin/alltoall' 'core=0-3' '4'" "$TMP/grub/disk/boot/grub/grub.cfg" ||
    fail "the menu's line is not in GRUB's"

# GRUB's menu is the boot menu: a line that is taken out is missed.
sed -i "/init'/d" "$TMP/grub/disk/boot/grub/grub.cfg"
status=0
timeout -k 5 300 "$TMP/grub/run" >"$TMP/out" 2>&1 </dev/null || status=$?
exits_with 253
says '0.000000 0 k -: loader: one module must be /sbin/init'
