/* SPDX-License-Identifier: MIT
 *
 * The free memory of the machine: a short sorted list of ranges, from which parts are taken.
 */
#include "loader.h"

#define PAGE ABI_PAGE_BYTES
#define BELOW_HOLE 0x100000000ull

static bool insert(struct memory *memory, unsigned at, struct range range)
{
    if (range.base >= range.end)
        return true;
    if (memory->count == MEMORY_MAX_RANGES)
        return false;
    for (unsigned i = memory->count++; i > at; i--)
        memory->range[i] = memory->range[i - 1];
    memory->range[at] = range;
    return true;
}

static void drop(struct memory *memory, unsigned at)
{
    memory->count--;
    for (unsigned i = at; i < memory->count; i++)
        memory->range[i] = memory->range[i + 1];
}

/* Of ranges that overlap the map counts the later one only where the first does not reach. */
bool memory_add(struct memory *memory, uint64_t base, uint64_t bytes)
{
    uint64_t end =
        bytes > LOADER_MAPPED || base > LOADER_MAPPED - bytes ? LOADER_MAPPED : base + bytes;
    if (base < LOADER_END)
        base = LOADER_END;
    base = (base + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    end &= ~(uint64_t)(PAGE - 1);
    if (base >= end)
        return true;
    if (!memory_remove(memory, base, end))
        return false;
    unsigned at = 0;
    while (at < memory->count && memory->range[at].base < base)
        at++;
    return insert(memory, at, (struct range){ base, end, 0 });
}

bool memory_remove(struct memory *memory, uint64_t base, uint64_t end)
{
    base &= ~(uint64_t)(PAGE - 1);
    end = (end + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    for (unsigned i = 0; i < memory->count;) {
        struct range *range = &memory->range[i], rest = *range;
        if (range->end <= base || range->base >= end) {
            i++;
            continue;
        }
        rest.base = end;
        range->end = base;
        bool ok = rest.base >= rest.end || insert(memory, i + 1, rest);
        if (memory->range[i].base >= memory->range[i].end)
            drop(memory, i);
        else
            i++;
        if (!ok)
            return false;
    }
    return true;
}

bool memory_split(struct memory *memory, const struct abi_bundle_node *nodes, unsigned count)
{
    uint64_t hole = 0; /* where it begins */
    for (unsigned i = 0; i < memory->count; i++)
        if (memory->range[i].end <= BELOW_HOLE)
            hole = (memory->range[i].end + ABI_LARGE_PAGE_BYTES - 1) &
                   ~(uint64_t)(ABI_LARGE_PAGE_BYTES - 1);
    unsigned node = 0;
    uint64_t limit = nodes[0].bytes; /* end of the node, the hole not counted */
    for (unsigned i = 0; i < memory->count; i++) {
        struct range *range = &memory->range[i];
        const uint64_t shift = range->base >= BELOW_HOLE ? BELOW_HOLE - hole : 0;
        while (node + 1 < count && range->base - shift >= limit)
            limit += nodes[++node].bytes;
        range->node = node;
        if (node + 1 == count || range->end - shift <= limit)
            continue;
        struct range rest = *range;
        range->end = rest.base = limit + shift;
        if (!insert(memory, i + 1, rest))
            return false;
    }
    return true;
}

bool memory_assign(struct memory *memory, uint64_t base, uint64_t bytes, unsigned node)
{
    const uint64_t end = (base + bytes) & ~(uint64_t)(PAGE - 1);
    base = (base + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    for (unsigned i = 0; i < memory->count; i++) {
        struct range *range = &memory->range[i];
        if (range->end <= base || range->base >= end || range->node == node)
            continue;
        const struct range before = { range->base, base, range->node };
        const struct range after = { end, range->end, range->node };
        if (before.base < before.end)
            range->base = base;
        if (after.base < after.end)
            range->end = end;
        range->node = node;
        if (!insert(memory, i + 1, after) || !insert(memory, i, before))
            return false;
    }
    return true;
}

uint64_t memory_take_low(struct memory *memory, unsigned node, uint64_t bytes, uint64_t align)
{
    for (unsigned i = 0; i < memory->count; i++) {
        const struct range range = memory->range[i];
        const uint64_t base = (range.base + align - 1) & ~(align - 1);
        if (range.node == node && base < range.end && range.end - base >= bytes)
            return memory_remove(memory, base, base + bytes) ? base : 0;
    }
    return 0;
}

uint64_t memory_take_high(struct memory *memory, unsigned node, uint64_t bytes, uint64_t align)
{
    for (unsigned i = memory->count; i-- > 0;) {
        const struct range range = memory->range[i];
        if (range.node != node || range.end - range.base < bytes)
            continue;
        const uint64_t base = (range.end - bytes) & ~(align - 1);
        if (base >= range.base)
            return memory_remove(memory, base, base + bytes) ? base : 0;
    }
    return 0;
}
