#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What rules of faults promise, on the deterministic engine: a rule that never matches leaves no trace in
# the machine; the same seed gives the same faults; the log of a run repeats it exactly; taking one rule
# away leaves the others bound to the same messages; a rule that never fires fails the run.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

[[ " $ENGINES " == *" unicorn "* ]] || skip "no deterministic engine here"

# scenario NAME FAULTS [EXPECT]: a file with these faults
scenario() {
    {
        echo "scenario: $1"
        echo "machine: {cores: 2}"
        echo "boot: {menu: $PWD/scenarios/menus/hellos.lst}"
        echo "quiet: 2 ms"
        echo "deadline: 10 s"
        echo "$2"
        echo "expect: [{console: hello message sent, count: 5}${3:+, $3}]"
    } >"$TMP/$1.yaml"
}

# hash_of NAME SEED: runs it; the state hash, and its faults in $TMP/NAME.json
hash_of() {
    vmm run --engine unicorn --seed "$2" --json "$TMP/$1.json" "$TMP/$1.yaml"
    exits_with 0
    cp "$TMP/out" "$TMP/$1.out"
    hash=$(python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["results"][0]["state_hash"])' "$TMP/$1.json")
}

# keys NAME RULE: the messages that a rule chose, one a line
keys() {
    python3 - "$TMP/$1.json" "$2" <<'PYTHON'
import json, sys
for fault in json.load(open(sys.argv[1]))["results"][0]["faults"]:
    if fault["rule"] == sys.argv[2]:
        print(fault["channel"], fault["message"], fault["number"])
PYTHON
}

# shellcheck disable=SC2016 # a kind of line
never='faults:
  - when: {message: any, nth: 100000, optional: true}
    do: drop
  - when: {message: hello, interface: myappif, nth: 77, optional: true}
    do: {stale: 2}
  - when: {ipi: any, nth: 100000, optional: true}
    do: drop
  - when: {time: 9 s, optional: true}
    do: {partition: [[0], [1]]}
  - when: {timer: any, nth: 100000, optional: true}
    do: lost
  - when: {console: {regex: "^never said"}, optional: true}
    do: {flip: {domain: myapp.1, symbol: __malloc_av_, bit: 3}}
  - name: nothing
    when: {message: "$any", attempt: any, probability: 0, optional: true}
    do: [{corrupt: {bits: 3}}, {reorder: 2}]
  - when: {fired: nothing, optional: true}
    do: [{crash: 1}, {skew: {core: 0, by: 500 ppm}}, {no_memory: {next: 1}}, {kill: myapp.0}]'
scenario plain ''
scenario never "$never"
hash_of plain 4
plain=$hash
hash_of never 4
[ "$hash" = "$plain" ] || fail "rules that never match change the machine: $plain, $hash"

# executed NAME: how many blocks and instructions its last run took, and how long that was
executed() {
    python3 -c 'import json, sys
run = json.load(open(sys.argv[1]))["results"][0]
print(run["stats"]["blocks"], run["stats"]["instructions"], run["machine_ns"])' "$TMP/$1.json"
}
[ "$(executed plain)" = "$(executed never)" ] ||
    fail "rules that never match cost something: $(executed plain), $(executed never)"

# stores NAME: how many stores to the window the machine saw in its last run
stores() {
    python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["results"][0]["stats"]["exits"].get("window store", 0))' "$TMP/$1.json"
}

# Where no rule can fire any more, the pages are plain memory again, and the guest does not notice.
harmless='{message: hello, interface: myappif, from: 1, nth: 1}'
scenario short "faults: [{when: $harmless, do: {corrupt: {word: 3, xor: 1}}}]"
scenario long "faults: [{when: $harmless, do: {corrupt: {word: 3, xor: 1}}},
  {when: {message: hello, interface: myappif, nth: 1000, optional: true}, do: drop}]"
hash_of short 4
short=$hash
hash_of long 4
[ "$hash" = "$short" ] || fail "pages that are given back change the machine: $short, $hash"
[ "$(stores short)" -lt "$(stores long)" ] ||
    fail "$(stores short) stores were seen though the only rule was over, $(stores long) with another one"
[ "$(stores plain)" -eq 0 ] || fail "stores were seen without a rule"

# Messages go by their names where they are seen.
vmm run -v --engine unicorn --seed 4 "$TMP/long.yaml"
exits_with 0
says ' message: myappif.hello #5 to core 0, myappif:myapp.0<-myapp.1#1$'

