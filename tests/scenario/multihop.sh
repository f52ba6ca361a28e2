#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Bindings through the monitors: over every kind of route, in orders that seeds make, and beside
# programs that speak to their monitor as no multi-hop channel would (hostile circuit).
# MULTIHOP_SEEDS: how many seeds of the deterministic engine to try.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/idctest

# machine NAME CORES ROUTE EXPECTATIONS < menu lines
machine() {
    {
        printf 'scenario: %s\nmachine:\n  cores: %s\n  memory: 512 MiB\nboot:\n' "$1" "$2"
        printf '  - kernel /boot/cpu\n  - module /sbin/init\n  - module /sbin/mem_serv\n'
        printf '  - module /sbin/monitor %s\n' "$3"
        printf '  - module /sbin/chips boot\n  - module /sbin/spawnd boot\n'
        printf '  - module /sbin/boot_manager boot\n'
        sed 's/^/  - /'
        printf 'deadline: 200 s\nexpect:\n  - %s\n' "$4"
        printf '  - not: PANIC\n  - not: not true\n'
    } >"$TMP/$1.yaml"
}

clients='module /sbin/idctest core=0 server
module /sbin/idctest core=1-CORES client multihop
module /sbin/idctest core=CORES quitter multihop'

# Rings and lines run on every engine as scenarios/multihop*.yaml; here they are of other sizes, which
# one engine shows.
for row in '2 route=ring 0' '4 route=ring 1' '4 route=star:1 1' '5 route=line 3' '3  0'; do
    read -r cores route between <<<"${row/  / - }"
    name=$cores-${route//[=:]/-}
    machine "$name" "$cores" "${route#-}" "console: $cores clients have left
  - console: through $between monitors between
    core: $((cores == 4 ? 2 : cores - 1))
  - not: broke the protocol" <<<"${clients//CORES/$((cores - 1))}"
    engines=$ENGINES
    [[ $route != *=ring && $route != *=line ]] || engines=${ENGINES##* }
    for engine in $engines; do
        vmm run --engine "$engine" "$TMP/$name.yaml"
        exits_with 0
        says "^PASS $name"
    done
done

# a route that is none is refused before anything runs
machine nonsense 2 route=round 'console: never' <<<"${clients//CORES/1}"
vmm run --engine "${ENGINES%% *}" "$TMP/nonsense.yaml"
exits_with 2
says "error: 'route=round': expected direct, line, ring"

case " $ENGINES " in
*' unicorn '*)
    for ((seed = 1; seed <= ${MULTIHOP_SEEDS:-5}; seed++)); do
        vmm run --engine unicorn --seed "$seed" "$TMP/5-route-line.yaml"
        exits_with 0
        says '^PASS 5-route-line'
    done
    ;;
esac

# more circuits than any monitor has room for, one after the other: each comes back whole
need_image sbin/mortal
machine again 3 route=line 'console: through 1 monitors between
    core: 2
  - console: "mortal: 150 connections opened and closed"
    core: 2' <<'MENU'
module /sbin/mortal core=0 server again
module /sbin/mortal core=2 opener again 150 multihop
MENU
for engine in $ENGINES; do
    vmm run --engine "$engine" "$TMP/again.yaml"
    exits_with 0
    says '^PASS again'
done

# attackers share monitors with a client that keeps to the protocol, and with its circuit's way
need_image sbin/hostile
machine hostile 3 route=line 'console: all done over multihop
    core: 2
  - console: survived circuit nonsense
  - console: survived circuit flood
  - console: survived circuit lie
  - console: survived circuit forge
  - console: survived circuit many
  - console: does not keep to the protocol of multi-hop channels
    core: 2' <<'MENU'
module /sbin/idctest core=0 server
module /sbin/hostile core=2 circuit nonsense
module /sbin/hostile core=2 circuit flood 400
module /sbin/hostile core=2 circuit lie
module /sbin/hostile core=2 circuit leave
module /sbin/hostile core=1 circuit many 30
module /sbin/hostile core=2 circuit forge
module /sbin/idctest core=2 client multihop
MENU
for engine in $ENGINES; do
    vmm run --engine "$engine" "$TMP/hostile.yaml"
    exits_with 0
    says '^PASS hostile'
done
