#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Everything a program can do wrong ends its domain with one clear line: libtest commits each fault in
# the place of init, where the machine has nothing else to do.  What was printed before is not lost.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/libtest
: "${images:?}"
mkdir -p "$TMP/images/boot" "$TMP/images/sbin"
cp "$images/boot/cpu" "$TMP/images/boot/cpu"
cp "$images/sbin/libtest" "$TMP/images/sbin/init"

# fault KIND REGEX: what the line must say behind "init.0: "
fault() {
    cat >"$TMP/fault.yaml" <<YAML
scenario: $1
machine:
  cores: 1
boot:
  - kernel /boot/cpu
  - module /sbin/init fault=$1
deadline: 100 s
expect:
  - console: {regex: "init.0: $2"}
  - not: survived
YAML
    for engine in $ENGINES; do
        vmm run --engine "$engine" --images "$TMP/images" "$TMP/fault.yaml"
        exits_with 0
        [[ $1 = *assertion || $1 = abort ]] || says "about to commit $1\$"
    done
}

fault null-read 'page fault: read of address 0x0 .NULL pointer. at RIP 0x.*domain stopped'
fault null-call 'page fault: execution of address 0x0 .NULL pointer. at RIP 0x0,.*domain stopped'
fault write-constant 'page fault: write of address 0x[0-9a-f]+ .protected. at RIP'
fault first-stack 'page fault: write .*the thread has overflowed its stack.*thread 1; domain stopped'
fault thread-stack 'page fault: write .*the thread has overflowed its stack.*thread 2; domain stopped'
fault guard-page 'page fault: write .*the thread has overflowed its stack.*domain stopped'
fault canary 'thread 2 has overflowed its stack.*domain stopped'
fault division 'division error .vector 0, .*domain stopped'
fault bad-instruction 'invalid instruction .vector 6, .*domain stopped'
fault privileged 'general protection .vector 13, .*domain stopped'
fault assertion 'assertion .*zero == 1.* failed in failed_assertion'
fault abort 'ended by signal 6'
fault disabled 'page fault while disabled: write of address 0x0 at RIP .*domain stopped'
fault stack-pointer 'page fault while disabled: .*a thread.s stack pointer is bad.*domain stopped'
fault disabled-assertion 'assertion .*zero == 1.* failed in disabled_assertion .*, disabled'
