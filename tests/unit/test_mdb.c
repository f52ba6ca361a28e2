/* SPDX-License-Identifier: MIT
 *
 * Mapping database: what it promises, case by case.  The kernel's own sources are compiled for the
 * host.  Every test that builds a database ends with check(), which walks the whole tree; the last
 * tests damage trees on purpose to show that this walk notices.  The random counterpart with a naive
 * model is test_mdb_property.c.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "guest/kernel/mdb/mdb.h"

#define PAGE 4096ull
#define ROOT ObjType_PhysAddr
#define MAX_SLOTS 4096

static struct cte slot[MAX_SLOTS];
static struct mdb db;

static struct capability memory(uint8_t type, uint64_t base, uint64_t bytes)
{
    struct capability cap = { .type = type, .rights = CAPRIGHTS_ALLRIGHTS };
    cap.u.mem.base = base;
    cap.u.mem.bytes = bytes;
    return cap;
}

static struct capability endpoint(uint64_t dispatcher, uint32_t offset)
{
    struct capability cap = { .type = ObjType_EndPointLMP };
    cap.u.endpoint.listener = dispatcher - cap_base(&cap); /* wherever physical memory is seen */
    cap.u.endpoint.epoffset = offset;
    return cap;
}

static struct capability words(uint8_t type, uint64_t first, uint64_t second)
{
    struct capability cap = { .type = type };
    cap.u.word[0] = first;
    cap.u.word[1] = second;
    return cap;
}

static struct cte *enter(unsigned index, struct capability cap)
{
    slot[index].cap = cap;
    cr_assert(eq(int, mdb_insert(&db, &slot[index]), MDB_OK), "slot %u", index);
    return &slot[index];
}

static void check(size_t expected)
{
    size_t count = 0;
    struct mdb_violation violation;
    bool sane = mdb_check_invariants(&db, &count, &violation);
    cr_assert(sane, "slot %td: %s", sane ? 0 : violation.cte - slot, violation.rule);
    cr_assert(eq(sz, count, expected));
    sane = mdb_check_nesting(&db, &violation);
    cr_assert(sane, "slot %td: %s", sane ? 0 : violation.cte - slot, violation.rule);
}

/* The slots of the database in order must be the given ones. */
static void check_order(const unsigned *order, size_t count)
{
    check(count);
    const struct cte *at = mdb_first(&db);
    for (size_t i = 0; i < count; i++, at = mdb_successor(&db, at)) {
        cr_assert(ne(ptr, (void *)at, NULL), "ends after %zu", i);
        cr_assert(eq(long, at - slot, order[i]), "at place %zu", i);
        const struct cte *before = mdb_predecessor(&db, at);
        cr_assert(eq(ptr, (void *)before, i == 0 ? NULL : (void *)&slot[order[i - 1]]));
    }
    cr_assert(eq(ptr, (void *)at, NULL));
}
#define CHECK_ORDER(...)                           \
    check_order((const unsigned[]){ __VA_ARGS__ }, \
                sizeof((const unsigned[]){ __VA_ARGS__ }) / sizeof(unsigned))

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

static void clear(void)
{
    memset(slot, 0, sizeof(slot));
    mdb_init(&db);
}

TestSuite(mdb, .init = clear, .timeout = 60);

/* --- order and shape --------------------------------------------------------------------------- */

Test(mdb, an_empty_database_answers_nothing)
{
    struct capability cap = memory(ObjType_RAM, 0, PAGE);
    check(0);
    cr_assert(eq(ptr, mdb_first(&db), NULL));
    cr_assert(eq(ptr, mdb_find_equal(&db, &cap), NULL));
    cr_assert(eq(ptr, mdb_find_greater(&db, &cap, true), NULL));
    cr_assert(eq(ptr, mdb_find_less(&db, &cap, true), NULL));
    cr_assert(eq(ptr, mdb_find_cap_for_address(&db, ROOT, 0), NULL));
    cr_assert(not(mdb_has_ancestors(&db, &cap)));
    cr_assert(not(mdb_has_descendants(&db, &cap)));
    CHECK_RANGE(0, 1, MDB_RANGE_NOT_FOUND, -1);
}

Test(mdb, start_addresses_ascend)
{
    enter(0, memory(ObjType_RAM, 3 * PAGE, PAGE));
    enter(1, memory(ObjType_RAM, 1 * PAGE, PAGE));
    enter(2, memory(ObjType_RAM, 2 * PAGE, PAGE));
    CHECK_ORDER(1, 2, 0);
}

