/* SPDX-License-Identifier: MIT
 *
 * The RAM of a first domain: init on core 0, the monitor on every other core.  The kernel left all
 * free RAM of the core in SUPERCN.  The start of slot 0 belongs to the domain's own allocator
 * (ram_alloc_own_bytes); from there on blocks are carved for the domains it starts, and the rest,
 * with all other slots, goes to the memory server (overview 1.6).
 */
#ifndef SPAWNDOMAIN_FIRST_RAM_H
#define SPAWNDOMAIN_FIRST_RAM_H

#include <spawndomain/spawndomain.h>

struct first_ram {
    gensize_t next, end; /* of the capability in slot 0 */
    unsigned slots;      /* of SUPERCN in use */
};

/* LIB_ERR_RAM_ALLOC: slot 0 is smaller than what this domain keeps. */
errval_t first_ram_init(struct first_ram *ram);

/* Takes `bytes` (rounded up to pages) of slot 0.  LIB_ERR_RAM_ALLOC: not that much there. */
errval_t first_ram_carve(struct first_ram *ram, gensize_t bytes, gensize_t *offset);

/* The capability that first_ram_carve() takes from. */
struct capref first_ram_cap(void);

/* Starts the memory server with all the rest: init_ep is its connection to the monitor, which knows
 * it as `id`.  The module is found in `modules`. */
errval_t first_ram_start_mem_serv(struct first_ram *ram, struct spawn_modules *modules,
                                  struct capref init_ep, domainid_t id);

#endif
