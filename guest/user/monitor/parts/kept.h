/* SPDX-License-Identifier: MIT
 *
 * Memory that this core shares with others: what the monitor keeps of it.  One entry for each
 * ticket, here for the owner (the list kept_away), and on the other core its witness.
 */
#ifndef MONITOR_KEPT_H
#define MONITOR_KEPT_H

#include "../base/monitor.h"
#include "capops.h"

/* What the other core has said: it has nothing of it any more; nothing of the part that it was to
 * delete; somebody uses it there; nothing, and it may never say anything. */
enum kept_answer { KEPT_GONE, KEPT_CLEARED, KEPT_IN_USE, KEPT_LOST };

struct kept {
    struct kept *next;
    uint64_t ticket;
    uint64_t born;        /* a number in the order of all entries and witnesses of this core */
    coreid_t core;        /* the other one */
    struct capref cap;    /* locked, or the witness */
    struct capability is; /* its contents: nobody looks into what is locked */
    bool moved;           /* the other core owns it now; witness: this one does, the other did */
    bool asked;           /* the other core has been asked whether it is in use; witness: it goes */
    struct capability part; /* witness: all of it is to go; Null: there is none */
    struct capop clearing; /* witness that has moved: what went on to others from here goes first */
    bool lost;             /* and one of them is dead, and nobody knows who had it from there */
    bool stuck;            /* so it has not gone; until it is asked for again nobody waits for it */
    void *waits; /* an operation of a domain waits for the other core's answer, and is told so */
    void (*answered)(struct kept *kept, enum kept_answer answer);
    uint64_t wanted_in; /* the last round in which an operation looked for its turn with it */
    struct account_slip slip;
};

extern struct kept *kept_away;

/* Is it memory that travels, so that its owner must know who has it? */
bool kept_is_memory(const struct capability *cap);

/* Is `cap` the capability `whole`, a copy of it, or something made of it? */
bool kept_lies_in(const struct capability *cap, const struct capability *whole);

/* Takes the capability over if it can be kept, at the cost of this domain.  Locked first:
 * whatever happens until the other core says that it is unused, it stays.  *moved: ownership may
 * go along, if the type allows it and nobody else here has any of it; then whether it did. */
errval_t kept_let_go(uint64_t ticket, coreid_t core, struct capref cap, const struct capability *is,
                     domainid_t sender, bool *moved);
/* The same, of a capability that another core has from here and gives to a third one.
 * SYS_ERR_CAP_NOT_FOUND: that core has none, or it was revoked. */
errval_t kept_pass_on(uint64_t ticket, coreid_t from, coreid_t to, const struct capability *is);

/* RAM that came here with its ownership is given to a third core: it leaves through the core from
 * which it came, `*home`, and nothing is kept of it here; `cap` stays the caller's to drop.  False:
 * it did not come so, or from `to` itself, or that core cannot be reached, or somebody here still
 * has some of it.  kept_let_go then lends it. */
bool kept_give_back(coreid_t to, struct capref cap, const struct capability *is, coreid_t *home);
/* The other side: it comes home, and goes on to the third core.  As kept_come_home, and *moved as
 * in kept_let_go. */
errval_t kept_give_on(uint64_t ticket, coreid_t from, coreid_t to, const struct capability *is,
                      bool goes, bool *moved);

/* A piece of RAM that another core has from here as a name, as something that it owns: made of it
 * here, and kept.  SYS_ERR_CAP_NOT_FOUND: that core has it not, or it was revoked. */
errval_t kept_claim(uint64_t ticket, coreid_t core, const struct capability *source,
                    genpaddr_t base, gensize_t bytes, struct capability *piece);
/* The other side: the piece of `source` has come.  At the cost of this domain. */
errval_t kept_claimed(uint64_t ticket, coreid_t owner, const struct capability *source,
                      const struct capability *piece, domainid_t domain);

/* What had moved to another core is given back from there: here it is, in a slot of its own.
 * MON_ERR_INVALID_MON_ID: it had not.  goes: it is being revoked, so it is gone, and nobody gets it
 * (MON_ERR_REMOTE_CAP_RETRY). */
errval_t kept_come_home(coreid_t from, const struct capability *is, bool goes, struct capref *cap);

/* The owner decides that what lies in the range goes, of what came with this ticket.  Not NULL:
 * what went on to others from here must go first; then it is to be said whether it has. */
struct kept *kept_revoke_marked(coreid_t core, uint64_t ticket, const struct capability *range);
void kept_cleared(struct kept *witness, errval_t err);

/* A copy of what a domain is about to get, by which we shall know when it is in use no more.
 * claimed_of: not NULL, it is a piece of this. */
errval_t kept_witness(uint64_t ticket, coreid_t owner, struct capref cap,
                      const struct capability *is, domainid_t receiver, bool moved,
                      const struct capability *claimed_of);

/* Does a core delete here what it gave this one with its ownership, and this is some of it? */
bool kept_goes(const struct capability *cap);

/* Does this core have it, or something of which it may be a part, with a witness that stays? */
bool kept_is_witnessed(coreid_t owner, const struct capability *is);

/* The core cannot be reached: who waits for it is told, and nothing is let go.  It has died: what
 * it had comes back, but for what it owned. */
void kept_core_cut(coreid_t core);
void kept_core_died(coreid_t core);

#endif
