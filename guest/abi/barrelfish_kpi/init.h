/* SPDX-License-Identifier: MIT
 *
 * What a domain finds when it starts: well-known CSpace slots, addresses, arguments (facts §3.2).
 *
 * The kernel starts one domain itself: init on core 0, the monitor on every other core.  All others
 * are built by the spawn library.  Both leave the domain the same picture.
 */
#ifndef BARRELFISH_KPI_INIT_H
#define BARRELFISH_KPI_INIT_H

#include <barrelfish_kpi/types.h>

/* L1 slots */
#define ROOTCN_SLOT_TASKCN 0
#define ROOTCN_SLOT_PAGECN 1 /* page tables; slot 0 = root VNode */
#define ROOTCN_SLOT_BASE_PAGE_CN 2
#define ROOTCN_SLOT_SUPERCN 3 /* first domain: free RAM of this core, in slots 0.. */
#define ROOTCN_SLOT_SEGCN 4
#define ROOTCN_SLOT_WINDOWCN 5 /* first domain: Frame capabilities of the UMP window, slot = node */
#define ROOTCN_SLOT_MODULECN \
    6 /* first domain (and whom it inherits to): module n of the boot
                                * information (counting MODULE regions) in slot n, Frame,
                                * read-only */
#define ROOTCN_SLOT_SLOT_ALLOC0 7
#define ROOTCN_SLOT_SLOT_ALLOC1 8
#define ROOTCN_SLOT_SLOT_ALLOC2 9
#define ROOTCN_SLOT_ROOT_MAPPING 10
#define ROOTCN_SLOT_ARGCN 11
#define ROOTCN_SLOT_MORE \
    12 /* an L1CNode whose slots follow the last one of this root CNode; so a CSpace grows */
#define ROOTCN_SLOT_EARLY_CN \
    13 /* 64 RAM capabilities of 16 KiB for CNodes made before mem_serv answers */
#define ROOTCN_SLOTS_USER 14
#define ROOTCN_MAX_PARTS 16 /* the root CNode itself and what follows it */

/* task CNode slots */
#define TASKCN_SLOT_SELF 0
#define TASKCN_SLOT_DISPATCHER 1
#define TASKCN_SLOT_ROOTCN 2
#define TASKCN_SLOT_IRQSRC 3 /* all interrupt lines of this core */
#define TASKCN_SLOT_DISPFRAME 4
#define TASKCN_SLOT_IRQ 5
#define TASKCN_SLOT_IO 6
#define TASKCN_SLOT_BOOTINFO 7 /* Frame with struct abi_boot, read-only */
#define TASKCN_SLOT_KERNELCAP 8
#define TASKCN_SLOT_ARGSPAGE 10
#define TASKCN_SLOT_MON_URPC 11  /* monitors of later cores: window frame to the starting monitor */
#define TASKCN_SLOT_SESSIONID 12 /* inherited, like the next */
#define TASKCN_SLOT_FDSPAGE 13
#define TASKCN_SLOT_PERF_MON 14
#define TASKCN_SLOT_IPI 17
#define TASKCN_SLOT_PROC_MNG 18 /* who may make dispatchers of other domains than its own */
#define TASKCN_SLOT_DEVMAN 20
#define TASKCN_SLOT_SELFEP 21
#define TASKCN_SLOT_INITEP 22 /* LMP endpoint of the parent (init) or of the monitor */
#define TASKCN_SLOTS_USER 23

/* Slots of a CNode that a domain inherits (spawn_program_with_caps). */
#define INHERITCN_SLOT_FDSPAGE 1
#define INHERITCN_SLOT_SESSIONID 2
#define INHERITCN_SLOT_KERNELCAP 3

/* cptr of a slot in one of the well-known L2 CNodes */
#define KPI_CPTR(l1slot, l2slot) ((capaddr_t)(((l1slot) << L2_CNODE_BITS) | (l2slot)))

/* Addresses.  A spawner uses PML4 entry 0 only; entries 1..255 belong to the domain, which
 * therefore needs no list of what is mapped.  The frames lie under one page table, next to the
 * image's: each table less is two system calls less for each spawn. */
#define DOMAIN_IMAGE_VBASE 0x400000ul
#define DOMAIN_DISPFRAME_VBASE 0x200000ul
#define DOMAIN_ARGS_VBASE 0x220000ul
#define DOMAIN_BOOTINFO_VBASE 0x230000ul /* first domain, and whoever is given it */
#define DOMAIN_OWN_VBASE 0x8000000000ul  /* first address that is the domain's own to manage */
#define DOMAIN_SPANNED_VBASE \
    0x7f00000000ul /* of a domain on several cores: dispatcher frames of the others, by core */

/* The entry point is called disabled, with RDI = dispatcher frame address, RSI = address of the
 * arguments page, RSP = a small stack inside the dispatcher frame's end (upcall_stack of the
 * spawner, see below), interrupts on, FPU clean. */
#define MAX_CMDLINE_ARGS 128
#define SPAWN_ARGS_BYTES 16384 /* size of the arguments frame */

struct spawn_domain_params {
    uint32_t argc; /* 0 in a first domain: tokenise bootinfo->init_cmdline instead */
    uint32_t envc;
    uint64_t argv[MAX_CMDLINE_ARGS + 1]; /* addresses in the child; 0-terminated */
    uint64_t envp[MAX_CMDLINE_ARGS + 1];
    uint64_t bootinfo; /* address of struct abi_boot, or 0 */
    uint64_t tls_base, tls_init_bytes, tls_total_bytes, tls_align; /* PT_TLS template, as linked */
    uint64_t flags;
    domainid_t domain_id;
    uint32_t reserved;
    char program[64]; /* path of its module; empty: not known, or too long */
};

#endif
