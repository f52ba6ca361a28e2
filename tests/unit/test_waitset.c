/* SPDX-License-Identifier: MIT
 *
 * Waitsets: states of channels, who gets which event, who is woken (facts §8).
 */
/* link: guest/user/lib/barrelfish/waitset.c guest/user/lib/barrelfish/waitset_chan.c */
#include "fake_dispatcher.h"

#include <barrelfish/ump_chan.h>
#include <barrelfish/waitset_chan.h>
#include <stdarg.h>
#include <stdlib.h>

#define CHANNELS 4

static struct waitset ws;
static struct waitset_chanstate chan[CHANNELS];
static unsigned order[64], order_count;
static bool ready[CHANNELS];    /* polled channels that have something */
static struct ump_message line; /* in all their rings; what it is, ready[] says */
static struct ump_chan ump[CHANNELS];
static unsigned polls;
static struct waitset_chanstate *unpolled_event; /* found by the dispatcher whenever it looks */

static void note(void *arg);

/* What the dispatcher does when a thread looks for events. */
void disp_check_unpolled_disabled(dispatcher_handle_t handle)
{
    cr_assert(disp_is_disabled(handle));
    if (unpolled_event != NULL && !waitset_chan_is_registered(unpolled_event)) {
        struct event_closure closure = MKCLOSURE(note, (void *)(unpolled_event - chan));
        cr_assert(
            err_is_ok(waitset_chan_trigger_closure_disabled(&ws, unpolled_event, closure, handle)));
    }
}

void disp_check_events_disabled(dispatcher_handle_t handle)
{
    cr_assert(disp_is_disabled(handle));
    poll_channels_disabled(handle);
}

bool ump_endpoint_poll(struct waitset_chanstate *c)
{
    polls++;
    return ready[c - chan];
}

static void note(void *arg)
{
    order[order_count++] = (unsigned)(uintptr_t)arg;
}
#define NOTE(i) MKCLOSURE(note, (void *)(uintptr_t)(i))

static void set_up(void)
{
    fake_reset();
    get_dispatcher_shared(curdispatcher())->lmp_delivered =
        1; /* there is always something to look for */
    waitset_init(&ws);
    for (unsigned i = 0; i < CHANNELS; i++) {
        waitset_chanstate_init(&chan[i], CHANTYPE_UMP_IN);
        ump[i].ring.recv.buf = &line; /* of the epoch 0, as the ring */
        chan[i].arg = &ump[i];
        ready[i] = false;
    }
    order_count = polls = 0;
    unpolled_event = NULL;
}

static void expect_order(unsigned count, ...)
{
    va_list args;

    cr_assert_eq(order_count, count, "%u events, expected %u", order_count, count);
    va_start(args, count);
    for (unsigned i = 0; i < count; i++) {
        cr_assert_eq(order[i], va_arg(args, unsigned), "event %u", i);
    }
    va_end(args);
}

#define OK(err) cr_assert(err_is_ok(err))
#define FAILS(err, code) cr_assert_eq(err_no(err), (code))

TestSuite(waitset, .init = set_up, .timeout = 60);

Test(waitset, event_is_delivered_once_and_the_channel_is_unregistered)
{
    OK(waitset_chan_register(&ws, &chan[0], NOTE(7)));
    cr_assert_eq(chan[0].state, CHAN_IDLE);
    FAILS(waitset_chan_register(&ws, &chan[0], NOTE(7)), LIB_ERR_CHAN_ALREADY_REGISTERED);
    OK(waitset_chan_trigger(&chan[0]));
    cr_assert_eq(chan[0].state, CHAN_PENDING);
    FAILS(waitset_chan_trigger(&chan[0]), LIB_ERR_WAITSET_CHAN_BUSY);
    OK(event_dispatch(&ws));
    cr_assert_eq(chan[0].state, CHAN_UNREGISTERED);
    FAILS(waitset_chan_trigger(&chan[0]), LIB_ERR_CHAN_NOT_REGISTERED);
    FAILS(event_dispatch_non_block(&ws), LIB_ERR_NO_EVENT);
    expect_order(1, 7);
    cr_assert(!disp_is_disabled(curdispatcher()));
}

