/* SPDX-License-Identifier: MIT
 *
 * The Kernel capability, held by monitors only: what concerns other cores.
 *
 * A capability crosses cores as its contents: one monitor identifies it, the other creates it from
 * what it was told.  So the holder is trusted with everything; all other domains see none of this.
 */
#include "objects.h"

#include "delete.h"
#include "plat.h"
#include "schedule.h"

/* What the power device has said of a core. */
static struct sysret of_power(uint64_t result)
{
    switch (result) {
    case ABI_RESULT_OK:
        return SYSRET(SYS_ERR_OK);
    case ABI_RESULT_NO_SUCH_CORE:
        return SYSRET(SYS_ERR_CORE_NOT_FOUND);
    case ABI_RESULT_CORE_RUNNING:
        return SYSRET(SYS_ERR_CORE_RUNNING);
    default:
        return SYSRET(SYS_ERR_CORE_START);
    }
}

struct sysret power_of_core(uint64_t command, const struct invocation *inv)
{
    const __typeof__(inv->args->spawn_core) *a = &inv->args->spawn_core;
    if (a->core >= boot_info->topology.core_count)
        return SYSRET(SYS_ERR_CORE_NOT_FOUND);
    if (command == KernelCmd_Spawn_core)
        return of_power(plat_start_core(a->core, a->entry, a->rdi, a->cr3));
    if (command == KernelCmd_Kill_core)
        return of_power(a->core == my_core_id ? ABI_RESULT_CORE_RUNNING : plat_kill_core(a->core));
    if (command == KernelCmd_Retire_core)
        return of_power(a->core == my_core_id ? ABI_RESULT_CORE_RUNNING
                                              : plat_retire_core(a->core));
    return of_power(plat_core_available(a->core));
}

static struct sysret late_of_core(const struct invocation *inv)
{
    const uint64_t core = inv->args->spawn_core.core;
    uint64_t late_ns;
    if (core >= boot_info->topology.core_count)
        return SYSRET(SYS_ERR_CORE_NOT_FOUND);
    const struct sysret result = of_power(plat_core_late(core, &late_ns));
    return err_is_ok(result.error) ? SYSRET_VALUE(late_ns) : result;
}

static struct sysret answer(const struct invocation *inv, uint64_t user, const void *from,
                            uint64_t bytes)
{
    return SYSRET(invocation_copy_out(inv, user, from, bytes) ? SYS_ERR_OK
                                                              : SYS_ERR_INVALID_USER_BUFFER);
}

errval_t kernel_find_anywhere(const struct invocation *inv, struct cte **cte)
{
    const __typeof__(inv->args->identify) *a = &inv->args->identify;
    struct capability *root;
    errval_t err = invocation_root(inv, a->root, &root);
    return err_is_fail(err) ? err
                            : cspace_lookup(root, (capaddr_t)a->cptr, (unsigned)a->level, cte);
}

static struct sysret identify_cap(const struct invocation *inv)
{
    struct cte *cte;
    errval_t err = kernel_find_anywhere(inv, &cte);
    if (err_is_fail(err))
        return SYSRET(err);
    struct capability cap = cte->cap;
    if (cap_types[cap.type].mappable)
        cap.u.word[CAP_MAPPING_WORD] = 0;
    return answer(inv, inv->args->identify.answer, &cap, sizeof(cap));
}

static struct sysret get_cap_owner(const struct invocation *inv)
{
    struct cte *cte;
    errval_t err = kernel_find_anywhere(inv, &cte);
    return err_is_fail(err) ? SYSRET(err) : SYSRET_VALUE(cte->node.owner);
}

/* What another core says there is, as it may stand in a slot here. */
static errval_t decode_capability(const struct invocation *inv, struct capability *cap)
{
    if (!invocation_copy_in(inv, cap, inv->args->create_cap.contents, sizeof(*cap)))
        return SYS_ERR_INVALID_USER_BUFFER;
    if (cap->type >= ObjType_Num || ops_of(cap)->check_wire == NULL)
        return SYS_ERR_INVALID_RETYPE;
    return ops_of(cap)->check_wire(cap);
}

static struct sysret create_cap(const struct invocation *inv)
{
    const __typeof__(inv->args->create_cap) *a = &inv->args->create_cap;
    struct capability cap;
    struct cte *dest;
    errval_t err = decode_capability(inv, &cap);
    if (err_is_ok(err))
        err = cspace_empty_slot(inv->root, (capaddr_t)a->dest_cptr, (unsigned)a->dest_level,
                                a->dest_slot, &dest);
    if (err_is_ok(err))
        err = cap_insert_given(dest, &cap, (coreid_t)a->owner);
    return SYSRET(err);
}

