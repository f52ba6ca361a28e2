#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/outside/torture with time slices from 1 us to 10 ms: each primitive of threads under preemption at other
# places.  One seed for each slice here; TORTURE_SEEDS=N gives N in all (make soak: 300).
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"
need_engine
vmm_app=$(dirname "$VMM")/../sdk/bin/vmm-app
[ -x "$vmm_app" ] || fail "$vmm_app is not built"
engine=${ENGINES##* } # the deterministic one, where there is one
slices=(1us 3us 7us 20us 50us 1ms)
[ "$engine" = kvm ] && slices=(2ms 10ms)

cp -r tests/outside/torture tests/outside/torture.yaml "$TMP"
"$vmm_app" "$TMP/torture" -j2 >"$TMP/out" 2>&1 || fail "building the program"
for ((i = 0; i < ${TORTURE_SEEDS:-${#slices[@]}}; i++)); do
    slice=${slices[i % ${#slices[@]}]}
    sed "s,slice=20us,slice=$slice," "$TMP/torture.yaml" >"$TMP/slice.yaml"
    vmm run --engine "$engine" --seed $((i + 1)) "$TMP/slice.yaml"
    [ "$status" -eq 0 ] || fail "torture: slice $slice, seed $((i + 1))"
done
exit 0
