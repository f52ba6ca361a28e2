/* SPDX-License-Identifier: MIT
 *
 * Invocations of capabilities, one inline function per command (facts §3.3; arguments as
 * barrelfish_kpi/invocations.h).  No policy: <barrelfish/capabilities.h> is what programs use.
 * None blocks; errors are the kernel's SYS_ERR_*.
 */
#ifndef BARRELFISH_INVOCATIONS_H
#define BARRELFISH_INVOCATIONS_H

#include <barrelfish/caddr.h>
#include <barrelfish/dispatch.h>
#include <barrelfish/syscalls.h>
#include <barrelfish_kpi/capabilities.h>
#include <barrelfish_kpi/invocations.h>
#include <string.h>

/* Invokes the capability at (cptr, level) of the own CSpace. */
static inline struct sysret cap_invoke_addr(capaddr_t cptr, uint8_t level, uintptr_t command,
                                            const union invocation_args *args)
{
    uintptr_t message[LMP_MSG_WORDS] = { command };

    memcpy(message + 1, args, sizeof(*args));
    return sys_invoke_raw(invoke_header(cptr, level, 0, LMP_MSG_WORDS, 0), 0, message);
}

/* The same for an answer of `bytes`.  The kernel writes structures into the dispatcher frame only;
 * the buffer there is shared by the threads, hence the disabled section.  `address`: the word of
 * the arguments that says where. */
static inline errval_t cap_invoke_answer(capaddr_t cptr, uint8_t level, uintptr_t command,
                                         const union invocation_args *args, uint64_t *address,
                                         void *ret, size_t bytes)
{
    dispatcher_handle_t handle = disp_disable();
    void *buffer = disp_kernel_buffer(handle);

    *address = (uintptr_t)buffer;
    errval_t err = cap_invoke_addr(cptr, level, command, args).error;
    memcpy(ret, buffer, bytes);
    disp_enable(handle);
    return err;
}

/* The arguments by name, as in CAP_INVOKE(cap, VNodeCmd_Unmap, .unmap = { .cptr = ... }). */
#define CAP_INVOKE_ADDR(cptr, level, command, ...)           \
    ({                                                       \
        const union invocation_args args_ = { __VA_ARGS__ }; \
        cap_invoke_addr((cptr), (level), (command), &args_); \
    })
#define CAP_INVOKE(cap, ...) CAP_INVOKE_ADDR(get_cap_addr(cap), get_cap_level(cap), __VA_ARGS__)

static inline struct cap_place cap_place(struct capref cap)
{
    return (struct cap_place){ get_cap_addr(cap), get_cap_level(cap) };
}

static inline struct cap_place cnode_place(struct capref cap)
{
    return (struct cap_place){ get_cnode_addr(cap), get_cnode_level(cap) };
}

/* A CSpace is named by the level-2 cptr of its root CNode; the own one has a shorter way. */
#define INVOKE_CSPACE(croot, ...)                                                         \
    CAP_INVOKE_ADDR((croot) == CPTR_ROOTCN ? 0 : (croot), (croot) == CPTR_ROOTCN ? 0 : 2, \
                    __VA_ARGS__)

/* Copy and mint are invoked on the CNode that receives; in a foreign CSpace on its root CNode, with
 * the whole address of the slot. */
struct cnode_target {
    capaddr_t cptr;
    uint8_t level;
    uintptr_t slot;
    uintptr_t slot_level; /* 2: `slot` is an address in the CSpace of the L1CNode invoked */
};

static inline struct cnode_target cnode_target(struct capref dest)
{
    bool own = capref_is_own(dest);

    if (dest.cnode.level != CNODE_TYPE_OTHER)
        return (struct cnode_target){ own ? 0 : dest.cnode.croot, own ? 0 : 2, dest.slot, 1 };
    if (own)
        return (struct cnode_target){ dest.cnode.cnode, 1, dest.slot, 2 };
    return (struct cnode_target){ dest.cnode.croot, 2, get_cap_addr(dest), 2 };
}

static inline errval_t invoke_cnode_copy(struct capref dest, struct capref src)
{
    struct cnode_target t = cnode_target(dest);

    return CAP_INVOKE_ADDR(t.cptr, t.level, CNodeCmd_Copy,
                           .copy = { .dest_slot = t.slot,
                                     .src_root = get_croot_addr(src),
                                     .src_cptr = get_cap_addr(src),
                                     .src_level = get_cap_level(src),
                                     .dest_level = (uint8_t)t.slot_level })
        .error;
}

