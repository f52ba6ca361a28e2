#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A short run of `make check-nested`: self-tests, two-core-idc and faulting on hardware KVM that QEMU
# emulates, compared with this host's KVM.  Skipped where QEMU or a kernel cannot be had.
set -u
unset CDPATH
cd "$(dirname "$0")/../.." || exit 2
[ -x "${VMM:-}" ] || { echo "vmm is not built"; exit 77; }

if ! make -s B="$B" nested-programs; then
    echo "FAIL: its programs do not build"
    exit 1
fi
exec tools/nested/run --short
