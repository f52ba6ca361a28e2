#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A run confines itself: while a guest executes, no thread may gain privileges and all have a filter of
# system calls; the filter is enough for all a run does, and --seccomp says what becomes of the rest.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/spin
grep -q '^Seccomp:' /proc/self/status || skip "this host shows no seccomp state"

vmm run --seccomp perhaps scenario.yaml
exits_with 2
says 'expected on, log or off'

scenario endless 2 '10 min' 'console: never said' <<<'module /sbin/spin core=0-1'
for engine in $ENGINES; do
    for mode in on log off; do
        : >"$TMP/out"
        env --default-signal=INT,TERM "$VMM" run -v --engine "$engine" --seccomp "$mode" \
            "$TMP/endless.yaml" >"$TMP/out" 2>&1 </dev/null &
        run=$!
        for ((turn = 0; turn < 900; turn++)); do
            grep -q spinning "$TMP/out" && break
            kill -0 "$run" 2>/dev/null || fail "the run ended"
            sleep 0.1
        done
        # every thread: 2 filters for those that execute the guest, 1 for the others, or none
        cat /proc/"$run"/task/*/status >"$TMP/threads"
        cat /proc/"$run"/limits >"$TMP/limits"
        kill -TERM "$run"
        status=0
        wait "$run" || status=$?
        exits_with 130
        says_not 'filters no system calls|is not one that running a guest needs'
        [ "$(grep -c '^Seccomp:' "$TMP/threads")" -ge 3 ] || fail "there are too few threads"
        if [ "$mode" = off ]; then
            [ "$(ulimit -v)" != unlimited ] ||
                grep -q '^Max address space *unlimited' "$TMP/limits" ||
                fail "--seccomp off has limits"
        else
            grep -qE '^Max core file size +0 ' "$TMP/limits" || fail "a core file may be written"
            ! grep -qE '^Max (address space|file size) +unlimited' "$TMP/limits" ||
                fail "memory or files have no limit"
        fi
        case $mode in
        off) ! grep -qE '^Seccomp:[[:space:]]*2' "$TMP/threads" || fail "--seccomp off has a filter" ;;
        *)
            ! grep -qE '^Seccomp:[[:space:]]*[01]' "$TMP/threads" || fail "a thread has no filter"
            ! grep -qE '^NoNewPrivs:[[:space:]]*0' "$TMP/threads" || fail "a thread may gain privileges"
            ! grep -q '^Seccomp_filters:' "$TMP/threads" ||
                grep -qE '^Seccomp_filters:[[:space:]]*[2-9]' "$TMP/threads" ||
                fail "no thread has the guest's filter"
            ;;
        esac
    done
done

# What the C library's allocator does for a guest's thread needs no file of the host, also when a thread gives back
# much of what it had: unit tests have an allocator of their own, so this is a program for itself.
command -v gcc >/dev/null || exit 0
cat >"$TMP/arena.c" <<'SOURCE'
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/sandbox.h"

#define PIECES 256
#define PIECE_BYTES 65000

void output_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
}

static void *nothing(void *context)
{
    return context;
}

static void *come_and_go(void *context)
{
    void *piece[PIECES];
    for (int i = 0; i < PIECES; i++)
        if ((piece[i] = malloc(PIECE_BYTES)) != NULL)
            memset(piece[i], 1, PIECE_BYTES);
    for (int i = PIECES; i-- > 0;)
        free(piece[i]);
    return context;
}

static void run(void *(*what)(void *))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, what, NULL) || pthread_join(thread, NULL))
        abort();
}

int main(void)
{
    char problem[160];
    run(nothing);
    if (!sandbox_process(SANDBOX_ON, problem, sizeof(problem)) ||
        !sandbox_guest_thread(SANDBOX_ON, problem, sizeof(problem)))
        return 77;
    run(come_and_go);
    return 0;
}
SOURCE
gcc -D_GNU_SOURCE -Ivmm -o "$TMP/arena" "$TMP/arena.c" vmm/run/sandbox.c -lseccomp -lpthread || fail "it does not compile"
status=0
"$TMP/arena" || status=$?
[ "$status" -eq 77 ] || exits_with 0