Test(mdb, of_equal_starts_the_greater_size_comes_first)
{
    enter(0, memory(ObjType_RAM, 0, 1 * PAGE));
    enter(1, memory(ObjType_RAM, 0, 4 * PAGE));
    enter(2, memory(ObjType_RAM, 0, 2 * PAGE));
    CHECK_ORDER(1, 2, 0);
}

Test(mdb, of_equal_ranges_the_ancestor_type_comes_first)
{
    enter(0, memory(ObjType_Frame, 0, PAGE));
    enter(1, memory(ObjType_PhysAddr, 0, PAGE));
    enter(2, memory(ObjType_RAM, 0, PAGE));
    CHECK_ORDER(1, 2, 0);
}

Test(mdb, equality_fields_order_endpoints_of_one_dispatcher)
{
    enter(0, endpoint(PAGE, 300));
    enter(1, endpoint(PAGE, 100));
    enter(2, memory(ObjType_Dispatcher, PAGE, OBJSIZE_DISPATCHER));
    enter(3, endpoint(PAGE, 200));
    CHECK_ORDER(2, 1, 3, 0);
}

Test(mdb, copies_are_ordered_by_their_slots_and_rights_do_not_count)
{
    struct capability frame = memory(ObjType_Frame, 0, PAGE);
    enter(7, frame);
    frame.rights = CAPRIGHTS_READ;
    enter(2, frame);
    frame.rights = 0;
    enter(5, frame);
    CHECK_ORDER(2, 5, 7);
}

Test(mdb, the_type_root_decides_before_the_address)
{
    enter(0, words(ObjType_ID, 1, 1));
    enter(1, memory(ObjType_Frame, 9 * PAGE, PAGE));
    enter(2, words(ObjType_IO, 0, 10));
    enter(3, memory(ObjType_RAM, 0, PAGE));
    CHECK_ORDER(3, 1, 2, 0);
}

Test(mdb, fields_of_types_without_memory_order_them)
{
    enter(0, words(ObjType_ID, 2, 1));
    enter(1, words(ObjType_ID, 1, 9));
    enter(2, words(ObjType_ID, 1, 3));
    CHECK_ORDER(2, 1, 0);
}

/* AA trees of n nodes have at most log2(n + 1) levels; a list or an unbalanced tree has more. */
static void fill_and_empty(unsigned (*place)(unsigned))
{
    for (unsigned i = 0; i < MAX_SLOTS; i++) {
        enter(place(i), memory(ObjType_RAM, place(i) * PAGE, PAGE));
        if (i % 64 == 0) {
            check(i + 1);
        }
    }
    check(MAX_SLOTS);
    cr_assert(le(int, db.root->node.level, 12));
    for (unsigned i = 0; i < MAX_SLOTS; i++) {
        cr_assert(eq(int, mdb_remove(&db, &slot[place(i)]), MDB_OK));
        if (i % 64 == 0) {
            check(MAX_SLOTS - 1 - i);
        }
    }
    cr_assert(eq(ptr, db.root, NULL));
}

static unsigned ascending(unsigned i)
{
    return i;
}

static unsigned descending(unsigned i)
{
    return MAX_SLOTS - 1 - i;
}

static unsigned scattered(unsigned i)
{
    return i * 2749 % MAX_SLOTS;
}

Test(mdb, the_tree_stays_balanced_when_addresses_ascend)
{
    fill_and_empty(ascending);
}

Test(mdb, the_tree_stays_balanced_when_addresses_descend)
{
    fill_and_empty(descending);
}

Test(mdb, the_tree_stays_balanced_when_addresses_are_scattered)
{
    fill_and_empty(scattered);
}

/* --- insert, remove, replace ------------------------------------------------------------------- */

Test(mdb, insert_refuses_what_is_inserted_and_what_is_null)
{
    struct cte *ram = enter(0, memory(ObjType_RAM, 0, PAGE));
    cr_assert(eq(int, mdb_insert(&db, ram), MDB_INSERTED_ALREADY));
    cr_assert(eq(int, mdb_insert(&db, &slot[1]), MDB_NO_CAPABILITY));
    CHECK_ORDER(0);
}

