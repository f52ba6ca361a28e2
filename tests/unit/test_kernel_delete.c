/* SPDX-License-Identifier: MIT
 *
 * Delete, revoke and retype a piece at a time: each entry does little, everybody may do anything
 * between two entries, and in the end nothing is left.  And what stays because another core has it.
 */
/* link: the CPU driver */
#include "kernel_fixture.h"

#define RAM_BASE (8u << 20)
#define PML4_CPTR KPI_CPTR(ROOTCN_SLOT_PAGECN, 0)
#define MY_L1_SLOT 40 /* free in alice's root */
#define IN_CNODE(l1, n) KPI_CPTR((l1), (n))

static void begin(void)
{
    set_up();
    between_entries = NULL;
}

static void end(void)
{
    current = alice;
    uint32_t domain;
    while (stop_next(&domain))
        continue;
    while (cap_delete_rest() == KERNEL_AGAIN || cap_delete_orphans() == KERNEL_AGAIN)
        continue;
    tear_down();
}

TestSuite(kernel_delete, .init = begin, .fini = end);

static errval_t kernel(uint64_t command, capaddr_t cptr)
{
    return INVOKE(KPI_CPTR(0, TASKCN_SLOT_KERNELCAP), 2, command, cptr, 2).error;
}

static errval_t revoke(capaddr_t cptr)
{
    return INVOKE(0, 0, CNodeCmd_Revoke, cptr, 2).error;
}

static errval_t mint(unsigned slot, capaddr_t src, uint64_t rights)
{
    return INVOKE(SLOT(0), 1, CNodeCmd_Mint, slot, ROOT_CPTR, src, 2, rights, 0).error;
}

/* An L2CNode in an L1 slot of alice's, made of the RAM at `offset`. */
static errval_t make_cnode(uint64_t offset, unsigned l1_slot)
{
    return INVOKE(0, 0, CNodeCmd_Retype, ROOT_CPTR, RAM_CPTR | 2ull << 32, offset, ObjType_L2CNode,
                  0, 1, ROOT_CPTR, 0, l1_slot)
        .error;
}

static errval_t retype_into(capaddr_t src, uint64_t offset, unsigned type, uint64_t bytes,
                            uint64_t count, unsigned l1_slot, unsigned slot)
{
    return INVOKE(0, 0, CNodeCmd_Retype, ROOT_CPTR, src | 2ull << 32, offset, type, bytes, count,
                  ROOT_CPTR, IN_CNODE(l1_slot, 0) | 1ull << 32, slot)
        .error;
}

static errval_t copy_into(unsigned l1_slot, unsigned slot, capaddr_t src, unsigned level)
{
    return INVOKE(IN_CNODE(l1_slot, 0), 1, CNodeCmd_Copy, slot, ROOT_CPTR, src, level).error;
}

static errval_t delete_l1_slot(unsigned l1_slot)
{
    return INVOKE(0, 0, CNodeCmd_Delete, IN_CNODE(l1_slot, 0), 1).error;
}

static unsigned count_in_ram(void)
{
    unsigned count = 0;
    for (struct cte *c = mdb_first(&kernel_mdb); c != NULL; c = mdb_successor(&kernel_mdb, c))
        count += cap_type_root(c->cap.type) == ObjType_PhysAddr && cap_base(&c->cap) >= RAM_BASE;
    return count;
}

static void check_database(void)
{
    struct mdb_violation v = { 0 };
    cr_assert(mdb_check_invariants(&kernel_mdb, NULL, &v), "%s", v.rule);
    cr_assert(mdb_check_nesting(&kernel_mdb, &v), "%s", v.rule);
}

/* Only the RAM itself is left, and all of it can be used again. */
static void check_nothing_is_left(void)
{
    check_database();
    cr_expect_eq(count_in_ram(), 1);
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Frame, 8u << 20, 1, 200));
    EXPECT_OK(delete_cap(SLOT(200)));
}

Test(kernel_delete, a_big_cnode_is_deleted_in_many_entries)
{
    between_entries = check_database;
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_L1CNode, 1u << 20, 1, 1));
    cr_expect_eq(entries, 1);
    EXPECT_OK(delete_cap(SLOT(1)));
    cr_expect_geq(entries, 16384 / (WORK_OF_A_CALL / 5));
    check_nothing_is_left();
}

static void still_ends(void)
{
    cr_assert_lt(entries, 30000, "this goes on for ever");
}

