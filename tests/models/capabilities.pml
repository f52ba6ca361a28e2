/* SPDX-License-Identifier: MIT
 *
 * One piece of memory across cores (docs/capabilities.md): copies, release, reuse, revoke, and the
 * death of a core.  Core OWNER owns it.  Steps carry the names of the monitor's functions and messages.
 *
 * A copy has a ticket.  The owner keeps, for each ticket, the core that has it (kept); that core
 * keeps a witness.  Between two cores messages stay in order; other than that, anything may happen
 * at any time.  What domains do (copy, delete, share) is by whim, as often as tickets allow.
 *
 * What must hold:
 *   1. when a revoke has completed, no other core that lives has a copy or gets one;
 *   2. when the owner uses the memory for something else, nobody has a copy or gets one;
 *   3. one owner, no orphan: who has a copy, or something made of it, is known to the owner; when
 *      that is dead, nobody uses its memory before all cores have said that they have none;
 *   4. every operation ends: whatever is lost with a core that dies, nobody waits for ever (spin's
 *      invalid end states).
 *
 * Two operations of clients are under way at once (revoke and reuse, with the copies of others).
 *
 * Mutations, in each of which spin must find a violation:
 *   -DLOCKS_LATE      the owner lets the copy go before it keeps it
 *   -DPAST_OWNER      a core that has a copy gives one to another without asking the owner
 *   -DOVERTAKING      messages between two cores do not stay in order
 *   -DNO_MARK         domains go on copying what their core is about to delete
 *   -DNO_WITNESS      a core says that it has nothing without looking at what it got later
 *   -DDEATH_UNHEARD   who waits for a core is not told of its death
 *   -DREUSED_EARLY    the memory of a dead core is used when only one of the others has none
 */
#ifndef N
#define N 3
#endif
#define TICKETS 2
#define OWNER 0
#define NOBODY 255
#define DEPTH 3

mtype = { fetch_cap_reply, capops_request_copy, release_cap_request, release_cap_reply,
          capops_revoke_mark, capops_revoke_done };

chan line[N * N] = [DEPTH] of { mtype, byte /* ticket */, byte /* unused, or for whom */ };
#define TO(from, to) line[(from) * N + (to)]

byte kept[TICKETS];   /* the core that has this ticket's copy; NOBODY */
bool asked[TICKETS];  /* the owner has asked whether it is in use */
bool marked[TICKETS]; /* the owner has asked that it be deleted */
byte next_ticket;
bool reused;          /* the owner has made something else of the memory */
bool revoking;        /* the state OBSTACLE_REVOKING of the owner's monitor */

bool copy[N];            /* domains of the core have copies */
bool child[N];           /* ... or something that they made of them */
bool deleting[N];        /* Delete_foreigns has begun: the kernel's mark */
byte witness[N * TICKETS];
byte deleted_ticket[N];  /* what to answer when it is done */
bool dead[N];
bool told[N * N];        /* has i heard of the death of j? */
bool given_up[N];        /* i has nothing of what the dead owner had */
byte deaths = 1;
byte asks = 1;  /* of the memory server */
byte makes = 1; /* domains retype so often */

#define HAS(c) (copy[c] || child[c])
#ifdef NO_MARK
#define MARKED(c) false
#else
#define MARKED(c) deleting[c]
#endif

/* Is a copy under way to core c?  (From whomever.) */
inline look_for_copies(c, result) {
    result = false;
    k = 0;
    do
    :: k < N ->
        if
        :: TO(k, c)??[fetch_cap_reply, _, _] -> result = true
        :: else -> skip
        fi;
        k++
    :: else -> break
    od;
    k = 0
}

/* 1. and 2.: after this nobody else has anything */
inline nobody_has_any() {
    j = 0;
    do
    :: j < N ->
        if
        :: j != OWNER && !dead[j] ->
            look_for_copies(j, found);
            assert(!HAS(j) && (!found || told[j * N + OWNER]))
        :: else -> skip
        fi;
        j++
    :: else -> break
    od;
    j = 0; found = false
}

/* 3. */
inline owner_knows(c) {
    found = dead[OWNER];
    k = 0;
    do
    :: k < TICKETS -> found = found || kept[k] == c; k++
    :: else -> break
    od;
    k = 0;
    assert(found || !HAS(c));
    found = false
}

inline forget(t) {
    kept[t] = NOBODY;
    asked[t] = false;
    marked[t] = false
}

/* Something is kept for another core: the kernel refuses, RETRY_THROUGH_MONITOR. */
inline look_for_kept(result) {
    result = false;
    k = 0;
    do
    :: k < TICKETS -> result = result || kept[k] != NOBODY; k++
    :: else -> break
    od;
    k = 0
}

