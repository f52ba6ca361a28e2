#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A program that never ends: the run stops at the deadline, and the report shows where each core was.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/spin
scenario spin 1 '1 s' 'console: never said' <<<'module /sbin/spin'
for engine in $ENGINES; do
    # On kvm the time is the host's, which may be busy: what counts is a deadline after the program
    # began, and at which the core is not just in the CPU driver.
    for deadline in 1s 5s 20s 80s; do
        vmm run --engine "$engine" --deadline $deadline "$TMP/spin.yaml"
        exits_with 1
        grep -q 'spin!*.*spin_for_ever' "$TMP/out" && break
    done
    says 'spinning'
    says 'deadline'
    says 'spin!?.*spin_for_ever'
    says '^ *dispatcher: spin, enabled$'
    says '^FAIL spin'
done
