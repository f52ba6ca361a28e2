/* SPDX-License-Identifier: MIT
 *
 * More RAM for the server of a core, from that of core 0, which had all of it at the start.
 *
 * The others' servers are caches: each gets a share when its core starts, asks for a block when
 * that is not enough, and gives it back when it has as much again to spare.  One thing at a time is
 * under way, a wish or a return; nothing here blocks but the first wish, which asks the monitor
 * where the server is.
 *
 *   LINK_NONE --first wish--> LINK_BINDING --bound--> LINK_READY
 *   any --refused, or its core has died--> LINK_GONE, for good
 */
#ifndef MEM_SERV_SUPPLY_H
#define MEM_SERV_SUPPLY_H

#include "ram.h"

struct supply_wish {
    uint8_t bits;                 /* a block of 2^bits bytes is to fit into it */
    genpaddr_t minbase, maxlimit; /* within these; maxlimit 0: anywhere, best on the own node */
};

/* What the server does; called from events of the default waitset. */
struct supply_handlers {
    /* A block, which is the server's now.  Or why there is none. */
    void (*arrived)(errval_t err, const struct ram_block *block);
    /* It has been given back.  Or not: then it is still the server's, unless its slot is empty. */
    void (*returned)(errval_t err, const struct ram_block *block);
};

/* A wish that does not say where is for memory of [base, limit), if there is some; limit 0: any. */
void supply_prefer(genpaddr_t base, genpaddr_t limit);

/* False: there is nobody to ask, or nothing so large can be had. */
bool supply_ask(const struct supply_wish *wish, const struct supply_handlers *handlers);
bool supply_is_busy(void);
/* False: not now; the block is as it was. */
bool supply_give_back(const struct ram_block *block);

#endif
