#!/bin/bash
# SPDX-License-Identifier: MIT
#
# vmm run --record and vmm replay: a recorded run repeats exactly, from its folder alone; what was
# changed in the folder is noticed and named; an engine in real time refuses to record.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

case " $ENGINES " in
*' unicorn '*) ;;
*) skip "the unicorn engine cannot run here: see vmm doctor" ;;
esac
need_image sbin/myapp
record=$TMP/record

vmm run --seed 7 --record "$record" scenarios/two-core-idc.yaml
exits_with 0
says '^PASS two-core-idc .*seed 7'

vmm replay "$record"
exits_with 0
says '^PASS two-core-idc .*seed 7 .*the same as recorded'
says 'hello message received!'

# The record stands alone: neither the tree's images nor its scenario are used.
mv "$record" "$TMP/moved"
VMM_IMAGES=/nonexistent vmm replay -q "$TMP/moved"
exits_with 0
record=$TMP/moved

# One bit of one slice: the first difference is that slice.
cp -R "$record" "$TMP/changed"
slice=100
printf '\001' | dd of="$TMP/changed/slices.bin" bs=1 seek=$((8 + 32 * slice + 24)) conv=notrunc status=none
cmp -s "$record/slices.bin" "$TMP/changed/slices.bin" &&
    printf '\000' | dd of="$TMP/changed/slices.bin" bs=1 seek=$((8 + 32 * slice + 24)) conv=notrunc status=none
vmm replay -q "$TMP/changed"
exits_with 1
says "first difference in slice $slice: core [01] at 0\.[0-9]+ s, rip 0x[0-9a-f]+ .*; recorded: core [01]"

# Fewer slices than happen.
cp "$record/slices.bin" "$TMP/changed/"
truncate -s $((8 + 32 * slice)) "$TMP/changed/slices.bin"
vmm replay -q "$TMP/changed"
exits_with 1
says "first difference in slice $slice: .*recorded: nothing \(the run ended there\)"

# Another image than the one recorded.
cp "$record/slices.bin" "$TMP/changed/"
printf 'x' >>"$TMP/changed/guest/sbin/myapp"
vmm replay -q "$TMP/changed"
exits_with 2
says 'guest/sbin/myapp: not the image that was recorded'

vmm replay "$TMP"
exits_with 2
says 'no recorded run'

vmm run --engine kvm --record "$TMP/other" scenarios/two-core-idc.yaml
# 2 where kvm works, 3 where it does not
# shellcheck disable=SC2154
[ "$status" -eq 2 ] || [ "$status" -eq 3 ] || fail "recording on kvm ended with $status"
