/* SPDX-License-Identifier: MIT
 *
 * What a capability allows, and nothing beyond: a domain that holds one must not make more of it
 * than it was given, whatever it mints, retypes, maps or names.
 */
/* link: the CPU driver */
#include "kernel_fixture.h"

TestSuite(kernel_authority, .init = set_up, .fini = tear_down);

#define KERNEL_CPTR KPI_CPTR(0, TASKCN_SLOT_KERNELCAP)

static errval_t mint(unsigned slot, capaddr_t src, uint64_t p1, uint64_t p2)
{
    return INVOKE(SLOT(0), 1, CNodeCmd_Mint, slot, ROOT_CPTR, src, 2, p1, p2).error;
}

static void give(unsigned slot, const struct capability *cap)
{
    cap_insert_new(cnode_slot(&cnode_slot(&alice->cspace.cap, ROOTCN_SLOT_SLOT_ALLOC0)->cap, slot),
                   cap, 0);
}

static void give_endpoint(unsigned slot, uint32_t offset, uint32_t words)
{
    struct capability cap = { .type = ObjType_EndPointLMP, .rights = CAPRIGHTS_ALLRIGHTS };
    cap.u.endpoint.listener = mem_to_phys(bob).v;
    cap.u.endpoint.epoffset = offset;
    cap.u.endpoint.epbuflen = words;
    give(slot, &cap);
}

/* Whoever may send to one endpoint of a dispatcher could else write into any part of its frame. */
Test(kernel_authority, a_sender_cannot_mint_another_endpoint_of_its_receiver)
{
    give_endpoint(1, 8192, 24);
    EXPECT_ERR(mint(2, SLOT(1), 16384, 24), SYS_ERR_MINT_INVALID);
    EXPECT_ERR(mint(2, SLOT(1), 8192, 48), SYS_ERR_MINT_INVALID);
    cr_expect_eq(cap_at(alice, SLOT(2))->type, ObjType_Null);
    EXPECT_OK(copy(2, SLOT(1)));
    cr_expect_eq(cap_at(alice, SLOT(2))->u.endpoint.epoffset, 8192);
    give_endpoint(3, 0, 0); /* its own, not minted yet */
    EXPECT_OK(mint(4, SLOT(3), 16384, 24));
    EXPECT_ERR(mint(5, SLOT(4), 32768, 24), SYS_ERR_MINT_INVALID);
}

/* A peer of alice's has given her a CNode of its own where she expects an endpoint: no words that
 * she sends there put anything of hers into it. */
Test(kernel_authority, a_message_is_a_command_to_nobody)
{
    struct registers_x86_64 *a = &alice->disp->enabled_save_area;
    for (unsigned meant = 0; meant < 2; meant++) {
        *a = (struct registers_x86_64){ .rdi = SYSCALL_INVOKE };
        a->rsi = (uint64_t)SLOT(0) << 32 | 1 << 16 | 10 << 8 | (meant ? LMP_FLAG_MESSAGE : 0);
        a->r10 = CNodeCmd_Copy;
        a->r8 = 20 + meant;
        a->r9 = ROOT_CPTR;
        a->rax = KERNEL_CPTR;
        a->rbx = 2;
        cr_assert_eq(enter(a), RETURNED);
        EXPECT_ERR(a->rax, meant ? SYS_ERR_LRPC_NOT_ENDPOINT : SYS_ERR_OK);
    }
    cr_expect_eq(cap_at(alice, SLOT(20))->type, ObjType_Kernel);
    cr_expect_eq(cap_at(alice, SLOT(21))->type, ObjType_Null);
}

/* The flight recorder would take it for the CPU driver's, and rules of faults would not see it. */
Test(kernel_authority, no_message_goes_on)
{
    struct registers_x86_64 *a = &alice->disp->enabled_save_area;
    connect();
    for (unsigned again = 0; again < 2; again++) {
        *a = (struct registers_x86_64){ .rdi = SYSCALL_INVOKE };
        a->rsi = (uint64_t)SLOT(1) << 32 | 2 << 16 | 1 << 8 | (again ? INVOKE_AGAIN : 0);
        cr_assert_eq(enter(a), RETURNED);
        EXPECT_ERR(a->rax, again ? SYS_ERR_INVARGS_SYSCALL : SYS_ERR_OK);
        cr_expect_eq(bob->disp->lmp_delivered, 2, "a header and a word, once");
    }
}

