#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Programs that mean harm (guest/user/apps/hostile): whatever one of them does to its core, its
# dispatcher frame, the CPU driver and the services, programs started after it run and meet as ever,
# on its own core and on the other one.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/hostile

# attack NAME < words of hostile, one program a line
attack() {
    {
        sed 's|^|module /sbin/hostile core=1 |'
        echo "module /sbin/hello core=0-1"
        echo "module /sbin/myapp core=0 server"
        echo "module /sbin/myapp core=1 client"
    } >"$TMP/menu"
    MEMORY='512 MiB' scenario "$1" 2 '100 s' 'console: Hello World
    core: each
  - console: hello message received!
    domain: myapp' <"$TMP/menu"
    for engine in $ENGINES; do
        vmm run --engine "$engine" "$TMP/$1.yaml"
        exits_with 0
        says "^PASS $1"
        # all were there, and each got as far as it says
        [ "$(grep -cE '\] *hostile: hostile (run|frame|touch|calls|many) ' "$TMP/out")" -eq \
            "$(grep -c 'sbin/hostile' "$TMP/menu")" ] || fail "not every attack was tried"
    done
}

for what in hlt cli in outs rdmsr wrmsr writecr0 dr7 lgdt swapgs int3 int80 int32 int14 int8 int255 \
    ud2 divide sysenter sysret iret step stepcall align nested down stackless oddstack kernelstack \
    fsbase gsbase selector farcall x87 sse mxcsr noncanonical wall; do
    echo "run $what"
done | attack instructions

{
    for what in critical stack lowstack kernelstack run norun nofault faultloop udisp wakeup wakeold \
        areas indices all ones zeros; do
        echo "frame $what"
    done
    echo "touch read 0xffffffff80000000"
    echo "touch write 0xffff800000000000"
    # the CPU driver's entry for system calls, with a return address of its own choice
    entry=$(nm "$images/boot/cpu" | sed -n 's/ T syscall_entry$//p')
    echo "touch jump 0x$entry"
    echo "touch jump 0x$entry 0xffffffff80000000"
    echo "touch jump 0x$entry 0x8000000000000000"
    echo "touch text"
    echo "touch data"
} | attack memory

{
    for seed in 1 2 3 4 5 6 7 8; do
        echo "calls $seed 1500"
    done
} | attack calls

{
    echo "many irefs 100"
    echo "many low 200"
    echo "many leave"
    echo "many server"
    echo "many client"
    echo "many names 200"
    echo "many longname"
    echo "many exports 300"
    echo "many bytes"
    echo "many long 100000"
} | attack services

scenario dispatchers 2 '100 s' 'console: survived dispatchers self
  - console: survived dispatchers crowd' <<'MENU'
module /sbin/hostile core=1 dispatchers crowd 40
module /sbin/hostile core=1 dispatchers self
MENU
# One victim in a machine: the memory of one that is stopped may become the frame of the next, while the
# writer on the other core still has it mapped (docs/monitor.md says what is missing for that).
shared=(fpu base endpoints identify)
for what in "${shared[@]}"; do
    scenario "shared-$what" 2 '100 s' "console: wrote $what" <<MENU
module /sbin/hostile core=1 share victim $what
module /sbin/hostile core=0 share writer $what
MENU
done
# Who it says has ended runs on, and nobody is told otherwise.
scenario forge 2 '100 s' 'console: survived dispatchers forge
  - not: ended with status 255
  - console: Hello World
    core: 1' <<'MENU'
module /sbin/hostile core=1 dispatchers forge
module /sbin/hello core=1
MENU
for engine in $ENGINES; do
    for name in dispatchers "${shared[@]/#/shared-}" forge; do
        vmm run --engine "$engine" "$TMP/$name.yaml"
        exits_with 0
    done
done

# Dispatchers that lack something are kept out; upcalls find clean registers; who naps or hands the core over
# takes no more than his turns.  (How long computing takes is a fact in virtual time only.)
for what in incomplete registers naps gifts; do
    scenario "upcalls-$what" 2 '100 s' "console: survived upcalls $what" <<MENU
