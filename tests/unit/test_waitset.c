/* SPDX-License-Identifier: MIT
 *
 * Waitsets: states of channels, who gets which event, who is woken (facts §8).
 */
/* link: guest/user/lib/barrelfish/ring/crc32c.c guest/user/lib/barrelfish/ring/ump_check.c */
/* link: guest/user/lib/barrelfish/events/waitset.c guest/user/lib/barrelfish/events/waitset_chan.c */
#include "waitset_fixture.h"

static void set_up(void)
{
    waitset_set_up(false);
}

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
    for (unsigned i = 0; i < CHANNELS; i++)
        OK(waitset_chan_register(&ws, &chan[i], NOTE(i)));
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
