#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The JSON Schema and vmm check agree: both accept every scenario of the tree, both refuse each of the
# broken ones below (one mistake each, all of a kind that a schema can see), and what vmm check accepts
# of many odd values at every key, the schema accepts too, whether the editor reads YAML 1.1 or 1.2.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

python3 -c 'import jsonschema, yaml' 2>/dev/null ||
    skip "$python has no modules jsonschema and yaml: apt-get install python3-jsonschema python3-yaml"

# Readers of YAML take plain words for different things: PyYAML reads 1.1, where off is false and 010 is 8; this is
# the core schema of 1.2.
cat >"$TMP/yaml12.py" <<'PYTHON'
import re, yaml
class Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}
def plain(kind, pattern, first, make):
    Loader.add_implicit_resolver("tag:yaml.org,2002:" + kind, re.compile("^(?:%s)$" % pattern), first)
    Loader.add_constructor("tag:yaml.org,2002:" + kind, lambda loader, node: make(node.value))
plain("null", "~|null|Null|NULL|", ["~", "n", "N", ""], lambda text: None)
plain("bool", "true|True|TRUE|false|False|FALSE", list("tTfF"), lambda text: text.lower() == "true")
plain("int", "[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789"),
      lambda text: int(text, 0) if text[1:2] in "ox" and text[1:2] else int(text))
plain("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
      list("-+0123456789."), lambda text: float(text.replace(".inf", "inf").replace(".nan", "nan")))
def load(text):
    return yaml.load(text, Loader)
PYTHON
export PYTHONPATH=$TMP

# by_schema FILE...: a line for each, "FILE", a tab and what the schema has against it, as any of both
# readers reads it; nothing behind the tab: it accepts the file
by_schema() {
    python3 - "$@" <<'PYTHON'
import json, sys, yaml, yaml12, jsonschema
schema = json.load(open("scenarios/scenario.schema.json"))
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
for path in sys.argv[1:]:
    try:
        errors = [error.message for load in (yaml.safe_load, yaml12.load)
                  for error in validator.iter_errors(load(open(path)))]
    except yaml.YAMLError as error:
        errors = [str(error)]
    print(path, errors[0].replace("\n", " ") if errors else "", sep="\t")
PYTHON
}

