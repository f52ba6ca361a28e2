#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Whoever reads the output, or does not, decides no run: with a reader that takes nothing a run ends at
# its deadline and by its signals, its result files are whole, and a reader who left ends nothing.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/spin
mkfifo "$TMP/pipe" "$TMP/trace"
# open for reading and writing: there is a reader, and it reads nothing
exec {pipe}<>"$TMP/pipe" {trace}<>"$TMP/trace"

verdict() {
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["results"][0]["verdict"])' "$TMP/json"
}

# emptied: what lies in the pipes is gone
emptied() {
    timeout 0.2 cat <&"$pipe" >/dev/null
    timeout 0.2 cat <&"$trace" >/dev/null
}

# guarded COMMAND...: its status; a hang guard makes it 124 or 137
guarded() {
    status=0
    timeout -k 5 120 "$@" >"$TMP/pipe" 2>"$TMP/out" </dev/null || status=$?
}

for engine in $ENGINES; do
    scenario short 2 '300 ms' 'console: never said' <<<'module /sbin/spin core=0-1'
    guarded "$VMM" run -vv --engine "$engine" --json "$TMP/json" --trace "$TMP/trace" "$TMP/short.yaml"
    case $status in 1 | 3) ;; *) fail "status $status at the deadline" ;; esac
    [ "$(verdict)" = fail ] || fail "the result is $(verdict)"
    emptied

    scenario long 2 '10 min' 'console: never said' <<<'module /sbin/spin core=0-1'
    for signals in TERM HUP INT "TERM TERM" "HUP TERM"; do
        env --default-signal=INT,TERM,HUP "$VMM" run -vv --engine "$engine" --json "$TMP/json" \
            "$TMP/long.yaml" >"$TMP/pipe" 2>"$TMP/out" </dev/null &
        run=$!
        sleep 1.5
        for signal in $signals; do
            kill -"$signal" "$run" 2>/dev/null || true
            sleep 0.5
        done
        for ((turn = 0; turn < 600; turn++)); do
            kill -0 "$run" 2>/dev/null || break
            sleep 0.1
        done
        kill -0 "$run" 2>/dev/null && { kill -KILL "$run"; fail "it goes on after $signals"; }
        status=0
        wait "$run" || status=$?
        exits_with 130
        emptied
    done

    # a reader who leaves: the run goes on to its own end, and the result is written
    scenario hello 1 '100 s' 'console: Hello World' <<<'module /sbin/hello'
    set -o pipefail
    status=0
    timeout -k 5 120 "$VMM" run -v --engine "$engine" --json "$TMP/json" "$TMP/hello.yaml" \
        2>"$TMP/out" </dev/null | head -n 1 >/dev/null || status=$?
    exits_with 0
    [ "$(verdict)" = pass ] || fail "the result is $(verdict)"

    # a slow reader loses nothing
    vmm run -v --engine "$engine" --seed 3 "$TMP/hello.yaml"
    exits_with 0
    says '^PASS hello'
    timeout -k 5 120 "$VMM" run -v --engine "$engine" --seed 3 "$TMP/hello.yaml" 2>&1 </dev/null |
        { sleep 3; cat; } >"$TMP/out"
    says '^PASS hello'

    # output has a limit, and one line says what it left out
    vmm run -v --engine "$engine" --output-limit 300B --trace "$TMP/file" "$TMP/hello.yaml"
    exits_with 0
    says '^-- [0-9]+ more lines left out: ([12][0-9][0-9]|300) bytes were shown \(--output-limit\)$'
    says '^PASS hello'
    [ "$(wc -c <"$TMP/file")" -lt 400 ] || fail "the trace has no limit"
done
