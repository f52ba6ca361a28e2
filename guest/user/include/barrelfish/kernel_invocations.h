/* SPDX-License-Identifier: MIT
 *
 * Invocations of the Kernel capability, which monitors have, one inline function per command
 * (facts §3.3; arguments as barrelfish_kpi/invocations.h).  None blocks; errors are the kernel's
 * SYS_ERR_*.
 */
#ifndef BARRELFISH_KERNEL_INVOCATIONS_H
#define BARRELFISH_KERNEL_INVOCATIONS_H

#include <barrelfish/invocations.h>

/* A command whose first argument is a structure that the kernel reads in the dispatcher frame. */
static inline struct sysret kernel_invoke_contents(struct capref kernel, uintptr_t command,
                                                   const struct capability *raw,
                                                   union invocation_args args)
{
    dispatcher_handle_t handle = disp_disable();
    void *buffer = disp_kernel_buffer(handle);

    memcpy(buffer, raw, sizeof(*raw));
    args.word[0] = (uintptr_t)buffer;
    const struct sysret result =
        cap_invoke_addr(get_cap_addr(kernel), get_cap_level(kernel), command, &args);
    disp_enable(handle);
    return result;
}

static inline errval_t invoke_kernel_get_core_id(struct capref kernel, coreid_t *core)
{
    struct sysret result = CAP_INVOKE(kernel, KernelCmd_Get_core_id, { 0 });

    *core = (coreid_t)result.value;
    return result.error;
}

static inline errval_t invoke_kernel_spawn_core(struct capref kernel, coreid_t core,
                                                genvaddr_t entry, genpaddr_t rdi, genpaddr_t cr3)
{
    return CAP_INVOKE(kernel, KernelCmd_Spawn_core,
                      .spawn_core = { .core = core, .entry = entry, .rdi = rdi, .cr3 = cr3 })
        .error;
}

/* The fence: the core, which is not the own one, changes no byte any more.
 * SYS_ERR_CORE_NOT_FOUND; SYS_ERR_CORE_RUNNING: it is the own one. */
static inline errval_t invoke_kernel_kill_core(struct capref kernel, coreid_t core)
{
    return CAP_INVOKE(kernel, KernelCmd_Kill_core, .spawn_core = { .core = core }).error;
}

/* The same for a core with which nothing is wrong: it can be started again. */
static inline errval_t invoke_kernel_retire_core(struct capref kernel, coreid_t core)
{
    return CAP_INVOKE(kernel, KernelCmd_Retire_core, .spawn_core = { .core = core }).error;
}

/* Could the core be started?  The errors are those of invoke_kernel_spawn_core(). */
static inline errval_t invoke_kernel_core_available(struct capref kernel, coreid_t core)
{
    return CAP_INVOKE(kernel, KernelCmd_Core_available, .spawn_core = { .core = core }).error;
}

/* How long the host of this machine has let the core wait, though it had something to do: in ns
 * since power-on, 0 where there is no host.  SYS_ERR_CORE_NOT_FOUND. */
static inline errval_t invoke_kernel_core_late(struct capref kernel, coreid_t core, uint64_t *ns)
{
    struct sysret result = CAP_INVOKE(kernel, KernelCmd_Core_late, .spawn_core = { .core = core });

    *ns = result.value;
    return result.error;
}

/* Notifications of this core for another one go over `over` from now on, which this core can signal
 * itself; a number that is no core's: they are dropped.  SYS_ERR_CORE_NOT_FOUND. */
static inline errval_t invoke_kernel_set_way(struct capref kernel, coreid_t core, coreid_t over)
{
    return CAP_INVOKE(kernel, KernelCmd_Set_way, .way = { core, over }).error;
}

/* Notifies all dispatchers of a core, which may be the own one.  SYS_ERR_CORE_NOT_FOUND. */
static inline errval_t invoke_kernel_wake_core(struct capref kernel, coreid_t core)
{
    return CAP_INVOKE(kernel, KernelCmd_Wake_core, .way = { .core = core }).error;
}

/* croot: level-2 cptr of the root CNode of the CSpace in which (cptr, level) is looked up */
static inline errval_t invoke_kernel_identify_cap(struct capref kernel, capaddr_t croot,
                                                  capaddr_t cptr, uint8_t level,
                                                  struct capability *ret)
{
    union invocation_args args = { .identify = { .root = croot, .cptr = cptr, .level = level } };

    return cap_invoke_answer(get_cap_addr(kernel), get_cap_level(kernel), KernelCmd_Identify_cap,
                             &args, &args.identify.answer, ret, sizeof(*ret));
}

static inline errval_t invoke_kernel_create_cap(struct capref kernel, const struct capability *raw,
                                                struct capref dest, coreid_t owner)
{
    const union invocation_args args = { .create_cap = { .dest_cptr = get_cnode_addr(dest),
                                                         .dest_level = get_cnode_level(dest),
                                                         .dest_slot = dest.slot,
                                                         .owner = owner } };

