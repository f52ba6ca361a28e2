/* SPDX-License-Identifier: MIT
 *
 * A buddy allocator over physical ranges.
 *
 * Free memory is a set of naturally aligned blocks of 2^bits bytes, one singly linked list for each
 * size, sorted by address.  Allocation takes the smallest block that holds a fitting one and splits
 * it, halves going back into the lists; freeing joins a block with its buddy (the other half of the
 * next larger block) as long as that is free too and of the same region.  The lists are short,
 * because requests are few sizes, so they are searched linearly.
 *
 * Only free blocks have a node, from an array of the caller: bookkeeping can run out, never leak,
 * and nothing here allocates, calls the kernel or knows what a capability is.  Every operation checks
 * all it needs before it changes anything.
 */
#include <assert.h>
#include <mm/mm.h>

static gensize_t size_of(unsigned bits)
{
    return (gensize_t)1 << bits;
}

static uint16_t node_take(struct mm *mm)
{
    uint16_t index = mm->unused;
    assert(index != MM_NO_NODE && mm->nodes_free > 0);
    mm->unused = mm->nodes[index].next;
    mm->nodes_free--;
    return index;
}

static void node_drop(struct mm *mm, uint16_t index)
{
    mm->nodes[index].next = mm->unused;
    mm->unused = index;
    mm->nodes_free++;
}

static void block_insert(struct mm *mm, unsigned bits, genpaddr_t base, unsigned region)
{
    uint16_t *link = &mm->free_list[bits];
    while (*link != MM_NO_NODE && mm->nodes[*link].base < base)
        link = &mm->nodes[*link].next;
    uint16_t index = node_take(mm);
    mm->nodes[index] = (struct mm_node){ .base = base, .next = *link, .region = (uint16_t)region };
    *link = index;
    mm->free_bytes += size_of(bits);
}

static void block_remove(struct mm *mm, unsigned bits, uint16_t *link)
{
    uint16_t index = *link;
    *link = mm->nodes[index].next;
    node_drop(mm, index);
    mm->free_bytes -= size_of(bits);
}

/* The first naturally aligned block of 2^bits inside the given one and the limits.  Returns false
 * if there is none. */
static bool fit(genpaddr_t base, unsigned block_bits, unsigned bits, genpaddr_t minbase,
                genpaddr_t maxlimit, genpaddr_t *ret)
{
    genpaddr_t low = base > minbase ? base : minbase;
    genpaddr_t mask = size_of(bits) - 1;
    if (low > UINT64_MAX - mask)
        return false;
    low = (low + mask) & ~mask;
    genpaddr_t end = base + size_of(block_bits);
    if (maxlimit != 0 && maxlimit < end)
        end = maxlimit;
    if (low >= end || end - low < size_of(bits))
        return false;
    *ret = low;
    return true;
}

void mm_init(struct mm *mm, struct mm_node *nodes, unsigned count)
{
    assert(count >= 2 * MM_MAX_BITS && count < MM_NO_NODE);
    *mm = (struct mm){ .nodes = nodes, .node_count = count, .unused = MM_NO_NODE };
    for (unsigned i = count; i > 0; i--)
        node_drop(mm, (uint16_t)(i - 1));
    for (unsigned bits = 0; bits <= MM_MAX_BITS; bits++)
        mm->free_list[bits] = MM_NO_NODE;
}

errval_t mm_add(struct mm *mm, genpaddr_t cap_base, genpaddr_t base, gensize_t bytes,
                unsigned *ret_region)
{
    const genpaddr_t page_mask = size_of(MM_MIN_BITS) - 1;
    if (((cap_base | base | bytes) & page_mask) != 0 || bytes == 0)
        return MM_ERR_ALIGN;
    if (base < cap_base || base >= size_of(MM_MAX_BITS + 1) ||
        bytes > size_of(MM_MAX_BITS + 1) - base)
        return MM_ERR_OUT_OF_BOUNDS;
    for (unsigned i = 0; i < mm->region_count; i++)
        if (base < mm->region[i].base + mm->region[i].bytes && mm->region[i].base < base + bytes)
            return MM_ERR_OUT_OF_BOUNDS;
    if (mm->region_count == MM_MAX_REGIONS)
        return MM_ERR_MM_ADD;
    /* A range falls into at most two aligned blocks of each size. */
    if (mm->nodes_free < 2 * (MM_MAX_BITS - MM_MIN_BITS + 1))
        return MM_ERR_NEW_NODE;

    unsigned region = mm->region_count++;
    mm->region[region] = (struct mm_region){ .base = base, .bytes = bytes, .cap_base = cap_base };
    mm->total_bytes += bytes;
    while (bytes > 0) {
        unsigned bits = MM_MIN_BITS;
        while (bits < MM_MAX_BITS && (base & (size_of(bits + 1) - 1)) == 0 &&
               size_of(bits + 1) <= bytes)
            bits++;
        block_insert(mm, bits, base, region);
        base += size_of(bits);
        bytes -= size_of(bits);
    }
    *ret_region = region;
    return SYS_ERR_OK;
}

