/* SPDX-License-Identifier: MIT
 *
 * RAM (facts §2.2).
 *
 * Every domain finds one RAM capability in slot 0 of its supercn and allocates from it, from its
 * start on; no other domain is asked.  When it is used up, the function set by ram_alloc_set is
 * called, or else this core's mem_serv, to which the library connects then.  That conversation uses
 * a private waitset, so RAM may be allocated inside handlers; it blocks only the calling thread.
 */
#ifndef BARRELFISH_RAM_ALLOC_H
#define BARRELFISH_RAM_ALLOC_H

#include <barrelfish/caddr.h>
#include <errors/errno.h>

/* Gives RAM of 2^bits bytes in a slot that belongs to the caller from then on. */
typedef errval_t (*ram_alloc_func_t)(struct capref *ret, uint8_t bits, uint64_t minbase,
                                     uint64_t maxlimit);

/* RAM of 2^bits bytes, naturally aligned, in a new slot.  bits >= 12.  LIB_ERR_RAM_ALLOC. */
errval_t ram_alloc(struct capref *ret, uint8_t bits);

/* For services that hand RAM on: a block of 2^bits bytes from mem_serv, for which `domain` pays (0:
 * the caller), in a new slot.  MON_ERR_NOT_PERMITTED unless the caller is a domain of the system,
 * MM_ERR_OVER_SHARE, MM_ERR_NOT_FOUND.  Blocks the calling thread. */
errval_t ram_alloc_for(struct capref *ret, domainid_t domain, uint8_t bits);
/* Gives a whole block that came from mem_serv back to it: whatever was made of it goes, and if no
 * error is returned, so have the capability and its slot. */
errval_t ram_free(struct capref ram);

/* Only RAM in [minbase, maxlimit) from now on; 0, 0: anywhere. */
void ram_set_affinity(uint64_t minbase, uint64_t maxlimit);
void ram_get_affinity(uint64_t *minbase, uint64_t *maxlimit);

/* What to do when the own RAM is used up.  NULL: mem_serv. */
errval_t ram_alloc_set(ram_alloc_func_t local);

/* For domains that hand on their RAM (init, monitors, mem_serv): the library keeps the next
 * keep_bytes (rounded up to pages) of the own RAM; the rest of the capability *region, from the
 * page aligned *offset, *bytes long, is the caller's.  LIB_ERR_RAM_ALLOC if there is not so
 * much. */
errval_t ram_own_give_up(gensize_t keep_bytes, struct capref *region, gensize_t *offset,
                         gensize_t *bytes);

/* One object of the type (with memory of `bytes`, 0 for types of fixed size) made in `dest`, an
 * empty slot, straight from the own RAM if possible. */
errval_t ram_create_object(struct capref dest, unsigned objtype, gensize_t bytes);

/* RAM that objects have left goes back to mem_serv, if it is more than `keep` bytes of whole pieces
 * that mem_serv gave.  Others who hold copies of those objects keep them.  Blocks. */
void ram_return_free(gensize_t keep);

/* Start-up only.  `server` asks the memory server, `give_back` returns what it gave; NULL: this
 * domain has none. */
void ram_alloc_init(ram_alloc_func_t server, errval_t (*give_back)(struct capref ram));

#endif