    return kernel_invoke_contents(kernel, KernelCmd_Create_cap, raw, args).error;
}

static inline errval_t invoke_kernel_nullify_cap(struct capref kernel, struct capref cap)
{
    return CAP_INVOKE(kernel, KernelCmd_Nullify_cap,
                      .target = { .cptr = get_cap_addr(cap), .level = get_cap_level(cap) })
        .error;
}

static inline errval_t invoke_kernel_notify_register(struct capref kernel, struct capref endpoint,
                                                     uintptr_t *notify_id)
{
    struct sysret result =
        CAP_INVOKE(kernel, KernelCmd_Notify_register,
                   .target = { .cptr = get_cap_addr(endpoint), .level = get_cap_level(endpoint) });

    *notify_id = result.value;
    return result.error;
}

static inline errval_t invoke_kernel_register_monitor(struct capref kernel, struct capref endpoint)
{
    return CAP_INVOKE(
               kernel, KernelCmd_Register_monitor,
               .target = { .cptr = get_cap_addr(endpoint), .level = get_cap_level(endpoint) })
        .error;
}

/* SYS_ERR_NONE_STOPPED: no more */
static inline errval_t invoke_kernel_next_stopped(struct capref kernel, uintptr_t *domain)
{
    struct sysret result = CAP_INVOKE(kernel, KernelCmd_Next_stopped, { 0 });

    *domain = result.value;
    return result.error;
}

/* endpoint: any of the dispatcher's; nobody is told */
static inline errval_t invoke_kernel_stop_dispatcher(struct capref kernel, struct capref endpoint)
{
    return CAP_INVOKE(
               kernel, KernelCmd_Stop_dispatcher,
               .target = { .cptr = get_cap_addr(endpoint), .level = get_cap_level(endpoint) })
        .error;
}

static inline errval_t invoke_kernel_is_shared(struct capref kernel, struct capref cap,
                                               enum cap_shared *ret)
{
    struct sysret result =
        CAP_INVOKE(kernel, KernelCmd_Is_shared,
                   .target = { .cptr = get_cap_addr(cap), .level = get_cap_level(cap) });

    *ret = (enum cap_shared)result.value;
    return result.error;
}

/* What is kept for another core: while it is locked nobody here can delete it or reuse its
 * memory. */
static inline errval_t invoke_kernel_lock_cap(struct capref kernel, struct capref cap)
{
    return CAP_INVOKE(kernel, KernelCmd_Lock_cap,
                      .target = { .cptr = get_cap_addr(cap), .level = get_cap_level(cap) })
        .error;
}

static inline errval_t invoke_kernel_unlock_cap(struct capref kernel, struct capref cap)
{
    return CAP_INVOKE(kernel, KernelCmd_Unlock_cap,
                      .target = { .cptr = get_cap_addr(cap), .level = get_cap_level(cap) })
        .error;
}

static inline errval_t invoke_kernel_get_global_phys(struct capref kernel, genpaddr_t *boot)
{
    struct sysret result = CAP_INVOKE(kernel, KernelCmd_GetGlobalPhys, { 0 });

    *boot = result.value;
    return result.error;
}

static inline errval_t invoke_kernel_get_platform(struct capref kernel,
                                                  enum platform_kind *platform)
{
    struct sysret result = CAP_INVOKE(kernel, KernelCmd_Get_platform, { 0 });

    *platform = (enum platform_kind)result.value;
    return result.error;
}

/* Which core owns the capability at an address of the CSpace whose root is at `croot`? */
static inline errval_t invoke_kernel_get_cap_owner(struct capref kernel, capaddr_t croot,
                                                   capaddr_t cptr, uint8_t level, coreid_t *owner)
{
    struct sysret result = CAP_INVOKE(kernel, KernelCmd_Get_cap_owner,
                                      .identify = { .root = croot, .cptr = cptr, .level = level });

    *owner = (coreid_t)result.value;
    return result.error;
}

/* The capability, which is locked, goes over to another core, or comes back from there.
 * SYS_ERR_REVOKE_FIRST: this core has another copy, or something made of it, or keeps it for a
 * third core. */
static inline errval_t invoke_kernel_set_cap_owner(struct capref kernel, struct capref cap,
                                                   coreid_t owner)
{
    return CAP_INVOKE(kernel, KernelCmd_Set_cap_owner,
                      .set_owner = { .cptr = get_cap_addr(cap),
                                     .level = get_cap_level(cap),
                                     .owner = owner })
        .error;
}

