#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What goes wrong with machines of others: each is one clear message and the right exit status, and nothing is
# left.  QEMU killed, and vmm killed: witness_engine.sh.  Firmware that lies: tests/unit/test_acpi.c.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"
# shellcheck source=tests/scenario/lib/witness.bash
. "$(dirname "$0")/lib/witness.bash"
need_qemu
own_qemu
export TMPDIR=/tmp/b.$$ # short: a socket lies in it
mkdir "$TMPDIR"
trap 'rm -rf "$TMPDIR"' EXIT

nothing_left() {
    for ((i = 0; i < 300; i++)); do
        [ -n "$(ls "$TMPDIR")" ] || return 0
        sleep 0.1
    done
    fail "left behind: $(ls "$TMPDIR")"
}

# A console that floods: the deadline comes, and the verdict is read.
scenario flood 2 '4 s' 'console: never' <<'MENU'
module /sbin/spin core=1 talk
MENU
vmm run -q --engine qemu --connect direct "$TMP/flood.yaml"
exits_with 1
says '^FAIL flood .* deadline'
nothing_left

# broken NAME TEXT STATUS: a QEMU that says what it is, then TEXT, and ends like this
broken() {
    cat >"$TMP/$1" <<SCRIPT
#!/bin/sh
[ "\$1" != --version ] || { echo "QEMU emulator version 7.2.22 (broken)"; exit 0; }
echo "$2" >&2
$3
SCRIPT
    chmod +x "$TMP/$1"
    VMM_QEMU=$TMP/$1 vmm run -q --engine qemu --connect direct scenarios/hello.yaml
}
broken msr 'error: failed to set MSR 0x10a to 0x2' 'kill -ABRT $$'
exits_with 3
says 'QEMU was ended by SIGABRT: error: failed to set MSR 0x10a to 0x2'
is_brief 5
nothing_left
broken memory 'cannot set up guest memory' 'exit 1'
exits_with 3
says 'QEMU ended with status 1: cannot set up guest memory'
nothing_left
broken silent '' 'exit 0'
exits_with 3
says 'without a word of the guest'
nothing_left

# The line in which the guest says its exit code gets lost, or its end does: that is no verdict,
# not even where code 0 was expected.
cat >"$TMP/mute" <<'END'
#!/usr/bin/env python3
import os, socket, subprocess, sys
words = sys.argv[1:]
if words == ["--version"]:
    os.execvp("/bin/sh", ["sh", "-c", os.environ["QEMU"] + " --version"])
console = socket.socket(socket.AF_UNIX)
for i, word in enumerate(words):
    if word.startswith("socket,id=console,path="):
        console.connect(word.split("path=")[1])
        words[i] = "stdio,id=console,signal=off"
qemu = subprocess.Popen(os.environ["QEMU"].split() + words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
for line in qemu.stdout:
    if b" x -: " not in line:
        console.sendall(line)
    elif "CUT" in os.environ:
        console.sendall(line.rstrip())
console.close()
sys.exit(qemu.wait())
END
chmod +x "$TMP/mute"
scenario unsaid 1 '60 s' 'exit: 0' <<'MENU'
module /sbin/hello core=0
MENU
VMM_QEMU=$TMP/mute vmm run -q --engine qemu --connect direct "$TMP/unsaid.yaml"
exits_with 3
says 'QEMU ended with status 1, as if the guest had ended it with code 0, but its console does not say so'
is_brief 5
CUT=1 VMM_QEMU=$TMP/mute vmm run -q --engine qemu --connect direct "$TMP/unsaid.yaml"
exits_with 3
says 'its console does not say so'
nothing_left

# libvirt that refuses: nobody listens
case $("$VMM" doctor --engine qemu) in
*libvirt*)
    vmm run -q --engine qemu --connect "qemu+unix:///system?socket=$TMP/nobody" scenarios/hello.yaml
    exits_with 3
    says "$TMP/nobody|[Cc]annot.*connect|Failed to connect"
    is_brief 3
    nothing_left
    ;;
*) echo "not tried: a daemon that refuses" ;;
esac
