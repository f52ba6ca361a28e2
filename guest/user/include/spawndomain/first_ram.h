/* SPDX-License-Identifier: MIT
 *
 * The RAM of a first domain: init on core 0, the monitor on every other core.  The kernel left all
 * free RAM of the core in SUPERCN.  The start of slot 0 stays with the domain's own allocator; from
 * there on blocks are carved for the domains it starts, and the rest, with all other slots, goes to
 * the memory server (overview 1.6).
 */
#ifndef SPAWNDOMAIN_FIRST_RAM_H
#define SPAWNDOMAIN_FIRST_RAM_H

#include <spawndomain/spawndomain.h>

struct first_ram {
    struct capref cap;   /* SUPERCN slot 0; blocks are carved from it */
    gensize_t next, end; /* what is left of it */
    unsigned slots;      /* of SUPERCN in use */
};

/* The domain keeps `keep_bytes` for itself.  LIB_ERR_RAM_ALLOC: there is not so much. */
errval_t first_ram_init(struct first_ram *ram, gensize_t keep_bytes);

/* Takes `bytes` (rounded up to pages) of slot 0.  LIB_ERR_RAM_ALLOC: not that much there. */
errval_t first_ram_carve(struct first_ram *ram, gensize_t bytes, gensize_t *offset);

/* Starts the memory server with all the rest: init_ep is its connection to the monitor, which knows
 * it as `id`.  The module is found in `modules`.  boot: of this core; on a machine of several nodes
 * the memory server is told which memory is near. */
errval_t first_ram_start_mem_serv(struct first_ram *ram, struct spawn_modules *modules,
                                  struct capref init_ep, domainid_t id,
                                  const struct abi_boot *boot);

#endif
