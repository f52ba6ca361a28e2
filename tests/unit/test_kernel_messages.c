/* SPDX-License-Identifier: MIT
 *
 * Messages inside a core, driven on the host: LMP by invocation, and its short way, LRPC, which
 * must agree with it in all that can be seen.
 */
/* link: the CPU driver */
#include "kernel_fixture.h"

TestSuite(kernel_messages, .init = set_up, .fini = tear_down);

/* ---- LMP ---- */

static enum outcome lmp_send(unsigned words, unsigned flags, capaddr_t cap, errval_t *err)
{
    struct registers_x86_64 *a = &alice->disp->enabled_save_area;
    current = alice;
    a->rdi = SYSCALL_INVOKE;
    a->rsi = (uint64_t)SLOT(1) << 32 | 2 << 24 | 2 << 16 | words << 8 | flags;
    a->rdx = cap;
    a->r10 = 100, a->r8 = 101, a->r9 = 102, a->rax = 103, a->rbx = 104, a->rbp = 105;
    a->r12 = 106, a->r13 = 107, a->r14 = 108, a->r15 = 109;
    enum outcome how = enter(a);
    *err = a->rax;
    return how;
}

Test(kernel_messages, lmp_copies_words_in_order_and_wraps)
{
    errval_t err;
    connect();
    struct lmp_endpoint_kern *ep = bobs_endpoint();
    for (unsigned round = 0; round < 100; round++) {
        unsigned words = round % 11;
        cr_assert_eq(lmp_send(words, 0, 0, &err), RETURNED);
        EXPECT_OK(err);
        cr_expect(bob->queued);
        cr_expect_eq(LMP_HEADER_LENGTH(ep->buf[ep->consumed]), words);
        for (unsigned i = 0; i <= words; i++) {
            if (i > 0)
                cr_expect_eq(ep->buf[ep->consumed], 99 + i);
            ep->consumed = (ep->consumed + 1) % EP_WORDS;
        }
        cr_expect_eq(ep->consumed, ep->delivered);
    }
}

Test(kernel_messages, lmp_full_buffer_is_an_error_and_loses_nothing)
{
    errval_t err;
    connect();
    lmp_send(10, 0, 0, &err);
    EXPECT_OK(err);
    lmp_send(10, 0, 0, &err);
    EXPECT_OK(err);
    uint32_t delivered = bobs_endpoint()->delivered;
    cr_expect_eq(lmp_send(10, LMP_FLAG_SYNC, 0, &err), RETURNED);
    EXPECT_ERR(err, SYS_ERR_LMP_BUF_OVERFLOW);
    cr_expect_eq(bobs_endpoint()->delivered, delivered);
    cr_expect_eq(lmp_send(10, LMP_FLAG_YIELD, 0, &err), DISPATCHED, "the receiver gets the core");
    cr_expect_eq(dispatched, bob);
    EXPECT_ERR(err, SYS_ERR_LMP_BUF_OVERFLOW);
}

Test(kernel_messages, lmp_sync_hands_the_core_to_the_receiver)
{
    errval_t err;
    connect();
    cr_expect_eq(lmp_send(1, LMP_FLAG_SYNC, 0, &err), DISPATCHED);
    cr_expect_eq(dispatched, bob);
    EXPECT_OK(err);
    cr_expect_eq(alice->head.disabled, 0);
}

Test(kernel_messages, lmp_carries_one_capability_into_the_receive_slot)
{
    errval_t err;
    connect();
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Frame, 4096, 1, 9));
    lmp_send(1, 0, SLOT(9), &err);
    EXPECT_ERR(err, SYS_ERR_LMP_CAPTRANSFER_DST_SLOT_OCCUPIED);
    bobs_endpoint()->recv_cptr = SLOT(40);
    lmp_send(1, 0, SLOT(9), &err);
    EXPECT_OK(err);
    cr_expect_eq(cap_at(bob, SLOT(40))->type, ObjType_Frame);
    cr_expect_eq(cap_at(alice, SLOT(9))->type, ObjType_Frame);
    cr_expect_eq(bobs_endpoint()->recv_cptr, 0);
    cr_expect_eq(LMP_HEADER_CAP(bobs_endpoint()->buf[0]), 1);
    bobs_endpoint()->recv_cptr = SLOT(41);
    lmp_send(1, LMP_FLAG_GIVEAWAY, SLOT(9), &err);
    EXPECT_OK(err);
    cr_expect_eq(cap_at(alice, SLOT(9))->type, ObjType_Null);
    cr_expect_eq(cap_at(bob, SLOT(41))->type, ObjType_Frame);
}

