#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What one domain holds of the services' tables (services/account.h).  Every table of the monitor, the name
# service, the spawn service, the memory server, octopus and the knowledge base is a row of the service's list of
# resources, or is said to be bounded; for every row there is a program that takes all it can (greedy).  While all
# of these hold what they got, on both cores, others bind, name, allocate and spawn; when one has ended, the next
# one gets as much, also where somebody who helped it lives on.  (On the deterministic engine: what all do at once
# is a matter of seconds only there.)
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

source_of() { # SERVICE: its folder
    echo "$(dirname "$0")/../../guest/user/$1"
}

# rows SERVICE: "ID table" for each row of its lists, "- table" for what is bounded
rows() {
    sed -nE 's/^ *(#define [A-Z_]+\(X\) )?X\(([A-Z]+), ([a-z_]+), .*/\2 \3/p
             s/^ *(#define [A-Z_]+\(X\) )?X\(([a-z_]+), ".*/- \2/p' \
        "$(find "$(source_of "$1")" -name resources.h)"
}

# tables SERVICE: names of the variables of a file in which it can keep several of something
tables() {
    find "$(source_of "$1")" -name '*.c' -exec cat {} + |
        sed -nE '/const/d; /\(/d
                 s/^(static )?(struct [a-z_]+|uint64_t) (.*[*[].*);.*/\3/p
                 s/^\} ([a-z_]+\[.*);.*/\1/p' |
        sed -E 's/ = [^,]*//g; s/\[[^]]*\]//g; s/[*,]/ /g' | tr -s ' ' '\n' | sed '/^$/d' | sort -u
}

# What another monitor or the name service's own monitor answers at once: test_monitor_world has it.
answered_at_once='monitor:FETCH monitor:KEPT chips:CONTEST'
hogs=$(source_of apps/greedy)/hogs.c
for service in monitor chips spawnd mem_serv octopus skb; do
    [ "$(rows $service | grep -vc '^-')" -ge 2 ] || fail "$service has no list of resources"
    [ "$(tables $service | wc -l)" -ge 1 ] || fail "no table of $service was found"
    for table in $(tables $service); do
        rows $service | grep -q " $table\$" ||
            fail "$service keeps '$table', which is no row of its resources.h"
    done
    for id in $(rows $service | sed -n 's/^\([A-Z]*\) .*/\1/p'); do
        grep -rq "ACCOUNT_$id\>" "$(source_of $service)" --include='*.c' ||
            fail "nothing is charged as $service:$id"
        grep -q "[\" ]${service}:${id}[\" ]" "$hogs" ||
            [[ " $answered_at_once " == *" $service:$id "* ]] ||
            fail "nobody in $hogs takes $service:$id"
    done
done

# as_much COUNT: so many kinds were taken twice, the second time no less than nine tenths of the first
as_much() {
    sed -n 's/.*took \([0-9]*\) \([a-z]*\)$/\2 \1/p' "$TMP/out" | awk -v count="$1" '
        $1 in first { pairs++; if ($2 < first[$1] * 0.9) { print $1 ": first " first[$1] ", then " $2; bad = 1 } }
        !($1 in first) { first[$1] = $2 }
        END { exit bad || pairs < count }' || fail 'what an ended domain held did not come back'
}

case " $ENGINES " in
*' unicorn '*) ;;
*) skip "the deterministic engine cannot run here" ;;
esac
need_image sbin/greedy
echo 'module /sbin/octopus boot' >"$TMP/servers"
echo 'module /sbin/skb boot' >>"$TMP/servers"
for core in 0 1; do
    echo "module /sbin/greedy core=$core server server.$core"
    echo "module /sbin/greedy core=$core mute mute.$core"
done >>"$TMP/servers"

MEMORY='2 GiB' # the children of two hogs must fit, and a neighbour beside them
# Each hog of memory leaves a fifth to the next: one is enough in the crowd.
kinds=$(sed -n 's/^ *{ "\([a-z]*\)", .*/\1/p' "$hogs" | grep -vx kept)

# crowd NAME MS KIND...: hogs of these kinds on both cores, and neighbours after so long.
crowd() {
    local name=$1 after=$2
    shift 2
    {
        cat "$TMP/servers"
        for kind in "$@"; do
            echo "module /sbin/greedy core=0 take $kind 1"
            echo "module /sbin/greedy core=1 take $kind 0"
        done
        echo "module /sbin/greedy core=0-1 neighbour $after server.0 server.1"
    } >"$TMP/$name"
}

