/* SPDX-License-Identifier: MIT
 *
 * RAM that moves from core to core with its ownership (docs/capabilities.md, move): given away, given
 * on, given back, lent, used, asked about, revoked by core ROOT, which has what it was made of; and
 * the death of a core.  Steps carry the names of the monitor's functions and messages.
 *
 * A core has at most one entry (to whom it let it go, and whether the ownership went along) and one
 * witness (from whom it came).  Between two cores messages stay in order; other than that, anything
 * may happen at any time.  Deleting on one core is one step: capabilities.pml has its shares.
 *
 * What must hold:
 *   1. when a revoke has completed, no core that lives has any of it or gets it;
 *   2. when ROOT makes something else of the memory, the same;
 *   3. one core at most owns it;
 *   4. it goes in no ring: a core to which it moves has no entry of it;
 *   5. every operation ends (spin's invalid end states).
 *
 * Mutations, in each of which spin must find a violation:
 *   -DNOT_CLEARED      a core deletes what it has without asking those to which it went on
 *   -DWITNESS_REVOKED  a revoke on the new owner's core takes the witness, too
 *   -DNOT_THE_LAST     ownership moves though the old owner has made something of it
 *   -DPAST_HOME        it goes on to a third core past the one from which it came: in a ring
 */
#ifndef N
#define N 3
#endif
#if N == 2 || defined(PAST_HOME)
#define GIVES 3
#else
#define GIVES 2
#endif
/* capabilities.pml has copies of several cores */
#if N == 2 || defined(NOT_CLEARED)
#define LENDS 1
#else
#define LENDS 0
#endif
#define ROOT 0
#define NOBODY 255
#define DEPTH 3

mtype = { moved, lent, capops_request_copy, release_cap_request, release_cap_reply,
          capops_revoke_mark, capops_revoke_done };
#define GONE 0
#define LOST 2

chan line[N * N] = [DEPTH] of { mtype, byte /* ticket */, byte /* unused, outcome */ };
#define TO(from, to) line[(from) * N + (to)]
#define ROOM(from, to) (len(TO(from, to)) < DEPTH)

bool has[N];      /* domains have it */
bool kid[N];      /* ... or something made of it */
bool own[N];      /* its capabilities here say that this core owns it */
byte entry[N];    /* the core to which it went; NOBODY */
bool entry_moved[N];
byte entry_ticket[N];
bool waits[N];    /* an operation waits for that core's answer */
byte witness[N];  /* the core from which it came; NOBODY */
bool witness_moved[N];
byte witness_ticket[N];
bool marked[N];   /* the witness goes: nothing leaves or comes home */
bool lost[N];
bool revoking;    /* ROOT: CAPOP_REVOKING */
bool failed;      /* and a core was lost */
bool dead[N];
bool told[N * N]; /* has i heard of the death of j? */
byte tickets = 1;
byte gives = GIVES;
byte lends = LENDS;
byte asks = 1;
byte makes = 1;
byte deaths = 1;

#define GOES(c) (marked[c] || (c == ROOT && revoking))

inline nobody_has_any() {
    j = 0;
    do
    :: j < N ->
        if
        :: !dead[j] ->
            assert(!has[j] && !kid[j]);
            k = 0;
            do
            :: k < N ->
                assert(told[j * N + k] || !(TO(k, j)??[moved, _, _] || TO(k, j)??[lent, _, _]));
                k++
            :: else -> break
            od
        :: else -> skip
        fi;
        j++
    :: else -> break
    od;
    j = 0; k = 0
}

inline one_owner(c) {
    j = 0;
    do
    :: j < N -> assert(j == c || dead[j] || !own[j] || !(has[j] || kid[j])); j++
    :: else -> break
    od;
    j = 0
}

/* kept_come_home, come_back: the entry goes. */
inline entry_goes(c) {
    entry[c] = NOBODY;
    entry_moved[c] = false;
    waits[c] = false
}

