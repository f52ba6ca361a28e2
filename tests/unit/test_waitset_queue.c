/* SPDX-License-Identifier: MIT
 *
 * What is built on waitsets: event queues, event mutexes, deferred events.
 */
/* link: guest/user/lib/barrelfish/ring/crc32c.c guest/user/lib/barrelfish/ring/ump_check.c */
/* link: guest/user/lib/barrelfish/events/waitset.c guest/user/lib/barrelfish/events/waitset_chan.c */
/* link: guest/user/lib/barrelfish/events/event_queue.c guest/user/lib/barrelfish/events/event_mutex.c */
/* link: guest/user/lib/barrelfish/events/deferred.c */
#include "event_log.h"
#include "fake_dispatcher.h"

#include <barrelfish/deferred.h>
#include <barrelfish/event_mutex.h>
#include <barrelfish/ump_chan.h>
#include <signal.h>

#include "../../guest/user/lib/barrelfish/events/deferred_priv.h"

static struct waitset ws;
static systime_t now;

void disp_check_unpolled_disabled(dispatcher_handle_t handle)
{
    deferred_events_fire_disabled(handle, now);
}

systime_t get_system_time(void)
{
    return now;
}

static void set_up(void)
{
    fake_reset();
    waitset_init(&ws);
    order_count = 0;
    now = 1000;
}

static void dispatch_all(void)
{
    while (err_is_ok(event_dispatch_non_block(&ws))) {
    }
}

TestSuite(waitset_queue, .init = set_up, .timeout = 60);

Test(waitset_queue, events_come_one_by_one_in_order)
{
    struct event_queue q;
    struct event_queue_node node[3];

    event_queue_init(&q, &ws, EVENT_QUEUE_CONTINUOUS);
    for (unsigned i = 0; i < 3; i++)
        event_queue_add(&q, &node[i], NOTE(i));
    OK(event_dispatch(&ws));
    expect_order(1, 0);
    dispatch_all();
    expect_order(3, 0, 1, 2);
    cr_assert(event_queue_is_empty(&q));
    event_queue_add(&q, &node[0], NOTE(9)); /* a node may be used again */
    dispatch_all();
    expect_order(4, 0, 1, 2, 9);
}

static struct event_queue *own_queue;
static struct event_queue_node late;

static void adds_another(void *arg)
{
    note(arg);
    event_queue_add(own_queue, &late, NOTE(7));
}

Test(waitset_queue, handler_may_add_to_its_own_queue)
{
    struct event_queue q;
    struct event_queue_node node;

    own_queue = &q;
    event_queue_init(&q, &ws, EVENT_QUEUE_CONTINUOUS);
    event_queue_add(&q, &node, MKCLOSURE(adds_another, (void *)1));
    dispatch_all();
    expect_order(2, 1, 7);
}

Test(waitset_queue, cancelled_events_do_not_come)
{
    struct event_queue q;
    struct event_queue_node node[3];

    event_queue_init(&q, &ws, EVENT_QUEUE_CONTINUOUS);
    for (unsigned i = 0; i < 3; i++)
        event_queue_add(&q, &node[i], NOTE(i));
    OK(event_dispatch(&ws));
    cr_assert_eq(err_no(event_queue_cancel(&q, &node[0])), LIB_ERR_NO_EVENT);
    OK(event_queue_cancel(&q, &node[1]));
    OK(event_queue_cancel(&q, &node[2]));
    cr_assert_eq(err_no(event_dispatch_non_block(&ws)), LIB_ERR_NO_EVENT);
    expect_order(1, 0);
}

Test(waitset_queue, oneshot_queue_lets_one_event_out_for_each_trigger)
{
    struct event_queue q;
    struct event_queue_node node[2];

    event_queue_init(&q, &ws, EVENT_QUEUE_ONESHOT);
    cr_assert_eq(err_no(event_queue_trigger(&q)), LIB_ERR_NO_EVENT);
    event_queue_add(&q, &node[0], NOTE(0));
    event_queue_add(&q, &node[1], NOTE(1));
    cr_assert_eq(err_no(event_dispatch_non_block(&ws)), LIB_ERR_NO_EVENT);
    OK(event_queue_trigger(&q));
    OK(event_queue_trigger(&q)); /* not two at once */
    dispatch_all();
    expect_order(1, 0);
    OK(event_queue_trigger(&q));
    dispatch_all();
    expect_order(2, 0, 1);
}

Test(waitset_queue, flush_delivers_everything_at_once)
{
    struct event_queue q;
    struct event_queue_node node[2];

    event_queue_init(&q, &ws, EVENT_QUEUE_CONTINUOUS);
    event_queue_add(&q, &node[0], NOTE(0));
    event_queue_add(&q, &node[1], NOTE(1));
    OK(event_queue_flush(&q));
    expect_order(2, 0, 1);
    cr_assert_eq(err_no(event_dispatch_non_block(&ws)), LIB_ERR_NO_EVENT);
}

static struct event_mutex em;

static void locks(void *arg)
{
    event_mutex_threaded_lock(&em);
    note(arg);
    fake_yield();
    note(arg);
    event_mutex_unlock(&em);
}

