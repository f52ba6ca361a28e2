#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The judge of `make check-nested` without a machine: made-up results of two hosts, and what `nested`
# must say of them.  Good ones pass; each thing that can be wrong is found.
#
# Runs alone: builds in this tree.
set -u
unset CDPATH
cd "$(dirname "$0")/../.." || exit 2
make -s B="$B" "$B/nested/bin/nested" || { echo "its program does not build"; exit 1; }
nested=$(cd "$B" && pwd)/nested/bin/nested
cd "$TMP" || exit 2

# results DIR SYSCALLS: what the steps of one good run leave
results() {
    mkdir -p "$1/doctor" "$1/selftest" "$1/hello"
    echo "kvm works: KVM API 12, system calls $2" >"$1/doctor/log"
    printf 'pass\tkvm/one\t5\texit 7\npass\tkvm/two\t6\texit %s\n' "$2" >"$1/selftest/log"
    echo '{"results":[{"verdict":"pass","detail":"fine","exit_code":0,"machine_ns":5000000,
        "syscalls":3,"upcalls":2,"stats":{"exits":{"hlt":4},"interrupts":1}}]}' >"$1/hello/result.json"
    printf 'doctor 0 10\nselftest 0 11\nhello 0 12\n' >"$1/steps"
}

fresh() {
    rm -rf inside outside
    results inside native
    results outside 'arrive as faults'
    printf 'doctor\t9\t/bin/vmm\nselftest\t9\t/bin/selftest\nhello\t9\t/bin/vmm\n' >commands
    printf '\n| `kvm/two` | native | fault | a reason |\n' >document
}

# judged STATUS TEXT [STOPPED]: the report ends with STATUS and says TEXT
judged() {
    "$nested" report commands inside "${outside:-outside}" document junit.xml exits.txt "${3:-}" >log 2>&1
    local status=$?
    if [ "$status" -ne "$1" ] || ! grep -qE "$2" log; then
        echo "FAIL: exit code $status instead of $1, or no \"$2\" in:"
        cat log
        exit 1
    fi
}

fresh; judged 0 '^10 passed, 0 failed$'
judged 0 'differs kvm/two'
grep -q '<testsuite name="nested" tests="10" failures="0"' junit.xml || { echo "FAIL: junit"; exit 1; }
grep -qE '^  hlt +4 +4$' exits.txt || { echo "FAIL: exits"; exit 1; }

# what is wrong, and how it is told
fresh; : >document; judged 1 'FAIL +kvm/two\[agree\].*does not list it'
fresh; sed -i 's/^pass\tkvm\/one/fail\tkvm\/one/' inside/selftest/log; judged 1 'FAIL +kvm/one\[inside\]'
fresh; sed -i 's/exit 7/exit 8/' outside/selftest/log; judged 1 'FAIL +kvm/one\[agree\].*"exit 7".*"exit 8"'
fresh; : >inside/selftest/log; judged 1 'FAIL +selftest\[inside\]  it ran no test'
fresh; sed -i '$d' outside/selftest/log; judged 1 'FAIL +selftest\[agree\]  2 tests inside, 1 outside'
fresh; sed -i 's/selftest 0/selftest 139/' inside/steps; judged 1 'FAIL +selftest\[inside\].*status 139'
fresh; sed -i 's/native/arrive as faults/' inside/doctor/log; judged 1 'FAIL +doctor/'
fresh; sed -i 's/"pass"/"fail"/' inside/hello/result.json; judged 1 'FAIL +hello\[inside\].*verdict fail'
fresh; sed -i 's/"exit_code":0/"exit_code":3/' outside/hello/result.json; judged 1 'FAIL +hello\[agree\]'
fresh; rm inside/hello/result.json; judged 1 'FAIL +hello\[inside\].*no result'
fresh; sed -i 's/hello 0/hello 1/' inside/steps; judged 1 'FAIL +hello\[inside\]  exit code 1'
fresh; sed -i 's/hello 0 12/hello 124 9000/' inside/steps; judged 1 'FAIL +hello\[inside\]  no end after 9.0 s'
fresh; sed -i '/hello/d' inside/steps; judged 1 'FAIL +hello\[inside\]  it did not end: it hung' 'it hung'
fresh; judged 1 'FAIL +machine\[inside\]  it hung' 'it hung'

# without a KVM outside there is nothing to compare with
fresh; outside=- judged 0 '^4 passed, 0 failed$'

# records: what comes whole, what is cut short, what leads out
mkdir -p unpacked
printf 'step a begins 0\nfile a/log 6\nhel\nlo\nstep a 0 7\nend\n' >records
"$nested" unpack records unpacked || exit 1
[ "$(cat unpacked/a/log)" = $'hel\nlo' ] && [ "$(cat unpacked/steps)" = "a 0 7" ] ||
    { echo "FAIL: unpacked is not what was packed"; exit 1; }
printf 'file b/log 600\nshort' >records
"$nested" unpack records unpacked || exit 1
[ "$(cat unpacked/b/log)" = short ] && [ ! -s unpacked/steps ] || { echo "FAIL: cut short"; exit 1; }
printf 'file ../out 2\nhi\n' >records
"$nested" unpack records unpacked 2>/dev/null && { echo "FAIL: a name led out of the folder"; exit 1; }

# a bzImage whose payload is gzip: header fields as the boot protocol says
{ printf '\177ELF'; head -c 4000 /dev/zero; } >elf
gzip -nc elf >payload
{
    head -c $((0x1f1)) /dev/zero; printf '\1'            # one setup sector
    head -c $((0x10)) /dev/zero; printf 'HdrS\x0f\2'     # at 0x202: magic, version 2.15
    head -c $((0x40)) /dev/zero                          # at 0x208
    printf '\0\0\0\0'                                    # at 0x248: payload offset
    printf "\\x$(printf %02x $(($(stat -c %s payload) % 256)))\\0\\0\\0"
    head -c $((0x400 - 0x250)) /dev/zero
    cat payload
    head -c 4096 /dev/zero
} >bzImage
"$nested" vmlinux bzImage vmlinux || { echo "FAIL: bzImage"; exit 1; }
cmp elf vmlinux || exit 1
"$nested" vmlinux elf vmlinux 2>/dev/null && { echo "FAIL: took no bzImage for one"; exit 1; }
echo "PASS"