Test(waitset, events_come_in_the_order_of_their_triggers)
{
    for (unsigned i = 0; i < CHANNELS; i++) {
        OK(waitset_chan_register(&ws, &chan[i], NOTE(i)));
    }
    OK(waitset_chan_trigger(&chan[2]));
    OK(waitset_chan_trigger(&chan[0]));
    OK(waitset_chan_trigger(&chan[3]));
    OK(waitset_chan_trigger(&chan[1]));
    for (unsigned i = 0; i < CHANNELS; i++) {
        OK(check_for_event(&ws));
        OK(event_dispatch(&ws));
    }
    FAILS(check_for_event(&ws), LIB_ERR_NO_EVENT);
    expect_order(4, 2, 0, 3, 1);
}

Test(waitset, trigger_closure_needs_no_registration)
{
    OK(waitset_chan_trigger_closure(&ws, &chan[0], NOTE(1)));
    FAILS(waitset_chan_trigger_closure(&ws, &chan[0], NOTE(1)), LIB_ERR_CHAN_ALREADY_REGISTERED);
    OK(event_dispatch_non_block(&ws));
    expect_order(1, 1);
}

Test(waitset, persistent_channel_is_armed_again_when_its_event_is_taken)
{
    OK(waitset_chan_register_persistent(&ws, &chan[0], NOTE(1)));
    for (unsigned i = 0; i < 3; i++) {
        OK(waitset_chan_trigger(&chan[0]));
        OK(event_dispatch(&ws));
        cr_assert_eq(chan[0].state, CHAN_IDLE);
    }
    expect_order(3, 1, 1, 1);
}

static errval_t register_holding(unsigned i, enum ws_chanstate home)
{
    dispatcher_handle_t handle = disp_disable();
    errval_t err = waitset_chan_register_holding_disabled(&ws, &chan[i], NOTE(i), home, handle);

    disp_enable(handle);
    return err;
}

Test(waitset, holding_channel_is_deaf_from_its_event_until_it_listens)
{
    OK(register_holding(1, CHAN_IDLE));
    FAILS(waitset_chan_register(&ws, &chan[1], NOTE(1)), LIB_ERR_CHAN_ALREADY_REGISTERED);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert(waitset_chan_is_armed(&chan[1]));
        OK(waitset_chan_trigger(&chan[1]));
        OK(event_dispatch(&ws));
        cr_assert(waitset_chan_is_registered(&chan[1]) && !waitset_chan_is_armed(&chan[1]));
        FAILS(waitset_chan_trigger(&chan[1]), LIB_ERR_WAITSET_CHAN_BUSY);
        FAILS(event_dispatch_non_block(&ws), LIB_ERR_NO_EVENT);
        waitset_chan_listen_disabled(&chan[1]);
    }
    expect_order(3, 1, 1, 1);
}

Test(waitset, held_channel_may_leave_and_come_again)
{
    OK(register_holding(1, CHAN_POLLED));
    ready[1] = true;
    OK(event_dispatch(&ws));
    OK(waitset_chan_deregister(&chan[1]));
    cr_assert_null(fake_disp()->polled_channels);
    cr_assert_null(ws.polled);
    OK(waitset_chan_register(&ws, &chan[1], NOTE(7)));
    OK(waitset_chan_trigger(&chan[1]));
    OK(event_dispatch(&ws));
    cr_assert_eq(chan[1].state, CHAN_UNREGISTERED, "nothing of the first registration is left");
    expect_order(2, 1, 7);
}

