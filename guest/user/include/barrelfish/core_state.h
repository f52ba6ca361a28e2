/* SPDX-License-Identifier: MIT
 *
 * What belongs to one dispatcher and its CSpace: allocators and bindings.  Dispatchers of a domain on
 * different cores do not share CSpaces, so nothing here may become a global variable.
 */
#ifndef BARRELFISH_CORE_STATE_H
#define BARRELFISH_CORE_STATE_H

#include <barrelfish/connection.h>
#include <barrelfish/ram_alloc.h>
#include <barrelfish/threads.h>
#include <barrelfish/waitset.h>

struct monitor_binding;
struct monitor_blocking_binding;
struct mem_binding;
struct nameservice_binding;
struct idc_export;
struct idc_connection;

#define SLOT_ALLOC_MAX_CNODES 64

struct slot_cnode {
    struct cnoderef cnode;
    uint16_t free;
    uint64_t used[L2_CNODE_SLOTS / 64]; /* one bit for each slot */
};

struct slot_alloc_state {
    struct thread_mutex mutex;
    struct slot_cnode cnodes[SLOT_ALLOC_MAX_CNODES];
    uint32_t cnode_count;
    uint32_t free_slots; /* in all CNodes */
    bool growing;
    uint64_t root_used[L2_CNODE_SLOTS / 64]; /* one bit for each L1 slot */
};

struct ram_alloc_state {
    struct thread_mutex mutex;
    ram_alloc_func_t func; /* used when `own` is exhausted; NULL: ask mem_serv */
    struct capref own;     /* RAM capability we allocate from; NULL_CAP: none */
    genpaddr_t own_base;   /* physical */
    gensize_t own_bytes;   /* of it, from its start, that are ours to take */
    gensize_t own_next;    /* offset of the first free byte */
    bool own_only;         /* there is no memory server for this domain */
    bool connecting;       /* to mem_serv */
    uint64_t minbase, maxlimit;
    struct waitset mem_waitset;
};

struct core_state {
    struct waitset default_waitset;
    struct slot_alloc_state slot_alloc;
    struct ram_alloc_state ram_alloc;
    struct monitor_binding *monitor_binding;
    struct monitor_blocking_binding *monitor_blocking_binding;
    struct waitset monitor_blocking_waitset;
    struct mem_binding *mem_binding;
    struct nameservice_binding *nameservice_binding;
    struct capref recv_slots[MAX_RECV_SLOTS]; /* queued by callers of RPCs with `out cap` */
    uint32_t recv_slot_count;
    bool selfep_made; /* the capability in TASKCN_SLOT_SELFEP is there */
    struct idc_export *exports;
    struct idc_client connecting; /* whom the connect callback that runs is for */
    struct idc_connection *connections;
    uintptr_t next_service_id;
};

#endif