proctype core(byte me) {
    byte j, k, d;
end:
    do
    :: dead[me] -> break
    :: atomic { /* parcel_fetch, kept_let_go: given away, the last one */
#ifdef NOT_THE_LAST
        !dead[me] && own[me] && has[me] &&
#else
        !dead[me] && own[me] && has[me] && !kid[me] &&
#endif
            entry[me] == NOBODY && !GOES(me) && gives > 0 ->
        select (d : 0 .. N - 1);
        if
        :: d != me && !told[me * N + d] && ROOM(me, d) ->
            gives--;
            has[me] = false;
            own[me] = false;
            if
            :: witness[me] == d && witness_moved[me] -> /* go_home */
                witness[me] = NOBODY;
                TO(me, d)!moved, 0, 0
#ifndef PAST_HOME
            :: witness[me] != d && witness[me] != NOBODY && witness_moved[me] ->
                if
                :: !told[me * N + witness[me]] && ROOM(me, witness[me]) -> /* kept_give_back */
                    TO(me, witness[me])!capops_request_copy, tickets, d;
                    tickets++;
                    witness[me] = NOBODY
                :: else -> /* may_move: it is lent */
                    own[me] = true;
                    entry[me] = d;
                    entry_moved[me] = false;
                    entry_ticket[me] = tickets;
                    TO(me, d)!lent, tickets, 0;
                    tickets++
                fi
            :: witness[me] == NOBODY || !witness_moved[me] ->
#else
            :: witness[me] != d || !witness_moved[me] ->
#endif
                entry[me] = d;
                entry_moved[me] = true;
                entry_ticket[me] = tickets;
                TO(me, d)!moved, tickets, 0;
                tickets++
            fi
        :: else -> skip
        fi;
        d = 0
    }
    :: atomic { /* the same, of a copy */
        !dead[me] && own[me] && (has[me] || kid[me]) && entry[me] == NOBODY && !GOES(me) &&
            lends > 0 ->
        select (d : 0 .. N - 1);
        if
        :: d != me && !told[me * N + d] && ROOM(me, d) ->
            lends--;
            entry[me] = d;
            entry_moved[me] = false;
            entry_ticket[me] = tickets;
            TO(me, d)!lent, tickets, 0;
            tickets++
        :: else -> skip
        fi;
        d = 0
    }
    :: atomic { /* cap_retype, on the owner's core */
        !dead[me] && own[me] && has[me] && !kid[me] && makes > 0 &&
            (entry[me] == NOBODY || !entry_moved[me]) ->
        makes--;
        kid[me] = true;
        one_owner(me)
    }
    :: atomic { !dead[me] && has[me] -> has[me] = false }
    :: atomic { /* cap_delete, cap_revoke */
        !dead[me] && kid[me] ->
        kid[me] = false;
#ifdef WITNESS_REVOKED
        witness[me] = NOBODY
#endif
    }
    :: atomic { /* kept_release_unused */
        !dead[me] && entry[me] != NOBODY && asks > 0 && !told[me * N + entry[me]] &&
            ROOM(me, entry[me]) ->
        asks--;
        TO(me, entry[me])!release_cap_request, entry_ticket[me], 0
    }
    :: atomic { /* delete_more, all_deleted */
        !dead[me] && marked[me] && witness[me] != NOBODY && !waits[me] && ROOM(me, witness[me]) ->
        has[me] = false;
        kid[me] = false;
        marked[me] = false;
        if
        :: !told[me * N + witness[me]] ->
            TO(me, witness[me])!capops_revoke_done, witness_ticket[me], (lost[me] -> LOST : GONE)
        :: else -> skip
        fi;
        if
        :: !lost[me] -> own[me] = false; witness[me] = NOBODY
        :: else -> skip
        fi;
        lost[me] = false
    }
    :: atomic { /* kept_holds_of */
        !dead[me] && witness[me] != NOBODY && told[me * N + witness[me]] && !has[me] && !kid[me] &&
            entry[me] == NOBODY && !marked[me] ->
        witness[me] = NOBODY;
        own[me] = false
    }
    :: atomic { /* kept_core_given_up */
        !dead[me] && entry[me] != NOBODY && entry_moved[me] && told[me * N + entry[me]] ->
        d = 0; j = 0;
        do
        :: j < N ->
            if
            :: !dead[j] && (!told[j * N + entry[me]] || witness[j] == entry[me]) -> d = 1
            :: else -> skip
            fi;
            j++
        :: else -> break
        od;
        j = 0;
        if
        :: d == 0 -> entry_goes(me); own[me] = true
        :: else -> skip
        fi;
        d = 0
    }
    od
}