Test(kernel_authority, what_is_retyped_has_no_more_rights_than_its_source)
{
    const unsigned some = CAPRIGHTS_READ | CAPRIGHTS_IDENTIFY | CAPRIGHTS_GRANT;
    EXPECT_OK(mint(1, RAM_CPTR, some, 0));
    EXPECT_OK(retype(SLOT(1), 0, ObjType_Frame, 4096, 1, 2));
    cr_expect_eq(cap_at(alice, SLOT(2))->rights, some);
    EXPECT_OK(retype(SLOT(1), 4096, ObjType_RAM, 4096, 1, 3));
    cr_expect_eq(cap_at(alice, SLOT(3))->rights, some);
    EXPECT_OK(retype(RAM_CPTR, 8192, ObjType_Frame, 4096, 1, 4));
    cr_expect_eq(cap_at(alice, SLOT(4))->rights, CAPRIGHTS_ALLRIGHTS);
    EXPECT_OK(mint(5, SLOT(2), ~0ull, 0));
    cr_expect_eq(cap_at(alice, SLOT(5))->rights, some);
}

/* MODULECN lies in the CSpace of all that start programs. */
Test(kernel_authority, a_cnode_without_the_right_write_is_read_only)
{
    const capaddr_t l1 = 40, in = KPI_CPTR(l1, 0);
    const uint64_t cnode = in | 1ull << 32;
    EXPECT_OK(INVOKE(0, 0, CNodeCmd_Retype, ROOT_CPTR, RAM_CPTR | 2ull << 32, 0, ObjType_L2CNode, 0,
                     1, ROOT_CPTR, 0, l1)
                  .error);
    EXPECT_OK(retype(RAM_CPTR, 1u << 20, ObjType_Frame, 4096, 1, 1));
    EXPECT_OK(retype(RAM_CPTR, 2u << 20, ObjType_VNode_x86_64_ptable, 0, 1, 2));
    EXPECT_OK(INVOKE(in, 1, CNodeCmd_Copy, 0, ROOT_CPTR, SLOT(1), 2).error);
    cnode_slot(&alice->cspace.cap, l1)->cap.rights &= (uint8_t)~CAPRIGHTS_WRITE;

    EXPECT_OK(copy(3, in)); /* it can be read */
    EXPECT_ERR(INVOKE(in, 1, CNodeCmd_Copy, 1, ROOT_CPTR, SLOT(1), 2).error, SYS_ERR_CAP_RIGHTS);
    EXPECT_ERR(INVOKE(0, 0, CNodeCmd_Copy, in + 1, ROOT_CPTR, SLOT(1), 2 << 8 | 2).error,
               SYS_ERR_CAP_RIGHTS);
    EXPECT_ERR(INVOKE(in, 1, CNodeCmd_Mint, 1, ROOT_CPTR, SLOT(1), 2, CAPRIGHTS_READ).error,
               SYS_ERR_CAP_RIGHTS);
    EXPECT_ERR(INVOKE(0, 0, CNodeCmd_Retype, ROOT_CPTR, RAM_CPTR | 2ull << 32, 3u << 20,
                      ObjType_Frame, 4096, 1, ROOT_CPTR, cnode, 1)
                   .error,
               SYS_ERR_CAP_RIGHTS);
    EXPECT_ERR(INVOKE(0, 0, CNodeCmd_Create, ObjType_ID, in, 1, 1).error, SYS_ERR_CAP_RIGHTS);
    EXPECT_ERR(delete_cap(in), SYS_ERR_CAP_RIGHTS);
    EXPECT_ERR(
        INVOKE(SLOT(2), 2, VNodeCmd_Map, ROOT_CPTR, in, 2, 0, 0, 1, SLOT(0) | 1ull << 32, 10).error,
        SYS_ERR_SOURCE_CAP_LOOKUP);
    EXPECT_ERR(
        INVOKE(SLOT(2), 2, VNodeCmd_Map, ROOT_CPTR, SLOT(3), 2, 0, 0, 1, in | 1ull << 32, 1).error,
        SYS_ERR_CAP_RIGHTS);

    /* nor by messages: what lies there is not given away, and nothing is received there */
    give_endpoint(20, 8192, 24);
    struct registers_x86_64 *a = &alice->disp->enabled_save_area;
    const uint64_t send = (uint64_t)SLOT(20) << 32 | 2 << 24 | 2 << 16 | 1 << 8;
    *a = (struct registers_x86_64){ .rsi = send | LMP_FLAG_GIVEAWAY, .rdx = in };
    ((struct lmp_endpoint_kern *)((char *)bob->disp + 8192))->recv_cptr = SLOT(40);
    cr_assert_eq(enter(a), RETURNED);
    EXPECT_ERR(a->rax, SYS_ERR_LMP_CAPTRANSFER_SRC_LOOKUP);
    cnode_slot(&bob->cspace.cap, ROOTCN_SLOT_SLOT_ALLOC0)->cap.rights &= (uint8_t)~CAPRIGHTS_WRITE;
    *a = (struct registers_x86_64){ .rsi = send, .rdx = SLOT(1) };
    cr_assert_eq(enter(a), RETURNED);
    EXPECT_ERR(a->rax, SYS_ERR_LMP_CAPTRANSFER_DST_CNODE_INVALID);
    cr_expect_eq(cap_at(alice, in)->type, ObjType_Frame);
    cr_expect_eq(cap_at(alice, in + 1)->type, ObjType_Null);
}