module /sbin/hostile core=1 upcalls $what
MENU
done
for engine in $ENGINES; do
    for what in 'incomplete:incomplete dispatchers: kept out' 'registers:registers of upcalls: clean'; do
        vmm run --engine "$engine" "$TMP/upcalls-${what%%:*}.yaml"
        exits_with 0
        says "${what#*:}"
    done
done
case " $ENGINES " in
*' unicorn '*)
    for what in naps gifts; do
        vmm run --engine unicorn "$TMP/upcalls-$what.yaml"
        exits_with 0
        says 'a fair share'
    done
    ;;
esac

# What many have nobody takes from them: boot information, the programs of the menu, memory that
# another core uses.  Afterwards programs start as ever.
scenario authority 2 '100 s' 'console: "boot information: kept"
  - console: "modules: kept"
  - console: "lent memory: kept"
  - console: {regex: "page fault: write of address 0x[0-9a-f]+ .*domain stopped"}
    core: 0
  - not: "allowed:"
  - console: Hello World
    core: each' <<'MENU'
module /sbin/hostile boot authority modules
module /sbin/hostile core=0 authority bootinfo
module /sbin/hostile core=1 authority owner
module /sbin/hostile core=0 authority borrower
module /sbin/hello core=0-1
MENU
for engine in $ENGINES; do
    vmm run --engine "$engine" "$TMP/authority.yaml"
    exits_with 0
done

# So many that their ends, one within the other, would not fit on the CPU driver's stack.  (On KVM,
# where ring 0 may be slow, making them takes too long.)
case " $ENGINES " in
*' unicorn '*)
    scenario crowd 2 '100 s' 'console: survived dispatchers crowd' <<'MENU'
module /sbin/hostile core=1 dispatchers crowd 1000
MENU
    vmm run --engine unicorn "$TMP/crowd.yaml"
    exits_with 0
    ;;
esac

# Somebody who guesses the number of the service to which a domain's agent connects, and is there before it: the
# domain spans the cores all the same.  (The moment is found in virtual time.)
case " $ENGINES " in
*' unicorn '*)
    scenario impostor 2 '100 s' 'console: "spanning: all parts passed"
  - console: "taken: some"
  - exit: 0' <<'MENU'
module /sbin/hostile core=0 impostor agent 60
module /sbin/spanning core=0
MENU
    for seed in 1 2; do
        vmm run --engine unicorn --seed $seed "$TMP/impostor.yaml"
        exits_with 0
    done
    ;;
esac

# Two that ask without a pause whether lent memory is in use: its owner gets it back, at the first attempt.
case " $ENGINES " in
*' unicorn '*)
    scenario pester 2 '600 ms' 'console: survived pester owner
  - invariants: [capabilities]' <<'MENU'
module /sbin/hostile core=0 pester owner
module /sbin/hostile core=0 pester asker
module /sbin/hostile core=0 pester asker
module /sbin/hostile core=1 pester borrower
MENU
    vmm run --engine unicorn --seed 2 "$TMP/pester.yaml"
    exits_with 0
    ;;
esac

# The services that keep things, and those that start programs, asked for what no careful client would ask.
scenario careless 2 '100 s' 'console: survived stores files
  - console: survived stores records
  - console: survived stores facts
  - console: survived programs arguments
  - console: survived programs others
  - not: "wrong: "' <<'MENU'
module /sbin/ramfsd boot
module /sbin/octopus
module /sbin/skb
module /sbin/hostile core=1 stores files
module /sbin/hostile core=1 stores records
module /sbin/hostile core=1 stores facts
module /sbin/hostile core=1 programs arguments
module /sbin/hostile core=0 programs others
module /sbin/hello core=1
MENU
for engine in $ENGINES; do
    vmm run --engine "$engine" "$TMP/careless.yaml"
    exits_with 0
done

# A domain that the CPU driver had to stop ends like any other: whoever waits for it is told.
scenario stopped 2 '100 s' 'exit: 255' <<'MENU'
module /sbin/hostile core=1 frame stack
module /sbin/hello core=0
MENU
for engine in $ENGINES; do
    vmm run --engine "$engine" "$TMP/stopped.yaml"
    exits_with 0
    says 'dispatcher stopped'
done