static inline errval_t invoke_cnode_mint(struct capref dest, struct capref src, uint64_t p1,
                                         uint64_t p2)
{
    struct cnode_target t = cnode_target(dest);

    return CAP_INVOKE_ADDR(t.cptr, t.level, CNodeCmd_Mint,
                           .copy = { .dest_slot = t.slot,
                                     .src_root = get_croot_addr(src),
                                     .src_cptr = get_cap_addr(src),
                                     .src_level = get_cap_level(src),
                                     .dest_level = (uint8_t)t.slot_level,
                                     .mint1 = p1,
                                     .mint2 = p2 })
        .error;
}

static inline union invocation_args retype_args(struct capref dest, struct capref src,
                                                gensize_t offset, enum objtype type,
                                                gensize_t objsize, size_t count)
{
    return (union invocation_args){ .retype = { .src_root = get_croot_addr(src),
                                                .src = cap_place(src),
                                                .offset = offset,
                                                .type = type,
                                                .object_bytes = objsize,
                                                .count = count,
                                                .dest_root = get_croot_addr(dest),
                                                .dest_cnode = cnode_place(dest),
                                                .dest_slot = dest.slot } };
}

static inline errval_t invoke_cnode_retype(struct capref dest, struct capref src, gensize_t offset,
                                           enum objtype type, gensize_t objsize, size_t count)
{
    const union invocation_args args = retype_args(dest, src, offset, type, objsize, count);

    return cap_invoke_addr(0, 0, CNodeCmd_Retype, &args).error;
}

static inline errval_t invoke_cnode_delete(struct capref cap)
{
    return INVOKE_CSPACE(get_croot_addr(cap), CNodeCmd_Delete,
                         .target = { .cptr = get_cap_addr(cap), .level = get_cap_level(cap) })
        .error;
}

static inline errval_t invoke_cnode_revoke(struct capref cap)
{
    return INVOKE_CSPACE(get_croot_addr(cap), CNodeCmd_Revoke,
                         .target = { .cptr = get_cap_addr(cap), .level = get_cap_level(cap) })
        .error;
}

/* The same; *part: another core has the whole of which this is a part, and may have made the same
 * part of it. */
static inline errval_t invoke_cnode_revoke_part(struct capref cap, bool *part)
{
    struct sysret result =
        INVOKE_CSPACE(get_croot_addr(cap), CNodeCmd_Revoke,
                      .target = { .cptr = get_cap_addr(cap), .level = get_cap_level(cap) });

    *part = err_is_ok(result.error) && result.value != 0;
    return result.error;
}

static inline errval_t invoke_cnode_create(struct capref dest, enum objtype type)
{
    return INVOKE_CSPACE(get_croot_addr(dest), CNodeCmd_Create,
                         .create = { .type = type,
                                     .dest_cptr = get_cnode_addr(dest),
                                     .dest_level = get_cnode_level(dest),
                                     .dest_slot = dest.slot })
        .error;
}

static inline errval_t invoke_cnode_get_state(struct capref cap, uintptr_t *state)
{
    struct sysret result =
        INVOKE_CSPACE(get_croot_addr(cap), CNodeCmd_GetState,
                      .target = { .cptr = get_cap_addr(cap), .level = get_cap_level(cap) });

    *state = result.value;
    return result.error;
}

/* Bytes of all parts of the root CNode that names the CSpace. */
static inline errval_t invoke_cnode_get_size(struct capref root, size_t *bytes)
{
    struct sysret result = CAP_INVOKE(root, CNodeCmd_GetSize, { 0 });

    *bytes = result.value;
    return result.error;
}

/* The L1CNode at `more`, in a slot of an L2CNode, goes on behind the last part of the root. */
static inline errval_t invoke_cnode_resize(struct capref root, struct capref more)
{
    return CAP_INVOKE(root, CNodeCmd_Resize,
                      .target = { .cptr = get_cap_addr(more), .level = get_cap_level(more) })
        .error;
}

