#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Domains on eight cores take turns with a lock of octopus, and some end while they hold it: the others go on, and
# nobody ever meets another inside.  RECORDS_SEEDS of them (make soak: 300).
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

case " $ENGINES " in
*' unicorn '*) ;;
*) skip "the deterministic engine cannot run here" ;;
esac
need_image sbin/octopus
need_image sbin/octtest

scenario mortal 8 '60 s' 'exit: 0
  - not: PANIC' <<'MENU'
module /sbin/octopus boot
module /sbin/octtest core=0-7 mortal
module /sbin/octtest core=0-7 mortal
MENU
deaths=0
for ((seed = 1; seed <= ${RECORDS_SEEDS:-2}; seed++)); do
    vmm run --engine unicorn --seed "$seed" "$TMP/mortal.yaml"
    exits_with 0
    [ "$(grep -c 'mortal: 0 failures' "$TMP/out")" -eq 16 ] || fail "seed $seed: not all 16 went well"
    deaths=$((deaths + $(grep -c 'ended with the lock' "$TMP/out")))
done
[ "$deaths" -gt 0 ] || fail "nobody ended while holding the lock"