/* The capability of the caller's that a command names. */
static errval_t named(const struct invocation *inv, struct cte **ret)
{
    return cspace_lookup(inv->root, (capaddr_t)inv->args->target.cptr,
                         (unsigned)inv->args->target.level, ret);
}

static errval_t named_endpoint(const struct invocation *inv, struct cte **ret)
{
    errval_t err = named(inv, ret);
    if (err_is_ok(err) && (*ret)->cap.type != ObjType_EndPointLMP)
        err = SYS_ERR_LRPC_NOT_ENDPOINT;
    return err;
}

static struct sysret register_notify(const struct invocation *inv)
{
    struct cte *endpoint;
    uint32_t id = 0;
    errval_t err = named_endpoint(inv, &endpoint);
    if (err_is_ok(err))
        err = notify_register(endpoint_listener(&endpoint->cap), &id);
    return err_is_fail(err) ? SYSRET(err) : SYSRET_VALUE(id);
}

/* The device looks at the address itself. */
static struct sysret register_channel(const struct invocation *inv)
{
    plat_channel(paddr(inv->args->channel.record));
    return SYSRET(SYS_ERR_OK);
}

static void hint(struct cte *monitor)
{
    /* a full buffer does not matter (stop.c) */
    (void)lmp_deliver(monitor, NULL, 0, NULL, ABI_LMP_BY_KERNEL);
}

static struct sysret register_monitor(const struct invocation *inv)
{
    struct cte *endpoint;
    errval_t err = named_endpoint(inv, &endpoint);
    if (err_is_fail(err))
        return SYSRET(err);
    if (stop_monitor.cap.type != ObjType_Null)
        cap_delete_now(&stop_monitor);
    cap_copy_to(&stop_monitor, endpoint);
    stop_hint = hint;
    return SYSRET(err);
}

static struct sysret stop_dispatcher(const struct invocation *inv)
{
    struct cte *endpoint;
    errval_t err = named_endpoint(inv, &endpoint);
    if (err_is_ok(err))
        dispatch_stop(endpoint_listener(&endpoint->cap), false);
    return SYSRET(err);
}

static struct sysret is_shared(const struct invocation *inv)
{
    struct cte *cte;
    errval_t err = named(inv, &cte);
    if (err_is_fail(err))
        return SYSRET(err);
    if (mdb_has_copies(&kernel_mdb, cte) || mdb_first_descendant(&kernel_mdb, &cte->cap) != NULL)
        return SYSRET_VALUE(CAP_SHARED_HERE);
    const bool kept = cte->node.owner == my_core_id && cap_is_kept(&cte->cap);
    return SYSRET_VALUE(kept ? CAP_SHARED_KEPT : CAP_SHARED_NOT);
}

static struct sysret delete_foreigns(const struct invocation *inv)
{
    struct cte *cte;
    errval_t err = named(inv, &cte);
    if (err_is_ok(err) && !cap_types[cte->cap.type].memory)
        err = SYS_ERR_DEST_TYPE_INVALID;
    if (err_is_fail(err))
        return SYSRET(err);
    const __typeof__(inv->args->delete_foreigns) *a = &inv->args->delete_foreigns;
    struct capability part = cte->cap;
    part.u.mem.base = a->base;
    part.u.mem.bytes = a->bytes;
    part.generation = (uint8_t)a->generation;
    return cap_delete_foreigns(cte, a->bytes != 0 ? &part : NULL, a->from);
}

/* Also what is locked. */
static errval_t lookup_kept(const struct invocation *inv, struct cte **cte)
{
    errval_t err = cspace_lookup_slot(inv->root, (capaddr_t)inv->args->target.cptr,
                                      (unsigned)inv->args->target.level, cte);
    return err_is_ok(err) && (*cte)->cap.type == ObjType_Null ? SYS_ERR_CAP_NOT_FOUND : err;
}

static struct sysret set_cap_owner(const struct invocation *inv)
{
    const __typeof__(inv->args->set_owner) *a = &inv->args->set_owner;
    struct cte *cte;
    errval_t err = lookup_kept(inv, &cte);
    if (err_is_ok(err) && a->owner >= boot_info->topology.core_count)
        err = SYS_ERR_CORE_NOT_FOUND;
    return SYSRET(err_is_fail(err) ? err : cap_set_owner(cte, (coreid_t)a->owner));
}

static struct sysret lock_cap(const struct invocation *inv, errval_t (*change)(struct cte *))
{
    struct cte *cte;
    errval_t err = lookup_kept(inv, &cte);
    return SYSRET(err_is_fail(err) ? err : change(cte));
}