Test(waitset, held_polled_channel_stays_in_its_place_and_is_not_polled)
{
    for (unsigned i = 0; i < 3; i++) {
        OK(i == 1 ? register_holding(i, CHAN_POLLED)
                  : waitset_chan_register_polled(&ws, &chan[i], NOTE(i)));
    }
    ready[1] = true;
    OK(event_dispatch(&ws));
    polls = 0;
    FAILS(event_dispatch_non_block(&ws), LIB_ERR_NO_EVENT);
    cr_assert_eq(polls, 2);
    disp_disable();
    cr_assert(!poll_channels_disabled(curdispatcher()));
    disp_enable(curdispatcher());
    waitset_chan_listen_disabled(&chan[1]);
    OK(event_dispatch(&ws));
    expect_order(2, 1, 1);
}

/* Found by the dispatcher, not by the thread that takes it: it became pending, and goes home. */
Test(waitset, holding_channel_goes_home_from_the_pending_ones)
{
    OK(register_holding(0, CHAN_POLLED));
    OK(register_holding(1, CHAN_IDLE));
    ready[0] = true;
    disp_disable();
    cr_assert(poll_channels_disabled(curdispatcher()));
    disp_enable(curdispatcher());
    cr_assert_eq(chan[0].state, CHAN_PENDING);
    cr_assert_null(fake_disp()->polled_channels);
    OK(waitset_chan_trigger(&chan[1]));
    OK(event_dispatch(&ws));
    OK(event_dispatch(&ws));
    expect_order(2, 0, 1);
    cr_assert(chan[0].state == CHAN_POLLED && chan[0].held);
    cr_assert(chan[1].state == CHAN_IDLE && chan[1].held);
    cr_assert_eq(fake_disp()->polled_channels, &chan[0]);
    OK(waitset_destroy(&ws));
    cr_assert(!chan[0].held && !waitset_chan_is_registered(&chan[0]));
}

Test(waitset, holding_channels_that_always_have_something_take_turns)
{
    for (unsigned i = 0; i < 3; i++) {
        OK(register_holding(i, CHAN_POLLED));
        ready[i] = true;
    }
    for (unsigned i = 0; i < 6; i++) {
        OK(event_dispatch(&ws));
        waitset_chan_listen_disabled(&chan[order[i]]);
    }
    expect_order(6, 0, 1, 2, 0, 1, 2);
}

Test(waitset, held_channel_moves_to_another_waitset)
{
    struct waitset other;

    waitset_init(&other);
    OK(register_holding(0, CHAN_POLLED));
    ready[0] = true;
    OK(event_dispatch(&ws));
    waitset_chan_migrate(&chan[0], &other);
    FAILS(event_dispatch_non_block(&other), LIB_ERR_NO_EVENT);
    waitset_chan_listen_disabled(&chan[0]);
    FAILS(event_dispatch_non_block(&ws), LIB_ERR_NO_EVENT);
    OK(event_dispatch(&other));
    expect_order(2, 0, 0);
}

Test(waitset, deregistering_drops_a_pending_event)
{
    OK(waitset_chan_register(&ws, &chan[0], NOTE(1)));
    OK(waitset_chan_trigger(&chan[0]));
    OK(waitset_chan_deregister(&chan[0]));
    FAILS(waitset_chan_deregister(&chan[0]), LIB_ERR_CHAN_NOT_REGISTERED);
    FAILS(event_dispatch_non_block(&ws), LIB_ERR_NO_EVENT);
}

Test(waitset, destroy_is_refused_while_events_are_pending)
{
    OK(waitset_chan_register(&ws, &chan[0], NOTE(0)));
    OK(waitset_chan_register_polled(&ws, &chan[1], NOTE(1)));
    OK(waitset_chan_trigger(&chan[0]));
    FAILS(waitset_destroy(&ws), LIB_ERR_WAITSET_IN_USE);
    OK(event_dispatch(&ws));
    OK(waitset_destroy(&ws));
    cr_assert_eq(chan[1].state, CHAN_UNREGISTERED);
    cr_assert_null(fake_disp()->polled_channels);
}

