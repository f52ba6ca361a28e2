/* SPDX-License-Identifier: MIT
 *
 * The Kernel capability: what monitors ask of capabilities on behalf of others.
 *
 * Of what another core has, a monitor has no capability but what that core says of it: so some of
 * these commands name one by its contents.  Nothing here overrides what the databases say.
 */
#include "objects.h"

#include "delete.h"

/* Memory of what Delete_last has ended, and of which nothing else is on this core: nobody could
 * make anything of it.  It may still be under way to its end. */
#define PENDING_MAX 4
static struct {
    uint64_t base, bytes; /* bytes 0: a free place */
} pending[PENDING_MAX];

static errval_t contents_of(const struct invocation *inv, uint64_t user, struct capability *cap)
{
    if (!invocation_copy_in(inv, cap, user, sizeof(*cap)))
        return SYS_ERR_INVALID_USER_BUFFER;
    if (cap->type >= ObjType_Num || ops_of(cap)->check_wire == NULL)
        return SYS_ERR_INVALID_RETYPE;
    return ops_of(cap)->check_wire(cap);
}

/* ---- by contents ---- */

static struct sysret copy_existing(const struct invocation *inv)
{
    const __typeof__(inv->args->copy_existing) *a = &inv->args->copy_existing;
    struct capability cap;
    struct cte *dest, *existing;
    errval_t err = contents_of(inv, a->contents, &cap);
    if (err_is_ok(err))
        err = cspace_empty_slot(inv->root, (capaddr_t)a->dest_cptr, (unsigned)a->dest_level,
                                a->dest_slot, &dest);
    if (err_is_fail(err))
        return SYSRET(err);
    existing = mdb_find_equal(&kernel_mdb, &cap);
    if (existing == NULL)
        return SYSRET(SYS_ERR_CAP_NOT_FOUND);
    err = cte_is_record(existing) ? delete_locked() : cap_may_copy(existing);
    if (err_is_ok(err))
        cap_copy_to(dest, existing);
    return SYSRET(err);
}

static struct sysret has_descendants(const struct invocation *inv)
{
    struct capability cap;
    errval_t err = contents_of(inv, inv->args->relations.contents, &cap);
    return err_is_fail(err) ? SYSRET(err)
                            : SYSRET_VALUE(mdb_has_descendants(&kernel_mdb, &cap) ||
                                           mdb_has_descendants(&kernel_remote_mdb, &cap));
}

static struct sysret is_retypeable(const struct invocation *inv)
{
    const __typeof__(inv->args->relations) *a = &inv->args->relations;
    struct capability cap;
    errval_t err = contents_of(inv, a->contents, &cap);
    if (err_is_fail(err))
        return SYSRET(err);
    if (!cap_types[cap.type].memory)
        return SYSRET(SYS_ERR_DEST_TYPE_INVALID);
    const uint64_t bytes = cap_bytes(&cap);
    if (a->object_bytes == 0 || a->object_bytes > bytes)
        return SYSRET(SYS_ERR_INVALID_SIZE);
    if (a->count == 0 || a->count > bytes / a->object_bytes)
        return SYSRET(SYS_ERR_RETYPE_INVALID_COUNT);
    if (a->offset > bytes - a->count * a->object_bytes)
        return SYSRET(SYS_ERR_RETYPE_INVALID_OFFSET);
    return SYSRET(cap_is_in_use(&cap, a->offset, a->count * a->object_bytes) ? SYS_ERR_REVOKE_FIRST
                                                                             : SYS_ERR_OK);
}

static struct sysret mark_relations(const struct invocation *inv)
{
    struct capability cap;
    if (!invocation_copy_in(inv, &cap, inv->args->relations.contents, sizeof(cap)))
        return SYSRET(SYS_ERR_INVALID_USER_BUFFER);
    if (cap.type == ObjType_Null) {
        cap_mark(NULL);
        return SYSRET(SYS_ERR_OK);
    }
    errval_t err = contents_of(inv, inv->args->relations.contents, &cap);
    if (err_is_ok(err))
        cap_mark(&cap);
    return SYSRET(err);
}

/* ---- of any CSpace ---- */

static struct sysret mark_target(const struct invocation *inv)
{
    struct cte *cte;
    errval_t err = kernel_find_anywhere(inv, &cte);
    if (err_is_ok(err))
        cap_mark(&cte->cap);
    return SYSRET(err);
}

/* Is what ends now the last that names this memory, but for RAM that belongs to somebody? */
static bool leaves_nobody(const struct capability *cap)
{
    return cap->type != ObjType_PhysAddr && cap->type != ObjType_DevFrame &&
           !mdb_has_ancestors(&kernel_mdb, cap) && !mdb_has_ancestors(&kernel_remote_mdb, cap);
}