Test(kernel_messages, lmp_survives_a_receiver_that_corrupts_its_buffer)
{
    errval_t err;
    connect();
    bobs_endpoint()->consumed = 0xffffffff;
    lmp_send(1, 0, 0, &err);
    EXPECT_ERR(err, SYS_ERR_LMP_EP_STATE_INVALID);
    bobs_endpoint()->consumed = 0;
    bobs_endpoint()->delivered = EP_WORDS;
    lmp_send(1, 0, 0, &err);
    EXPECT_ERR(err, SYS_ERR_LMP_EP_STATE_INVALID);
    bobs_endpoint()->delivered = 0;
    bobs_endpoint()->recv_cptr = 0xffffffff;
    lmp_send(1, 0, RAM_CPTR, &err);
    EXPECT_ERR(err, SYS_ERR_LMP_CAPTRANSFER_DST_CNODE_INVALID);
}

/* ---- LRPC ---- */

static void connect_lrpc(void)
{
    connect();
    lrpc_buffer_words = EP_WORDS;
    bob->disp->dispatcher_lrpc = 0x401000;
    bob->disp->upcall_stack = UDISP + 0x9000;
}

/* In the area of alice's that belongs to her mode. */
static enum outcome lrpc_from(struct registers_x86_64 *a, capaddr_t cptr, uint64_t words,
                              errval_t *err)
{
    current = alice;
    *a = (struct registers_x86_64){ .rdi = SYSCALL_LRPC, .rsi = cptr, .rdx = words };
    a->r10 = 100, a->r8 = 101, a->r9 = 102, a->rax = 103;
    enum outcome how = enter(a);
    *err = a->rax;
    return how;
}

static enum outcome lrpc(uint64_t words, errval_t *err)
{
    return lrpc_from(&alice->disp->enabled_save_area, SLOT(1), words, err);
}

/* Takes a message of so many words out of bob's endpoint. */
static void expect_message(unsigned words)
{
    struct lmp_endpoint_kern *ep = bobs_endpoint();
    for (unsigned i = 0; i <= words; i++) {
        cr_expect_eq(ep->buf[ep->consumed], i == 0 ? words : 99 + i);
        ep->consumed = (ep->consumed + 1) % EP_WORDS;
    }
    cr_expect_eq(ep->consumed, ep->delivered);
}

Test(kernel_messages, lrpc_hands_words_and_core_to_the_receiver)
{
    errval_t err;
    connect_lrpc();
    uint64_t before = kernel_counters.lmp_messages;
    for (unsigned round = 0; round < 100; round++) {
        unsigned words = round % (LRPC_MSG_WORDS + 1);
        uint32_t delivered = bob->disp->lmp_delivered;
        cr_assert_eq(lrpc(words, &err), LRPC);
        EXPECT_OK(err);
        cr_expect_eq(dispatched, bob);
        cr_expect_eq(bob->disp->lmp_delivered, delivered + words + 1);
        cr_expect_eq(bob->disp->lmp_hint, 0, "the upcall tells of the message");
        expect_message(words);
    }
    cr_expect_eq(kernel_counters.lmp_messages, before + 100);
}

