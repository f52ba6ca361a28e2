/* SPDX-License-Identifier: MIT
 *
 * Waitsets: queues of channels and of threads (overview ch. 3, facts §8).
 *
 * Each waitset has four rings of channels, one for each state but "unregistered", and a ring of
 * blocked threads.  An event is matched with a thread by three rules:
 *   - a thread in wait_for_channel takes that channel's event first, whatever else is queued;
 *   - a channel registered without a handler is for wait_for_channel only: nobody could run it;
 *   - a channel that carries a token or a thread is for that call or thread only.
 * A trigger wakes one blocked thread that may take the event; if threads are blocked but none may,
 * the event goes to the waiting ring, where takers look first.
 *
 * Everything is done disabled and nothing here allocates memory.
 */
#include <assert.h>
#include <barrelfish/waitset_chan.h>

#include "threads_priv.h"
#include "waitset_priv.h"

void chan_enqueue(struct waitset_chanstate *chan, struct waitset_chanstate **queue)
{
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

void chan_dequeue(struct waitset_chanstate *chan, struct waitset_chanstate **queue)
{
    assert(*queue != NULL);
    if (chan->next == chan) {
        assert(*queue == chan);
        *queue = NULL;
    } else {
        chan->next->prev = chan->prev;
        chan->prev->next = chan->next;
        if (*queue == chan) {
            *queue = chan->next;
        }
    }
    chan->next = chan->prev = NULL;
}

struct waitset_chanstate **chan_queue(struct waitset_chanstate *chan)
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

void chan_polled_add(struct waitset_chanstate *chan, dispatcher_handle_t handle)
{
    struct waitset_chanstate **list = &get_dispatcher_generic(handle)->polled_channels;

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

void chan_polled_remove(struct waitset_chanstate *chan, dispatcher_handle_t handle)
{
    struct waitset_chanstate **list = &get_dispatcher_generic(handle)->polled_channels;

    if (chan->polled_next == chan) {
        *list = NULL;
    } else {
        chan->polled_next->polled_prev = chan->polled_prev;
        chan->polled_prev->polled_next = chan->polled_next;
        if (*list == chan) {
            *list = chan->polled_next;
        }
    }
    chan->polled_next = chan->polled_prev = NULL;
}

bool chan_matches(const struct waitset_chanstate *chan, const struct thread *thread,
                  const struct waitset_chanstate *awaited)
{
    if (chan->wait_for != NULL && chan->wait_for != thread) {
        return false;
    }
    if (chan == awaited) {
        return chan->token == 0 || chan->token == thread->token;
    }
    return chan->closure.handler != NULL && chan->token == 0;
}

/* The event the thread should take: the awaited channel's if it is there, else the first that
 * matches. */
static struct waitset_chanstate *find_event(struct waitset *ws, struct thread *thread,
                                            struct waitset_chanstate *awaited)
{
    if (awaited != NULL && (awaited->state == CHAN_PENDING || awaited->state == CHAN_WAITING) &&
        chan_matches(awaited, thread, awaited)) {
        return awaited;
    }
    struct waitset_chanstate *heads[] = { ws->waiting, ws->pending };
    for (unsigned i = 0; i < 2; i++) {
        struct waitset_chanstate *chan = heads[i];

        if (chan == NULL) {
            continue;
        }
        do {
            if (chan_matches(chan, thread, awaited)) {
                return chan;
            }
            chan = chan->next;
        } while (chan != heads[i]);
    }
    return NULL;
}

/* Takes an event off its queue: one-shot channels become unregistered. */
static void take_event(struct waitset_chanstate *chan, struct event_closure *closure)
{
    *closure = chan->closure;
    chan_dequeue(chan, chan_queue(chan));
    if (chan->persistent) {
        chan->state = CHAN_IDLE;
        chan_enqueue(chan, &chan->waitset->idle);
    } else {
        chan->state = CHAN_UNREGISTERED;
        chan->waitset = NULL;
    }
}

static struct waitset_chanstate *poll_and_find(struct waitset *ws, dispatcher_handle_t handle,
                                               struct waitset_chanstate *awaited)
{
    struct thread *me = get_dispatcher_generic(handle)->current;
    struct waitset_chanstate *chan = find_event(ws, me, awaited);

    if (chan == NULL) {
        disp_check_events_disabled(handle);
        chan = find_event(ws, me, awaited);
    }
    return chan;
}

/* Waits for an event (or for *error_var) and takes it.  Returns false because of *error_var. */
static bool next_event(struct waitset *ws, struct waitset_chanstate *awaited, errval_t *error_var,
                       struct event_closure *closure, struct waitset_chanstate **taken)
{
    for (;;) {
        dispatcher_handle_t handle = disp_disable();
        struct thread *me = get_dispatcher_generic(handle)->current;

        if (error_var != NULL && err_is_fail(*(volatile errval_t *)error_var)) {
            disp_enable(handle);
            return false;
        }
        struct waitset_chanstate *chan = poll_and_find(ws, handle, awaited);
        if (chan != NULL) {
            take_event(chan, closure);
            *taken = chan;
            disp_enable(handle);
            return true;
        }
        me->wait_channel = awaited;
        thread_block_disabled(handle, &ws->waiting_threads);
        me->wait_channel = NULL;
    }
}

void waitset_init(struct waitset *ws)
{
    *ws = (struct waitset){ 0 };
}

errval_t waitset_destroy(struct waitset *ws)
{
    dispatcher_handle_t handle = disp_disable();
    struct waitset_chanstate **queues[] = { &ws->idle, &ws->polled };

    if (ws->pending != NULL || ws->waiting != NULL || ws->waiting_threads != NULL) {
        disp_enable(handle);
        return LIB_ERR_WAITSET_IN_USE;
    }
    for (unsigned i = 0; i < 2; i++) {
        while (*queues[i] != NULL) {
            errval_t err = waitset_chan_deregister_disabled(*queues[i], handle);

            assert(err_is_ok(err));
            (void)err;
        }
    }
    disp_enable(handle);
    return SYS_ERR_OK;
}

errval_t get_next_event(struct waitset *ws, struct event_closure *ret)
{
    struct waitset_chanstate *taken;

    next_event(ws, NULL, NULL, ret, &taken);
    return SYS_ERR_OK;
}

errval_t check_for_event(struct waitset *ws)
{
    dispatcher_handle_t handle = disp_disable();
    struct waitset_chanstate *chan = poll_and_find(ws, handle, NULL);

    disp_enable(handle);
    return chan != NULL ? SYS_ERR_OK : LIB_ERR_NO_EVENT;
}

errval_t event_dispatch(struct waitset *ws)
{
    struct event_closure closure;
    errval_t err = get_next_event(ws, &closure);

    if (err_is_ok(err)) {
        closure.handler(closure.arg);
    }
    return err;
}

errval_t event_dispatch_debug(struct waitset *ws)
{
    return event_dispatch(ws);
}

errval_t event_dispatch_non_block(struct waitset *ws)
{
    dispatcher_handle_t handle = disp_disable();
    struct waitset_chanstate *chan = poll_and_find(ws, handle, NULL);
    struct event_closure closure;

    if (chan == NULL) {
        disp_enable(handle);
        return LIB_ERR_NO_EVENT;
    }
    take_event(chan, &closure);
    disp_enable(handle);
    closure.handler(closure.arg);
    return SYS_ERR_OK;
}

errval_t wait_for_channel(struct waitset *ws, struct waitset_chanstate *channel,
                          errval_t *error_var)
{
    struct event_closure closure;
    struct waitset_chanstate *taken;

    while (next_event(ws, channel, error_var, &closure, &taken)) {
        if (taken == channel) {
            return SYS_ERR_OK;
        }
        closure.handler(closure.arg);
    }
    return *error_var;
}
