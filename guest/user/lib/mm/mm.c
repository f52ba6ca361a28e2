/* SPDX-License-Identifier: MIT
 *
 * A buddy allocator over physical ranges.
 *
 * Free memory is a set of naturally aligned blocks of 2^bits bytes, for each region and size a
 * bitmap over all the places where a block of this size could lie.  Allocation takes the smallest
 * block that holds a fitting one and splits it; freeing joins a block with its buddy (the other
 * half of the next larger block) as long as that is free too and of the same region.
 *
 * All bitmaps are there from the start, together less than a 16,000th of the memory: so giving back
 * never needs memory, and nothing here can fail halfway.  Above each bitmap lie summaries, of one
 * bit for each word, so that no search looks at more than two words of each level: no request takes
 * long, however the memory is cut up.  Nothing here allocates, calls the kernel or knows what a
 * capability is.
 */
#include <assert.h>
#include <mm/mm.h>
#include <string.h>

/* ---- sets ---- */

#define NONE UINT64_MAX

static uint64_t words_for(uint64_t count)
{
    return (count + 63) / 64;
}

/* Words of all levels of a set. */
static uint64_t set_words(uint64_t count)
{
    uint64_t words = 0;
    for (unsigned level = 0; level < MM_SET_LEVELS; level++) {
        count = words_for(count);
        words += count;
    }
    return words;
}

/* An empty set in `memory`; returns what lies behind it. */
static uint64_t *set_init(struct mm_set *set, uint64_t count, uint64_t *memory)
{
    set->count = count;
    for (unsigned level = 0; level < MM_SET_LEVELS; level++) {
        count = words_for(count);
        set->level[level] = memory;
        memory += count;
    }
    assert(count <= 1);
    return memory;
}

static bool set_has(const struct mm_set *set, uint64_t number)
{
    return number < set->count && (set->level[0][number / 64] >> (number % 64) & 1);
}

static void set_insert(struct mm_set *set, uint64_t number)
{
    assert(number < set->count && !set_has(set, number));
    for (unsigned level = 0; level < MM_SET_LEVELS; level++) {
        set->level[level][number / 64] |= 1ull << (number % 64);
        number /= 64;
    }
}

static void set_remove(struct mm_set *set, uint64_t number)
{
    assert(set_has(set, number));
    for (unsigned level = 0; level < MM_SET_LEVELS; level++) {
        uint64_t *word = &set->level[level][number / 64];
        *word &= ~(1ull << (number % 64));
        if (*word != 0)
            break;
        number /= 64;
    }
}

/* The first number of the set from `number` on, or NONE. */
static uint64_t set_next(const struct mm_set *set, uint64_t number)
{
    uint64_t count = set->count;
    unsigned level = 0;
    for (;;) { /* up, until a word has a bit at or behind `number` */
        if (level == MM_SET_LEVELS || number >= count)
            return NONE;
        uint64_t rest = set->level[level][number / 64] >> (number % 64);
        if (rest != 0) {
            number += (uint64_t)__builtin_ctzll(rest);
            break;
        }
        number = number / 64 + 1;
        count = words_for(count);
        level++;
    }
    for (; level > 0; level--) /* and down, each time to the first bit */
        number = number * 64 + (uint64_t)__builtin_ctzll(set->level[level - 1][number]);
    return number;
}

/* ---- blocks ---- */

static gensize_t size_of(unsigned bits)
{
    return (gensize_t)1 << bits;
}

/* The free blocks of a region of 2^bits bytes. */
static struct mm_set *blocks(struct mm_region *region, unsigned bits)
{
    return &region->free[bits - MM_MIN_BITS];
}

static uint64_t number_of(const struct mm_region *region, genpaddr_t address, unsigned bits)
{
    return (address >> bits) - (region->base >> bits);
}

static genpaddr_t address_of(const struct mm_region *region, uint64_t number, unsigned bits)
{
    return ((region->base >> bits) + number) << bits;
}

static void block_insert(struct mm *mm, struct mm_region *region, genpaddr_t base, unsigned bits)
{
    set_insert(blocks(region, bits), number_of(region, base, bits));
    mm->free_bytes += size_of(bits);
}

