/* SPDX-License-Identifier: MIT
 *
 * Debug system calls (facts §2.2 "Bench").
 */
#ifndef BARRELFISH_SYS_DEBUG_H
#define BARRELFISH_SYS_DEBUG_H

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

#endif
