#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Random system calls on four cores (hostile calls), by pairs that share frames across cores, beside
# programs that copy, divide and revoke memory of their own: these get to the end, and what the
# databases of all cores say fits together.  ACCOMPLICES_SEEDS=N: so many runs of 8 programs (make soak: 500,
# some ten million calls).
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/hostile
need_image sbin/capstress
[[ " $ENGINES " == *" unicorn "* ]] || skip "the deterministic engine cannot run here"

# attack SEED CALLS
attack() {
    for core in 0 1 2 3; do
        echo "    - module /sbin/hostile core=$core calls $(($1 * 8 + core)) $2 give evil.$core"
        next=$(((core + 1) % 4)) seed=$(($1 * 8 + 4 + core))
        echo "    - module /sbin/hostile core=$next calls $seed $2 take evil.$core"
    done >"$TMP/attackers"
    sed -e "s|menus/base.lst|$PWD/scenarios/menus/base.lst|" -e "s|rounds=40|rounds=60|" \
        -e "/driver cores=4/r $TMP/attackers" -e "s|memory: .*|memory: 512 MiB|" \
        -e "/not: PANIC/d" scenarios/capstress.yaml >"$TMP/attack.yaml"
    vmm run --engine unicorn --seed "$1" "$TMP/attack.yaml"
    exits_with 0
}

for ((run = 1; run <= ${ACCOMPLICES_SEEDS:-1}; run++)); do
    attack "$run" 2500
done