Test(mdb, remove_refuses_what_is_not_in_this_database)
{
    struct mdb other;
    mdb_init(&other);
    slot[1].cap = memory(ObjType_RAM, 0, PAGE);
    cr_assert(eq(int, mdb_remove(&db, &slot[1]), MDB_NOT_INSERTED));
    enter(0, memory(ObjType_RAM, 0, PAGE));
    cr_assert(eq(int, mdb_insert(&other, &slot[1]), MDB_OK));
    cr_assert(eq(int, mdb_remove(&db, &slot[1]), MDB_NOT_INSERTED));
    cr_assert(eq(ptr, mdb_successor(&db, &slot[1]), NULL));
    cr_assert(eq(ptr, mdb_predecessor(&db, &slot[1]), NULL));
    CHECK_ORDER(0);
    cr_assert(eq(int, mdb_remove(&other, &slot[1]), MDB_OK));
}

Test(mdb, owner_and_relation_bits_belong_to_the_caller)
{
    slot[0].node.owner = 5;
    slot[0].node.bits = MDB_BIT_REMOTE_COPIES | MDB_BIT_LOCKED;
    struct cte *ram = enter(0, memory(ObjType_RAM, 0, PAGE));
    enter(1, memory(ObjType_RAM, PAGE, PAGE));
    slot[2].cap = ram->cap;
    cr_assert(eq(int, mdb_replace(&db, ram, &slot[2]), MDB_OK));
    cr_assert(eq(int, slot[2].node.owner, 5));
    cr_assert(eq(int, slot[2].node.bits, MDB_BIT_REMOTE_COPIES | MDB_BIT_LOCKED));
    cr_assert(eq(int, mdb_remove(&db, &slot[2]), MDB_OK));
    cr_assert(eq(int, slot[2].node.owner, 5));
    cr_assert(eq(int, slot[2].node.bits, MDB_BIT_REMOTE_COPIES | MDB_BIT_LOCKED));
    cr_assert(eq(int, slot[2].cap.type, ObjType_RAM));
    cr_assert(not(mdb_is_inserted(&slot[2])));
    CHECK_ORDER(1);
}

Test(mdb, replace_keeps_the_place_of_a_single_capability)
{
    for (unsigned i = 0; i < 20; i++) {
        enter(i, memory(ObjType_RAM, i * PAGE, PAGE));
    }
    for (unsigned i = 0; i < 20; i++) {
        slot[100 - i].cap = slot[i].cap;
        cr_assert(eq(int, mdb_replace(&db, &slot[i], &slot[100 - i]), MDB_OK));
        cr_assert(not(mdb_is_inserted(&slot[i])));
        check(20);
    }
    const struct cte *at = mdb_first(&db);
    for (unsigned i = 0; i < 20; i++, at = mdb_successor(&db, at)) {
        cr_assert(eq(long, at - slot, 100 - i));
    }
}

Test(mdb, replace_finds_the_place_among_copies)
{
    struct capability frame = memory(ObjType_Frame, 0, PAGE);
    enter(10, frame);
    enter(20, frame);
    enter(30, frame);
    slot[25].cap = frame;
    cr_assert(eq(int, mdb_replace(&db, &slot[10], &slot[25]), MDB_OK));
    CHECK_ORDER(20, 25, 30);
    slot[5].cap = frame;
    cr_assert(eq(int, mdb_replace(&db, &slot[30], &slot[5]), MDB_OK));
    CHECK_ORDER(5, 20, 25);
    slot[21].cap = frame;
    cr_assert(eq(int, mdb_replace(&db, &slot[20], &slot[21]), MDB_OK));
    CHECK_ORDER(5, 21, 25);
}

Test(mdb, replace_refuses_and_changes_nothing)
{
    enter(0, memory(ObjType_RAM, 0, PAGE));
    enter(1, memory(ObjType_RAM, 0, PAGE));
    slot[2].cap = memory(ObjType_RAM, PAGE, PAGE);
    slot[3].cap = slot[0].cap;
    cr_assert(eq(int, mdb_replace(&db, &slot[3], &slot[2]), MDB_NOT_INSERTED));
    cr_assert(eq(int, mdb_replace(&db, &slot[0], &slot[1]), MDB_INSERTED_ALREADY));
    cr_assert(eq(int, mdb_replace(&db, &slot[0], &slot[2]), MDB_NOT_A_COPY));
    CHECK_ORDER(0, 1);
}