Test(kernel_messages, lrpc_wakes_a_receiver_and_keeps_the_run_queue_in_order)
{
    errval_t err;
    connect_lrpc();
    schedule_make_runnable(alice);
    cr_assert_eq(lrpc(1, &err), LRPC);
    cr_expect(bob->queued);
    cr_expect_eq(schedule_next(1000), alice);
    schedule_yield(alice);
    cr_expect_eq(schedule_next(1000), bob);
    cr_expect_eq(CORE_PAGE->runq_head, mem_to_phys(bob).v);
    schedule_remove(bob);
    cr_expect_eq(schedule_next(1000), alice);
    schedule_remove(alice);
    cr_expect_null(schedule_next(1000));
    cr_expect_eq(CORE_PAGE->runq_head, 0);
}

/* A receiver that can take no upcall now gets the message as any other. */
Test(kernel_messages, lrpc_to_who_can_take_no_upcall_goes_the_general_way)
{
    errval_t err;
    connect_lrpc();
    bob->head.disabled = 1;
    cr_expect_eq(lrpc(4, &err), DISPATCHED, "resumed where it was");
    EXPECT_OK(err);
    expect_message(4);
    bob->head.disabled = 0;

    schedule_remove(bob);
    wakeup_set(bob, 5000);
    cr_expect_eq(lrpc(3, &err), DISPATCHED);
    EXPECT_OK(err);
    cr_expect(bob->queued && !bob->sleeping);
    expect_message(3);

    bob->disp->dispatcher_lrpc = 0;
    cr_expect_eq(lrpc(2, &err), DISPATCHED, "it has no upcall for this");
    EXPECT_OK(err);
    expect_message(2);
    bob->disp->dispatcher_lrpc = USER_END;
    cr_expect_eq(lrpc(2, &err), DISPATCHED, "the entry is not the user's");
    expect_message(2);
    bob->disp->dispatcher_lrpc = 0x401000;
    bob->disp->upcall_stack = UINT64_MAX - 15;
    cr_expect_eq(lrpc(1, &err), DISPATCHED, "the stack is not the user's");
    EXPECT_OK(err);
    expect_message(1);
}

Test(kernel_messages, lrpc_of_a_disabled_caller_comes_back_to_it)
{
    errval_t err;
    connect_lrpc();
    cr_expect_eq(lrpc_from(&alice->disp->disabled_save_area, SLOT(1), 2, &err), RETURNED);
    EXPECT_OK(err);
    expect_message(2);
    cr_expect(bob->queued);
}

Test(kernel_messages, lrpc_to_oneself_comes_back)
{
    errval_t err;
    connect_lrpc();
    cap_at(alice, SLOT(1))->u.endpoint.listener = mem_to_phys(alice).v;
    alice->disp->dispatcher_lrpc = 0x401000;
    cr_expect_eq(lrpc(2, &err), RETURNED);
    EXPECT_OK(err);
    struct lmp_endpoint_kern *ep = (void *)((char *)alice->disp + EP_OFFSET);
    cr_expect_eq(ep->delivered, 3);
}

Test(kernel_messages, lrpc_without_room_lets_the_receiver_run)
{
    errval_t err;
    connect_lrpc();
    for (unsigned i = 0; i < 4; i++)
        cr_expect_eq(lrpc(4, &err), LRPC);
    uint32_t delivered = bobs_endpoint()->delivered, total = bob->disp->lmp_delivered;
    cr_expect_eq(EP_WORDS - delivered, 4, "one less than the message and the word that stays free");
    cr_expect_eq(lrpc(4, &err), DISPATCHED);
    cr_expect_eq(dispatched, bob);
    EXPECT_ERR(err, SYS_ERR_LMP_BUF_OVERFLOW);
    cr_expect_eq(lrpc(3, &err), DISPATCHED);
    EXPECT_ERR(err, SYS_ERR_LMP_BUF_OVERFLOW);
    cr_expect_eq(bobs_endpoint()->delivered, delivered);
    cr_expect_eq(bob->disp->lmp_delivered, total);
    cr_expect_eq(lrpc(2, &err), LRPC, "this one just fits");
    EXPECT_OK(err);
}