proctype ear(byte me, from) {
    byte j, k, t, arg;
    mtype what;
end:
    do
    :: dead[me] -> break
    :: atomic {
        !dead[me] && len(TO(from, me)) > 0 && !told[me * N + from] && ROOM(me, from) &&
            ROOM(me, (me + 1) % N) && ROOM(me, (me + 2) % N) ->
        TO(from, me)?what, t, arg;
        if
        :: what == moved && entry[me] == from && entry_moved[me] -> /* kept_come_home */
            has[me] = !GOES(me);
            entry_goes(me);
            own[me] = true;
            one_owner(me)
        :: what == capops_request_copy && entry[me] == from && entry_moved[me] ->
            /* kept_give_on */
            entry_goes(me);
            own[me] = true;
            if
            :: !GOES(me) && !told[me * N + arg] ->
                own[me] = false;
                entry[me] = arg;
                entry_moved[me] = true;
                entry_ticket[me] = t;
                TO(me, arg)!moved, t, 0
            :: else -> skip /* nobody gets it */
            fi
        :: what == capops_request_copy && !(entry[me] == from && entry_moved[me]) -> skip
        :: what == moved && !(entry[me] == from && entry_moved[me]) -> /* receive_only_one */
            assert(entry[me] == NOBODY);
            if
            :: witness[me] == NOBODY ->
                has[me] = true;
                own[me] = true;
                witness[me] = from;
                witness_moved[me] = true;
                witness_ticket[me] = t;
                one_owner(me)
            :: else -> skip /* SYS_ERR_SLOT_IN_USE: not given */
            fi
        :: what == lent ->
            if
            :: witness[me] == NOBODY && !own[me] && entry[me] == NOBODY ->
                has[me] = true;
                witness[me] = from;
                witness_moved[me] = false;
                witness_ticket[me] = t
            :: else -> skip
            fi
        :: what == release_cap_request -> /* kept_release_asked */
            if
            :: witness[me] == from && witness_ticket[me] == t &&
                (has[me] || kid[me] || entry[me] != NOBODY || marked[me]) ->
                TO(me, from)!release_cap_reply, t, 0
            :: else ->
                if
                :: witness[me] == from && witness_ticket[me] == t ->
                    witness[me] = NOBODY;
                    own[me] = false
                :: else -> skip
                fi;
                TO(me, from)!release_cap_reply, t, 1
            fi
        :: what == release_cap_reply -> /* kept_released */
            if
            :: entry[me] == from && entry_ticket[me] == t && arg == 1 ->
                own[me] = own[me] || entry_moved[me];
                entry_goes(me)
            :: else -> skip
            fi
        :: what == capops_revoke_mark -> /* capop_revoke_marked */
            if
            :: witness[me] == from && witness_ticket[me] == t ->
                marked[me] = true;
#ifndef NOT_CLEARED
                if
                :: witness_moved[me] && entry[me] != NOBODY ->
                    if
                    :: told[me * N + entry[me]] -> lost[me] = true
                    :: else ->
                        waits[me] = true;
                        TO(me, entry[me])!capops_revoke_mark, entry_ticket[me], 0
                    fi
                :: else -> skip
                fi
#endif
            :: else -> TO(me, from)!capops_revoke_done, t, GONE
            fi
        :: what == capops_revoke_done -> /* kept_revoked */
            if
            :: entry[me] == from && entry_ticket[me] == t && arg == GONE ->
                own[me] = own[me] || entry_moved[me];
                entry_goes(me)
            :: entry[me] == from && entry_ticket[me] == t && arg == LOST ->
                waits[me] = false;
                lost[me] = marked[me];
                failed = failed || me == ROOT
            :: else -> skip
            fi
        fi;
        t = 0; arg = 0; what = 0
    }
    :: atomic { /* kept_core_died */
        !dead[me] && dead[from] && !told[me * N + from] ->
        told[me * N + from] = true;
        if
        :: entry[me] == from && !entry_moved[me] -> entry_goes(me)
        :: entry[me] == from && entry_moved[me] ->
            lost[me] = marked[me] && waits[me];
            failed = failed || (me == ROOT && waits[me]);
            waits[me] = false
        :: else -> skip
        fi
    }
    od
}

/* A domain of ROOT revokes what the RAM was made of. */
proctype revoker() {
    byte j, k, tries;
    do
    :: dead[ROOT] -> break
    :: atomic { /* the CPU driver's word: what has no witness goes */
        !dead[ROOT] ->
        if
        :: witness[ROOT] == NOBODY -> has[ROOT] = false; kid[ROOT] = false
        :: else -> skip
        fi;
        if
        :: entry[ROOT] == NOBODY && witness[ROOT] == NOBODY -> nobody_has_any(); break
        :: else -> skip
        fi
    }
        if
        :: tries == 2 -> break /* MON_ERR_REMOTE_CAP_RETRY to the domain */
        :: else -> tries++
        fi;
        atomic { /* capop_revoke */
            if
            :: dead[ROOT] || entry[ROOT] == NOBODY || waits[ROOT] -> skip
            :: !dead[ROOT] && entry[ROOT] != NOBODY && told[ROOT * N + entry[ROOT]] -> break
            :: !dead[ROOT] && entry[ROOT] != NOBODY && !told[ROOT * N + entry[ROOT]] &&
                !waits[ROOT] && ROOM(ROOT, entry[ROOT]) ->
                revoking = true;
                waits[ROOT] = true;
                TO(ROOT, entry[ROOT])!capops_revoke_mark, entry_ticket[ROOT], 0
            fi
        }
        atomic {
            dead[ROOT] || !waits[ROOT];
            revoking = false;
            if
            :: failed -> break /* MON_ERR_NO_MONITOR_FOR_CORE */
            :: else -> skip
            fi
        }
    od
}

/* A domain of ROOT makes something else of what the RAM was made of. */
proctype reuser() {
    byte j, k;
end:
    atomic {
        dead[ROOT] || (entry[ROOT] == NOBODY && witness[ROOT] == NOBODY && !has[ROOT] &&
                       !kid[ROOT] && !revoking);
        if
        :: !dead[ROOT] -> nobody_has_any()
        :: else -> skip
        fi
    }
}

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

init {
    byte i, l;
    atomic {
        has[ROOT] = true;
        own[ROOT] = true;
        do
        :: i < N ->
            entry[i] = NOBODY;
            witness[i] = NOBODY;
            run core(i);
            l = 0;
            do
            :: l < N ->
                if
                :: l != i -> run ear(i, l)
                :: else -> skip
                fi;
                l++
            :: else -> break
            od;
            i++
        :: else -> break
        od;
        run revoker();
        run reuser();
        run death();
        i = 0; l = 0
    }
}