# A channel has its name before anybody writes into it: of each ring the first line is seen, as number 1.
# shellcheck disable=SC2016 # a kind of line
scenario firsts 'faults: [{name: first, when: {message: "$any", nth: 1}, do: {delay: 1 us}}]'
vmm run -v --engine unicorn --seed 4 "$TMP/firsts.yaml"
exits_with 0
python3 - "$TMP/out" <<'PYTHON' || fail "the first line of a ring was not seen"
import re, sys
named, first, late = set(), {}, {}
for line in open(sys.argv[1]):
    if found := re.search(r" -- channel: (\S+) at ", line):
        named.add(found[1])
    elif found := re.search(r" -- message: (\S+) #(\d+) to core (\d+), (\S+)$", line):
        assert found[4] in named, line
        first.setdefault((found[4], found[3]), (found[1], found[2]))
    elif found := re.search(r" \*\* first: delay 1 us (\S+) #(\d+), core \d+ to (\d+), (\S+)$", line):
        late[found[4], found[3]] = (found[1], found[2])
assert len(named) > 4 and len(first) > 7 and first == late, (named, first, late)
assert {number for _, number in first.values()} == {"1"}
PYTHON

# Flipped bits in words that a hello does not use, and delays: chance, but the same for each seed.
mixed='faults:
  - name: flips
    when: {message: any, interface: myappif, probability: 0.5, optional: true}
    do: {corrupt: {word: 2, xor: 0xff00}}
  - name: bits
    when: {message: any, interface: myappif, from: 1, every: 2}
    do: {corrupt: {word: 3, xor: 0x7}}
  - name: late
    when: {message: any, interface: nameservice, probability: 0.5, optional: true}
    do: {delay: {min: 1 us, max: 90 us}}
  - name: stop
    when: {fired: bits, nth: 1}
    do: {stall: 0, for: 40 us}'
scenario mixed "$mixed"
hash_of mixed 6
first=$hash
keys mixed bits >"$TMP/bits"
[ -s "$TMP/bits" ] || fail "no message was chosen"
hash_of mixed 6
[ "$hash" = "$first" ] || fail "the same seed, another run: $first, $hash"

# Its log, as the faults of another scenario.
vmm run --engine unicorn --seed 6 --faults-out "$TMP/log.yaml" "$TMP/mixed.yaml"
exits_with 0
cp "$TMP/out" "$TMP/mixed.out"
scenario repeated "$(cat "$TMP/log.yaml")"
hash_of repeated 6
[ "$hash" = "$first" ] || fail "the log of a run does not repeat it: $first, $hash"
diff <(grep -v '\*\*\|PASS' "$TMP/mixed.out") <(grep -v '\*\*\|PASS' "$TMP/repeated.out") ||
    fail "the log of a run does not say the same"

# Without the first rule the others choose what they chose.
scenario fewer "$(sed '/name: flips/,/corrupt: {word: 2/d' <<<"$mixed")"
hash_of fewer 6
keys fewer bits | diff "$TMP/bits" - || fail "a rule chooses other messages when another one is taken away"
[ -z "$(keys fewer flips)" ] || fail "the rule is still there"

# Without the last of its faults, all that a run shows before that one is the same, to the nanosecond.
both='faults:
  - {name: first, when: {message: hello, interface: myappif, from: 1, nth: 2}, do: {delay: 3 us}}
  - {name: last, when: {message: hello, interface: myappif, from: 1, nth: 4}, do: drop}'
scenario both "$both"
hash_of both 8
scenario one "$(sed '/name: last/d' <<<"$both")"
hash_of one 8
python3 - "$TMP/both.json" "$TMP/one.json" <<'PYTHON' || fail "a fault that is taken away changes what was before it"
import json, sys
both, one = (json.load(open(path))["results"][0] for path in sys.argv[1:])
end = [fault["time_ns"] for fault in both["faults"] if fault["rule"] == "last"][0]
seen = [[line for line in run["console"] if line["time_ns"] < end] +
        [fault for fault in run["faults"] if fault["time_ns"] < end] for run in (both, one)]
assert len(seen[0]) > 5 and seen[0][-1]["rule"] == "first", seen[0]
sys.exit(seen[0] != seen[1])
PYTHON

# A run that fails says what matters in few lines.
scenario lost 'faults: [{name: lost, when: {message: hello, interface: myappif, nth: 2}, do: drop}]' \
    '{console: hello message received!, count: 5}'
