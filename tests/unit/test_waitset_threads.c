/* SPDX-License-Identifier: MIT
 *
 * Waitsets with several threads: nobody sleeps beside an event it may take (overview ch. 3).
 *
 * Some threads serve events, others wait for a channel of their own and serve events meanwhile, as
 * a remote procedure call does.  Events come in random groups, with all orders of wake-ups that the
 * groups allow.  The library checks its rule at each step (waitset_check_disabled); here it is
 * checked that when every thread has had its turn, everything that came has been taken.
 */
/* link: guest/user/lib/barrelfish/ring/crc32c.c guest/user/lib/barrelfish/ring/ump_check.c */
/* link: guest/user/lib/barrelfish/events/waitset.c guest/user/lib/barrelfish/events/waitset_chan.c */
#include "waitset_fixture.h"

#define WAITERS 2
#define SERVERS 2
#define EVENTS 3
#define ROUNDS 500

static struct waitset_chanstate event[EVENTS], own[WAITERS];
static unsigned ran[EVENTS], waits_ended[WAITERS];
static bool stopping;
static unsigned served;

static void count(void *arg)
{
    ran[(uintptr_t)arg]++;
}

static void count_and_yield(void *arg)
{
    ran[(uintptr_t)arg]++;
    fake_yield(); /* others run while the handler does */
}

static void stop(void *arg)
{
    (void)arg;
    stopping = true;
}

static void serve(void *arg)
{
    (void)arg;
    while (!stopping) {
        OK(event_dispatch(&ws));
        served++;
    }
}

static void wait_again_and_again(void *arg)
{
    const uintptr_t me = (uintptr_t)arg;

    while (!stopping) {
        OK(wait_for_channel(&ws, &own[me], NULL));
        waits_ended[me]++;
        OK(waitset_chan_register(&ws, &own[me], NOP_CLOSURE));
    }
}

static void everybody_has_a_turn(void)
{
    for (unsigned i = 0; i < 12; i++)
        fake_yield();
}

static void set_up_threads(void)
{
    waitset_set_up(true);
    for (unsigned i = 0; i < EVENTS; i++)
        waitset_chanstate_init(&event[i], CHANTYPE_OTHER);
    for (unsigned i = 0; i < WAITERS; i++) {
        waitset_chanstate_init(&own[i], CHANTYPE_OTHER);
        OK(waitset_chan_register(&ws, &own[i], NOP_CLOSURE));
    }
}

TestSuite(waitset_threads, .init = set_up_threads, .timeout = 120);

static void wait_once(void *arg)
{
    OK(wait_for_channel(&ws, &own[0], NULL));
    note(arg);
}

static void serve_once(void *arg)
{
    OK(event_dispatch(&ws));
    note(arg);
}

/* A waiter is woken for somebody else's event and prefers its own; the event must not stay
 * behind. */
Test(waitset_threads, who_prefers_its_own_event_wakes_another_for_the_first)
{
    struct fake_thread waiter, server;

    OK(waitset_chan_register(&ws, &event[0], NOTE(1)));
    fake_thread_start(&waiter, 2, wait_once, (void *)100);
    fake_yield();
    fake_thread_start(&server, 3, serve_once, (void *)200);
    fake_yield();
    cr_assert_eq(fake_blocked_calls, 2);
    OK(waitset_chan_trigger(&event[0])); /* wakes the waiter, which has waited longest */
    OK(waitset_chan_trigger(&own[0]));
    for (unsigned i = 0; i < 4; i++)
        fake_yield();
    cr_assert(server.ended, "the event is pending and a thread is blocked");
    fake_thread_join(&waiter);
    fake_thread_join(&server);
    expect_order(3, 100, 1, 200);
}

Test(waitset_threads, whatever_comes_is_taken_while_somebody_serves)
{
    struct fake_thread waiter[WAITERS], server[SERVERS];
    unsigned random = 4711, expected[EVENTS] = { 0 }, waits[WAITERS] = { 0 };

    for (uintptr_t i = 0; i < WAITERS; i++) {
        fake_thread_start(&waiter[i], 2 + (unsigned)i, wait_again_and_again, (void *)i);
        fake_yield();
    }
    for (unsigned i = 0; i < SERVERS; i++)
        fake_thread_start(&server[i], 10 + i, serve, NULL);
    for (unsigned round = 0; round < ROUNDS; round++) {
        everybody_has_a_turn();
        for (unsigned i = 0; i < EVENTS; i++)
            cr_assert_eq(ran[i], expected[i], "round %u: event %u stayed behind", round, i);
        for (unsigned i = 0; i < WAITERS; i++)
            cr_assert_eq(waits_ended[i], waits[i], "round %u: waiter %u sleeps on", round, i);
        for (unsigned n = (random >> 28) % 6; n > 0; n--) {
            random = random * 1103515245 + 12345;
            const uintptr_t i = (random >> 16) % (EVENTS + WAITERS);
            struct waitset_chanstate *c = i < EVENTS ? &event[i] : &own[i - EVENTS];
            if (i >= EVENTS) {
                waits[i - EVENTS] += err_is_ok(waitset_chan_trigger(c));
            } else if (!waitset_chan_is_registered(c)) {
                expected[i]++;
                OK(waitset_chan_trigger_closure(
                    &ws, c, MKCLOSURE(random >> 30 ? count : count_and_yield, (void *)i)));
            }
            if (random >> 27 & 1)
                fake_yield();
        }
        random = random * 1103515245 + 12345;
    }
    cr_assert_gt(served, ROUNDS / 2);
    for (unsigned i = 0; i < SERVERS + WAITERS; i++) {
        OK(waitset_chan_trigger_closure(&ws, &chan[i], MKCLOSURE(stop, NULL)));
        everybody_has_a_turn();
    }
    for (unsigned i = 0; i < WAITERS; i++)
        (void)waitset_chan_trigger(&own[i]);
    everybody_has_a_turn();
    for (unsigned i = 0; i < WAITERS; i++)
        fake_thread_join(&waiter[i]);
    for (unsigned i = 0; i < SERVERS; i++)
        fake_thread_join(&server[i]);
}
