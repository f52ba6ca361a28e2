/* SPDX-License-Identifier: MIT
 *
 * The memory manager against a naive model: a byte for each page.
 */
/* link: guest/user/lib/mm/mm.c */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <mm/mm.h>

#define PAGE 4096ull

static struct mm mm;
static void *bookkeeping[MM_MAX_REGIONS];

static void fresh(void)
{
    for (unsigned i = 0; i < MM_MAX_REGIONS; i++) {
        free(bookkeeping[i]);
        bookkeeping[i] = NULL;
    }
    mm_init(&mm);
}

/* Just as many bytes as are asked for, so that the sanitizer sees one too many. */
static errval_t try_add(genpaddr_t cap_base, genpaddr_t base, gensize_t bytes)
{
    bool possible = bytes > 0 && bytes < 1ull << 40;
    void *memory = malloc(possible ? mm_bookkeeping_bytes(base, bytes) : 8);
    unsigned region;
    errval_t err = mm_add(&mm, cap_base, base, bytes, memory, &region);
    if (err_is_ok(err))
        bookkeeping[region] = memory;
    else
        free(memory);
    return err;
}

static void add(genpaddr_t base, gensize_t bytes)
{
    cr_assert_eq(try_add(base, base, bytes), SYS_ERR_OK);
}

TestSuite(mm, .init = fresh, .fini = fresh);

Test(mm, a_region_that_is_free_can_be_taken_out)
{
    struct mm_block block;
    add(0x100000, 0x100000);
    add(0x400000, 0x200000);
    add(0x800000, 0x100000);
    cr_assert_eq(mm_alloc(&mm, 21, 0, 0, &block), SYS_ERR_OK);
    cr_assert(!mm_is_free(&mm, 0x400000, 21));
    cr_assert(mm_is_free(&mm, 0x100000, 20));
    cr_assert(mm_is_free(&mm, 0x180000, 12));
    mm_remove(&mm, 0);
    bookkeeping[0] = (free(bookkeeping[0]), bookkeeping[2]);
    bookkeeping[2] = NULL;
    cr_assert_eq(mm.region_count, 2);
    cr_assert_eq(mm.region[0].base, 0x800000);
    cr_assert_eq(mm.total_bytes, 0x300000);
    cr_assert_eq(mm.free_bytes, 0x100000);
    cr_assert_eq(mm_free(&mm, block.base, 21), SYS_ERR_OK);
    cr_assert(mm_is_free(&mm, 0x500000, 20));
    add(0x100000, 0x100000); /* it may come again */
    cr_assert_eq(mm_alloc(&mm, 20, 0x100000, 0x200000, &block), SYS_ERR_OK);
    cr_assert_eq(block.region, 2);
}

Test(mm, allocation_splits_and_free_joins)
{
    add(0x100000, 0x100000);
    cr_assert_eq(mm_largest_bits(&mm), 20);
    struct mm_block block;
    cr_assert_eq(mm_alloc(&mm, 12, 0, 0, &block), SYS_ERR_OK);
    cr_assert_eq(block.base, 0x100000);
    cr_assert_eq(block.offset, 0);
    cr_assert_eq(mm_largest_bits(&mm), 19);
    cr_assert_eq(mm.free_bytes, 0x100000 - PAGE);
    cr_assert_eq(mm_free(&mm, block.base, 12), SYS_ERR_OK);
    cr_assert_eq(mm_largest_bits(&mm), 20);
}

Test(mm, offset_counts_from_the_start_of_the_capability)
{
    cr_assert_eq(try_add(0x200000, 0x203000, 0x5000), SYS_ERR_OK);
    struct mm_block block;
    cr_assert_eq(mm_alloc(&mm, 14, 0, 0, &block), SYS_ERR_OK);
    cr_assert_eq(block.base, 0x204000);
    cr_assert_eq(block.offset, 0x4000);
}

Test(mm, blocks_are_naturally_aligned_within_odd_regions)
{
    add(0x3000, 0x21000);
    struct mm_block block;
    cr_assert_eq(mm_alloc(&mm, 16, 0, 0, &block), SYS_ERR_OK);
    cr_assert_eq(block.base, 0x10000);
    cr_assert_eq(mm_alloc(&mm, 16, 0, 0, &block), MM_ERR_NOT_FOUND);
    cr_assert_eq(mm_alloc(&mm, 15, 0, 0, &block), SYS_ERR_OK);
    cr_assert_eq(block.base, 0x8000);
}