Test(kernel_authority, a_frame_that_cannot_be_read_is_not_mapped)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_VNode_x86_64_ptable, 0, 1, 1));
    EXPECT_OK(retype(RAM_CPTR, 4096, ObjType_Frame, 4096, 1, 2));
    EXPECT_OK(mint(3, SLOT(2), CAPRIGHTS_WRITE | CAPRIGHTS_IDENTIFY, 0));
    for (unsigned attr = 0; attr <= PTABLE_WRITE; attr += PTABLE_WRITE)
        EXPECT_ERR(INVOKE(SLOT(1), 2, VNodeCmd_Map, ROOT_CPTR, SLOT(3), 2, attr, 0, 1,
                          SLOT(0) | 1ull << 32, 10)
                       .error,
                   SYS_ERR_VM_MAP_RIGHTS);
}

Test(kernel_authority, a_port_range_has_two_ends)
{
    struct capability io = { .type = ObjType_IO, .rights = CAPRIGHTS_ALLRIGHTS };
    io.u.io.start = 0x5000;
    io.u.io.end = 0x5007;
    give(1, &io);
    static const uint64_t outside[] = { 0x4fff, 0x5005, 0x5008, -1ull, -2ull, -3ull, -4ull };
    for (unsigned i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
        EXPECT_ERR(INVOKE(SLOT(1), 2, IOCmd_Outd, outside[i], 0).error, SYS_ERR_IO_PORT_INVALID);
    for (unsigned command = IOCmd_Outb; command <= IOCmd_Ind; command++) {
        EXPECT_ERR(INVOKE(SLOT(1), 2, command, 0x5008, 0).error, SYS_ERR_IO_PORT_INVALID);
        EXPECT_ERR(INVOKE(SLOT(1), 2, command, -1ull, 0).error, SYS_ERR_IO_PORT_INVALID);
        if (command != IOCmd_Outb && command != IOCmd_Inb)
            EXPECT_ERR(INVOKE(SLOT(1), 2, command, 0x5007, 0).error, SYS_ERR_IO_PORT_INVALID);
    }
    EXPECT_ERR(INVOKE(SLOT(1), 2, IOCmd_Input + 1, 0x5000, 0).error, SYS_ERR_ILLEGAL_INVOCATION);
    EXPECT_ERR(mint(2, SLOT(1), 0x4fff, 0x5007), SYS_ERR_MINT_INVALID);
    EXPECT_ERR(mint(2, SLOT(1), 0x5004, 0x5003), SYS_ERR_MINT_INVALID);
    EXPECT_OK(mint(2, SLOT(1), 0x5004, 0x5007));
    EXPECT_ERR(INVOKE(SLOT(2), 2, IOCmd_Outd, 0x5000, 0).error, SYS_ERR_IO_PORT_INVALID);
    EXPECT_ERR(mint(3, SLOT(2), 0x5000, 0x5007), SYS_ERR_MINT_INVALID);
}

Test(kernel_authority, input_of_the_console_is_for_who_has_its_port)
{
    struct capability io = { .type = ObjType_IO, .rights = CAPRIGHTS_ALLRIGHTS };
    const uint64_t buffer = UDISP + 16384;
    io.u.io.end = 0xffff;
    give(1, &io);
    EXPECT_OK(mint(2, SLOT(1), IO_PORT_INPUT, IO_PORT_INPUT + 3));
    struct sysret result = INVOKE(SLOT(2), 2, IOCmd_Input, buffer, 10);
    EXPECT_OK(result.error);
    cr_expect_eq(result.value, 10);
    cr_expect_eq(notified_id, NOTIFY_IRQ_FIRST + IRQ_LINES + IRQ_LINE_INPUT);
    cr_expect_eq(memcmp((char *)alice->disp + 16384, "xxxxxxxxxx", 11), 0);
    EXPECT_ERR(INVOKE(SLOT(2), 2, IOCmd_Input, buffer, 0).error, SYS_ERR_INVARGS_SYSCALL);
    EXPECT_ERR(INVOKE(SLOT(2), 2, IOCmd_Input, buffer, INPUT_MAX + 1).error,
               SYS_ERR_INVARGS_SYSCALL);
    EXPECT_ERR(INVOKE(SLOT(2), 2, IOCmd_Input, UDISP + DISPATCHER_FRAME_BYTES - 9, 10).error,
               SYS_ERR_INVALID_USER_BUFFER);
    EXPECT_ERR(INVOKE(SLOT(2), 2, IOCmd_Input, UDISP - 1, 10).error, SYS_ERR_INVALID_USER_BUFFER);
    /* the device writes where the core page says: that is the CPU driver's to fill */
    EXPECT_ERR(INVOKE(SLOT(1), 2, IOCmd_Outd, IO_PORT_INPUT, 1).error, SYS_ERR_IO_PORT_INVALID);
    static const uint64_t from[] = { 0, IO_PORT_INPUT + 1, IO_PORT_INPUT + 4 };
    static const uint64_t to[] = { IO_PORT_INPUT + 2, IO_PORT_INPUT + 8, 0xffff };
    for (unsigned i = 0; i < 3; i++) {
        EXPECT_OK(mint(3 + i, SLOT(1), from[i], to[i]));
        EXPECT_ERR(INVOKE(SLOT(3 + i), 2, IOCmd_Input, buffer, 10).error, SYS_ERR_IO_PORT_INVALID);
    }
}

Test(kernel_authority, identify_needs_the_right_and_tells_no_kernel_address)
{
    struct capability *out = (void *)((char *)alice->disp + 16384);
    struct frame_identity *id = (void *)out;
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Frame, 8192, 1, 1));
    EXPECT_OK(mint(2, SLOT(1), CAPRIGHTS_READ, 0));
    EXPECT_ERR(INVOKE(0, 0, CNodeCmd_CapIdentify, SLOT(2), 2, UDISP + 16384).error,
               SYS_ERR_CAP_IDENTIFY);
    EXPECT_ERR(INVOKE(SLOT(2), 2, FrameCmd_Identify, UDISP + 16384).error, SYS_ERR_CAP_IDENTIFY);
    EXPECT_ERR(INVOKE(SLOT(1), 2, FrameCmd_Identify, UDISP + DISPATCHER_FRAME_BYTES).error,
               SYS_ERR_INVALID_USER_BUFFER);
    EXPECT_OK(INVOKE(SLOT(1), 2, FrameCmd_Identify, UDISP + 16384).error);
    cr_expect(id->base == 8u << 20 && id->bytes == 8192);

    EXPECT_OK(retype(RAM_CPTR, 8192, ObjType_VNode_x86_64_ptable, 0, 1, 3));
    EXPECT_OK(
        INVOKE(SLOT(3), 2, VNodeCmd_Map, ROOT_CPTR, SLOT(1), 2, 0, 0, 2, SLOT(0) | 1ull << 32, 10)
            .error);
    EXPECT_OK(INVOKE(0, 0, CNodeCmd_CapIdentify, SLOT(1), 2, UDISP + 16384).error);
    cr_expect_eq(out->u.word[CAP_MAPPING_WORD], 0);
    EXPECT_OK(INVOKE(0, 0, CNodeCmd_CapIdentify, SLOT(10), 2, UDISP + 16384).error);
    cr_expect(out->u.mapping.cap == 0 && out->u.mapping.first == 0 && out->u.mapping.bytes == 16);
    give_endpoint(11, 8192, 24);
    EXPECT_OK(INVOKE(0, 0, CNodeCmd_CapIdentify, SLOT(11), 2, UDISP + 16384).error);
    cr_expect_eq(out->u.endpoint.listener, mem_to_phys(bob).v);
    EXPECT_ERR(INVOKE(0, 0, CNodeCmd_CapIdentify, SLOT(11), 2, UDISP + 16380).error,
               SYS_ERR_INVALID_USER_BUFFER);
}

