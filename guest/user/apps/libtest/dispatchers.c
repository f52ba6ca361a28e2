/* SPDX-License-Identifier: MIT
 *
 * libtest: a second dispatcher in the same domain, on the same core, in the same address space and
 * CSpace (overview 1.1: "possible, but rare").  It has no threads and nothing of the library: its
 * run upcall counts in memory that both see and gives the core away.  So what the kernel promises a
 * dispatcher can be looked at alone: the first run resumes the disabled area, every later one is an
 * upcall; it sleeps without work; a message wakes it; and its end disturbs nobody.
 */
#include <barrelfish/ram_alloc.h>
#include <string.h>

#include "libtest.h"

#define SECOND_STACK_TOP 0x9000 /* in its frame */
#define SECOND_ENDPOINT 0xa000
#define SECOND_RUNS 3 /* before it sleeps for the first time */

static volatile unsigned first_runs, upcalls, undelivered;

static void __attribute__((noreturn)) give_core_away(struct dispatcher_shared *me)
{
    me->haswork = upcalls < SECOND_RUNS;
    me->notify_seen = me->notified;
    me->lmp_seen = me->lmp_delivered;
    sys_yield(0);
    libtest_failed(__FILE__, __LINE__, "a yield does not return");
}

/* Entered without a return address: the stack is 8 bytes off what a call leaves. */
static void __attribute__((noreturn, force_align_arg_pointer))
second_first_run(struct dispatcher_shared *me)
{
    first_runs++;
    give_core_away(me);
}

static void __attribute__((noreturn, force_align_arg_pointer))
second_run(struct dispatcher_shared *me)
{
    upcalls++;
    undelivered += me->lmp_delivered - me->lmp_seen;
    give_core_away(me);
}

static struct dispatcher_shared *make_frame(struct capref *frame)
{
    void *address;

    CHECK_OK(frame_alloc(frame, DISPATCHER_FRAME_BYTES, NULL));
    CHECK_OK(vspace_map_one_frame(&address, DISPATCHER_FRAME_BYTES, *frame, NULL, NULL));
    struct dispatcher_shared *me = address;
    struct registers_x86_64 *start = &me->disabled_save_area;

    memcpy(me->name, "second", sizeof("second"));
    me->udisp = (lvaddr_t)me;
    me->upcall_stack = (lvaddr_t)me + SECOND_STACK_TOP;
    me->dispatcher_run = (lvaddr_t)second_run;
    start->rip = (lvaddr_t)second_first_run;
    start->rdi = (lvaddr_t)me;
    start->rsp = me->upcall_stack;
    start->eflags = 0x202;
    *(uint16_t *)&start->fxsave_area[0] = 0x37f;
    *(uint32_t *)&start->fxsave_area[24] = 0x1f80;
    return me;
}

/* Lets the other dispatcher run as often as it wants to, and more. */
static void let_run(void)
{
    for (unsigned i = 0; i < 4 * SECOND_RUNS; i++)
        thread_yield_dispatcher(NULL_CAP);
}

void test_dispatchers(void)
{
    struct capref dispatcher, frame, fresh, endpoint;
    uintptr_t message[LMP_MSG_WORDS] = { 1, 2, 3 };

    CHECK_OK(slot_alloc(&dispatcher));
    CHECK_OK(dispatcher_create(dispatcher));
    struct dispatcher_shared *me = make_frame(&frame);

    /* not before it has everything */
    CHECK(err_is_fail(
        invoke_dispatcher_setup(dispatcher, cap_root, NULL_CAP, NULL_CAP, true, 0, NULL_CAP)));
    CHECK_OK(invoke_dispatcher_setup(dispatcher, cap_root, cap_vroot, frame, false, 0, NULL_CAP));
    let_run();
    CHECK(first_runs == 0);
    CHECK(err_is_fail(
        invoke_dispatcher_setup(dispatcher, cap_root, NULL_CAP, NULL_CAP, true, 0, NULL_CAP)));
    CHECK_OK(invoke_dispatcher_setup(dispatcher, NULL_CAP, NULL_CAP, NULL_CAP, true, 0, NULL_CAP));
    let_run();
    CHECK(first_runs == 1 && upcalls == SECOND_RUNS);
    let_run();
    CHECK(upcalls == SECOND_RUNS); /* it sleeps */

    CHECK_OK(slot_alloc(&fresh));
    CHECK_OK(slot_alloc(&endpoint));
    CHECK_OK(cap_retype(fresh, dispatcher, 0, ObjType_EndPointLMP, 0, 1));
    CHECK_OK(cap_mint(endpoint, fresh, SECOND_ENDPOINT, LMP_ENDPOINT_MIN_WORDS));
    uint64_t header = invoke_header(get_cap_addr(endpoint), get_cap_level(endpoint), 0, 3, 0);
    CHECK_OK(sys_invoke_raw(header, 0, message).error);
    let_run();
    CHECK(upcalls == SECOND_RUNS + 1 && undelivered == 4);
    struct lmp_endpoint_kern *ep = (void *)((char *)me + SECOND_ENDPOINT);
    CHECK(ep->delivered == 4 && LMP_HEADER_LENGTH(ep->buf[0]) == 3 && ep->buf[3] == 3);

    /* the end of one leaves the address space to the other, and nothing to send to */
    CHECK_OK(cap_destroy(dispatcher));
    CHECK(err_is_fail(sys_invoke_raw(header, 0, message).error));
    CHECK_OK(slot_free(fresh)); /* endpoints end with their dispatcher */
    CHECK_OK(slot_free(endpoint));
    CHECK_OK(vspace_unmap(me));
    CHECK_OK(cap_destroy(frame));
    let_run();
    CHECK(upcalls == SECOND_RUNS + 1);
}
