/* SPDX-License-Identifier: MIT
 *
 * Mapping database: range queries, copies, ancestors and descendants, case by case.
 */
#include "test_mdb_fixture.h"

TestSuite(mdb_queries, .init = clear, .timeout = 60);

/* --- range queries ----------------------------------------------------------------------------- */

/* Range queries in units of pages; the slot found, -1 for none. */
static int found_slot;

static enum mdb_range ask(uint64_t first_page, uint64_t pages, enum mdb_range precision)
{
    struct cte *found = &slot[0];
    enum mdb_range answer =
        mdb_find_range(&db, ROOT, first_page * PAGE, pages * PAGE, precision, &found);
    found_slot = found != NULL ? (int)(found - slot) : -1;
    return answer;
}

#define CHECK_RANGE(first_page, pages, expected, expected_slot)                  \
    do {                                                                         \
        cr_assert(eq(int, ask(first_page, pages, MDB_RANGE_PARTIAL), expected)); \
        cr_assert(eq(int, found_slot, expected_slot));                           \
    } while (0)

/* RAM of pages 0-15, in it RAM of pages 4-11, in that a frame of pages 4-7 and one of 8-9. */
static void build_ranges(void)
{
    enter(0, memory(ObjType_RAM, 0, 16 * PAGE));
    enter(1, memory(ObjType_RAM, 4 * PAGE, 8 * PAGE));
    enter(2, memory(ObjType_Frame, 4 * PAGE, 4 * PAGE));
    enter(3, memory(ObjType_Frame, 8 * PAGE, 2 * PAGE));
    check(4);
}

Test(mdb_queries, range_not_found_beside_all_capabilities)
{
    enter(0, memory(ObjType_RAM, 4 * PAGE, 4 * PAGE));
    CHECK_RANGE(0, 4, MDB_RANGE_NOT_FOUND, -1);
    CHECK_RANGE(8, 1, MDB_RANGE_NOT_FOUND, -1);
    CHECK_RANGE(100, 100, MDB_RANGE_NOT_FOUND, -1);
}

Test(mdb_queries, range_surrounding_finds_the_innermost)
{
    build_ranges();
    CHECK_RANGE(0, 1, MDB_RANGE_SURROUNDING, 0);
    CHECK_RANGE(1, 3, MDB_RANGE_SURROUNDING, 0);
    CHECK_RANGE(5, 2, MDB_RANGE_SURROUNDING, 2);
    CHECK_RANGE(4, 4, MDB_RANGE_SURROUNDING, 2);
    CHECK_RANGE(9, 1, MDB_RANGE_SURROUNDING, 3);
    CHECK_RANGE(10, 2, MDB_RANGE_SURROUNDING, 1);
    CHECK_RANGE(12, 4, MDB_RANGE_SURROUNDING, 0);
}

Test(mdb_queries, range_surrounding_finds_the_last_derived_of_equal_ranges)
{
    enter(0, memory(ObjType_Frame, 0, PAGE));
    enter(1, memory(ObjType_RAM, 0, PAGE));
    enter(2, memory(ObjType_PhysAddr, 0, 4 * PAGE));
    CHECK_RANGE(0, 1, MDB_RANGE_SURROUNDING, 0);
}

Test(mdb_queries, range_inner_finds_the_first)
{
    build_ranges();
    CHECK_RANGE(4, 8, MDB_RANGE_INNER, 2);  /* equal to slot 1, which hides nothing */
    CHECK_RANGE(0, 16, MDB_RANGE_INNER, 1); /* equal to slot 0 */
    CHECK_RANGE(3, 9, MDB_RANGE_INNER, 1);
    CHECK_RANGE(8, 4, MDB_RANGE_INNER, 3);
    CHECK_RANGE(0, 100, MDB_RANGE_INNER, 0);
}

Test(mdb_queries, range_partial_at_either_end)
{
    build_ranges();
    CHECK_RANGE(6, 4, MDB_RANGE_PARTIAL, 2); /* reaches out of slot 2, holds slot 3 */
    CHECK_RANGE(15, 2, MDB_RANGE_PARTIAL, 0);
    cr_assert(eq(int, ask(2, 4, MDB_RANGE_PARTIAL), MDB_RANGE_PARTIAL)); /* ends in slots 1 and 2 */
    CHECK_RANGE(4, 5, MDB_RANGE_PARTIAL, 3); /* holds slot 2, ends in slot 3 */
}

