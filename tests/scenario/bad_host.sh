#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A host that fails in the middle: results are killed while they are written, disks are full or
# read-only, the terminal goes away or is stopped.  Results are the old ones or whole, nothing is
# left beside them, the exit status says what happened, and nothing hangs.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

case " $ENGINES " in
*' unicorn '*) ;;
*) skip "the unicorn engine cannot run here: see vmm doctor" ;;
esac
command -v python3 >/dev/null || skip "python3 is missing"
need_image sbin/hello
need_image sbin/spin
patience=120
scenario short 1 '100 s' 'exit: 0' <<<'module /sbin/hello'
scenario long 1 '100 s' 'console: never said' <<<'module /sbin/spin'

# ---- killed, at another moment each time ----
mkdir "$TMP/killed"
for moment in 0.05 0.2 0.4 0.6 0.8 1.0 1.2 1.4; do
    "$VMM" run -q --engine unicorn --seed 1 --json "$TMP/killed/json" --junit "$TMP/killed/junit" \
        --trace "$TMP/killed/trace.json" --summary-md "$TMP/killed/md" "$TMP/short.yaml" >"$TMP/out" 2>&1 </dev/null &
    run=$!
    sleep "$moment"
    kill -KILL "$run" 2>/dev/null
    wait "$run" 2>/dev/null
    [ ! -e "$TMP/killed/json" ] || python3 -m json.tool "$TMP/killed/json" >/dev/null || fail "half of a JSON file"
    [ ! -e "$TMP/killed/trace.json" ] || python3 -m json.tool "$TMP/killed/trace.json" >/dev/null || fail "half of a trace"
    [ ! -e "$TMP/killed/junit" ] || python3 -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' \
        "$TMP/killed/junit" || fail "half of a JUnit file"
done
# (a file system without files that have no name keeps what was written: the unit test says where)
if python3 -c 'import os, sys; os.open(sys.argv[1], os.O_TMPFILE | os.O_WRONLY)' "$TMP/killed" 2>/dev/null; then
    left=$(find "$TMP/killed" -type f ! -name json ! -name junit ! -name trace.json ! -name md)
    [ -z "$left" ] || fail "left beside the results: $left"
fi

# ---- a pipe that nobody reads ----
mkfifo "$TMP/unread"
for option in --json --junit --trace --summary-md --faults-out; do
    patience=20 vmm run -q --engine unicorn $option "$TMP/unread" "$TMP/short.yaml"
    exits_with 2
    says "$option $TMP/unread: cannot write: nobody reads this pipe"
done
patience=20 vmm topo --svg "$TMP/unread" "$TMP/short.yaml"
exits_with 3
exec {both}<>"$TMP/unread" # a reader that is there already
cat <"$TMP/unread" >"$TMP/read" {both}>&- &
reader=$!
vmm run -q --engine unicorn --seed 1 --json "$TMP/unread" "$TMP/short.yaml"
exits_with 0
exec {both}>&-
wait "$reader"
python3 -m json.tool "$TMP/read" >/dev/null || fail "the reader of a pipe got no result"

