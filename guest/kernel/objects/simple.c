/* SPDX-License-Identifier: MIT
 *
 * The small types: frames, notifications, port ranges, identities.
 */
#include "objects.h"

#include "plat.h"

static struct sysret frame_invoke(struct cte *cte, const struct invocation *inv)
{
    if (inv->command != FrameCmd_Identify)
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    if (!(cte->cap.rights & CAPRIGHTS_IDENTIFY))
        return SYSRET(SYS_ERR_CAP_IDENTIFY);
    const struct frame_identity id = { .base = cte->cap.u.mem.base, .bytes = cte->cap.u.mem.bytes };
    if (!invocation_copy_out(inv, inv->args->buffer.address, &id, sizeof(id)))
        return SYSRET(SYS_ERR_INVALID_USER_BUFFER);
    return SYSRET_VALUE(cte->cap.u.mem.base);
}

static struct sysret kcb_invoke(struct cte *cte, const struct invocation *inv)
{
    return inv->command == KCBCmd_Clone ? SYSRET(SYS_ERR_KCB_NONE) : frame_invoke(cte, inv);
}

static struct sysret notify_invoke(struct cte *cte, const struct invocation *inv)
{
    if (inv->command != NotifyCmd_Send)
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    coreid_t core = (coreid_t)cte->cap.u.notify.coreid;
    uint32_t id = (uint32_t)cte->cap.u.notify.chanid;
    kernel_counters.notifications_sent++;
    trace_record(ABI_TRACE_NOTIFY | (uint64_t)((uint32_t)core << 16 | id) << 32,
                 mem_to_phys(inv->caller).v);
    notify_send(core, id);
    return SYSRET(SYS_ERR_OK);
}

_Static_assert(IO_PORT_INPUT == ABI_PORT_INPUT && INPUT_MAX == ABI_INPUT_MAX &&
                   INPUT_END == ABI_INPUT_END,
               "one device");

/* The console's input is a device of its own: who has its port reads there, and no other device. */
static bool has_input(const struct capability *io)
{
    return io->u.io.start <= ABI_PORT_INPUT && io->u.io.end >= ABI_PORT_INPUT + 3;
}

static uint64_t take_input(void *buffer, uint64_t bytes)
{
    return plat_input(mem_to_phys(buffer), (unsigned)bytes,
                      NOTIFY_IRQ_FIRST + IRQ_LINES + IRQ_LINE_INPUT);
}

/* By way of the caller's frame, which the machine can write. */
struct sysret io_getchar(const struct capability *io)
{
    uint8_t *byte = (uint8_t *)current->disp->getchar;
    if (!has_input(io))
        return SYSRET(SYS_ERR_IO_PORT_INVALID);
    const uint64_t taken = take_input(byte, 1);
    if (taken == 0)
        return SYSRET(SYS_ERR_NO_INPUT);
    return SYSRET_VALUE(taken == INPUT_END ? INPUT_END : read_once(*byte));
}

static struct sysret io_input(const struct capability *io, const struct invocation *inv)
{
    const uint64_t bytes = inv->args->input.bytes;
    if (!has_input(io))
        return SYSRET(SYS_ERR_IO_PORT_INVALID);
    if (bytes == 0 || bytes > ABI_INPUT_MAX)
        return SYSRET(SYS_ERR_INVARGS_SYSCALL);
    void *buffer = user_buffer(inv->caller, inv->args->input.address, bytes);
    if (buffer == NULL)
        return SYSRET(SYS_ERR_INVALID_USER_BUFFER);
    return SYSRET_VALUE(take_input(buffer, bytes));
}

/* Returns what was read. */
static uint32_t io_access(unsigned command, uint16_t port, uint32_t value)
{
    switch (command) {
    case IOCmd_Outb:
        __asm__ volatile("outb %b0, %1" ::"a"(value), "Nd"(port) : "memory");
        break;
    case IOCmd_Outw:
        __asm__ volatile("outw %w0, %1" ::"a"(value), "Nd"(port) : "memory");
        break;
    case IOCmd_Outd:
        __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port) : "memory");
        break;
    case IOCmd_Inb:
        value = 0;
        __asm__ volatile("inb %1, %b0" : "+a"(value) : "Nd"(port) : "memory");
        return value;
    case IOCmd_Inw:
        value = 0;
        __asm__ volatile("inw %1, %w0" : "+a"(value) : "Nd"(port) : "memory");
        return value;
    case IOCmd_Ind:
        __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
        return value;
    case IOCmd_Input:
        break;
    }
    return 0;
}

static struct sysret io_invoke(struct cte *cte, const struct invocation *inv)
{
    if (inv->command == IOCmd_Input)
        return io_input(&cte->cap, inv);
    if (inv->command > IOCmd_Ind)
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    const unsigned bytes = 1u << inv->command % 3;
    uint64_t port = inv->args->out.port, end = cte->cap.u.io.end;
    if (port < cte->cap.u.io.start || port > end || end - port < bytes - 1)
        return SYSRET(SYS_ERR_IO_PORT_INVALID);
    if (port == ABI_PORT_INPUT) /* it writes where the core page says: IOCmd_Input only */
        return SYSRET(SYS_ERR_IO_PORT_INVALID);
    return SYSRET_VALUE(
        io_access((unsigned)inv->command, (uint16_t)port, (uint32_t)inv->args->out.value));
}