/* Where the database is large, finding what to delete costs as much as deleting it. */
Test(kernel_delete, each_entry_gets_somewhere_in_a_large_database)
{
    const unsigned x = MY_L1_SLOT, crowd = MY_L1_SLOT + 3, crowds = 64;
    for (unsigned n = 0; n < 3 + crowds; n++)
        EXPECT_OK(make_cnode((uint64_t)n * OBJSIZE_L2CNODE, x + n));
    /* each with what is another domain's, somewhere else */
    for (unsigned n = 0; n < crowds * 256; n++)
        put(&cnode_slot(&alice->cspace.cap, crowd + n / 256)->cap, n % 256, ObjType_Frame,
            (1ull << 40) + n * 4096ull, 4096);
    /* one CNode is in a slot of another, and a third where the second goes when it ends */
    EXPECT_OK(copy_into(x, 1, IN_CNODE(x + 1, 0), 1));
    EXPECT_OK(copy_into(x + 1, 0, IN_CNODE(x + 2, 0), 1));
    EXPECT_OK(delete_l1_slot(x + 1));
    EXPECT_OK(delete_l1_slot(x + 2));
    cr_assert_geq(mdb_height(&kernel_mdb), 26);

    between_entries = still_ends;
    EXPECT_OK(revoke(RAM_CPTR));
    check_nothing_is_left();
}

static void use_the_dying(void)
{
    check_database();
    struct cte *slot;
    cr_expect(
        err_is_fail(cspace_lookup_slot(&alice->cspace.cap, IN_CNODE(MY_L1_SLOT, 5), 2, &slot)));
    EXPECT_ERR(retype(RAM_CPTR, 0, ObjType_Frame, OBJSIZE_L2CNODE, 1, 100), SYS_ERR_REVOKE_FIRST);
}

Test(kernel_delete, what_is_being_deleted_is_found_no_more_and_its_memory_is_in_use)
{
    EXPECT_OK(make_cnode(0, MY_L1_SLOT));
    EXPECT_OK(retype_into(RAM_CPTR, 1u << 20, ObjType_Frame, 4096, 256, MY_L1_SLOT, 0));
    cr_expect_gt(entries, 10, "retype of many goes on, too");
    cr_expect_eq(cap_at(alice, IN_CNODE(MY_L1_SLOT, 255))->u.mem.base,
                 RAM_BASE + (1u << 20) + 255 * 4096);

    struct registers_x86_64 *a = &alice->disp->enabled_save_area;
    for (unsigned entry = 0; entry < 3; entry++) {
        *a = (struct registers_x86_64){ .rdi = SYSCALL_INVOKE, .rsi = 3 << 8, .rip = 2 };
        a->rsi |= entry == 0 ? 0 : INVOKE_AGAIN;
        a->r10 = CNodeCmd_Delete;
        a->r8 = IN_CNODE(MY_L1_SLOT, 0);
        a->r9 = 1;
        cr_assert_eq(enter(a), RETURNED);
        cr_expect_eq(a->rip, 0, "not done");
        use_the_dying();
    }
    EXPECT_ERR(delete_l1_slot(MY_L1_SLOT), SYS_ERR_CAP_NOT_FOUND);

    /* alice goes no further; whoever revokes does */
    EXPECT_OK(revoke(RAM_CPTR));
    check_nothing_is_left();
}

Test(kernel_delete, nested_cnodes_go_whatever_lies_in_their_first_slots)
{
    between_entries = check_database;
    for (unsigned slot = 0; slot < 2; slot++) {
        EXPECT_OK(make_cnode(0, MY_L1_SLOT));
        for (unsigned i = 1; i < 100; i++) {
            /* the next one lies in this one, and only there */
            EXPECT_OK(make_cnode(i * OBJSIZE_L2CNODE, MY_L1_SLOT + 1));
            EXPECT_OK(copy_into(MY_L1_SLOT + 1, slot, IN_CNODE(MY_L1_SLOT, 0), 1));
            EXPECT_OK(delete_l1_slot(MY_L1_SLOT));
            EXPECT_OK(INVOKE(0, 0, CNodeCmd_Copy, MY_L1_SLOT, ROOT_CPTR,
                             IN_CNODE(MY_L1_SLOT + 1, 0), 1 << 8 | 1)
                          .error);
            EXPECT_OK(delete_l1_slot(MY_L1_SLOT + 1));
        }
        cr_expect_eq(count_in_ram(), 1 + 100);
        EXPECT_OK(delete_l1_slot(MY_L1_SLOT));
        check_nothing_is_left();
    }
}

Test(kernel_delete, cnodes_that_lie_in_each_other_go)
{
    between_entries = check_database;
    for (unsigned slot = 0; slot < 3; slot++) {
        EXPECT_OK(make_cnode(0, MY_L1_SLOT));
        EXPECT_OK(make_cnode(OBJSIZE_L2CNODE, MY_L1_SLOT + 1));
        EXPECT_OK(copy_into(MY_L1_SLOT, slot, IN_CNODE(MY_L1_SLOT + 1, 0), 1));
        EXPECT_OK(copy_into(MY_L1_SLOT + 1, slot, IN_CNODE(MY_L1_SLOT, 0), 1));
        EXPECT_OK(copy_into(MY_L1_SLOT, slot + 1, IN_CNODE(MY_L1_SLOT, 0), 1)); /* and in itself */
        EXPECT_OK(delete_l1_slot(MY_L1_SLOT));
        EXPECT_OK(delete_l1_slot(MY_L1_SLOT + 1));
        cr_expect_eq(count_in_ram(), 4, "they keep each other");
        EXPECT_OK(revoke(RAM_CPTR));
        check_nothing_is_left();
    }
}

