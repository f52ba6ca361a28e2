#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What docs/threat-model.md says of the programs as they were linked: they lie anywhere, what the
# loader has bound is read-only, no page of theirs is writable and executable, stacks are
# protected, and string functions are the checked ones.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

command -v readelf >/dev/null || skip "readelf is missing"

# has PROGRAM REGEX WHAT
has() {
    grep -qE "$2" "$TMP/out" || fail "$1 $3"
}

for program in vmm idl vmm-qemu; do
    file=$(dirname "$VMM")/$program
    [ -e "$file" ] || continue
    LC_ALL=C readelf -W -h -l -d -s "$file" >"$TMP/out" || fail "readelf cannot read $program"
    has $program '^ +Type: +DYN .*Position-Independent' 'lies at one place'
    has $program '^ +GNU_RELRO ' 'has no read-only relocations'
    has $program '\(FLAGS.*NOW' 'is bound late'
    has $program '^ +GNU_STACK .* RW +0x' 'has an executable stack'
    has $program '__stack_chk_fail' 'has no stack protector'
    has $program '__(snprintf|fprintf|memcpy|vsnprintf)_chk' 'has unchecked string functions'
    ! grep -qE '^ +LOAD .* RWE ' "$TMP/out" || fail "$program has pages that are writable and executable"
    ! grep -q 'TEXTREL' "$TMP/out" || fail "$program has relocations in its code"
done
