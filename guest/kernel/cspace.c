/* SPDX-License-Identifier: MIT
 *
 * Looking up capability addresses, and copy, retype and delete on this core.
 *
 * A CSpace has two levels: the root (L1CNode) holds L2CNodes, these hold everything.  The root grows by
 * parts: another L1CNode in its slot ROOTCN_SLOT_MORE goes on where it ends, and so forth.  Nothing moves
 * then, and all who hold a capability of the root see the new slots.  All checks are
 * in the functions that return an error; those that return nothing cannot fail and are called when
 * everything has been checked.
 *
 * Deleting the last capability of a CNode deletes what is in it, which may hold CNodes again: these
 * wait in a list threaded through their own CTEs (out of the database by then), so that the stack
 * stays flat.
 */
#include "cspace.h"

#include "dispatch.h"
#include "plat.h"

struct mdb kernel_mdb;

const struct capability *cspace_root_part(const struct capability *root, uint64_t *l1)
{
    for (unsigned parts = 1; *l1 >= cnode_slots(root) && parts < ROOTCN_MAX_PARTS; parts++) {
        const struct capability *next = &cnode_slot(root, ROOTCN_SLOT_MORE)->cap;
        if (next->type != ObjType_L1CNode)
            break;
        *l1 -= cnode_slots(root);
        root = next;
    }
    return root;
}

errval_t cspace_lookup_slot(struct capability *root, capaddr_t cptr, unsigned level,
                            struct cte **slot)
{
    if (root->type != ObjType_L1CNode)
        return SYS_ERR_CNODE_TYPE;
    uint64_t l1 = cptr >> L2_CNODE_BITS;
    const struct capability *cnode = cspace_root_part(root, &l1);
    if (l1 >= cnode_slots(cnode))
        return SYS_ERR_CNODE_NOT_FOUND;
    struct cte *cte = cnode_slot(cnode, l1);
    if (level == 2) {
        if (cte->cap.type != ObjType_L2CNode)
            return SYS_ERR_CNODE_NOT_FOUND;
        cte = cnode_slot(&cte->cap, cptr & (L2_CNODE_SLOTS - 1));
    } else if (level != 1) {
        return SYS_ERR_INVARGS_SYSCALL;
    }
    *slot = cte;
    return SYS_ERR_OK;
}

errval_t cspace_lookup(struct capability *root, capaddr_t cptr, unsigned level, struct cte **slot)
{
    errval_t err = cspace_lookup_slot(root, cptr, level, slot);
    if (err_is_ok(err) && (*slot)->cap.type == ObjType_Null)
        return SYS_ERR_CAP_NOT_FOUND;
    return err;
}

errval_t cnode_empty_slots(const struct capability *cnode, uint64_t slot, uint64_t count,
                           struct cte **first)
{
    const uint64_t slots = cnode_slots(cnode);
    if (slot >= slots || count > slots - slot)
        return SYS_ERR_SLOTS_INVALID;
    *first = cnode_slot(cnode, slot);
    for (uint64_t i = 0; i < count; i++)
        if ((*first)[i].cap.type != ObjType_Null)
            return SYS_ERR_SLOT_IN_USE;
    return SYS_ERR_OK;
}

errval_t cspace_empty_slot(struct capability *root, capaddr_t cptr, unsigned level, uint64_t slot,
                           struct cte **dest)
{
    struct cte *cnode;
    errval_t err = cspace_lookup(root, cptr, level, &cnode);
    if (err_is_fail(err))
        return err_push(err, SYS_ERR_DEST_CNODE_LOOKUP);
    if (cnode->cap.type != ObjType_L2CNode)
        return SYS_ERR_DEST_CNODE_INVALID;
    return cnode_empty_slots(&cnode->cap, slot, 1, dest);
}