Test(kernel_delete, a_dispatcher_with_many_endpoints_ends_in_many_entries)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Dispatcher, 0, 1, 1));
    for (unsigned i = 0; i < 8; i++) {
        EXPECT_OK(make_cnode((2 + i) * OBJSIZE_L2CNODE, MY_L1_SLOT + i));
        EXPECT_OK(retype_into(SLOT(1), 0, ObjType_EndPointLMP, 0, 256, MY_L1_SLOT + i, 0));
    }
    between_entries = check_database;
    EXPECT_OK(delete_cap(SLOT(1)));
    cr_expect_gt(entries, 8 * 256 / 8);
    for (unsigned i = 0; i < 8 * 256; i++)
        cr_assert_eq(cap_at(alice, IN_CNODE(MY_L1_SLOT + i / 256, i % 256))->type, ObjType_Null);
    EXPECT_OK(revoke(RAM_CPTR));
    check_nothing_is_left();
}

#define DOMAINS 12

static struct dcb *domain_in_ram[DOMAINS];

/* A domain without this or that would run; so none runs when the first thing has gone. */
static void all_have_stopped_before_anything_goes(void)
{
    unsigned running = 0, frames = 0;
    for (struct cte *c = mdb_first(&kernel_mdb); c != NULL; c = mdb_successor(&kernel_mdb, c))
        frames += c->cap.type == ObjType_Frame && cap_base(&c->cap) >= RAM_BASE;
    for (unsigned i = 0; i < DOMAINS; i++)
        running += !domain_in_ram[i]->stopped;
    cr_assert(running == 0 || frames == 256, "%u run, %u frames are left", running, frames);
}

Test(kernel_delete, dispatchers_in_what_is_revoked_stop_before_anything_goes)
{
    EXPECT_OK(make_cnode(2u << 20, MY_L1_SLOT));
    EXPECT_OK(retype_into(RAM_CPTR, 0, ObjType_Frame, 4096, 256, MY_L1_SLOT, 0));
    /* some in RAM of their own, side by side; some alone */
    EXPECT_OK(retype(RAM_CPTR, 3u << 20, ObjType_RAM, 4096, 2, 100));
    for (unsigned i = 0; i < DOMAINS; i++) {
        const bool alone = i >= 8;
        EXPECT_OK(retype(alone ? RAM_CPTR : SLOT(100 + i / 4),
                         alone ? (4u << 20) + i * 8192 : i % 4 * OBJSIZE_DISPATCHER,
                         ObjType_Dispatcher, 0, 1, 110 + i));
        domain_in_ram[i] = phys_to_mem(paddr(cap_at(alice, SLOT(110 + i))->u.mem.base));
    }
    EXPECT_OK(retype(SLOT(112), 0, ObjType_EndPointLMP, 0, 40, 130)); /* at the same address */
    between_entries = all_have_stopped_before_anything_goes;
    EXPECT_OK(revoke(RAM_CPTR));
    cr_expect_gt(entries, 10);
    cr_expect(!alice->stopped && !bob->stopped, "they lie elsewhere");
    check_nothing_is_left();
}

/* Else nobody would be left to do it. */
Test(kernel_delete, who_revokes_his_own_dispatcher_does_not_stop_before_the_others)
{
    struct cte range = { .cap = { .type = ObjType_PhysAddr, .rights = CAPRIGHTS_ALLRIGHTS } };
    range.cap.u.mem.base = mem_to_phys(alice).v;
    range.cap.u.mem.bytes = mem_to_phys(bob).v + OBJSIZE_DISPATCHER - range.cap.u.mem.base;
    cr_assert_eq(mdb_insert(&kernel_mdb, &range), MDB_OK);
    struct sysret result = { .error = KERNEL_AGAIN };
    while (!bob->stopped && result.error == KERNEL_AGAIN)
        result = cap_revoke(&range, result.value);
    cr_expect(bob->stopped && !alice->stopped);
    mdb_remove(&kernel_mdb, &range);
}

/* Where a call goes on its caller says.  Whoever says that it is outside of what is revoked stops
 * nobody there: bob's dispatcher is not in alice's RAM. */
