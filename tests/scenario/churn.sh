#!/bin/bash
# SPDX-License-Identifier: MIT
#
# 500 domains come and go (CHURN=N: N on each of two cores), each taking memory from the memory server, in
# a machine that could not hold a twentieth of them at once: at the end the memory servers have what they
# had after the first few, and the cores no more capabilities: slots, page tables, dispatchers, endpoints.
# On the deterministic engine only: elsewhere it is a matter of minutes.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

case " $ENGINES " in
*' unicorn '*) ;;
*) skip "the deterministic engine cannot run here" ;;
esac
need_image sbin/churn
MEMORY='96 MiB'
count=${CHURN:-250}
patience=$((600 + 2 * count))
{
    echo "module /sbin/churn core=0-1 $count /sbin/churn eat 3072"
} | scenario many 2 '600 s' 'console: no capability has gone with them'
sed -i 's/^\( *\)- console: no capability.*/&\n\1  core: each\n\1- exit: 0\n\1- not: PANIC/' "$TMP/many.yaml"
vmm run --engine unicorn -v "$TMP/many.yaml"
exits_with 0
[ "$(grep -c 'churn->mem_serv' "$TMP/out")" -ge $((2 * count)) ] || fail "not every domain asked the memory server"