/* ---- dispatchers that end, or hand over to themselves ---- */

static enum outcome yield_to(capaddr_t target)
{
    struct registers_x86_64 *a = &alice->disp->disabled_save_area;
    a->rdi = SYSCALL_YIELD, a->rsi = target;
    current = alice;
    return enter(a);
}

Test(kernel_authority, a_yield_to_oneself_without_work_sleeps)
{
    schedule_make_runnable(alice);
    alice->disp->wakeup = 5000;
    cr_expect_eq(yield_to(KPI_CPTR(ROOTCN_SLOT_TASKCN, TASKCN_SLOT_DISPATCHER)), NEXT);
    cr_expect(!alice->queued && alice->sleeping);
    schedule_wake(5000);
    cr_expect(alice->queued && !alice->sleeping);
    /* with work it may well be the next one */
    alice->disp->haswork = 1;
    schedule_make_runnable(bob);
    cr_expect_eq(yield_to(KPI_CPTR(ROOTCN_SLOT_TASKCN, TASKCN_SLOT_DISPATCHER)), DISPATCHED);
    cr_expect_eq(dispatched, alice);
}

Test(kernel_authority, a_yield_names_only_what_can_run)
{
    give_endpoint(1, 8192, 24);
    schedule_make_runnable(alice);
    alice->disp->haswork = 1;
    cr_expect_eq(yield_to(SLOT(1)), NEXT, "bob sleeps");
    schedule_make_runnable(bob);
    cr_expect_eq(yield_to(SLOT(1)), DISPATCHED);
    cr_expect_eq(dispatched, bob);
    cr_expect_eq(yield_to(SLOT(2)), NEXT, "an empty slot");
    cr_expect_eq(yield_to(RAM_CPTR), NEXT, "memory");
    dispatch_stop(bob, false);
    cr_expect_eq(yield_to(SLOT(1)), NEXT, "bob is stopped");
}