Test(kernel_delete, who_lies_about_where_a_revoke_goes_on_harms_nobody_outside)
{
    const uint64_t lies[] = { 1, mem_to_phys(bob).v, RAM_BASE - 1, MEMORY_BYTES, UINT64_MAX };
    cr_assert_lt(mem_to_phys(bob).v, RAM_BASE);
    for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        EXPECT_OK(retype(RAM_CPTR, 4096, ObjType_Dispatcher, 0, 1, 10));
        struct registers_x86_64 *a = &alice->disp->enabled_save_area;
        *a = (struct registers_x86_64){ .rdi = SYSCALL_INVOKE, .rdx = lies[i] };
        a->rsi = 3 << 8 | INVOKE_AGAIN;
        a->r10 = CNodeCmd_Revoke;
        a->r8 = RAM_CPTR;
        a->r9 = 2;
        current = alice;
        enter_until_done(a);
        cr_expect(!bob->stopped, "stopped by %lx", lies[i]);
        check_nothing_is_left();
    }
}

static capaddr_t taken;

static void take_a_slot(void)
{
    between_entries = NULL;
    struct capability id = { .type = ObjType_ID, .rights = CAPRIGHTS_ALLRIGHTS };
    cap_insert_new(
        cnode_slot(&cnode_slot(&alice->cspace.cap, ROOTCN_SLOT_SLOT_ALLOC0)->cap, taken & 0xff),
        &id, 0);
}

static void use_the_memory(void)
{
    between_entries = NULL;
    struct capability frame = { .type = ObjType_Frame, .rights = CAPRIGHTS_ALLRIGHTS };
    frame.u.mem.base = RAM_BASE + 15 * 4096;
    frame.u.mem.bytes = 4096;
    cap_insert_new(cnode_slot(&cnode_slot(&alice->cspace.cap, ROOTCN_SLOT_SLOT_ALLOC0)->cap, 99),
                   &frame, 0);
}

Test(kernel_delete, a_retype_that_goes_on_looks_again)
{
    taken = SLOT(20);
    between_entries = take_a_slot;
    EXPECT_ERR(retype(RAM_CPTR, 0, ObjType_Frame, 4096, 16, 10), SYS_ERR_SLOT_IN_USE);
    cr_expect_eq(cap_at(alice, SLOT(15))->type, ObjType_Frame, "what was made stays");
    EXPECT_OK(revoke(RAM_CPTR));
    EXPECT_OK(delete_cap(SLOT(20)));
    between_entries = use_the_memory;
    EXPECT_ERR(retype(RAM_CPTR, 0, ObjType_Frame, 4096, 16, 10), SYS_ERR_REVOKE_FIRST);
    EXPECT_OK(revoke(RAM_CPTR));
    check_nothing_is_left();
}

Test(kernel_delete, who_ends_by_its_own_call_leaves_orphans_that_the_monitor_deletes)
{
    EXPECT_OK(make_cnode(0, MY_L1_SLOT));
    EXPECT_OK(retype_into(RAM_CPTR, 1u << 20, ObjType_Frame, 4096, 256, MY_L1_SLOT, 1 - 1));
    /* bob's only Dispatcher capability goes into the CNode, and he deletes that */
    struct cte *own;
    cr_assert(
        err_is_ok(cspace_lookup(&bob->cspace.cap, KPI_CPTR(0, TASKCN_SLOT_DISPATCHER), 2, &own)));
    EXPECT_OK(delete_cap(IN_CNODE(MY_L1_SLOT, 10)));
    cap_move_to(cnode_slot(&cnode_slot(&alice->cspace.cap, MY_L1_SLOT)->cap, 10), own);
    cap_move_to(cnode_slot(&bob->cspace.cap, MY_L1_SLOT),
                cnode_slot(&alice->cspace.cap, MY_L1_SLOT));
    current = bob;
    struct registers_x86_64 *a = &bob->disp->enabled_save_area;
    *a = (struct registers_x86_64){ .rdi = SYSCALL_INVOKE, .rsi = 3 << 8, .rip = 2 };
    a->r10 = CNodeCmd_Delete;
    a->r8 = IN_CNODE(MY_L1_SLOT, 0);
    a->r9 = 1;
    enum outcome how = enter_until_done(a);
    cr_expect_eq(how, NEXT, "bob is no more");
    cr_expect(current == NULL && bob->stopped);
    check_database();
    current = alice;
    cr_expect_gt(count_in_ram(), 1);
    EXPECT_OK(kernel(KernelCmd_Delete_step, 0));
    cr_expect_gt(entries, 10);
    check_nothing_is_left();
}

