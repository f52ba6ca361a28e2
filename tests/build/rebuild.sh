#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A second make does nothing, nor does one after a fresh checkout beside a kept build folder; a changed header
# rebuilds what includes it and links again, and nothing else; a file that went away is missed.  Runs make on a copy of a part of the tree, so that the files of the
# developer keep their times.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/../scenario/lib/common.bash"

make -q all tests B="$B" >"$TMP/out" 2>&1 || fail "make -q says that something is left to do after make"

tree=$TMP/tree
mkdir "$tree"
cp -R Makefile mk tools devices findings vmm "$tree"
mkdir -p "$tree/build"
cp "$B/setup.mk" "$tree/build/"
cd "$tree" || exit 1
unset MAKELEVEL # as a user would call it

# built: makes bin/vmm, leaves the lines "CC file" in $TMP/out; newlib is not needed
built() {
    make build/bin/vmm >"$TMP/out" 2>&1 || fail "make build/bin/vmm"
}

built
compiled=$(grep -c '^  CC' "$TMP/out")
[ "$compiled" -eq "$(find vmm devices findings -name "*.c" ! -path "*/helper/*" | wc -l)" ] || fail "$compiled files compiled at first"
built
! grep -qE '^  (CC|LINK)' "$TMP/out" || fail "a second make works again"

# written again with the same contents: what a checkout does
find . -path ./build -prune -o -type f -exec touch -d '+2 seconds' {} +
built
! grep -qE '^  (CC|LINK)' "$TMP/out" || fail "a fresh checkout is built again"

cp devices/abi/ports.h "$TMP/ports.h"
echo '/* changed */' >>devices/abi/ports.h
touch -d '+2 seconds' devices/abi/ports.h
built
compiled=$(grep -c '^  CC' "$TMP/out")
users=$(find build/host -name '*.d' -exec grep -l 'devices/abi/ports.h' {} + | wc -l)
[ "$compiled" -eq "$users" ] || fail "$compiled files compiled, $users include the header"
grep -q '^  LINK' "$TMP/out" || fail "not linked again"
cp -p devices/abi/ports.h "$TMP/changed.h"
cp "$TMP/ports.h" devices/abi/ports.h
touch -d '+4 seconds' devices/abi/ports.h
! make -q build/bin/vmm || fail "the old contents are not to be compiled again"
cp -p "$TMP/changed.h" devices/abi/ports.h

rm vmm/cli/cmd_topo.c
! make build/bin/vmm >"$TMP/out" 2>&1 || fail "a missing command went unnoticed"
says 'cmd_topo'
exit 0
