#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Ctrl-C and kill, in the middle of a run: SIGINT and SIGTERM (also twice) end it in order (exit 130,
# with a summary); after SIGKILL no process and no file is left, and the next run is not disturbed.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/spin
scenario endless 2 '100 s' 'console: never said' <<<'module /sbin/spin core=0-1'

# started ENGINE: starts an endless run, waits until the guest speaks; `run` is its process
started() {
    local turn
    : >"$TMP/out"
    # a shell starts background processes with SIGINT ignored
    env --default-signal=INT,TERM TMPDIR="$TMP/files" \
        "$VMM" run --engine "$1" "$TMP/endless.yaml" >"$TMP/out" 2>&1 </dev/null &
    run=$!
    for ((turn = 0; turn < 900; turn++)); do
        grep -q spinning "$TMP/out" && return 0
        kill -0 "$run" 2>/dev/null || break
        sleep 0.1
    done
    fail "the program did not start on $1"
}

# ended: waits for the end of the process; a hang guard kills it
ended() {
    local turn
    for ((turn = 0; turn < 600; turn++)); do
        kill -0 "$run" 2>/dev/null || break
        sleep 0.1
    done
    kill -0 "$run" 2>/dev/null && { kill -KILL "$run"; fail "it goes on 60 s after $1"; }
    status=0
    wait "$run" || status=$?
}

mkdir -p "$TMP/files"
for engine in $ENGINES; do
    for signal in INT TERM; do
        started "$engine"
        kill -"$signal" "$run"
        ended "SIG$signal"
        exits_with 130
        says '[Ii]nterrupt'
    done
    # timeout(1) signals the process, and then its group
    started "$engine"
    kill -TERM "$run"
    kill -TERM "$run" 2>/dev/null || true
    ended "SIGTERM twice"
    exits_with 130
    says '^INTERRUPTED endless'
    started "$engine"
    # what has a name while it runs would stay; a process that is killed removes nothing
    named=$(awk '$2 ~ /^.w.s/ && $6 ~ "^/" && !/\(deleted\)$/' "/proc/$run/maps"
        find "/proc/$run/fd" -lname '/dev/shm/*' ! -lname '* (deleted)' -printf '%l\n')
    [ -z "$named" ] || fail "it has named memory: $named"
    kill -KILL "$run"
    ended SIGKILL
    exits_with 137
    [ -z "$(grep -lsF "TMPDIR=$TMP/files" /proc/[0-9]*/environ)" ] || fail "a process is left"
    [ -z "$(ls "$TMP/files")" ] || fail "a file is left in TMPDIR"
done