/* The owner lets a copy go, or (refused: MON_ERR_REMOTE_CAP_RETRY) does not. */
#define MAY_LET_GO (!dead[OWNER] && !revoking && !reused && next_ticket < TICKETS)
#define ROOM(from, to) (len(TO(from, to)) < DEPTH)

inline let_go(dst) {
#ifndef LOCKS_LATE
    kept[next_ticket] = dst;
#endif
    TO(OWNER, dst)!fetch_cap_reply, next_ticket, 0;
    next_ticket++
}

inline release_unused(t) {
    asks--;
    asked[t] = true;
    TO(OWNER, j)!release_cap_request, t, 0
}

/* What the owner does about core j. */
proctype owner(byte j) {
    byte t, arg;
    mtype what;
end:
    do
    :: dead[OWNER] -> break
    :: atomic { /* parcel_fetch: a domain there collects */
        MAY_LET_GO && !told[OWNER * N + j] && ROOM(OWNER, j) -> let_go(j)
    }
#ifdef LOCKS_LATE
    :: atomic {
        !dead[OWNER] && next_ticket == 1 && kept[0] == NOBODY && !told[OWNER * N + j] ->
        kept[0] = j;
        next_ticket = TICKETS
    }
#endif
    :: atomic { /* release_unused: the memory server misses memory */
        !dead[OWNER] && asks > 0 && kept[0] == j && !asked[0] && ROOM(OWNER, j) -> release_unused(0)
    }
    :: atomic {
        !dead[OWNER] && asks > 0 && kept[1] == j && !asked[1] && ROOM(OWNER, j) -> release_unused(1)
    }
    :: atomic { /* a message */
        !dead[OWNER] && len(TO(j, OWNER)) > 0 && !told[OWNER * N + j] ->
        TO(j, OWNER)?what, t, arg;
        if
        :: what == capops_request_copy ->
            if
            :: kept[t] == j && MAY_LET_GO && !told[OWNER * N + arg] && ROOM(OWNER, arg) ->
                let_go(arg)
            :: else -> skip
            fi
        :: what == release_cap_reply && kept[t] == j ->
            asked[t] = false;
            if
            :: arg == 1 -> forget(t)
            :: else -> skip
            fi
        :: what == capops_revoke_done && kept[t] == j -> forget(t)
        :: else -> skip
        fi;
        t = 0; arg = 0; what = 0
    }
    :: atomic { /* kept_core_died */
        !dead[OWNER] && dead[j] && !told[OWNER * N + j] ->
        told[OWNER * N + j] = true;
#ifndef DEATH_UNHEARD
        do
        :: t < TICKETS ->
            if
            :: kept[t] == j -> forget(t)
            :: else -> skip
            fi;
            t++
        :: else -> break
        od;
        t = 0
#endif
    }
    od
}

/* A domain of the owner's core calls cap_revoke(). */
proctype revoker() {
    byte j, k, t, tries;
    bool found, reply;
    do
    :: dead[OWNER] -> break
    :: atomic { /* the kernel's word; what is on this core is gone in any case */
        !dead[OWNER] ->
        look_for_kept(found);
        if
        :: !found -> nobody_has_any(); break
        :: else -> skip
        fi;
        found = false
    }
        if
        :: tries == 2 -> break /* MON_ERR_REMOTE_CAP_RETRY to the domain */
        :: else -> tries++
        fi;
        atomic { /* obstacle_revoke */
            if
            :: !dead[OWNER] -> revoking = true
            :: else -> skip
            fi
        }
        t = 0;
        do
        :: t < TICKETS ->
            atomic {
                if
                :: dead[OWNER] || kept[t] == NOBODY -> skip
                :: !dead[OWNER] && kept[t] != NOBODY && len(TO(OWNER, kept[t])) < DEPTH ->
                    marked[t] = true;
                    TO(OWNER, kept[t])!capops_revoke_mark, t, 0
                fi;
                t++
            }
        :: else -> break
        od;
        t = 0;
        do
        :: t < TICKETS -> dead[OWNER] || !marked[t]; t++ /* answered, or known to be dead */
        :: else -> break
        od;
        atomic { t = 0; revoking = false }
    od
}

/* A domain of the owner's core has deleted its own and makes something else of the memory. */
proctype retyper() {
    byte j, k;
    bool found;
    do
    :: dead[OWNER] -> break
    :: atomic {
        !dead[OWNER] && !revoking ->
        look_for_kept(found);
        if
        :: !found -> reused = true; nobody_has_any(); break
        :: else -> break /* SYS_ERR_REVOKE_FIRST */
        fi
    }
    od
}

