# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# For tests that build as a stranger would who adds interfaces and programs: a copy of the tree with
# what is built already, so that make only has to build what is added.  Sourced after common.bash.

# stranger_tree: makes $tree; the caller adds files to it
stranger_tree() {
    local built
    built=$(cd "$(dirname "$VMM")/.." && pwd)
    tree=$TMP/tree
    mkdir -p "$tree/build"
    cp -a Makefile mk tools devices findings guest idl sdk vmm .clang-format "$tree" || fail "copying the tree"
    for part in setup.mk flags bin host kernel newlib user guest unicorn unicorn.stamp; do
        [ ! -e "$built/$part" ] || cp -a "$built/$part" "$tree/build/" || fail "copying $part"
    done
}

# stranger_make: what the stranger types
stranger_make() {
    (unset B && cd "$tree" && timeout -k 5 1500 make -j2 guest) >"$TMP/out" 2>&1 || fail "make in the copy"
}
