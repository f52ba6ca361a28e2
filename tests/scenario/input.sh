#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Input of the console from outside: what a pipe or a terminal types arrives, its end is the end of
# the file, a record repeats it, and nobody is held up by a guest that does not read, a reader that
# dies, or a record that was changed.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/serial
need_image sbin/readlines

# typed ENGINE FILE ARGUMENT...: an interactive run of $TMP/FILE, with this script's input
typed() {
    local engine=$1 file=$2
    shift 2
    status=0
    timeout -k 5 300 "$VMM" run --engine "$engine" --interactive "$@" "$TMP/$file.yaml" >"$TMP/out" 2>&1 || status=$?
}

scenario reads 2 '60 s' 'exit: 0' <<'MENU'
module /sbin/serial boot
module /sbin/readlines core=1
MENU
scenario deaf 1 '60 s' 'exit: 0' <<'MENU'
module /sbin/serial boot
module /sbin/hello
MENU
scenario without 1 '60 s' 'exit: 0' <<'MENU'
module /sbin/readlines
MENU
scenario dies 2 '60 s' 'console: "6: after<10>"' <<'MENU'
module /sbin/serial boot
module /sbin/readlines core=0
module /sbin/readlines core=1
MENU
cat >>"$TMP/dies.yaml" <<'INPUT'
input:
  - {line: fault, after: reads}
  - {line: after, at: 1 s}
INPUT
# more than the device and the driver hold, for a program that ends at once
{
    cat "$TMP/deaf.yaml"
    echo 'input:'
    for _ in {1..50}; do
        printf '  - '
        head -c 4000 /dev/zero | tr '\0' x
        echo
    done
} >"$TMP/flood.yaml"

for engine in $ENGINES; do
    [ "$engine" = qemu ] && continue
    echo "# $engine"
    typed "$engine" reads < <(
        printf 'one\nstrange \001\377\n'
        head -c 20000 /dev/zero | tr '\0' z
        printf '\nwithout an end'
    )
    exits_with 0
    says ': 4: one<10>'
    says 'strange <1><255><10>'
    says '1: *z?<10>|: z*<10>|3619: z'
    says '14: without an end$'
    says 'lines, then the end'
    typed "$engine" reads </dev/null
    exits_with 0
    says '0 lines, then the end'
    typed "$engine" deaf < <(head -c 300000 /dev/zero)
    exits_with 0
    typed "$engine" without < <(echo nobody)
    exits_with 0
    says '0 lines, then the end'
    if [ "$engine" = unicorn ] || [ "$ENGINES" = kvm ]; then
        vmm run --engine "$engine" "$TMP/flood.yaml"
        exits_with 0
        vmm run --engine "$engine" "$TMP/dies.yaml"
        exits_with 0
    fi

    # a terminal: what is typed while the program runs, and then it is closed
    python3 - "$VMM" "$engine" "$TMP/reads.yaml" >"$TMP/out" 2>&1 <<'PYTHON' || fail "a terminal"
import os, pty, subprocess, sys
vmm, engine, file = sys.argv[1:]
master, slave = pty.openpty()
run = subprocess.Popen([vmm, "run", "--engine", engine, "--interactive", file], stdin=slave,
                       stdout=subprocess.PIPE, text=True)
os.close(slave)
for line in run.stdout:
    print(line, end="")
    if "readlines: reads" in line:
        os.write(master, b"typed\n")
    if "6: typed<10>" in line:
        os.close(master)
sys.exit(run.wait())
PYTHON
    says ': 6: typed<10>'
    says '1 lines, then the end'
done

case " $ENGINES " in
*' unicorn '*) ;;
*) exit 0 ;;
esac
record=$TMP/record
typed unicorn reads --record "$record" < <(
    echo early
    sleep 0.3
    echo late
)
exits_with 0
says '2 lines, then the end'
for _ in 1 2; do
    vmm replay "$record"
    exits_with 0
    says 'the same as recorded'
done
# another input is another run, and a broken file no crash
sed -i 's/early/EARLY/' "$record/input.bin"
vmm replay "$record"
exits_with 1
says 'first difference|the final state is not'
head -c 17 "$record/input.bin" >"$TMP/short"
cp "$TMP/short" "$record/input.bin"
vmm replay "$record"
exits_with 1
head -c 4096 /dev/urandom >"$record/input.bin"
vmm replay "$record"
exits_with 1
rm "$record/input.bin"
vmm replay "$record"
exits_with 1

# whoever interrupts a run in which nothing happens is heard
"$VMM" run --engine unicorn --interactive "$TMP/reads.yaml" >"$TMP/out" 2>&1 < <(sleep 100) &
run=$!
until grep -q 'readlines: reads' "$TMP/out"; do
    kill -0 "$run" || fail "it ended by itself"
    sleep 0.1
done
kill -TERM "$run" # a shell lets what it starts behind it ignore SIGINT
status=0
wait "$run" || status=$?
exits_with 130

vmm run --interactive "$TMP/reads.yaml" "$TMP/deaf.yaml"
exits_with 2
says 'takes one scenario'