static struct sysret id_invoke(struct cte *cte, const struct invocation *inv)
{
    if (inv->command != IDCmd_Identify)
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    return SYSRET_VALUE(cte->cap.u.id.coreid << 56 | cte->cap.u.id.core_local_id);
}

static errval_t io_check_mint(const struct capability *cap, uint64_t first, uint64_t last)
{
    return first <= last && first >= cap->u.io.start && last <= cap->u.io.end
               ? SYS_ERR_OK
               : SYS_ERR_MINT_INVALID;
}

static void io_mint(struct capability *cap, uint64_t first, uint64_t last)
{
    cap->u.io.start = first;
    cap->u.io.end = last;
}

/* The interface that is spoken through the memory: said once. */
static errval_t ump_check_mint(const struct capability *cap, uint64_t iftype, uint64_t unused)
{
    return cap->flags == 0 && iftype != 0 && iftype <= UINT16_MAX && unused == 0
               ? SYS_ERR_OK
               : SYS_ERR_MINT_INVALID;
}

static void ump_mint(struct capability *cap, uint64_t iftype, uint64_t unused)
{
    (void)unused;
    cap->flags = (uint32_t)iftype;
}

/* Numbers that no monitor gives to domains that it knows itself. */
#define DOMAIN_BY_RETYPE 0x80000000u

/* Minted with the number of a domain that the monitor knows, the manager becomes the capability of
 * that one. */
static errval_t manager_check_mint(const struct capability *cap, uint64_t domain, uint64_t unused)
{
    (void)cap;
    return domain != 0 && domain < DOMAIN_BY_RETYPE && unused == 0 ? SYS_ERR_OK
                                                                   : SYS_ERR_MINT_INVALID;
}

static void manager_mint(struct capability *cap, uint64_t domain, uint64_t unused)
{
    (void)unused;
    cap->type = ObjType_Domain;
    cap->u.id.coreid = my_core_id;
    cap->u.id.core_local_id = (uint32_t)domain;
}

static void domain_init(struct capability *cap, const struct capability *manager)
{
    static uint32_t last_domain;
    (void)manager;
    cap->u.id.coreid = my_core_id;
    cap->u.id.core_local_id = DOMAIN_BY_RETYPE | ++last_domain;
}

/* ---- what another core says there is ---- */

static errval_t any_contents(struct capability *cap)
{
    (void)cap;
    return SYS_ERR_OK;
}

static errval_t check_memory(struct capability *cap)
{
    if (cap->u.mem.base % ABI_PAGE_BYTES != 0 || cap->u.mem.bytes % ABI_PAGE_BYTES != 0 ||
        cap->u.mem.bytes == 0 || cap->u.mem.bytes > ABI_PHYS_LIMIT ||
        cap->u.mem.base > ABI_PHYS_LIMIT - cap->u.mem.bytes)
        return SYS_ERR_INVALID_SIZE;
    cap->u.word[CAP_MAPPING_WORD] = 0;
    return SYS_ERR_OK;
}

static errval_t check_notify(struct capability *cap)
{
    return cap->u.notify.coreid < boot_info->topology.core_count &&
                   cap->u.notify.chanid < ABI_NOTIFY_PASS_FIRST
               ? SYS_ERR_OK
               : SYS_ERR_INVARGS_SYSCALL;
}

const struct cap_ops physical_ops = { .invoke = frame_invoke,
                                      .before_revoke = dispatchers_stop,
                                      .check_wire = check_memory };
const struct cap_ops kcb_ops = { .invoke = kcb_invoke, .before_revoke = dispatchers_stop };
const struct cap_ops endpoint_ump_ops = { .invoke = frame_invoke,
                                          .moved = mappable_moved,
                                          .release = mappable_release,
                                          .identify = mappable_identify,
                                          .check_mint = ump_check_mint,
                                          .mint = ump_mint,
                                          .check_wire = check_memory };
const struct cap_ops memory_ops = { .invoke = frame_invoke,
                                    .before_revoke = dispatchers_stop,
                                    .check_wire = check_memory };
const struct cap_ops frame_ops = { .invoke = frame_invoke,
                                   .moved = mappable_moved,
                                   .release = mappable_release,
                                   .identify = mappable_identify,
                                   .check_wire = check_memory };
const struct cap_ops notify_ops = { .invoke = notify_invoke, .check_wire = check_notify };
const struct cap_ops io_ops = {
    .invoke = io_invoke, .check_mint = io_check_mint, .mint = io_mint, .check_wire = any_contents
};
const struct cap_ops id_ops = { .invoke = id_invoke, .check_wire = any_contents };
const struct cap_ops process_manager_ops = { .check_mint = manager_check_mint,
                                             .mint = manager_mint,
                                             .check_wire = any_contents };
const struct cap_ops domain_ops = { .invoke = id_invoke,
                                    .retype_init = domain_init,
                                    .check_wire = any_contents };