Test(kernel_messages, lrpc_believes_no_index_and_no_length)
{
    errval_t err;
    connect_lrpc();
    bobs_endpoint()->consumed = EP_WORDS;
    cr_expect_eq(lrpc(1, &err), RETURNED);
    EXPECT_ERR(err, SYS_ERR_LMP_EP_STATE_INVALID);
    bobs_endpoint()->consumed = 0;
    bobs_endpoint()->delivered = UINT32_MAX;
    cr_expect_eq(lrpc(1, &err), RETURNED);
    EXPECT_ERR(err, SYS_ERR_LMP_EP_STATE_INVALID);
    bobs_endpoint()->delivered = 0;
    cr_expect_eq(lrpc(LRPC_MSG_WORDS + 1, &err), RETURNED);
    EXPECT_ERR(err, SYS_ERR_INVARGS_SYSCALL);
    cr_expect_eq(lrpc(UINT64_MAX, &err), RETURNED);
    EXPECT_ERR(err, SYS_ERR_INVARGS_SYSCALL);
    cr_expect_eq(bob->disp->lmp_delivered, 0);
}

Test(kernel_messages, lrpc_says_what_is_wrong_with_the_endpoint)
{
    errval_t err;
    struct registers_x86_64 *a = &alice->disp->enabled_save_area;
    connect_lrpc();
    cr_expect_eq(lrpc_from(a, SLOT(2), 1, &err), RETURNED);
    EXPECT_ERR(err, SYS_ERR_LRPC_SLOT_INVALID);
    EXPECT_ERR(err_pop(err), SYS_ERR_CAP_NOT_FOUND);
    cr_expect_eq(lrpc_from(a, KPI_CPTR(200, 1), 1, &err), RETURNED);
    EXPECT_ERR(err, SYS_ERR_LRPC_SLOT_INVALID);
    cr_expect_eq(lrpc_from(a, UINT32_MAX, 1, &err), RETURNED);
    EXPECT_ERR(err, SYS_ERR_LRPC_SLOT_INVALID);
    cr_expect_eq(lrpc_from(a, RAM_CPTR, 1, &err), RETURNED);
    EXPECT_ERR(err, SYS_ERR_LRPC_NOT_ENDPOINT);
    bob->complete = 0;
    cr_expect_eq(lrpc(1, &err), RETURNED);
    EXPECT_ERR(err, SYS_ERR_LMP_NO_TARGET);
    bob->complete = 1;
    cap_at(alice, SLOT(1))->u.endpoint.epoffset = 0;
    cr_expect_eq(lrpc(1, &err), RETURNED);
    EXPECT_ERR(err, SYS_ERR_LMP_NO_TARGET);
}

/* How many records of that kind there are from this one on, and the contents of the last. */
static unsigned recorded(uint64_t from, uint64_t kind, uint64_t *last)
{
    unsigned count = 0;
    for (uint64_t i = from; i < CORE_PAGE->trace_head; i++) {
        const uint64_t what = host_trace_ring[i % ABI_TRACE_RECORDS].what;
        if ((what & 0xff) != kind)
            continue;
        *last = what;
        count++;
    }
    return count;
}

