/* SPDX-License-Identifier: MIT
 *
 * Where things lie in guest-physical and kernel-virtual memory.
 *
 * This folder is the only thing host and guest share.  It is a contract, not code: constants and
 * plain structures, C and (where noted) assembly, no dependency but <stdint.h>.
 *
 * Guest-physical memory, all below 64 GiB so that 36 address bits suffice on every engine:
 *
 *   0            RAM of node 0, then node 1, ... each node contiguous, 2 MiB aligned, zeroed
 *   31 GiB       core areas, ABI_CORE_AREA_BYTES for each core (see core_page.h)
 *   32 GiB       UMP window: node n at ABI_WINDOW_BASE + n * ABI_WINDOW_STRIDE
 *   64 GiB       nothing
 *
 * On a PC (ABI_BOOT_PC) everything lies in RAM, below ABI_RAM_LIMIT: the boot information says
 * where.
 */
#ifndef ABI_LAYOUT_H
#define ABI_LAYOUT_H

#define ABI_PAGE_BYTES 4096
#define ABI_LARGE_PAGE_BYTES 0x200000

#define ABI_MAX_CORES 64
#define ABI_MAX_NODES 64

#define ABI_RAM_BASE 0
#define ABI_RAM_LIMIT 0x7C0000000      /* 31 GiB: RAM of all nodes ends at or below this */
#define ABI_CORE_AREA_BASE 0x7C0000000 /* core c: ABI_CORE_AREA_BASE + c * ABI_CORE_AREA_BYTES */
#define ABI_CORE_AREA_BYTES 0x4000     /* page 0 registers, page 1 reserved, pages 2-3 trace ring */
#define ABI_WINDOW_BASE 0x800000000    /* 32 GiB */
#define ABI_WINDOW_STRIDE 0x20000000   /* 512 MiB of address space for the window of a node */
#define ABI_PHYS_LIMIT 0x1000000000    /* 64 GiB */

/* Kernel-virtual memory.  Each core's own page tables map these to its own, private memory;
 * only the physical map shows memory of others, and only for objects this core was given. */
#define ABI_PHYSMAP_BASE 0xFFFF800000000000    /* all RAM, supervisor, writable, not executable */
#define ABI_KERNEL_BASE 0xFFFFFFFF80000000     /* the CPU driver's image is linked here */
#define ABI_CORE_AREA_VADDR 0xFFFFFFFFC0000000 /* this core's area */

/* Interrupt vector of every event; the cause word says what happened. */
#define ABI_VECTOR 32

/* Selectors in force when a core starts; the CPU driver loads a GDT of its own. */
#define ABI_BOOT_CS 0x08
#define ABI_BOOT_DS 0x10

#endif
