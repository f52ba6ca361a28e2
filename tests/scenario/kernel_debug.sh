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

# Each loop that an entry may reach counts its rounds, has a constant in its head, or says what bounds it.
command -v python3 >/dev/null || skip "python3 is missing"
python3 - guest/kernel <<'PYTHON' || fail "a loop of the CPU driver without a stated bound"
import pathlib, re, sys
at_boot = {"startup.c", "main.c", "printk.c", "cpu.c", "mdb_check.c"}
loops, bad = 0, False
for file in pathlib.Path(sys.argv[1]).rglob("*.c"):
    # (walks of the database assert their depth)
    if file.name in at_boot or "plat" in file.parts:
        continue
    lines = file.read_text().split("\n")
    for i, line in enumerate(lines):
        head = re.match(r"\s*(?:(?:for|while) \(.*|do \{)", re.sub(r"/\*.*?\*/", "", line))
        if not head:
            continue
        loops += 1
        stated = re.search(r"[<>] (?:[A-Z_]+\b|sizeof|\d)", head.group()) and "for" in head.group()
        near = "\n".join(lines[max(0, i - 3):i + 7])
        if not stated and not re.search(r"LOOP_ROUND|step_assert|\bbound\b|at boot", near):
            print(f"{file}:{i + 1}: {line.strip()}")
            bad = True
sys.exit(bad or loops < 50)
PYTHON

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