# All of them on both cores, with a fixed seed, or with GREEDY_SEEDS of them (make soak).
crowd crowd 200 $kinds
scenario crowd 2 '20 s' 'console: did not notice anything
    core: each
  - not: PANIC' <"$TMP/crowd"
for ((seed = 1; seed <= ${GREEDY_SEEDS:-1}; seed++)); do
    vmm run --engine unicorn --seed "$seed" "$TMP/crowd.yaml"
    exits_with 0
    for kind in $kinds; do
        [ "$(grep -c "took [0-9]* $kind\$" "$TMP/out")" -eq 2 ] ||
            fail "'$kind' was not refused on both cores"
    done
    # once for each domain and kind
    [ "$(grep 'has its share of' "$TMP/out" | sed 's/^[^]]*\]//; s/([^)]*)//' | sort | uniq -d | wc -l)" -eq 0 ] ||
        fail 'a refusal is told twice'
done

# one_kind KIND DEADLINE: two hogs of it, and neighbours that must be done until then
one_kind() {
    crowd "$1" 60 "$1"
    scenario "$1" 2 "$2" 'console: did not notice anything
    core: each
  - not: PANIC' <"$TMP/$1"
    vmm run --engine unicorn --seed 1 "$TMP/$1.yaml"
    exits_with 0
}

one_kind kept '5 s'
[ "$(grep -c "took [0-9]* kept\$" "$TMP/out")" -eq 2 ] || fail 'memory that is not given back is given again'

# Whoever does not read what he has asked for keeps nobody busy: neighbours are done soon.
one_kind answers '150 ms'

# Many bindings cost no more each than few, but for the looks at their channels (docs/ump-wakeup.md).
{
    cat "$TMP/servers"
    echo 'module /sbin/greedy core=0 many 300 server.1'
} >"$TMP/many"
scenario many 2 '5 s' 'console: { regex: "closed 300" }
  - not: PANIC' <"$TMP/many"
vmm run --engine unicorn --seed 1 "$TMP/many.yaml"
exits_with 0

# Three others notify without an end; whoever shares the core with the notified one goes on all the same.
{
    cat "$TMP/servers"
    for core in 1 2 3; do
        echo "module /sbin/greedy core=$core storm server.0"
    done
    echo 'module /sbin/greedy core=0 neighbour 20 server.0'
} >"$TMP/storm"
scenario storm 4 '300 ms' 'console: did not notice anything
  - not: PANIC' <"$TMP/storm"
vmm run --engine unicorn --seed 1 "$TMP/storm.yaml"
exits_with 0

# turns SENDERS CORE: how much somebody on core 0 gets done while so many notify somebody on CORE, which is
# core 0 or the last one.
turns() {
    {
        echo "module /sbin/greedy core=$2 server server.$2"
        for ((core = 1; core <= $1; core++)); do
            echo "module /sbin/greedy core=$core storm server.$2"
        done
        echo 'module /sbin/greedy core=0 work 30'
    } >"$TMP/menu"
    scenario work $(($1 + 2)) '100 ms' 'console: { regex: "worked" }' <"$TMP/menu"
    vmm run --engine unicorn --seed 1 "$TMP/work.yaml" >&2
    exits_with 0 >&2
    sed -n 's/.*worked \([0-9]*\) turns$/\1/p' "$TMP/out"
}

# Who shares a core with the notified one gets more than half as much done as one whose core nobody notifies.
for senders in 1 3; do
    here=$(turns $senders 0) && elsewhere=$(turns $senders $((senders + 1))) || fail 'nobody worked'
    echo "$senders notify: $here turns on their core, $elsewhere elsewhere"
    [ "$((2 * here))" -gt "$elsewhere" ] && [ "$elsewhere" -gt 100 ] ||
        fail "$senders without a pause take the core they notify"
done

# The next one gets as much, though the one that never answers lives on, and what the first one asked of it
# with it.
{
    cat "$TMP/servers"
    echo 'module /sbin/greedy core=0 twice 1'
} >"$TMP/again"
scenario again 2 '60 s' 'console: one after the other
  - not: PANIC' <"$TMP/again"
vmm run --engine unicorn --seed 1 "$TMP/again.yaml"
exits_with 0
as_much "$(wc -w <<<"$kinds")"
