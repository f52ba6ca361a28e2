/* SPDX-License-Identifier: MIT
 *
 * What a type of capability does: caps.def names the operations of each type, which the files of
 * objects/ have.  Whoever handles capabilities in general (cspace.c, delete.c, syscall.c) asks the
 * table (objects/table.c) and knows no type.  A new type is lines of caps.def and a file.
 */
#ifndef KERNEL_CAP_OPS_H
#define KERNEL_CAP_OPS_H

#include "capability.h"

struct invocation;
struct work;

/* NULL: there is nothing to do, or the type does not have it. */
struct cap_ops {
    /* An invocation of the capability in `cte`. */
    struct sysret (*invoke)(struct cte *cte, const struct invocation *inv);

    /* Are these parameters of mint allowed?  What mint makes of a copy.  NULL: `p1` is a mask of
     * rights. */
    errval_t (*check_mint)(const struct capability *cap, uint64_t p1, uint64_t p2);
    void (*mint)(struct capability *cap, uint64_t p1, uint64_t p2);

    /* Completes what retype makes of `from`; type, rights and range are there, and the memory is
     * zero. */
    void (*retype_init)(struct capability *cap, const struct capability *from);

    /* `cte` holds what lay elsewhere: whoever points at it must learn of it. */
    void (*moved)(struct cte *cte);

    /* The capability goes, or becomes a record. */
    void (*release)(struct cte *cte);

    /* The last one of an object of several parts is a record (delete.c), and this takes it
     * apart. */
    void (*delete_step)(struct cte *record, struct work *work);

    /* May such a record, which waits (STEP_WAITS), go on?  An error: not now, and for its deleter
     * this. */
    errval_t (*may_finish)(const struct cte *record);

    /* What must happen to what lies in the range of a capability before any of it is revoked.
     * False: the call has done its share; *from (at first where the range begins) says how far. */
    bool (*before_revoke)(const struct capability *cap, uint64_t *from, struct work *work);

    /* Takes out of a copy what its holder may not learn. */
    void (*identify)(struct capability *cap);

    /* May such a capability be made of what another core says?  Corrects what means something
     * there only. NULL: it means nothing elsewhere. */
    errval_t (*check_wire)(struct capability *cap);
};

extern const struct cap_ops *const cap_ops[ObjType_Num];

static inline const struct cap_ops *ops_of(const struct capability *cap)
{
    return cap_ops[cap->type];
}

/* Is it an object of several parts? */
static inline bool cap_is_container(const struct capability *cap)
{
    return ops_of(cap)->delete_step != NULL;
}

/* The CPU driver reads and writes the memory of such an object, so only its owner's core may.  On
 * another one the capability is a name: copied, sent, identified and deleted like any other. */
static inline bool cte_is_container(const struct cte *cte)
{
    return cap_is_container(&cte->cap) && !(cte->node.bits & MDB_BIT_FOREIGN);
}

#endif
