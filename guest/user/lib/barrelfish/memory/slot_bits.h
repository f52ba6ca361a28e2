/* SPDX-License-Identifier: MIT
 *
 * Bitmaps over the 256 slots of a CNode; bit set = slot in use.  Pure.
 */
#ifndef SLOT_BITS_H
#define SLOT_BITS_H

#include <barrelfish_kpi/types.h>

#define SLOT_BITS_WORDS (L2_CNODE_SLOTS / 64)

static inline void slot_bits_set(uint64_t *used, unsigned slot)
{
    used[slot / 64] |= 1ull << (slot % 64);
}

/* True if it was set. */
static inline bool slot_bits_clear(uint64_t *used, unsigned slot)
{
    uint64_t mask = 1ull << (slot % 64);

    if (slot >= L2_CNODE_SLOTS || !(used[slot / 64] & mask))
        return false;
    used[slot / 64] &= ~mask;
    return true;
}

/* The first free slot, now in use; -1 if there is none. */
static inline int slot_bits_take(uint64_t *used)
{
    for (unsigned word = 0; word < SLOT_BITS_WORDS; word++) {
        if (~used[word] != 0) {
            unsigned slot = word * 64 + (unsigned)__builtin_ctzll(~used[word]);

            slot_bits_set(used, slot);
            return (int)slot;
        }
    }
    return -1;
}

#endif
