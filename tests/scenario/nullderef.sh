#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A program that writes through a null pointer: the report names the domain and the place, and the
# machine goes on, so that another program of the same core still ends well, or ends at once if the
# scenario wants that.
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
    says '^FAIL nullderef .*nullderef\.0 died: page fault, write of address 0x0'
    says '^  nullderef\.0 died: page fault, write of address 0x0 \(NULL pointer\)$'
    says '^      at nullderef!main\+0x[0-9a-f]+ \(main\.c:18\)$'
    says '^      called from nullderef!main_thread\+'
    says '^      rip [0-9a-f]{16} flags [0-9a-f]+ thread 1$'
    says 'Hello World'
    says_not 'last of [0-9]+ trace records'
    [ "$(tail -n 1 "$TMP/out" | cut -c 1-5)" = 'FAIL ' ] || fail "the verdict is not the last line"
    [ "$(sed -n '/^  core 0, last/,$p' "$TMP/out" | wc -l)" -le 50 ] || fail "more than a screen"

    vmm run --engine "$engine" --set machine.on_domain_crash=fail "$TMP/nullderef.yaml"
    exits_with 1
    says '^FAIL nullderef .*nullderef\.0 died: page fault, write of address 0x0 \(NULL pointer\)$'
    says '^      at nullderef!main\+0x[0-9a-f]+ \(main\.c:18\)$'
    says_not 'the machine exited|Hello World'

    # -q: the reason and the place; --full: what the core did last
    vmm run -q --engine "$engine" "$TMP/nullderef.yaml"
    exits_with 1
    says '^      at nullderef!main\+0x[0-9a-f]+ \(main\.c:18\)$'
    is_brief 12
    vmm run --full --engine "$engine" "$TMP/nullderef.yaml"
    exits_with 1
    says '^ *last of [0-9]+ trace records'
done
