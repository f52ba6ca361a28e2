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
 * A polled channel whose message the calling thread may take goes to it directly, without becoming
 * pending in between.  Everything is done disabled and nothing here allocates memory.
 */
#include <assert.h>
#include <barrelfish/ump_chan.h>
#include <barrelfish/waitset_chan.h>

#include "threads_priv.h"
#include "waitset_priv.h"

/* The event the thread should take: the awaited channel's if it is there, else the first that
 * matches. */
static __attribute__((noinline)) struct waitset_chanstate *
search_events(struct waitset *ws, struct thread *thread, struct waitset_chanstate *awaited)
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

static inline struct waitset_chanstate *find_event(struct waitset *ws, struct thread *thread,
                                                   struct waitset_chanstate *awaited)
{
    if (ws->pending == NULL && ws->waiting == NULL) {
        return NULL;
    }
    return search_events(ws, thread, awaited);
}

/* The event's channel goes home: one-shot channels become unregistered. */
static __attribute__((noinline)) void go_home(struct waitset_chanstate *chan,
                                              dispatcher_handle_t handle)
{
    if (chan->state == CHAN_POLLED) {
        chan_polled_remove(chan, handle);
    }
    chan_dequeue(chan, chan_queue(chan));
    chan->state = chan->home;
    if (chan->state == CHAN_UNREGISTERED) {
        chan->waitset = NULL;
        return;
    }
    chan_enqueue(chan, chan_queue(chan));
    if (chan->state == CHAN_POLLED) {
        chan_polled_add(chan, handle);
    }
}

static inline void take_event(struct waitset_chanstate *chan, struct event_closure *closure,
                              dispatcher_handle_t handle)
{
    *closure = chan->closure;
    if (chan->state != chan->home) {
        go_home(chan, handle);
    }
    chan->held = chan->holds;
}

/* Might disp_check_unpolled_disabled find something? */
static inline bool unpolled_may_have_events(dispatcher_handle_t handle)
{
    const struct dispatcher_shared *shared = get_dispatcher_shared(handle);
    const struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    return *(const volatile uint32_t *)&shared->lmp_delivered != shared->lmp_seen ||
           *(const volatile uint32_t *)&shared->notified != shared->notify_seen ||
           disp->deferred_events != NULL || disp->lmp_send_parked != NULL ||
           disp->ump_send_parked != NULL;
}

/* Looks everywhere, so that no source of events can hold back another. */
static inline __attribute__((always_inline)) struct waitset_chanstate *
poll_and_find(struct waitset *ws, dispatcher_handle_t handle, struct waitset_chanstate *awaited)
{
    struct thread *me = get_dispatcher_generic(handle)->current;
    struct waitset_chanstate *chan = find_event(ws, me, awaited);

    if (chan != NULL) {
        return chan;
    }
    if (unpolled_may_have_events(handle)) {
        disp_check_unpolled_disabled(handle);
        chan = find_event(ws, me, awaited);
    }
    if (chan == NULL) {
        return poll_channels_for_disabled(handle, ws, awaited);
    }
    poll_channels_disabled(handle);
    return chan;
}

/* Can only the polling of channels help the calling thread, and nobody else needs the dispatcher? */
static bool may_poll(dispatcher_handle_t handle)
{
    const struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    return disp->polled_channels != NULL && disp->runq == disp->current &&
           disp->current->next == disp->current;
}

/* Waits for an event (or for *error_var) and takes it.  Returns false because of *error_var. */
static inline __attribute__((always_inline)) bool
next_event(struct waitset *ws, struct waitset_chanstate *awaited, errval_t *error_var,
           struct event_closure *closure, struct waitset_chanstate **taken)
{
    unsigned rounds = UMP_POLL_BUDGET;
    for (unsigned round = 0;; round++) {
        dispatcher_handle_t handle = disp_disable();
        struct thread *me = get_dispatcher_generic(handle)->current;

        if (error_var != NULL && err_is_fail(*(volatile errval_t *)error_var)) {
            disp_enable(handle);
            return false;
        }
        struct waitset_chanstate *chan = poll_and_find(ws, handle, awaited);
        if (chan != NULL) {
            take_event(chan, closure, handle);
            *taken = chan;
            disp_enable(handle);
            return true;
        }
        /* As the dispatcher does when it idles, but without giving up the thread: blocking it and
         * resuming it costs more than a message. */
        if (round == UMP_POLL_ROUNDS_LEAST) {
            rounds = poll_rounds_disabled(handle);
        }
        if (round < rounds && may_poll(handle)) {
            get_dispatcher_generic(handle)->idle_polls++;
            disp_enable(handle);
            __asm__ volatile("pause");
            continue;
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
    struct waitset_chanstate *taken;

    next_event(ws, NULL, NULL, &closure, &taken);
    closure.handler(closure.arg);
    return SYS_ERR_OK;
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
    take_event(chan, &closure, handle);
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
