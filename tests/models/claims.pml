/* SPDX-License-Identifier: MIT
 *
 * RAM that core OWNER owns and others have as a name (docs/capabilities.md, claim): each makes
 * something of its two pages by whim, and deletes it; the owner asks for what is unused, uses pages
 * itself, and revokes all; and one core dies.  Steps carry the names of the monitor's functions and
 * messages.  Messages between two cores stay in order; other than that, anything may happen at any
 * time.
 *
 * What must hold:
 *   1. what one core has made of a page, no other core that lives has made something of;
 *   2. when the revoke has completed, no other core that lives has the RAM, a piece of it, or
 *      anything made of it, nor gets it;
 *   3. every operation ends (spin's invalid end states).
 *
 * Mutations, in each of which spin must find a violation:
 *   -DNO_ENTRY       the owner says yes, and keeps nothing
 *   -DNO_TURN        a claim does not wait for the revoke
 *   -DANSWER_IS_ALL  who has been answered makes it, though he has given the piece back meanwhile
 *   -DNAME_FIRST     a core deletes the RAM before the pieces that lie in it
 *   -DDEATH_UNHEARD  who waits for a core is not told of its death
 */
#ifndef N
#define N 3
#endif
#define OWNER 0
#define PAGES 2
#define WHOLE 2 /* what is marked: a page, or this */
#define DEPTH 6

#if N == 2
#define ANY(of) (of(1))
#else
#define ANY(of) (of(1) || of(2))
#endif
#define WANTS(c) (wants[AT(c, 0)] || wants[AT(c, 1)])
#define CHECKS(c) (checks[AT(c, 0)] || checks[AT(c, 1)] || asked[AT(c, 0)] || asked[AT(c, 1)])
#define TOLD_TO(c) (len(TO(OWNER, c)) > 0)
#define HEARD(c) (!told[c] && len(TO(c, OWNER)) > 0)
#define FELL(c) (dead[c] && !told[c])

mtype = { capops_request_retype, capops_retype_response, release_cap_request, release_cap_reply,
          capops_revoke_mark, capops_revoke_done };

chan line[N * N] = [DEPTH] of { mtype, byte /* page */, bool /* yes, unused */ };
#define TO(from, to) line[(from) * N + (to)]
#define ROOM(from, to) (len(TO(from, to)) + 2 < DEPTH)
#define AT(c, p) ((c) * PAGES + (p))

bool name_[N];           /* the core has the RAM as a name */
bool used[N * PAGES];    /* something is made of the page */
bool piece[N * PAGES];   /* claimed: the witness */
bool answered_[N * PAGES]; /* the domain has been told yes, and will make it */
bool claims[N * PAGES];  /* CAPOP_CLAIMING */
bool marked[N];          /* the name goes */
bool goes[N * PAGES];    /* the piece does */
bool kept[N * PAGES];    /* OWNER: the entry of a piece */
bool lent[N];            /* OWNER: the entry of the name */
bool asked[N * PAGES];
bool wants[N * PAGES];   /* OWNER: a claim, CAPOP_WAITING */
bool checks[N * PAGES];  /* OWNER: a claim, CAPOP_CHECKING */
bool waits[N * 3];       /* OWNER: the revoke waits for this answer */
bool revoking, revoked;
bool dead[N], told[N];
byte deaths = 1, makes = (N == 2 -> 4 : 2), asks = 2, own_makes = 1;

inline one_user(c, p) {
    j = 0;
    do
    :: j < N -> assert(j == c || dead[j] || !used[AT(j, p)]); j++
    :: else -> break
    od;
    j = 0
}

/* Is the page free, as the CPU driver of the owner sees it? */
inline look(p) {
    free = !used[AT(OWNER, p)];
    j = 1;
    do
    :: j < N -> free = free && !kept[AT(j, p)]; j++
    :: else -> break
    od;
    j = 0
}

/* answered(), finish(), answer_claim(): in the step of the last answer. */
inline settle(p) {
    free = true; j = 1;
    do
    :: j < N -> free = free && !asked[AT(j, p)]; j++
    :: else -> break
    od;
    k = 1;
    do
    :: k < N ->
        if
        :: free && checks[AT(k, p)] ->
            checks[AT(k, p)] = false;
            look(p);
            if
            :: told[k] -> skip
            :: else ->
#ifndef NO_ENTRY
                kept[AT(k, p)] = free;
#endif
                TO(OWNER, k)!capops_retype_response, p, (free && lent[k])
            fi;
            kept[AT(k, p)] = kept[AT(k, p)] && lent[k];
            free = true
        :: else -> skip
        fi;
        k++
    :: else -> break
    od;
    k = 0; j = 0; free = false
}

