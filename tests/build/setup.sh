#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools/setup, with dpkg-query, apt-get, apt-cache and id replaced by small ones of this test: nothing
# missing, a user without root, root, root without a network, and VMM_NO_SETUP.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/../scenario/lib/common.bash"
bin=$TMP/bin
mkdir "$bin"
# `missing` holds the packages that are not there; apt-get install takes them off, unless `offline`.
cat >"$bin/dpkg-query" <<'FAKE'
#!/bin/bash
grep -qx -- "${!#}" "$TMP/missing" && exit 1
echo installed
FAKE
cat >"$bin/apt-get" <<'FAKE'
#!/bin/bash
echo "$*" >>"$TMP/apt"
[ -e "$TMP/offline" ] && { echo "E: Could not resolve the name of the mirror"; exit 100; }
[[ " $* " == *' install '* ]] && : >"$TMP/missing"
exit 0
FAKE
printf '#!/bin/bash\nexit 0\n' >"$bin/apt-cache"
printf '#!/bin/bash\necho "$TEST_UID"\n' >"$bin/id"
chmod +x "$bin"/*
export TMP

# setup UID: runs tools/setup as if by this user
setup() {
    status=0
    rm -rf "$TMP/stamp" "$TMP/apt"
    TEST_UID=$1 PATH=$bin:$PATH tools/setup "$TMP/stamp/setup.mk" >"$TMP/out" 2>&1 || status=$?
}

: >"$TMP/missing"
setup 1000
exits_with 0
[ -e "$TMP/stamp/setup.mk" ] || fail "no stamp"
[ ! -e "$TMP/apt" ] || fail "apt-get was called with nothing missing"
[ ! -s "$TMP/out" ] || fail "it speaks with nothing missing"

printf 'newlib-source\nlibelf-dev\n' >"$TMP/missing"
setup 1000
exits_with 3
says '^ *sudo apt-get install .*libelf-dev newlib-source$'
is_brief 2
[ ! -e "$TMP/stamp/setup.mk" ] || fail "a stamp in spite of missing packages"
[ ! -e "$TMP/apt" ] || fail "apt-get was called without root"

VMM_NO_SETUP=1 setup 0
exits_with 3
[ ! -e "$TMP/apt" ] || fail "apt-get was called in spite of VMM_NO_SETUP"

setup 0
exits_with 0
grep -q 'install.*libelf-dev newlib-source' "$TMP/apt" || fail "apt-get was not asked"
[ -e "$TMP/stamp/setup.mk" ] || fail "no stamp"

# make -n and -q ask for nothing to be done.
mkdir "$TMP/tree"
cp -R Makefile mk tools "$TMP/tree"
for flags in -n -q -nj2; do
    echo newlib-source >"$TMP/missing"
    rm -f "$TMP/apt"
    status=0
    (unset B && cd "$TMP/tree" && TEST_UID=0 PATH=$bin:$PATH make $flags all) >"$TMP/out" 2>&1 || status=$?
    [ ! -e "$TMP/apt" ] || fail "make $flags installs packages"
    exits_with 2
    says 'newlib-source'
done

echo newlib-source >"$TMP/missing"
: >"$TMP/offline"
setup 0
exits_with 3
says 'could not install: newlib-source'
says 'resolve the name of the mirror'

echo python3-yaml >"$TMP/missing"
setup 1000
exits_with 0
says 'tests are skipped'
exit 0
