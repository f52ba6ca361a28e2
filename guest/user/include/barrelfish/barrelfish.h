/* SPDX-License-Identifier: MIT
 *
 * The umbrella: programs include this one and have everything a plain program needs (facts §2.1).
 */
#ifndef BARRELFISH_BARRELFISH_H
#define BARRELFISH_BARRELFISH_H

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <barrelfish_kpi/capabilities.h>
#include <barrelfish_kpi/init.h>
#include <barrelfish_kpi/paging_target.h>
#include <barrelfish_kpi/types.h>
#include <errors/errno.h>

#include <bitmacros.h>

#include <barrelfish/caddr.h>
#include <barrelfish/capabilities.h>
#include <barrelfish/debug.h>
#include <barrelfish/deferred.h>
#include <barrelfish/dispatch.h>
#include <barrelfish/domain.h>
#include <barrelfish/event_mutex.h>
#include <barrelfish/event_queue.h>
#include <barrelfish/idc.h>
#include <barrelfish/idc_export.h>
#include <barrelfish/lmp_chan.h>
#include <barrelfish/ram_alloc.h>
#include <barrelfish/report.h>
#include <barrelfish/slot_alloc.h>
#include <barrelfish/syscalls.h>
#include <barrelfish/threads.h>
#include <barrelfish/ump_chan.h>
#include <barrelfish/vspace.h>
#include <barrelfish/waitset.h>
#include <barrelfish/waitset_chan.h>

#ifndef ROUND_UP
#define ROUND_UP(value, unit) ((((value) + (unit)-1) / (unit)) * (unit))
#define ROUND_DOWN(value, unit) (((value) / (unit)) * (unit))
#define DIVIDE_ROUND_UP(value, unit) (((value) + (unit)-1) / (unit))
#endif

static inline uint64_t rdtsc(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

#endif
