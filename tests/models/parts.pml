/* SPDX-License-Identifier: MIT
 *
 * A part of memory is revoked of which other cores have the whole (docs/capabilities.md, parts).
 *
 * Core OWNER gave a copy of the whole to each other core.  Each may make the part of it, any number
 * of times, and give copies of the part away.  A copy is old if it comes from a part that was made
 * before the revoke began, else new: who has the whole may make the part again.  Steps carry the
 * names of the monitor's functions and messages; messages between two cores stay in order.
 *
 * What must hold:
 *   1. when the revoke has completed, no core has an old part, and none is under way;
 *   2. what the owner does not know of is never on a core: a part there is one that the core made of
 *      its whole, or one for which the owner has an entry;
 *   3. the revoke ends (spin's invalid end states), also if a core dies.
 *
 * Mutations, in each of which spin must find a violation:
 *   -DWHOLE_OVERLOOKED  only entries inside the range are asked
 *   -DNO_PART_MARK      domains copy the part while their core deletes it
 *   -DOVERTAKING        messages between two cores do not stay in order
 *   -DONCE              the owner's CPU driver is not asked once more at the end
 *   -DDEATH_UNHEARD     who waits for a core is not told of its death
 */
#ifndef N
#define N 3
#endif
#define OWNER 0
#define DEPTH 3

mtype = { fetch_cap_reply, capops_request_copy, capops_revoke_mark, capops_revoke_done };

chan line[N * N] = [DEPTH] of { mtype, bool /* old, or: of the part's entry */, byte /* for whom */ };
#define TO(from, to) line[(from) * N + (to)]
#define ROOM(from, to) (len(TO(from, to)) < DEPTH)

bool old_part[N], new_part[N]; /* domains of the core have some */
bool kept[N];                  /* the owner has an entry for a part on core i, beside the whole */
bool asked[N], asked_part[N];  /* an answer of core i about its whole, about its part, is awaited */
bool deleting[N];              /* the kernel's mark */
bool answers[N];               /* and the part's entry, too, is to be answered */
bool made[N];                  /* the core has made a part of its whole, old or new */
bool revoking, started, over;
bool dead[N], told[N];
byte makes = 2;  /* domains make so many parts, */
byte passes = 2; /* ... give away so many, */
byte copies = 1; /* ... and copy so many while they are deleted */
byte deaths = 1;

#define HAS(c) (old_part[c] || new_part[c])
#ifdef NO_PART_MARK
#define MARKED(c) false
#else
#define MARKED(c) deleting[c]
#endif

inline gets(c, is_old) {
    if
    :: is_old -> old_part[c] = true
    :: else -> new_part[c] = true
    fi
}

/* 1. */
inline no_old_part() {
    j = 0;
    do
    :: j < N ->
        assert(dead[j] || !old_part[j]);
        k = 0;
        do
        :: k < N ->
            assert(dead[j] || dead[k] || !(TO(k, j)??[fetch_cap_reply, true, _]));
            k++
        :: else -> break
        od;
        j++
    :: else -> break
    od;
    j = 0; k = 0
}

/* 2. */
inline owner_knows(c) {
    assert(made[c] || kept[c] || !HAS(c))
}

/* A domain of the owner's core calls cap_revoke() for the part. */
proctype revoker() {
    byte j, k;
    atomic {
        started = true;
        old_part[OWNER] = false; /* the CPU driver; it says that this is a part of what is kept */
        new_part[OWNER] = false
    }
    atomic { revoking = true } /* capop_revoke: CAPOP_REVOKING */
    j = 1;
    do
    :: j < N ->
        atomic {
            if
            :: dead[j] -> skip
            :: !dead[j] && ROOM(OWNER, j) ->
                /* ask(): each entry in the way; one message stands for both */
#ifdef WHOLE_OVERLOOKED
                if
                :: kept[j] ->
                    asked[j] = true;
                    TO(OWNER, j)!capops_revoke_mark, kept[j], 0
                :: else -> skip
                fi
#else
                asked[j] = true;
                asked_part[j] = kept[j];
                TO(OWNER, j)!capops_revoke_mark, kept[j], 0
#endif
            fi;
            j++
        }
    :: else -> break
    od;
    j = 1;
    do
    :: j < N -> !asked[j]; j++
    :: else -> break
    od;
    atomic { j = 0; revoking = false } /* finish() */
    atomic { /* once more: the word about this core, and about entries for the part */
#ifndef ONCE
        old_part[OWNER] = false;
        new_part[OWNER] = false;
#endif
        j = 1;
        do
        :: j < N && !kept[j] -> j++
        :: else -> break
        od;
        if
        :: j == N -> no_old_part() /* OK */
        :: else -> skip            /* RETRY_THROUGH_MONITOR, and again: not followed here */
        fi;
        over = true
    }
}