/* This copy stands for what came from another core with its ownership: no revoke here takes it.
 * claimed_of: not NULL, it is a piece of this, and whoever has this here may make something of the
 * piece.  SYS_ERR_SLOT_IN_USE: another copy stands for it already. */
static inline errval_t invoke_kernel_mark_witness(struct capref kernel, struct capref cap,
                                                  const struct capability *claimed_of)
{
    const struct capability none = { 0 };
    const struct capability *of = claimed_of != NULL ? claimed_of : &none;
    return CAP_INVOKE(kernel, KernelCmd_Mark_witness,
                      .witness = { .cptr = get_cap_addr(cap),
                                   .level = get_cap_level(cap),
                                   .base = of->u.mem.base,
                                   .bytes = of->u.mem.bytes,
                                   .generation = of->generation })
        .error;
}

/* A share of deleting all other copies here, and what was made of them, of memory that another
 * core owns; or, if bytes are not 0, what is here of this part of it.  *from: 0 at first; if it is
 * not 0 afterwards, call again with it.  SYS_ERR_DELETE_REMOTE_LOCAL: this core owns it.
 * SYS_ERR_RETYPE_INVALID_OFFSET: it is no part. */
static inline errval_t invoke_kernel_delete_foreigns(struct capref kernel, struct capref cap,
                                                     genpaddr_t base, gensize_t bytes,
                                                     uint8_t generation, genpaddr_t *from)
{
    struct sysret result = CAP_INVOKE(kernel, KernelCmd_Delete_foreigns,
                                      .delete_foreigns = { .cptr = get_cap_addr(cap),
                                                           .level = get_cap_level(cap),
                                                           .base = base,
                                                           .bytes = bytes,
                                                           .from = *from,
                                                           .generation = generation });

    *from = err_is_ok(result.error) ? result.value : 0;
    return result.error;
}

/* deletes what dispatchers that ended by their own call have left half deleted */
static inline errval_t invoke_kernel_delete_step(struct capref kernel)
{
    return CAP_INVOKE(kernel, KernelCmd_Delete_step, { 0 }).error;
}

/* The dispatcher, or the one to whose endpoint `cap` leads, is of that domain from now on. */
static inline errval_t invoke_kernel_domain_id(struct capref kernel, struct capref cap,
                                               domainid_t domain)
{
    return CAP_INVOKE(kernel, KernelCmd_Domain_id,
                      .domain = { .cptr = get_cap_addr(cap),
                                  .level = get_cap_level(cap),
                                  .domain_id = domain })
        .error;
}

/* Of which domain it is: what its maker has shown that it is, and not what anybody says. */
static inline errval_t invoke_kernel_get_domain_id(struct capref kernel, struct capref cap,
                                                   domainid_t *ret)
{
    const struct sysret result =
        CAP_INVOKE(kernel, KernelCmd_Domain_id,
                   .domain = { .cptr = get_cap_addr(cap), .level = get_cap_level(cap) });

    *ret = (domainid_t)result.value;
    return result.error;
}

/* Nobody is woken by the notification id any more.  SYS_ERR_NOTIFY_ID_INVALID: so it is already. */
static inline errval_t invoke_kernel_ipi_delete(struct capref kernel, uint64_t id)
{
    return CAP_INVOKE(kernel, KernelCmd_IPI_Delete, .notification = { id }).error;
}

/* Deletes the last capability that names some memory, at an address of the CSpace whose root is at
 * `croot`.  SYS_ERR_REVOKE_FIRST: it is not the last one; SYS_ERR_RETRY_THROUGH_MONITOR: other
 * cores have some; SYS_ERR_RAM_PENDING_FULL. */
static inline errval_t invoke_kernel_delete_last(struct capref kernel, capaddr_t croot,
                                                 capaddr_t cptr, uint8_t level)
{
    return CAP_INVOKE(kernel, KernelCmd_Delete_last,
                      .identify = { .root = croot, .cptr = cptr, .level = level })
        .error;
}

/* The memory of what invoke_kernel_delete_last() has ended, if that was not part of somebody's RAM.
 * SYS_ERR_NO_RAM_PENDING: there is none, or not yet. */
static inline errval_t invoke_kernel_reclaim_ram(struct capref kernel, struct capref dest)
{
    return CAP_INVOKE(kernel, KernelCmd_ReclaimRAM,
                      .copy_existing = { .dest_cptr = get_cnode_addr(dest),
                                         .dest_level = get_cnode_level(dest),
                                         .dest_slot = dest.slot })
        .error;
}

/* Nobody on this core copies the capability at an address of the CSpace whose root is at `croot`,
 * or makes anything of it, until something else is marked or has been deleted. */
static inline errval_t invoke_kernel_revoke_mark_target(struct capref kernel, capaddr_t croot,
                                                        capaddr_t cptr, uint8_t level)
{
    return CAP_INVOKE(kernel, KernelCmd_Revoke_mark_target,
                      .identify = { .root = croot, .cptr = cptr, .level = level })
        .error;
}