/* The revoke's last answer. */
inline revoke_looks() {
    j = 0; free = true;
    do
    :: j < N * 3 -> free = free && !waits[j]; j++
    :: else -> break
    od;
    if
    :: revoking && free ->
        revoking = false;
        revoked = true;
        j = 1;
        do
        :: j < N ->
            assert(dead[j] || (!name_[j] && !piece[AT(j, 0)] && !piece[AT(j, 1)] &&
                               !used[AT(j, 0)] && !used[AT(j, 1)]));
            assert(dead[j] || !(TO(OWNER, j)??[capops_retype_response, _, true]));
            j++
        :: else -> break
        od
    :: else -> skip
    fi;
    j = 0; free = false
}

inline ask(c, p) {
    if
    :: kept[AT(c, p)] && !asked[AT(c, p)] && !told[c] ->
        asked[AT(c, p)] = true;
        TO(OWNER, c)!release_cap_request, p, 0
    :: else -> skip
    fi
}

proctype owner() {
    byte j, k, c, p;
    mtype what;
    bool free, flag;
end:
    do
    :: atomic { /* take_turns, ask(): those that have something of the page are asked */
#ifdef NO_TURN
        ANY(WANTS) ->
#else
        ANY(WANTS) && !revoking ->
#endif
        c = 1;
        do
        :: !WANTS(c) -> c++
        :: else -> break
        od;
        p = (wants[AT(c, 0)] -> 0 : 1);
        wants[AT(c, p)] = false;
        checks[AT(c, p)] = true;
        c = 1;
        do
        :: c < N -> ask(c, p); c++
        :: else -> break
        od;
        settle(p);
        c = 0; p = 0; free = false
    }
    :: atomic { /* cap_retype on the owner's core; then it is deleted */
        own_makes > 0 && !revoking ->
        own_makes--;
        select (p : 0 .. 1);
        look(p);
        if
        :: free -> used[AT(OWNER, p)] = true; one_user(OWNER, p)
        :: else -> skip
        fi;
        p = 0; free = false
    }
    :: atomic { used[AT(OWNER, 0)] -> used[AT(OWNER, 0)] = false }
    :: atomic { used[AT(OWNER, 1)] -> used[AT(OWNER, 1)] = false }
    :: atomic { /* kept_release_unused */
        asks > 0 ->
        asks--;
        c = 1;
        do
        :: c < N ->
            if
            :: ROOM(OWNER, c) && !revoking -> ask(c, 0); ask(c, 1)
            :: else -> skip
            fi;
            c++
        :: else -> break
        od;
        c = 0
    }
    :: atomic { /* cap_revoke: its turn is when nobody checks; pieces are asked for first */
        !revoking && !revoked && !ANY(CHECKS) && !ANY(TOLD_TO) ->
        revoking = true;
        used[AT(OWNER, 0)] = false; used[AT(OWNER, 1)] = false;
        c = 1;
        do
        :: c < N ->
            p = 0;
            do
            :: p < PAGES ->
                if
                :: kept[AT(c, p)] && !told[c] ->
                    waits[c * 3 + p] = true;
                    TO(OWNER, c)!capops_revoke_mark, p, 0
                :: else -> skip
                fi;
                p++
            :: else -> break
            od;
            if
            :: lent[c] && !told[c] ->
                waits[c * 3 + WHOLE] = true;
                TO(OWNER, c)!capops_revoke_mark, WHOLE, 0
            :: else -> skip
            fi;
            c++
        :: else -> break
        od;
        revoke_looks();
        c = 0; p = 0; free = false
    }
    :: atomic { /* a message */
        ANY(HEARD) ->
        c = 1;
        do
        :: !HEARD(c) -> c++
        :: else -> break
        od;
        TO(c, OWNER)?what, p, flag;
        if
        :: what == capops_request_retype -> wants[AT(c, p)] = true
        :: what == release_cap_reply ->
            asked[AT(c, p)] = false;
            if
            :: flag -> kept[AT(c, p)] = false; waits[c * 3 + p] = false
            :: else -> skip
            fi;
            settle(p)
        :: what == capops_revoke_done ->
            waits[c * 3 + p] = false;
            if
            :: p == WHOLE -> lent[c] = false
            :: else -> kept[AT(c, p)] = false
            fi;
            revoke_looks()
        fi;
        what = 0; c = 0; p = 0; flag = false
    }
    :: atomic { /* kept_core_died, and kept_core_given_up: nobody has any of what it owned */
        ANY(FELL) ->
        c = 1;
        do
        :: !FELL(c) -> c++
        :: else -> break
        od;
        told[c] = true;
#ifndef DEATH_UNHEARD
        lent[c] = false;
        wants[AT(c, 0)] = false; wants[AT(c, 1)] = false;
        checks[AT(c, 0)] = false; checks[AT(c, 1)] = false;
        kept[AT(c, 0)] = false; kept[AT(c, 1)] = false;
        asked[AT(c, 0)] = false; asked[AT(c, 1)] = false;
        waits[c * 3] = false; waits[c * 3 + 1] = false; waits[c * 3 + WHOLE] = false;
        settle(0);
        settle(1);
        revoke_looks();
#endif
        c = 0
    }
    od
}

