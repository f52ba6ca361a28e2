#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Heartbeats count time for which the silent core could run (docs/agreement.md): a vCPU whose thread the host lets
# wait for 40 heartbeats is not declared dead, and one that a rule lets stand still is.  The host is played by a
# library that is loaded before vmm: on a word from here the second thread that enters the guest sleeps.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

[[ " $ENGINES " == *" kvm "* ]] || skip "no engine in real time here"

cat >"$TMP/delay.c" <<'C'
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define KVM_RUN 0xAE80ul
static atomic_int *word, threads; /* 1: sleep; 2: has slept */

__attribute__((constructor)) static void begin(void)
{
    int fd = open(getenv("DELAY_WORD"), O_RDWR);
    word = mmap(NULL, sizeof(*word), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (word == MAP_FAILED)
        abort();
}

int ioctl(int fd, unsigned long request, ...)
{
    static _Thread_local int me;
    va_list list;
    va_start(list, request);
    void *argument = va_arg(list, void *);
    va_end(list);
    if (request == KVM_RUN && me == 0)
        me = atomic_fetch_add(&threads, 1) + 1;
    if (request == KVM_RUN && me == 2 && atomic_load(word) == 1) {
        struct timespec rest = { .tv_sec = 4 };
        while (nanosleep(&rest, &rest) != 0)
            ;
        atomic_store(word, 2);
    }
    return (int)syscall(SYS_ioctl, fd, request, argument);
}
C
cc -shared -fPIC -O1 -o "$TMP/delay.so" "$TMP/delay.c" || fail "the library that delays does not compile"

# scenario NAME FAULTS EXPECT
scenario() {
    cat >"$TMP/$1.yaml" <<YAML
scenario: $1
machine: {cores: 2, memory: 128 MiB}
boot:
  - kernel /boot/cpu
  - module /sbin/init
  - module /sbin/mem_serv
  - module /sbin/monitor heartbeat=100ms
  - module /sbin/chips boot
  - module /sbin/spawnd boot
  - module /sbin/boot_manager boot
  - module /sbin/survivor core=1 server
  - module /sbin/survivor core=0 watch 1
deadline: 300 s
$2
expect: [$3]
YAML
}

# word VALUE: waits until the library has said that
word_is() { [ "$(od -An -td4 "$TMP/word" | tr -d ' ')" = "$1" ]; }
# until_true COMMAND...: 300 s at most, and while vmm runs
until_true() {
    for ((i = 0; i < 3000; i++)); do
        "$@" && return
        kill -0 "$pid" 2>/dev/null || fail "vmm has ended"
        sleep 0.1
    done
    fail "never true: $*"
}

scenario delayed '' '{console: never said}'
printf '\0\0\0\0' >"$TMP/word"
DELAY_WORD=$TMP/word LD_PRELOAD=$TMP/delay.so "$VMM" run --engine kvm "$TMP/delayed.yaml" >"$TMP/delayed.out" 2>&1 &
pid=$!
until_true grep -q 'survivor: watches' "$TMP/delayed.out"
printf '\1\0\0\0' | dd of="$TMP/word" conv=notrunc status=none
until_true word_is 2
kill -TERM "$pid" # not INT, which a script's background processes do not hear
wait "$pid"
grep -q 'is dead' "$TMP/delayed.out" && fail "a core is declared dead since the host was busy"

scenario stalled 'faults: [{when: {console: "survivor: watches"}, do: {stall: 1, for: 4 s}}]' '{console: core 1 is dead}'
vmm run -q --engine kvm "$TMP/stalled.yaml"
exits_with 0
