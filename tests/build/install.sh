#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make install: the installed program finds its images, wherever the tree is moved.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/../scenario/lib/common.bash"
need_engine
source=$PWD
set -- $ENGINES

make install B="$B" PREFIX=/usr DESTDIR="$TMP/root" >"$TMP/out" 2>&1 || fail "make install"
mv "$TMP/root/usr" "$TMP/moved"
cd "$TMP/moved" || exit 1
VMM=$TMP/moved/bin/vmm
unset VMM_IMAGES VMM_UNICORN
for engine; do
    vmm run --engine "$engine" share/vmm/scenarios/hello.yaml
    exits_with 0
    says '^PASS hello'
done
for program in bin/vmm lib/vmm/guest/boot/cpu lib/vmm/guest/sbin/monitor share/vmm/scenarios/menus/default.lst; do
    [ -e "$program" ] || fail "$program is not installed"
done
# A first program with nothing but what is installed: PATH leads there, the tree is out of sight.
mkdir "$TMP/elsewhere"
cd "$TMP/elsewhere" || exit 1
export PATH="$TMP/moved/bin:$PATH"
vmm new app greet
exits_with 0
command make -C greet check >"$TMP/out" 2>&1 || fail "a first program with the installed SDK"
says '2 passed'
! grep -rlE "$source/(guest|devices|build/guest)/" greet --include='*.d' >"$TMP/out" || fail "headers of the source tree were used"
vmm-cc -o tiny -x c - <<<'#include <stdio.h>
int main(void) { puts("tiny"); return 0; }' >"$TMP/out" 2>&1 || fail "vmm-cc"
exit 0
