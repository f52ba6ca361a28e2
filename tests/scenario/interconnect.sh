#!/bin/bash
# SPDX-License-Identifier: MIT
#
# An interconnect on the deterministic engine: a line takes the latency of each hop, to the length of a basic
# block; the same seed gives the same run; every preset boots in a small form or is drawn; mistakes are found
# at their place.  INTERCONNECT_SEEDS=N: what lines and loads cost, with so many seeds (make soak: 20).
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

[[ " $ENGINES " == *" unicorn "* ]] || skip "no deterministic engine here"

# scenario MACHINE
scenario() {
    cat >"$TMP/s.yaml" <<YAML
scenario: s
machine: {$1}
boot: {menu: $PWD/scenarios/menus/hellos.lst}
deadline: 10 s
expect: [{console: hello message received!, count: 5}]
YAML
}

# run [SEED]: the state hash in `hash`; in `took` the time in ns from the first hello sent until one is received, in
# `whole` the time until the last one is
run() {
    vmm run -q --engine unicorn --seed "${1:-3}" --json "$TMP/s.json" "$TMP/s.yaml"
    exits_with 0
    read -r hash took whole < <(python3 - "$TMP/s.json" <<'PYTHON'
import json, sys
run = json.load(open(sys.argv[1]))["results"][0]
times = lambda text: [l["time_ns"] for l in run["console"] if l["text"] == text]
received = times("hello message received!")
print(run["state_hash"], min(received) - min(times("hello message sent")), max(received))
PYTHON
    )
}

seeds=${INTERCONNECT_SEEDS:-1}
for ((seed = 3; seed < 3 + seeds; seed++)); do
    for hops in 1 2; do
        links='[0, 1]'
        [ $hops = 2 ] && links='[0, 2], [2, 1]'
        scenario "cores: 3, interconnect: {links: [$links, [1, 2]], latency: 100 us}"
        [ $hops = 2 ] && scenario "cores: 3, interconnect: {links: [$links], latency: 100 us}"
        run $seed
        # what a client does between its first line and the message on the console takes a few microseconds
        ((took > hops * 100000 - 20000 && took < hops * 100000 + 60000)) ||
            fail "a hello took $took ns over $hops hops of 100 us, seed $seed"
        first=$hash
        run $seed
        [ "$hash" = "$first" ] || fail "the same seed, another run: $first, $hash"
    done
    # a line of 64 bytes takes the link of 1 MiB/s for 61 us, and five hellos come one behind the other
    scenario "cores: 2, interconnect: {topology: full, latency: 1 us, bandwidth: 1 MiB/s}"
    run $seed
    [ "$took" -gt 50000 ] || fail "a hello took $took ns over a link that needs 61 us for a line, seed $seed"
done

# loads INTERCONNECT: in `more` how much later than without loads from far memory all hellos have come, with this seed
four='nodes: [{cores: 0}, {cores: 1}, {cores: 2}, {cores: 3}]'
chain='links: [[0, 2], [2, 3], [3, 1]]'
loads() {
    local without
    scenario "cores: 4, $four, interconnect: {$1}"
    run $seed
    without=$whole
    scenario "cores: 4, $four, interconnect: {$1, loads: true}"
    run $seed
    more=$((whole - without))
    echo "# loads: $1: $more ns, seed $seed"
}
# What loads cost grows with the latency of a link, the links on the way, and the time a line takes a link.
for ((seed = 3; seed < 3 + seeds; seed++)); do
    loads 'topology: full, latency: 100 ns, bandwidth: 8 GiB/s'
    near=$more
    [ "$near" -gt 0 ] || fail "loads cost nothing, seed $seed"
    for slower in 'topology: full, latency: 400 ns, bandwidth: 8 GiB/s' "$chain, latency: 100 ns, bandwidth: 8 GiB/s" \
        'topology: full, latency: 100 ns, bandwidth: 64 MiB/s'; do
        loads "$slower"
        [ "$more" -gt $((near * 3 / 2)) ] || fail "loads cost $more ns with $slower, $near ns if all is near, seed $seed"
    done