Test(mm, limits_are_kept)
{
    add(0, 0x1000000);
    struct mm_block block;
    cr_assert_eq(mm_alloc(&mm, 16, 0x800001, 0x900000, &block), SYS_ERR_OK);
    cr_assert_eq(block.base, 0x810000);
    cr_assert_eq(mm_alloc(&mm, 16, 0x2000000, 0, &block), MM_ERR_OUT_OF_BOUNDS);
    cr_assert_eq(mm_alloc(&mm, 16, 0, 0x8000, &block), MM_ERR_OUT_OF_BOUNDS);
    cr_assert_eq(mm_alloc(&mm, 16, UINT64_MAX - 3, 0, &block), MM_ERR_OUT_OF_BOUNDS);
    cr_assert_eq(mm.free_bytes, 0x1000000 - 0x10000);
}

Test(mm, wrong_arguments_change_nothing)
{
    struct mm_block block;
    cr_assert_eq(try_add(0x800, 0x1000, 0x1000), MM_ERR_ALIGN);
    cr_assert_eq(try_add(0x2000, 0x1000, 0x1000), MM_ERR_OUT_OF_BOUNDS);
    cr_assert_eq(try_add(0, 0, 0), MM_ERR_ALIGN);
    cr_assert_eq(try_add(0, 0x1000, UINT64_MAX & ~0xfffull), MM_ERR_OUT_OF_BOUNDS);
    add(0x100000, 0x10000);
    cr_assert_eq(try_add(0x10f000, 0x10f000, 0x2000), MM_ERR_OUT_OF_BOUNDS);
    cr_assert_eq(mm_alloc(&mm, 11, 0, 0, &block), MM_ERR_ALIGN);
    cr_assert_eq(mm_alloc(&mm, MM_MAX_BITS + 1, 0, 0, &block), MM_ERR_ALIGN);
    cr_assert_eq(mm_free(&mm, 0x100000, 12), MM_ERR_OUT_OF_BOUNDS, "free already");
    cr_assert_eq(mm_free(&mm, 0x120000, 12), MM_ERR_OUT_OF_BOUNDS, "not ours");
    cr_assert_eq(mm_free(&mm, 0x101000, 13), MM_ERR_ALIGN);
    cr_assert_eq(mm.free_bytes, 0x10000);
    cr_assert_eq(mm.total_bytes, 0x10000);
}

Test(mm, neighbouring_regions_are_never_joined)
{
    add(0x100000, 0x10000);
    add(0x110000, 0x10000);
    struct mm_block block;
    cr_assert_eq(mm_alloc(&mm, 17, 0, 0, &block), MM_ERR_NOT_FOUND);
    cr_assert_eq(mm_alloc(&mm, 16, 0, 0, &block), SYS_ERR_OK);
    cr_assert_eq(mm_free(&mm, block.base, 16), SYS_ERR_OK);
    cr_assert_eq(mm_largest_bits(&mm), 16);
}

Test(mm, a_block_may_come_back_in_parts)
{
    add(0x100000, 0x10000);
    struct mm_block block;
    cr_assert_eq(mm_alloc(&mm, 16, 0, 0, &block), SYS_ERR_OK);
    for (unsigned i = 0; i < 16; i++)
        cr_assert_eq(mm_free(&mm, block.base + i * PAGE, 12), SYS_ERR_OK);
    cr_assert_eq(mm_largest_bits(&mm), 16);
}

/* As badly cut up as memory can be; then all of it comes back, in any order. */
Test(mm, freeing_needs_no_memory_and_large_blocks_come_back)
{
    enum { PAGES = 1 << 14 };
    static genpaddr_t page[PAGES];
    struct mm_block block;
    add(0, PAGES * PAGE);
    for (unsigned i = 0; i < PAGES; i++) {
        cr_assert_eq(mm_alloc(&mm, 12, 0, 0, &block), SYS_ERR_OK);
        page[i] = block.base;
    }
    cr_assert_eq(mm_alloc(&mm, 12, 0, 0, &block), MM_ERR_NOT_FOUND);
    for (unsigned i = 0; i < PAGES; i += 2) /* every other page: nothing joins */
        cr_assert_eq(mm_free(&mm, page[i], 12), SYS_ERR_OK);
    cr_assert_eq(mm.free_bytes, PAGES / 2 * PAGE);
    cr_assert_eq(mm_alloc(&mm, 13, 0, 0, &block), MM_ERR_NOT_FOUND);
    for (unsigned i = PAGES; i-- > 0;)
        if (i % 2 != 0)
            cr_assert_eq(mm_free(&mm, page[i], 12), SYS_ERR_OK);
    cr_assert_eq(mm_alloc(&mm, 26, 0, 0, &block), SYS_ERR_OK);
    cr_assert_eq(mm.free_bytes, 0);
}