# Every file, not only the first folder: scenarios come in sub-folders too.
mapfile -t files < <(find scenarios -name '*.yaml' | sort)
by_schema "${files[@]}" >"$TMP/schema" || fail "the schema cannot be tried: $(cat "$TMP/schema")"
[ "$(wc -l <"$TMP/schema")" -eq ${#files[@]} ] || fail "not every scenario was looked at"
while IFS=$'\t' read -r file message; do
    [ -z "$message" ] || fail "the schema refuses $file: $message"
    vmm check -q "$file"
    exits_with 0
done <"$TMP/schema"

boot='boot: [kernel /boot/cpu, module /sbin/init]'
count=0
# Each line is a whole file; ~ stands for a line break.
while IFS= read -r line; do
    [ -n "$line" ] || continue
    count=$((count + 1))
    broken=$TMP/broken.$count.yaml
    echo "${line//BOOT/$boot}" | tr '~' '\n' >"$broken"
    echo "# ${line}"
    vmm check "$broken"
    exits_with 2
done <<'CASES'
scenario: a
BOOT
scenario: a~BOOT~machne: {cores: 2}
scenario: two words~BOOT
scenario: a~boot: {}
scenario: a~boot: {menu: x, ad: [y]}
scenario: a~boot: 5
scenario: a~BOOT~deadline: 30
scenario: a~BOOT~deadline: 30 sec
scenario: a~BOOT~machine: {cores: 65}
scenario: a~BOOT~machine: {cores: 0}
scenario: a~BOOT~machine: {memory: 256 MB}
scenario: a~BOOT~machine: {memory: 268435456}
scenario: a~BOOT~machine: {nodes: []}
scenario: a~BOOT~machine: {nodes: [{memory: 64 MiB}]}
scenario: a~BOOT~machine: {nodes: [{cores: x}]}
scenario: a~BOOT~machine: {nodes: [{cores: 0}], distances: [[9]]}
scenario: a~BOOT~machine: {slice: 0}
scenario: a~BOOT~expect: []
scenario: a~BOOT~expect: {console: x}
scenario: a~BOOT~expect: [{}]
scenario: a~BOOT~expect: [{console: a, exit: 0}]
scenario: a~BOOT~expect: [{console: {regx: a}}]
scenario: a~BOOT~expect: [{console: ''}]
scenario: a~BOOT~expect: [{console: a, core: some}]
scenario: a~BOOT~expect: [{console: a, count: 0}]
scenario: a~BOOT~expect: [{not: a, count: 2}]
scenario: a~BOOT~expect: [{exit: 0, core: 0}]
scenario: a~BOOT~expect: [{exit: 256}]
scenario: a~BOOT~expect: [{metric: a}]
scenario: a~BOOT~expect: [{metric: 'a => 2'}]
scenario: a~BOOT~expect: [{always: 'a b'}]
scenario: a~BOOT~expect: [{always: a, core: 0}]
scenario: a~BOOT~expect: [{never: a, count: 2}]
scenario: a~BOOT~expect: [{sometimes: ''}]
scenario: a~BOOT~expect: [{invariants: [capability]}]
scenario: a~BOOT~expect: [{recovered: {rule: a}}]
scenario: a~BOOT~faults: [{when: {mesage: a}, do: drop}]
scenario: a~BOOT~faults: [{when: {message: a}}]
scenario: a~BOOT~faults: [{do: drop}]
scenario: a~BOOT~faults: [{when: {}, do: drop}]
scenario: a~BOOT~faults: [{when: {message: a, ipi: any}, do: drop}]
scenario: a~BOOT~faults: [{when: {message: a}, do: dorp}]
scenario: a~BOOT~faults: [{when: {message: a, probability: 5%}, do: drop}]
scenario: a~BOOT~faults: [{when: {message: a, from: 0,2}, do: drop}]
scenario: a~BOOT~faults: [{when: {message: a, channel: *}, do: drop}]
scenario: a~BOOT~faults: [{when: {message: a, nth: 0}, do: drop}]
scenario: a~BOOT~faults: [{when: {message: a, after: 5}, do: drop}]
scenario: a~BOOT~faults: [{when: {message: a}, do: {tear: {words: [0]}}}]
scenario: a~BOOT~faults: [{when: {message: a}, do: {corrupt: {word: 16, xor: 1}}}]
scenario: a~BOOT~faults: [{when: {time: 1 s}, do: {skew: {core: 1, by: 5}}}]
scenario: a~BOOT~faults: [{when: {time: 1 s}, do: {kill: myapp}}]
scenario: a~BOOT~faults: [{when: {syscall: yeild}, do: heal}]
scenario: a~BOOT~quiet: 5
scenario: a~BOOT~nested: perhaps
scenario: a~BOOT~seed: -1
scenario: a~BOOT~input: []
scenario: a~BOOT~input: help
scenario: a~BOOT~input: [{lin: a}]
scenario: a~BOOT~input: [{line: a, bytes: b}]
scenario: a~BOOT~input: [{end: false}]
scenario: a~BOOT~input: [{line: a, at: 3}]
CASES
[ "$count" -eq 62 ] || fail "$count cases instead of 62"
by_schema "$TMP"/broken.*.yaml >"$TMP/schema" || fail "the schema cannot be tried: $(cat "$TMP/schema")"
[ "$(wc -l <"$TMP/schema")" -eq 62 ] || fail "not every broken file was looked at"
while IFS=$'\t' read -r file message; do
    [ -n "$message" ] || fail "the schema accepts: $(cat "$file")"
done <"$TMP/schema"

# Every value at every key.  (An editor that marks as wrong what vmm takes is worse than none; the other
# way round is fine, since vmm check knows more.)
python3 - "$VMM" "$TMP/odd" <<'PYTHON' || fail "vmm check accepts what the schema refuses"
import json, os, subprocess, sys, yaml, yaml12, jsonschema
assert yaml12.load("[off, 010, 0x10, yes, null, 0o10, 1e3, true]") == ["off", 10, 16, "yes", None, 8, 1000.0, True]
assert yaml.safe_load("[off, 010]") == [False, 8]
vmm, folder = sys.argv[1:]
schema = jsonschema.Draft7Validator(json.load(open("scenarios/scenario.schema.json")))
values = """0 1 4 63 64 65 -1 +4 010 0x4 0X4 4.0 4.5 1e3 18446744073709551615 18446744073709551616
"0" "4" '4' "0x4" true false "true" True yes off null Null ~ "" '' " " [] {} [0] ["0"] [0,1] [0-1]
[null] [64] 0-1 "0-1" 0,1 1-0 any each "any" 256_MiB "256_MiB" 256MiB 1.5_GiB 256_MB 256 0_MiB 1_KiB
32_GiB 64_MiB 512_MiB 30_s 30s 0_s 1_ns 1_min 1_h 86400_s x "x_y" "a\\nb" "\\e" {text:_a} {regex:_a}
{text:_a,_regex:_b} {fired:_fault-1} {fired:_x} [[0],[0]] 5_ppm 5ppm -5_ppm 900001_ppm -2_ms a.0 a.64 2-1 1.0 .5 [drop] drop [heal,heal] {drop:_1} {text:_""} {regex:_"("} {text:_5} {text:_null} {menu:_m.lst} {menu:_m.lst,_add:_[]}
{menu:_m.lst,_add:_[""]} {menu:_m.lst,_add:_x} {menu:_5} {menu:_""} [kernel_/boot/cpu,_module_/sbin/init]
["kernel_/boot/cpu","module_/sbin/init",""] ["kernel_/boot/cpu","module_/sbin/init",5] [{cores:_0}] [{}]
[{cores:_0},{cores:_1}] [[10]] [["10"]] [[10,20],[20,10]] [{console:_a}] [{not:_a}] [{exit:_0}]
[{exit:_"0"}] [{console:_a,_core:_[]}] [{console:_a,_domain:_""}] [{console:_a,_count:_"2"}] a_>_1 "a_>_1" a>=0x1 "a_==" channels [memory] [channels,_memory]
""".split()
values += ["a" * 64, "a" * 65, "a" * 15, "a" * 16]
boot = "boot: [kernel /boot/cpu, module /sbin/init]"
top = "scenario: a\n" + boot + "\n"
forms = ["scenario: @\n" + boot, "scenario: a\nboot: @", "scenario: a\nboot: {menu: @}",
    "scenario: a\nboot: {menu: m.lst, add: @}", "scenario: a\nboot: [kernel /boot/cpu, module /sbin/init, @]"]
forms += [top + key + ": @" for key in ("description", "deadline", "seed", "nested", "machine", "expect")]
forms += [top + "machine: {" + key + ": @}" for key in ("cores", "memory", "window", "slice", "on_panic", "nodes", "distances")]
forms += [top + "machine: {nodes: [{cores: " + rest + "}]}" for rest in ("@", "0, memory: @", "0, window: @")]
forms += [top + "expect: [{" + key + ": @}]" for key in ("console", "not", "exit", "metric", "always", "invariants")]
forms += [top + "faults: [{when: {message: any, " + key + ": @}, do: drop}]" for key in
    ("interface", "channel", "from", "to", "line", "attempt", "nth", "every", "probability", "count", "scope", "after",
     "until", "optional")]
forms += [top + "faults: [{when: {syscall: any, " + key + ": @}, do: heal}]" for key in ("core", "domain")]
forms += [top + "faults: [{when: {" + key + ": @}, do: @}]" for key in ("message", "time", "fired")]
forms += [top + "faults: [{when: {" + key + ": @}, do: heal}]" for key in ("ipi", "timer", "console", "syscall")]
forms += [top + "faults: [{" + key + ": @, when: {time: 1 s}, do: heal}]" for key in ("name", "optional")]
forms += [top + "faults: [{when: {message: any}, do: {" + rest + "}}]" for rest in
    ("delay: @", "delay: {min: 1 us, max: @}", "reorder: @", "stale: @", "corrupt: @", "corrupt: {word: @, xor: 1}",
     "corrupt: {word: 1, xor: @}", "corrupt: {bits: @}", "tear: {words: @, for: 1 us}", "tear: {words: [0], for: @}",
     "stall: @", "stall: 0, for: @", "crash: @", "restart: @", "kill: @", "partition: @", "partition: [[0], [1]], for: @",
     "heal: @", "spurious: {to: @, count: 1, every: 1 us}", "spurious: {to: 0, count: @, every: 1 us}",
     "spurious: {to: 0, count: 1, every: @}", "skew: {core: @, by: 5 ppm}", "skew: {core: 0, by: @}",
     "jump: {core: @, by: 1 us}", "jump: {core: 0, by: @}", "flip: {address: @, bit: 1}", "flip: {address: 0, bit: @}",
     "flip: {domain: @, symbol: x, bit: 1}", "flip: {domain: a.0, symbol: @, bit: 1}",
     "flip: {domain: a.0, symbol: x, bit: @}", "no_memory: {next: @}", "no_memory: {next: 1, core: @}")]
forms += [top + "faults: [{when: {ipi: any}, do: {misroute: @}}]"]
forms += [top + "faults: [{when: {timer: any}, do: {" + key + ": @}}]" for key in ("late", "early")]
forms += [top + "input: " + rest for rest in ("[@]", "[{bytes: @}]", "[{line: x, at: @}]")]
forms += [top + "expect: [{console: x, " + key + ": @}]" for key in ("core", "domain", "count")]
forms += [top + "expect: [{console: {" + key + ": @}}]" for key in ("text", "regex")]
os.mkdir(folder)
open(folder + "/m.lst", "w").write("kernel /boot/cpu\nmodule /sbin/init\n")
files = {}
for form in forms:
    for value in values:
        name = "%s/%d.yaml" % (folder, len(files))
        files[name] = form.replace("@", value.replace("_", " ")) + "\n"
        open(name, "w").write(files[name])
names = list(files)
accepted = set()
for at in range(0, len(names), 500):
    out = subprocess.run([vmm, "check", *names[at:at + 500]], capture_output=True, text=True).stdout
    accepted.update(line.split(": good (")[0] for line in out.splitlines())
wrong = [name for name in accepted if list(schema.iter_errors(yaml.safe_load(files[name]))) or
         list(schema.iter_errors(yaml12.load(files[name])))]
for name in wrong:
    print(files[name])
print(len(names), "files,", len(accepted), "accepted")
sys.exit(bool(wrong) or len(accepted) < 100)
PYTHON