/* The machine counts system calls by these. */
Test(kernel_messages, an_lrpc_has_one_record_whichever_way_it_goes)
{
    errval_t err;
    uint64_t what = 0, from;
    connect_lrpc();
    from = CORE_PAGE->trace_head;
    cr_expect_eq(lrpc(1, &err), LRPC);
    cr_expect_eq(recorded(from, ABI_TRACE_SYSCALL, &what), 0);
    cr_expect_eq(recorded(from, ABI_TRACE_LMP, &what), 0);
    cr_expect_eq(recorded(from, ABI_TRACE_UPCALL, &what), 1);
    expect_message(1);

    bob->head.disabled = 1;
    from = CORE_PAGE->trace_head;
    cr_expect_eq(lrpc(2, &err), DISPATCHED);
    cr_expect_eq(recorded(from, ABI_TRACE_SYSCALL, &what), 0, "the message's is enough");
    cr_expect_eq(recorded(from, ABI_TRACE_LMP, &what), 1);
    expect_message(2);

    bobs_endpoint()->consumed = EP_WORDS; /* what the message finds is no buffer */
    for (unsigned i = 0; i < 3; i++) {
        static const capaddr_t where[] = { SLOT(1), SLOT(2), RAM_CPTR };
        from = CORE_PAGE->trace_head;
        cr_expect_eq(lrpc_from(&alice->disp->enabled_save_area, where[i], i == 1 ? 9 : 1, &err),
                     RETURNED);
        cr_expect(err_is_fail(err));
        cr_expect_eq(recorded(from, ABI_TRACE_LMP, &what), 0);
        cr_expect_eq(recorded(from, ABI_TRACE_SYSCALL, &what), 1);
        cr_expect_eq(what >> 8 & 0xff, SYSCALL_LRPC);
        cr_expect_eq(what >> 32, where[i]);
    }
}

/* Both ways deliver the same, whatever the state of the buffer. */
Test(kernel_messages, lrpc_and_invocation_agree_in_every_state_of_the_buffer)
{
    errval_t one, other;
    connect_lrpc();
    struct lmp_endpoint_kern *ep = bobs_endpoint();
    uint64_t *buf = ep->buf;
    for (uint32_t delivered = 0; delivered <= EP_WORDS; delivered++)
        for (uint32_t consumed = 0; consumed <= EP_WORDS; consumed++)
            for (unsigned words = 0; words <= LRPC_MSG_WORDS; words++) {
                uint64_t first[EP_WORDS];
                memset(buf, 0, sizeof(first));
                ep->delivered = delivered, ep->consumed = consumed;
                enum outcome how = lrpc(words, &one);
                uint32_t end = ep->delivered;
                memcpy(first, buf, sizeof(first));
                memset(buf, 0, sizeof(first));
                ep->delivered = delivered, ep->consumed = consumed;
                enum outcome how2 = lmp_send(words, LMP_FLAG_SYNC | LMP_FLAG_YIELD, 0, &other);
                cr_assert_eq(one, other);
                cr_assert_eq(how, how2 == DISPATCHED && err_is_ok(other) ? LRPC : how2);
                cr_assert_eq(end, ep->delivered);
                cr_assert_arr_eq(first, buf, sizeof(first));
            }
}

Test(kernel_messages, endpoints_end_with_their_dispatcher)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Dispatcher, 0, 1, 2));
    EXPECT_OK(INVOKE(0, 0, CNodeCmd_Retype, ROOT_CPTR, SLOT(2) | 2ull << 32, 0, ObjType_EndPointLMP,
                     0, 1, ROOT_CPTR, CN, 3)
                  .error);
    EXPECT_OK(INVOKE(SLOT(0), 1, CNodeCmd_Mint, 4, ROOT_CPTR, SLOT(3), 2, EP_OFFSET, 22).error);
    EXPECT_ERR(INVOKE(SLOT(0), 1, CNodeCmd_Mint, 5, ROOT_CPTR, SLOT(3), 2, 0, 22).error,
               SYS_ERR_MINT_INVALID);
    EXPECT_ERR(
        INVOKE(SLOT(0), 1, CNodeCmd_Mint, 5, ROOT_CPTR, SLOT(3), 2, DISPATCHER_FRAME_BYTES - 64, 22)
            .error,
        SYS_ERR_MINT_INVALID);
    /* near the end of the numbers, where offset and size together are small again */
    EXPECT_ERR(INVOKE(SLOT(0), 1, CNodeCmd_Mint, 5, ROOT_CPTR, SLOT(3), 2, -16ull, 22).error,
               SYS_ERR_MINT_INVALID);
    EXPECT_OK(delete_cap(SLOT(2)));
    cr_expect_eq(cap_at(alice, SLOT(3))->type, ObjType_Null);
    cr_expect_eq(cap_at(alice, SLOT(4))->type, ObjType_Null);
}