/* --- range queries ----------------------------------------------------------------------------- */

/* RAM of pages 0-15, 8 frames' worth of pages 4-11 in it, a frame of pages 4-7, one of 8-9. */
static void build_ranges(void)
{
    enter(0, memory(ObjType_RAM, 0, 16 * PAGE));
    enter(1, memory(ObjType_RAM, 4 * PAGE, 8 * PAGE));
    enter(2, memory(ObjType_Frame, 4 * PAGE, 4 * PAGE));
    enter(3, memory(ObjType_Frame, 8 * PAGE, 2 * PAGE));
    check(4);
}

Test(mdb, range_not_found_beside_all_capabilities)
{
    enter(0, memory(ObjType_RAM, 4 * PAGE, 4 * PAGE));
    CHECK_RANGE(0, 4, MDB_RANGE_NOT_FOUND, -1);
    CHECK_RANGE(8, 1, MDB_RANGE_NOT_FOUND, -1);
    CHECK_RANGE(100, 100, MDB_RANGE_NOT_FOUND, -1);
}

Test(mdb, range_surrounding_finds_the_innermost)
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

Test(mdb, range_surrounding_finds_the_last_derived_of_equal_ranges)
{
    enter(0, memory(ObjType_Frame, 0, PAGE));
    enter(1, memory(ObjType_RAM, 0, PAGE));
    enter(2, memory(ObjType_PhysAddr, 0, 4 * PAGE));
    CHECK_RANGE(0, 1, MDB_RANGE_SURROUNDING, 0);
}

Test(mdb, range_inner_finds_the_first)
{
    build_ranges();
    CHECK_RANGE(4, 8, MDB_RANGE_INNER, 2);  /* equal to slot 1, which hides nothing */
    CHECK_RANGE(0, 16, MDB_RANGE_INNER, 1); /* equal to slot 0 */
    CHECK_RANGE(3, 9, MDB_RANGE_INNER, 1);
    CHECK_RANGE(8, 4, MDB_RANGE_INNER, 3);
    CHECK_RANGE(0, 100, MDB_RANGE_INNER, 0);
}

Test(mdb, range_partial_at_either_end)
{
    build_ranges();
    CHECK_RANGE(6, 4, MDB_RANGE_PARTIAL, 2); /* reaches out of slot 2, holds slot 3 */
    CHECK_RANGE(15, 2, MDB_RANGE_PARTIAL, 0);
    cr_assert(eq(int, ask(2, 4, MDB_RANGE_PARTIAL), MDB_RANGE_PARTIAL)); /* ends in slots 1 and 2 */
    CHECK_RANGE(4, 5, MDB_RANGE_PARTIAL, 3); /* holds slot 2, ends in slot 3 */
}

Test(mdb, ranges_that_only_touch_do_not_overlap)
{
    enter(0, memory(ObjType_Frame, 2 * PAGE, 2 * PAGE));
    enter(1, memory(ObjType_Frame, 6 * PAGE, 2 * PAGE));
    CHECK_RANGE(4, 2, MDB_RANGE_NOT_FOUND, -1);
    CHECK_RANGE(4, 4, MDB_RANGE_INNER, 1);
    CHECK_RANGE(3, 3, MDB_RANGE_PARTIAL, 0);
}

Test(mdb, a_range_query_sees_one_type_root_only)
{
    enter(0, memory(ObjType_RAM, 0, PAGE));
    enter(1, words(ObjType_ID, 0, 0));
    struct cte *found = &slot[0];
    cr_assert(eq(int, mdb_find_range(&db, ObjType_IO, 0, PAGE, MDB_RANGE_PARTIAL, &found),
                 MDB_RANGE_NOT_FOUND));
    cr_assert(eq(ptr, found, NULL));
    cr_assert(eq(ptr, mdb_find_cap_for_address(&db, ObjType_IO, 0), NULL));
}

Test(mdb, a_capability_without_a_range_lies_in_none)
{
    enter(0, words(ObjType_ID, 0, 0));
    enter(1, words(ObjType_ID, 0, 1));
    cr_assert(eq(int, mdb_find_range(&db, ObjType_ID, 0, PAGE, MDB_RANGE_PARTIAL, NULL),
                 MDB_RANGE_NOT_FOUND));
}

Test(mdb, a_precision_limit_ends_the_search)
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