vmm run -q --engine unicorn --seed 4 --deadline 1s --set machine.window="2 MiB" "$TMP/lost.yaml"
exits_with 1
sed -n '/^  faults, and what came of them:/,/faults-out/p' "$TMP/out" >"$TMP/matters"
[ "$(wc -l <"$TMP/matters")" -le 20 ] || fail "more than 20 lines that matter"
for text in 'property: some core prints "hello message received!" 5 times$' '1 fault had happened:$' \
    ' lost: drop myappif.hello #2, core 1 to 0, myappif:' 'core 0 sent .*, was shown myappif.hello #5 from core 1' \
    'core 1 sent myappif.hello #5 to core 0 at ' \
    "again: vmm run .*/lost.yaml --engine unicorn --seed 4 --set 'machine.window=2 MiB'"; do
    grep -qE -- "$text" "$TMP/matters" || fail "of what matters, no line matches: $text"
done

scenario silent "${never//, optional: true/}"
vmm run --engine unicorn --seed 4 --deadline 1s "$TMP/silent.yaml"
exits_with 1
says 'does not hold: .*silent.yaml:7:5: rule fault-1 fires at least 1 time$'

scenario unknown 'faults: [{when: {message: helo, interface: myappif}, do: drop}]'
vmm run --engine unicorn "$TMP/unknown.yaml"
exits_with 2
says "unknown.yaml:6:10: error: message: myappif has no message 'helo'; did you mean 'hello'"
scenario unknown 'faults: [{when: {message: any, interface: myapif}, do: drop}]'
vmm run --engine unicorn "$TMP/unknown.yaml"
exits_with 2
says "no program of the menu speaks 'myapif'; did you mean 'myappif'"
scenario unknown 'faults: [{when: {message: register_service}, do: drop}]'
vmm run --engine unicorn "$TMP/unknown.yaml"
exits_with 2
says 'is a remote procedure call, of two messages: register_service_call and register_service_response'

# What a rule names must be in the images: said by whoever has them, before anything runs.
named() { # ACTION ERROR
    scenario unknown "faults: [{when: {time: 1 s}, do: {$1}}]"
    VMM_IMAGES='' vmm check --images "$images" "$TMP/unknown.yaml"
    exits_with 2
    says "unknown.yaml:6:10: error: $2"
}
: "${images:?}"
named 'kill: myap.1' "kill: no program of the menu is called 'myap'; did you mean 'myapp'"
named 'flip: {domain: myap.1, symbol: x, bit: 0}' "flip: no program of the menu is called 'myap'; did you mean 'myapp'"
named 'flip: {domain: cpu.1, symbol: current_dips, bit: 0}' \
    "flip: cpu has no variable 'current_dips'; did you mean 'current_disp'"
named 'flip: {domain: cpu.1, symbol: current_disp, bit: 64}' "flip: 'current_disp' has 64 bits, there is no bit 64"

# On KVM the log of a run hits the same messages again in the same way; rdtsc is not reached, and the log says so.
[[ " $ENGINES " == *" kvm "* ]] || exit 0
on_kvm() { # NAME: its faults in $TMP/NAME.exact
    vmm run --engine kvm --seed 3 --deadline 300s --faults-out "$TMP/log.yaml" --json "$TMP/$1.json" "$TMP/$1.yaml"
    exits_with 0
    sed -n 's/^ *\(when\|do\): //p' "$TMP/log.yaml" | LC_ALL=C sort >"$TMP/$1.exact"
}
scenario real 'faults:
  - name: bits
    when: {message: hello, interface: myappif, from: 1, probability: 0.6}
    do: {corrupt: {word: 2, xor: 0xff00}}
  - name: late
    when: {message: hello, interface: myappif, from: 1, every: 2}
    do: {delay: {min: 1 us, max: 900 us}}'
on_kvm real
[ "$(stores real)" -gt 0 ] || fail "no store was seen on KVM"
[ "$(wc -l <"$TMP/real.exact")" -ge 6 ] || fail "too few faults on KVM"
scenario again "$(cat "$TMP/log.yaml")"
on_kvm again
diff "$TMP/real.exact" "$TMP/again.exact" || fail "on KVM the log hits other messages"
# Where no rule can fire, no store costs an exit: neither without rules nor with one for another channel.
scenario plain ''
on_kvm plain
[ "$(stores plain)" -eq 0 ] || fail "stores were seen on KVM without a rule"
scenario other 'faults: [{when: {message: any, channel: "nobody*", optional: true}, do: drop}]'
on_kvm other
[ "$(stores other)" -eq 0 ] || fail "stores were seen on KVM though the rule is for another channel"
vmm run --engine kvm --deadline 300s scenarios/faults/clock-skew.yaml
exits_with 0
says '\*\* .*skew: .*rdtsc of that core goes on as before'