# ---- a command that runs another one: a signal ends both, and no folder is left ----
mkdir "$TMP/folders"
for signal in TERM HUP 'TERM TERM' KILL; do
    TMPDIR=$TMP/folders "$VMM" report -o "$TMP/page.html" "$TMP/long.yaml" >"$TMP/out" 2>&1 </dev/null &
    run=$!
    for ((turn = 0; turn < 600; turn++)); do # until there is a run to be looked at
        [ -n "$(pgrep -P $run)" ] && [ -n "$(ls "$TMP/folders")" ] && break
        sleep 0.1
    done
    inner=$(pgrep -P $run)
    for one in $signal; do
        kill -"$one" "$run" 2>/dev/null
    done
    status=0
    wait "$run" 2>/dev/null || status=$?
    case $signal:$status in TERM:130 | HUP:130 | KILL:137 | 'TERM TERM:130' | 'TERM TERM:143') ;; *) fail "status $status after $signal" ;; esac
    for ((turn = 0; turn < 600; turn++)); do
        kill -0 "$inner" 2>/dev/null || break
        sleep 0.1
    done
    kill -0 "$inner" 2>/dev/null && { kill -KILL "$inner"; fail "the run goes on after $signal"; }
    case $signal in TERM | HUP) [ -z "$(ls "$TMP/folders")" ] || fail "a folder is left after $signal" ;; esac
    rm -rf "$TMP/folders"/*
done

# ---- the terminal ----
cat >"$TMP/terminal.py" <<'PYTHON'
"""terminal.py WHAT VMM ARGUMENT...: runs it on a terminal of its own, and prints its exit status."""
import fcntl, os, pty, select, signal, subprocess, sys, termios, time
what, *command = sys.argv[1:]
ours, theirs = pty.openpty()
def on_terminal():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN if what == "close-ignored" else signal.SIG_DFL)
run = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=on_terminal)
os.close(theirs)
seen = b""
while b"spinning" not in seen:  # the guest has spoken
    if not select.select([ours], [], [], 60)[0]:
        sys.exit("it says nothing")
    seen += os.read(ours, 65536)
if what.startswith("close"):
    os.close(ours)
elif what == "interrupt":
    os.write(ours, b"\x03")
elif what == "stop-close":
    os.write(ours, b"\x13")
    time.sleep(0.5)
    os.close(ours)
elif what == "stop-signal":  # nobody takes what it still writes
    os.write(ours, b"\x13")
    time.sleep(0.5)
    run.send_signal(signal.SIGTERM)
    run.send_signal(signal.SIGTERM)
try:
    print(run.wait(60))
except subprocess.TimeoutExpired:
    run.kill()
    print("hangs")
PYTHON
for engine in $ENGINES; do
    case $engine in kvm | unicorn) ;; *) continue ;; esac
    ways='close:130 close-ignored:1 interrupt:130 stop-close:130 stop-signal:130'
    [ "$engine" = unicorn ] || ways='close:130 stop-signal:130'
    for expected in $ways; do
        echo "+ ${expected%:*} on $engine"
        limit='100 s'
        [ "${expected%:*}" = close-ignored ] && limit='50 ms'
        ended=$(timeout -k 5 150 python3 "$TMP/terminal.py" "${expected%:*}" "$VMM" run -vv --engine "$engine" \
            --json "$TMP/terminal.json" --deadline "$limit" "$TMP/long.yaml" 2>"$TMP/out")
        [ "$ended" = "${expected#*:}" ] || fail "${expected%:*} on $engine: it ended with '$ended'"
        python3 -m json.tool "$TMP/terminal.json" >/dev/null || fail "no result after ${expected%:*}"
    done
done

# ---- disks ----
[ "$(id -u)" -eq 0 ] || skip "only root can mount a small disk"
mkdir "$TMP/disk"
# on_disk MOUNT-OPTIONS PREPARATION COMMAND...: runs it where $TMP/disk is such a disk
on_disk() {
    local options=$1 prepare=$2
    shift 2
    echo "+ $options: $*"
    status=0
    timeout -k 5 "$patience" unshare -m bash -c 'cd "$1" && mount -t tmpfs -o "$2" none disk && eval "$3" && shift 3 &&
        { "$@"; status=$?; ls disk >listed; cp disk/old kept 2>/dev/null; exit $status; }' \
        - "$TMP" "$options" "$prepare" "$@" >"$TMP/out" 2>&1 </dev/null || status=$?
}
on_disk size=64k true true
[ "$status" -eq 0 ] || skip "no mount namespace can be made here"
full='echo old >disk/old; head -c 1000000 /dev/zero >disk/fill 2>/dev/null; :'
for option in --json --junit --trace --summary-md; do
    on_disk size=64k "$full" "$VMM" run -q --engine unicorn --seed 1 $option disk/old short.yaml
    exits_with 3
    says "$option disk/old: cannot write: No space left"
    says '^PASS short'
    [ "$(cat "$TMP/kept")" = old ] || fail "the old result is gone"
    [ "$(tr '\n' ' ' <"$TMP/listed")" = 'fill old ' ] || fail "left beside it: $(cat "$TMP/listed")"
done
on_disk size=64k "$full" "$VMM" run -q --engine unicorn --record disk/record short.yaml
exits_with 2
says 'No space left'
# room for the images, and a slice or two
bytes=$(stat -L -c %s "$images"/boot/cpu "$images"/sbin/{init,mem_serv,monitor,chips,spawnd,boot_manager,hello} |
    awk '{ all += int(($1 + 4095) / 4096) * 4096 } END { print all }')
on_disk "size=$((bytes + 24576))" true "$VMM" run -q --engine unicorn --seed 1 --record disk/record --json json short.yaml
exits_with 3
says 'record disk/record: cannot write: No space left'
says '^PASS short'
on_disk size=64k "$full" "$VMM" topo --svg disk/new short.yaml
exits_with 3
says 'svg disk/new: cannot write: No space left'
[ "$(tr '\n' ' ' <"$TMP/listed")" = 'fill old ' ] || fail "left beside it: $(cat "$TMP/listed")"
on_disk size=1m 'echo old >disk/old; mount -o remount,ro disk; cd disk' "$VMM" run -q --engine unicorn --json old ../short.yaml
exits_with 2
says 'json old: cannot write: Read-only file system'
on_disk size=1m 'mount -o remount,ro disk; cd disk' "$VMM" run -q --engine unicorn ../short.yaml
says '^PASS short'