/* What the domains of a core do, and its monitor without being asked. */
proctype sharer(byte me) {
    byte j, k, t;
    bool found;
end:
    do
    :: dead[me] -> break
    :: atomic { !dead[me] && copy[me] -> copy[me] = false }   /* domains delete */
    :: atomic { !dead[me] && child[me] -> child[me] = false }
    :: atomic { /* domains retype: a part of a Frame is a Frame */
        !dead[me] && copy[me] && makes > 0 && !child[me] && !MARKED(me) ->
        child[me] = true;
        makes--
    }
    :: atomic { /* parcel_fetch: a domain of another core wants a copy of ours */
        !dead[me] && copy[me] && next_ticket < TICKETS && N > 2 ->
        j = (me == 1 -> 2 : 1);
#ifdef PAST_OWNER
        if
        :: ROOM(me, j) ->
            TO(me, j)!fetch_cap_reply, next_ticket, 0;
            next_ticket++
        :: else -> skip
        fi;
#else
        t = (kept[0] == me -> 0 : 1);
        if
        :: kept[t] == me && ROOM(me, OWNER) && makes > 0 ->
            makes--;
            TO(me, OWNER)!capops_request_copy, t, j
        :: else -> makes = 0
        fi;
#endif
        j = 0; t = 0
    }
    :: atomic { /* Delete_foreigns, the last share of it */
        !dead[me] && deleting[me] && ROOM(me, OWNER) ->
        deleting[me] = false;
        copy[me] = false;
#ifndef NO_MARK /* else what was made meanwhile stays */
        child[me] = false;
#endif
        witness[me * TICKETS + deleted_ticket[me]] = 0;
        if
        :: !told[me * N + OWNER] -> TO(me, OWNER)!capops_revoke_done, deleted_ticket[me], 0
        :: else -> skip
        fi;
        deleted_ticket[me] = 0;
        owner_knows(me)
    }
    :: atomic { /* kept_core_died */
        !dead[me] && dead[OWNER] && !told[me * N + OWNER] ->
        told[me * N + OWNER] = true
    }
    :: atomic { /* kept_holds_of */
        !dead[me] && told[me * N + OWNER] && !HAS(me) && !deleting[me] -> given_up[me] = true; break
    }
    od
}

/* What a core hears from another one. */
proctype ear(byte me, from) {
    byte k, t, arg;
    bool found;
    mtype what;
end:
    do
    :: dead[me] -> break
    :: atomic {
        !dead[me] && !deleting[me] && len(TO(from, me)) > 0 && !told[me * N + from] &&
            ROOM(me, OWNER) ->
#ifdef OVERTAKING
        if
        :: TO(from, me)?what, t, arg
        :: TO(from, me)??[capops_revoke_mark, _, _] ->
            TO(from, me)??capops_revoke_mark, t, arg;
            what = capops_revoke_mark
        fi;
#else
        TO(from, me)?what, t, arg;
#endif
        if
        :: what == fetch_cap_reply -> /* parcel_fetched */
            copy[me] = true;
            witness[me * TICKETS + t] = 1;
#ifndef LOCKS_LATE
            owner_knows(me)
#endif
        :: what == release_cap_request ->
#ifdef NO_WITNESS
            TO(me, OWNER)!release_cap_reply, t, 1
#else
            if
            :: witness[me * TICKETS + t] == 1 && HAS(me) -> TO(me, OWNER)!release_cap_reply, t, 0
            :: else ->
                witness[me * TICKETS + t] = 0;
                TO(me, OWNER)!release_cap_reply, t, 1
            fi
#endif
        :: what == capops_revoke_mark ->
            deleting[me] = true;
            deleted_ticket[me] = t;
#ifdef NO_MARK
            child[me] = false
#endif
        :: else -> skip
        fi;
        t = 0; arg = 0; what = 0
    }
    od
}

/* A core dies, and is fenced at once. */
proctype death() {
    byte j;
end:
    atomic {
        deaths > 0;
        select (j : 0 .. N - 1);
        dead[j] = true;
        j = 0;
        deaths--
    }
}

/* The starter uses the memory of a dead core again. */
proctype estate() {
    byte j, k;
    bool found;
end:
    atomic {
#ifdef REUSED_EARLY
        dead[OWNER] && (given_up[1] || given_up[N - 1]);
#else
        dead[OWNER] && (given_up[1] || dead[1]) && (given_up[N - 1] || dead[N - 1]);
#endif
        nobody_has_any()
    }
}

init {
    byte i;
    atomic {
        kept[0] = NOBODY;
        kept[1] = NOBODY;
        run revoker();
        run retyper();
        run death();
        run estate();
        i = 1;
        do
        :: i < N ->
            run owner(i);
            run sharer(i);
            run ear(i, OWNER);
            i++
        :: else -> break
        od;
#ifdef PAST_OWNER
        run ear(1, 2);
        run ear(2, 1);
#endif
        i = 0
    }
}
