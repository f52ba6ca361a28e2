/* SPDX-License-Identifier: MIT
 *
 * Waitsets: channels that are ready, whose event is in no queue (waitset_chan_make_ready_disabled).
 *
 * Nobody may see a difference: every sequence of a few operations is made twice, once with channels
 * made ready and once with channels triggered, and what comes must come in the same order.
 */
/* link: guest/user/lib/barrelfish/ring/crc32c.c guest/user/lib/barrelfish/ring/ump_check.c */
/* link: guest/user/lib/barrelfish/events/waitset.c */
/* link: guest/user/lib/barrelfish/events/waitset_chan.c */
#include "waitset_fixture.h"

#include "../../guest/user/lib/barrelfish/events/waitset_priv.h"

TestSuite(waitset_ready, .timeout = 600);

static struct waitset elsewhere;
static bool make_ready; /* not: trigger */

static void listen(unsigned i, enum ws_chanstate home)
{
    dispatcher_handle_t handle = disp_disable();

    OK(waitset_chan_register_holding_disabled(&ws, &chan[i], NOTE(i), home, handle));
    disp_enable(handle);
}

static void set_up(void)
{
    waitset_set_up(true);
    waitset_init(&elsewhere);
    get_dispatcher_generic(curdispatcher())->ready_channel = NULL;
    get_dispatcher_generic(curdispatcher())->polled_channels = NULL;
    make_ready = true;
    listen(0, CHAN_IDLE);
    listen(1, CHAN_IDLE);
    OK(waitset_chan_register_persistent(&ws, &chan[2], NOTE(2)));
    listen(3, CHAN_POLLED);
}

/* As the library does when a message has come. */
static void comes(unsigned i)
{
    dispatcher_handle_t handle = disp_disable();

    if (!make_ready || !waitset_chan_make_ready_disabled(&chan[i], handle))
        (void)waitset_chan_trigger_disabled(&chan[i], handle);
    disp_enable(handle);
}

static bool is_ready(unsigned i)
{
    return get_dispatcher_generic(curdispatcher())->ready_channel == &chan[i];
}

/* ---- one at a time ---- */

Test(waitset_ready, goes_straight_to_the_next_dispatch)
{
    set_up();
    for (unsigned i = 0; i < 2; i++) {
        comes(0);
        cr_assert(is_ready(0));
        cr_assert_null(ws.pending);
        OK(event_dispatch(&ws));
        cr_assert(!is_ready(0) && chan[0].held);
        waitset_chan_listen_disabled(&chan[0]);
    }
    expect_order(2, 0, 0);
}

Test(waitset_ready, is_not_taken_until_a_dispatch_takes_it)
{
    set_up();
    comes(0);
    cr_assert(is_ready(0));
    cr_expect(!waitset_chan_is_taken_disabled(&chan[0], curdispatcher()));
    OK(event_dispatch(&ws));
    cr_expect(waitset_chan_is_taken_disabled(&chan[0], curdispatcher()));
    waitset_chan_listen_disabled(&chan[0]);
    comes(0);
    OK(waitset_chan_deregister(&chan[0])); /* its event is dropped, and nobody has it */
    cr_expect(!is_ready(0) && !chan[0].held);
    cr_expect(!waitset_chan_is_taken_disabled(&chan[0], curdispatcher()));
}

Test(waitset_ready, only_one_is_and_none_behind_another_event)
{
    set_up();
    comes(0);
    comes(1); /* which queues the first */
    cr_assert(!is_ready(0) && !is_ready(1));
    cr_assert(ws.pending == &chan[0] && chan[0].next == &chan[1]);
    comes(2);
    OK(event_dispatch(&ws));
    OK(event_dispatch(&ws));
    OK(event_dispatch(&ws));
    expect_order(3, 0, 1, 2);
}

