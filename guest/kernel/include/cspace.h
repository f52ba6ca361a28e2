/* SPDX-License-Identifier: MIT
 *
 * CSpaces and the operations on capabilities (facts §3.2, §3.3, §3.5; this core only).
 */
#ifndef KERNEL_CSPACE_H
#define KERNEL_CSPACE_H

#include <barrelfish_kpi/init.h>

#include "capability.h"
#include "kernel_state.h"

/* Slots of a CNode capability, and slot i; the type must be L1CNode or L2CNode. */
static inline uint64_t cnode_slots(const struct capability *cnode)
{
    return cnode->u.mem.bytes / OBJSIZE_CTE;
}

static inline struct cte *cnode_slot(const struct capability *cnode, uint64_t slot)
{
    return (struct cte *)phys_to_mem(paddr(cnode->u.mem.base)) + slot;
}

static inline bool cap_is_cnode(const struct capability *cap)
{
    return cap->type == ObjType_L1CNode || cap->type == ObjType_L2CNode;
}

/* The part of the root in which L1 slot *l1 lies, and *l1 becomes the slot in that part; beyond the
 * last part it is too large for it.  At most ROOTCN_MAX_PARTS steps. */
const struct capability *cspace_root_part(const struct capability *root, uint64_t *l1);

/* The CTE at `cptr`, `level` (2: L2 slot, 1: L1 slot) of the CSpace rooted at `root`, empty or not.
 * SYS_ERR_CNODE_NOT_FOUND: the path does not exist. */
errval_t cspace_lookup_slot(struct capability *root, capaddr_t cptr, unsigned level,
                            struct cte **slot);

/* The same, and not empty, else SYS_ERR_CAP_NOT_FOUND; nor locked or in delete, else
 * SYS_ERR_CAP_LOCKED under SYS_ERR_RETRY_THROUGH_MONITOR. */
errval_t cspace_lookup(struct capability *root, capaddr_t cptr, unsigned level, struct cte **slot);

/* The same for who reads or writes the memory of a CNode, a table or a dispatcher, which is the
 * owner's core only: SYS_ERR_RETRY_THROUGH_MONITOR on another one. */
errval_t cspace_lookup_object(struct capability *root, capaddr_t cptr, unsigned level,
                              struct cte **slot);

/* Both for who wants to fill or empty the slot, or to map what is in it: the CNode in which it lies
 * must have the right WRITE, else SYS_ERR_CAP_RIGHTS. */
errval_t cspace_lookup_slot_to_change(struct capability *root, capaddr_t cptr, unsigned level,
                                      struct cte **slot);
errval_t cspace_lookup_to_change(struct capability *root, capaddr_t cptr, unsigned level,
                                 struct cte **slot);

/* The first of `count` slots (at most L2_CNODE_SLOTS) from `slot` in a CNode, which may
 * be changed, all of them empty: SYS_ERR_SLOTS_INVALID, SYS_ERR_CAP_RIGHTS, SYS_ERR_SLOT_IN_USE. */
errval_t cnode_empty_slots(const struct capability *cnode, uint64_t slot, uint64_t count,
                           struct cte **first);

/* The empty slot `slot` of the L2CNode at `cptr`, `level`: SYS_ERR_DEST_CNODE_LOOKUP,
 * SYS_ERR_DEST_CNODE_INVALID and those of cnode_empty_slots(). */
errval_t cspace_empty_slot(struct capability *root, capaddr_t cptr, unsigned level, uint64_t slot,
                           struct cte **dest);

/* Puts a copy of `src` into the empty `dest`; allowed with the right GRANT, but for mappings: see
 * cap_may_copy(). */
void cap_copy_to(struct cte *dest, struct cte *src);
errval_t cap_may_copy(const struct cte *src);

/* The same for who gets it in a message: he may not take it away from everybody else. */
void cap_send_copy(struct cte *dest, struct cte *src);

/* Moves `src` to the empty `dest`; `src` becomes empty. */
void cap_move_to(struct cte *dest, struct cte *src);

/* Enters a complete, new capability.  Memory must nest with all that there is: it is made of a
 * capability here. */
void cap_insert_new(struct cte *dest, const struct capability *cap, coreid_t owner);

/* The same for what nothing here was asked for: SYS_ERR_REVOKE_FIRST if it is memory that would lie
 * across the end of something. */
errval_t cap_insert_given(struct cte *dest, const struct capability *cap, coreid_t owner);

/* Can `count` objects of `type`, `object_bytes` each, be made from `src` at `offset`?  Normalises
 * object_bytes (0 for fixed sizes).  Asks about the object before the number and the number before
 * the place: INVALID_SIZE is what fits nowhere in `src`, RETYPE_INVALID_COUNT what fits, but not so
 * often, RETYPE_INVALID_OFFSET what would fit elsewhere. */
errval_t cap_check_retype(const struct cte *src, uint64_t offset, unsigned type,
                          uint64_t *object_bytes, uint64_t count);

/* What objects are made of: the capability that was named, or the piece that this core has claimed
 * of it. */
struct cap_source {
    const struct capability *cap;
    uint64_t offset;
    coreid_t owner; /* of the objects */
    uint8_t rights; /* of the objects */
};

/* Nothing is made of these bytes yet, here or on another core.  SYS_ERR_RETRY_THROUGH_MONITOR: the
 * monitor has to ask another core first; to claim the bytes, if that core owns them.  *from: what
 * cap_retype() makes them of, until any database changes. */
errval_t cap_check_unused(const struct cte *src, uint64_t offset, unsigned type, uint64_t bytes,
                          struct cap_source *from);

/* Is anything made of these bytes of memory, here or kept for another core?  `cap` need not be
 * here. */
bool cap_is_in_use(const struct capability *cap, uint64_t offset, uint64_t bytes);

/* Makes them, in dest[0..count-1], which are empty.  Memory is zeroed unless it stays RAM. */
void cap_retype(const struct cap_source *src, unsigned type, uint64_t object_bytes, uint64_t count,
                struct cte *dest);

/* Nobody copies, mints, sends or retypes this capability, a copy of it or what was made of it, nor
 * makes anything in its range (SYS_ERR_CAP_LOCKED under SYS_ERR_RETRY_THROUGH_MONITOR) until
 * something else is marked, or NULL: so who deletes them all comes to an end. */
void cap_mark(const struct capability *cap);

/* Locks what is kept for another core, or unlocks it: moves between the two databases. */
errval_t cap_lock(struct cte *cte);
errval_t cap_unlock(struct cte *cte);

/* Another copy of it on this core without any of the bits `but`; NULL: there is none.  At most one
 * copy has such a bit. */
struct cte *cap_find_copy(const struct cte *cte, unsigned but);

/* Names RAM or PhysAddr among those of its type in one word, which is not 0. */
uint64_t cap_claim_name(uint64_t base, uint64_t bytes, unsigned generation);

/* Does another core have a copy, or something made of it, from here? */
bool cap_is_kept(const struct capability *cap);

/* Memory that is no object of several parts, and is kept, goes over to another core, or comes back.
 * SYS_ERR_REVOKE_FIRST: somebody has a copy or something made of it.  SYS_ERR_CAP_NOT_FOUND: it is
 * not kept. */
errval_t cap_set_owner(struct cte *cte, coreid_t owner);

#endif