Test(waitset, only_polled_channels_that_have_something_fire)
{
    for (unsigned i = 0; i < CHANNELS; i++) {
        OK(waitset_chan_register_polled(&ws, &chan[i], NOTE(i)));
    }
    FAILS(event_dispatch_non_block(&ws), LIB_ERR_NO_EVENT);
    cr_assert_eq(polls, CHANNELS);
    ready[0] = ready[1] = ready[3] = true; /* first, neighbours, last */
    OK(event_dispatch(&ws));
    cr_assert_eq(polls, CHANNELS + 1, "the first is taken where it is found");
    OK(event_dispatch(&ws));
    OK(event_dispatch(&ws));
    cr_assert_eq(polls, 2 * CHANNELS, "polling went on where it had stopped");
    expect_order(3, 0, 1, 3);
    cr_assert_eq(chan[2].state, CHAN_POLLED);
    cr_assert(fake_disp()->polled_channels == &chan[2]);
    ready[2] = true;
    OK(event_dispatch(&ws));
    cr_assert_null(fake_disp()->polled_channels);
}

Test(waitset, all_polled_channels_may_fire_at_once)
{
    for (unsigned i = 0; i < CHANNELS; i++) {
        OK(waitset_chan_register_polled(&ws, &chan[i], NOTE(i)));
        ready[i] = true;
    }
    dispatcher_handle_t handle = disp_disable();
    cr_assert(poll_channels_disabled(handle));
    disp_enable(handle);
    cr_assert_eq(polls, CHANNELS);
    cr_assert_null(fake_disp()->polled_channels);
    for (unsigned i = 0; i < CHANNELS; i++) {
        OK(event_dispatch(&ws));
    }
    expect_order(4, 0, 1, 2, 3);
}

static void notes_and_listens_again(void *arg)
{
    note(arg);
    OK(waitset_chan_register_polled(&ws, &chan[(uintptr_t)arg],
                                    MKCLOSURE(notes_and_listens_again, arg)));
}

Test(waitset, channels_that_always_have_something_take_turns)
{
    for (uintptr_t i = 0; i < 3; i++) {
        OK(waitset_chan_register_polled(&ws, &chan[i],
                                        MKCLOSURE(notes_and_listens_again, (void *)i)));
        ready[i] = true;
    }
    for (unsigned i = 0; i < 6; i++) {
        OK(event_dispatch(&ws));
    }
    expect_order(6, 0, 1, 2, 0, 1, 2);
    ready[0] = ready[1] = ready[2] = false;
}

/* Events of another kind that never end, as messages over LMP might. */
Test(waitset, other_events_do_not_hold_back_polled_channels)
{
    OK(waitset_chan_register_polled(&ws, &chan[0], NOTE(0)));
    ready[0] = true;
    unpolled_event = &chan[1];
    OK(event_dispatch(&ws));
    OK(event_dispatch(&ws));
    expect_order(2, 1, 0);
}

Test(waitset, polling_begins_behind_the_channel_that_had_something)
{
    for (unsigned i = 0; i < 3; i++) {
        OK(waitset_chan_register_polled(&ws, &chan[i], NOTE(i)));
    }
    ready[1] = true;
    OK(event_dispatch(&ws));
    ready[0] = ready[2] = true;
    OK(event_dispatch(&ws));
    expect_order(2, 1, 2);
}

static unsigned polls_before_idle;

static void message_comes_while_idle(dispatcher_handle_t handle)
{
    polls_before_idle = polls;
    ready[0] = true;
    poll_channels_disabled(handle);
}

Test(waitset, thread_polls_a_bounded_number_of_times_then_blocks)
{
    OK(waitset_chan_register_polled(&ws, &chan[0], NOTE(1)));
    fake_idle = message_comes_while_idle;
    OK(event_dispatch(&ws));
    expect_order(1, 1);
    cr_assert_eq(fake_blocked_calls, 1);
    cr_assert(polls_before_idle >= UMP_POLL_BUDGET && polls_before_idle <= UMP_POLL_BUDGET + 1,
              "%u polls", polls_before_idle);
}

