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
    echo "$objects/guest/user/lib/barrelfish/ump_chan.o"
    echo "$objects/guest/user/lib/barrelfish/ump_ring.o"
} >"$TMP/objects"
[ "$(wc -l <"$TMP/objects")" -gt 20 ] || fail "there are too few objects"
while read -r object; do
    objdump -d --no-show-raw-insn "$object" >"$TMP/out" || fail "objdump $object"
    says_not '%[xyz]mm[0-9]'
done <"$TMP/objects"

# These take minutes where KVM is made of software; TRAP_WINDOW_ALL=1 runs them, too.
slow_on_kvm=" churn churn-memory frames-return multihop multihop-ring peer-death window-reuse "
[ -z "${TRAP_WINDOW_ALL:-}" ] || slow_on_kvm=

for file in scenarios/*.yaml; do
    name=$(basename "$file" .yaml)
    for engine in $ENGINES; do
        [[ $engine == kvm && $slow_on_kvm == *" $name "* ]] && continue
        # the deadline of a file is for a quiet host; a hang is the guard's affair
        vmm run -v --engine "$engine" --seed 3 --deadline 20min --trap-window "$file"
        exits_with 0
        # the monitors of two cores speak to each other, whatever the programs do
        ! grep -qE '^PASS .* [0-9]+ cores' "$TMP/out" || says '^ +window store +[1-9]'
    done
done
