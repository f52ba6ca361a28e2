#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/bench/engine_speed.sh: guest instructions per second of CPU time, the same instructions
# (work.inc) on the deterministic engine and on qemu-system-x86_64 (TCG, and TCG with -icount
# shift=0), in one go.  The cost of starting is taken off by a run of no turns.  Run it in the root of
# the tree after `make`; needs gcc, and qemu-system-x86_64 for the comparison.
set -eu
B=${B:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
library=$B/unicorn/usr/lib/x86_64-linux-gnu/libunicorn.so.2
[ -e "$library" ] && export VMM_UNICORN=${VMM_UNICORN:-$PWD/$library}

gcc -std=gnu17 -O2 -D_GNU_SOURCE= -I. -Ivmm -Idevices -pthread -o "$work/engine_speed" \
    tests/bench/engine_speed.c tests/unit/cpu_guest.c vmm/machine/*.c vmm/engine/*.c devices/*.c \
    -lelf -lxxhash -ldl -lm -Wl,--export-dynamic-symbol='helper_*_x86_64'

cpu_seconds() { # COMMAND...: user + system time
    TIMEFORMAT='%U %S'
    { time "$@" >/dev/null 2>&1 || true; } 2>&1 | awk '{ print $1 + $2 }'
}

qemu() { # WORK TURNS OPTION...
    local kind=$1 turns=$2
    shift 2
    gcc -c "-DWORK=$kind" "-DTURNS=$turns" -Itests/bench tests/bench/qemu_guest.S -o "$work/guest.o"
    ld -e start -Ttext 0x100000 --no-warn-rwx-segments -o "$work/guest" "$work/guest.o"
    cpu_seconds timeout 300 qemu-system-x86_64 -M microvm -accel tcg "$@" -nodefaults \
        -display none -device isa-debug-exit -kernel "$work/guest"
}

report() { # NAME WORK TURNS INSTRUCTIONS SECONDS_0 SECONDS
    awk -v name="$1" -v kind="$2" -v turns="$3" -v each="$4" -v s0="$5" -v s="$6" \
        'BEGIN { printf "%-28s %-8s %8.0f MIPS\n", name, kind, turns * each / (s - s0) / 1e6 }'
}

for kind in compute message; do
    case $kind in
    compute) each=12 turns=${TURNS:-50000000} ;;
    message) each=28 turns=${TURNS:-20000000} ;;
    esac
    report unicorn "$kind" "$turns" "$each" "$(cpu_seconds "$work/engine_speed" "$kind" 0)" \
        "$(cpu_seconds "$work/engine_speed" "$kind" "$turns")"
    command -v qemu-system-x86_64 >/dev/null || continue
    report 'qemu tcg' "$kind" "$turns" "$each" "$(qemu "$kind" 0)" "$(qemu "$kind" "$turns")"
    report 'qemu tcg, icount shift=0' "$kind" "$turns" "$each" "$(qemu "$kind" 0 -icount shift=0)" \
        "$(qemu "$kind" "$turns" -icount shift=0)"
done
