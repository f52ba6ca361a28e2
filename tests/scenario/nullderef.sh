#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A program that writes through a null pointer: the report names the domain and the place, and the
# machine goes on, so that another program of the same core still ends well.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/nullderef
scenario nullderef 1 '100 s' 'console: wrote to address 0' <<'MENU'
module /sbin/nullderef
module /sbin/hello
MENU
for engine in $ENGINES; do
    vmm run --engine "$engine" "$TMP/nullderef.yaml"
    exits_with 1
    says 'about to write to address 0'
    says_not '\] *wrote to address 0'
    says 'nullderef.*(page ?fault|fault)'
    says '^FAIL nullderef'
done
