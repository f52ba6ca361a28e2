#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Hosts that are not as usual: a compiler for another architecture is told in one sentence before anything is
# compiled; without /proc, and without $HOME, things work or say why.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/../scenario/lib/common.bash"

# A gcc that says it makes code for another machine, and would notice to be asked for any.
mkdir "$TMP/bin"
cat >"$TMP/bin/foreign-gcc" <<'FAKE'
#!/bin/bash
case $* in
-dumpmachine) echo aarch64-linux-gnu ;;
-print-file-name=include | *-dumpfullversion*) echo x ;;
*) touch "$TMP/compiled" ;;
esac
FAKE
chmod +x "$TMP/bin/foreign-gcc"
export TMP
status=0
env -u MAKEFLAGS -u MAKELEVEL VMM_NO_SETUP=1 make "B=$TMP/b" "CC=$TMP/bin/foreign-gcc" all >"$TMP/out" 2>&1 || status=$?
exits_with 2
says 'needs an x86-64 host .* makes code for aarch64-linux-gnu'
is_brief 2
[ ! -e "$TMP/compiled" ] || fail "something was compiled"

need_engine
need_image sbin/hello
for engine in $ENGINES; do
    status=0
    env -u HOME "$VMM" run -q --engine "$engine" scenarios/hello.yaml >"$TMP/out" 2>&1 || status=$?
    exits_with 0
done

[ "$(id -u)" -eq 0 ] || skip "only root can take /proc away"
# without_proc ARGUMENT...: vmm where /proc is empty and /dev/fd leads nowhere
without_proc() {
    echo "+ vmm $*, without /proc"
    status=0
    timeout -k 5 600 unshare -m bash -c 'mount -t tmpfs none /proc && exec "$@"' - "$VMM" "$@" \
        >"$TMP/out" 2>&1 </dev/null || status=$?
}
without_proc --version
[ "$status" -eq 0 ] || skip "no mount namespace can be made here"
for engine in $ENGINES; do
    without_proc run --engine "$engine" --json "$TMP/r.json" scenarios/hello.yaml
    exits_with 0
    says '^PASS hello'
    grep -q '"verdict": "pass"' "$TMP/r.json" || fail "no result"
done
case " $ENGINES " in
*' unicorn '*)
    without_proc run -q --record "$TMP/record" scenarios/hello.yaml
    exits_with 0
    vmm replay -q "$TMP/record"
    exits_with 0
    says_not 'another build'
    ;;
esac
