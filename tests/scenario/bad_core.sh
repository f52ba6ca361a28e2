#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A menu that starts a program on a core the machine does not have: refused before the run.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

scenario core 2 '10 s' 'console: never' <<<'module /sbin/hello core=5'
line=$(grep -n core=5 "$TMP/core.yaml" | cut -d : -f 1)
for command in check run; do
    vmm "$command" "$TMP/core.yaml"
    exits_with 2
    says "core\.yaml:$line:[0-9]+: .*core.*5"
    is_brief 5
done
