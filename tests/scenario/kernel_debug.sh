#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A debug build of the CPU driver (make KERNEL_DEBUG=1): its assertions on hot paths and the stated bounds of
# its loops hold, with short slices, many messages, real-time tasks and programs that mean harm.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/hostile
need_image sbin/libtest

if ! make B="$TMP/debug" KERNEL_DEBUG=1 "$TMP/debug/guest/boot/cpu" >"$TMP/out" 2>&1; then
    fail "the debug build"
fi
grep -q 'assertion failed' "$TMP/debug/guest/boot/cpu" || fail "no assertions in the image"
ln -s "$(realpath "$images")/sbin" "$TMP/debug/guest/sbin"

sed 's|^kernel .*|kernel /boot/cpu slice=7us|' scenarios/menus/base.lst >"$TMP/menu.lst"
scenario upcalls 2 '100 s' 'console: survived upcalls incomplete
  - console: survived upcalls gifts' <<'MENU'
module /sbin/hostile core=1 upcalls incomplete
module /sbin/hostile core=1 upcalls gifts
module /sbin/hostile core=1 calls 3 1500
module /sbin/hostile core=1 dispatchers crowd 40
MENU
case " $ENGINES " in
*' unicorn '*)
    vmm run --images "$TMP/debug/guest" --engine unicorn --seed 3 --deadline 100s \
        --set "boot.menu=$TMP/menu.lst" scenarios/library.yaml
    exits_with 0
    vmm run --images "$TMP/debug/guest" --engine unicorn "$TMP/upcalls.yaml"
    exits_with 0
    vmm run --images "$TMP/debug/guest" --engine unicorn scenarios/realtime/deadlines.yaml
    exits_with 0
    ;;
esac
for engine in $ENGINES; do
    vmm run --images "$TMP/debug/guest" --engine "$engine" scenarios/two-core-idc.yaml
    exits_with 0
done
