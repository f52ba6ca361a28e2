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

# The slices have a limit; what was left out is said, and the rest still compared.  A run with the
# window watched is repeated with the window watched.
vmm run --seed 7 --trap-window --output-limit 10KiB --record "$TMP/limited" \
    scenarios/two-core-idc.yaml
exits_with 0
says '[1-9][0-9]+ slices after the first 320 are left out \(--output-limit\)'
[ "$(stat -c %s "$TMP/limited/slices.bin")" -eq $((8 + 32 * 320)) ] ||
    fail "slices.bin has another length"
vmm replay -v "$TMP/limited"
exits_with 0
says 'the same as recorded .*: 320 slices, hash [0-9a-f]+; [1-9][0-9]+ later ones were not recorded'
says '^ +window store +[1-9]'
sed -i 's/"slices_left_out": /"slices_left_out": 1/' "$TMP/limited/record.json"
vmm replay -q "$TMP/limited"
exits_with 1
says 'ended after [0-9]+ slices, the recorded run went on to 1[0-9]+'

# One bit of one slice: the first difference is that slice.
cp -R "$record" "$TMP/changed"
slice=100
printf '\001' | dd of="$TMP/changed/slices.bin" bs=1 seek=$((8 + 32 * slice + 24)) conv=notrunc status=none
cmp -s "$record/slices.bin" "$TMP/changed/slices.bin" &&
    printf '\000' | dd of="$TMP/changed/slices.bin" bs=1 seek=$((8 + 32 * slice + 24)) conv=notrunc status=none
vmm replay -q "$TMP/changed"
exits_with 1
says "first difference in slice $slice: core [01] at 0\.[0-9]+ s, rip 0x[0-9a-f]+ .*; recorded: core [01]"

# Fewer slices than happen; fewer than the record says, or a part of one.
cp "$record/slices.bin" "$TMP/changed/"
for bytes in $((8 + 32 * slice)) $((8 + 32 * slice + 31)) 9 +1 -1; do
    truncate -s "$bytes" "$TMP/changed/slices.bin"
    vmm replay -q "$TMP/changed"
    exits_with 2
    says 'slices.bin and record.json do not agree on the number of slices'
    cp "$record/slices.bin" "$TMP/changed/"
done
truncate -s $((8 + 32 * slice)) "$TMP/changed/slices.bin"
sed -i "s/\"slices\": [0-9]*/\"slices\": $slice/" "$TMP/changed/record.json"
vmm replay -q "$TMP/changed"
exits_with 1
says "first difference in slice $slice: .*recorded: nothing \(the run ended there\)"

# A run that is there is not written over, nor anything else that somebody may want to keep.
vmm run --seed 7 --record "$record" scenarios/two-core-idc.yaml
exits_with 2
says 'it holds a recorded run; remove that first \(rm -r\), or name a new folder'
says_not 'hello message'
mkdir "$TMP/foreign"
touch "$TMP/foreign/thesis.tex"
vmm run --seed 7 --record "$TMP/foreign" scenarios/two-core-idc.yaml
exits_with 2
says "it holds 'thesis.tex', which is no part of a recorded run; name a new folder"
[ "$(ls "$TMP/foreign")" = thesis.tex ] || fail "something was written beside it"
vmm run --seed 7 --record "$TMP/foreign/thesis.tex" scenarios/two-core-idc.yaml
exits_with 2
says 'Not a directory'

# Two runs do not record into one folder.
mkdir "$TMP/busy"
exec 9<"$TMP/busy"
flock 9
vmm run --seed 7 --record "$TMP/busy" scenarios/two-core-idc.yaml
exits_with 2
says 'another run is recording into it'
[ -z "$(ls "$TMP/busy")" ] || fail "something was written there"
exec 9<&-

# What a recording left that was broken off before the run began is used again.
cp -R "$record" "$TMP/unfinished"
rm "$TMP/unfinished/record.json"
vmm replay "$TMP/unfinished"
exits_with 2
says 'no recorded run'
vmm run -q --seed 8 --record "$TMP/unfinished" scenarios/two-core-idc.yaml
exits_with 0
vmm replay -q "$TMP/unfinished"
exits_with 0
says 'seed 8 .*the same as recorded'

# A run that was killed: the seed is on the screen, in the results and in the record, which replays as far as
# it goes and is not written over.
need_image sbin/spin
scenario endless 2 '100 s' 'console: never said' <<<'module /sbin/spin core=0-1'
echo old >"$TMP/k.json"
"$VMM" run --engine unicorn --json "$TMP/k.json" --junit "$TMP/k.xml" --record "$TMP/killed" "$TMP/endless.yaml" \
    >"$TMP/out" 2>&1 </dev/null &
