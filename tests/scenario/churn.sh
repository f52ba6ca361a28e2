#!/bin/bash
# SPDX-License-Identifier: MIT
#
# 500 domains come and go (CHURN=N: N on each of two cores), each taking memory from the memory server, in
# a machine that could not hold a twentieth of them at once: at the end the memory servers have what they
# had after the first few, and the cores no more capabilities: slots, page tables, dispatchers, endpoints.
# CHURN_ACROSS=N: then N domains that have memory of two cores, 7 MiB each, come and go in a machine of 64 MiB
# (make soak: 94, ten times what it has; scenarios/churn-across.yaml: 12).
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

[ "${CHURN_ACROSS:-0}" -gt 0 ] || exit 0
sed "s|core=0 12 |core=0 $CHURN_ACROSS |; s|menus/base.lst|$PWD/scenarios/menus/base.lst|" \
    scenarios/churn-across.yaml >"$TMP/across.yaml"
sed -i "s|^deadline: .*|deadline: $((60 + 2 * CHURN_ACROSS)) s|" "$TMP/across.yaml"
vmm run --engine unicorn "$TMP/across.yaml"
exits_with 0
