/* SPDX-License-Identifier: MIT
 *
 * Capability references and CSpace arithmetic (facts §3.2).  Pure: no system call, no state, so the
 * header also compiles on the host, where tests/unit/test_cspace.c checks it.
 *
 * A CSpace has two levels.  A cptr (capaddr_t) names a slot of the second: bits 8-31 select the
 * slot of the root CNode (L1), bits 0-7 the slot of the L2 CNode found there.  Level 2 = an L2
 * slot, level 1 = the CNode in an L1 slot (cptr = L1 slot << 8), level 0 = the root CNode itself
 * (cptr 0).
 */
#ifndef BARRELFISH_CADDR_H
#define BARRELFISH_CADDR_H

#include <barrelfish_kpi/init.h>
#include <barrelfish_kpi/types.h>

/* Where a CNode sits, relative to the CSpace `croot` names. */
enum cnode_type {
    CNODE_TYPE_ROOT = 0,  /* the root CNode: its slots are L1 slots */
    CNODE_TYPE_OTHER = 2, /* an L2 CNode in L1 slot cnode >> 8 */
};

struct cnoderef {
    capaddr_t croot; /* level-2 cptr, in the caller's CSpace, of the root CNode of the CSpace */
    capaddr_t cnode; /* L1 slot << 8 of the L2 CNode; 0 for the root CNode */
    uint8_t level;   /* enum cnode_type */
} __attribute__((packed));

struct capref {
    struct cnoderef cnode;
    cslot_t slot; /* in that CNode */
};

/* cptr of the caller's own root CNode capability */
#define CPTR_ROOTCN KPI_CPTR(ROOTCN_SLOT_TASKCN, TASKCN_SLOT_ROOTCN)

#define NULL_CNODE ((struct cnoderef){ .croot = 0, .cnode = 0, .level = CNODE_TYPE_ROOT })
#define NULL_CAP ((struct capref){ .cnode = NULL_CNODE, .slot = 0 })
#define NULL_CAP_INIT                                                            \
    {                                                                            \
        .cnode = { .croot = 0, .cnode = 0, .level = CNODE_TYPE_ROOT }, .slot = 0 \
    }

#define CNODE_L2(l1slot)                                               \
    ((struct cnoderef){ .croot = CPTR_ROOTCN,                          \
                        .cnode = (capaddr_t)(l1slot) << L2_CNODE_BITS, \
                        .level = CNODE_TYPE_OTHER })
#define cnode_root ((struct cnoderef){ .croot = CPTR_ROOTCN, .cnode = 0, .level = CNODE_TYPE_ROOT })
#define cnode_task CNODE_L2(ROOTCN_SLOT_TASKCN)
#define cnode_page CNODE_L2(ROOTCN_SLOT_PAGECN)
#define cnode_base CNODE_L2(ROOTCN_SLOT_BASE_PAGE_CN)
#define cnode_super CNODE_L2(ROOTCN_SLOT_SUPERCN)
#define cnode_module CNODE_L2(ROOTCN_SLOT_MODULECN)
#define cnode_window CNODE_L2(ROOTCN_SLOT_WINDOWCN)
#define cnode_early CNODE_L2(ROOTCN_SLOT_EARLY_CN)

#define TASK_CAP(task_slot) ((struct capref){ .cnode = cnode_task, .slot = (task_slot) })
#define cap_root TASK_CAP(TASKCN_SLOT_ROOTCN)
#define cap_dispatcher TASK_CAP(TASKCN_SLOT_DISPATCHER)
#define cap_dispframe TASK_CAP(TASKCN_SLOT_DISPFRAME)
#define cap_kernel TASK_CAP(TASKCN_SLOT_KERNELCAP)
#define cap_irq TASK_CAP(TASKCN_SLOT_IRQ) /* these for domains of the system only */
#define cap_irqsrc TASK_CAP(TASKCN_SLOT_IRQSRC)
#define cap_io TASK_CAP(TASKCN_SLOT_IO)
#define cap_perfmon TASK_CAP(TASKCN_SLOT_PERF_MON)
#define cap_procmng TASK_CAP(TASKCN_SLOT_PROC_MNG)
#define cap_devman TASK_CAP(TASKCN_SLOT_DEVMAN)
#define cap_ipi TASK_CAP(TASKCN_SLOT_IPI)
#define cap_selfep TASK_CAP(TASKCN_SLOT_SELFEP)
#define cap_initep TASK_CAP(TASKCN_SLOT_INITEP)
#define cap_monitorep TASK_CAP(TASKCN_SLOT_INITEP)
#define cap_argcn ((struct capref){ .cnode = cnode_root, .slot = ROOTCN_SLOT_ARGCN })
#define cap_vroot ((struct capref){ .cnode = cnode_page, .slot = 0 })

static inline bool cnoderef_is_null(struct cnoderef ref)
{
    return ref.croot == 0 && ref.cnode == 0;
}

static inline bool capref_is_null(struct capref ref)
{
    return cnoderef_is_null(ref.cnode) && ref.slot == 0;
}

static inline bool cnodecmp(struct cnoderef a, struct cnoderef b)
{
    return a.croot == b.croot && a.cnode == b.cnode && a.level == b.level;
}

static inline bool capcmp(struct capref a, struct capref b)
{
    return cnodecmp(a.cnode, b.cnode) && a.slot == b.slot;
}

/* cptr of the root CNode of the CSpace in which the capability lies */
static inline capaddr_t get_croot_addr(struct capref cap)
{
    return cap.cnode.croot;
}

/* cptr of the capability in that CSpace, and its level (2 = L2 slot, 1 = L1 slot) */
static inline capaddr_t get_cap_addr(struct capref cap)
{
    return cap.cnode.level == CNODE_TYPE_OTHER ? cap.cnode.cnode | cap.slot
                                               : (capaddr_t)cap.slot << L2_CNODE_BITS;
}

static inline uint8_t get_cap_level(struct capref cap)
{
    if (capref_is_null(cap))
        return 0;
    return cap.cnode.level == CNODE_TYPE_OTHER ? 2 : 1;
}

/* cptr and level of the CNode in which the capability lies, in its CSpace */
static inline capaddr_t get_cnode_addr(struct capref cap)
{
    return cap.cnode.level == CNODE_TYPE_OTHER ? cap.cnode.cnode : 0;
}

static inline uint8_t get_cnode_level(struct capref cap)
{
    return cap.cnode.level == CNODE_TYPE_OTHER ? 1 : 0;
}

/* True if the capability lies in the caller's own CSpace (and so can be invoked). */
static inline bool capref_is_own(struct capref cap)
{
    return cap.cnode.croot == CPTR_ROOTCN;
}

/* The CNode that a capability names.  An L2 CNode in an L1 slot gives a reference to its slots; an
 * L1 CNode in an L2 slot is the root of another CSpace and gives a reference to its L1 slots. */
static inline struct cnoderef build_cnoderef(struct capref cap, enum cnode_type type)
{
    struct cnoderef ref;

    if (type == CNODE_TYPE_OTHER) {
        ref.croot = cap.cnode.croot;
        ref.cnode = (capaddr_t)cap.slot << L2_CNODE_BITS;
    } else {
        ref.croot = get_cap_addr(cap);
        ref.cnode = 0;
    }
    ref.level = (uint8_t)type;
    return ref;
}

#endif