/* *place: where its memory is noted; PENDING_MAX: it is somebody's. */
static errval_t decode_delete_last(const struct invocation *inv, struct cte **cte, unsigned *place)
{
    errval_t err = kernel_find_anywhere(inv, cte);
    if (err_is_fail(err))
        return err;
    const struct capability *cap = &(*cte)->cap;
    if (!cap_types[cap->type].memory)
        return SYS_ERR_DEST_TYPE_INVALID;
    if ((*cte)->node.owner != my_core_id || cap_is_kept(cap))
        return SYS_ERR_RETRY_THROUGH_MONITOR;
    if (mdb_has_copies(&kernel_mdb, *cte) || mdb_has_descendants(&kernel_mdb, cap))
        return SYS_ERR_REVOKE_FIRST;
    *place = PENDING_MAX;
    if (!leaves_nobody(cap))
        return SYS_ERR_OK;
    for (*place = 0; *place < PENDING_MAX && pending[*place].bytes != 0; ++*place) /* the bound */
        ;
    return *place < PENDING_MAX ? SYS_ERR_OK : SYS_ERR_RAM_PENDING_FULL;
}

static struct sysret delete_last(const struct invocation *inv)
{
    struct cte *cte = NULL;
    unsigned place;
    if (inv->again) /* the first entry has noted it */
        return SYSRET(cap_delete_rest());
    errval_t err = decode_delete_last(inv, &cte, &place);
    if (err_is_fail(err))
        return SYSRET(err);
    if (place < PENDING_MAX) {
        pending[place].base = cap_base(&cte->cap);
        pending[place].bytes = cap_bytes(&cte->cap);
    }
    return SYSRET(cap_delete(cte));
}

/* Nothing names any of it. */
static bool is_nobodys(uint64_t base, uint64_t bytes)
{
    return bytes != 0 &&
           mdb_find_range(&kernel_mdb, ObjType_PhysAddr, base, bytes, MDB_RANGE_SURROUNDING,
                          NULL) == MDB_RANGE_NOT_FOUND &&
           mdb_find_range(&kernel_remote_mdb, ObjType_PhysAddr, base, bytes, MDB_RANGE_SURROUNDING,
                          NULL) == MDB_RANGE_NOT_FOUND;
}

static struct sysret reclaim_ram(const struct invocation *inv)
{
    const __typeof__(inv->args->copy_existing) *a = &inv->args->copy_existing;
    struct cte *dest;
    errval_t err = cspace_empty_slot(inv->root, (capaddr_t)a->dest_cptr, (unsigned)a->dest_level,
                                     a->dest_slot, &dest);
    if (err_is_fail(err))
        return SYSRET(err);
    for (unsigned i = 0; i < PENDING_MAX; i++) { /* the bound */
        if (!is_nobodys(pending[i].base, pending[i].bytes))
            continue;
        struct capability ram = { .type = ObjType_RAM, .rights = CAPRIGHTS_ALLRIGHTS };
        ram.u.mem.base = pending[i].base;
        ram.u.mem.bytes = pending[i].bytes;
        pending[i].bytes = 0;
        cap_insert_new(dest, &ram, my_core_id);
        return SYSRET(SYS_ERR_OK);
    }
    return SYSRET(SYS_ERR_NO_RAM_PENDING);
}

/* ---- dispatchers ---- */

static struct sysret domain_id(const struct invocation *inv)
{
    const __typeof__(inv->args->domain) *a = &inv->args->domain;
    struct cte *cte;
    errval_t err = cspace_lookup_object(inv->root, (capaddr_t)a->cptr, (unsigned)a->level, &cte);
    if (err_is_fail(err))
        return SYSRET(err);
    if (cte->cap.type != ObjType_Dispatcher && cte->cap.type != ObjType_EndPointLMP)
        return SYSRET(SYS_ERR_LRPC_NOT_ENDPOINT);
    struct dcb *dcb =
        cte->cap.type == ObjType_Dispatcher ? dcb_of(cte) : endpoint_listener(&cte->cap);
    if (a->domain_id == 0)
        return SYSRET_VALUE(dcb->head.domain_id);
    if (!dispatcher_is_complete(dcb))
        return SYSRET(SYS_ERR_DISP_NOT_RUNNABLE);
    dcb->head.domain_id = (uint32_t)a->domain_id;
    dcb->disp->domain_id = (uint32_t)a->domain_id;
    return SYSRET_VALUE(dcb->head.domain_id);
}

struct sysret kernel_relations_invoke(const struct invocation *inv)
{
    switch (inv->command) {
    case KernelCmd_Domain_id:
        return domain_id(inv);
    case KernelCmd_IPI_Delete:
        return SYSRET(notify_delete(inv->args->notification.id));
    case KernelCmd_Delete_last:
        return delete_last(inv);
    case KernelCmd_Revoke_mark_target:
        return mark_target(inv);
    case KernelCmd_Revoke_mark_relations:
        return mark_relations(inv);
    case KernelCmd_Copy_existing:
        return copy_existing(inv);
    case KernelCmd_Has_descendants:
        return has_descendants(inv);
    case KernelCmd_Is_retypeable:
        return is_retypeable(inv);
    case KernelCmd_Retype:
        return cnode_retype(inv);
    case KernelCmd_Clear_step:
        return SYSRET(cap_delete_rest());
    case KernelCmd_ReclaimRAM:
        return reclaim_ram(inv);
    case KernelCmd_Add_kcb:
    case KernelCmd_Remove_kcb:
    case KernelCmd_Suspend_kcb:
        return SYSRET(SYS_ERR_KCB_NONE);
    default:
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    }
}
