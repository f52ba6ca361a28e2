/* SPDX-License-Identifier: MIT
 *
 * Pages and page tables of x86-64, and what a mapping's attributes say (facts §3.3): who maps
 * chooses bits with the meaning that the hardware gives them, as far as a program may choose.
 *
 * Here nothing can be executed unless PTABLE_EXECUTE says so, which is a bit of its own; all other
 * bits but PTABLE_WRITE and those of caching are ignored.
 */
#ifndef BARRELFISH_KPI_PAGING_TARGET_H
#define BARRELFISH_KPI_PAGING_TARGET_H

#define BASE_PAGE_BITS 12
#define BASE_PAGE_SIZE 4096ul
#define BASE_PAGE_MASK (BASE_PAGE_SIZE - 1)
#define LARGE_PAGE_BITS 21
#define LARGE_PAGE_SIZE 0x200000ul
#define LARGE_PAGE_MASK (LARGE_PAGE_SIZE - 1)
#define HUGE_PAGE_BITS 30 /* if the processor has such pages */
#define HUGE_PAGE_SIZE 0x40000000ul

#define PTABLE_BITS 9
#define PTABLE_SIZE 512 /* entries of a table of any level */

/* Attributes */
#define PTABLE_READ_ONLY 0ull
#define PTABLE_WRITE (1ull << 1)
#define PTABLE_READ_WRITE PTABLE_WRITE
#define PTABLE_USER_SUPERVISOR (1ull << 2) /* always: programs run in user mode */
#define PTABLE_WRITE_THROUGH (1ull << 3)
#define PTABLE_CACHE_DISABLED (1ull << 4)
#define PTABLE_ATTR_INDEX (1ull << 7) /* alone: write combining */
#define PTABLE_EXECUTE (1ull << 9)
#define PTABLE_EXECUTE_DISABLE (1ull << 63) /* so it is without PTABLE_EXECUTE */
#define PTABLE_ACCESS_READONLY (PTABLE_EXECUTE_DISABLE | PTABLE_USER_SUPERVISOR)
#define PTABLE_ACCESS_DEFAULT (PTABLE_ACCESS_READONLY | PTABLE_READ_WRITE)

/* Entries of an address in the tables of each level */
#define X86_64_PML4_BASE(address) (((uint64_t)(address) >> 39) & (PTABLE_SIZE - 1))
#define X86_64_PDPT_BASE(address) (((uint64_t)(address) >> 30) & (PTABLE_SIZE - 1))
#define X86_64_PDIR_BASE(address) (((uint64_t)(address) >> 21) & (PTABLE_SIZE - 1))
#define X86_64_PTABLE_BASE(address) (((uint64_t)(address) >> 12) & (PTABLE_SIZE - 1))

#define X86_64_BASE_PAGE_BITS BASE_PAGE_BITS
#define X86_64_BASE_PAGE_SIZE BASE_PAGE_SIZE
#define X86_64_BASE_PAGE_MASK BASE_PAGE_MASK
#define X86_64_LARGE_PAGE_BITS LARGE_PAGE_BITS
#define X86_64_LARGE_PAGE_SIZE LARGE_PAGE_SIZE
#define X86_64_LARGE_PAGE_MASK LARGE_PAGE_MASK
#define X86_64_HUGE_PAGE_BITS HUGE_PAGE_BITS
#define X86_64_HUGE_PAGE_SIZE HUGE_PAGE_SIZE
#define X86_64_PTABLE_SIZE PTABLE_SIZE

#ifndef __ASSEMBLER__
#include <stdint.h>
typedef uint64_t paging_x86_64_flags_t;
#endif

#endif