static void block_remove(struct mm *mm, struct mm_region *region, genpaddr_t base, unsigned bits)
{
    set_remove(blocks(region, bits), number_of(region, base, bits));
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

void mm_init(struct mm *mm)
{
    *mm = (struct mm){ .region_count = 0 };
}

/* Places for blocks of a size in a region, the ones at its edges that are not whole included. */
static uint64_t places(genpaddr_t base, gensize_t bytes, unsigned bits)
{
    return ((base + bytes - 1) >> bits) - (base >> bits) + 1;
}

size_t mm_bookkeeping_bytes(genpaddr_t base, gensize_t bytes)
{
    uint64_t words = 0;
    for (unsigned bits = MM_MIN_BITS; bits <= MM_MAX_BITS; bits++)
        words += set_words(places(base, bytes, bits));
    return words * sizeof(uint64_t);
}

static errval_t check_add(const struct mm *mm, genpaddr_t cap_base, genpaddr_t base,
                          gensize_t bytes)
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
    return mm->region_count < MM_MAX_REGIONS ? SYS_ERR_OK : MM_ERR_MM_ADD;
}

errval_t mm_add(struct mm *mm, genpaddr_t cap_base, genpaddr_t base, gensize_t bytes,
                void *bookkeeping, unsigned *ret_region)
{
    errval_t err = check_add(mm, cap_base, base, bytes);
    if (err_is_fail(err))
        return err;
    *ret_region = mm->region_count++;
    struct mm_region *region = &mm->region[*ret_region];
    *region = (struct mm_region){ .base = base, .bytes = bytes, .cap_base = cap_base };
    uint64_t *memory = bookkeeping;
    memset(memory, 0, mm_bookkeeping_bytes(base, bytes));
    for (unsigned bits = MM_MIN_BITS; bits <= MM_MAX_BITS; bits++)
        memory = set_init(blocks(region, bits), places(base, bytes, bits), memory);

    mm->total_bytes += bytes;
    while (bytes > 0) {
        unsigned bits = MM_MIN_BITS;
        while (bits < MM_MAX_BITS && (base & (size_of(bits + 1) - 1)) == 0 &&
               size_of(bits + 1) <= bytes)
            bits++;
        block_insert(mm, region, base, bits);
        base += size_of(bits);
        bytes -= size_of(bits);
    }
    return SYS_ERR_OK;
}

/* The first free block of 2^block_bits in a region that holds one of 2^bits within the limits;
 * false: there is none.  Only the two blocks in which the limits lie can be free and yet not
 * fit. */
static bool find_in_region(const struct mm_region *region, unsigned block_bits, unsigned bits,
                           genpaddr_t minbase, genpaddr_t maxlimit, genpaddr_t *block,
                           genpaddr_t *ret)
{
    const struct mm_set *set = &region->free[block_bits - MM_MIN_BITS];
    uint64_t from = minbase > region->base ? number_of(region, minbase, block_bits) : 0;
    for (uint64_t number = set_next(set, from); number != NONE;
         number = set_next(set, number + 1)) {
        *block = address_of(region, number, block_bits);
        if (maxlimit != 0 && *block >= maxlimit)
            return false;
        if (fit(*block, block_bits, bits, minbase, maxlimit, ret))
            return true;
    }
    return false;
}

static bool has_block(const struct mm *mm, unsigned bits)
{
    for (unsigned i = 0; i < mm->region_count; i++)
        for (unsigned b = bits; b <= MM_MAX_BITS; b++)
            if (set_next(&mm->region[i].free[b - MM_MIN_BITS], 0) != NONE)
                return true;
    return false;
}

/* Takes `base`, of 2^bits, out of a free block: the other halves on the way down stay free. */
static void split(struct mm *mm, struct mm_region *region, genpaddr_t block, unsigned block_bits,
                  genpaddr_t base, unsigned bits)
{
    block_remove(mm, region, block, block_bits);
    while (block_bits > bits) {
        block_bits--;
        genpaddr_t upper = block + size_of(block_bits);
        block_insert(mm, region, base >= upper ? block : upper, block_bits);
        if (base >= upper)
            block = upper;
    }
    assert(block == base);
}

