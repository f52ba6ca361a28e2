/* SPDX-License-Identifier: MIT
 *
 * The event queue: order, cancelling, limits.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "machine/event_queue.h"

static struct event_queue queue;
static struct event event;

static void set_up(void)
{
    event_queue_init(&queue);
}

TestSuite(event_queue, .init = set_up);

Test(event_queue, empty_queue_has_no_next_event)
{
    cr_assert_eq(event_queue_next_ns(&queue), EVENT_NEVER);
    cr_assert_not(event_queue_pop_due(&queue, UINT64_MAX, &event));
}

Test(event_queue, events_come_in_order_of_time)
{
    event_queue_push(&queue, 30, EVENT_TIMER, 3, 0);
    event_queue_push(&queue, 10, EVENT_TIMER, 1, 0);
    event_queue_push(&queue, 20, EVENT_DEADLINE, 2, 77);
    cr_assert_eq(event_queue_next_ns(&queue), 10);
    cr_assert_not(event_queue_pop_due(&queue, 9, &event));
    cr_assert(event_queue_pop_due(&queue, 10, &event));
    cr_assert_eq(event.core, 1);
    cr_assert_not(event_queue_pop_due(&queue, 19, &event));
    cr_assert(event_queue_pop_due(&queue, 1000, &event));
    cr_assert_eq(event.kind, EVENT_DEADLINE);
    cr_assert_eq(event.argument, 77);
    cr_assert(event_queue_pop_due(&queue, 1000, &event));
    cr_assert_eq(event.core, 3);
}

Test(event_queue, events_of_one_time_come_in_the_order_asked_for)
{
    for (uint32_t i = 0; i < 100; i++)
        event_queue_push(&queue, 5, EVENT_USER, i, 0);
    for (uint32_t i = 0; i < 100; i++) {
        cr_assert(event_queue_pop_due(&queue, 5, &event));
        cr_assert_eq(event.core, i);
    }
}

Test(event_queue, cancelled_events_do_not_come)
{
    uint64_t a = event_queue_push(&queue, 10, EVENT_TIMER, 1, 0);
    uint64_t b = event_queue_push(&queue, 20, EVENT_TIMER, 2, 0);
    cr_assert_neq(a, b);
    cr_assert(event_queue_cancel(&queue, a));
    cr_assert_not(event_queue_cancel(&queue, a));
    cr_assert_not(event_queue_cancel(&queue, 0));
    cr_assert_eq(event_queue_next_ns(&queue), 20);
    cr_assert(event_queue_pop_due(&queue, 20, &event));
    cr_assert_not(event_queue_cancel(&queue, b));
}

Test(event_queue, full_queue_says_so)
{
    for (unsigned i = 0; i < EVENT_QUEUE_MAX; i++)
        cr_assert_neq(event_queue_push(&queue, i, EVENT_USER, 0, 0), 0);
    cr_assert_eq(event_queue_push(&queue, 0, EVENT_USER, 0, 0), 0);
    cr_assert(event_queue_pop_due(&queue, 0, &event));
    cr_assert_neq(event_queue_push(&queue, 0, EVENT_USER, 0, 0), 0);
}

/* Against a plain list: 20,000 random pushes, cancels and pops. */
Test(event_queue, behaves_like_a_sorted_list)
{
    static struct event list[EVENT_QUEUE_MAX];
    unsigned count = 0;
    uint32_t random = 12345;
    for (unsigned step = 0; step < 20000; step++) {
        random = random * 1664525 + 1013904223;
        uint32_t choice = random >> 16;
        if (choice % 3 != 0 && count < 200) {
            uint64_t time = choice % 50;
            uint64_t sequence = event_queue_push(&queue, time, EVENT_USER, step, 0);
            list[count++] = (struct event){ .time_ns = time, .sequence = sequence, .core = step };
        } else if (choice % 2 && count > 0) {
            unsigned victim = choice % count;
            cr_assert(event_queue_cancel(&queue, list[victim].sequence));
            list[victim] = list[--count];
        } else if (count > 0) {
            unsigned best = 0;
            for (unsigned i = 1; i < count; i++)
                if (list[i].time_ns < list[best].time_ns ||
                    (list[i].time_ns == list[best].time_ns &&
                     list[i].sequence < list[best].sequence))
                    best = i;
            cr_assert_eq(event_queue_next_ns(&queue), list[best].time_ns);
            cr_assert(event_queue_pop_due(&queue, UINT64_MAX, &event));
            cr_assert_eq(event.sequence, list[best].sequence);
            cr_assert_eq(event.core, list[best].core);
            list[best] = list[--count];
        }
        cr_assert_eq(queue.count, count);
    }
}

Test(event_queue, a_copy_continues_alike)
{
    for (uint32_t i = 0; i < 50; i++)
        event_queue_push(&queue, i * 7 % 13, EVENT_USER, i, 0);
    static struct event_queue copy;
    copy = queue;
    struct event other;
    while (event_queue_pop_due(&queue, 100, &event)) {
        cr_assert(event_queue_pop_due(&copy, 100, &other));
        cr_assert_eq(memcmp(&event, &other, sizeof(event)), 0);
    }
    cr_assert_eq(memcmp(&queue, &copy, sizeof(queue)), 0);
}