Test(kernel_delete, nobody_reuses_memory_that_another_core_has)
{
    EXPECT_OK(retype(RAM_CPTR, 4096, ObjType_Frame, 4 * 4096, 1, 1));
    EXPECT_OK(copy(2, SLOT(1)));
    EXPECT_OK(kernel(KernelCmd_Lock_cap, SLOT(2))); /* the monitor's */

    EXPECT_OK(retype(RAM_CPTR, 1u << 20, ObjType_Frame, 4096, 1, 5));
    errval_t err = revoke(RAM_CPTR);
    EXPECT_ERR(err, SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_ERR(err_pop(err), SYS_ERR_CAP_LOCKED);
    cr_expect_eq(cap_at(alice, SLOT(1))->type, ObjType_Null, "all that can go has gone");
    cr_expect_eq(cap_at(alice, SLOT(5))->type, ObjType_Null);
    cr_expect_eq(cap_at(alice, SLOT(2))->type, ObjType_Frame);
    EXPECT_ERR(delete_cap(SLOT(2)), SYS_ERR_RETRY_THROUGH_MONITOR);

    const struct {
        uint64_t offset, bytes;
        unsigned type;
        bool free;
    } uses[] = {
        { 0, 8 * 4096, ObjType_Frame, false },
        { 4096, 4 * 4096, ObjType_Frame, false },
        { 2 * 4096, 4096, ObjType_RAM, false },
        { 4 * 4096, OBJSIZE_L2CNODE, ObjType_L2CNode, false },
        { 0, 4096, ObjType_Frame, true },
        { 5 * 4096, 4096, ObjType_Frame, true },
        { 2 * 4096, 1024, ObjType_Dispatcher, false },
    };
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        err = retype(RAM_CPTR, uses[i].offset, uses[i].type, uses[i].bytes, 1, 10);
        EXPECT_ERR(err, uses[i].free ? SYS_ERR_OK : SYS_ERR_RETRY_THROUGH_MONITOR);
        if (uses[i].free)
            EXPECT_OK(delete_cap(SLOT(10)));
    }
    EXPECT_OK(kernel(KernelCmd_Unlock_cap, SLOT(2)));
    EXPECT_OK(revoke(RAM_CPTR));
    check_nothing_is_left();
}

Test(kernel_delete, a_cnode_that_holds_something_locked_stays)
{
    EXPECT_OK(make_cnode(0, MY_L1_SLOT));
    EXPECT_OK(retype_into(RAM_CPTR, 1u << 20, ObjType_Frame, 4096, 3, MY_L1_SLOT, 100));
    EXPECT_OK(kernel(KernelCmd_Lock_cap, IN_CNODE(MY_L1_SLOT, 101)));
    struct cte *locked = cnode_slot(&cnode_slot(&alice->cspace.cap, MY_L1_SLOT)->cap, 101);
    EXPECT_OK(delete_l1_slot(MY_L1_SLOT));
    EXPECT_ERR(revoke(RAM_CPTR), SYS_ERR_RETRY_THROUGH_MONITOR);
    cr_expect_eq(locked->cap.type, ObjType_Frame);
    EXPECT_ERR(retype(RAM_CPTR, 0, ObjType_Frame, 4096, 1, 1), SYS_ERR_REVOKE_FIRST);
    EXPECT_OK(cap_unlock(locked));
    EXPECT_OK(revoke(RAM_CPTR));
    check_nothing_is_left();
}

Test(kernel_delete, who_was_given_a_copy_cannot_revoke_it)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Frame, 4096, 1, 1));
    EXPECT_OK(mint(2, SLOT(1), CAPRIGHTS_ALLRIGHTS & ~CAPRIGHTS_REVOKE));
    EXPECT_ERR(revoke(SLOT(2)), SYS_ERR_CAP_RIGHTS);
    cr_expect_eq(cap_at(alice, SLOT(1))->type, ObjType_Frame);
    EXPECT_OK(revoke(SLOT(1)));
    cr_expect_eq(cap_at(alice, SLOT(2))->type, ObjType_Null);
}

Test(kernel_delete, what_must_not_be_granted_stays_where_it_is)
{
    EXPECT_OK(mint(1, RAM_CPTR, CAPRIGHTS_ALLRIGHTS & ~CAPRIGHTS_GRANT));
    EXPECT_ERR(err_pop(copy(2, SLOT(1))), SYS_ERR_OK);
    EXPECT_ERR(copy(2, SLOT(1)), SYS_ERR_CAP_RIGHTS);
    EXPECT_ERR(mint(2, SLOT(1), CAPRIGHTS_READ), SYS_ERR_CAP_RIGHTS);
    EXPECT_ERR(retype(SLOT(1), 0, ObjType_Frame, 4096, 1, 2), SYS_ERR_CAP_RIGHTS);
    EXPECT_OK(delete_cap(SLOT(1)));
}

