/* SPDX-License-Identifier: MIT
 *
 * Agreement on the death of cores (docs/agreement.md).
 *
 * Each monitor has a view (cores it knows to be dead), suspects that it never takes back while they are in no
 * view, and the votes it has collected for exactly these two sets.  Suspicion is by whim: anybody may
 * suspect anybody at any time, so time-outs, stalls, partitions and lost messages are all in it.  A vote is
 * read from its voter at any time, or never.
 *
 * What must hold:
 *   1. nobody is fenced who has taken part in a decision that stands against him who fences: of two
 *      decisions under way, never does each kill a member of the other's side;
 *   2. a core that is fenced does nothing;
 *   3. somebody survives.
 *
 * -DN=4: cores.  -DTAKES_BACK: suspicions may be withdrawn.  -DNO_MAJORITY: a minority may decide.
 * -DANY_SET: a vote counts though it is for another set.  With each of these spin must find a violation.
 */
#ifndef N
#define N 3
#endif
#define BIT(i) (1 << (i))
#define ALL (BIT(N) - 1)

byte view[N];     /* known to be dead */
byte suspects[N]; /* disjoint from view */
byte votes[N];    /* whose vote for (view, suspects) we have; our own is among them */
byte deciding[N]; /* suspects whose fence is under way */
byte fenced;      /* by the power device: all at once, and for ever */

inline count(set, n) {
    n = 0;
    k = 0;
    do
    :: k < N -> n = n + ((set >> k) & 1); k++
    :: else -> break
    od
}

/* Is `side` most of the members, or half of them and the lowest is among them? */
inline is_most(side, members, result) {
    count(side, in);
    count(members, all);
    result = (2 * in > all) || (2 * in == all && (side & members & (-members)) != 0);
#ifdef NO_MAJORITY
    result = true;
#endif
}

#define members(i) (ALL & ~view[i])
#define side(i) (members(i) & ~suspects[i])
#ifdef ANY_SET
#define same(i, j) (view[j] == view[i])
#else
#define same(i, j) (view[j] == view[i] && suspects[j] == suspects[i])
#endif
#define alive(i) ((fenced & BIT(i)) == 0)

proctype monitor(byte me) {
    byte j, k, in, all;
    bool most;
    votes[me] = BIT(me);
    do
    :: atomic { /* SUSPECT */
        alive(me) && deciding[me] == 0 ->
        select (j : 0 .. N - 1);
        if
        :: j != me && (side(me) & BIT(j)) != 0 ->
            suspects[me] = suspects[me] | BIT(j);
            votes[me] = BIT(me)
        :: else -> skip
        fi;
        j = 0
    }
#ifdef TAKES_BACK
    :: atomic {
        alive(me) && deciding[me] == 0 && suspects[me] != 0 ->
        suspects[me] = 0;
        votes[me] = BIT(me)
    }
#endif
    :: atomic { /* VOTE of j arrives */
        alive(me) && deciding[me] == 0 && suspects[me] != 0 ->
        select (j : 0 .. N - 1);
        if
        :: (side(me) & BIT(j)) != 0 && same(me, j) -> votes[me] = votes[me] | BIT(j)
        :: else -> skip
        fi;
        j = 0
    }
    :: atomic { /* DECIDE */
        alive(me) && deciding[me] == 0 && suspects[me] != 0 && (votes[me] & side(me)) == side(me) ->
        is_most(side(me), members(me), most);
        if
        :: most ->
            deciding[me] = suspects[me];
            j = 0;
            do
            :: j < N ->
                assert(j == me || !alive(j) || (deciding[me] & BIT(j)) == 0 ||
                       (deciding[j] & BIT(me)) == 0);
                j++
            :: else -> break
            od
        :: else -> skip
        fi;
        j = 0; k = 0; in = 0; all = 0; most = false
    }
    :: atomic { /* FENCE, then DEAD */
        alive(me) && deciding[me] != 0 ->
        fenced = fenced | deciding[me];
        assert(fenced != ALL);
        view[me] = view[me] | deciding[me];
        suspects[me] = suspects[me] & ~view[me];
        deciding[me] = 0;
        votes[me] = BIT(me)
    }
    :: atomic { /* DEAD arrives from j */
        alive(me) && deciding[me] == 0 ->
        select (j : 0 .. N - 1);
        if
        :: (view[j] & ~view[me]) != 0 ->
            assert((view[j] & BIT(me)) == 0);
            view[me] = view[me] | view[j];
            suspects[me] = suspects[me] & ~view[me];
            votes[me] = BIT(me)
        :: else -> skip
        fi;
        j = 0
    }
    od
}

init {
    byte i;
    atomic {
        do
        :: i < N -> run monitor(i); i++
        :: else -> break
        od
    }
}