Test(mdb_queries, ranges_that_only_touch_do_not_overlap)
{
    enter(0, memory(ObjType_Frame, 2 * PAGE, 2 * PAGE));
    enter(1, memory(ObjType_Frame, 6 * PAGE, 2 * PAGE));
    CHECK_RANGE(4, 2, MDB_RANGE_NOT_FOUND, -1);
    CHECK_RANGE(4, 4, MDB_RANGE_INNER, 1);
    CHECK_RANGE(3, 3, MDB_RANGE_PARTIAL, 0);
}

Test(mdb_queries, a_range_query_sees_one_type_root_only)
{
    enter(0, memory(ObjType_RAM, 0, PAGE));
    enter(1, words(ObjType_ID, 0, 0));
    struct cte *found = &slot[0];
    cr_assert(eq(int, mdb_find_range(&db, ObjType_IO, 0, PAGE, MDB_RANGE_PARTIAL, &found),
                 MDB_RANGE_NOT_FOUND));
    cr_assert(eq(ptr, found, NULL));
    cr_assert(eq(ptr, mdb_find_cap_for_address(&db, ObjType_IO, 0), NULL));
}

Test(mdb_queries, a_capability_without_a_range_lies_in_none)
{
    enter(0, words(ObjType_ID, 0, 0));
    enter(1, words(ObjType_ID, 0, 1));
    cr_assert(eq(int, mdb_find_range(&db, ObjType_ID, 0, PAGE, MDB_RANGE_PARTIAL, NULL),
                 MDB_RANGE_NOT_FOUND));
}

Test(mdb_queries, a_precision_limit_ends_the_search)
{
    build_ranges();
    cr_assert(eq(int, ask(4, 8, MDB_RANGE_SURROUNDING), MDB_RANGE_SURROUNDING));
    cr_assert(eq(int, ask(4, 8, MDB_RANGE_INNER), MDB_RANGE_INNER));
    /* Pages 3-8: slot 2 is inner, slot 1 and 3 partial; the first one found is slot 1. */
    cr_assert(ge(int, ask(3, 6, MDB_RANGE_INNER), MDB_RANGE_INNER));
    cr_assert(eq(int, ask(3, 6, MDB_RANGE_PARTIAL), MDB_RANGE_PARTIAL));
    cr_assert(eq(int, ask(3, 6, MDB_RANGE_SURROUNDING), MDB_RANGE_SURROUNDING));
}

/* The rule of retype: nothing in the way but copies of the source around the range. */
static bool may_retype(const struct cte *source, uint64_t first_page, uint64_t pages)
{
    struct cte *found;
    enum mdb_range answer = mdb_find_range(&db, cap_type_root(source->cap.type), first_page * PAGE,
                                           pages * PAGE, MDB_RANGE_INNER, &found);
    return answer == MDB_RANGE_SURROUNDING && cap_is_copy(&found->cap, &source->cap);
}

Test(mdb_queries, parts_of_a_capability_can_be_retyped_one_after_the_other)
{
    struct cte *ram = enter(0, memory(ObjType_RAM, 0, 64 * PAGE));
    enter(63, ram->cap);
    for (unsigned i = 0; i < 8; i++) {
        cr_assert(may_retype(ram, i * 8, 8));
        enter(1 + i, memory(ObjType_Frame, i * 8 * PAGE, 8 * PAGE));
        cr_assert(not(may_retype(ram, i * 8, 8)));
        cr_assert(not(may_retype(ram, 0, 64)));
        cr_assert(not(may_retype(ram, i * 8 + 4, 8)));
    }
    cr_assert(may_retype(&slot[3], 17, 2));
    cr_assert(eq(int, mdb_remove(&db, &slot[3]), MDB_OK));
    cr_assert(may_retype(ram, 16, 8));
    cr_assert(not(may_retype(ram, 16, 9)));
    cr_assert(not(may_retype(ram, 15, 8)));
    check(9);
}

Test(mdb_queries, the_smallest_capability_around_an_address)
{
    build_ranges();
    static const struct {
        uint64_t address;
        int slot;
    } cases[] = { { 0, 0 },         { 4 * PAGE - 1, 0 }, { 4 * PAGE, 2 },  { 8 * PAGE - 1, 2 },
                  { 8 * PAGE, 3 },  { 10 * PAGE, 1 },    { 12 * PAGE, 0 }, { 16 * PAGE - 1, 0 },
                  { 16 * PAGE, -1 } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct cte *found = mdb_find_cap_for_address(&db, ROOT, cases[i].address);
        cr_assert(eq(int, found != NULL ? (int)(found - slot) : -1, cases[i].slot), "case %zu", i);
    }
}

