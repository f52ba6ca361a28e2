#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the system knowledge base says of a machine is what `vmm topo` draws: nodes, cores, distances, over random
# machines (KNOWLEDGE_SHAPES of them; make soak takes 200).  Cores start in the order that it says.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

case " $ENGINES " in
*' unicorn '*) ;;
*) skip "the deterministic engine cannot run here" ;;
esac
need_image sbin/skb
need_image sbin/skbtest

# machine SEED: a scenario's machine section
machine() {
    awk -v seed="$1" 'BEGIN {
        srand(seed); nodes = 1 + int(rand() * 4); core = 0; first = 1
        for (n = 0; n < nodes; n++) { size[n] = 1 + int(rand() * 2); core += size[n] }
        print "machine:\n  cores: " core "\n  nodes:"
        for (n = at = 0; n < nodes; at += size[n++])
            print "    - cores: " (size[n] > 1 ? at "-" at + size[n] - 1 : at)
        for (a = 0; a < nodes; a++) for (b = a; b < nodes; b++)
            d[a, b] = d[b, a] = a == b ? 10 : 11 + int(rand() * 40)
        print "  distances:"
        for (a = 0; a < nodes; a++) {
            line = ""
            for (b = 0; b < nodes; b++) line = line (b ? ", " : "") d[a, b]
            print "    - [" line "]"
        }
    }'
}

# of_topo: "node N cores SET" and "distances N ROW" from the drawing; the same of_shape, from the console
of_topo() {
    awk '/^\|/ {
            count = split($0, box, /[|]/)
            for (i = 2; i <= count; i++) {
                if (split(box[i], word, " ") < 2) continue
                if (word[1] == "node") node[i] = word[2]
                if (word[1] == "cores") {
                    text = box[i]; sub(/^ *cores */, "", text); sub(/ *$/, "", text)
                    print "node", node[i], "cores", text
                }
            }
        }
        /^  node/ { row = ""; for (i = 3; i <= NF; i++) row = row (i > 3 ? "," : "") $i
                    print "distances", $2, "[" row "]" }' | sort
}

of_shape() { # cores as the drawing has them
    sed -n 's/^.*skbtest: \(shape\|distances\) /\1 /p' | awk '
        $1 == "shape" {
            gsub(/[][]/, "", $4); count = split($4, core, ","); text = core[1]
            if (count > 1) text = core[1] "-" core[count]
            print "node", $2, "cores", text
        }
        $1 == "distances" && $3 != "[10]" { print }' | sort
}

for ((seed = 1; seed <= ${KNOWLEDGE_SHAPES:-5}; seed++)); do
    {
        printf 'scenario: shape\n'
        machine "$seed"
        printf 'boot:\n  add:\n    - module /sbin/skb boot\n    - module /sbin/skbtest core=0 shape\n'
        printf '  menu: base.lst\ndeadline: 60 s\nexpect:\n  - exit: 0\n'
    } >"$TMP/shape.yaml"
    cp "$(dirname "$0")/../../scenarios/menus/base.lst" "$TMP/base.lst"
    vmm topo "$TMP/shape.yaml"
    exits_with 0
    of_topo <"$TMP/out" >"$TMP/drawn"
    vmm run --engine unicorn --seed "$seed" "$TMP/shape.yaml"
    exits_with 0
    of_shape <"$TMP/out" >"$TMP/known"
    [ -s "$TMP/drawn" ] || fail "vmm topo drew no node"
    diff "$TMP/drawn" "$TMP/known" >"$TMP/difference" ||
        fail "seed $seed: vmm topo and the knowledge base differ: $(cat "$TMP/difference")"
done

# What ten typical goals take, in instructions, from the call to the answer, on a machine of four cores with
# an interconnect: half as much again as what was measured.
cat >"$TMP/figures.yaml" <<'YAML'
scenario: figures
machine: {preset: full-4, memory: 256 MiB}
boot: {menu: base.lst, add: [module /sbin/skb boot, module /sbin/skbtest figures]}
deadline: 60 s
expect: [{exit: 0}]
YAML
vmm run --engine unicorn --seed 1 "$TMP/figures.yaml"
exits_with 0
# at_most CYCLES GOAL
at_most() {
    local took
    took=$(sed -n "s/^.*skbtest: *\([0-9][0-9]*\)  $2.*/\1/p" "$TMP/out")
    [ "${took:-0}" -gt 1000 ] || fail "what $2 takes is not known"
    [ "$took" -le "$1" ] || fail "$2 takes $took cycles, more than $1"
}
at_most 25000 'true'
at_most 25000 'core_node(1, N)'
at_most 70000 'near(0, X)'
at_most 60000 'boot_order(G)'
at_most 30000 'each_node(C)'
at_most 160000 'spare(X)'
at_most 80000 'multicast_tree(0, T)'
at_most 35000 'memory_order(0, N)'
at_most 40000 'assertz('
at_most 75000 'findall('
