/* SPDX-License-Identifier: MIT
 *
 * Between waitset.c (taking events) and waitset_chan.c (making them).
 */
#ifndef WAITSET_PRIV_H
#define WAITSET_PRIV_H

#include <assert.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/ump_chan.h>
#include <barrelfish/waitset_chan.h>

#include "../dispatch/threads_priv.h"

/* What is rare is kept out of the way of what is not. */
#define RARELY(condition) __builtin_expect(!!(condition), 0)
#define RARE __attribute__((noinline))
/* What runs when a channel begins or ends, in files that are compiled for speed: for size. */
#define COLD __attribute__((cold))

static inline void chan_enqueue(struct waitset_chanstate *chan, struct waitset_chanstate **queue)
{
    assert(chan->next == NULL); /* in one queue at a time */
    if (*queue == NULL) {
        chan->next = chan->prev = chan;
        *queue = chan;
        return;
    }
    chan->next = *queue;
    chan->prev = (*queue)->prev;
    chan->prev->next = chan;
    chan->next->prev = chan;
}

static inline void chan_dequeue(struct waitset_chanstate *chan, struct waitset_chanstate **queue)
{
    assert(*queue != NULL);
    if (chan->next == chan) {
        assert(*queue == chan);
        *queue = NULL;
    } else {
        chan->next->prev = chan->prev;
        chan->prev->next = chan->next;
        if (*queue == chan)
            *queue = chan->next;
    }
    chan->next = chan->prev = NULL;
}

/* The queue a registered channel is in. */
static inline struct waitset_chanstate **chan_queue(struct waitset_chanstate *chan)
{
    switch (chan->state) {
    case CHAN_IDLE:
        return &chan->waitset->idle;
    case CHAN_POLLED:
        return &chan->waitset->polled;
    case CHAN_PENDING:
        return &chan->waitset->pending;
    case CHAN_WAITING:
        return &chan->waitset->waiting;
    default:
        assert(!"an unregistered channel is in no queue");
        return NULL;
    }
}

/* The dispatcher's lists of channels that receive over UMP: somebody must look at them, or they
 * doze. */
static inline struct ump_chan *polled_ump_chan(const struct waitset_chanstate *chan)
{
    return chan->arg;
}

static inline struct waitset_chanstate **chan_polled_list(const struct waitset_chanstate *chan,
                                                          dispatcher_handle_t handle)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    return polled_ump_chan(chan)->dozes ? &disp->dozing_channels : &disp->polled_channels;
}

static inline void chan_polled_add(struct waitset_chanstate *chan, dispatcher_handle_t handle)
{
    struct waitset_chanstate **list = chan_polled_list(chan, handle);

    assert(chan->state == CHAN_POLLED && chan->chantype == CHANTYPE_UMP_IN && chan->arg != NULL &&
           chan->look != NULL);
    if (*list == NULL) {
        chan->polled_next = chan->polled_prev = chan;
        *list = chan;
        return;
    }
    chan->polled_next = *list;
    chan->polled_prev = (*list)->polled_prev;
    chan->polled_prev->polled_next = chan;
    chan->polled_next->polled_prev = chan;
}

/* It does not doze any more. */
static inline void chan_polled_remove(struct waitset_chanstate *chan, dispatcher_handle_t handle)
{
    struct waitset_chanstate **list = chan_polled_list(chan, handle);

    assert(chan->polled_next != NULL && *list != NULL); /* of this dispatcher, and in its list */
    if (chan->polled_next == chan) {
        *list = NULL;
    } else {
        chan->polled_next->polled_prev = chan->polled_prev;
        chan->polled_prev->polled_next = chan->polled_next;
        if (*list == chan)
            *list = chan->polled_next;
    }
    chan->polled_next = chan->polled_prev = NULL;
    polled_ump_chan(chan)->dozes = false;
}

/* Polls channels until one of `ws` has an event that the current thread may take; that channel,
 * still polled, or NULL.  What it finds for others on the way is triggered. */
struct waitset_chanstate *poll_channels_for_disabled(dispatcher_handle_t handle,
                                                     const struct waitset *ws,
                                                     const struct waitset_chanstate *awaited);

/* The short way to an event, for a channel that listens, is idle and has no pins: if no other event
 * and no blocked thread is there, one channel of the dispatcher is kept aside instead of being
 * queued, and goes straight to the next event_dispatch of its waitset.  Whoever looks for events in
 * any other way, or makes another one, queues it first.  False, and nothing has happened: trigger
 * it, if it is armed.  A ready channel is held: to all others it looks like one whose event was
 * taken. */
static inline bool waitset_chan_make_ready_disabled(struct waitset_chanstate *chan,
                                                    dispatcher_handle_t handle)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    const struct waitset *ws = chan->waitset;

    if (chan->how != CHAN_HOW_LISTENS || chan->state != CHAN_IDLE ||
        ((uintptr_t)disp->ready_channel | (uintptr_t)ws->pending | (uintptr_t)ws->waiting |
         (uintptr_t)ws->waiting_threads | (uintptr_t)chan->wait_for | (uintptr_t)chan->pins |
         chan->token) != 0)
        return false;
    chan->held = true;
    disp->ready_channel = chan;
    return true;
}

/* Queues the event of the dispatcher's ready channel, which there is. */
void waitset_queue_ready_disabled(dispatcher_handle_t handle) RARE;

/* Wakes a blocked thread for an event that is pending, if there are two such. */
void waitset_wake_next_disabled(struct waitset *ws, dispatcher_handle_t handle) RARE;

/* The rule of waitset.c about blocked threads, asserted whenever a thread blocks or takes an event:
 * looks at each pair of event and thread, so not where it costs. */
#if defined(HOST_TEST) || defined(DEBUG)
#define WAITSET_CHECKS 1
void waitset_check_disabled(const struct waitset *ws);
#else
static inline void waitset_check_disabled(const struct waitset *ws)
{
    (void)ws;
}
#endif

/* May this thread, which waits for `awaited` or (NULL) for anything, take the channel's event? */
static inline bool chan_matches(const struct waitset_chanstate *chan, const struct thread *thread,
                                const struct waitset_chanstate *awaited)
{
    if (chan->wait_for != NULL && chan->wait_for != thread)
        return false;
    if (chan == awaited)
        return chan->token == 0 || chan->token == thread->token;
    return chan->closure.handler != NULL && chan->token == 0;
}

#endif
