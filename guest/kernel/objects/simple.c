/* SPDX-License-Identifier: MIT
 *
 * The small types: frames, notifications, port ranges, identities.
 */
#include "objects.h"

#include "plat.h"

struct sysret frame_invoke(struct cte *cte, const struct invocation *inv)
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

struct sysret notify_invoke(struct cte *cte, const struct invocation *inv)
{
    if (inv->command != NotifyCmd_Send)
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    coreid_t core = (coreid_t)cte->cap.u.notify.coreid;
    uint32_t id = (uint32_t)cte->cap.u.notify.chanid;
    kernel_counters.notifications_sent++;
    trace_record(ABI_TRACE_NOTIFY | (uint64_t)((uint32_t)core << 16 | id) << 32,
                 mem_to_phys(inv->caller).v);
    plat_notify(core, id);
    return SYSRET(SYS_ERR_OK);
}

struct sysret io_invoke(struct cte *cte, const struct invocation *inv)
{
    if (inv->command != IOCmd_Out32)
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    uint64_t port = inv->args->out.port, end = cte->cap.u.io.end;
    if (port < cte->cap.u.io.start || port > end || end - port < 3)
        return SYSRET(SYS_ERR_IO_PORT_INVALID);
    __asm__ volatile("outl %0, %1" ::"a"((uint32_t)inv->args->out.value), "Nd"((uint16_t)port)
                     : "memory");
    return SYSRET(SYS_ERR_OK);
}

struct sysret id_invoke(struct cte *cte, const struct invocation *inv)
{
    if (inv->command != IDCmd_Identify)
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    return SYSRET_VALUE(cte->cap.u.id.coreid << 56 | cte->cap.u.id.core_local_id);
}
