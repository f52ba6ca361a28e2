/* SPDX-License-Identifier: MIT
 *
 * Debug system calls (facts §2.2 "Bench").
 */
#ifndef BARRELFISH_SYS_DEBUG_H
#define BARRELFISH_SYS_DEBUG_H

#include <barrelfish/dispatch.h>
#include <barrelfish/syscalls.h>

static inline errval_t sys_debug_get_tsc_per_ms(uint64_t *ret)
{
    struct sysret result = sys_debug(DEBUG_TSC_HZ);

    *ret = result.value / 1000;
    return result.error;
}

/* Caches of the machine: it has none that a program could empty, and nothing happens. */
static inline errval_t sys_debug_flush_cache(void)
{
    return SYS_ERR_OK;
}

/* Capabilities in this core's mapping database, of all domains. */
static inline errval_t sys_debug_get_mdb_size(size_t *ret)
{
    struct sysret result = sys_debug(DEBUG_MDB_SIZE);

    *ret = result.value;
    return result.error;
}

/* System calls this core's kernel has served. */
static inline errval_t sys_debug_get_syscall_count(uint64_t *ret)
{
    struct sysret result = sys_debug(DEBUG_SYSCALL_COUNT);

    *ret = result.value;
    return result.error;
}

/* The timer of a core counts nanoseconds. */
static inline errval_t sys_debug_get_apic_ticks_per_sec(uint32_t *ret)
{
    *ret = 1000000000;
    return SYS_ERR_OK;
}

/* Counts up, and begins anew every four seconds. */
static inline errval_t sys_debug_get_apic_timer(uint32_t *ret)
{
    *ret = (uint32_t)get_system_time();
    return SYS_ERR_OK;
}

/* The CPU driver counts no operations of its database, and prints no counts: nothing happens.
 * `vmm run -vv` has them. */
static inline errval_t sys_debug_print_mdb_counters(void)
{
    return SYS_ERR_OK;
}
static inline errval_t sys_debug_print_context_counter(void)
{
    return SYS_ERR_OK;
}
static inline errval_t sys_debug_print_timeslice(void)
{
    return SYS_ERR_OK;
}

#endif