errval_t mm_alloc(struct mm *mm, unsigned bits, genpaddr_t minbase, genpaddr_t maxlimit,
                  struct mm_block *ret)
{
    if (bits < MM_MIN_BITS || bits > MM_MAX_BITS)
        return MM_ERR_ALIGN;
    genpaddr_t base = 0;
    unsigned block_bits = bits;
    uint16_t *link = NULL;
    bool elsewhere = false;
    for (; block_bits <= MM_MAX_BITS; block_bits++) {
        link = &mm->free_list[block_bits];
        while (*link != MM_NO_NODE &&
               !fit(mm->nodes[*link].base, block_bits, bits, minbase, maxlimit, &base)) {
            elsewhere = true;
            link = &mm->nodes[*link].next;
        }
        if (*link != MM_NO_NODE)
            break;
    }
    if (block_bits > MM_MAX_BITS)
        return elsewhere ? MM_ERR_OUT_OF_BOUNDS : MM_ERR_NOT_FOUND;
    if (mm->nodes_free + 1 < block_bits - bits)
        return MM_ERR_NEW_NODE;

    unsigned region = mm->nodes[*link].region;
    genpaddr_t block = mm->nodes[*link].base;
    block_remove(mm, block_bits, link);
    while (block_bits > bits) { /* keep the half that holds base, the other one is free */
        block_bits--;
        genpaddr_t upper = block + size_of(block_bits);
        if (base >= upper) {
            block_insert(mm, block_bits, block, region);
            block = upper;
        } else {
            block_insert(mm, block_bits, upper, region);
        }
    }
    assert(block == base);
    *ret = (struct mm_block){ .base = base,
                              .region = region,
                              .offset = base - mm->region[region].cap_base };
    return SYS_ERR_OK;
}

/* Whether any part of base .. base + 2^bits is free. */
static bool is_free(const struct mm *mm, genpaddr_t base, unsigned bits)
{
    for (unsigned b = MM_MIN_BITS; b <= MM_MAX_BITS; b++)
        for (uint16_t i = mm->free_list[b]; i != MM_NO_NODE; i = mm->nodes[i].next)
            if (base < mm->nodes[i].base + size_of(b) && mm->nodes[i].base < base + size_of(bits))
                return true;
    return false;
}

errval_t mm_free(struct mm *mm, genpaddr_t base, unsigned bits)
{
    if (bits < MM_MIN_BITS || bits > MM_MAX_BITS || (base & (size_of(bits) - 1)) != 0)
        return MM_ERR_ALIGN;
    unsigned region = 0;
    while (region < mm->region_count &&
           (base < mm->region[region].base ||
            base - mm->region[region].base >= mm->region[region].bytes ||
            size_of(bits) > mm->region[region].bytes - (base - mm->region[region].base)))
        region++;
    if (region == mm->region_count || is_free(mm, base, bits))
        return MM_ERR_OUT_OF_BOUNDS;
    if (mm->nodes_free == 0)
        return MM_ERR_NEW_NODE;

    for (; bits < MM_MAX_BITS; bits++) { /* join with the buddy while that is free */
        genpaddr_t buddy = base ^ size_of(bits);
        uint16_t *link = &mm->free_list[bits];
        while (*link != MM_NO_NODE && mm->nodes[*link].base < buddy)
            link = &mm->nodes[*link].next;
        if (*link == MM_NO_NODE || mm->nodes[*link].base != buddy ||
            mm->nodes[*link].region != region)
            break;
        block_remove(mm, bits, link);
        base &= ~size_of(bits);
    }
    block_insert(mm, bits, base, region);
    return SYS_ERR_OK;
}

unsigned mm_largest_bits(const struct mm *mm)
{
    for (unsigned bits = MM_MAX_BITS; bits >= MM_MIN_BITS; bits--)
        if (mm->free_list[bits] != MM_NO_NODE)
            return bits;
    return 0;
}
