/* SPDX-License-Identifier: MIT
 *
 * What a caller of page tables must not do is noticed before anything is mapped or given back.  How
 * they work with a kernel below them is seen in test_vspace.
 */
#include <criterion/criterion.h>
#include <signal.h>

#include "../../guest/user/lib/barrelfish/memory/page_tables.c"

/* Nothing gets as far as these. */
errval_t slot_alloc(struct capref *ret)
{
    *ret = NULL_CAP;
    return LIB_ERR_SLOT_ALLOC_NO_SPACE;
}

errval_t slot_free(struct capref cap)
{
    (void)cap;
    return SYS_ERR_OK;
}

errval_t cap_destroy(struct capref cap)
{
    (void)cap;
    return SYS_ERR_OK;
}

errval_t cap_identify_mappable(struct capref cap, struct frame_identity *ret)
{
    (void)cap, (void)ret;
    return SYS_ERR_CAP_NOT_FOUND;
}

errval_t vnode_create(struct capref dest, enum objtype type)
{
    (void)dest, (void)type;
    return SYS_ERR_CAP_NOT_FOUND;
}

struct sysret sys_invoke_raw(uint64_t rsi, uint64_t rdx, const uintptr_t *words)
{
    (void)rsi, (void)rdx, (void)words;
    return SYSRET(SYS_ERR_OK);
}

static union node nodes[4];
static struct page_tables tables;

static void put_nodes_aside(void)
{
    tables = (struct page_tables){ .root.level = 3 };
    for (unsigned i = 0; i < 4; i++)
        page_node_free(&tables, &nodes[i]);
}

TestSuite(page_tables, .init = put_nodes_aside);

Test(page_tables, nothing_stays_of_a_region_that_cannot_be_mapped)
{
    struct region region = { .base = 1ull << 40, .bytes = BASE_PAGE_SIZE };

    cr_assert_eq(err_no(page_tables_map(&tables, &region, BASE_PAGE_SIZE)),
                 LIB_ERR_PMAP_ALLOC_VNODE);
    cr_assert(region.pieces == NULL && tables.root.child == NULL && tables.free_node_count == 4);
}

Test(page_tables, more_nodes_than_were_put_aside_are_not_given, .signal = SIGABRT)
{
    for (unsigned i = 0; i <= 4; i++)
        page_node_alloc(&tables);
}

Test(page_tables, a_region_that_is_mapped_is_not_mapped_again, .signal = SIGABRT)
{
    struct piece piece = { .bytes = BASE_PAGE_SIZE };
    struct region region = { .base = 1ull << 40, .bytes = BASE_PAGE_SIZE, .pieces = &piece };

    page_tables_map(&tables, &region, BASE_PAGE_SIZE);
}

Test(page_tables, a_region_lies_on_whole_pages, .signal = SIGABRT)
{
    struct region region = { .base = (1ull << 40) + BASE_PAGE_SIZE, .bytes = LARGE_PAGE_SIZE };

    page_tables_map(&tables, &region, LARGE_PAGE_SIZE);
}

/* Its table may have been given back, and be somebody else's. */
Test(page_tables, a_piece_is_not_taken_out_of_an_empty_table, .signal = SIGABRT)
{
    struct table table = { .parent = &tables.root };
    struct piece *piece = page_node_alloc(&tables);
    struct region region = { .pieces = piece };

    piece->table = &table;
    page_tables_unmap(&tables, &region);
}

/* A table that is empty by its count, below which there still is one. */
Test(page_tables, a_table_above_another_does_not_go, .signal = SIGABRT)
{
    struct table *upper = page_node_alloc(&tables), *lower = page_node_alloc(&tables);
    struct region region = { .base = 1ull << 40, .bytes = LARGE_PAGE_SIZE };

    upper->parent = &tables.root;
    upper->child = lower;
    lower->parent = upper;
    tables.root.child = tables.spare = upper;
    tables.root.used = 1;
    page_tables_map(&tables, &region, LARGE_PAGE_SIZE);
}
