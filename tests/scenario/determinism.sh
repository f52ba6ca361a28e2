#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The promise of docs/determinism.md, kept by the program: the same scenario and seed give the same
# state hash, the same console and the same end, whatever differs on the host - load, the size of
# the environment, address randomisation, verbosity, tracing, recording.  Another seed gives
# another run.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

case " $ENGINES " in
*' unicorn '*) ;;
*) skip "the unicorn engine cannot run here: see vmm doctor" ;;
esac
need_image sbin/myapp
need_image sbin/alltoall

# result FILE: what must be the same, from --json: hash, machine time, and every console line
result() {
    grep -oE '"(state_hash|machine_ns|time_ns|text|core)": *("[^"]*"|[0-9]+)' "$1"
}

# same NAME COMMAND...: runs it with --json and compares with the first run of the scenario
first=
same() {
    local name=$1
    shift
    echo "+ $name"
    timeout -k 5 600 "$@" --json "$TMP/json" >"$TMP/out" 2>&1 </dev/null || fail "$name: exit code $?"
    result "$TMP/json" >"$TMP/result"
    grep -q state_hash "$TMP/result" || fail "$name: no state hash in the JSON file"
    if [ -z "$first" ]; then
        first=$(cat "$TMP/result")
    elif [ "$first" != "$(cat "$TMP/result")" ]; then
        diff <(echo "$first") "$TMP/result" | head -n 5
        fail "$name: the run differs"
    fi
}

for scenario in two-core-idc four-core-idc; do
    run=("$VMM" run --engine unicorn --seed 7 "scenarios/$scenario.yaml")
    first=
    same "$scenario" "${run[@]}"
    same "$scenario again" "${run[@]}"
    same "$scenario, quiet" "${run[@]}" -q
    same "$scenario, verbose" "${run[@]}" -vv
    same "$scenario, traced" "${run[@]}" --trace "$TMP/trace"
    cp "$TMP/trace" "$TMP/trace.first"
    same "$scenario, traced again" "${run[@]}" --trace "$TMP/trace"
    cmp "$TMP/trace.first" "$TMP/trace" || fail "$scenario: two traces differ"
    same "$scenario, recorded" "${run[@]}" --record "$TMP/record.$scenario"
    same "$scenario, large environment" \
        env "LARGE=$(printf '%20000s' x)" MALLOC_PERTURB_=170 MALLOC_ARENA_MAX=1 "${run[@]}"
    if setarch -R true 2>/dev/null; then
        same "$scenario, fixed addresses" setarch -R "${run[@]}"
    fi
    for _ in 1 2 3 4; do (while :; do :; done) & done
    same "$scenario, loaded host" nice "${run[@]}"
    mapfile -t busy < <(jobs -p)
    kill "${busy[@]}"
    wait 2>/dev/null
done

# Every scenario twice.  With all tests, tests/run has just run each once and kept the result.
for file in scenarios/*.yaml; do
    name=$(basename "$file" .yaml)
    kept="$B/tests/log/run_${name}[unicorn].json"
    run=("$VMM" run --engine unicorn --seed 7 "$file")
    first=
    if grep -q state_hash "$kept" 2>/dev/null; then
        first=$(result "$kept")
    else
        same "$file" "${run[@]}"
    fi
    same "$file again" "${run[@]}"
done

# Other seeds: other runs.
for seed in 1 2 3 4 5 6; do
    vmm run -v --engine unicorn --seed $seed scenarios/four-core-idc.yaml
    exits_with 0
    grep -oE 'hash [0-9a-f]{32}' "$TMP/out" >>"$TMP/hashes"
done
[ "$(sort -u "$TMP/hashes" | wc -l)" -eq 6 ] || fail "six seeds gave fewer than six states"
