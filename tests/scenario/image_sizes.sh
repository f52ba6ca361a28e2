#!/bin/bash
# SPDX-License-Identifier: MIT
#
# How large the images of a small program, of init, the monitor and the knowledge base are: what is executed or read
# only, as `size` counts it; and what they were not meant to be linked with.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_image sbin/monitor
need_image sbin/hello
need_image sbin/init
command -v size >/dev/null || skip "no size(1) here"

at_most() { # BYTES PROGRAM
    local text
    text=$(size "$images/sbin/$2" | awk 'NR == 2 { print $1 }')
    [ "${text:-0}" -gt 65536 ] || fail "the size of $2 is not known"
    [ "$text" -le "$1" ] || fail "$2 has $text bytes of text and constants, more than $1"
}

has_not() { # PROGRAM PATTERN WHAT
    nm "$images/sbin/$1" >"$TMP/out"
    ! grep -q "$2" "$TMP/out" || fail "$1 is linked with $3"
}

at_most 262144 monitor
at_most 167936 hello
at_most 110592 init
at_most 307200 skb

has_not monitor '_dtoa_r$' "a printf for floating point"
has_not monitor ' T raise$' "the signals of the C library"
has_not monitor '\(monitor\|intermon\|mem\)_[a-z_]*__multihop_send$' "stubs for multihop"
has_not monitor 'intermon_[a-z_]*__lmp_send$' "stubs for LMP between monitors"
has_not hello '\(monitor\|mem\)_[a-z_]*__ump_send$' "stubs for UMP to its monitor"
