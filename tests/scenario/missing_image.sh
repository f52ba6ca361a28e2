#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A menu that names an image which is not there: the path, and where the menu says so.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

scenario missing 1 '10 s' 'console: never' <<<'module /sbin/no_such_program'
line=$(grep -n no_such_program "$TMP/missing.yaml" | cut -d : -f 1)
vmm run "$TMP/missing.yaml"
exits_with 2
says "missing\.yaml:$line(:[0-9]+)?: .*no_such_program"
is_brief 5
