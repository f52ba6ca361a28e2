#!/bin/bash
# SPDX-License-Identifier: MIT
#
# --engine qemu: verdicts, exit codes, deadline and result files as on the other engines; and whatever
# ends a run, also SIGKILL of vmm or of QEMU, no process and no file is left.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"
# shellcheck source=tests/scenario/lib/witness.bash
. "$(dirname "$0")/lib/witness.bash"
need_qemu
own_qemu
export TMPDIR=/tmp/w.$$ # short: a socket lies in it
mkdir "$TMPDIR"
trap 'rm -rf "$TMPDIR"' EXIT

# of_qemu: processes of QEMU whose words name a file of ours
of_qemu() {
    grep -lsaF "$TMPDIR/" /proc/[0-9]*/cmdline | while read -r file; do
        file=${file%/cmdline}
        [[ $(readlink "$file/exe") != *qemu-system* ]] || echo "${file#/proc/}"
    done
}

# nothing_left: for a helper that is told of the end by a pipe, soon
nothing_left() {
    for ((i = 0; i < 600; i++)); do
        [ -n "$(of_qemu)" ] || [ -n "$(ls "$TMPDIR")" ] || return 0
        sleep 0.1
    done
    fail "left behind: $(ls "$TMPDIR") $(of_qemu)"
}

scenario endless 1 '3 s' 'console: never' <<'MENU'
module /sbin/hello core=0
module /sbin/spin core=0
MENU
scenario code 1 '60 s' 'exit: 7' <<'MENU'
module /sbin/hello core=0
MENU

run() {
    vmm run --engine qemu --connect direct "$@"
}

run -q --json "$TMP/json" --junit "$TMP/junit" scenarios/two-core-idc.yaml
exits_with 0
says '^PASS two-core-idc .* qemu '
grep -q '"engine": "qemu"' "$TMP/json" || fail "the JSON does not say qemu"
grep -q 'failures="0"' "$TMP/junit" || fail "the JUnit file knows failures"
nothing_left
run "$TMP/code.yaml"
exits_with 1
says 'exited with code 0'
nothing_left
run "$TMP/endless.yaml"
exits_with 1
says 'deadline'
nothing_left
run --set machine.memory="48 MiB" --set machine.cores=2 --set machine.board=q35 scenarios/two-core-idc.yaml
exits_with 0

# what it cannot do, and what it needs
run --trap-window scenarios/hello.yaml
exits_with 3
says 'shows no messages'
is_brief 3
mkdir "$TMP/alone"
cp "$VMM" "$TMP/alone/vmm"
status=0
"$TMP/alone/vmm" run --images "$images" --engine qemu scenarios/hello.yaml >"$TMP/out" 2>&1 || status=$?
exits_with 3
says 'vmm-qemu'
is_brief 2
VMM_QEMU=/nowhere run scenarios/hello.yaml
exits_with 3
says 'apt-get install qemu'
is_brief 2
vmm run --engine qemu --connect test:///nowhere/of/any/use scenarios/hello.yaml
exits_with 3
is_brief 3
nothing_left

# begins COMMAND...: in the background, until QEMU runs; `pid` is vmm
begins() {
    rm -f "$TMP/out"
    "$VMM" run --engine qemu --connect "$1" --deadline 10min "$TMP/endless.yaml" >"$TMP/out" 2>&1 </dev/null &
    pid=$!
    for ((i = 0; i < 600; i++)); do
        ! grep -qsaE 'hello: Hello' "$TMP/out" || return 0
        sleep 0.1
    done
    fail "the guest did not get far"
}

# helper guard|server: the process of vmm-qemu; the guard is a child of vmm, the server is the guard's
helper() {
    local guard
    guard=$(pgrep -P "$pid" -x vmm-qemu)
    case $1 in guard) echo "$guard" ;; *) pgrep -P "$guard" -x vmm-qemu ;; esac
}

# ends SIGNAL STATUS
ends() {
    status=0
    kill "-$1" "$pid"
    wait "$pid" || status=$?
    exits_with "$2"
    nothing_left
}
ways=(direct)
libvirt=
case $("$VMM" doctor --engine qemu) in
*libvirt*) libvirt=1 ;;
*) echo "not tried: libvirt without a daemon" ;;
esac
# `make check-witness` ends machines of libvirt, too: each takes it five seconds to start
[ -z "$libvirt" ] || [ -z "${WITNESS_ALL:-}" ] || ways+=("")
for way in "${ways[@]}"; do
    begins "$way"
    ends TERM 130 # INT is ignored in the background
    begins "$way"
    ends KILL 137
    for signal in TERM KILL; do # of the helper: of its guard, and of the one that serves
        for which in guard server; do
            begins "$way"
            kill "-$signal" "$(helper $which)"
            status=0
            wait "$pid" || status=$?
            [ "$status" -ne 0 ] || fail "a machine without a helper has passed"
            nothing_left
        done
    done
    begins "$way"
    # shellcheck disable=SC2046
    kill -KILL $(of_qemu)
    status=0
    wait "$pid" || status=$?
    says 'QEMU was ended by SIGKILL|the domain has ended without a word'
    [ "$status" -ne 0 ] || fail "a machine that was killed has passed"
    nothing_left
done
if [ -n "$libvirt" ]; then
    vmm run -q --engine qemu scenarios/two-core-idc.yaml
    exits_with 0
    nothing_left
fi