static struct sysret mark_witness(const struct invocation *inv)
{
    const __typeof__(inv->args->witness) *a = &inv->args->witness;
    struct cte *cte;
    errval_t err = named(inv, &cte);
    if (err_is_ok(err) && (!cap_types[cte->cap.type].memory || cap_is_container(&cte->cap)))
        err = SYS_ERR_DEST_TYPE_INVALID;
    if (err_is_ok(err) && mdb_has_copies(&kernel_mdb, cte) &&
        cap_find_copy(cte, MDB_BIT_WITNESS) == NULL)
        err = SYS_ERR_SLOT_IN_USE; /* another one stands for it */
    if (err_is_fail(err))
        return SYSRET(err);
    cte->node.bits |= MDB_BIT_WITNESS;
    if (!cap_types[cte->cap.type].mappable)
        cte->cap.u.word[CAP_CLAIM_WORD] =
            a->bytes == 0 ? 0 : cap_claim_name(a->base, a->bytes, (unsigned)a->generation);
    return SYSRET(SYS_ERR_OK);
}

static struct sysret get_stats(const struct invocation *inv)
{
    return answer(inv, inv->args->buffer.address, &kernel_counters, sizeof(kernel_counters));
}

static struct sysret nullify(const struct invocation *inv)
{
    /* ends like the last copy of memory: nothing is reclaimed here, the owner is elsewhere */
    struct cte *cte;
    if (inv->again)
        return SYSRET(cap_delete_rest());
    errval_t err = named(inv, &cte);
    return SYSRET(err_is_fail(err) ? err : cap_delete(cte));
}

static struct sysret next_stopped(void)
{
    uint32_t domain;
    return stop_next(&domain) ? SYSRET_VALUE(domain) : SYSRET(SYS_ERR_NONE_STOPPED);
}

static struct sysret kernel_invoke(struct cte *cte, const struct invocation *inv)
{
    (void)cte;
    switch (inv->command) {
    case KernelCmd_Get_core_id:
        return SYSRET_VALUE(my_core_id);
    case KernelCmd_Spawn_core:
    case KernelCmd_Kill_core:
    case KernelCmd_Retire_core:
    case KernelCmd_Core_available:
        return power_of_core(inv->command, inv);
    case KernelCmd_Core_late:
        return late_of_core(inv);
    case KernelCmd_Identify_cap:
        return identify_cap(inv);
    case KernelCmd_Create_cap:
        return create_cap(inv);
    case KernelCmd_Nullify_cap:
        return nullify(inv);
    case KernelCmd_Notify_register:
        return register_notify(inv);
    case KernelCmd_Register_channel:
        return register_channel(inv);
    case KernelCmd_Power_off:
        plat_power_off(inv->args->power_off.code & 0xff);
    case KernelCmd_Get_stats:
        return get_stats(inv);
    case KernelCmd_Register_monitor:
        return register_monitor(inv);
    case KernelCmd_Next_stopped:
        return next_stopped();
    case KernelCmd_Stop_dispatcher:
        return stop_dispatcher(inv);
    case KernelCmd_Is_shared:
        return is_shared(inv);
    case KernelCmd_Lock_cap:
        return lock_cap(inv, cap_lock);
    case KernelCmd_Unlock_cap:
        return lock_cap(inv, cap_unlock);
    case KernelCmd_Get_cap_owner:
        return get_cap_owner(inv);
    case KernelCmd_Set_cap_owner:
        return set_cap_owner(inv);
    case KernelCmd_Mark_witness:
        return mark_witness(inv);
    case KernelCmd_Delete_foreigns:
        return delete_foreigns(inv);
    case KernelCmd_Delete_step:
        return SYSRET(cap_delete_orphans());
    case KernelCmd_Sync_timer:
        schedule_sync(inv->args->sync_timer.at, plat_time());
        return SYSRET(SYS_ERR_OK);
    case KernelCmd_Set_way:
        return SYSRET(notify_set_way(inv->args->way.core, inv->args->way.over));
    case KernelCmd_Wake_core:
        return SYSRET(notify_wake_all(inv->args->way.core));
    case KernelCmd_GetGlobalPhys:
        return SYSRET_VALUE(mem_to_phys(boot_info).v);
    case KernelCmd_Get_platform:
        return SYSRET_VALUE(boot_info->flags & ABI_BOOT_PC ? PLATFORM_PC : PLATFORM_SYNTHETIC);
    default:
        return kernel_relations_invoke(inv);
    }
}

const struct cap_ops kernel_ops = { .invoke = kernel_invoke };
