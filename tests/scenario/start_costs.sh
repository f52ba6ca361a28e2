#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What it costs to find a name, to start a program and to start a core, in virtual time: a figure for each, and
# none far above what docs/performance.md says.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"
need_engine
need_image sbin/startbench
case " $ENGINES " in
*' unicorn '*) ;;
*) skip "only the deterministic engine has a clock of its own" ;;
esac

vmm run --engine unicorn --seed 1 scenarios/bench/start.yaml
exits_with 0
while read -r limit name; do
    median=$(sed -n "s/^.*bench $name \([0-9]*\) [0-9]* [0-9]*\$/\1/p" "$TMP/out")
    [ -n "$median" ] || fail "there is no figure $name"
    [ "$median" -gt 0 ] && [ "$median" -le "$limit" ] || fail "$name takes $median cycles, more than $limit"
done <<'END'
8000 start.lookup
275000 start.spawn.0
430000 start.life.0
330000 start.spawn.1
530000 start.life.1
490000 start.core.stop
1130000 start.core.boot
END