#define MAKES(me, p) \
    !dead[me] && name_[me] && !marked[me] && !used[AT(me, p)] && !goes[AT(me, p)] && makes > 0

proctype other(byte me) {
    byte j, p;
    mtype what;
    bool flag;
end:
    do
    :: dead[me] -> break
    :: atomic { /* cap_retype: in what is claimed, or the monitor is asked */
        MAKES(me, 0) && !claims[AT(me, 0)] && !answered_[AT(me, 0)] && ROOM(me, OWNER) ->
        makes--;
        if
        :: piece[AT(me, 0)] -> used[AT(me, 0)] = true; one_user(me, 0)
        :: else -> claims[AT(me, 0)] = true; TO(me, OWNER)!capops_request_retype, 0, 0
        fi
    }
    :: atomic {
        MAKES(me, 1) && !claims[AT(me, 1)] && !answered_[AT(me, 1)] && ROOM(me, OWNER) ->
        makes--;
        if
        :: piece[AT(me, 1)] -> used[AT(me, 1)] = true; one_user(me, 1)
        :: else -> claims[AT(me, 1)] = true; TO(me, OWNER)!capops_request_retype, 1, 0
        fi
    }
    :: atomic { /* ... once more */
        !dead[me] && (answered_[AT(me, 0)] || answered_[AT(me, 1)]) ->
        p = (answered_[AT(me, 0)] -> 0 : 1);
        answered_[AT(me, p)] = false;
#ifdef ANSWER_IS_ALL
        used[AT(me, p)] = true;
        one_user(me, p);
#else
        if
        :: piece[AT(me, p)] && !goes[AT(me, p)] -> used[AT(me, p)] = true; one_user(me, p)
        :: else -> skip
        fi;
#endif
        p = 0
    }
    :: atomic { !dead[me] && used[AT(me, 0)] -> used[AT(me, 0)] = false }
    :: atomic { !dead[me] && used[AT(me, 1)] -> used[AT(me, 1)] = false }
    :: atomic { /* delete_more, all_deleted */
        !dead[me] && (goes[AT(me, 0)] || goes[AT(me, 1)]) && ROOM(me, OWNER) ->
        p = (goes[AT(me, 0)] -> 0 : 1);
        goes[AT(me, p)] = false;
        used[AT(me, p)] = false;
        piece[AT(me, p)] = false;
        TO(me, OWNER)!capops_revoke_done, p, 0;
        p = 0
    }
    :: atomic { /* delete_more: has_to_wait for the pieces */
        !dead[me] && marked[me] &&
#ifndef NAME_FIRST
            !piece[AT(me, 0)] && !piece[AT(me, 1)] &&
#endif
            ROOM(me, OWNER) ->
        marked[me] = false;
        /* the CPU driver goes past no witness */
        name_[me] = piece[AT(me, 0)] || piece[AT(me, 1)];
        TO(me, OWNER)!capops_revoke_done, WHOLE, 0
    }
    :: atomic {
        !dead[me] && len(TO(OWNER, me)) > 0 && ROOM(me, OWNER) ->
        TO(OWNER, me)?what, p, flag;
        if
        :: what == capops_retype_response -> /* capop_claim_answered, kept_claimed */
            claims[AT(me, p)] = false;
            answered_[AT(me, p)] = flag;
            piece[AT(me, p)] = flag
        :: what == release_cap_request -> /* kept_release_asked */
            flag = !used[AT(me, p)] && !goes[AT(me, p)];
            if
            :: flag -> piece[AT(me, p)] = false
            :: else -> skip
            fi;
            TO(me, OWNER)!release_cap_reply, p, flag
        :: what == capops_revoke_mark ->
            if
            :: p == WHOLE -> marked[me] = true
            :: else -> goes[AT(me, p)] = true
            fi
        fi;
        what = 0; p = 0; flag = false
    }
    od
}

proctype death() {
    byte c;
end:
    atomic { deaths > 0 -> deaths--; select (c : 1 .. N - 1); dead[c] = true }
}

/* 3.: nobody waits when nothing can happen any more. */
proctype ends() {
    timeout;
    byte c;
    c = 1;
    do
    :: c < N ->
        assert(dead[c] || (!claims[AT(c, 0)] && !claims[AT(c, 1)] && !marked[c]));
        assert(!wants[AT(c, 0)] && !wants[AT(c, 1)] && !checks[AT(c, 0)] && !checks[AT(c, 1)]);
        c++
    :: else -> break
    od;
    assert(!revoking)
}

init {
    byte c;
    atomic {
        c = 1;
        do
        :: c < N -> name_[c] = true; lent[c] = true; run other(c); c++
        :: else -> break
        od;
        run owner();
        run death();
        run ends()
    }
}
