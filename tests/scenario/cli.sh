#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The command line: exit statuses, one clear line for each mistake, result files that are what they
# claim to be, files that cannot be written.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

# usage STATUS REGEX ARGUMENT...
usage() {
    local expected=$1 regex=$2
    shift 2
    vmm "$@"
    exits_with "$expected"
    says "$regex"
    is_brief 4
}

usage 2 "unknown command 'rnu'; did you mean 'run'\?" rnu
usage 2 'expected a scenario file' run
usage 2 'expected a scenario file' check
usage 2 'expected a scenario file' topo
usage 2 'expected the folder of a recorded run' replay
usage 2 "unrecognized option '--colour'" run --colour scenarios/hello.yaml
usage 2 "seed 1x: expected a whole number" run --seed 1x scenarios/hello.yaml
usage 2 "deadline 5: the unit is missing" run --deadline 5 scenarios/hello.yaml
usage 2 "no engine 'kwm'; expected auto, kvm, unicorn" run --engine kwm scenarios/hello.yaml
usage 2 "no engine 'kwm'" doctor --engine kwm
usage 2 'nothere.yaml: error: cannot read: No such file' run nothere.yaml
usage 2 'did you mean .machine.' run --set machin.cores=2 scenarios/hello.yaml
usage 3 "no guest images in '/nonexistent' \(from --images\)" run --images /nonexistent scenarios/hello.yaml
usage 2 '--json /nonexistent/x: cannot write' run --json /nonexistent/x scenarios/hello.yaml

mkdir -p "$TMP/empty"
vmm check --images "$TMP/empty" scenarios/hello.yaml
exits_with 2
says 'base.lst:3:8: error: cannot read image ./boot/cpu'

for command in run check topo doctor replay; do
    vmm "$command" --help
    exits_with 0
    says "^Usage: vmm $command"
    vmm help "$command"
    exits_with 0
done
vmm --help
exits_with 0
vmm --version
exits_with 0
says '^vmm [0-9]'
vmm
exits_with 2
vmm doctor
says '^kvm '
says '^unicorn '
vmm topo scenarios/four-core-idc.yaml
exits_with 0
says 'node 0 .* node 1'
says 'node  0   10  21'

# No scenario at all: the result files say so, and nothing is run.
printf 'scenario: wrong\nmachin: {}\n' >"$TMP/wrong.yaml"
vmm run --junit "$TMP/none.xml" --annotate "$TMP/wrong.yaml"
exits_with 2
says "^::error file=$TMP/wrong.yaml,line=2::.*'machin'"
grep -q "wrong.yaml:2: error: .*machin.*did you mean" "$TMP/none.xml" || fail "no error in the JUnit file"
# What is no scenario is an input all the same.
vmm run --json "$TMP/wrong.yaml" scenarios/hello.yaml "$TMP/wrong.yaml"
exits_with 2
says 'that is an input of the run'

need_engine
need_image sbin/hello
for engine in $ENGINES; do
    vmm run --engine "$engine" --json "$TMP/r.json" --junit "$TMP/r.xml" --trace "$TMP/r.trace" -q \
        scenarios/hello.yaml scenarios/page-fault.yaml
    exits_with 0
    says '^PASS hello '
    says '^PASS page-fault '
    says '^2 passed, 0 not passed$'
    [ "$(wc -l <"$TMP/out")" -eq 3 ] || fail "-q shows more than the summary"
    if command -v python3 >/dev/null; then
        python3 - "$TMP/r.json" "$TMP/r.xml" "$engine" <<'PYTHON' || fail "a result file is wrong"