Test(waitset_queue, event_mutex_is_handed_on_first_to_threads_then_to_events)
{
    struct fake_thread a, b;
    struct event_queue_node node[2];

    event_mutex_init(&em, &ws);
    cr_assert(event_mutex_try_lock(&em));
    cr_assert(!event_mutex_try_lock(&em));
    event_mutex_enqueue_lock(&em, &node[0], NOTE(10));
    event_mutex_enqueue_lock(&em, &node[1], NOTE(11));
    fake_thread_start(&a, 2, locks, (void *)1);
    fake_thread_start(&b, 3, locks, (void *)2);
    fake_yield();
    fake_yield();
    dispatch_all();
    expect_order(0);
    event_mutex_unlock(&em);
    fake_thread_join(&a);
    fake_thread_join(&b);
    expect_order(4, 1, 1, 2, 2); /* never interleaved */
    dispatch_all();
    expect_order(5, 1, 1, 2, 2, 10);
    dispatch_all();
    event_mutex_unlock(&em); /* by the event's holder */
    dispatch_all();
    expect_order(6, 1, 1, 2, 2, 10, 11);
    event_mutex_unlock(&em);
    cr_assert(event_mutex_try_lock(&em));
}

Test(waitset_queue, free_event_mutex_is_taken_through_the_waitset)
{
    struct event_queue_node node;

    event_mutex_init(&em, &ws);
    event_mutex_enqueue_lock(&em, &node, NOTE(1));
    cr_assert_eq(order_count, 0, "never inside the caller");
    cr_assert(!event_mutex_try_lock(&em));
    dispatch_all();
    expect_order(1, 1);
}

Test(waitset_queue, deferred_events_fire_by_time_not_before)
{
    struct deferred_event event[3];
    static const delayus_t delay[3] = { 30, 10, 20 };

    for (unsigned i = 0; i < 3; i++) {
        deferred_event_init(&event[i]);
        OK(deferred_event_register(&event[i], &ws, delay[i], NOTE(delay[i])));
    }
    cr_assert_eq(fake_disp()->deferred_events->time, 1000 + 10000, "what the kernel is asked for");
    now = 1000 + 9999;
    dispatch_all();
    expect_order(0);
    now = 1000 + 10000;
    dispatch_all();
    expect_order(1, 10);
    OK(deferred_event_cancel(&event[2]));
    cr_assert_eq(err_no(deferred_event_cancel(&event[2])), LIB_ERR_CHAN_NOT_REGISTERED);
    now = 1000 + 99999;
    dispatch_all();
    expect_order(2, 10, 30);
    cr_assert_null(fake_disp()->deferred_events);
}

Test(waitset_queue, periodic_events_come_again_until_cancelled)
{
    struct periodic_event event;

    OK(periodic_event_create(&event, &ws, 5, NOTE(5)));
    for (unsigned i = 1; i <= 3; i++) {
        now += 5000;
        dispatch_all();
        cr_assert_eq(order_count, i);
    }
    OK(periodic_event_cancel(&event));
    now += 50000;
    dispatch_all();
    cr_assert_eq(order_count, 3);
}

/* Its waitset is gone, so nobody waits for it; and a delay beyond all time is not one of the
 * past. */
Test(waitset_queue, deferred_events_of_no_waitset_and_of_no_time_do_not_fire)
{
    struct deferred_event dropped, endless;

    deferred_event_init(&dropped);
    deferred_event_init(&endless);
    OK(deferred_event_register(&dropped, &ws, 10, NOTE(1)));
    OK(waitset_destroy(&ws));
    now += 20000;
    dispatcher_handle_t handle = disp_disable();
    disp_check_unpolled_disabled(handle);
    disp_enable(handle);
    cr_assert_null(fake_disp()->deferred_events);
    cr_assert_eq(err_no(deferred_event_cancel(&dropped)), LIB_ERR_CHAN_NOT_REGISTERED);

    waitset_init(&ws);
    OK(deferred_event_register(&endless, &ws, UINT64_MAX, NOTE(2)));
    cr_assert_eq(fake_disp()->deferred_events->time, UINT64_MAX);
    OK(deferred_event_register(&dropped, &ws, UINT64_MAX / 1000, NOTE(3)));
    dispatch_all();
    expect_order(0);
    OK(deferred_event_cancel(&endless));
    OK(deferred_event_cancel(&dropped));
}

Test(waitset_queue, a_node_that_is_added_twice_is_noticed, .signal = SIGABRT)
{
    struct event_queue q;
    struct event_queue_node node;

    event_queue_init(&q, &ws, EVENT_QUEUE_ONESHOT);
    event_queue_add(&q, &node, NOTE(1));
    event_queue_add(&q, &node, NOTE(2));
}

Test(waitset_queue, a_node_of_another_queue_is_not_cancelled, .signal = SIGABRT)
{
    struct event_queue q, other;
    struct event_queue_node node, there;

    event_queue_init(&q, &ws, EVENT_QUEUE_ONESHOT);
    event_queue_init(&other, &ws, EVENT_QUEUE_ONESHOT);
    event_queue_add(&q, &node, NOTE(1));
    event_queue_add(&other, &there, NOTE(2));
    event_queue_cancel(&q, &there);
}
