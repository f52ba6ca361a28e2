# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the scripts in tests/scenario/ share.  Sourced, never run.  A script runs vmm with `vmm`,
# which keeps exit code and output, then states what it must have been; the first statement that
# does not hold ends the script with a message and the output.
set -u
: "${VMM:?run me through tests/run}" "${TMP:?run me through tests/run}"
ENGINES=${ENGINES:-}
images=$(dirname "$VMM")/../guest

# Debian's Python modules belong to Debian's Python, which another one in PATH may hide.
python=python3
if [ -x /usr/bin/python3 ]; then
    python=/usr/bin/python3
    python3() {
        /usr/bin/python3 "$@"
    }
fi

skip() {
    echo "$1"
    exit 77
}

fail() {
    echo "failed: $1"
    if [ -e "$TMP/out" ]; then
        echo "--- ${status:+vmm exited with $status and }wrote:"
        tail -n 100 "$TMP/out"
    fi
    exit 1
}

# vmm ARGUMENT...: runs it; `status` is the exit code, $TMP/out all that it wrote.  The hang guard is
# `patience`, in seconds.
vmm() {
    echo "+ vmm $*"
    status=0
    timeout -k 5 "${patience:-600}" "$VMM" "$@" >"$TMP/out" 2>&1 </dev/null || status=$?
}

exits_with() {
    [ "$status" -eq "$1" ] || fail "the exit code is $status, not $1"
}

# says REGEX: a line of the output matches
says() {
    grep -qE -- "$1" "$TMP/out" || fail "no line matches: $1"
}

says_not() {
    ! grep -qE -- "$1" "$TMP/out" || fail "a line matches: $1"
}

# The message is for people: short enough to be read.
is_brief() {
    [ "$(wc -l <"$TMP/out")" -le "$1" ] || fail "more than $1 lines for one mistake"
}

need_engine() {
    [ -n "$ENGINES" ] || skip "no engine can run here: see vmm doctor"
}

need_image() {
    [ -e "$images/$1" ] || fail "$images/$1 is not built"
}

# services: the menu lines every machine boots with; KERNEL_OPTIONS and MONITOR_OPTIONS: what
# stands behind two of them
services() {
    cat <<MENU
  kernel /boot/cpu ${KERNEL_OPTIONS:-}
  module /sbin/init
  module /sbin/mem_serv
  module /sbin/monitor ${MONITOR_OPTIONS:-}
  module /sbin/chips boot
  module /sbin/spawnd boot
  module /sbin/boot_manager boot
MENU
}

# scenario NAME CORES DEADLINE EXPECTATION < program lines: writes $TMP/NAME.yaml
scenario() {
    {
        echo "scenario: $1"
        echo "description: written by a test"
        echo "machine:"
        echo "  cores: $2"
        echo "  memory: ${MEMORY:-256 MiB}"
        echo "boot: |"
        services
        sed 's/^/  /'
        echo "deadline: $3"
        echo "expect:"
        echo "  - $4"
    } >"$TMP/$1.yaml"
}
