#!/bin/bash
# SPDX-License-Identifier: MIT
#
# No entry into the CPU driver is long, whatever a program asks for: counted on the deterministic engine,
# from each call, interrupt or fault to the next: 5,000 instructions at most (docs/kernel.md).
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/hostile
case " $ENGINES " in
*' unicorn '*) ;;
*) skip "only the deterministic engine counts" ;;
esac
count=$(dirname "$VMM")/../bench/count
[ -x "$count" ] || skip "build/bench/count is not built (make all tests)"

scenario bounded 1 '100 s' 'console: survived loops cnode
  - console: survived loops scan
  - console: survived loops endpoints
  - console: survived loops nested
  - console: survived loops tables
  - console: survived loops frames
  - console: survived loops pages
  - console: survived loops heirs
  - console: survived loops dump
  - console: survived dispatchers sleepers' <<'MENU'
module /sbin/hostile core=0 loops cnode 22
module /sbin/hostile core=0 loops scan 22
module /sbin/hostile core=0 loops endpoints 2000
module /sbin/hostile core=0 loops nested 40
module /sbin/hostile core=0 loops tables 2
module /sbin/hostile core=0 loops frames 256
module /sbin/hostile core=0 loops pages 512
module /sbin/hostile core=0 loops heirs 512
module /sbin/hostile core=0 loops dump 1
module /sbin/hostile core=0 dispatchers sleepers 1000
MENU
"$count" "$TMP/bounded.yaml" >"$TMP/out" 2>&1 || fail "the run failed"
longest=$(sed -n 's/^count: longest entry: \([0-9]*\) instructions.*/\1/p' "$TMP/out")
[ "${longest:-0}" -gt 100 ] || fail "nothing was counted"
[ "$longest" -le 5000 ] || fail "an entry of $longest instructions"
