/* SPDX-License-Identifier: MIT
 *
 * The databases of capabilities of a core, as the machine reads them when it checks them from
 * outside (scenario: `invariants: [capabilities]`).  The CPU driver writes, in memory of its own;
 * abi_core_page.databases says where the roots are.  All addresses are its virtual ones.
 */
#ifndef ABI_CAPABILITY_H
#define ABI_CAPABILITY_H

#include <stdint.h>

/* A slot with its place in a binary tree. */
struct abi_slot {
    uint8_t generation; /* children of full size are told from their parents by it */
    uint8_t type;       /* ABI_CAP_*, and others */
    uint8_t rights;
    uint8_t unused;
    uint32_t aux;
    uint64_t word[3]; /* memory: base (guest-physical), bytes */
    uint64_t left, right;
    uint64_t end;
    uint8_t end_root, level; /* level 0: not in the tree */
    uint8_t owner;           /* core */
    uint8_t bits;
    uint32_t step;
};
_Static_assert(sizeof(struct abi_slot) == 64, "one slot");

/* Types of memory of which nothing has been made yet. */
#define ABI_CAP_PHYSADDR 1
#define ABI_CAP_RAM 2

/* Types that name memory: bit n is type n. */
#define ABI_CAP_MEMORY_TYPES 0x10002aaabeull

/* Words of abi_core_page.databases. */
#define ABI_DATABASE_HERE 0 /* what domains of this core have */
#define ABI_DATABASE_KEPT 1 /* what its monitor keeps for other cores */
#define ABI_DATABASES 2

#endif