Test(waitset, many_channels_are_polled_in_fewer_rounds)
{
    enum { MANY = 200, FEWER = UMP_POLL_LOOKS / UMP_POLL_BUDGET };
    static struct waitset_chanstate many[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        waitset_chanstate_init(&many[i], CHANTYPE_UMP_IN);
        OK(waitset_chan_register_polled(&ws, &many[i], NOTE(1)));
        unsigned rounds = poll_rounds_disabled(curdispatcher());
        cr_assert(rounds >= UMP_POLL_ROUNDS_LEAST && rounds <= UMP_POLL_BUDGET);
        cr_assert(i + 1 > FEWER || rounds == UMP_POLL_BUDGET, "%u channels: %u rounds", i + 1,
                  rounds);
        cr_assert(rounds * (i + 1) <= UMP_POLL_LOOKS || rounds == UMP_POLL_ROUNDS_LEAST,
                  "%u channels: %u rounds", i + 1, rounds);
    }
    cr_assert_eq(poll_rounds_disabled(curdispatcher()), UMP_POLL_ROUNDS_LEAST);
    for (unsigned i = 0; i < MANY; i++)
        OK(waitset_chan_deregister(&many[i]));
    cr_assert_eq(poll_rounds_disabled(curdispatcher()), UMP_POLL_BUDGET);
}

Test(waitset, event_with_a_token_is_not_for_everybody)
{
    OK(waitset_chan_register(&ws, &chan[0], NOTE(1)));
    chan[0].token = 4;
    OK(waitset_chan_trigger(&chan[0]));
    FAILS(event_dispatch_non_block(&ws), LIB_ERR_NO_EVENT);
    thread_self()->token = 4;
    OK(wait_for_channel(&ws, &chan[0], NULL));
}

Test(waitset, channel_without_handler_is_for_wait_for_channel_only)
{
    OK(waitset_chan_register(&ws, &chan[0], NOP_CLOSURE));
    OK(waitset_chan_trigger(&chan[0]));
    FAILS(event_dispatch_non_block(&ws), LIB_ERR_NO_EVENT);
    FAILS(check_for_event(&ws), LIB_ERR_NO_EVENT);
    OK(wait_for_channel(&ws, &chan[0], NULL)); /* it was pending already */
    cr_assert_eq(chan[0].state, CHAN_UNREGISTERED);
    cr_assert_eq(fake_blocked_calls, 0);
}

static void triggers_awaited(void *arg)
{
    note(arg);
    OK(waitset_chan_trigger(&chan[0]));
}

Test(waitset, wait_for_channel_serves_other_events_and_does_not_run_its_own)
{
    OK(waitset_chan_register(&ws, &chan[0], NOTE(99)));
    OK(waitset_chan_trigger_closure(&ws, &chan[1], NOTE(1)));
    OK(waitset_chan_trigger_closure(&ws, &chan[2], MKCLOSURE(triggers_awaited, (void *)2)));
    OK(waitset_chan_trigger_closure(&ws, &chan[3], NOTE(3)));
    OK(wait_for_channel(&ws, &chan[0], NULL));
    expect_order(2, 1, 2); /* the awaited event comes before chan[3]'s */
    OK(event_dispatch(&ws));
    expect_order(3, 1, 2, 3);
}

static struct waitset_chanstate inner;

static void waits_inside(void *arg)
{
    note(arg);
    OK(waitset_chan_register(&ws, &inner, NOP_CLOSURE));
    OK(waitset_chan_trigger(&chan[0])); /* the outer wait's event comes first */
    OK(waitset_chan_trigger(&inner));
    OK(wait_for_channel(&ws, &inner, NULL));
    note((void *)5);
}

