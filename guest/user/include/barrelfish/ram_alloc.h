/* SPDX-License-Identifier: MIT
 *
 * RAM (facts §2.2).  Behind a function pointer of the dispatcher's core state:
 *   fixed   spawned domains until mem_serv is connected: capabilities left in the base page CNode
 *           and the early CNode, if any;
 *   own     first domains: RAM they found in their CSpace;
 *   remote  everybody else: asks this core's mem_serv, in a private waitset, so it may be called
 *           inside handlers and blocks only the calling thread.
 */
#ifndef BARRELFISH_RAM_ALLOC_H
#define BARRELFISH_RAM_ALLOC_H

#include <barrelfish/caddr.h>
#include <errors/errno.h>

/* Fills a slot of its own (or any empty one) and returns it. bits: log2 of the size in bytes. */
typedef errval_t (*ram_alloc_func_t)(struct capref *ret, uint8_t bits, uint64_t minbase,
                                     uint64_t maxlimit);

/* RAM of 2^bits bytes, naturally aligned, in a new slot.  bits >= 12.  LIB_ERR_RAM_ALLOC. */
errval_t ram_alloc(struct capref *ret, uint8_t bits);
errval_t ram_alloc_aligned(struct capref *ret, size_t bytes);
errval_t ram_alloc_affinity(uint64_t minbase, uint64_t maxlimit);

/* NULL: use mem_serv (connects if there is no connection yet). */
errval_t ram_alloc_set(ram_alloc_func_t local);

/* Allocates from one RAM capability the caller has, from its start on.  After that the domain's
 * ram_alloc is this. */
errval_t ram_alloc_own_init(struct capref ram, gensize_t bytes);

/* Bytes from the start of the capability given to ram_alloc_own_init that belong to this allocator
 * (for a first domain: of the RAM in slot 0 of the supercn).  What lies behind may be retyped and
 * given away: cap_retype(dest, ram, ram_alloc_own_bytes(), ObjType_RAM, rest, 1). */
gensize_t ram_alloc_own_bytes(void);

/* First domains: how much of the first RAM capability start-up takes. */
#define RAM_ALLOC_FIRST_DOMAIN_BYTES (4ul << 20)

errval_t ram_alloc_fixed(struct capref *ret, uint8_t bits, uint64_t minbase, uint64_t maxlimit);

#endif
