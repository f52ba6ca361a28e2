/* SPDX-License-Identifier: MIT
 *
 * Mapping database: order, balance, insert, remove, replace, and that the checker notices damage.
 * The kernel's own sources are compiled for the host.  Queries have test_mdb_queries.c, and the
 * random counterpart with a naive model is test_mdb_property.c.
 */
#include "test_mdb_fixture.h"

TestSuite(mdb, .init = clear, .timeout = 60);

/* --- order and shape -------------------------------------------------------------------------- */

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
    cr_assert(
        eq(int, mdb_find_range(&db, ROOT, 0, PAGE, MDB_RANGE_PARTIAL, NULL), MDB_RANGE_NOT_FOUND));
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
        if (i % 64 == 0)
            check(i + 1);
    }
    check(MAX_SLOTS);
    cr_assert(le(int, db.root->node.level, 12));
    for (unsigned i = 0; i < MAX_SLOTS; i++) {
        cr_assert(eq(int, mdb_remove(&db, &slot[place(i)]), MDB_OK));
        if (i % 64 == 0)
            check(MAX_SLOTS - 1 - i);
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
    slot[0].node.bits = MDB_BIT_FOREIGN | MDB_BIT_LOCKED;
    struct cte *ram = enter(0, memory(ObjType_RAM, 0, PAGE));
    enter(1, memory(ObjType_RAM, PAGE, PAGE));
    slot[2].cap = ram->cap;
    cr_assert(eq(int, mdb_replace(&db, ram, &slot[2]), MDB_OK));
    cr_assert(eq(int, slot[2].node.owner, 5));
    cr_assert(eq(int, slot[2].node.bits, MDB_BIT_FOREIGN | MDB_BIT_LOCKED));
    cr_assert(eq(int, mdb_remove(&db, &slot[2]), MDB_OK));
    cr_assert(eq(int, slot[2].node.owner, 5));
    cr_assert(eq(int, slot[2].node.bits, MDB_BIT_FOREIGN | MDB_BIT_LOCKED));
    cr_assert(eq(int, slot[2].cap.type, ObjType_RAM));
    cr_assert(not(mdb_is_inserted(&slot[2])));
    CHECK_ORDER(1);
}

Test(mdb, replace_keeps_the_place_of_a_single_capability)
{
    for (unsigned i = 0; i < 20; i++)
        enter(i, memory(ObjType_RAM, i * PAGE, PAGE));
    for (unsigned i = 0; i < 20; i++) {
        slot[100 - i].cap = slot[i].cap;
        cr_assert(eq(int, mdb_replace(&db, &slot[i], &slot[100 - i]), MDB_OK));
        cr_assert(not(mdb_is_inserted(&slot[i])));
        check(20);
    }
    const struct cte *at = mdb_first(&db);
    for (unsigned i = 0; i < 20; i++, at = mdb_successor(&db, at))
        cr_assert(eq(long, at - slot, 100 - i));
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
    for (unsigned i = 0; i < 7; i++)
        enter(i, memory(ObjType_RAM, i * PAGE, PAGE));
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