static inline errval_t invoke_cnode_cap_identify(struct capref cap, struct capability *ret)
{
    const capaddr_t croot = get_croot_addr(cap);
    const bool own = croot == CPTR_ROOTCN;
    union invocation_args args = { .target = { .cptr = get_cap_addr(cap),
                                               .level = get_cap_level(cap) } };

    return cap_invoke_answer(own ? 0 : croot, own ? 0 : 2, CNodeCmd_CapIdentify, &args,
                             &args.target.answer, ret, sizeof(*ret));
}

static inline errval_t invoke_frame_identify(struct capref frame, struct frame_identity *ret)
{
    union invocation_args args = { { 0 } };

    return cap_invoke_answer(get_cap_addr(frame), get_cap_level(frame), FrameCmd_Identify, &args,
                             &args.buffer.address, ret, sizeof(*ret));
}

static inline errval_t vnode_invoke_map(struct capref ptable, uintptr_t command, struct capref src,
                                        capaddr_t slot, uint64_t attr, uint64_t offset,
                                        uint64_t pte_count, struct capref mapping)
{
    return CAP_INVOKE(
               ptable, command,
               .map = { .src_root = get_croot_addr(src),
                        .src_cptr = get_cap_addr(src),
                        .src_level = get_cap_level(src),
                        .slot = slot,
                        .attr = attr,
                        .offset = offset,
                        .pte_count = pte_count,
                        .mapping_cnode = cnode_place(mapping),
                        .mapping_slot = mapping.slot,
                        .mapping_root = capref_is_own(mapping) ? 0 : get_croot_addr(mapping) })
        .error;
}

static inline errval_t invoke_vnode_map(struct capref ptable, struct capref src, capaddr_t slot,
                                        uint64_t attr, uint64_t offset, uint64_t pte_count,
                                        struct capref mapping)
{
    return vnode_invoke_map(ptable, VNodeCmd_Map, src, slot, attr, offset, pte_count, mapping);
}

static inline errval_t invoke_vnode_unmap(struct capref ptable, struct capref mapping)
{
    return CAP_INVOKE(ptable, VNodeCmd_Unmap,
                      .unmap = { .cptr = get_cap_addr(mapping), .level = get_cap_level(mapping) })
        .error;
}

static inline errval_t invoke_vnode_modify_flags(struct capref ptable, size_t entry, size_t pages,
                                                 uint64_t attr)
{
    return CAP_INVOKE(ptable, VNodeCmd_ModifyFlags,
                      .modify = { .first = entry, .pages = pages, .attr = attr })
        .error;
}

static inline errval_t invoke_mapping_modify(struct capref mapping, size_t offset, size_t pages,
                                             uint64_t attr)
{
    return CAP_INVOKE(mapping, MappingCmd_Modify,
                      .modify = { .first = offset, .pages = pages, .attr = attr })
        .error;
}

/* How many entries of pages were dirty; none is then. */
static inline errval_t invoke_clean_dirty_bits(struct capref vnode, size_t *dirty)
{
    struct sysret result = CAP_INVOKE(vnode, VNodeCmd_CleanDirtyBits, { 0 });

    if (dirty != NULL)
        *dirty = result.value;
    return result.error;
}

/* As invoke_vnode_map(), where one mapping of another frame fills these entries: they map this
 * frame from one moment to the next.  SYS_ERR_VNODE_NOT_INSTALLED, SYS_ERR_VM_MAP_SIZE: not so. */
static inline errval_t invoke_vnode_copy_remap(struct capref ptable, struct capref src,
                                               capaddr_t slot, uint64_t attr, uint64_t offset,
                                               uint64_t pte_count, struct capref mapping)
{
    return vnode_invoke_map(ptable, VNodeCmd_CopyRemap, src, slot, attr, offset, pte_count,
                            mapping);
}

/* The entries [*at, end) of `src`, a table of the same level, go into `dest`, too: with `attr`, or
 * INHERIT_ATTR_SAME.  Each mapping takes two slots from `slots` on, of one CNode; if there are no
 * more, *at is where to go on.  After an error it is how far it has come. */
