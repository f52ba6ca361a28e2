#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Ten MiB of memory: too little for a machine.  The message says how much is asked for, and the
# least that the message names is accepted.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

MEMORY='10 MiB'
scenario small 2 '10 s' 'console: never' </dev/null
line=$(grep -n 'memory: 10 MiB' "$TMP/small.yaml" | cut -d : -f 1)
vmm check "$TMP/small.yaml"
exits_with 2
says "small\.yaml:$line:[0-9]+: .*[0-9]+ MiB"
is_brief 5
vmm run "$TMP/small.yaml"
exits_with 2