done

# Who can signal whom: core 3 reaches core 0 over 2 and 1; without what core 1 passes on, core 0 sleeps on.
neighbours=scenarios/neighbours.yaml
vmm run -q --engine unicorn --seed 3 --json "$TMP/n.json" $neighbours
exits_with 0
cp "$TMP/n.json" "$TMP/n2.json"
vmm run -q --engine unicorn --seed 3 --json "$TMP/n.json" $neighbours
exits_with 0
python3 - "$TMP/n.json" "$TMP/n2.json" <<'PYTHON' || fail "notifications are not passed on as they should be"
import json, sys
a, b = (json.load(open(path))["results"][0] for path in sys.argv[1:])
sent = [core["exits"]["port ipi"] for core in a["stats"]["cores"]]
assert a["state_hash"] == b["state_hash"]
assert a["bad_requests"] == 0, "a core signals one that it cannot signal"
assert min(sent[1:3]) > sent[3] > 0, sent
PYTHON
# A program that sleeps until it is notified (bells) hears nothing any more if core 1 passes nothing on to core 0.
for rule in '' 'faults: [{name: deaf, when: {ipi: any, from: 1, to: 0, after: {fired: ready}}, do: drop},
    {name: ready, when: {console: "number 3"}, do: heal}]'; do
    cat >"$TMP/deaf.yaml" <<YAML
scenario: deaf
machine: {cores: 4, interconnect: {links: [[0, 1], [1, 2], [2, 3]], latency: 2 us, ipi: neighbours}}
boot:
  menu: $PWD/scenarios/menus/base.lst
  add: [module /sbin/bells core=0 server, module /sbin/bells core=3 client 40]