Test(waitset, waits_nest_and_each_gets_its_own_event)
{
    waitset_chanstate_init(&inner, CHANTYPE_OTHER);
    OK(waitset_chan_register(&ws, &chan[0], NOP_CLOSURE));
    OK(waitset_chan_trigger_closure(&ws, &chan[1], MKCLOSURE(waits_inside, (void *)1)));
    OK(wait_for_channel(&ws, &chan[0], NULL));
    expect_order(2, 1, 5);
}

static errval_t broken;

static void breaks(void *arg)
{
    note(arg);
    broken = FLOUNDER_ERR_BINDING_CLOSED;
}

Test(waitset, wait_for_channel_ends_when_the_error_variable_is_set)
{
    broken = SYS_ERR_OK;
    OK(waitset_chan_register(&ws, &chan[0], NOP_CLOSURE));
    OK(waitset_chan_trigger_closure(&ws, &chan[1], MKCLOSURE(breaks, (void *)1)));
    FAILS(wait_for_channel(&ws, &chan[0], &broken), FLOUNDER_ERR_BINDING_CLOSED);
    OK(waitset_chan_deregister(&chan[0]));
}

/* ---- several threads ---- */

static void dispatches_one(void *arg)
{
    OK(event_dispatch(&ws));
    note(arg);
}

Test(waitset, one_event_wakes_one_of_two_blocked_threads)
{
    struct fake_thread a, b;

    fake_thread_start(&a, 2, dispatches_one, (void *)100);
    fake_thread_start(&b, 3, dispatches_one, (void *)200);
    OK(waitset_chan_register(&ws, &chan[0], NOTE(1)));
    OK(waitset_chan_register(&ws, &chan[1], NOTE(2)));
    fake_yield();
    cr_assert_eq(fake_blocked_calls, 2);
    OK(waitset_chan_trigger(&chan[0]));
    fake_thread_join(&a);
    expect_order(2, 1, 100);
    cr_assert(!b.ended && b.thread.state == THREAD_BLOCKED);
    FAILS(waitset_destroy(&ws), LIB_ERR_WAITSET_IN_USE);
    OK(waitset_chan_trigger(&chan[1]));
    fake_thread_join(&b);
    expect_order(4, 1, 100, 2, 200);
}

static void waits_for_0(void *arg)
{
    OK(wait_for_channel(&ws, &chan[0], NULL));
    note(arg);
}

Test(waitset, event_nobody_blocked_may_take_waits_for_its_thread)
{
    struct fake_thread a, b;

    OK(waitset_chan_register(&ws, &chan[0], NOP_CLOSURE));
    fake_thread_start(&a, 2, dispatches_one, (void *)100);
    fake_yield();
    cr_assert_eq(a.thread.state, THREAD_BLOCKED);
    OK(waitset_chan_trigger(&chan[0]));
    cr_assert_eq(chan[0].state, CHAN_WAITING);
    cr_assert_eq(a.thread.state, THREAD_BLOCKED, "woken for an event it may not take");
    fake_thread_start(&b, 3, waits_for_0, (void *)200);
    fake_thread_join(&b);
    expect_order(1, 200);
    OK(waitset_chan_trigger_closure(&ws, &chan[1], NOTE(1)));
    fake_thread_join(&a);
    expect_order(3, 200, 1, 100);
}

Test(waitset, waiting_event_is_found_by_event_dispatch_of_its_thread)
{
    struct fake_thread a, b;

    fake_thread_start(&a, 2, dispatches_one, (void *)100);
    fake_yield();
    OK(waitset_chan_register(&ws, &chan[0], NOTE(1)));
    chan[0].wait_for = &b.thread;
    OK(waitset_chan_trigger(&chan[0]));
    cr_assert_eq(chan[0].state, CHAN_WAITING);
    fake_thread_start(&b, 3, dispatches_one, (void *)200);
    fake_thread_join(&b);
    expect_order(2, 1, 200);
    OK(waitset_chan_trigger_closure(&ws, &chan[1], NOTE(2)));
    fake_thread_join(&a);
}

