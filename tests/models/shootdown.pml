/* SPDX-License-Identifier: MIT
 *
 * TLB shootdown (docs/monitor.md): the root's domain unmaps a page that cores 1 .. N - 1 use.  Core
 * 1 is the leader of a package, and tells the cores behind it.  Steps carry the names of the
 * monitor's functions and messages (parts/shootdown.c);
 * messages between two cores stay in order, and take any time.  Cores die at any moment.
 *
 * What must hold:
 *   1. when the domain is told that it is unmapped, no core that lives uses the old translation,
 *      nor will again: after that the frame is somebody else's;
 *   2. the round ends (spin's invalid end states), also if cores die.
 *
 * Mutations, in each of which spin must find a violation:
 *   -DANSWERED_EARLY  a leader answers when its own agent has, not when those below have
 *   -DNO_LOCAL        a core answers before its agent has
 *   -DORPHANS         those below a leader that has died are not told once more
 *   -DDEATH_UNHEARD   who waits for a core is not told of its death
 *   -DUNFENCED        a death is known before the dead core is fenced
 */
#ifndef N
#define N 4
#endif
#define ROOT 0
#define LEADER 1
#define DEPTH 2

mtype = { shootdown, shootdown_tree, shootdown_done };

chan line[N * N] = [DEPTH] of { mtype };
#define TO(from, to) line[(from) * N + (to)]

bool uses[N];     /* its domain may use the old translation */
bool local_[N];   /* the agent there has been asked, and has not answered */
bool under_way[N]; /* a round */
byte above[N];    /* who told it */
bool waits[N * N]; /* [a * N + b]: a's round waits for b */
bool dead[N], fenced[N];
bool told[N * N]; /* [a * N + b]: a knows that b is dead */
bool asked, over;
byte deaths = 2;

#define WAITS(a, b) waits[(a) * N + (b)]
#define KNOWS(a, b) told[(a) * N + (b)]

/* round_look(): nothing is awaited any more? */
inline look(c) {
    k = 0;
    do
#ifdef ANSWERED_EARLY
    :: k < N && (c != ROOT || !WAITS(c, k)) -> k++
#else
    :: k < N && !WAITS(c, k) -> k++
#endif
    :: else -> break
    od;
    if
    :: c != ROOT && under_way[c] && k == N && !local_[c] ->
        under_way[c] = false;
        TO(c, above[c])!shootdown_done
    :: c == ROOT && asked && !over && k == N -> /* reply_shootdown */
        over = true;
        k = 1;
        do
        :: k < N -> assert(fenced[k] || !uses[k]); k++
        :: else -> break
        od
    :: else -> skip
    fi;
    k = 0
}

/* tell(): not to one that is known to be dead. */
inline tell(a, b, how) {
    if
    :: KNOWS(a, b) -> skip
    :: else ->
        WAITS(a, b) = true;
        TO(a, b)!how
    fi
}

inline tell_each_behind(a) {
    i = LEADER + 1;
    do
    :: i < N -> tell(a, i, shootdown); i++
    :: else -> break
    od;
    i = 0
}

proctype root() {
    byte i, k;
    atomic { /* shootdown_asked */
        if
        :: KNOWS(ROOT, LEADER) -> tell_each_behind(ROOT) /* tell_by_plan: there is no leader */
        :: else -> tell(ROOT, LEADER, shootdown_tree)
        fi;
        asked = true;
        look(ROOT)
    }
    over /* the round ends */
}

/* shootdown_answered, at the root and at the leader */
proctype hears_answer(byte me, from) {
    byte k;
end:
    do
    :: fenced[me] || KNOWS(me, from) -> break
    :: atomic {
        !dead[me] && !KNOWS(me, from) && len(TO(from, me)) > 0 ->
        TO(from, me)?shootdown_done;
        WAITS(me, from) = false;
        look(me)
    }
    od
}

/* shootdown_core_died */
proctype hears_death(byte me, whose) {
    byte i, k;
end:
    atomic {
#ifdef UNFENCED
        !dead[me] && dead[whose] ->
#else
        !dead[me] && fenced[whose] ->
#endif
        KNOWS(me, whose) = true;
#ifndef DEATH_UNHEARD
        if
        :: WAITS(me, whose) ->
            WAITS(me, whose) = false;
#ifndef ORPHANS
            if
            :: me == ROOT && whose == LEADER -> tell_each_behind(ROOT)
            :: else -> skip
            fi;
#endif
            look(me)
        :: else -> skip
        fi
#endif
    }
}

/* shootdown_told; one that is told twice has two rounds, one after the other */
proctype hears(byte me, from) {
    byte i, k;
    mtype how;
end:
    do
    :: fenced[me] || KNOWS(me, from) -> break
    :: atomic {
        !dead[me] && !KNOWS(me, from) && !under_way[me] && len(TO(from, me)) > 0 ->
        TO(from, me)?how;
        above[me] = from;
        under_way[me] = true;
        if
        :: how == shootdown_tree -> tell_each_behind(me)
        :: else -> skip
        fi;
        how = 0;
#ifdef NO_LOCAL
        look(me)
#else
        local_[me] = true /* ask_agent */
#endif
    }
    od
}

/* The agent, and shootdown_unmapped. */
proctype agent(byte me) {
    byte k;
end:
    do
    :: fenced[me] -> break
#ifdef NO_LOCAL
    :: atomic { !dead[me] && uses[me] && above[me] != me -> uses[me] = false }
#else
    :: atomic {
        !dead[me] && local_[me] ->
        local_[me] = false;
        uses[me] = false;
        look(me)
    }
#endif
    od
}

/* A core stops to answer, and is fenced some time later: until then its domain may run. */
proctype death(byte who) {
end:
    atomic { deaths > 0 && !over -> deaths--; dead[who] = true };
    fenced[who] = true
}

init {
    byte i;
    atomic {
        i = 1;
        do
        :: i < N ->
            uses[i] = true;
            above[i] = i;
            run hears(i, ROOT);
            run hears_answer(ROOT, i);
            run hears_death(ROOT, i);
            run agent(i);
            run death(i);
            if
            :: i > LEADER ->
                run hears(i, LEADER);
                run hears_answer(LEADER, i);
                run hears_death(LEADER, i);
                run hears_death(i, LEADER)
            :: else -> skip
            fi;
            i++
        :: else -> break
        od;
        i = 0;
        run root()
    }
}