run=$!
for ((turn = 0; turn < 900; turn++)); do
    [ -e "$TMP/killed/slices.bin" ] && [ "$(stat -c %s "$TMP/killed/slices.bin")" -gt 100000 ] && break
    kill -0 "$run" 2>/dev/null || fail "the endless run ended"
    sleep 0.1
done
kill -KILL "$run"
wait "$run" 2>/dev/null
status=137
says '^endless: seed [0-9]+$'
seed=$(sed -n 's/^endless: seed //p' "$TMP/out")
grep -q "\"seed\": \"$seed\"" "$TMP/k.json" || fail "no seed in the JSON file: $(head -c 300 "$TMP/k.json")"
grep -q '"verdict": "unfinished"' "$TMP/k.json" || fail "the JSON file does not say unfinished"
grep -q 'type="unfinished"' "$TMP/k.xml" || fail "the JUnit file does not say unfinished"
grep -q "\"seed\": \"$seed\"" "$TMP/killed/record.json" || fail "no seed in the record"
vmm replay -q "$TMP/killed"
exits_with 0
says "^PASS endless .*seed $seed .*as far as that goes \(the recording broke off\): [1-9][0-9]+ slices"
printf '\001' | dd of="$TMP/killed/slices.bin" bs=1 seek=$((8 + 32 * slice + 24)) conv=notrunc status=none
printf '\377' | dd of="$TMP/killed/slices.bin" bs=1 seek=$((8 + 32 * slice + 8)) conv=notrunc status=none
vmm replay -q "$TMP/killed"
exits_with 1
says "first difference in slice $slice:"
vmm run -q --record "$TMP/killed" "$TMP/endless.yaml"
exits_with 2
says 'it holds a recorded run'

# Results do not go where the run reads, by whatever name.
cp -R scenarios "$TMP/inputs"
ln "$TMP/inputs/menus/base.lst" "$TMP/menu"
ln -s "$TMP/inputs/hello.yaml" "$TMP/link"
for input in "$TMP/inputs/hello.yaml" "$TMP/menu" "$TMP/link" "$images/sbin/init" "$VMM"; do
    sum=$(sha256sum <"$input")
    for option in --json --junit --trace; do
        vmm run -q --engine unicorn $option "$input" "$TMP/inputs/hello.yaml"
        exits_with 2
        says 'that is an input of the run; name another file'
    done
    [ "$sum" = "$(sha256sum <"$input")" ] || fail "$input was written over"
done

# Parallel runs to one name: the file is one of them, whole, and nothing is left beside it.
mkdir "$TMP/shared"
for seed in 1 2 3; do
    "$VMM" run -q --engine unicorn --seed $seed --json "$TMP/shared/r.json" scenarios/hello.yaml >/dev/null 2>&1 &
done
wait
[ "$(ls "$TMP/shared")" = r.json ] || fail "left beside it: $(ls "$TMP/shared")"
grep -q '"verdict": "pass"' "$TMP/shared/r.json" || fail "no result in the shared file"
if command -v python3 >/dev/null; then
    python3 -m json.tool "$TMP/shared/r.json" >/dev/null || fail "the shared file is a mixture"
fi

# Another scenario, another build, a pipe instead of a file.
cp -R "$record" "$TMP/edited"
echo '# a remark' >>"$TMP/edited/scenario.yaml"
vmm replay -q "$TMP/edited"
exits_with 2
says 'edited/scenario.yaml: not the scenario that was recorded'
cp "$record/scenario.yaml" "$TMP/edited/"
sed -i 's/"verdict": "PASS"/"verdict": "\\u001b[31mP\\nX"/' "$TMP/edited/record.json"
vmm replay -q "$TMP/edited"
exits_with 0
says 'the same as recorded \(.x1b\[31mP.x0aX, met\)'
sed -i 's/"program_xxh3": "./"program_xxh3": "x/' "$TMP/edited/record.json"
vmm replay -q "$TMP/edited"
exits_with 0
says 'recorded with another build of vmm: the runs may differ'
for file in guest/sbin/myapp slices.bin record.json; do
    rm "$TMP/edited/$file"
    mkfifo "$TMP/edited/$file"
    vmm replay -q "$TMP/edited"
    exits_with 2
    is_brief 4
done

# Another image than the one recorded.
cp "$record/slices.bin" "$record/record.json" "$TMP/changed/"
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
