# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What tests on other people's machines share.  Sourced after common.bash.

# QEMU: the system's, or the one that `make check-nested` fetches.  Sets and exports QEMU.
need_qemu() {
    if command -v qemu-system-x86_64 >/dev/null; then
        QEMU=qemu-system-x86_64
    else
        tools/nested/fetch "$B/nested" >"$TMP/fetch" 2>&1 ||
            skip "no QEMU for x86 (qemu-system-x86), and it cannot be fetched: $(tail -n 1 "$TMP/fetch")"
        QEMU=$(tr '\n' ' ' <"$B/nested/qemu.command")
    fi
    export QEMU
}

# The one that was fetched needs libraries of its own: a script that starts it, for vmm.
own_qemu() {
    [[ $QEMU == *' '* ]] || return 0
    printf '#!/bin/sh\nexec %s "$@"\n' "$QEMU" >"$TMP/qemu"
    chmod +x "$TMP/qemu"
    export VMM_QEMU=$TMP/qemu
}

# GRUB's maker of disks, fetched if the system has none.  Sets and exports GRUB_MKRESCUE.
need_grub() {
    tools/nested/grub "$B/nested" >"$TMP/fetch" 2>&1 ||
        skip "no GRUB for BIOS (grub-common, grub-pc-bin, xorriso, mtools): $(tail -n 1 "$TMP/fetch")"
    export GRUB_MKRESCUE=$PWD/$B/nested/grub-mkrescue
    case $B in /*) GRUB_MKRESCUE=$B/nested/grub-mkrescue ;; esac
}

# on_qemu NAME REGEX SCENARIO [OPTION...]: exports the scenario to $TMP/NAME, and boots it
on_qemu() {
    local name=$1 regex=$2
    shift 2
    vmm export "$@" "$TMP/$name"
    exits_with 0
    boots "$name" "$regex"
}

# boots NAME REGEX: runs what was exported to $TMP/NAME on QEMU until a line of the console matches;
# the console is $TMP/NAME.console
boots() {
    local name=$1 regex=$2 pid console=$TMP/$1.console
    : >"$console"
    timeout -k 5 "${patience:-300}" "$TMP/$name/run" >"$console" 2>&1 </dev/null &
    pid=$!
    until grep -qaE -- "$regex" "$console"; do
        if ! kill -0 "$pid" 2>/dev/null; then
            grep -qaE -- "$regex" "$console" && break
            cp "$console" "$TMP/out"
            fail "QEMU ended before its console said: $regex"
        fi
        sleep 0.1
    done
    kill "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    echo "$name: $(grep -aE -m 1 -- "$regex" "$console")"
}
