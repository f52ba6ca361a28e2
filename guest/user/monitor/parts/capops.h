/* SPDX-License-Identifier: MIT
 *
 * Operations on memory that other cores have, too: what a domain asks of its monitor when the CPU
 * driver has said SYS_ERR_RETRY_THROUGH_MONITOR.
 */
#ifndef MONITOR_CAPOPS_H
#define MONITOR_CAPOPS_H

#include "../base/monitor.h"

enum capop_state {
    CAPOP_FREE,
    CAPOP_WAITING,  /* for earlier ones that concern the same entries */
    CAPOP_REVOKING, /* the other cores delete what they have */
    CAPOP_CHECKING, /* the other cores say whether they use what they have */
    CAPOP_CLAIMING, /* the owner says whether this core may make something of it */
};

struct capop {
    enum capop_state state;
    enum capop_state becomes; /* what it is when its turn has come */
    struct capop *next;       /* one that waits: the one that was asked for after it */
    struct client *client;    /* NULL: it has ended */
    uint32_t token;
    unsigned waits;           /* for so many answers */
    errval_t err;             /* one of them was no */
    struct capability cap;    /* a range of memory */
    struct capability source; /* CAPOP_CHECKING: what it is a part of; _CLAIMING: ... a piece of */
    struct account_slip slip;
    /* not NULL: no client has asked for it, but the core from which this one has the memory and its
     * ownership, as this witness says: those to which it went on from here delete what they have */
    struct kept *witness;
    /* not 0: a core claims the range; at the owner that other core, there the owner */
    uint64_t claim; /* its ticket */
    coreid_t core;
};

/* Is an operation under way that deletes this capability on other cores?  Then no core gets it. */
bool capop_concerns(const struct capability *cap);

#endif