static inline errval_t invoke_vnode_inherit(struct capref dest, struct capref src, cslot_t *at,
                                            cslot_t end, uint64_t attr, struct capref slots)
{
    struct sysret result =
        CAP_INVOKE(dest, VNodeCmd_Inherit,
                   .inherit = { .src_root = get_croot_addr(src),
                                .src = cap_place(src),
                                .first = *at,
                                .end = end,
                                .attr = attr,
                                .slots_cnode = cnode_place(slots),
                                .slots_first = slots.slot,
                                .slots_root = capref_is_own(slots) ? 0 : get_croot_addr(slots) });

    if (err_is_ok(result.error) || result.value != 0)
        *at = (cslot_t)(result.value & UINT32_MAX);
    return result.error;
}

/* Takes the mapping out of its table and empties its slot. */
static inline errval_t invoke_mapping_destroy(struct capref mapping)
{
    return CAP_INVOKE(mapping, MappingCmd_Destroy,
                      .unmap = { .cptr = get_cap_addr(mapping), .level = get_cap_level(mapping) })
        .error;
}

/* Roots, page table and frame must lie in the own CSpace; NULL_CAP leaves a part as it is.  domain:
 * the own one, 0 (none), or one that `proof` is of: its Domain capability, or a ProcessManager.
 * SYS_ERR_DISP_DOMAIN. */
static inline errval_t invoke_dispatcher_setup(struct capref dispatcher, struct capref cspace,
                                               struct capref vspace, struct capref frame, bool run,
                                               domainid_t domain, struct capref proof)
{
    return CAP_INVOKE(dispatcher, DispatcherCmd_Setup,
                      .setup = { .cspace = cap_place(cspace),
                                 .vspace = cap_place(vspace),
                                 .frame = cap_place(frame),
                                 .run = run,
                                 .domain_id = domain,
                                 .proof = cap_place(proof) })
        .error;
}

/* The same for one more dispatcher of the domain that `other` is a dispatcher of.
 * SYS_ERR_DISP_OCAP_LOOKUP, SYS_ERR_DISP_OCAP_TYPE. */
static inline errval_t invoke_dispatcher_setup_other(struct capref dispatcher, struct capref cspace,
                                                     struct capref vspace, struct capref frame,
                                                     bool run, struct capref other)
{
    return CAP_INVOKE(dispatcher, DispatcherCmd_Setup,
                      .setup = { .cspace = cap_place(cspace),
                                 .vspace = cap_place(vspace),
                                 .frame = cap_place(frame),
                                 .run = run,
                                 .other = cap_place(other) })
        .error;
}

/* Say on the console what the dispatcher has mapped, and what lies in its CSpace. */
static inline errval_t invoke_dispatcher_dump_ptables(struct capref dispatcher)
{
    return CAP_INVOKE(dispatcher, DispatcherCmd_DumpPTables, { 0 }).error;
}

static inline errval_t invoke_dispatcher_dump_capabilities(struct capref dispatcher)
{
    return CAP_INVOKE(dispatcher, DispatcherCmd_DumpCapabilities, { 0 }).error;
}

/* Makes a real-time task of a dispatcher (facts §4.3; docs/kernel.md), if the menu's kernel line
 * says sched=rbed: in each period, from `release` on (0: now), it is to have wcet of the core
 * before its deadline, which is counted from the period's beginning.  Times in ns.  weight is not
 * used.  begins (may be NULL): when the first period really begins, in machine time.
 * SYS_ERR_DISP_NO_PARAMETERS, SYS_ERR_DISP_PARAMETERS, SYS_ERR_DISP_ADMISSION. */
static inline errval_t invoke_dispatcher_properties(struct capref dispatcher, enum task_type type,
                                                    systime_t deadline, systime_t wcet,
                                                    systime_t period, systime_t release,
                                                    unsigned short weight, systime_t *begins)
{
    struct sysret result = CAP_INVOKE(dispatcher, DispatcherCmd_Properties,
                                      .properties = { .type = type,
                                                      .deadline = deadline,
                                                      .wcet = wcet,
                                                      .period = period,
                                                      .release = release,
                                                      .weight = weight });
    if (begins != NULL)
        *begins = result.value;
    return result.error;
}

/* How often the dispatcher got such a thing, modulo 2^32: what its frame says. */
static inline errval_t invoke_dispatcher_perfmon(struct capref dispatcher,
                                                 enum dispatcher_event event, uint32_t *count)
{
    struct sysret result =
        CAP_INVOKE(dispatcher, DispatcherCmd_PerfMon, .dispatcher_perfmon = { event });