errval_t mm_alloc(struct mm *mm, unsigned bits, genpaddr_t minbase, genpaddr_t maxlimit,
                  struct mm_block *ret)
{
    if (bits < MM_MIN_BITS || bits > MM_MAX_BITS)
        return MM_ERR_ALIGN;
    for (unsigned block_bits = bits; block_bits <= MM_MAX_BITS; block_bits++)
        for (unsigned i = 0; i < mm->region_count; i++) {
            struct mm_region *region = &mm->region[i];
            genpaddr_t block, base;
            if (!find_in_region(region, block_bits, bits, minbase, maxlimit, &block, &base))
                continue;
            split(mm, region, block, block_bits, base, bits);
            *ret =
                (struct mm_block){ .base = base, .region = i, .offset = base - region->cap_base };
            return SYS_ERR_OK;
        }
    return has_block(mm, bits) ? MM_ERR_OUT_OF_BOUNDS : MM_ERR_NOT_FOUND;
}

/* Whether any part of base .. base + 2^bits is free. */
static bool is_partly_free(const struct mm_region *region, genpaddr_t base, unsigned bits)
{
    for (unsigned b = MM_MIN_BITS; b <= MM_MAX_BITS; b++) {
        const struct mm_set *set = &region->free[b - MM_MIN_BITS];
        uint64_t first = number_of(region, base, b);
        uint64_t last = number_of(region, base + size_of(bits) - 1, b);
        uint64_t found = set_next(set, first);
        if (found != NONE && found <= last)
            return true;
    }
    return false;
}

unsigned mm_region_of(const struct mm *mm, genpaddr_t address)
{
    unsigned i = 0;
    while (i < mm->region_count &&
           (address < mm->region[i].base || address - mm->region[i].base >= mm->region[i].bytes))
        i++;
    return i;
}

/* The region in which all of it lies, or mm->region_count. */
static unsigned region_around(const struct mm *mm, genpaddr_t base, gensize_t bytes)
{
    const unsigned number = mm_region_of(mm, base);
    const struct mm_region *region = &mm->region[number];
    const bool fits = number < mm->region_count && bytes <= region->bytes - (base - region->base);
    return fits ? number : mm->region_count;
}

errval_t mm_free(struct mm *mm, genpaddr_t base, unsigned bits)
{
    if (bits < MM_MIN_BITS || bits > MM_MAX_BITS || (base & (size_of(bits) - 1)) != 0)
        return MM_ERR_ALIGN;
    const unsigned number = region_around(mm, base, size_of(bits));
    struct mm_region *region = &mm->region[number];
    if (number == mm->region_count || is_partly_free(region, base, bits))
        return MM_ERR_OUT_OF_BOUNDS;
    for (; bits < MM_MAX_BITS; bits++) { /* join with the buddy while that is free */
        genpaddr_t buddy = base ^ size_of(bits);
        if (buddy < region->base || !set_has(blocks(region, bits), number_of(region, buddy, bits)))
            break;
        block_remove(mm, region, buddy, bits);
        base &= ~size_of(bits);
    }
    block_insert(mm, region, base, bits);
    return SYS_ERR_OK;
}

bool mm_is_free(const struct mm *mm, genpaddr_t base, unsigned bits)
{
    const unsigned number = region_around(mm, base, size_of(bits));
    const struct mm_region *region = &mm->region[number];
    assert(number < mm->region_count);
    for (; bits <= MM_MAX_BITS; bits++) /* it is one free block, or lies in one */
        if (set_has(&region->free[bits - MM_MIN_BITS], number_of(region, base, bits)))
            return true;
    return false;
}

static gensize_t free_bytes_of(const struct mm_region *region)
{
    gensize_t bytes = 0;
    for (unsigned bits = MM_MIN_BITS; bits <= MM_MAX_BITS; bits++) {
        const struct mm_set *set = &region->free[bits - MM_MIN_BITS];
        for (uint64_t n = set_next(set, 0); n != NONE; n = set_next(set, n + 1))
            bytes += size_of(bits);
    }
    return bytes;
}

void mm_remove(struct mm *mm, unsigned region)
{
    const gensize_t bytes = mm->region[region].bytes;
    assert(region < mm->region_count && free_bytes_of(&mm->region[region]) == bytes);
    mm->total_bytes -= bytes;
    mm->free_bytes -= bytes;
    mm->region[region] = mm->region[--mm->region_count];
}

unsigned mm_largest_bits(const struct mm *mm)
{
    for (unsigned bits = MM_MAX_BITS; bits >= MM_MIN_BITS; bits--)
        if (has_block(mm, bits))
            return bits;
    return 0;
}
