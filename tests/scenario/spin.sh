#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A program that never ends: the run stops at the deadline, and the report shows where each core was.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/spin
scenario spin 1 '5 s' 'console: never said' <<<'module /sbin/spin'
for engine in $ENGINES; do
    vmm run --engine "$engine" "$TMP/spin.yaml"
    exits_with 1
    says 'spinning'
    says 'deadline'
    says 'spin!?.*spin_for_ever'
    says '^ *dispatcher: spin, enabled$'
    says '^FAIL spin'
done
