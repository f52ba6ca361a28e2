/* SPDX-License-Identifier: MIT
 *
 * What the mapping databases rely on: ranges nest, and a child is no copy of its parent, also
 * where it has the type and the size of its parent.
 */
/* link: the CPU driver */
#include "kernel_fixture.h"
#include <signal.h>

TestSuite(kernel_ranges, .init = set_up, .fini = tear_down);

static uint64_t kernel_value(uint64_t command, capaddr_t cptr)
{
    return INVOKE(KPI_CPTR(0, TASKCN_SLOT_KERNELCAP), 2, command, cptr, 2).value;
}

static errval_t revoke_cap(capaddr_t cptr)
{
    return INVOKE(0, 0, CNodeCmd_Revoke, cptr, 2).error;
}

static void check_database(void)
{
    struct mdb_violation v = { 0 };
    cr_assert(mdb_check_invariants(&kernel_mdb, NULL, &v), "%s", v.rule);
    cr_assert(mdb_check_nesting(&kernel_mdb, &v), "%s", v.rule);
}

static void insert_across(void *database)
{
    struct capability across = { .type = ObjType_Frame, .rights = CAPRIGHTS_ALLRIGHTS };
    across.u.mem.base = (2ull << 30) + 8192;
    across.u.mem.bytes = 16384;
    struct cte *slot = cnode_slot(&cnode_slot(&alice->cspace.cap, ROOTCN_SLOT_SLOT_ALLOC0)->cap, 2);
    if (database == NULL)
        EXPECT_ERR(cap_insert_given(slot, &across, 1), SYS_ERR_REVOKE_FIRST);
    else
        cap_insert_new(slot, &across, 1);
    cr_expect_eq(slot->cap.type, ObjType_Null);
    check_database();
}

static void give_frame_of_another_core(void)
{
    struct capability given = { .type = ObjType_Frame, .rights = CAPRIGHTS_ALLRIGHTS };
    given.u.mem.base = 2ull << 30;
    given.u.mem.bytes = 16384;
    EXPECT_OK(cap_insert_given(
        cnode_slot(&cnode_slot(&alice->cspace.cap, ROOTCN_SLOT_SLOT_ALLOC0)->cap, 1), &given, 1));
}

Test(kernel_ranges, what_lies_across_an_end_is_refused_in_both_databases)
{
    give_frame_of_another_core();
    insert_across(NULL);
    EXPECT_OK(INVOKE(KPI_CPTR(0, TASKCN_SLOT_KERNELCAP), 2, KernelCmd_Lock_cap, SLOT(1), 2).error);
    insert_across(NULL);
}

Test(kernel_ranges, no_other_way_enters_what_lies_across_an_end, .signal = SIGABRT)
{
    give_frame_of_another_core();
    insert_across(&kernel_mdb);
}

/* All of it, to its own type: neither a copy of its parent nor the parent of it. */
static void check_child_of_full_size(capaddr_t parent, unsigned type, uint64_t bytes)
{
    EXPECT_OK(retype(parent, 0, type, bytes, 1, 40));
    cr_expect_eq(cap_at(alice, SLOT(40))->generation, 1);
    cr_expect_eq(kernel_value(KernelCmd_Is_shared, SLOT(40)), 0);
    EXPECT_ERR(retype(parent, 0, type, bytes, 1, 41), SYS_ERR_REVOKE_FIRST);
    EXPECT_ERR(retype(parent, 0, type, 4096, 1, 41), SYS_ERR_REVOKE_FIRST);
    EXPECT_OK(retype(SLOT(40), 0, type, bytes, 1, 41));
    EXPECT_OK(copy(42, SLOT(40)));
    EXPECT_OK(retype(SLOT(41), 0, type, 4096, 1, 43));
    check_database();

    EXPECT_OK(revoke_cap(SLOT(40)));
    cr_expect_eq(cap_at(alice, parent)->type, type, "its parent stays");
    cr_expect_eq(cap_at(alice, SLOT(40))->type, type);
    for (unsigned slot = 41; slot <= 43; slot++)
        cr_expect_eq(cap_at(alice, SLOT(slot))->type, ObjType_Null);
    EXPECT_OK(revoke_cap(parent));
    cr_expect_eq(cap_at(alice, SLOT(40))->type, ObjType_Null, "its child goes");
    cr_expect_eq(cap_at(alice, parent)->type, type);
}

Test(kernel_ranges, a_child_of_full_size_is_no_copy)
{
    const uint64_t all = cap_at(alice, RAM_CPTR)->u.mem.bytes;
    check_child_of_full_size(RAM_CPTR, ObjType_RAM, all);
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Frame, 16384, 1, 1));
    check_child_of_full_size(SLOT(1), ObjType_Frame, 16384);
    struct capability given = { .type = ObjType_DevFrame, .rights = CAPRIGHTS_ALLRIGHTS };
    given.u.mem.base = 2ull << 30;
    given.u.mem.bytes = 8192;
    EXPECT_OK(cap_insert_given(
        cnode_slot(&cnode_slot(&alice->cspace.cap, ROOTCN_SLOT_SLOT_ALLOC0)->cap, 2), &given, 0));
    check_child_of_full_size(SLOT(2), ObjType_DevFrame, 8192);
}

Test(kernel_ranges, generations_end)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Frame, 4096, 1, 1));
    capaddr_t last = SLOT(1);
    for (unsigned i = 1; i <= CAP_GENERATION_MAX; i++) {
        EXPECT_OK(retype(last, 0, ObjType_Frame, 4096, 1, 2 + i % 2));
        if (i > 1)
            EXPECT_OK(delete_cap(last)); /* also without those between them */
        last = SLOT(2 + i % 2);
    }
    EXPECT_ERR(retype(last, 0, ObjType_Frame, 4096, 1, 10), SYS_ERR_INVALID_RETYPE);
    EXPECT_OK(copy(10, last));
    EXPECT_OK(revoke_cap(SLOT(1)));
    cr_expect_eq(cap_at(alice, last)->type, ObjType_Null);
}
