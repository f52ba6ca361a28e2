/* SPDX-License-Identifier: MIT
 *
 * What belongs to one dispatcher and its CSpace: allocators and bindings.  Dispatchers of a domain on
 * different cores do not share CSpaces, so nothing here may become a global variable.
 */
#ifndef BARRELFISH_CORE_STATE_H
#define BARRELFISH_CORE_STATE_H

#include <barrelfish/ram_alloc.h>
#include <barrelfish/threads.h>
#include <barrelfish/waitset.h>

struct monitor_binding;
struct monitor_blocking_binding;
struct mem_binding;
struct nameservice_binding;
struct idc_export;
struct slot_cnode;

struct slot_alloc_state {
    struct thread_mutex mutex;
    struct slot_cnode *cnodes; /* newest first */
    struct slot_cnode *cache;  /* descriptors not in use */
    uint32_t free_slots;       /* in all CNodes */
    bool growing;
    cslot_t next_root_slot;
    uint64_t root_used[4]; /* one bit for each of the 256 L1 slots */
};

struct ram_alloc_state {
    struct thread_mutex mutex;
    ram_alloc_func_t func; /* NULL: mem_serv */
    struct capref own;
    gensize_t own_bytes, own_next; /* limit and next free byte of `own` */
    cslot_t fixed_page_next, fixed_early_next;
    uint64_t minbase, maxlimit;
    struct waitset mem_waitset;
    bool mem_connected;
};

struct core_state {
    struct waitset default_waitset;
    struct slot_alloc_state slot_alloc;
    struct ram_alloc_state ram_alloc;
    struct monitor_binding *monitor_binding;
    struct monitor_blocking_binding *monitor_blocking_binding;
    struct mem_binding *mem_binding;
    struct nameservice_binding *nameservice_binding;
    struct idc_export *exports;
    uintptr_t next_service_id;
};

#endif