$rule
deadline: 500 ms
expect: [{console: {regex: '^number 40$'}}]
YAML
    vmm run -q --engine unicorn --seed 3 "$TMP/deaf.yaml"
    exits_with $((${#rule} > 0))
done
vmm topo $neighbours
exits_with 0
says '^  signals  0  1  2  3$'
says '^  from  3  3  2  1  0$'
vmm topo --svg "$TMP/net.svg" $neighbours
exits_with 0
grep -q 'core 2 signals core 3, and back' "$TMP/net.svg" || fail "signals are not drawn"

# Loads from far memory: the core of the other node pays for what it loads, the one at home does not, and the same
# seed gives the same run.
nodes='nodes: [{cores: 0}, {cores: 1}]'
for loads in false true true; do
    scenario "cores: 2, $nodes, interconnect: {latency: 100 ns, bandwidth: 4 GiB/s, loads: $loads}"
    first=$hash
    run
    python3 - "$TMP/s.json" $loads <<'PYTHON' || fail "with loads: $loads other loads are paid for than should be"
import json, sys
home, far = (core["exits"].get("far load", 0) for core in json.load(open(sys.argv[1]))["results"][0]["stats"]["cores"])
sys.exit(far == home == 0 if sys.argv[2] == "true" else far + home)
PYTHON
done
[ "$hash" = "$first" ] || fail "the same seed, another run with far loads: $first, $hash"
if [[ " $ENGINES " == *" kvm "* ]]; then
    vmm run -q --engine kvm --deadline 1us "$TMP/s.yaml" # what becomes of it is no matter
    exits_with 1
    says 'engine kvm runs in real time: over the interconnect, lines and notifications take what it says at the least$'
    says 'loads take no longer from far memory on engine kvm$'
    # the least is kept: a hello over two hops
    scenario "cores: 3, interconnect: {links: [[0, 2], [2, 1]], latency: 20 ms}"
    vmm run -q --engine kvm --deadline 300s --json "$TMP/s.json" "$TMP/s.yaml"
    exits_with 0
    python3 - "$TMP/s.json" <<'PYTHON' || fail "a line is faster on KVM than its way"
import json, sys
run = json.load(open(sys.argv[1]))["results"][0]
at = lambda text: min(l["time_ns"] for l in run["console"] if l["text"] == text)
sys.exit(at("hello message received!") - at("hello message sent") < 2 * 20_000_000)
PYTHON
fi

# Distances are what the guest reads (another state), and make nothing slower (the same times, to the nanosecond);
# what they are for, boot_order.sh and knowledge.yaml show.
for distance in 20 250; do
    scenario "cores: 2, $nodes, distances: [[10, $distance], [$distance, 10]]"
    first=$hash before=$took
    run
    [ "$hash" != "$first" ] || fail "distance $distance does not reach the guest"
    [ $distance = 20 ] || [ "$took" = "$before" ] || fail "a hello took $before ns at distance 20, $took at 250"
done

for preset in full-4 ring-8 mesh-16 mesh-64 scc-48 hypercube-8 hypercube-32 two-socket-16 eight-socket-32; do
    vmm topo --set machine.preset=$preset --set "machine.memory=1 GiB" scenarios/two-core-idc.yaml
    exits_with 0
    says '^interconnect  '
    says 'for each hop, .*GiB/s for each link$'
    vmm topo --set machine.preset=$preset --set "machine.memory=1 GiB" --svg "$TMP/net.svg" scenarios/two-core-idc.yaml
    exits_with 0
    python3 - "$TMP/net.svg" "${preset##*-}" <<'PYTHON' || fail "the drawing of $preset is wrong"
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
circles = root.findall("{http://www.w3.org/2000/svg}circle")
sys.exit(len(circles) != int(sys.argv[2]))
PYTHON
done
vmm run -q --engine unicorn --seed 3 --set machine.preset=full-4 scenarios/two-core-idc.yaml
exits_with 0

# mistake MACHINE MESSAGE
mistake() {
    scenario "$1"
    vmm check "$TMP/s.yaml"
    exits_with 2
    says "s.yaml:2:[0-9]+: error: .*$2"
}
mistake 'cores: 6, interconnect: {topology: hypercube}' "topology: 'hypercube' for 6 cores: a hypercube has 2, 4,"
mistake 'cores: 6, interconnect: {topology: tree}' "expected full, ring, mesh WxH"
mistake 'cores: 6, interconnect: {topology: mesh 4x4}' "cannot be spread evenly"
mistake 'cores: 3, interconnect: {links: [[0, 1]]}' "links: no way leads from core 0 to core 2"
mistake 'cores: 3, interconnect: {links: [[0, 3]]}' "links: "
mistake 'cores: 3, interconnect: {links: [[1, 1]]}' "links: core 1 to itself"
mistake 'cores: 3, interconnect: {links: [[0, 1], [1, 2]], topology: ring}' "give either topology or links"
mistake 'cores: 3, interconnect: {ipi: near}' "ipi: expected full, neighbours, or a list for each core"
mistake 'cores: 3, interconnect: {ipi: [[1], [0]]}' "ipi: expected a list for each of the 3 cores, found 2"
mistake 'cores: 3, interconnect: {ipi: [[1], [0], [1]]}' "ipi: no way leads from core 0 to core 2, also not over others"
mistake 'cores: 3, interconnect: {ipi: [[1], [0, 2], [3]]}' "ipi: "
mistake 'cores: 3, interconnect: {ipi: [1, 2, 3]}' "ipi: expected the cores that core 0 can signal"
mistake 'cores: 3, interconnect: {latency: 0 ns}' "latency: 0 ns: expected 1 ns to 1 s"
mistake 'cores: 3, interconnect: {bandwidth: 4 GiB}' "bandwidth: '4 GiB': expected memory for each second"
mistake 'cores: 3, interconnect: {lateny: 1 ns}' "did you mean 'latency'"
mistake 'preset: mesh-17' "preset: 'mesh-17' is none; expected one of full-4, ring-8,"
