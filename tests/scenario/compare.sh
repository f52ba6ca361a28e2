#!/bin/bash
# SPDX-License-Identifier: MIT
#
# vmm compare: engines that agree, one that is skipped and counted, fewer than two, and names that are
# none.  What it finds is tested in tests/unit/test_transcript.c; here, that a verdict is found: a guest
# that would be ended by its deadline on one engine only.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

vmm compare --engines kvm,kwm scenarios/hello.yaml
exits_with 2
says "no engine 'kwm'"
vmm compare --engines unicorn scenarios/hello.yaml
exits_with 3
says '^SKIP hello: one engine alone'
vmm compare /nowhere.yaml
exits_with 2
[[ $ENGINES == *unicorn* ]] || skip "no engine in virtual time: the rest needs two engines"

others=0
for engine in kvm qemu; do
    "$VMM" doctor --engine $engine --connect direct >/dev/null 2>&1 && others=$((others + 1))
done
[ $others -gt 0 ] || skip "only one engine can run here"
vmm compare --connect direct scenarios/hello.yaml
exits_with 0
says "^AGREE hello: $((others + 1)) engines, $((2 - others)) skipped, 1 lines compared"
[ $others -eq 2 ] || exit 0
vmm compare --engines unicorn,qemu --connect direct scenarios/two-core-idc.yaml
exits_with 0
says '^AGREE two-core-idc: 2 engines, 0 skipped, [23] lines'
# 1 ms of virtual time is enough for the guest, 1 ms of real time is not even for QEMU
vmm compare --engines unicorn,qemu --connect direct --deadline 3ms scenarios/hello.yaml
exits_with 1
says '^DIFFER hello: '
says 'qemu +fail .*differs: its verdict'