bool cap_is_retypeable(uint8_t from, uint8_t to)
{
    static const uint64_t allowed[ObjType_Num] = {
        [ObjType_PhysAddr] = 0
#define CAP_RETYPE(f, t) | ((uint64_t)(ObjType_##f == ObjType_PhysAddr) << ObjType_##t)
#include <barrelfish_kpi/caps.def>
        ,
        [ObjType_RAM] = 0
#define CAP_RETYPE(f, t) | ((uint64_t)(ObjType_##f == ObjType_RAM) << ObjType_##t)
#include <barrelfish_kpi/caps.def>
        ,
        [ObjType_Frame] = 1ull << ObjType_Frame,
        [ObjType_DevFrame] = 1ull << ObjType_DevFrame,
        [ObjType_Dispatcher] = 1ull << ObjType_EndPointLMP,
        [ObjType_ProcessManager] = 1ull << ObjType_Domain,
    };
    _Static_assert(ObjType_Num <= 64, "retype table");
    return from < ObjType_Num && to < ObjType_Num && (allowed[from] >> to & 1);
}

errval_t cap_may_copy(const struct cte *src)
{
    return cap_is_mapping(src->cap.type) ? SYS_ERR_DEST_TYPE_INVALID : SYS_ERR_OK;
}

static void insert(struct cte *cte)
{
    enum mdb_status status = mdb_insert(&kernel_mdb, cte);
    assert(status == MDB_OK);
}

void cap_insert_new(struct cte *dest, const struct capability *cap, coreid_t owner)
{
    dest->cap = *cap;
    dest->node = (struct mdbnode){ .owner = owner };
    insert(dest);
}

void cap_copy_to(struct cte *dest, struct cte *src)
{
    dest->cap = src->cap;
    dest->node = (struct mdbnode){ .owner = src->node.owner, .bits = src->node.bits };
    if (cap_types[src->cap.type].mappable)
        dest->cap.u.word[CAP_MAPPING_WORD] = 0;
    insert(dest);
}

void cap_copy_to_dcb(struct cte *dest, struct cte *src)
{
    cap_copy_to(dest, src);
    dest->node.bits |= MDB_BIT_IN_DCB;
}

void cap_move_to(struct cte *dest, struct cte *src)
{
    dest->cap = src->cap;
    dest->node = (struct mdbnode){ 0 };
    enum mdb_status status = mdb_replace(&kernel_mdb, src, dest);
    assert(status == MDB_OK);
    /* links between a mapped capability and its mapping follow */
    if (cap_types[dest->cap.type].mappable && dest->cap.u.word[CAP_MAPPING_WORD] != 0)
        ((struct cte *)dest->cap.u.word[CAP_MAPPING_WORD])->cap.u.mapping.cap = (uint64_t)dest;
    if (cap_is_mapping(dest->cap.type) && dest->cap.u.mapping.cap != 0)
        ((struct cte *)dest->cap.u.mapping.cap)->cap.u.word[CAP_MAPPING_WORD] = (uint64_t)dest;
    *src = (struct cte){ 0 };
}

/* ---- retype ---- */

/* Sizes are multiples of this, offsets of this or of a page, whichever is smaller. */
static uint64_t object_granule(unsigned type)
{
    switch (type) {
    case ObjType_L1CNode:
    case ObjType_L2CNode:
        return OBJSIZE_L2CNODE;
    case ObjType_Dispatcher:
        return OBJSIZE_DISPATCHER;
    default:
        return ABI_PAGE_BYTES;
    }
}