import json, sys
import xml.etree.ElementTree as tree
runs = json.load(open(sys.argv[1]))
assert runs["passed"] == 2 and runs["not_passed"] == 0, runs
hello, fault = runs["results"]
assert hello["verdict"] == "pass" and hello["engine"] == sys.argv[3], hello
assert hello["exit_code"] == 0 and fault["exit_code"] == 139
assert any(line["text"] == "Hello World" and line["domain"] == "hello" for line in hello["console"])
assert all(entry["holds"] for entry in hello["expectations"] + fault["expectations"])
assert hello["stats"]["exits"]["port console"] >= 1 and hello["syscalls"] > 0
assert (hello["state_hash"] is None) == (sys.argv[3] == "kvm")
root = tree.parse(sys.argv[2]).getroot()
assert root.get("tests") == "2" and root.get("failures") == "0" == root.get("errors")
assert [suite.find("testcase").get("name") for suite in root] == ["hello", "page-fault"]
assert "hello: Hello World" in root[0].find("testcase").find("system-out").text
assert any(p.get("name") == "seed" for p in root[0].find("properties"))
PYTHON
    fi
    grep -q '^[0-9]* 0 hello: Hello World$' "$TMP/r.trace" || fail "no console line in the trace"
    grep -q 'syscall ' "$TMP/r.trace" || fail "no system call in the trace"

    vmm run --engine "$engine" --set 'expect=[exit: 5]' --json "$TMP/f.json" scenarios/hello.yaml
    exits_with 1
    says '^FAIL hello .*exited with code 0'
    says 'does not hold: --set expect=\[exit: 5\]: the machine exits with code 5 \(it was 0\)'
    grep -q '"verdict": "fail"' "$TMP/f.json" || fail "the JSON file does not say fail"

    # Strict readers take the JUnit file, of passed, failed and refused runs alike.
    vmm run --engine "$engine" -q --junit "$TMP/f.xml" --set 'expect=[exit: 5]' scenarios/hello.yaml \
        scenarios/page-fault.yaml
    exits_with 1
    grep -q 'scenarios/hello.yaml:[0-9]*: does not hold: the machine exits with code 5' "$TMP/f.xml" ||
        fail "the failure's text does not say what was expected"
    grep -q "again: vmm run scenarios/hello.yaml --engine $engine --seed [0-9]* --set &apos;expect=\[exit: 5\]&apos;" \
        "$TMP/f.xml" || fail "no command to repeat it"
    if command -v xmllint >/dev/null; then
        xmllint --noout --schema tests/data/junit-10.xsd "$TMP/r.xml" "$TMP/f.xml" 2>"$TMP/lint" ||
            fail "not what the schema allows: $(head -n 3 "$TMP/lint")"
    fi

    # A file that is no scenario does not keep the others from being run, and is an error in the results.
    vmm run --engine "$engine" -q --junit "$TMP/m.xml" --json "$TMP/m.json" --summary-md "$TMP/m.md" --annotate \
        nothere.yaml scenarios/hello.yaml "$TMP/wrong.yaml"
    exits_with 2
    says '^ERROR nothere.yaml  not run: 1 error, named above$'
    says '^PASS hello '
    says '^1 passed, 2 not passed$'
    says '^::error file=nothere.yaml::cannot read: No such file'
    grep -q '^<testsuites name="vmm" tests="3" failures="0" errors="2" ' "$TMP/m.xml" ||
        fail "JUnit does not count three tests and two errors"
    grep -q '<error type="invalid" message="cannot read: No such file' "$TMP/m.xml" ||
        fail "JUnit does not name the missing file"
    grep -q 'fail.*nothere.*cannot read' "$TMP/m.md" || fail "the summary does not name the missing file"
    if command -v xmllint >/dev/null; then
        xmllint --noout --schema tests/data/junit-10.xsd "$TMP/m.xml" "$TMP/none.xml" 2>"$TMP/lint" ||
            fail "not what the schema allows: $(head -n 3 "$TMP/lint")"
    fi
    if command -v python3 >/dev/null; then
        python3 - "$TMP/m.json" <<'PYTHON' || fail "the JSON file has other results"
import json, sys
runs = json.load(open(sys.argv[1]))
missing, hello, wrong = runs["results"]
assert (runs["passed"], runs["not_passed"]) == (1, 2)
assert missing["file"] == "nothere.yaml" and missing["verdict"] == wrong["verdict"] == "error"
assert missing["reason"] == "invalid" and hello["verdict"] == "pass"
assert wrong["problems"][-1]["line"] == 2 and wrong["problems"][-1]["file"].endswith("wrong.yaml")
PYTHON
    fi

    # A result on standard output has it for itself.
    status=0
    "$VMM" run --engine "$engine" --json - scenarios/hello.yaml >"$TMP/out.json" 2>"$TMP/out" </dev/null ||
        status=$?
    exits_with 0
    says '^PASS hello '
    python3 -m json.tool "$TMP/out.json" >/dev/null || fail "standard output is not JSON alone"

    vmm run --engine "$engine" --set 'expect.0={not: Hello}' scenarios/hello.yaml
    exits_with 1
    says '^FAIL hello .*a forbidden line appeared'
    says 'but core 0 printed: Hello World'
done

if [ -e /dev/full ]; then
    vmm run -q --json /dev/full scenarios/hello.yaml
    exits_with 3
    says 'json /dev/full: cannot write: No space'
fi

# One file for two results, a closed standard output, a host without memory.
vmm run -q --json "$TMP/one" --junit "$TMP/one" scenarios/hello.yaml
exits_with 2
says '--json and --junit need a file each'
status=0
"$VMM" run -q --json "$TMP/closed.json" scenarios/hello.yaml >&- 2>"$TMP/out" || status=$?
exits_with 3
says 'cannot write to standard output'
head -c 1 "$TMP/closed.json" | grep -q '{' || fail "something was printed into the JSON file"
grep -q '^PASS' "$TMP/closed.json" && fail "the summary was printed into the JSON file"
status=0
(ulimit -v 200000 && exec "$VMM" run -q scenarios/hello.yaml) >"$TMP/out" 2>&1 || status=$?
exits_with 3
says 'Cannot allocate memory'
# Too little for the library's own memory, which would end the program with a status of its own.
for kib in 40000 60000 80000; do
    status=0
    (ulimit -v $kib && exec "$VMM" run -q -e unicorn scenarios/hello.yaml) >"$TMP/out" 2>&1 || status=$?
    exits_with 3
    says '^vmm: .*memory|^vmm: .*was not found'
done
# Files that may not grow, guest memory among them; help on a full disk.
status=0
(ulimit -f 1 && exec "$VMM" run -q scenarios/hello.yaml) >"$TMP/out" 2>&1 || status=$?
exits_with 3
says 'guest memory: .*: File too large'
if [ -e /dev/full ]; then
    status=0
    "$VMM" run --help >/dev/full 2>"$TMP/out" || status=$?
    exits_with 3
    says 'cannot write to standard output: No space'
fi

# What some editors put before the text; a machine without memory.
{ printf '\357\273\277'; cat scenarios/hello.yaml; } >"$TMP/mark.yaml"
cp -R scenarios/menus "$TMP/"
vmm check "$TMP/mark.yaml"
exits_with 0
vmm check --set 'machine.memory=0 MiB' scenarios/hello.yaml
exits_with 2
says 'memory: 0 B is too little for 1 core; at least 32 MiB'
