#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A key that does not exist: one error with file, line and column, and the key that was meant.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

scenario typo 1 '10 s' 'console: never' </dev/null
sed -i 's/^machine:/machne:/' "$TMP/typo.yaml"
for command in check run; do
    vmm "$command" "$TMP/typo.yaml"
    exits_with 2
    says 'typo\.yaml:3:1: .*machne.*machine'
    is_brief 5
done