errval_t cap_check_retype(struct cte *src, uint64_t offset, unsigned type, uint64_t *object_bytes,
                          uint64_t count)
{
    const struct capability *cap = &src->cap;
    if (type >= ObjType_Num)
        return SYS_ERR_INVALID_RETYPE;
    if (cap_is_mapping((uint8_t)type))
        return SYS_ERR_RETYPE_MAPPING_EXPLICIT;
    if (!cap_is_retypeable(cap->type, (uint8_t)type))
        return SYS_ERR_INVALID_RETYPE;
    if (count == 0)
        return SYS_ERR_RETYPE_INVALID_COUNT;
    if (!cap_types[type].memory) /* endpoints and domains take no memory */
        return SYS_ERR_OK;

    if (cap_types[type].object_bytes != 0)
        *object_bytes = cap_types[type].object_bytes;
    uint64_t granule = object_granule(type);
    uint64_t align = granule < ABI_PAGE_BYTES ? granule : ABI_PAGE_BYTES;
    if (*object_bytes == 0 || *object_bytes % granule != 0 || *object_bytes > cap->u.mem.bytes)
        return SYS_ERR_INVALID_SIZE;
    if (count > cap->u.mem.bytes / *object_bytes)
        return SYS_ERR_RETYPE_INVALID_COUNT;
    if ((cap->u.mem.base + offset) % align != 0 || offset > cap->u.mem.bytes ||
        count > (cap->u.mem.bytes - offset) / *object_bytes)
        return SYS_ERR_RETYPE_INVALID_OFFSET;

    struct cte *found;
    enum mdb_range range =
        mdb_find_range(&kernel_mdb, cap_type_root(cap->type), cap->u.mem.base + offset,
                       count * *object_bytes, MDB_RANGE_INNER, &found);
    if (range > MDB_RANGE_SURROUNDING)
        return SYS_ERR_REVOKE_FIRST;
    if (range == MDB_RANGE_SURROUNDING && !cap_is_copy(&found->cap, cap))
        return SYS_ERR_REVOKE_FIRST;
    return SYS_ERR_OK;
}

static bool must_be_zero(unsigned from, unsigned to)
{
    return to != ObjType_RAM && to != ObjType_PhysAddr && to != ObjType_DevFrame && from != to &&
           cap_types[to].memory;
}

void cap_retype(struct cte *src, uint64_t offset, unsigned type, uint64_t object_bytes,
                uint64_t count, struct cte *dest)
{
    const struct capability *from = &src->cap;
    if (must_be_zero(from->type, type))
        plat_scrub(paddr(from->u.mem.base + offset), count * object_bytes);

    struct capability cap = { .type = (uint8_t)type, .rights = from->rights };
    for (uint64_t i = 0; i < count; i++) {
        if (cap_types[type].memory) {
            cap.u.mem.base = from->u.mem.base + offset + i * object_bytes;
            cap.u.mem.bytes = object_bytes;
        } else if (type == ObjType_EndPointLMP) {
            cap.u.endpoint.listener = from->u.mem.base + KERNEL_PHYSMAP;
        }
        if (type == ObjType_VNode_x86_64_pml4) {
            /* the upper half of every address space is the CPU driver's */
            const uint64_t *boot = phys_to_mem(paddr(boot_info->pml4));
            uint64_t *table = phys_to_mem(paddr(cap.u.mem.base));
            table[(ABI_PHYSMAP_BASE >> 39) & 511] = boot[(ABI_PHYSMAP_BASE >> 39) & 511];
            table[(ABI_KERNEL_BASE >> 39) & 511] = boot[(ABI_KERNEL_BASE >> 39) & 511];
        }
        cap_insert_new(&dest[i], &cap, src->node.owner);
    }
}

/* ---- delete ---- */

static struct cte *delete_list; /* CNodes to be emptied, linked by node.left */

static void remove_from_mdb(struct cte *cte)
{
    enum mdb_status status = mdb_remove(&kernel_mdb, cte);
    assert(status == MDB_OK);
}

static void delete_one(struct cte *cte);

static void destroy_dispatcher(struct capability *cap)
{
    struct dcb *dcb = phys_to_mem(paddr(cap->u.mem.base));
    dispatch_stop(dcb, true);
    dispatch_forget(dcb);
    /* endpoints that name it cease to exist: no dangling listener */
    struct cte *endpoint;
    while ((endpoint = mdb_first_descendant(&kernel_mdb, cap)) != NULL) {
        remove_from_mdb(endpoint);
        *endpoint = (struct cte){ 0 };
    }
    delete_one(&dcb->cspace);
    delete_one(&dcb->vspace);
    delete_one(&dcb->disp_frame);
}

