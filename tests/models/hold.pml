/* SPDX-License-Identifier: MIT
 *
 * A core that holds the cause of notifications (guest/kernel/hold.c) loses none of them.
 *
 * Senders and the core take their steps in any order; each is one access to memory that all see in
 * the same order (they are locked ones).  The core holds, lets go, idles and works by whim.  A kick
 * makes the machine look once, at a core that is neither in the CPU driver nor idle; an idle core
 * is looked at always.  The timer may come at any time while it is armed.
 *
 * What must hold: when nothing can happen any more, no notification is pending.  Whoever runs then
 * may run for ever, so nothing but an interrupt would have brought it.
 *
 * -DN=3: senders.  With each of these left out spin must find a violation:
 * -DLOOKS_EARLY: who notifies looks whether the cause is held before it sets it.
 * -DTAKES_FIRST: the core lets go of the cause after it took the causes, and does not take again.
 * -DNO_TIMER: the end of a hold is left to whatever interrupt comes next.
 * -DIDLES_HELD: an idle core may hold.
 */
#ifndef N
#define N 3
#endif

bool pending[N];
bool cause, held, armed, kicked;

proctype sender(byte me) {
    byte left = 2;
    bool found_held;
    do
    :: left > 0 ->
        left--;
        pending[me] = true;
#ifdef LOOKS_EARLY
        found_held = held;
        cause = true;
#else
        cause = true;
        found_held = held;
#endif
        if
        :: !found_held -> kicked = true
        :: else -> skip
        fi
    :: else -> break
    od
}

proctype core() {
    byte i;
    bool taken;

running: /* for a while, or for ever */
    if
    :: goto idle
    :: skip
    fi;
end_computing:
    do
    :: atomic { kicked -> kicked = false };
        if
        :: cause && !held -> goto interrupt
        :: else -> skip
        fi
    :: atomic { armed -> armed = false }; goto interrupt
    od;

interrupt:
    atomic { taken = cause; cause = false };
    if
    :: held ->
        if
        :: held = false; /* it is over */
#ifndef TAKES_FIRST
            atomic { taken = taken || cause; cause = false }
#endif
        :: skip
        fi
    :: else -> skip
    fi;
    if
    :: taken ->
        if
        :: held = true /* too many */
        :: skip
        fi;
        i = 0;
        do
        :: i < N -> pending[i] = false; i++
        :: else -> break
        od
    :: else -> skip
    fi;
    i = 0;
    taken = false;
    if
    :: goto idle /* at once: nobody is there to run */
    :: skip
    fi;
#ifndef NO_TIMER
    if
    :: held -> armed = true
    :: else -> skip
    fi;
#endif
    goto running;

idle:
#ifndef IDLES_HELD
    held = false;
#endif
    armed = false;
end_halted:
    cause && !held -> kicked = false;
    goto interrupt
}

/* Nothing goes on by itself any more. */
proctype judge() {
    byte i;
    timeout ->
        do
        :: i < N -> assert(!pending[i]); i++
        :: else -> break
        od
}

init {
    byte i;
    atomic {
        run core();
        run judge();
        do
        :: i < N -> run sender(i); i++
        :: else -> break
        od
    }
}
