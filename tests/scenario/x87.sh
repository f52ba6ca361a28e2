#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What a guest computes on the deterministic engine does not depend on the host's processor: the x87's
# functions give the same bits when the host's C library is told to do without AVX2, FMA or SSE4.1.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

case " $ENGINES " in
*' unicorn '*) ;;
*) skip "the unicorn engine cannot run here: see vmm doctor" ;;
esac
need_image sbin/x87
scenario x87 1 '60 s' 'console: all computed' <<<'module /sbin/x87'
first=
for tunables in '' glibc.cpu.hwcaps=-AVX2_Usable,-AVX2,-FMA,-FMA4,-FMA_Usable glibc.cpu.hwcaps=-SSE4_1 \
    glibc.cpu.hwcaps=-AVX_Usable,-AVX,-AVX2,-FMA,-SSE4_1,-SSE4_2,-SSSE3; do
    export GLIBC_TUNABLES=$tunables
    vmm run --engine unicorn --seed 5 --json "$TMP/r.json" "$TMP/x87.yaml"
    exits_with 0
    for function in fsin fcos fsincos fptan fpatan f2xm1 fyl2x fyl2xp1 fprem fprem1; do
        says "x87: $function [0-9a-f]{16}$"
    done
    result=$(grep -o 'x87: f[a-z0-9]* [0-9a-f]*$' "$TMP/out"; grep state_hash "$TMP/r.json")
    [ -n "$first" ] || first=$result
    [ "$result" = "$first" ] || fail "with GLIBC_TUNABLES=$tunables the results are others; before: $first"
done