Test(waitset_ready, an_event_counts_wherever_somebody_looks)
{
    set_up();
    comes(0);
    FAILS(waitset_chan_trigger(&chan[0]), LIB_ERR_WAITSET_CHAN_BUSY);
    FAILS(waitset_destroy(&ws), LIB_ERR_WAITSET_IN_USE);
    OK(event_dispatch_non_block(&ws));
    waitset_chan_listen_disabled(&chan[0]);
    comes(0);
    OK(check_for_event(&ws));
    OK(event_dispatch_non_block(&ws));
    FAILS(event_dispatch_non_block(&ws), LIB_ERR_NO_EVENT);
    expect_order(2, 0, 0);
}

Test(waitset_ready, goes_with_its_channel)
{
    set_up();
    comes(0);
    OK(waitset_chan_deregister(&chan[0]));
    cr_assert(!is_ready(0));
    FAILS(event_dispatch_non_block(&ws), LIB_ERR_NO_EVENT);
    comes(1);
    waitset_chan_migrate(&chan[1], &elsewhere);
    FAILS(event_dispatch_non_block(&ws), LIB_ERR_NO_EVENT);
    OK(event_dispatch_non_block(&elsewhere));
    expect_order(1, 1);
}

Test(waitset_ready, event_of_another_waitset_does_not_disturb)
{
    set_up();
    waitset_chan_migrate(&chan[0], &elsewhere);
    comes(0);
    cr_assert(is_ready(0));
    FAILS(event_dispatch_non_block(&ws), LIB_ERR_NO_EVENT);
    OK(event_dispatch(&elsewhere));
    expect_order(1, 0);
}

/* ---- every sequence ---- */

enum operation {
    COMES_0,
    COMES_1,
    TRIGGER,
    POLLED,
    DISPATCH,
    TRY,
    CHECK,
    AGAIN, /* deregister, register */
    MIGRATE,
    OPERATIONS
};
#define LENGTH 6

static bool is_there_one(void)
{
    return is_ready(0) || is_ready(1) || ws.pending != NULL || line[3].control != 0;
}

/* The handlers' other half: listen again. */
static void after(unsigned before)
{
    if (order_count == before)
        return;
    const unsigned i = order[order_count - 1];
    if (i == 3)
        line_is_done(3);
    if (i != 2)
        waitset_chan_listen_disabled(&chan[i]);
}

static void operate(enum operation what)
{
    const unsigned before = order_count;

    switch (what) {
    case COMES_0:
    case COMES_1:
        comes(what - COMES_0);
        break;
    case TRIGGER:
        (void)waitset_chan_trigger(&chan[2]);
        break;
    case POLLED:
        message_comes(3);
        break;
    case DISPATCH:
        if (chan[1].waitset == &ws && is_there_one()) {
            OK(event_dispatch(&ws));
            after(before);
        }
        break;
    case TRY:
        if (err_is_ok(event_dispatch_non_block(&ws)))
            after(before);
        break;
    case CHECK:
        order[order_count++] = 10 + (unsigned)err_is_ok(check_for_event(&ws));
        break;
    case AGAIN:
        OK(waitset_chan_deregister(&chan[0]));
        listen(0, CHAN_IDLE);
        break;
    default:
        waitset_chan_migrate(&chan[1], chan[1].waitset == &ws ? &elsewhere : &ws);
    }
}

static unsigned ready_seen;

static void run(unsigned sequence, bool ready)
{
    set_up();
    make_ready = ready;
    for (unsigned i = 0; i < LENGTH; i++, sequence /= OPERATIONS) {
        operate(sequence % OPERATIONS);
        ready_seen += is_ready(0) || is_ready(1);
    }
    for (unsigned i = 0; i < 6; i++) /* what is left */
        operate(TRY);
}

Test(waitset_ready, nobody_sees_a_difference)
{
    unsigned all = 1;

    for (unsigned i = 0; i < LENGTH; i++)
        all *= OPERATIONS;
    for (unsigned sequence = 0; sequence < all; sequence++) {
        unsigned expected[64], count;

        run(sequence, false);
        memcpy(expected, order, sizeof(order));
        count = order_count;
        run(sequence, true);
        cr_assert_eq(order_count, count, "sequence %u", sequence);
        cr_assert_eq(memcmp(expected, order, count * sizeof(*order)), 0, "sequence %u", sequence);
    }
    cr_assert_gt(ready_seen, all / 4);
}
