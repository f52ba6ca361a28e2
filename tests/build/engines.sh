#!/bin/bash
# SPDX-License-Identifier: MIT
#
# vmm without one of its engines: it links, says what was left out, and runs on the other.  The objects are
# those of the build; make is only asked which of them it would link.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/../scenario/lib/common.bash"
: "${B:?run me through tests/run}"

# without SWITCH: links $TMP/without/bin/vmm as `make SWITCH=0` would
without() {
    local line
    rm -rf "$TMP/without" "$TMP/b"
    mkdir -p "$TMP/without/bin"
    line=$(VMM_NO_SETUP=1 make -n "$1=0" "B=$TMP/b" "$TMP/b/bin/vmm" 2>/dev/null | grep -- "-o $TMP/b/bin/vmm ") ||
        fail "make would not link vmm"
    line=${line//"-o $TMP/b/bin/vmm"/"-o $TMP/without/bin/vmm"}
    line=${line//"$TMP/b/host/"/"$B/host/"}
    bash -c "$line" >"$TMP/out" 2>&1 || fail "it does not link without $1"
    ln -s "$(realpath "$images")" "$TMP/without/guest"
    [ ! -e "$B/unicorn" ] || ln -s "$(realpath "$B/unicorn")" "$TMP/without/unicorn"
    VMM=$TMP/without/bin/vmm
}

full=$VMM
need_image sbin/hello
for switch in QEMU KVM UNICORN; do
    VMM=$full
    without "$switch"
    name=${switch,,}
    vmm doctor
    says "^$name +was left out of this build"
    vmm doctor --engine "$name"
    exits_with 3
    vmm run --engine "$name" scenarios/hello.yaml
    exits_with 3
    says "built without engine $name"
    is_brief 2
    nm "$VMM" | grep -q "engine_$name\$" && ! nm "$VMM" | grep -q " w engine_$name\$" && fail "$name is in it"
    for engine in $ENGINES; do
        [ "$engine" != "$name" ] || continue
        vmm run -q --engine "$engine" scenarios/hello.yaml
        exits_with 0
        vmm run -q scenarios/hello.yaml
        exits_with 0
    done
done
[ -n "$ENGINES" ] || exit 0
VMM=$TMP/without/bin/vmm # without unicorn
vmm run --record "$TMP/r" scenarios/hello.yaml
# shellcheck disable=SC2154
[ "$status" -ge 2 ] || fail "recording without an engine that can"