Test(mm, bookkeeping_is_a_small_part_of_the_memory)
{
    cr_assert_lt(mm_bookkeeping_bytes(0, 1ull << 35), (1ull << 35) / 15000);
    cr_assert_lt(mm_bookkeeping_bytes(0x3000, 1ull << 28), (1ull << 28) / 10000);
    add(1ull << 34, 1ull << 34); /* the upper end of the machine */
    struct mm_block block;
    cr_assert_eq(mm_alloc(&mm, 12, (1ull << 35) - PAGE, 0, &block), SYS_ERR_OK);
    cr_assert_eq(block.base, (1ull << 35) - PAGE);
    cr_assert_eq(mm_alloc(&mm, 12, (1ull << 35) - PAGE, 0, &block), MM_ERR_OUT_OF_BOUNDS);
    cr_assert_eq(mm_free(&mm, (1ull << 35) - PAGE, 12), SYS_ERR_OK);
    cr_assert_eq(mm_largest_bits(&mm), 34);
}

/* Three regions with odd edges; random operations against one byte for each page. */
Test(mm, agrees_with_a_naive_model)
{
    enum { PAGES = 256, STEPS = 200000 };
    static const struct {
        unsigned first, count;
    } part[] = { { 3, 61 }, { 64, 100 }, { 170, 86 } };
    static uint8_t taken[PAGES], known[PAGES];
    static struct {
        genpaddr_t base;
        unsigned bits;
    } held[PAGES];
    unsigned held_count = 0;
    for (unsigned p = 0; p < 3; p++) {
        add(part[p].first * PAGE, part[p].count * PAGE);
        memset(known + part[p].first, 1, part[p].count);
    }
    srand(4711);
    for (unsigned step = 0; step < STEPS; step++) {
        if (rand() % 2 != 0 || held_count == 0) {
            unsigned bits = 12 + (unsigned)rand() % 6;
            genpaddr_t low = (unsigned)rand() % 4 == 0 ? (unsigned)rand() % PAGES * PAGE : 0;
            struct mm_block block;
            errval_t err = mm_alloc(&mm, bits, low, 0, &block);
            unsigned pages = 1u << (bits - 12);
            bool exists = false; /* a free aligned run inside one region? */
            for (unsigned p = 0; p < 3; p++)
                for (unsigned at = 0; at + pages <= PAGES; at += pages) {
                    bool free_run = at >= part[p].first &&
                                    at + pages <= part[p].first + part[p].count && at * PAGE >= low;
                    for (unsigned i = at; free_run && i < at + pages; i++)
                        free_run = taken[i] == 0;
                    exists = exists || free_run;
                }
            cr_assert_eq(err_is_ok(err), exists, "step %u bits %u", step, bits);
            if (err_is_fail(err))
                continue;
            cr_assert_eq(block.base % (PAGE * pages), 0);
            cr_assert_geq(block.base, low);
            for (unsigned i = 0; i < pages; i++) {
                cr_assert(known[block.base / PAGE + i]);
                cr_assert_eq(taken[block.base / PAGE + i], 0, "given out twice");
                taken[block.base / PAGE + i] = 1;
            }
            held[held_count].base = block.base;
            held[held_count++].bits = bits;
        } else {
            unsigned which = (unsigned)rand() % held_count;
            cr_assert_eq(mm_free(&mm, held[which].base, held[which].bits), SYS_ERR_OK);
            memset(taken + held[which].base / PAGE, 0, 1u << (held[which].bits - 12));
            held[which] = held[--held_count];
        }
        gensize_t free_pages = 0;
        for (unsigned i = 0; i < PAGES; i++)
            free_pages += known[i] && !taken[i];
        cr_assert_eq(mm.free_bytes, free_pages * PAGE);
    }
}