/* --- copies and relations ---------------------------------------------------------------------- */

Test(mdb_queries, a_copy_is_another_slot_with_the_same_object)
{
    struct capability frame = memory(ObjType_Frame, 0, PAGE);
    enter(0, frame);
    enter(1, memory(ObjType_RAM, 0, PAGE));
    enter(2, memory(ObjType_Frame, 0, 2 * PAGE));
    cr_assert(not(mdb_has_copies(&db, &slot[0])));
    frame.rights = CAPRIGHTS_READ;
    enter(3, frame);
    cr_assert(eq(ptr, mdb_find_copy(&db, &slot[0]), &slot[3]));
    cr_assert(eq(ptr, mdb_find_copy(&db, &slot[3]), &slot[0]));
    cr_assert(not(mdb_has_copies(&db, &slot[1])));
    cr_assert(eq(ptr, mdb_find_equal(&db, &frame), &slot[0]));
    cr_assert(eq(int, mdb_remove(&db, &slot[0]), MDB_OK));
    cr_assert(not(mdb_has_copies(&db, &slot[3])));
    cr_assert(eq(ptr, mdb_find_equal(&db, &frame), &slot[3]));
}

Test(mdb_queries, a_copy_is_found_wherever_it_lies_in_the_tree)
{
    struct capability frame = memory(ObjType_Frame, 100 * PAGE, PAGE);
    for (unsigned i = 0; i < 200; i++)
        enter(i, memory(ObjType_Frame, i * PAGE, PAGE));
    enter(300, frame);
    check(201);
    for (unsigned i = 0; i < 200; i++)
        cr_assert(eq(int, mdb_has_copies(&db, &slot[i]), i == 100), "slot %u", i);
}

Test(mdb_queries, capabilities_of_always_copy_types_are_copies)
{
    enter(0, words(ObjType_Kernel, 0, 0));
    enter(1, words(ObjType_Kernel, 0, 0));
    enter(2, words(ObjType_IPI, 0, 0));
    cr_assert(mdb_has_copies(&db, &slot[0]));
    cr_assert(not(mdb_has_copies(&db, &slot[2])));
    check(3);
}

Test(mdb_queries, greater_and_less_skip_copies_unless_equal_is_asked_for)
{
    struct capability frame = memory(ObjType_Frame, 4 * PAGE, PAGE);
    enter(0, memory(ObjType_Frame, 0, PAGE));
    enter(1, frame);
    enter(2, frame);
    enter(3, memory(ObjType_Frame, 8 * PAGE, PAGE));
    cr_assert(eq(ptr, mdb_find_greater(&db, &frame, false), &slot[3]));
    cr_assert(eq(ptr, mdb_find_greater(&db, &frame, true), &slot[1]));
    cr_assert(eq(ptr, mdb_find_less(&db, &frame, false), &slot[0]));
    cr_assert(eq(ptr, mdb_find_less(&db, &frame, true), &slot[2]));
    struct capability absent = memory(ObjType_Frame, 6 * PAGE, PAGE);
    cr_assert(eq(ptr, mdb_find_greater(&db, &absent, true), &slot[3]));
    cr_assert(eq(ptr, mdb_find_less(&db, &absent, true), &slot[2]));
    cr_assert(eq(ptr, mdb_find_greater(&db, &slot[3].cap, false), NULL));
    cr_assert(eq(ptr, mdb_find_less(&db, &slot[0].cap, false), NULL));
}

