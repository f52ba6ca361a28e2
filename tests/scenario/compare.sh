#!/bin/bash
# SPDX-License-Identifier: MIT
#
# vmm compare: engines that agree, one that is skipped and counted, fewer than two, and names that are
# none.  What counts of a line is tested in tests/unit/test_comparable.c and test_transcript.c; here, that
# what was altered on one engine alone is found: a line, a counter, a verdict.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

vmm compare --engines kvm,kwm scenarios/hello.yaml
exits_with 2
says "no engine 'kwm'"
vmm compare --engines unicorn scenarios/hello.yaml
exits_with 3
says '^SKIP hello: one engine alone'
vmm compare /nowhere.yaml
exits_with 2
[[ $ENGINES == *unicorn* ]] || skip "no engine in virtual time: the rest needs two engines"

others=0
for engine in kvm qemu; do
    "$VMM" doctor --engine $engine --connect direct >/dev/null 2>&1 && others=$((others + 1))
done
[ $others -gt 0 ] || skip "only one engine can run here"
vmm compare --connect direct scenarios/hello.yaml
exits_with 0
says "^AGREE hello: $((others + 1)) engines, $((2 - others)) skipped, 1 lines compared"
[ $others -eq 2 ] || exit 0
# a few on one, two and four cores, one with values and invariants; `make check-witness` has them all
for scenario in one-core-idc two-core-idc properties four-core-idc; do
    vmm compare --engines unicorn,qemu --connect direct "scenarios/$scenario.yaml"
    exits_with 0
    says "^AGREE $scenario: 2 engines, 0 skipped, [1-9][0-9]* lines"
done
# 1 ms of virtual time is enough for the guest, 1 ms of real time is not even for QEMU
vmm compare --engines unicorn,qemu --connect direct --deadline 3ms scenarios/hello.yaml
exits_with 1
says '^DIFFER hello: '
says 'qemu +fail .*differs: its verdict'

# QEMU with another bundle, FROM becoming TO in it: both programs then end well, and say different things.
cat >"$TMP/qemu" <<'END'
#!/bin/bash
words=() last=""
for word; do
    if [ "$last" = -initrd ]; then
        LC_ALL=C sed "s/$FROM/$TO/g" "$word" >"$ALTERED"
        word=$ALTERED
    fi
    words+=("$word")
    last=$word
done
exec qemu-system-x86_64 "${words[@]}"
END
chmod +x "$TMP/qemu"
export ALTERED="$TMP/bundle" FROM TO
# altered FROM TO SCENARIO
altered() {
    FROM=$1 TO=$2
    VMM_QEMU="$TMP/qemu" vmm compare --engines unicorn,qemu --connect direct "$3"
}
# (the client's line may come after the last one that is expected: then it is not compared)
altered "server ready" "server raady" scenarios/two-core-idc.yaml
exits_with 1
says '^DIFFER two-core-idc: 2 engines, 0 skipped, 1 unlike unicorn'
says 'qemu +pass .*differs: core 0, myapp, line 1: "server ready" and "server raady"'

sed -e 's/ agree after 240 commits//' -e "s|menus/base.lst|$PWD/scenarios/menus/base.lst|" scenarios/kv.yaml >"$TMP/kv.yaml"
altered "core=0-3 60" "core=0-3 60" "$TMP/kv.yaml"
exits_with 0
altered "core=0-3 60" "core=0-3 61" "$TMP/kv.yaml"
exits_with 1
says 'qemu +pass .*differs: core 0, kv, .*240 commits.*244 commits'
sed -i '/^compare:/,$d' "$TMP/kv.yaml"
altered "core=0-3 60" "core=0-3 60" "$TMP/kv.yaml"
exits_with 1
says 'differs: core 0, kv, .*of 60 refused'