/* The same of what `raw` says, which need not be here; type Null: nothing is marked any more. */
static inline errval_t invoke_kernel_revoke_mark_relations(struct capref kernel,
                                                           const struct capability *raw)
{
    const union invocation_args args = { { 0 } };

    return kernel_invoke_contents(kernel, KernelCmd_Revoke_mark_relations, raw, args).error;
}

/* A copy of a capability of this core that is equal to `raw`.  SYS_ERR_CAP_NOT_FOUND: none is. */
static inline errval_t invoke_kernel_copy_existing(struct capref kernel,
                                                   const struct capability *raw, struct capref dest)
{
    const union invocation_args args = { .copy_existing = { .dest_cptr = get_cnode_addr(dest),
                                                            .dest_level = get_cnode_level(dest),
                                                            .dest_slot = dest.slot } };

    return kernel_invoke_contents(kernel, KernelCmd_Copy_existing, raw, args).error;
}

/* Was anything made of `raw`, here or of what is kept for another core? */
static inline errval_t invoke_kernel_has_descendants(struct capref kernel,
                                                     const struct capability *raw, bool *ret)
{
    const union invocation_args args = { { 0 } };
    const struct sysret result =
        kernel_invoke_contents(kernel, KernelCmd_Has_descendants, raw, args);

    *ret = result.value != 0;
    return result.error;
}

/* Could `count` objects be made of `raw` as far as this core knows?  SYS_ERR_REVOKE_FIRST: no. */
static inline errval_t invoke_kernel_is_retypeable(struct capref kernel,
                                                   const struct capability *raw, gensize_t offset,
                                                   gensize_t objsize, size_t count)
{
    const union invocation_args args = {
        .relations = { .offset = offset, .object_bytes = objsize, .count = count }
    };

    return kernel_invoke_contents(kernel, KernelCmd_Is_retypeable, raw, args).error;
}

/* cap_retype() on behalf of a domain whose root CNode both are named by. */
static inline errval_t invoke_kernel_retype(struct capref kernel, struct capref dest,
                                            struct capref src, gensize_t offset, enum objtype type,
                                            gensize_t objsize, size_t count)
{
    const union invocation_args args = retype_args(dest, src, offset, type, objsize, count);

    return cap_invoke_addr(get_cap_addr(kernel), get_cap_level(kernel), KernelCmd_Retype, &args)
        .error;
}

/* what calls of this dispatcher's have left half deleted */
static inline errval_t invoke_kernel_clear_step(struct capref kernel)
{
    return CAP_INVOKE(kernel, KernelCmd_Clear_step, { 0 }).error;
}

/* SYS_ERR_KCB_NONE: docs/capability-types.md says why. */
static inline errval_t invoke_kernel_add_kcb(struct capref kernel, struct capref kcb)
{
    return CAP_INVOKE(kernel, KernelCmd_Add_kcb,
                      .target = { .cptr = get_cap_addr(kcb), .level = get_cap_level(kcb) })
        .error;
}

static inline errval_t invoke_kernel_remove_kcb(struct capref kernel, struct capref kcb)
{
    return CAP_INVOKE(kernel, KernelCmd_Remove_kcb,
                      .target = { .cptr = get_cap_addr(kcb), .level = get_cap_level(kcb) })
        .error;
}

static inline errval_t invoke_kernel_suspend_kcb(struct capref kernel, struct capref kcb)
{
    return CAP_INVOKE(kernel, KernelCmd_Suspend_kcb,
                      .target = { .cptr = get_cap_addr(kcb), .level = get_cap_level(kcb) })
        .error;
}

static inline errval_t invoke_kcb_clone(struct capref dest, struct capref src)
{
    return CAP_INVOKE(dest, KCBCmd_Clone,
                      .target = { .cptr = get_cap_addr(src), .level = get_cap_level(src) })
        .error;
}

/* record: guest-physical address of a struct abi_channel in the UMP window that has changed */
static inline errval_t invoke_kernel_register_channel(struct capref kernel, genpaddr_t record)
{
    return CAP_INVOKE(kernel, KernelCmd_Register_channel, .channel = { record }).error;
}

static inline errval_t invoke_kernel_power_off(struct capref kernel, unsigned code)
{
    return CAP_INVOKE(kernel, KernelCmd_Power_off, .power_off = { code }).error;
}

static inline errval_t invoke_kernel_get_stats(struct capref kernel, struct kernel_stats *ret)
{
    union invocation_args args = { { 0 } };

    return cap_invoke_answer(get_cap_addr(kernel), get_cap_level(kernel), KernelCmd_Get_stats,
                             &args, &args.buffer.address, ret, sizeof(*ret));
}

#endif
