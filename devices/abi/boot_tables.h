/* SPDX-License-Identifier: MIT
 *
 * The page tables in force when a core starts: part of the boot contract, and built by two parties
 * (the machine for core 0, a monitor for every other core), hence here, as one pure function.
 *
 * They map the physical map (RAM of all nodes, 2 MiB pages, supervisor, writable, not executable),
 * the CPU driver's private image (4 KiB pages, rights by segment) and this core's area (writable).
 * Nothing is mapped in the lower half.  The upper half of every address space that the CPU driver
 * makes later is a copy of the two top-level entries made here.
 */
#ifndef ABI_BOOT_TABLES_H
#define ABI_BOOT_TABLES_H

#include <stdint.h>

#include "boot.h"
#include "layout.h"

#define ABI_PTE_PRESENT (1ull << 0)
#define ABI_PTE_WRITE (1ull << 1)
#define ABI_PTE_USER (1ull << 2)
#define ABI_PTE_ACCESSED (1ull << 5)
#define ABI_PTE_DIRTY (1ull << 6)
#define ABI_PTE_LARGE (1ull << 7)
#define ABI_PTE_NX (1ull << 63)

/* Pages that abi_build_boot_tables() needs at most for RAM that ends at ram_end. */
static inline uint64_t abi_boot_tables_pages(uint64_t ram_end, uint64_t kernel_bytes)
{
    uint64_t gib = (ram_end + 0x3fffffff) >> 30;
    uint64_t kernel_tables = (kernel_bytes + ABI_LARGE_PAGE_BYTES - 1) / ABI_LARGE_PAGE_BYTES;
    /* PML4, PDPT of the physical map with its directories, PDPT of the top, kernel directory and
     * tables, core area directory and table */
    return 1 + 1 + gib + 1 + 1 + kernel_tables + 2;
}

/* Builds the tables in `mem`, zeroed memory of abi_boot_tables_pages() pages that the new core will
 * see at guest-physical `mem_paddr`.  `seg` are the kernel's segments (vaddr in the kernel's link
 * range, paddr in the private copy).  Returns CR3. */
static inline uint64_t abi_build_boot_tables(void *mem, uint64_t mem_paddr, uint64_t ram_end,
                                             const struct abi_segment *seg, unsigned segments,
                                             uint64_t kernel_bytes, uint64_t core_area_paddr)
{
    uint64_t *table = mem;
    unsigned next = 0;
    const uint64_t dir = ABI_PTE_PRESENT | ABI_PTE_WRITE | ABI_PTE_ACCESSED;
    const uint64_t leaf = ABI_PTE_PRESENT | ABI_PTE_ACCESSED;
#define ABI_TABLE(i) (table + (uint64_t)(i)*512)
#define ABI_TABLE_PADDR(i) (mem_paddr + (uint64_t)(i)*ABI_PAGE_BYTES)

    unsigned pml4 = next++;
    unsigned physmap = next++;
    ABI_TABLE(pml4)[(ABI_PHYSMAP_BASE >> 39) & 511] = ABI_TABLE_PADDR(physmap) | dir;
    for (uint64_t base = 0; base < ram_end; base += 1ull << 30) {
        unsigned pd = next++;
        ABI_TABLE(physmap)[base >> 30] = ABI_TABLE_PADDR(pd) | dir;
        for (unsigned i = 0; i < 512; i++) {
            uint64_t pa = base + (uint64_t)i * ABI_LARGE_PAGE_BYTES;
            if (pa >= ram_end)
                break;
            ABI_TABLE(pd)
            [i] = pa | leaf | ABI_PTE_WRITE | ABI_PTE_DIRTY | ABI_PTE_LARGE | ABI_PTE_NX;
        }
    }

    unsigned top = next++;
    ABI_TABLE(pml4)[(ABI_KERNEL_BASE >> 39) & 511] = ABI_TABLE_PADDR(top) | dir;
    unsigned kernel_pd = next++;
    ABI_TABLE(top)[(ABI_KERNEL_BASE >> 30) & 511] = ABI_TABLE_PADDR(kernel_pd) | dir;
    unsigned kernel_pt = next;
    for (uint64_t off = 0; off < kernel_bytes; off += ABI_LARGE_PAGE_BYTES)
        ABI_TABLE(kernel_pd)[off / ABI_LARGE_PAGE_BYTES] = ABI_TABLE_PADDR(next++) | dir;
    for (unsigned s = 0; s < segments; s++) {
        for (uint64_t off = 0; off < seg[s].bytes; off += ABI_PAGE_BYTES) {
            uint64_t page = (seg[s].vaddr + off - ABI_KERNEL_BASE) / ABI_PAGE_BYTES;
            uint64_t pte = (seg[s].paddr + off) | leaf;
            if (seg[s].flags & ABI_SEGMENT_W)
                pte |= ABI_PTE_WRITE | ABI_PTE_DIRTY;
            if (!(seg[s].flags & ABI_SEGMENT_X))
                pte |= ABI_PTE_NX;
            ABI_TABLE(kernel_pt)[page] = pte; /* the tables are consecutive */
        }
    }

    unsigned area_pd = next++, area_pt = next++;
    ABI_TABLE(top)[(ABI_CORE_AREA_VADDR >> 30) & 511] = ABI_TABLE_PADDR(area_pd) | dir;
    ABI_TABLE(area_pd)[0] = ABI_TABLE_PADDR(area_pt) | dir;
    for (unsigned i = 0; i < ABI_CORE_AREA_BYTES / ABI_PAGE_BYTES; i++) {
        uint64_t page = core_area_paddr + (uint64_t)i * ABI_PAGE_BYTES;
        ABI_TABLE(area_pt)[i] = page | leaf | ABI_PTE_WRITE | ABI_PTE_DIRTY | ABI_PTE_NX;
    }
    return ABI_TABLE_PADDR(pml4);
#undef ABI_TABLE
#undef ABI_TABLE_PADDR
}

#endif
