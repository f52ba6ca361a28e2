#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Cores start in the order that the knowledge base says, and that order is what the distances of the
# scenario mean: over BOOT_ORDER_MACHINES random machines of up to BOOT_ORDER_CORES cores (make
# soak: 300 of 64), some with an interconnect.  BOOT_ORDER_SEED: the first of them, to go on.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

case " $ENGINES " in
*' unicorn '*) ;;
*) skip "the deterministic engine cannot run here" ;;
esac
command -v python3 >/dev/null || skip "python3 is not installed"
need_image sbin/skb

cp "$(dirname "$0")/../../scenarios/menus/base.lst" "$TMP/base.lst"
python3 - "$VMM" "$TMP" "${BOOT_ORDER_MACHINES:-5}" "${BOOT_ORDER_CORES:-12}" "${BOOT_ORDER_SEED:-1}" <<'PYTHON' || fail "the order of cores"
import random, re, subprocess, sys
vmm, folder = sys.argv[1:3]
machines, most, first = map(int, sys.argv[3:6])


def machine(chance):
    cores = chance.randint(1, most)
    cuts = sorted(chance.sample(range(1, cores), min(cores - 1, chance.randint(0, 7))))
    nodes = [list(range(a, b)) for a, b in zip([0] + cuts, cuts + [cores])]
    count = len(nodes)
    distance = [[10] * count for _ in range(count)]
    for a in range(count):
        for b in range(a):
            distance[a][b] = distance[b][a] = chance.randint(11, 60)
    return cores, nodes, distance


def scenario(cores, nodes, distance, ring):
    lines = ["scenario: boot-order", "machine:", "  cores: %d" % cores, "  nodes:"]
    lines += ["    - cores: %d-%d" % (node[0], node[-1]) for node in nodes]
    lines += ["  distances:"] + ["    - %s" % row for row in distance]
    lines += ["  interconnect: {topology: ring}"] if ring else []
    lines += ["boot:", "  menu: base.lst", "  add: [module /sbin/skb boot]", "deadline: 60 s"]
    return "\n".join(lines) + "\n"


def groups(nodes, distance):
    order = [0] + sorted(range(1, len(nodes)), key=lambda n: (distance[0][n], n))
    named = [[core for core in nodes[n] if core != 0] for n in order]
    return [group for group in named if group]


def check(seed):
    chance = random.Random(seed)
    cores, nodes, distance = machine(chance)
    with open(folder + "/order.yaml", "w") as out:
        out.write(scenario(cores, nodes, distance, cores > 2 and seed % 3 == 0))
    run = subprocess.run([vmm, "run", "-v", "--engine", "unicorn", "--seed", str(seed), folder + "/order.yaml"],
                         capture_output=True, text=True, timeout=7200)
    wanted = groups(nodes, distance)
    told = re.search(r"order of cores: (\S+)", run.stdout)
    started = [int(c) for c in re.findall(r"^\[ *[0-9.]+ +(\d+)\] -- core started: by core", run.stdout, re.M)]
    if run.returncode != 0 or not told or told.group(1) != str(wanted).replace(" ", ""):
        last = "\n".join((run.stdout + run.stderr).splitlines()[-20:])
        return "status %d, told %s, wanted %s\n%s" % (run.returncode, told and told.group(1), wanted, last)
    at = 0
    for group in wanted:
        if sorted(started[at:at + len(group)]) != group:
            return "started %s, wanted %s" % (started, wanted)
        at += len(group)
    return "" if at == len(started) else "started more than there are"


total = 0
for seed in range(first, first + machines):
    problem = check(seed)
    if problem:
        print(open(folder + "/order.yaml").read(), "seed %d: %s" % (seed, problem))
        sys.exit(1)
    total += 1
    print("seed", seed, "as it should be", flush=True)
print(total, "machines boot in the order that the knowledge base says")
PYTHON
