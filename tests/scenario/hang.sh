#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A hang explains itself: for each way in which the program hang waits for what never comes, the
# first five lines of the report name the culprit.
# shellcheck source=tests/scenario/lib/common.bash
. "$(dirname "$0")/lib/common.bash"

need_engine
need_image sbin/hang

# hangs WAY REGEX [ENGINE...]: what the report of `hang WAY` must say at once
hangs() {
    local way=$1 regex=$2 engine
    shift 2
    scenario "hang-$way" 2 '20 s' 'console: never said' <<MENU
module /sbin/hang core=0 server
module /sbin/hang core=1 $way
MENU
    for engine in "$@"; do
        vmm run --engine "$engine" --deadline "${deadline:-20s}" "$TMP/hang-$way.yaml"
        exits_with 1
        sed -n '/^  run ended:/,$p' "$TMP/out" | head -n 6 >"$TMP/head"
        grep -qE -- "$regex" "$TMP/head" || fail "the first five lines do not say: $regex"
        ! grep -q 'init\.0 thread' "$TMP/out" || fail "who has ended waits for something"
        tail -n 1 "$TMP/out" | grep -q '^FAIL ' || fail "the verdict is not the last line"
        [ "$(sed -n '/^  core 0, last/,$p' "$TMP/out" | wc -l)" -le 50 ] || fail "more than a screen"
    done
}

read -ra engines <<<"$ENGINES"
hangs reply 'hang\.1 thread 1 waits for hang\.ask_response of its binding with hang\.0 \(iref' \
    "${engines[@]}"
# KVM: nobody has to wait for the deadline of a machine in which nothing can happen
case " $ENGINES " in
*' kvm '*)
    deadline=600min patience=120 hangs semaphore 'hang\.1 .*semaphore' kvm
    says '^FAIL .*every core sleeps and nothing is due: '
    KERNEL_OPTIONS=recheck=10ms MONITOR_OPTIONS=heartbeat=20ms \
        deadline=600min patience=120 hangs join 'hang\.1 thread 1 waits for the end of thread 2' kvm
    says '^FAIL .*nothing is due but heartbeats and timers that look again'
    ;;
esac
case " $ENGINES " in
*' unicorn '*) ;;
*) exit 0 ;;
esac

hangs send 'hang\.1 thread 1 cannot send hang\.fill: no room in its binding with hang\.0 \(iref' unicorn
grep -qE '^  ring from core 1 to 0 of hang:hang\.0<-hang\.1#1: [0-9]+ of 31 lines .*it is full, at least [0-9]+ not read$' \
    "$TMP/head" || fail "the full ring is missing"
hangs name 'hang\.1 thread 1 waits for nameservice\..* of its binding with chips\.0' unicorn
hangs deadlock 'hang\.1 thread 1 waits for mutex 0x[0-9a-f]+, held by thread 2, at hang!.*\(main\.c:' unicorn
grep -qE 'hang\.1 thread 2 waits for mutex 0x[0-9a-f]+, held by thread 1, at hang!take_second' "$TMP/head" ||
    fail "the other half of the deadlock is missing"
hangs abandoned 'hang\.1 thread 1 waits for mutex 0x[0-9a-f]+, held by thread 2, which has ended' unicorn
hangs condition 'hang\.1 thread 1 waits for a signal of condition variable .*, at hang!.*\(main\.c:' unicorn
hangs semaphore 'hang\.1 thread 1 waits for semaphore .*, at hang!.*\(main\.c:' unicorn
hangs join 'hang\.1 thread 1 waits for the end of thread 2, at hang!.*\(main\.c:' unicorn
hangs sleep 'hang\.1 thread 1 sleeps for ever, at hang!' unicorn
hangs empty 'hang\.1 thread 1 waits for events of a waitset that has no channel' unicorn
hangs paused 'hang\.1 thread 1 is paused' unicorn
deadline=20ms hangs spin 'hang\.1 thread 1 (runs|could run)$' unicorn

# On request, while the machine goes on.
for engine in "${engines[@]}"; do
    : >"$TMP/out"
    env --default-signal=QUIT,TERM "$VMM" run --engine "$engine" --deadline 600min \
        "$TMP/hang-spin.yaml" >"$TMP/out" 2>&1 </dev/null &
    run=$!
    for ((turn = 0; turn < 900; turn++)); do
        grep -q 'hangs: spin' "$TMP/out" && break
        kill -0 "$run" 2>/dev/null || fail "the run ended"
        sleep 0.1
    done
    kill -QUIT "$run"
    for ((turn = 0; turn < 900; turn++)); do
        grep -q 'wait for whatever comes:' "$TMP/out" && break
        kill -0 "$run" 2>/dev/null || fail "the run ended"
        sleep 0.1
    done
    kill -TERM "$run"
    status=0
    # shellcheck disable=SC2034  # exits_with looks at it
    wait "$run" || status=$?
    exits_with 130
    says '^-- what each thread waits for:'
    # another domain may have the core at that moment
    says '^   hang\.1 thread 1 (runs|could run)$'
done
