/* SPDX-License-Identifier: MIT
 *
 * A mutex that both threads (blocking) and event handlers (a closure runs when it is theirs) can
 * acquire; first come, first served.  Bindings carry one for use by applications.
 */
#ifndef BARRELFISH_EVENT_MUTEX_H
#define BARRELFISH_EVENT_MUTEX_H

#include <barrelfish/event_queue.h>

struct event_mutex {
    struct event_queue equeue;
    struct thread *waiting_threads;
    bool locked;
};

void event_mutex_init(struct event_mutex *em, struct waitset *ws);

/* Runs the closure, through the waitset, once the mutex is the caller's. */
void event_mutex_enqueue_lock(struct event_mutex *em, struct event_queue_node *node,
                              struct event_closure closure);

/* Blocks the thread. */
void event_mutex_threaded_lock(struct event_mutex *em);

/* False if it is taken. */
bool event_mutex_try_lock(struct event_mutex *em);

/* By the holder; hands the mutex to the next in line. */
void event_mutex_unlock(struct event_mutex *em);

#endif
