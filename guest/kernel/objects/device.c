/* SPDX-License-Identifier: MIT
 *
 * Devices by name, the start of cores, and counters of what the CPU driver does (facts §3.3).
 *
 * A DeviceID is a name that only the manager gives: a driver shows it to say which device it speaks
 * for.  IPI is the right to start cores, and nothing else of what the Kernel capability is.
 * PerfMon counts events of the CPU driver, which are the same on every engine; counters of the
 * processor are not there on all of them.  A foreign CNode names a CNode on another core: what is
 * to be done in it goes through the monitors.
 */
#include "objects.h"

static struct sysret manager_invoke(struct cte *cte, const struct invocation *inv)
{
    const __typeof__(inv->args->create_device) *a = &inv->args->create_device;
    struct cte *dest;
    (void)cte;
    if (inv->command != DeviceIDManagerCmd_CreateID)
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    errval_t err = cspace_empty_slot(inv->root, (capaddr_t)a->dest_cptr, (unsigned)a->dest_level,
                                     a->dest_slot, &dest);
    if (err_is_fail(err))
        return SYSRET(err);
    struct capability cap = { .type = ObjType_DeviceID, .rights = CAPRIGHTS_ALLRIGHTS };
    cap.u.deviceid.address = a->address;
    cap.u.deviceid.flags = a->flags;
    cap_insert_new(dest, &cap, my_core_id);
    return SYSRET(err);
}

static struct sysret device_invoke(struct cte *cte, const struct invocation *inv)
{
    if (inv->command != DeviceIDCmd_Identify)
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    return SYSRET_VALUE(cte->cap.u.deviceid.address);
}

static errval_t any_contents(struct capability *cap)
{
    (void)cap;
    return SYS_ERR_OK;
}

/* ---- start of cores ---- */

static struct sysret ipi_invoke(struct cte *cte, const struct invocation *inv)
{
    (void)cte;
    switch (inv->command) {
    case IPICmd_Send_Start:
        return power_of_core(KernelCmd_Spawn_core, inv);
    case IPICmd_Send_Init:
        return SYSRET(inv->args->spawn_core.core < boot_info->topology.core_count
                          ? SYS_ERR_OK
                          : SYS_ERR_CORE_NOT_FOUND);
    default:
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    }
}

/* ---- counters ---- */

#define EVENTS (sizeof(struct kernel_stats) / sizeof(uint64_t))

/* Nothing is counted twice: a counter is what the CPU driver counts anyway, from a moment on. */
static struct {
    uint64_t offset; /* to be added to the event's count */
    uint8_t event;
    bool active;
} counters[PERFMON_COUNTERS];

static uint64_t event_count(unsigned event)
{
    return ((const uint64_t *)&kernel_counters)[event];
}

static struct sysret perfmon_invoke(struct cte *cte, const struct invocation *inv)
{
    const uint64_t n = inv->args->perfmon.counter, value = inv->args->perfmon.value;
    (void)cte;
    if (inv->command > PerfMonCmd_Read)
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    if (n >= PERFMON_COUNTERS || (inv->command == PerfMonCmd_Activate && value >= EVENTS))
        return SYSRET(SYS_ERR_PERFMON_NOT_AVAILABLE);
    if (inv->command == PerfMonCmd_Activate) {
        counters[n].event = (uint8_t)value;
        counters[n].offset = -event_count((unsigned)value);
        counters[n].active = true;
        return SYSRET(SYS_ERR_OK);
    }
    if (!counters[n].active)
        return SYSRET(SYS_ERR_PERFMON_NOT_AVAILABLE);
    const uint64_t now = event_count(counters[n].event);
    if (inv->command == PerfMonCmd_Write) {
        counters[n].offset = value - now;
        return SYSRET(SYS_ERR_OK);
    }
    if (inv->command == PerfMonCmd_Deactivate)
        counters[n].active = false;
    return SYSRET_VALUE(counters[n].offset + now);
}

/* ---- a CNode of another core ---- */

static struct sysret fcnode_invoke(struct cte *cte, const struct invocation *inv)
{
    (void)cte;
    return SYSRET(inv->command <= CNodeCmd_GetSize ? SYS_ERR_RETRY_THROUGH_MONITOR
                                                   : SYS_ERR_ILLEGAL_INVOCATION);
}

static errval_t check_fcnode(struct capability *cap)
{
    return cap->u.fcnode.coreid < boot_info->topology.core_count &&
                   cap->u.fcnode.coreid != my_core_id
               ? SYS_ERR_OK
               : SYS_ERR_INVARGS_SYSCALL;
}

const struct cap_ops device_manager_ops = { .invoke = manager_invoke };
const struct cap_ops device_ops = { .invoke = device_invoke, .check_wire = any_contents };
const struct cap_ops ipi_ops = { .invoke = ipi_invoke };
const struct cap_ops perfmon_ops = { .invoke = perfmon_invoke };
const struct cap_ops fcnode_ops = { .invoke = fcnode_invoke, .check_wire = check_fcnode };