Test(kernel_delete, hundreds_of_dispatchers_end_and_the_monitor_hears_of_each)
{
    enum { MANY = 600 };
    struct capability endpoint = { .type = ObjType_EndPointLMP, .rights = CAPRIGHTS_ALLRIGHTS };
    endpoint.u.endpoint.listener = mem_to_phys(alice).v;
    endpoint.u.endpoint.epoffset = EP_OFFSET;
    endpoint.u.endpoint.epbuflen = EP_WORDS;
    cap_insert_new(cnode_slot(&cnode_slot(&alice->cspace.cap, ROOTCN_SLOT_SLOT_ALLOC0)->cap, 250),
                   &endpoint, 0);
    EXPECT_OK(kernel(KernelCmd_Register_monitor, SLOT(250)));
    for (unsigned i = 0; i < MANY; i++) {
        EXPECT_OK(retype(RAM_CPTR, i * 1024, ObjType_Dispatcher, 0, 1, 1));
        struct dcb *dcb = phys_to_mem(paddr(RAM_BASE + i * 1024));
        dcb->disp = bob->disp;
        dcb->head.domain_id = 1000 + i;
        EXPECT_OK(delete_cap(SLOT(1)));
        cr_expect(dcb->stopped);
    }
    cr_expect_eq(count_in_ram(), 1 + MANY, "they wait to be asked for");
    EXPECT_ERR(revoke(RAM_CPTR), SYS_ERR_RETRY_THROUGH_MONITOR); /* it would wait for itself */
    uint32_t domain;
    for (unsigned i = 0; i < MANY; i++)
        cr_assert(stop_next(&domain) && domain == 1000 + i);
    cr_expect_not(stop_next(&domain));
    check_nothing_is_left();
}

Test(kernel_delete, capabilities_of_other_cores_nest)
{
    struct capability given = { .type = ObjType_Frame, .rights = CAPRIGHTS_ALLRIGHTS };
    const struct {
        uint64_t base, bytes;
        bool fits;
    } frames[] = { { 2ull << 30, 16384, true },           { (2ull << 30) + 8192, 4096, true },
                   { (2ull << 30) + 8192, 16384, false }, { (2ull << 30) - 4096, 8192, false },
                   { (2ull << 30) - 4096, 65536, true },  { (2ull << 30), 16384, true } };
    for (unsigned i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        given.u.mem.base = frames[i].base;
        given.u.mem.bytes = frames[i].bytes;
        memcpy((char *)alice->disp + DISPATCHER_FRAME_BYTES - 64, &given, sizeof(given));
        errval_t err = INVOKE(KPI_CPTR(0, TASKCN_SLOT_KERNELCAP), 2, KernelCmd_Create_cap,
                              UDISP + DISPATCHER_FRAME_BYTES - 64, SLOT(0), 1, 1 + i, 1)
                           .error;
        EXPECT_ERR(err, frames[i].fits ? SYS_ERR_OK : SYS_ERR_REVOKE_FIRST);
        check_database();
    }
    EXPECT_OK(retype(SLOT(1), 0, ObjType_Frame, 4096, 1, 20));
    EXPECT_OK(revoke(SLOT(5)));
    cr_expect_eq(cap_at(alice, SLOT(20))->type, ObjType_Null);
}

Test(kernel_delete, every_domain_is_its_own)
{
    struct capability manager = { .type = ObjType_ProcessManager, .rights = CAPRIGHTS_ALLRIGHTS };
    cap_insert_new(cnode_slot(&cnode_slot(&alice->cspace.cap, ROOTCN_SLOT_SLOT_ALLOC0)->cap, 1),
                   &manager, 0);
    EXPECT_OK(retype(SLOT(1), 0, ObjType_Domain, 0, 10, 2));
    EXPECT_OK(copy(30, SLOT(2)));
    EXPECT_OK(revoke(SLOT(2)));
    cr_expect_eq(cap_at(alice, SLOT(30))->type, ObjType_Null);
    for (unsigned i = 3; i < 12; i++)
        cr_expect_eq(cap_at(alice, SLOT(i))->type, ObjType_Domain);
}

Test(kernel_delete, the_table_says_what_may_be_made_of_what)
{
    static const struct {
        uint8_t from, to;
    } rows[] = {
#define CAP_RETYPE(f, t) { ObjType_##f, ObjType_##t },
#include <barrelfish_kpi/caps.def>
    };
    for (unsigned from = 0; from < ObjType_Num; from++)
        for (unsigned to = 0; to < ObjType_Num; to++) {
            bool listed = false;
            for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                listed = listed || (rows[i].from == from && rows[i].to == to);
            cr_assert_eq(cap_is_retypeable((uint8_t)from, (uint8_t)to), listed);
        }
}

/* A frame of core 1, as the monitor makes it of what it is told. */
static void receive_frame(unsigned slot, uint64_t base, uint64_t bytes)
{
    struct capability given = { .type = ObjType_Frame, .rights = CAPRIGHTS_ALLRIGHTS };
    given.u.mem.base = base;
    given.u.mem.bytes = bytes;
    memcpy((char *)alice->disp + DISPATCHER_FRAME_BYTES - 64, &given, sizeof(given));
    EXPECT_OK(INVOKE(KPI_CPTR(0, TASKCN_SLOT_KERNELCAP), 2, KernelCmd_Create_cap,
                     UDISP + DISPATCHER_FRAME_BYTES - 64, SLOT(0), 1, slot, 1)
                  .error);
}

