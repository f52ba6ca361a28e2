#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The machine can watch every store to the UMP window.  The guest must not notice, on KVM above all:
# there each watched store is emulated, and only those from general registers can be.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/idctest
cd "$(dirname "$0")/../.." || exit 1

# Whoever writes lines was compiled without vector registers, whether a test runs that code or not.
objects=$(dirname "$images")/user
[ -d "$objects/if" ] || fail "$objects/if is not there"
{
    find "$objects/if" -name '*.o'
    find "$objects/guest/user/lib/flounder" -name '*.o'
    echo "$objects/guest/user/lib/barrelfish/channels/ump_chan.o"
    find "$objects/guest/user/lib/barrelfish/ring" -name '*.o'
} >"$TMP/objects"
[ "$(wc -l <"$TMP/objects")" -gt 20 ] || fail "there are too few objects"
while read -r object; do
    objdump -d --no-show-raw-insn "$object" >"$TMP/out" || fail "objdump $object"
    says_not '%[xyz]mm[0-9]'
done <"$TMP/objects"

# On KVM each watched store is an exit and an emulation, so a long conversation takes minutes there:
# these few have every size of message, two and more cores.  TRAP_WINDOW_ALL=1 runs all the others,
# too (make soak does).
files=(scenarios/{two-core-idc,four-core-idc,library}.yaml)
[ -z "${TRAP_WINDOW_ALL:-}" ] || files=(scenarios/*.yaml) patience=3600

for file in "${files[@]}"; do
    for engine in $ENGINES; do
        # the deadline of a file is for a quiet host; a hang is the guard's affair
        vmm run -v --engine "$engine" --seed 3 --deadline 600min --guard 600min --trap-window "$file"
        exits_with 0
        # the monitors of two cores speak to each other, whatever the programs do
        ! grep -qE '^PASS .* [0-9]+ cores' "$TMP/out" || says '^ +window store +[1-9]'
    done
done