/* What the owner does about core j. */
proctype owner(byte j) {
    bool flag;
    byte whom;
    mtype what;
end:
    do
    :: atomic { /* parcel_fetch: a domain there collects a part that one of ours has */
        HAS(OWNER) && passes > 0 && !kept[j] && !told[j] && !revoking && ROOM(OWNER, j) ->
        passes--;
        kept[j] = true;
        TO(OWNER, j)!fetch_cap_reply, old_part[OWNER], 0
    }
    :: atomic { /* a message */
        !told[j] && len(TO(j, OWNER)) > 0 ->
#ifdef OVERTAKING
        if
        :: TO(j, OWNER)?what, flag, whom
        :: TO(j, OWNER)??[capops_revoke_done, _, _] ->
            TO(j, OWNER)??capops_revoke_done, flag, whom;
            what = capops_revoke_done
        fi;
#else
        TO(j, OWNER)?what, flag, whom;
#endif
        if
        :: what == fetch_cap_reply -> /* it comes home */
            if
            :: !revoking -> gets(OWNER, flag)
            :: else -> skip
            fi
        :: what == capops_request_copy ->
            if
            :: !revoking && !kept[whom] && !told[whom] && ROOM(OWNER, whom) ->
                kept[whom] = true;
                TO(OWNER, whom)!fetch_cap_reply, flag, 0
            :: else -> skip
            fi
        :: what == capops_revoke_done ->
            asked[j] = false; /* KEPT_CLEARED of the whole, KEPT_GONE of the part */
            if
            :: flag -> kept[j] = false; asked_part[j] = false
            :: else -> skip
            fi
        fi;
        flag = false; whom = 0; what = 0
    }
    :: atomic { /* kept_core_died */
        dead[j] && !told[j] ->
        told[j] = true;
#ifndef DEATH_UNHEARD
        asked[j] = false;
        kept[j] = false
#endif
    }
    od
}

/* What the domains of a core do, and its CPU driver. */
proctype sharer(byte me) {
    byte other;
end:
    do
    :: dead[me] -> break
    :: atomic { !dead[me] && HAS(me) && !deleting[me] -> /* domains delete */
        old_part[me] = false; new_part[me] = false; made[me] = false
    }
    :: atomic { /* retype: the part of the whole */
        !dead[me] && makes > 0 && !MARKED(me) ->
        makes--;
        made[me] = true;
        gets(me, !started)
    }
    :: atomic { /* parcel_fetch, for a domain of the owner's core or of a third one */
        !dead[me] && HAS(me) && passes > 0 && !MARKED(me) && ROOM(me, OWNER) ->
        passes--;
        if
        :: TO(me, OWNER)!fetch_cap_reply, old_part[me], 0
        :: N > 2 ->
            other = (me == 1 -> 2 : 1);
            TO(me, OWNER)!capops_request_copy, old_part[me], other;
            other = 0
        fi
    }
#ifdef NO_PART_MARK
    :: atomic { /* a copy behind the place where deletion is */
        !dead[me] && deleting[me] && old_part[me] && copies > 0 && ROOM(me, OWNER) ->
        copies--;
        deleting[me] = false;
        made[me] = true;
        TO(me, OWNER)!capops_revoke_done, answers[me], 0
    }
#endif
    :: atomic { /* Delete_foreigns of the part, the last share of it: all_deleted */
        !dead[me] && deleting[me] && ROOM(me, OWNER) ->
        deleting[me] = false;
        old_part[me] = false;
        new_part[me] = false;
        made[me] = false;
        TO(me, OWNER)!capops_revoke_done, answers[me], 0;
        answers[me] = false
    }
    od
}

/* What a core hears from the owner. */
proctype ear(byte me) {
    bool flag;
    byte whom;
    mtype what;
end:
    do
    :: dead[me] -> break
    :: atomic {
        !dead[me] && !deleting[me] && len(TO(OWNER, me)) > 0 ->
        TO(OWNER, me)?what, flag, whom;
        if
        :: what == fetch_cap_reply -> gets(me, flag); owner_knows(me) /* parcel_fetched */
        :: what == capops_revoke_mark -> deleting[me] = true; answers[me] = flag
        fi;
        flag = false; whom = 0; what = 0
    }
    od
}

/* A core dies, and is fenced at once. */
proctype death() {
    byte j;
end:
    atomic {
        deaths > 0;
        select (j : 1 .. N - 1);
        dead[j] = true;
        j = 0;
        deaths--
    }
}

init {
    byte i;
    atomic {
        run revoker();
        run death();
        i = 1;
        do
        :: i < N ->
            run owner(i);
            run sharer(i);
            run ear(i);
            i++
        :: else -> break
        od;
        i = 0
    }
}