/* Its table entry would outlive it: nobody takes it out when the dispatcher is deleted. */
Test(kernel_authority, a_stopped_dispatcher_gets_no_notification_id)
{
    give_endpoint(1, 8192, 24);
    dispatch_stop(bob, false);
    EXPECT_ERR(INVOKE(KERNEL_CPTR, 2, KernelCmd_Notify_register, SLOT(1), 2).error,
               SYS_ERR_DISP_NOT_RUNNABLE);
    cr_expect_eq(bob->notify, 0);
}

Test(kernel_authority, an_endpoint_that_gives_itself_away_leaves_the_hint_right)
{
    give_endpoint(1, 8192, 24);
    struct lmp_endpoint_kern *ep = (void *)((char *)bob->disp + 8192);
    ep->recv_cptr = SLOT(40);
    struct registers_x86_64 *a = &alice->disp->enabled_save_area;
    a->rdi = SYSCALL_INVOKE;
    a->rsi = (uint64_t)SLOT(1) << 32 | 2 << 24 | 2 << 16 | 1 << 8 | LMP_FLAG_GIVEAWAY;
    a->rdx = SLOT(1);
    cr_assert_eq(enter(a), RETURNED);
    EXPECT_OK(a->rax);
    cr_expect_eq(cap_at(alice, SLOT(1))->type, ObjType_Null);
    cr_expect_eq(cap_at(bob, SLOT(40))->type, ObjType_EndPointLMP);
    cr_expect_eq(bob->disp->lmp_hint, 8192);
}