Test(mdb, parts_of_a_capability_can_be_retyped_one_after_the_other)
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

Test(mdb, the_smallest_capability_around_an_address)
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

Test(mdb, a_copy_is_another_slot_with_the_same_object)
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

Test(mdb, a_copy_is_found_wherever_it_lies_in_the_tree)
{
    struct capability frame = memory(ObjType_Frame, 100 * PAGE, PAGE);
    for (unsigned i = 0; i < 200; i++) {
        enter(i, memory(ObjType_Frame, i * PAGE, PAGE));
    }
    enter(300, frame);
    check(201);
    for (unsigned i = 0; i < 200; i++) {
        cr_assert(eq(int, mdb_has_copies(&db, &slot[i]), i == 100), "slot %u", i);
    }
}

Test(mdb, capabilities_of_always_copy_types_are_copies)
{
    enter(0, words(ObjType_Kernel, 1, 2));
    enter(1, words(ObjType_Kernel, 3, 4));
    enter(2, words(ObjType_IPI, 1, 2));
    cr_assert(mdb_has_copies(&db, &slot[0]));
    cr_assert(not(mdb_has_copies(&db, &slot[2])));
    check(3);
}

Test(mdb, greater_and_less_skip_copies_unless_equal_is_asked_for)
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

Test(mdb, the_nearest_ancestor_is_found_and_copies_are_none)
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

Test(mdb, an_endpoint_descends_from_its_dispatcher_and_not_from_its_sibling)
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

Test(mdb, descendants_are_stepped_through_outer_before_inner)
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

Test(mdb, revoke_leaves_ancestors_neighbours_and_nothing_below)
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

/* --- the checks notice damage ------------------------------------------------------------------ */

static void expect_violation(const char *word)
{
    struct mdb_violation violation;
    cr_assert(not(mdb_check_invariants(&db, NULL, &violation)));
    cr_assert(ne(ptr, strstr(violation.rule, word), NULL), "%s", violation.rule);
    cr_assert(ne(ptr, (void *)violation.cte, NULL));
}

static void build_seven(void)
{
    for (unsigned i = 0; i < 7; i++) {
        enter(i, memory(ObjType_RAM, i * PAGE, PAGE));
    }
    check(7);
}

Test(mdb, the_check_notices_a_wrong_level)
{
    build_seven();
    db.root->node.left->node.level++;
    expect_violation("level");
}

Test(mdb, the_check_notices_two_horizontal_links)
{
    enter(0, memory(ObjType_RAM, 0, PAGE));
    enter(1, memory(ObjType_RAM, PAGE, PAGE));
    slot[2].cap = memory(ObjType_RAM, 2 * PAGE, PAGE);
    slot[2].node = (struct mdbnode){ .level = 1, .end = 3 * PAGE, .end_root = ROOT };
    slot[1].node.right = &slot[2];
    slot[0].node.end = slot[1].node.end = 3 * PAGE;
    expect_violation("horizontal");
}

Test(mdb, the_check_notices_a_stale_end)
{
    build_seven();
    db.root->node.end += PAGE;
    expect_violation("greatest");
    db.root->node.end -= 2 * PAGE;
    expect_violation("greatest");
    db.root->node.end += PAGE;
    check(7);
}

Test(mdb, the_check_notices_a_capability_that_changed_its_key)
{
    build_seven();
    slot[3].cap.u.mem.base = 5 * PAGE;
    expect_violation("");
}

Test(mdb, the_check_notices_a_cleared_capability)
{
    build_seven();
    slot[3].cap.type = ObjType_Null;
    expect_violation("type");
}

Test(mdb, the_check_survives_a_cycle)
{
    build_seven();
    struct cte *leaf = mdb_first(&db);
    leaf->node.left = db.root;
    expect_violation("MDB_MAX_DEPTH");
    leaf->node.left = NULL;
    leaf->node.right = db.root;
    expect_violation("");
}

Test(mdb, the_check_notices_ranges_that_cross)
{
    struct mdb_violation violation;
    enter(0, memory(ObjType_RAM, 0, 4 * PAGE));
    enter(1, memory(ObjType_RAM, 3 * PAGE, 2 * PAGE));
    cr_assert(mdb_check_invariants(&db, NULL, &violation));
    cr_assert(not(mdb_check_nesting(&db, &violation)));
    cr_assert(eq(ptr, (void *)violation.cte, &slot[1]));
}