    *count = (uint32_t)result.value;
    return result.error;
}

/* A dispatcher that runs a guest: SYS_ERR_NOT_IMPLEMENTED (docs/capability-types.md says why), so
 * that nothing is looked up. */
static inline errval_t invoke_dispatcher_setup_guest(struct capref dispatcher)
{
    return CAP_INVOKE(dispatcher, DispatcherCmd_SetupGuest, { 0 }).error;
}

static inline errval_t invoke_dispatcher_stop(struct capref dispatcher)
{
    return CAP_INVOKE(dispatcher, DispatcherCmd_Stop, { 0 }).error;
}

static inline errval_t invoke_notify_send(struct capref notify)
{
    return CAP_INVOKE(notify, NotifyCmd_Send, { 0 }).error;
}

/* --- ports of an IO capability: SYS_ERR_IO_PORT_INVALID for all others ----------------------- */

static inline errval_t iocap_out8(struct capref io, uint16_t port, uint8_t value)
{
    return CAP_INVOKE(io, IOCmd_Outb, .out = { .port = port, .value = value }).error;
}

static inline errval_t iocap_out16(struct capref io, uint16_t port, uint16_t value)
{
    return CAP_INVOKE(io, IOCmd_Outw, .out = { .port = port, .value = value }).error;
}

static inline errval_t iocap_out32(struct capref io, uint16_t port, uint32_t value)
{
    return CAP_INVOKE(io, IOCmd_Outd, .out = { .port = port, .value = value }).error;
}

static inline errval_t iocap_in8(struct capref io, uint16_t port, uint8_t *value)
{
    struct sysret result = CAP_INVOKE(io, IOCmd_Inb, .out = { .port = port });

    *value = (uint8_t)result.value;
    return result.error;
}

static inline errval_t iocap_in16(struct capref io, uint16_t port, uint16_t *value)
{
    struct sysret result = CAP_INVOKE(io, IOCmd_Inw, .out = { .port = port });

    *value = (uint16_t)result.value;
    return result.error;
}

static inline errval_t iocap_in32(struct capref io, uint16_t port, uint32_t *value)
{
    struct sysret result = CAP_INVOKE(io, IOCmd_Ind, .out = { .port = port });

    *value = (uint32_t)result.value;
    return result.error;
}

/* Takes up to `bytes` (1 to INPUT_MAX) of the console's input, into the own dispatcher frame.
 * *got: how many; 0: none yet, and line IRQ_LINE_INPUT is raised when there are; INPUT_END: no
 * more. */
static inline errval_t invoke_io_input(struct capref io, void *buffer, uint64_t bytes,
                                       uint64_t *got)
{
    struct sysret result =
        CAP_INVOKE(io, IOCmd_Input, .input = { .address = (uint64_t)buffer, .bytes = bytes });
    *got = result.value;
    return result.error;
}

/* --- interrupts (objects/irq.c of the CPU driver) --------------------------------------------- */

static inline errval_t invoke_irqtable_alloc_vector(struct capref table, int *vector)
{
    struct sysret result = CAP_INVOKE(table, IRQTableCmd_Alloc, { 0 });

    *vector = (int)result.value;
    return result.error;
}

/* An IRQDest of a vector that nobody has, in the empty slot `dest`. */
static inline errval_t invoke_irqtable_alloc_dest_cap(struct capref table, struct capref dest)
{
    return CAP_INVOKE(table, IRQTableCmd_AllocDestCap,
                      .alloc_dest = { .dest_cptr = get_cnode_addr(dest),
                                      .dest_level = get_cnode_level(dest),
                                      .dest_slot = dest.slot })
        .error;
}

static inline errval_t invoke_irqtable_set(struct capref table, int vector, struct capref endpoint)
{
    return CAP_INVOKE(table, IRQTableCmd_Set,
                      .irq = { .number = (uint64_t)vector,
                               .cptr = get_cap_addr(endpoint),
                               .level = get_cap_level(endpoint) })
        .error;
}

static inline errval_t invoke_irqtable_delete(struct capref table, int vector)
{
    return CAP_INVOKE(table, IRQTableCmd_Delete, .irq = { .number = (uint64_t)vector }).error;
}

