/* SPDX-License-Identifier: MIT
 *
 * Boot information: what a core finds at the physical address in RDI when it starts.
 *
 * For core 0 the machine fills it; for every other core the monitor that starts the core does.
 * Both also load the CPU driver's image into memory private to that core, load its first domain
 * ("init" on core 0, "monitor" elsewhere) unpacked, ready to be mapped, and build the page tables
 * that CR3 names (boot_tables.h).  On a PC the loader stands for the machine.  So the CPU driver
 * itself copies nothing and parses nothing: instructions in ring 0 can be a thousand times slower
 * than in ring 3 (software KVM).
 *
 * The structure is followed by its strings; the whole has boot_bytes bytes, starts on a page and is
 * mapped read-only into the first domain, which hands it on.
 */
#ifndef ABI_BOOT_H
#define ABI_BOOT_H

#include <stdint.h>

#include "layout.h"

#define ABI_BOOT_MAGIC 0x314c4b4d /* "MKL1" */
#define ABI_BOOT_VERSION 4
#define ABI_BOOT_MAX_REGIONS 256
#define ABI_BOOT_MAX_SEGMENTS 8
#define ABI_BOOT_MAX_BYTES 0x10000

/* Flags */
#define ABI_BOOT_SYSCALL_FAULTS 1 /* `syscall` in ring 3 arrives as #PF with CR2 = RIP = LSTAR */
#define ABI_BOOT_WIDE_VECTORS 2   /* ring 3 can use AVX, whatever CPUID and CR4 say */
#define ABI_BOOT_PC 4             /* none of the devices of ports.h: a PC, see struct abi_pc */

enum abi_region_type {
    ABI_REGION_EMPTY = 0,
    ABI_REGION_RAM = 1,    /* free memory of this core: becomes RAM capabilities */
    ABI_REGION_MODULE = 2, /* an image or file named in the menu; read-only, seen by all cores */
    ABI_REGION_WINDOW = 3, /* free part of the UMP window of a node */
    ABI_REGION_BOOT = 4,   /* held by the CPU driver: image, tables, this structure */
    ABI_REGION_URPC = 5,   /* window frame: channel between this core's monitor and its starter */
};

#define ABI_REGION_FLAG_KERNEL 1 /* MODULE: the CPU driver's ELF image (the menu's kernel line) */

struct abi_region {
    uint64_t base;  /* guest-physical, page aligned */
    uint64_t bytes; /* of memory, a multiple of the page size */
    uint32_t type;  /* enum abi_region_type */
    uint32_t node;
    uint32_t flags;
    uint32_t cmdline;    /* MODULE: offset of the menu line's "path args..." in this structure */
    uint64_t file_bytes; /* MODULE: exact size of the file */
};

/* A loaded segment of the first domain, as in an ELF program header. */
#define ABI_SEGMENT_X 1
#define ABI_SEGMENT_W 2
#define ABI_SEGMENT_R 4
struct abi_segment {
    uint64_t paddr; /* page aligned; memory holds file contents and zeroes */
    uint64_t vaddr; /* page aligned */
    uint64_t bytes; /* multiple of the page size */
    uint64_t flags; /* ABI_SEGMENT_* */
};

/* The machine's shape; the same for all cores. */
struct abi_topology_node {
    uint64_t ram_base, ram_bytes;
    uint64_t window_base, window_bytes;
};
struct abi_topology {
    uint32_t core_count; /* cores the machine has, started or not */
    uint32_t node_count;
    uint8_t core_node[ABI_MAX_CORES];
    struct abi_topology_node node[ABI_MAX_NODES];
    uint8_t distance[ABI_MAX_NODES][ABI_MAX_NODES]; /* SLIT: 10 = local */
    /* The interconnect: how many links lie between two cores, 0 to itself.  All are 0 where there
     * is none, and cores see each other's stores at once. */
    uint8_t hops[ABI_MAX_CORES][ABI_MAX_CORES];
    uint64_t link_latency_ns;  /* of each link */
    uint64_t link_bytes_per_s; /* of each link and direction; 0: no limit */
    /* Who can signal whom: [from][to] is 0 where `from` reaches `to` itself, else 1 + the core that
     * passes notifications on (ABI_NOTIFY_PASSED, ports.h). */
    uint8_t signal_over[ABI_MAX_CORES][ABI_MAX_CORES];
};

/* What the loader (guest/loader) found out about a PC.  Zero on our own machine. */
struct abi_pc {
    uint64_t tsc_at_zero; /* TSC at machine time 0; the same for all cores */
    uint64_t timer_hz;    /* rate of the local APIC's timer, undivided */
    uint64_t low_memory;  /* ABI_PC_LOW_BYTES below 1 MiB, through which other cores start */
    uint32_t apic_id[ABI_MAX_CORES];
    uint64_t pump; /* address of a struct abi_pump (pump.h); 0: nobody carries lines */
};
#define ABI_PC_LOW_BYTES 0x4000

/* The module with the firmware's tables (ACPI), one behind the other, each with its header. */
#define ABI_PC_TABLES_PATH "/firmware/acpi"

struct abi_boot {
    uint32_t magic, version;
    uint32_t boot_bytes; /* this structure with its strings */
    uint32_t flags;      /* ABI_BOOT_* */
    uint32_t core;       /* this core */
    uint32_t boot_core;  /* who started it; itself on core 0 */
    uint64_t seed;
    uint64_t tsc_hz;       /* rate of rdtsc in user mode */
    uint64_t core_area;    /* guest-physical address of this core's area */
    uint64_t kernel_paddr; /* private image copy */
    uint64_t kernel_bytes;
    uint64_t pml4; /* page tables in force at entry */
    /* Memory from which the CPU driver makes its first objects (CNodes, tables, dispatcher frame of
     * the first domain); zeroed.  What it does not use becomes RAM. */
    uint64_t scratch_paddr, scratch_bytes;

    uint64_t init_entry;   /* virtual */
    uint32_t init_cmdline; /* offset in this structure; empty line if the offset is 0 */
    uint32_t segment_count;
    struct abi_segment segment[ABI_BOOT_MAX_SEGMENTS];

    struct abi_topology topology;
    struct abi_pc pc;

    uint32_t region_count;
    uint32_t reserved;
    struct abi_region region[ABI_BOOT_MAX_REGIONS];
    /* strings follow */
};

#endif
