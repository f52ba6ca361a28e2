/* SPDX-License-Identifier: MIT
 *
 * A queue of closures delivered through a waitset, for example sends that must wait their turn.
 */
#ifndef BARRELFISH_EVENT_QUEUE_H
#define BARRELFISH_EVENT_QUEUE_H

#include <barrelfish/waitset_chan.h>

#ifdef HOST_TEST
/* The machine, linked into the same test, has an event queue of its own. */
#define event_queue_init guest_event_queue_init
#define event_queue_cancel guest_event_queue_cancel
#endif

enum event_queue_flags {
    EVENT_QUEUE_CONTINUOUS = 0, /* deliver as soon as something is queued */
    EVENT_QUEUE_ONESHOT = 1,    /* deliver one event for each event_queue_trigger */
};

struct event_queue_node {
    struct event_closure event;
    struct event_queue_node *next, *prev;
    bool run; /* set when delivered */
};

struct event_queue {
    struct waitset_chanstate waitset_state;
    struct waitset *waitset;
    struct event_queue_node *head, *tail;
    enum event_queue_flags flags;
};

void event_queue_init(struct event_queue *q, struct waitset *ws, enum event_queue_flags flags);

/* The node must live until its event has run. */
void event_queue_add(struct event_queue *q, struct event_queue_node *node,
                     struct event_closure event);

/* LIB_ERR_NO_EVENT if the event has run (or runs) already. */
errval_t event_queue_cancel(struct event_queue *q, struct event_queue_node *node);

/* EVENT_QUEUE_ONESHOT: lets the first event out.  LIB_ERR_NO_EVENT if the queue is empty. */
errval_t event_queue_trigger(struct event_queue *q);

/* Delivers everything queued, in order, inside the caller, without the waitset. */
errval_t event_queue_flush(struct event_queue *q);

static inline bool event_queue_is_empty(const struct event_queue *q)
{
    return q->head == NULL;
}

#endif
