#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The order of the protocols of TLB shootdown on 32 cores of eight sockets, in virtual time (docs/performance.md): what
# has to tell fewer costs less, and the farthest first is best.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"
need_engine
need_image sbin/shootdown
case " $ENGINES " in
*' unicorn '*) ;;
*) skip "only the deterministic engine has a clock of its own" ;;
esac

sed -e "s/measure 2 4 8 16 32/measure 4 32/" -e "s|\.\./menus|$PWD/scenarios/menus|" \
    scenarios/bench/shootdown.yaml >"$TMP/shootdown.yaml"
vmm run --engine unicorn --seed 1 "$TMP/shootdown.yaml"
exits_with 0

# cycles PROTOCOL CORES
cycles() {
    local median
    median=$(sed -n "s/^.*bench shootdown\.$1\.$2 \([0-9]*\) [0-9]* [0-9]*\$/\1/p" "$TMP/out")
    [ -n "$median" ] || fail "there is no figure of $1 on $2 cores" >&2
    echo "$median"
}

# dearer PERCENT PROTOCOL OTHER CORES: so much at least
dearer() {
    local a b
    a=$(cycles "$2" "$4") || exit 1
    b=$(cycles "$3" "$4") || exit 1
    [ $((a * 100)) -ge $((b * (100 + $1))) ] || fail "$2 takes $a cycles on $4 cores, $3 $b"
}

dearer 100 broadcast unicast 4 # it tells all 31 others
dearer -3 broadcast unicast 32 # which are the same there
dearer 15 unicast multicast 32
dearer 1 multicast numa 32
