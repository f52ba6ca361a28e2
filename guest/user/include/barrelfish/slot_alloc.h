/* SPDX-License-Identifier: MIT
 *
 * Slot allocators: empty slots of the own CSpace (facts §2.2, §3.2).  The first CNode is the one in
 * ROOTCN_SLOT_SLOT_ALLOC0; more are created when few slots are left, while there is still room to
 * do so, and the root CNode grows with them, to ROOTCN_MAX_PARTS * 64 Ki slots.  Per dispatcher.
 */
#ifndef BARRELFISH_SLOT_ALLOC_H
#define BARRELFISH_SLOT_ALLOC_H

#include <barrelfish/caddr.h>
#include <errors/errno.h>

/* LIB_ERR_SLOT_ALLOC_NO_SPACE.  May allocate RAM (and so talk to mem_serv). */
errval_t slot_alloc(struct capref *ret);

/* The slot must be empty.  LIB_ERR_SLOT_FREE if it was not allocated. */
errval_t slot_free(struct capref cap);

/* A free slot of the root CNode (for an L2 CNode). */
errval_t slot_alloc_root(struct capref *ret);
errval_t slot_free_root(struct capref cap);

/* Start-up only. */
errval_t slot_alloc_init(void);

#endif
