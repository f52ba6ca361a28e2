#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Folders of applications that are not as usual: a symbolic link is built, the image of a folder that
# is gone goes, and two folders of one name are refused in words.  In a copy of the tree, with what is
# built already.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/../scenario/lib/common.bash"

tree=$TMP/tree
mkdir -p "$tree/build"
cp -a Makefile mk tools devices findings vmm guest idl sdk "$tree"
for part in bin flags guest host if kernel loader newlib proto setup.mk unicorn.stamp user; do
    [ ! -e "$B/$part" ] || cp -a "$B/$part" "$tree/build/"
done
mkdir -p "$TMP/elsewhere/part"
cat >"$TMP/elsewhere/main.c" <<'C'
#include <stdio.h>
int part(void);
int main(void)
{
    printf("linked %d\n", part());
    return 0;
}
C
echo 'int part(void); int part(void) { return 7; }' >"$TMP/elsewhere/part/part.c"
cd "$tree" || exit 1
apps=guest/user/apps

ln -s "$TMP/elsewhere" $apps/linked
make guest >"$TMP/out" 2>&1 || fail "an application that is a symbolic link is not built"
[ -e build/guest/sbin/linked ] || fail "there is no image of a link"
make -q guest || fail "a second make has something to do"

rm $apps/linked
make guest >"$TMP/out" 2>&1 || fail "make guest, with an application less"
[ -z "$(ls build/guest/{sbin,debug}/linked 2>/dev/null)" ] || fail "its image outlives the application"
[ -e build/guest/sbin/myapp ] || fail "another image has gone as well"

mkdir $apps/spawnd
cp "$TMP/elsewhere/part/part.c" $apps/spawnd/
! make guest >"$TMP/out" 2>&1 || fail "two folders of one name are accepted"
says 'guest/user/apps/spawnd and guest/user/spawnd would both be /sbin/spawnd: rename one'
exit 0