static inline errval_t invoke_irqdest_connect(struct capref dest, struct capref endpoint)
{
    return CAP_INVOKE(dest, IRQDestCmd_Connect,
                      .irq = { .cptr = get_cap_addr(endpoint), .level = get_cap_level(endpoint) })
        .error;
}

static inline errval_t invoke_irqdest_get_vector(struct capref dest, uint64_t *vector)
{
    struct sysret result = CAP_INVOKE(dest, IRQDestCmd_GetVector, { 0 });

    *vector = result.value;
    return result.error;
}

static inline errval_t invoke_irqdest_get_cpu(struct capref dest, uint64_t *core)
{
    struct sysret result = CAP_INVOKE(dest, IRQDestCmd_GetCpu, { 0 });

    *core = result.value;
    return result.error;
}

static inline errval_t invoke_irqsrc_get_vec_start(struct capref src, uint64_t *line)
{
    struct sysret result = CAP_INVOKE(src, IRQSrcCmd_GetVecStart, { 0 });

    *line = result.value;
    return result.error;
}

static inline errval_t invoke_irqsrc_get_vec_end(struct capref src, uint64_t *line)
{
    struct sysret result = CAP_INVOKE(src, IRQSrcCmd_GetVecEnd, { 0 });

    *line = result.value;
    return result.error;
}

/* Where a line goes; NULL_CAP: nowhere. */
static inline errval_t invoke_irqsrc_route(struct capref src, uint64_t line, struct capref dest)
{
    return CAP_INVOKE(
               src, IRQSrcCmd_Route,
               .irq = { .number = line, .cptr = get_cap_addr(dest), .level = get_cap_level(dest) })
        .error;
}

/* Raises the line as its device would: the device of this machine that is made of software. */
static inline errval_t invoke_irqsrc_raise(struct capref src, uint64_t line)
{
    return CAP_INVOKE(src, IRQSrcCmd_Raise, .irq = { .number = line }).error;
}

/* --- names of devices and domains, counters --------------------------------------------------- */

/* address: segment << 24 | bus << 16 | device << 8 | function */
static inline errval_t invoke_device_id_create(struct capref manager, uint64_t address,
                                               uint64_t flags, struct capref dest)
{
    return CAP_INVOKE(manager, DeviceIDManagerCmd_CreateID,
                      .create_device = { .address = address,
                                         .flags = flags,
                                         .dest_cptr = get_cnode_addr(dest),
                                         .dest_level = get_cnode_level(dest),
                                         .dest_slot = dest.slot })
        .error;
}

static inline errval_t invoke_device_identify(struct capref device, uint64_t *address)
{
    struct sysret result = CAP_INVOKE(device, DeviceIDCmd_Identify, { 0 });

    *address = result.value;
    return result.error;
}

/* ID and Domain: core << 56 | number of that core. */
static inline errval_t invoke_idcap_identify(struct capref id, uint64_t *ret)
{
    struct sysret result = CAP_INVOKE(id, IDCmd_Identify, { 0 });

    *ret = result.value;
    return result.error;
}

/* event: word of struct kernel_stats (barrelfish_kpi/syscalls.h) */
static inline errval_t invoke_perfmon_activate(struct capref perfmon, unsigned counter,
                                               unsigned event)
{
    return CAP_INVOKE(perfmon, PerfMonCmd_Activate, .perfmon = { counter, event }).error;
}

static inline errval_t invoke_perfmon_write(struct capref perfmon, unsigned counter, uint64_t value)
{
    return CAP_INVOKE(perfmon, PerfMonCmd_Write, .perfmon = { counter, value }).error;
}

static inline errval_t invoke_perfmon_read(struct capref perfmon, unsigned counter, uint64_t *value)
{
    struct sysret result = CAP_INVOKE(perfmon, PerfMonCmd_Read, .perfmon = { counter });

    *value = result.value;
    return result.error;
}

static inline errval_t invoke_perfmon_deactivate(struct capref perfmon, unsigned counter,
                                                 uint64_t *value)
{
    struct sysret result = CAP_INVOKE(perfmon, PerfMonCmd_Deactivate, .perfmon = { counter });

    *value = result.value;
    return result.error;
}

/* --- Kernel capability: monitors only -------------------------------------------------------- */

#include <barrelfish/kernel_invocations.h>

#endif
