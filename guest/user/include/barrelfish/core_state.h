/* SPDX-License-Identifier: MIT
 *
 * What belongs to one dispatcher and its CSpace: allocators and bindings.  Dispatchers of a domain
 * on different cores do not share CSpaces, so nothing here may become a global variable.
 */
#ifndef BARRELFISH_CORE_STATE_H
#define BARRELFISH_CORE_STATE_H

#include <barrelfish/connection.h>
#include <barrelfish/ram_alloc.h>
#include <barrelfish/threads.h>
#include <barrelfish/wait_list.h>
#include <barrelfish/waitset.h>

struct monitor_binding;
struct monitor_blocking_binding;
struct mem_binding;
struct nameservice_binding;
struct idc_export;
struct idc_connection;
struct vspace;

/* An L2 CNode of the slot allocator. */
struct slot_cnode {
    struct slot_cnode *next; /* in the list of those with free slots */
    struct cnoderef cnode;
    uint16_t free;
    uint64_t used[L2_CNODE_SLOTS / 64]; /* one bit for each slot */
};

struct slot_alloc_state {
    struct thread_mutex mutex;    /* protects all that follows */
    struct slot_cnode *with_free; /* CNodes with free slots */
    uint32_t free_slots;          /* in all of them together */
    struct slot_cnode **root;     /* for each L1 slot: NULL if free, else what lies there */
    uint32_t root_slots;          /* L1 slots of all parts of the root CNode */
    uint32_t root_free;           /* of these */
    uint32_t root_next;           /* no L1 slot below is free */
    bool growing, root_growing;   /* a thread makes another CNode, another part of the root */
    struct slot_cnode first;      /* the CNode that the spawner made */
    struct slot_cnode *first_root[L2_CNODE_SLOTS];
};

struct ram_alloc_state {
    struct thread_mutex mutex;
    ram_alloc_func_t func;                    /* used when `own` is exhausted; NULL: the server */
    ram_alloc_func_t server;                  /* asks mem_serv; NULL: this domain has none */
    struct capref own;                        /* RAM capability we allocate from; NULL_CAP: none */
    genpaddr_t own_base;                      /* physical */
    gensize_t own_bytes;                      /* of it, from its start, that are ours to take */
    gensize_t own_next;                       /* offset of the first free byte */
    bool own_lent;                            /* mem_serv gave it, and takes it back as it is */
    errval_t (*give_back)(struct capref ram); /* to mem_serv; NULL: this domain has none */
    struct ram_piece *pieces;                 /* what objects were made of (ram_holes.h) */
    uint64_t minbase, maxlimit;
};

struct core_state {
    struct waitset default_waitset;
    struct slot_alloc_state slot_alloc;
    struct ram_alloc_state ram_alloc;
    struct monitor_binding *monitor_binding;
    struct monitor_blocking_binding *monitor_blocking_binding;
    struct waitset monitor_blocking_waitset;
    struct mem_binding *mem_binding;
    struct waitset mem_waitset;
    struct nameservice_binding *nameservice_binding;
    struct wait_list monitor_rpc_waiting, nameservice_waiting; /* for these two */
    bool selfep_made; /* the capability in TASKCN_SLOT_SELFEP is there */
    struct idc_export *exports;
    struct idc_client connecting; /* whom the connect callback that runs is for */
    struct idc_connections connections;
    uintptr_t next_service_id;
    struct vspace *vspace; /* page tables that this dispatcher fills */
    struct capref *notify; /* of the domain's other dispatchers, by core; NULL: it has none */
};

#endif