/* Revocation takes the frame or the address space away from under a dispatcher.  Their memory may be
 * anything next, so nothing may be saved there or run on it any more. */
static void abandon_dispatcher(struct cte *cte)
{
    struct dcb *dcb = cte->cap.type == ObjType_Frame
                          ? (struct dcb *)((char *)cte - offsetof(struct dcb, disp_frame))
                          : (struct dcb *)((char *)cte - offsetof(struct dcb, vspace));
    dispatch_stop(dcb, true);
    dispatch_forget(dcb);
    if (cte->cap.type == ObjType_Frame) {
        dcb->disp = NULL;
        dcb->head.disp_frame = 0;
    } else {
        dcb->cr3 = 0;
    }
}

/* Empties one slot.  A CNode's last capability goes to the delete list instead. */
static void delete_one(struct cte *cte)
{
    struct capability *cap = &cte->cap;
    if (cap->type == ObjType_Null || (cte->node.bits & MDB_BIT_IN_DELETE))
        return;
    if (cap_is_mapping(cap->type))
        vnode_unmap_mapping(cte);
    else if (cap_types[cap->type].mappable && cap->u.word[CAP_MAPPING_WORD] != 0)
        delete_one((struct cte *)cap->u.word[CAP_MAPPING_WORD]);

    if (cte->node.bits & MDB_BIT_IN_DCB)
        abandon_dispatcher(cte);
    bool last = !mdb_has_copies(&kernel_mdb, cte);
    remove_from_mdb(cte);
    if (last && cap_is_cnode(cap)) {
        cte->node.bits |= MDB_BIT_IN_DELETE;
        cte->node.left = delete_list;
        delete_list = cte;
        return;
    }
    struct capability ended = *cap;
    *cte = (struct cte){ 0 };
    if (!last)
        return;
    if (ended.type == ObjType_Dispatcher)
        destroy_dispatcher(&ended);
    else if (ended.type >= ObjType_VNode_x86_64_pml4 && ended.type <= ObjType_VNode_x86_64_ptable)
        vnode_destroy(&ended);
}

static void drain_delete_list(void)
{
    struct cte *emptied = NULL; /* their memory may hold other CTEs of the list: cleared last */
    while (delete_list != NULL) {
        struct cte *cte = delete_list;
        delete_list = cte->node.left;
        for (uint64_t i = 0; i < cnode_slots(&cte->cap); i++)
            delete_one(cnode_slot(&cte->cap, i));
        cte->node.left = emptied;
        emptied = cte;
    }
    while (emptied != NULL) {
        struct cte *cte = emptied;
        emptied = cte->node.left;
        *cte = (struct cte){ 0 };
    }
}

static errval_t check_delete(const struct cte *cte)
{
    if (cte->node.bits & (MDB_BIT_LOCKED | MDB_BIT_IN_DELETE))
        return err_push(SYS_ERR_CAP_LOCKED, SYS_ERR_RETRY_THROUGH_MONITOR);
    return SYS_ERR_OK;
}

errval_t cap_delete(struct cte *cte)
{
    errval_t err = check_delete(cte);
    if (err_is_fail(err))
        return err;
    delete_one(cte);
    drain_delete_list();
    return SYS_ERR_OK;
}

errval_t cap_revoke(struct cte *cte)
{
    errval_t err = check_delete(cte);
    if (err_is_fail(err))
        return err;
    /* `cte` may itself lie in a CNode that ends here; then it is empty and the loop stops */
    struct cte *victim;
    while (cte->cap.type != ObjType_Null && mdb_is_inserted(cte) &&
           ((victim = mdb_first_descendant(&kernel_mdb, &cte->cap)) != NULL ||
            (victim = mdb_find_copy(&kernel_mdb, cte)) != NULL)) {
        delete_one(victim);
        drain_delete_list();
    }
    return SYS_ERR_OK;
}