Test(kernel_delete, what_its_owner_revokes_goes_in_shares_and_nobody_copies_it_meanwhile)
{
    const uint64_t base = 2ull << 30;
    EXPECT_OK(make_cnode(0, MY_L1_SLOT));
    receive_frame(1, base, 4 * 4096); /* the witness */
    receive_frame(2, base + (1u << 20), 4096);
    for (unsigned i = 0; i < 100; i++)
        EXPECT_OK(copy_into(MY_L1_SLOT, i, SLOT(1), 2));
    EXPECT_OK(retype_into(SLOT(1), 4096, ObjType_Frame, 4096, 3, MY_L1_SLOT, 100));
    EXPECT_OK(copy_into(MY_L1_SLOT, 110, IN_CNODE(MY_L1_SLOT, 101), 2));
    EXPECT_OK(copy_into(MY_L1_SLOT, 111, SLOT(2), 2));

    const capaddr_t kernel_cptr = KPI_CPTR(0, TASKCN_SLOT_KERNELCAP);
    unsigned shares = 0;
    struct sysret result;
    while ((result = INVOKE(kernel_cptr, 2, KernelCmd_Delete_foreigns, SLOT(1), 2)).value == 1) {
        EXPECT_OK(result.error);
        shares++;
        check_database();
        EXPECT_ERR(copy_into(MY_L1_SLOT, 200, SLOT(1), 2), SYS_ERR_RETRY_THROUGH_MONITOR);
        EXPECT_ERR(retype_into(SLOT(1), 0, ObjType_Frame, 4096, 1, MY_L1_SLOT, 200),
                   SYS_ERR_RETRY_THROUGH_MONITOR);
        EXPECT_OK(copy_into(MY_L1_SLOT, 201, SLOT(2), 2)); /* it is about that one alone */
        EXPECT_OK(delete_cap(IN_CNODE(MY_L1_SLOT, 201)));
    }
    EXPECT_OK(result.error);
    cr_expect_gt(shares, 3);
    for (unsigned i = 0; i <= 110; i++)
        cr_expect_eq(cap_at(alice, IN_CNODE(MY_L1_SLOT, i))->type, ObjType_Null);
    cr_expect_eq(cap_at(alice, IN_CNODE(MY_L1_SLOT, 111))->type, ObjType_Frame);
    cr_expect_eq(cap_at(alice, SLOT(1))->type, ObjType_Frame, "the witness");
    EXPECT_OK(copy_into(MY_L1_SLOT, 200, SLOT(1), 2));
}

static struct sysret delete_part(unsigned slot, uint64_t base, uint64_t bytes, uint64_t from)
{
    return INVOKE(KPI_CPTR(0, TASKCN_SLOT_KERNELCAP), 2, KernelCmd_Delete_foreigns, SLOT(slot), 2,
                  base, bytes, from, 0);
}

/* The owner revokes the pages 2 to 5 of 16.  Here somebody has copies of the whole; pages 1 to 3, 0
 * to 8 and 4 to 6, which reach beyond an end and stay; and page 2 and page 4, which go. */