Test(waitset, reserved_channel_is_taken_by_its_thread_only)
{
    struct fake_thread a, b;

    fake_thread_start(&a, 2, dispatches_one, (void *)100);
    fake_thread_start(&b, 3, dispatches_one, (void *)200);
    OK(waitset_chan_register(&ws, &chan[0], NOTE(1)));
    chan[0].wait_for = &b.thread;
    fake_yield();
    OK(waitset_chan_trigger(&chan[0]));
    cr_assert_eq(a.thread.state, THREAD_BLOCKED);
    fake_thread_join(&b);
    expect_order(2, 1, 200);
    OK(waitset_chan_trigger_closure(&ws, &chan[1], NOTE(2)));
    fake_thread_join(&a);
}

Test(waitset, event_with_a_token_goes_to_the_call_with_that_token)
{
    struct fake_thread a, b;

    fake_thread_start(&a, 2, waits_for_0, (void *)100);
    fake_thread_start(&b, 3, waits_for_0, (void *)200);
    a.thread.token = 10;
    b.thread.token = 20;
    OK(waitset_chan_register_persistent(&ws, &chan[0], NOP_CLOSURE));
    fake_yield();
    chan[0].token = 20;
    OK(waitset_chan_trigger(&chan[0]));
    cr_assert_eq(a.thread.state, THREAD_BLOCKED);
    fake_thread_join(&b);
    chan[0].token = 10;
    OK(waitset_chan_trigger(&chan[0]));
    fake_thread_join(&a);
    expect_order(2, 200, 100);
}

Test(waitset, migrating_a_pending_event_wakes_who_waits_there)
{
    struct fake_thread a;
    struct waitset other;

    waitset_init(&other);
    OK(waitset_chan_trigger_closure(&other, &chan[0], NOTE(1)));
    fake_thread_start(&a, 2, dispatches_one, (void *)100);
    fake_yield();
    waitset_chan_migrate(&chan[0], &ws);
    fake_thread_join(&a);
    expect_order(2, 1, 100);
    OK(waitset_destroy(&other));
}

/* Random operations against a model: each trigger that is accepted is delivered exactly once. */
Test(waitset, random_operations_deliver_every_accepted_trigger_once)
{
    unsigned accepted = 0, dropped = 0;
    unsigned random = 12345;

    for (unsigned step = 0; step < 200000; step++) {
        random = random * 1103515245 + 12345;
        struct waitset_chanstate *c = &chan[random >> 16 & 3];
        enum ws_chanstate state = c->state;
        errval_t err;

        order_count = 0;
        switch (random >> 20 & 7) {
        case 0:
        case 1:
            err = waitset_chan_register(&ws, c, NOTE(c - chan));
            cr_assert_eq(err_is_ok(err), state == CHAN_UNREGISTERED);
            break;
        case 2:
            err = waitset_chan_register_polled(&ws, c, NOTE(c - chan));
            cr_assert_eq(err_is_ok(err), state == CHAN_UNREGISTERED);
            break;
        case 3:
        case 4:
            err = waitset_chan_trigger(c);
            cr_assert_eq(err_is_ok(err), state == CHAN_IDLE || state == CHAN_POLLED);
            accepted += err_is_ok(err);
            break;
        case 5:
            err = waitset_chan_deregister(c);
            cr_assert_eq(err_is_ok(err), state != CHAN_UNREGISTERED);
            dropped += state == CHAN_PENDING;
            break;
        default:
            err = event_dispatch_non_block(&ws);
            cr_assert_eq(err_is_ok(err), accepted > dropped);
            cr_assert_eq(order_count, err_is_ok(err) ? 1 : 0);
            accepted -= err_is_ok(err);
        }
    }
}
