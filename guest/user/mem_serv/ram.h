/* SPDX-License-Identifier: MIT
 *
 * The RAM of a memory server.  Sizes are in bytes, or powers of two (`bits`); addresses are
 * physical.  Nothing here blocks.
 */
#ifndef MEM_SERV_RAM_H
#define MEM_SERV_RAM_H

#include <barrelfish/caddr.h>

#include "loans.h"

/* What SUPERCN has at the start.  The pages that there are count in `book` from then on. */
void ram_find(struct account_book *book);

/* Who does not say where gets memory of [base, limit), which is near, while there is any. */
void ram_prefer(genpaddr_t base, genpaddr_t limit);

/* A block within [minbase, maxlimit), 0: anywhere, as RAM in a new slot, which is the caller's to
 * give away.  `payer` is charged for a loan in `list`.  MM_ERR_NOT_FOUND, MM_ERR_OUT_OF_BOUNDS
 * (none within the limits), MM_ERR_OVER_SHARE, MM_ERR_ALIGN, LIB_ERR_MALLOC_FAIL. */
errval_t ram_take(struct account *payer, uint8_t bits, genpaddr_t minbase, genpaddr_t maxlimit,
                  struct loan_list *list, struct capref *ret);
/* A loan comes back; its slot is empty then.  MM_ERR_OUT_OF_BOUNDS: it is none;
 * SYS_ERR_REVOKE_FIRST: what it is a part of is still there, so nothing has come back. */
errval_t ram_return(struct capref cap, genpaddr_t base, uint8_t bits);
/* The client of these loans has gone: each is free when nobody holds a part of it. */
void ram_abandon(struct loan_list *list);
/* Looks which of those are. */
void ram_reclaim(void);

/* A block of another server, 2^bits bytes. */
struct ram_block {
    struct capref cap;
    genpaddr_t base;
    uint8_t bits;
};
bool ram_may_add_block(void);
/* It is served from now on, in two halves: whoever got all of it could not be told from us. */
void ram_add_block(const struct ram_block *block);
/* One of which all is free, with enough besides: not served any more.  False: none. */
bool ram_take_surplus(struct ram_block *ret);

struct ram_count {
    gensize_t total, free, lost; /* lost: neither free nor lent */
};
struct ram_count ram_count(void);

#endif