Test(kernel_delete, of_a_part_that_its_owner_revokes_all_goes_that_lies_in_it_and_nothing_else)
{
    const uint64_t base = 2ull << 30, page = 4096, first = base + 2 * page;
    EXPECT_OK(make_cnode(0, MY_L1_SLOT));
    receive_frame(1, base, 16 * page);
    EXPECT_OK(copy(2, SLOT(1)));
    EXPECT_OK(retype(SLOT(1), 0, ObjType_Frame, 8 * page, 1, 3));
    EXPECT_OK(retype(SLOT(3), page, ObjType_Frame, 2 * page, 1, 4));     /* 1, 2 */
    EXPECT_OK(retype(SLOT(4), page, ObjType_Frame, page, 1, 5));         /* 2 */
    EXPECT_OK(retype(SLOT(3), 4 * page, ObjType_Frame, 3 * page, 1, 6)); /* 4 to 6 */
    for (unsigned i = 0; i < 100; i++)
        EXPECT_OK(copy_into(MY_L1_SLOT, i, SLOT(6), 2));
    EXPECT_OK(retype(SLOT(6), 0, ObjType_Frame, page, 1, 7)); /* 4 */
    for (unsigned i = 100; i < 200; i++)
        EXPECT_OK(copy_into(MY_L1_SLOT, i, SLOT(7), 2));
    check_database();

    unsigned shares = 0;
    struct sysret result = { 0 };
    do {
        result = delete_part(1, first, 4 * page, result.value);
        EXPECT_OK(result.error);
        check_database();
        if (result.value == 0)
            break;
        shares++;
        EXPECT_ERR(copy(50, IN_CNODE(MY_L1_SLOT, 199)), SYS_ERR_RETRY_THROUGH_MONITOR);
        EXPECT_ERR(retype(SLOT(6), page, ObjType_Frame, page, 1, 50),
                   SYS_ERR_RETRY_THROUGH_MONITOR);
        EXPECT_OK(copy(50, SLOT(2))); /* it is about the part alone */
        EXPECT_OK(delete_cap(SLOT(50)));
    } while (shares < 1000);
    cr_expect(shares > 3 && shares < 1000);
    for (unsigned slot = 1; slot <= 7; slot++)
        cr_expect_eq(cap_at(alice, SLOT(slot))->type,
                     slot == 5 || slot == 7 ? ObjType_Null : ObjType_Frame, "slot %u", slot);
    for (unsigned i = 0; i < 200; i++)
        cr_expect_eq(cap_at(alice, IN_CNODE(MY_L1_SLOT, i))->type,
                     i < 100 ? ObjType_Frame : ObjType_Null);
    EXPECT_OK(retype(SLOT(6), page, ObjType_Frame, page, 1, 50));

    EXPECT_ERR(delete_part(1, base, 16 * page, 0).error, SYS_ERR_RETYPE_INVALID_OFFSET);
    EXPECT_ERR(delete_part(1, base + 15 * page, 2 * page, 0).error, SYS_ERR_RETYPE_INVALID_OFFSET);
    EXPECT_ERR(delete_part(1, base - page, page, 0).error, SYS_ERR_RETYPE_INVALID_OFFSET);
}

/* What is kept for another core is a whole, and this a part of it: the answer says so. */
Test(kernel_delete, who_revokes_a_part_of_what_is_kept_is_told)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Frame, 4 * 4096, 1, 1));
    EXPECT_OK(copy(2, SLOT(1)));
    EXPECT_OK(retype(SLOT(2), 4096, ObjType_Frame, 4096, 1, 3));
    const struct sysret before = INVOKE(0, 0, CNodeCmd_Revoke, SLOT(3), 2);
    cr_expect(err_is_ok(before.error) && before.value == 0);
    EXPECT_OK(kernel(KernelCmd_Lock_cap, SLOT(1)));
    EXPECT_OK(copy(4, SLOT(3)));
    const struct sysret part = INVOKE(0, 0, CNodeCmd_Revoke, SLOT(3), 2);
    cr_expect(err_is_ok(part.error) && part.value == 1);
    cr_expect_eq(cap_at(alice, SLOT(4))->type, ObjType_Null);
    EXPECT_ERR(revoke(SLOT(2)), SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_OK(kernel(KernelCmd_Unlock_cap, SLOT(1)));
}

Test(kernel_delete, only_what_another_core_owns_is_deleted_for_it)
{
    const capaddr_t kernel_cptr = KPI_CPTR(0, TASKCN_SLOT_KERNELCAP);
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Frame, 4096, 1, 1));
    EXPECT_OK(copy(2, SLOT(1)));
    EXPECT_ERR(kernel(KernelCmd_Delete_foreigns, SLOT(1)), SYS_ERR_DELETE_REMOTE_LOCAL);
    cr_expect_eq(cap_at(alice, SLOT(2))->type, ObjType_Frame);
    EXPECT_ERR(kernel(KernelCmd_Delete_foreigns, SLOT(99)), SYS_ERR_CAP_NOT_FOUND);
    EXPECT_ERR(kernel(KernelCmd_Delete_foreigns, kernel_cptr), SYS_ERR_DEST_TYPE_INVALID);

    receive_frame(3, 2ull << 30, 4096);
    EXPECT_OK(copy(4, SLOT(3)));
    EXPECT_OK(retype(SLOT(4), 0, ObjType_Frame, 4096, 1, 5));
    for (unsigned slot = 1; slot <= 5; slot++) {
        const struct sysret owner =
            INVOKE(kernel_cptr, 2, KernelCmd_Get_cap_owner, ROOT_CPTR, SLOT(slot), 2);
        EXPECT_OK(owner.error);
        cr_expect_eq(owner.value, slot >= 3 ? 1 : my_core_id,
                     "so do copies and what is made of it");
    }
    EXPECT_ERR(INVOKE(kernel_cptr, 2, KernelCmd_Get_cap_owner, ROOT_CPTR, SLOT(99), 2).error,
               SYS_ERR_CAP_NOT_FOUND);
    EXPECT_ERR(INVOKE(kernel_cptr, 2, KernelCmd_Get_cap_owner, RAM_CPTR, SLOT(1), 2).error,
               SYS_ERR_CNODE_TYPE);
}
