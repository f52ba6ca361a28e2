/* SPDX-License-Identifier: MIT
 *
 * Waitsets: channels that are polled, and channels that listen for good (facts §8).
 *
 * Each test runs twice: with nothing but polled channels in sight, when threads take the short way
 * to a message, and with something else that may have events at any time, when they look
 * everywhere.
 */
/* link: guest/user/lib/barrelfish/ring/crc32c.c guest/user/lib/barrelfish/ring/ump_check.c */
/* link: guest/user/lib/barrelfish/events/waitset.c guest/user/lib/barrelfish/events/waitset_chan.c */
#include "waitset_fixture.h"

TestSuite(waitset_polled, .timeout = 60);

/* A test of both ways. */
#define BothWays(name)                      \
    static void name(void);                 \
    Test(waitset_polled, name)              \
    {                                       \
        for (int way = 0; way < 2; way++) { \
            waitset_set_up(way == 0);       \
            name();                         \
        }                                   \
    }                                       \
    static void name(void)

static bool is_short(void)
{
    return get_dispatcher_shared(curdispatcher())->lmp_delivered == 0;
}

static errval_t register_holding(unsigned i, enum ws_chanstate home)
{
    dispatcher_handle_t handle = disp_disable();
    errval_t err = waitset_chan_register_holding_disabled(&ws, &chan[i], NOTE(i), home, handle);

    disp_enable(handle);
    return err;
}

/* Or the tests would test one way twice. */
BothWays(listening_channel_is_found_the_short_way)
{
    struct waitset_chanstate *silent = &chan[0];

    OK(waitset_chan_register_polled(&ws, silent, NOTE(0)));
    OK(register_holding(1, CHAN_POLLED));
    message_comes(1);
    for (unsigned i = 0; i < 3; i++) {
        OK(i == 0 ? event_dispatch(&ws) : event_dispatch_non_block(&ws));
        waitset_chan_listen_disabled(&chan[1]);
    }
    cr_assert_eq(long_looks, is_short() ? 0 : 3);
    cr_assert(!disp_is_disabled(curdispatcher()));
    expect_order(3, 1, 1, 1);
}

BothWays(holding_channel_is_deaf_from_its_event_until_it_listens)
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