Test(mdb_queries, the_nearest_ancestor_is_found_and_copies_are_none)
{
    enter(0, memory(ObjType_PhysAddr, 0, 64 * PAGE));
    enter(1, memory(ObjType_RAM, 0, 64 * PAGE));
    enter(2, memory(ObjType_RAM, 8 * PAGE, 8 * PAGE));
    enter(3, memory(ObjType_Frame, 8 * PAGE, 8 * PAGE));
    enter(4, memory(ObjType_Frame, 8 * PAGE, 8 * PAGE));
    enter(5, memory(ObjType_Frame, 9 * PAGE, PAGE));
    enter(6, memory(ObjType_Frame, 16 * PAGE, PAGE));
    cr_assert(eq(ptr, mdb_find_ancestor(&db, &slot[0].cap), NULL));
    cr_assert(eq(ptr, mdb_find_ancestor(&db, &slot[1].cap), &slot[0]));
    cr_assert(eq(ptr, mdb_find_ancestor(&db, &slot[2].cap), &slot[1]));
    cr_assert(eq(ptr, mdb_find_ancestor(&db, &slot[3].cap), &slot[2]));
    cr_assert(eq(ptr, mdb_find_ancestor(&db, &slot[4].cap), &slot[2]));
    const struct cte *above = mdb_find_ancestor(&db, &slot[5].cap);
    cr_assert(above == &slot[3] || above == &slot[4]);
    cr_assert(eq(ptr, mdb_find_ancestor(&db, &slot[6].cap), &slot[1]));
    cr_assert(eq(int, mdb_remove(&db, &slot[1]), MDB_OK));
    cr_assert(eq(ptr, mdb_find_ancestor(&db, &slot[6].cap), &slot[0]));
}

Test(mdb_queries, an_endpoint_descends_from_its_dispatcher_and_not_from_its_sibling)
{
    const uint64_t first = PAGE, second = PAGE + OBJSIZE_DISPATCHER;
    enter(0, memory(ObjType_Dispatcher, first, OBJSIZE_DISPATCHER));
    enter(1, memory(ObjType_Dispatcher, second, OBJSIZE_DISPATCHER));
    enter(2, endpoint(first, 64));
    enter(3, endpoint(first, 128));
    cr_assert(mdb_has_descendants(&db, &slot[0].cap));
    cr_assert(not(mdb_has_descendants(&db, &slot[1].cap)));
    cr_assert(not(mdb_has_descendants(&db, &slot[2].cap)));
    cr_assert(eq(ptr, mdb_find_ancestor(&db, &slot[3].cap), &slot[0]));
    cr_assert(eq(int, mdb_remove(&db, &slot[0]), MDB_OK));
    cr_assert(not(mdb_has_ancestors(&db, &slot[3].cap)));
}

Test(mdb_queries, descendants_are_stepped_through_outer_before_inner)
{
    build_ranges();
    enter(4, memory(ObjType_RAM, 0, 16 * PAGE)); /* copy of slot 0 */
    enter(5, memory(ObjType_Frame, 5 * PAGE, PAGE));
    enter(6, memory(ObjType_RAM, 16 * PAGE, PAGE));
    static const int expected[] = { 1, 2, 5, 3 };
    const struct cte *at = mdb_first_descendant(&db, &slot[0].cap);
    for (size_t i = 0; i < 4; i++) {
        cr_assert(ne(ptr, (void *)at, NULL));
        cr_assert(eq(long, at - slot, expected[i]), "step %zu", i);
        at = mdb_next_descendant(&db, &slot[0].cap, at);
    }
    cr_assert(eq(ptr, (void *)at, NULL));
    cr_assert(eq(ptr, mdb_first_descendant(&db, &slot[2].cap), &slot[5]));
    cr_assert(not(mdb_has_descendants(&db, &slot[3].cap)));
    cr_assert(not(mdb_has_descendants(&db, &slot[6].cap)));
}

Test(mdb_queries, revoke_leaves_ancestors_neighbours_and_nothing_below)
{
    enter(0, memory(ObjType_PhysAddr, 0, 64 * PAGE));
    enter(1, memory(ObjType_RAM, 0, 32 * PAGE));
    enter(2, memory(ObjType_RAM, 32 * PAGE, 32 * PAGE));
    for (unsigned i = 0; i < 32; i++) {
        enter(10 + i, memory(ObjType_Frame, i * PAGE, PAGE));
        enter(50 + i, memory(ObjType_Frame, i * PAGE, PAGE));
        enter(90 + i, memory(ObjType_Frame, (32 + i) * PAGE, PAGE));
    }
    struct cte *descendant;
    unsigned removed = 0;
    while ((descendant = mdb_first_descendant(&db, &slot[1].cap)) != NULL) {
        cr_assert(eq(int, mdb_remove(&db, descendant), MDB_OK));
        removed++;
    }
    cr_assert(eq(uint, removed, 64));
    check(3 + 32);
    cr_assert(mdb_has_descendants(&db, &slot[2].cap));
    cr_assert(mdb_has_descendants(&db, &slot[0].cap));
}
