#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Traces for viewers: both formats say the same, every message has an arrow or was not read, and who
# looks changes nothing in the guest.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/myapp
[[ " $ENGINES " = *' unicorn '* ]] || skip "needs the deterministic engine: see vmm doctor"
here=$(dirname "$0")
proto=$here/../../vmm/report
command -v protoc >/dev/null || skip "protoc is not installed"
python3 -c 'import google.protobuf' 2>/dev/null ||
    skip "$python has no module google.protobuf: apt-get install python3-protobuf"
protoc --proto_path="$proto" --python_out="$TMP" perfetto.proto || fail "protoc"

hash_of() {
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["results"][0]["state_hash"])' "$1"
}

# trace FILE: runs it, checks the two traces, leaves what the checker found in $TMP/out
trace() {
    for form in json pftrace; do
        vmm run --engine unicorn --seed 3 --json "$TMP/$form.json" --trace "$TMP/run.$form" "$1"
        exits_with 0
    done
    "$python" "$here/lib/trace_check.py" "$TMP/run.json" "$TMP/run.pftrace" "$TMP" >"$TMP/out" 2>&1 ||
        fail "the trace is wrong"
}

vmm run --engine unicorn --seed 3 --json "$TMP/plain.json" scenarios/four-core-idc.yaml
exits_with 0
trace scenarios/four-core-idc.yaml
for form in json pftrace; do
    [ "$(hash_of "$TMP/plain.json")" = "$(hash_of "$TMP/$form.json")" ] || fail "a trace changes the run"
done
says '^message intermon.monitor_initialized #1 [0-9]+ [0-9]+ UMP$'
# each message within a core, too, and each has found its handler
says '^message mem.allocate_call #2 [0-9]+ [0-9]+ LMP$'
says '^message nameservice.wait_for_response #1 [0-9]+ [0-9]+ LMP$'
[ "$(grep -c ' LMP$' "$TMP/out")" -gt 200 ] || fail "messages within cores are missing"
[ "$(grep -c ' ? LMP$' "$TMP/out")" -le 4 ] || fail "handlers are missing"
says '^marks console end error event interrupt ipi read runs send( shown)? syscall'
says_not '^fault'

# of the five hellos the third is lost: what comes behind it waits for it
trace scenarios/faults/lose-the-third.yaml
says '^fault lose-the-third: drop hello 3$'
says '^message myappif.hello #2 [0-9]+ [0-9]+ UMP$'
says '^message myappif.hello #3 [0-9]+ - UMP$'
says '^message myappif.hello #4 [0-9]+ \? UMP$'

vmm run --engine unicorn --seed 3 --messages 'myappif.*' scenarios/faults/lose-the-third.yaml
exits_with 0
[ "$(grep -c -- '-- message: myappif.hello #[1-5] to core 0' "$TMP/out")" = 5 ] || fail "not five hellos"
says_not 'message: (intermon|nameservice)'
vmm run --engine unicorn --seed 3 --messages 'mem.*' scenarios/two-core-idc.yaml
exits_with 0
says '[-]- message: mem.allocate_call #1 to core 0, mem:mem_serv.0<-monitor.0, LMP, 24 bytes$'

# what goes beyond the limit is counted, and the file is whole
vmm run --engine unicorn --seed 3 --output-limit 20KiB --trace "$TMP/short.json" \
    scenarios/two-core-idc.yaml
exits_with 0
"$python" -c 'import json, sys; json.load(open(sys.argv[1]))' "$TMP/short.json" >"$TMP/out" 2>&1 ||
    fail "a shortened trace is no JSON"
grep -q 'more marks left out' "$TMP/short.json" || fail "what was left out is not counted"

vmm run --trace "$TMP/two.json" scenarios/hello.yaml scenarios/hello.yaml
exits_with 2
says '--trace for viewers takes one scenario'

for engine in $ENGINES; do
    vmm run --engine "$engine" --trace "$TMP/$engine.json" scenarios/two-core-idc.yaml
    exits_with 0
    grep -q '"name":"myappif.hello #1","cat":"send"' "$TMP/$engine.json" || fail "$engine: no hello"
    grep -q '"name":"mem.allocate_call #1","cat":"send"' "$TMP/$engine.json" || fail "$engine: no message within a core"
done