BothWays(held_channel_may_leave_and_come_again)
{
    OK(register_holding(1, CHAN_POLLED));
    message_comes(1);
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

BothWays(held_polled_channel_stays_in_its_place_and_is_not_polled)
{
    for (unsigned i = 0; i < 3; i++) {
        OK(i == 1 ? register_holding(i, CHAN_POLLED)
                  : waitset_chan_register_polled(&ws, &chan[i], NOTE(i)));
    }
    message_comes(1);
    OK(event_dispatch(&ws));
    long_looks = 0;
    FAILS(event_dispatch_non_block(&ws), LIB_ERR_NO_EVENT);
    cr_assert_eq(long_looks, 0);
    disp_disable();
    cr_assert(!poll_channels_disabled(curdispatcher()));
    disp_enable(curdispatcher());
    waitset_chan_listen_disabled(&chan[1]);
    OK(event_dispatch(&ws));
    expect_order(2, 1, 1);
}

/* Found by the dispatcher, not by the thread that takes it: it became pending, and goes home. */
BothWays(holding_channel_goes_home_from_the_pending_ones)
{
    OK(register_holding(0, CHAN_POLLED));
    OK(register_holding(1, CHAN_IDLE));
    message_comes(0);
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

BothWays(holding_channels_that_always_have_something_take_turns)
{
    for (unsigned i = 0; i < 3; i++) {
        OK(register_holding(i, CHAN_POLLED));
        message_comes(i);
    }
    for (unsigned i = 0; i < 6; i++) {
        OK(event_dispatch(&ws));
        waitset_chan_listen_disabled(&chan[order[i]]);
    }
    expect_order(6, 0, 1, 2, 0, 1, 2);
}

BothWays(held_channel_moves_to_another_waitset)
{
    struct waitset other;

    waitset_init(&other);
    OK(register_holding(0, CHAN_POLLED));
    message_comes(0);
    OK(event_dispatch(&ws));
    waitset_chan_migrate(&chan[0], &other);
    FAILS(event_dispatch_non_block(&other), LIB_ERR_NO_EVENT);
    waitset_chan_listen_disabled(&chan[0]);
    FAILS(event_dispatch_non_block(&ws), LIB_ERR_NO_EVENT);
    OK(event_dispatch(&other));
    expect_order(2, 0, 0);
}

BothWays(only_polled_channels_that_have_something_fire)
{
    for (unsigned i = 0; i < CHANNELS; i++)
        OK(waitset_chan_register_polled(&ws, &chan[i], NOTE(i)));
    FAILS(event_dispatch_non_block(&ws), LIB_ERR_NO_EVENT);
    message_comes(0); /* first, neighbours, last */
    message_comes(1);
    message_comes(3);
    OK(event_dispatch(&ws));
    cr_assert_eq(long_looks, 1, "the first is taken where it is found");
    OK(event_dispatch(&ws));
    OK(event_dispatch(&ws));
    expect_order(3, 0, 1, 3);
    cr_assert_eq(chan[2].state, CHAN_POLLED);
    cr_assert(fake_disp()->polled_channels == &chan[2]);
    message_comes(2);
    OK(event_dispatch(&ws));
    cr_assert_null(fake_disp()->polled_channels);
}

BothWays(all_polled_channels_may_fire_at_once)
{
    for (unsigned i = 0; i < CHANNELS; i++) {
        OK(waitset_chan_register_polled(&ws, &chan[i], NOTE(i)));
        message_comes(i);
    }
    dispatcher_handle_t handle = disp_disable();
    cr_assert(poll_channels_disabled(handle));
    disp_enable(handle);
    cr_assert_null(fake_disp()->polled_channels);
    for (unsigned i = 0; i < CHANNELS; i++)
        OK(event_dispatch(&ws));
    expect_order(4, 0, 1, 2, 3);
}

static void notes_and_listens_again(void *arg)
{
    note(arg);
    OK(waitset_chan_register_polled(&ws, &chan[(uintptr_t)arg],
                                    MKCLOSURE(notes_and_listens_again, arg)));
}

BothWays(channels_that_always_have_something_take_turns)
{
    for (uintptr_t i = 0; i < 3; i++) {
        OK(waitset_chan_register_polled(&ws, &chan[i],
                                        MKCLOSURE(notes_and_listens_again, (void *)i)));
        message_comes(i);
    }
    for (unsigned i = 0; i < 6; i++)
        OK(event_dispatch(&ws));
    expect_order(6, 0, 1, 2, 0, 1, 2);
}

/* Events of another kind that never end, as messages over LMP might. */
BothWays(other_events_do_not_hold_back_polled_channels)
{
    OK(waitset_chan_register_polled(&ws, &chan[0], NOTE(0)));
    message_comes(0);
    unpolled_event = &chan[1];
    get_dispatcher_shared(curdispatcher())->lmp_delivered = 1;
    OK(event_dispatch(&ws));
    OK(event_dispatch(&ws));
    expect_order(2, 1, 0);
}

BothWays(polling_begins_behind_the_channel_that_had_something)
{
    for (unsigned i = 0; i < 3; i++)
        OK(waitset_chan_register_polled(&ws, &chan[i], NOTE(i)));
    message_comes(1);
    OK(event_dispatch(&ws));
    message_comes(0);
    message_comes(2);
    OK(event_dispatch(&ws));
    expect_order(2, 1, 2);
}

static uint64_t polls_before_idle;

static void message_comes_while_idle(dispatcher_handle_t handle)
{
    polls_before_idle = fake_disp()->idle_polls;
    message_comes(0);
    poll_channels_disabled(handle);
}

BothWays(thread_polls_a_bounded_number_of_times_then_blocks)
{
    OK(waitset_chan_register_polled(&ws, &chan[0], NOTE(1)));
    fake_idle = message_comes_while_idle;
    polls_before_idle = 0;
    OK(event_dispatch(&ws));
    expect_order(1, 1);
    cr_assert_eq(fake_blocked_calls, 1);
    cr_assert_eq(polls_before_idle, UMP_POLL_THREAD * UMP_POLL_BUDGET);
}

Test(waitset_polled, many_channels_are_polled_in_fewer_rounds)
{
    waitset_set_up(true);
    enum { MANY = 200, FEWER = UMP_POLL_LOOKS / UMP_POLL_BUDGET };
    static struct waitset_chanstate many[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        waitset_chanstate_init(&many[i], CHANTYPE_UMP_IN);
        many[i].arg = &ump[0];
        many[i].look = look;
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

/* ---- what the short way must leave to the long one ---- */

BothWays(message_of_another_waitset_goes_there)
{
    struct waitset other;

    waitset_init(&other);
    OK(register_holding(0, CHAN_POLLED));
    OK(register_holding(1, CHAN_POLLED));
    waitset_chan_migrate(&chan[0], &other);
    message_comes(0);
    message_comes(1);
    OK(event_dispatch(&ws));
    cr_assert_eq(chan[0].state, CHAN_PENDING, "found on the way");
    OK(event_dispatch(&other));
    expect_order(2, 1, 0);
}

BothWays(acknowledgement_is_no_event)
{
    OK(register_holding(0, CHAN_POLLED));
    OK(register_holding(1, CHAN_POLLED));
    line_comes(0, UMP_MSGTYPE_ACK);
    FAILS(event_dispatch_non_block(&ws), LIB_ERR_NO_EVENT);
    message_comes(1);
    OK(event_dispatch(&ws));
    expect_order(1, 1);
    cr_assert_eq(chan[0].state, CHAN_POLLED);
}

BothWays(held_channel_with_another_message_does_not_hide_others)
{
    OK(register_holding(0, CHAN_POLLED));
    OK(register_holding(1, CHAN_POLLED));
    message_comes(0);
    OK(event_dispatch(&ws));
    fake_disp()->polled_channels = &chan[0]; /* again the first to be looked at */
    message_comes(1);
    OK(event_dispatch(&ws));
    FAILS(event_dispatch_non_block(&ws), LIB_ERR_NO_EVENT);
    expect_order(2, 0, 1);
}

BothWays(reserved_polled_channel_is_not_for_everybody)
{
    struct thread somebody = { .id = 9 };

    OK(register_holding(0, CHAN_POLLED));
    OK(register_holding(1, CHAN_POLLED));
    chan[0].wait_for = &somebody;
    chan[1].token = 4;
    message_comes(0);
    message_comes(1);
    FAILS(event_dispatch_non_block(&ws), LIB_ERR_NO_EVENT);
    thread_self()->token = 4;
    OK(wait_for_channel(&ws, &chan[1], NULL));
    expect_order(0);
}

BothWays(polled_channel_may_be_waited_for)
{
    OK(waitset_chan_register_polled(&ws, &chan[0], NOP_CLOSURE));
    OK(register_holding(1, CHAN_POLLED));
    message_comes(0);
    message_comes(1);
    fake_disp()->polled_channels = &chan[1];
    OK(wait_for_channel(&ws, &chan[0], NULL));
    expect_order(1, 1);
    cr_assert_eq(chan[0].state, CHAN_UNREGISTERED);
}

/* ---- both ways agree ---- */

#define STEPS 2000

struct history {
    unsigned step[STEPS]; /* what came of it */
    struct waitset_chanstate *first[STEPS];
};

static unsigned registers(unsigned i, unsigned how)
{
    switch (how) {
    case 0:
        return err_no(waitset_chan_register_polled(&ws, &chan[i], NOTE(i)));
    case 1:
        return err_no(waitset_chan_register(&ws, &chan[i], NOTE(i)));
    default:
        return err_no(register_holding(i, CHAN_POLLED));
    }
}

static unsigned does_something(unsigned random)
{
    unsigned i = random & 3, how = random >> 2 & 3;

    switch (random >> 4 & 15) {
    case 0:
    case 1:
        return registers(i, how);
    case 2:
        return how == 0 ? err_no(waitset_chan_deregister(&chan[i])) : 0;
    case 3:
        return how == 0 ? err_no(waitset_chan_trigger(&chan[i])) : 0;
    case 4:
        chan[i].token = how == 0 ? 7 : 0;
        return 0;
    case 5:
        line_comes(i, how == 0 ? UMP_MSGTYPE_ACK : TYPE);
        return 0;
    case 6:
    case 7:
        message_comes(i);
        return 0;
    case 8:
        line_is_done(i);
        return 0;
    case 9:
    case 10:
    case 11:
        waitset_chan_listen_disabled(&chan[i]);
        return 0;
    default:
        return err_no(event_dispatch_non_block(&ws));
    }
}

static void live(struct history *history, unsigned seed, bool short_way)
{
    unsigned random = seed;

    waitset_set_up(short_way);
    for (unsigned step = 0; step < STEPS; step++) {
        random = random * 1103515245 + 12345;
        order_count = 0;
        unsigned result = does_something(random >> 16);
        history->step[step] = result << 8 | (order_count > 0 ? 1 + order[0] : 0);
        history->first[step] = fake_disp()->polled_channels;
    }
}

Test(waitset_polled, both_ways_find_the_same_events_in_the_same_order)
{
    static struct history a, b;
    unsigned saved = 0;

    for (unsigned seed = 1; seed <= 100; seed++) {
        live(&b, seed, false);
        unsigned looks = long_looks;
        live(&a, seed, true);
        saved += looks - long_looks;
        for (unsigned step = 0; step < STEPS; step++) {
            cr_assert_eq(a.step[step], b.step[step], "seed %u, step %u", seed, step);
            cr_assert_eq(a.first[step], b.first[step], "seed %u, step %u: other turns", seed, step);
        }
    }
    cr_assert_gt(saved, 1000, "the short way was hardly ever taken");
}
