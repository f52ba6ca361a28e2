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
 * the event goes to the waiting ring, where takers look first.  The thread that wakes up may find
 * something else that it prefers, or nothing because somebody else was quicker.  So whoever takes
 * an event from a queue, or goes without, wakes another thread for what is left.  Then this holds
 * whenever the dispatcher is enabled: if a blocked thread may take an event that is queued, there
 * is a thread that was woken and has not looked yet.
 *
 * A message that comes over LMP while nothing else is there makes its channel ready: the event
 * is in no queue, and the next event_dispatch takes it without queueing it first.  To all who
 * do not know this, it is queued before they look (waitset_queue_ready_disabled).  It is made
 * ready only if no thread is blocked, and no thread blocks before it is queued, so the rules
 * above need not know it.
 *
 * A polled channel whose message the calling thread may take goes to it directly, without becoming
 * pending in between.  For messages over UMP, which come that way, there is a short way through all
 * of this: find_message, then run_message, which together are a few dozen instructions without a
 * call.  It may be left out, and nothing but time is lost: whatever is unusual is left to
 * find_anywhere, which knows all the rules.  Everything is done disabled and nothing here allocates
 * memory.
 */
#include <assert.h>
#include <barrelfish/ump_chan.h>
#include <barrelfish/waitset_chan.h>

#include "../dispatch/threads_priv.h"
#include "../dispatch/wait_note.h"
#include "../ring/ump_checked_priv.h"
#include "waitset_priv.h"

/* The first event of a ring that the thread may take. */
static inline struct waitset_chanstate *first_match(struct waitset_chanstate *first,
                                                    const struct thread *thread,
                                                    const struct waitset_chanstate *awaited)
{
    struct waitset_chanstate *chan = first;

    while (chan != NULL && !chan_matches(chan, thread, awaited))
        chan = chan->next != first ? chan->next : NULL;
    return chan;
}

/* The event the thread should take: the awaited channel's if it is there, else the first that
 * matches. */
static inline struct waitset_chanstate *find_event(struct waitset *ws, struct thread *thread,
                                                   struct waitset_chanstate *awaited)
{
    if (awaited != NULL && (awaited->state == CHAN_PENDING || awaited->state == CHAN_WAITING) &&
        chan_matches(awaited, thread, awaited))
        return awaited;
    struct waitset_chanstate *chan = first_match(ws->waiting, thread, awaited);

    return chan != NULL ? chan : first_match(ws->pending, thread, awaited);
}

/* The event's channel goes home: one-shot channels become unregistered. */
static __attribute__((noinline)) void go_home(struct waitset_chanstate *chan,
                                              dispatcher_handle_t handle)
{
    if (chan->state == CHAN_POLLED)
        chan_polled_remove(chan, handle);
    chan_dequeue(chan, chan_queue(chan));
    if (chan->pins != NULL)
        ++*chan->pins;
    chan->state = chan->home;
    if (chan->state == CHAN_UNREGISTERED) {
        chan->waitset = NULL;
        return;
    }
    chan_enqueue(chan, chan_queue(chan));
    if (chan->state == CHAN_POLLED)
        chan_polled_add(chan, handle);
}

static inline void take_event(struct waitset_chanstate *chan, struct event_closure *closure,
                              dispatcher_handle_t handle)
{
    *closure = chan->closure;
    if (chan->state != chan->home)
        go_home(chan, handle);
    chan->held = chan->holds;
}

/* The calling thread goes its way, with an event or without: if another is left that a blocked
 * thread may take, one such thread wakes up, and will in turn do the same. */
static inline void pass_on(struct waitset *ws, dispatcher_handle_t handle)
{
    if (RARELY(ws->waiting_threads != NULL && ws->pending != NULL))
        waitset_wake_next_disabled(ws, handle);
    waitset_check_disabled(ws);
}

/* Might disp_check_unpolled_disabled find something?  (Notifications come for channels that are
 * polled, and for parked senders.)  Zero if not; all in one test, since usually there is
 * nothing. */
static inline uintptr_t unpolled_events(dispatcher_handle_t handle)
{
    const struct dispatcher_shared *shared = get_dispatcher_shared(handle);
    const struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    uint32_t delivered = *(const volatile uint32_t *)&shared->lmp_delivered;

    return (delivered ^ shared->lmp_seen) | (uintptr_t)disp->deferred_events |
           (uintptr_t)disp->lmp_send_parked | (uintptr_t)disp->ump_send_parked;
}

static inline bool has_ready(dispatcher_handle_t handle)
{
    return get_dispatcher_generic(handle)->ready_channel != NULL;
}

/* Was there a notification that may be for a channel that dozes? */
static inline bool dozing_events(dispatcher_handle_t handle)
{
    const struct dispatcher_shared *shared = get_dispatcher_shared(handle);

    return get_dispatcher_generic(handle)->dozing_channels != NULL &&
           *(const volatile uint32_t *)&shared->notified != shared->notify_seen;
}

/* Looks everywhere, so that no source of events can hold back another. */
static inline __attribute__((always_inline)) struct waitset_chanstate *
find_anywhere(struct waitset *ws, dispatcher_handle_t handle, struct waitset_chanstate *awaited)
{
    struct thread *me = get_dispatcher_generic(handle)->current;

    if (RARELY(has_ready(handle)))
        waitset_queue_ready_disabled(handle);
    struct waitset_chanstate *chan = find_event(ws, me, awaited);

    if (chan != NULL)
        return chan;
    if (unpolled_events(handle) != 0 || dozing_events(handle)) {
        disp_check_unpolled_disabled(handle);
        chan = find_event(ws, me, awaited);
    }
    if (chan == NULL)
        return poll_channels_for_disabled(handle, ws, awaited);
    poll_channels_disabled(handle);
    return chan;
}

/* The short way to the next message.  Usually polled channels are all that can have something, and
 * the first of them that has a line listens for good (so it has a handler, and stays where it is)
 * and is for anybody who dispatches events of this waitset: then find_anywhere would find the same,
 * only later.
 * *found: that channel, to be taken by run_message, or NULL. */
enum found {
    ASK,    /* only find_anywhere can tell */
    KNOWN,  /* it is *found, or there is nothing */
    UNUSUAL /* a line of *found, but it does not just listen: dispatch_unusual */
};

static inline __attribute__((always_inline)) enum found
find_message(const struct waitset *ws, dispatcher_handle_t handle, struct waitset_chanstate **found)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    struct waitset_chanstate *first = disp->polled_channels, *chan = first;

    *found = NULL;
    if (RARELY(((uintptr_t)ws->pending | (uintptr_t)ws->waiting | unpolled_events(handle) |
                (uintptr_t)disp->ready_channel) != 0))
        return ASK;
    if (RARELY(first == NULL))
        return dozing_events(handle) ? ASK : KNOWN;
    while (!ump_ring_has_line(&polled_ump_chan(chan)->ring)) {
        chan = chan->polled_next;
        if (chan == first)
            return dozing_events(handle) ? ASK : KNOWN;
    }
    const struct ump_chan *uc = polled_ump_chan(chan);

    if (RARELY(chan->waitset != ws || ((uintptr_t)chan->wait_for | chan->token) != 0))
        return ASK;
    if (RARELY(chan->how != CHAN_HOW_LISTENS)) {
        *found = chan;
        return UNUSUAL;
    }
    if (RARELY(UMP_CONTROL_TYPE(uc->ring.recv.next->control) == UMP_MSGTYPE_ACK))
        return ASK;
    ump_chan_prefetch_answer(uc);
    disp->polled_channels = chan->polled_next; /* channels take turns */
    *found = chan;
    return KNOWN;
}

/* Takes what find_message found, and runs its handler. */
static inline __attribute__((always_inline)) errval_t run_message(struct waitset_chanstate *chan,
                                                                  dispatcher_handle_t handle)
{
    struct event_closure closure = chan->closure;

    chan->held = true; /* it is at home and holds: see take_event */
    disp_enable(handle);
    closure.handler(closure.arg);
    return SYS_ERR_OK;
}

/* Can only the polling of channels help the calling thread, and nobody else needs the
 * dispatcher? */
static bool may_poll(dispatcher_handle_t handle)
{
    const struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    return disp->polled_channels != NULL && disp->runq == disp->current &&
           disp->current->next == disp->current;
}

/* Disabled; takes the next event and enables.  `known`: find_message has just found nothing.
 * Blocks until there is an event; if *error_var says that there will be none, returns NULL. */
static inline __attribute__((always_inline)) struct waitset_chanstate *
next_event(struct waitset *ws, dispatcher_handle_t handle, struct waitset_chanstate *awaited,
           errval_t *error_var, bool known, struct event_closure *closure)
{
    struct waitset_chanstate *chan = NULL;
    unsigned rounds = UMP_POLL_THREAD * UMP_POLL_BUDGET;
    bool woken = false;

    for (unsigned round = 0;; round++) {
        if (error_var != NULL && err_is_fail(*(volatile errval_t *)error_var)) {
            pass_on(ws, handle);
            disp_enable(handle);
            return NULL;
        }
        if (!known)
            chan = find_anywhere(ws, handle, awaited);
        if (chan != NULL) {
            take_event(chan, closure, handle);
            pass_on(ws, handle);
            disp_enable(handle);
            return chan;
        }
        /* As the dispatcher does when it idles, but without giving up the thread: blocking it and
         * resuming it costs more than a message. */
        if (round == UMP_POLL_ROUNDS_LEAST)
            rounds = UMP_POLL_THREAD * poll_rounds_disabled(handle);
        if (round < rounds && may_poll(handle)) {
            get_dispatcher_generic(handle)->idle_polls++;
            disp_enable(handle);
            __asm__ volatile("pause");
        } else {
            struct thread *me = get_dispatcher_generic(handle)->current;

            assert(!has_ready(handle)); /* it would be an event without a thread */
            me->wait_channel = awaited;
            wait_note_event(handle, ws, awaited, __builtin_return_address(0));
            waitset_check_disabled(ws);
            thread_block_disabled(handle, &ws->waiting_threads);
            me->wait_channel = NULL;
            woken = true;
        }
        handle = disp_disable();
        if (woken) {
            ws->woken--;
            woken = false;
        }
        known = find_message(ws, handle, &chan) == KNOWN;
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

    if (has_ready(handle))
        waitset_queue_ready_disabled(handle);
    if (ws->pending != NULL || ws->waiting != NULL || ws->waiting_threads != NULL ||
        ws->woken > 0) {
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
    next_event(ws, disp_disable(), NULL, NULL, false, ret);
    return SYS_ERR_OK;
}

errval_t check_for_event(struct waitset *ws)
{
    dispatcher_handle_t handle = disp_disable();
    struct waitset_chanstate *chan = find_anywhere(ws, handle, NULL);

    disp_enable(handle);
    return chan != NULL ? SYS_ERR_OK : LIB_ERR_NO_EVENT;
}

/* The channel that is ready, if its event is one of this waitset; NULL if not.  It holds back
 * other sources no more than a pending one: they were looked at in the upcall that brought its
 * message.  As long as it is ready nothing is pending there, and no thread is blocked. */
static inline struct waitset_chanstate *take_ready(const struct waitset *ws,
                                                   dispatcher_handle_t handle)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    struct waitset_chanstate *chan = disp->ready_channel;

    if (chan == NULL || chan->waitset != ws || RARELY(chan->pins != NULL))
        return NULL;
#ifdef WAITSET_CHECKS
    assert(chan->state == CHAN_IDLE && chan->held && ws->waiting_threads == NULL);
    assert(ws->pending == NULL && ws->waiting == NULL);
    assert(chan->wait_for == NULL && chan->token == 0);
#endif
    disp->ready_channel = NULL;
    return chan;
}

/* Disabled; takes an event and runs its handler, and blocks until there is one. */
static RARE errval_t block_and_dispatch(struct waitset *ws, dispatcher_handle_t handle, bool known)
{
    struct event_closure closure;

    next_event(ws, handle, NULL, NULL, known, &closure);
    closure.handler(closure.arg);
    return SYS_ERR_OK;
}

/* Disabled; enables. */
static RARE errval_t dispatch_any(struct waitset *ws, dispatcher_handle_t handle, bool known)
{
    struct waitset_chanstate *ready = take_ready(ws, handle);

    if (RARELY(ready == NULL))
        return block_and_dispatch(ws, handle, known);
    struct event_closure closure = ready->closure;

    disp_enable(handle); /* it is held already */
    closure.handler(closure.arg);
    return SYS_ERR_OK;
}

/* Disabled; enables. */
static RARE errval_t dispatch_any_now(struct waitset *ws, dispatcher_handle_t handle)
{
    struct waitset_chanstate *chan = find_anywhere(ws, handle, NULL);
    struct event_closure closure;

    if (chan == NULL) {
        disp_enable(handle);
        return LIB_ERR_NO_EVENT;
    }
    take_event(chan, &closure, handle);
    pass_on(ws, handle);
    disp_enable(handle);
    closure.handler(closure.arg);
    return SYS_ERR_OK;
}

/* What find_message and run_message do, for a checked channel, or whatever else there is.
 * Disabled; enables. */
static inline __attribute__((always_inline)) errval_t
dispatch_if_passes(struct waitset *ws, dispatcher_handle_t handle, struct waitset_chanstate *chan,
                   bool blocks)
{
    struct ump_chan *uc = polled_ump_chan(chan);

    if (RARELY(chan->how != CHAN_HOW_LISTENS_CHECKED || ump_checked_has_taken(&uc->ring)) ||
        RARELY(UMP_CONTROL_TYPE(ump_checked_take_line(uc, true)) == UMP_MSGTYPE_ACK))
        return blocks ? dispatch_any(ws, handle, false) : dispatch_any_now(ws, handle);
    ump_chan_prefetch_answer(uc);
    get_dispatcher_generic(handle)->polled_channels = chan->polled_next;
    return run_message(chan, handle);
}

static RARE errval_t dispatch_unusual(struct waitset *ws, dispatcher_handle_t handle,
                                      struct waitset_chanstate *chan)
{
    return dispatch_if_passes(ws, handle, chan, true);
}

static RARE errval_t dispatch_unusual_now(struct waitset *ws, dispatcher_handle_t handle,
                                          struct waitset_chanstate *chan)
{
    return dispatch_if_passes(ws, handle, chan, false);
}

errval_t event_dispatch(struct waitset *ws)
{
    dispatcher_handle_t handle = disp_disable();
    struct waitset_chanstate *chan;
    enum found found = find_message(ws, handle, &chan);

    if (RARELY(found == UNUSUAL))
        return dispatch_unusual(ws, handle, chan);
    if (RARELY(chan == NULL))
        return dispatch_any(ws, handle, found == KNOWN);
    return run_message(chan, handle);
}

errval_t event_dispatch_debug(struct waitset *ws)
{
    return event_dispatch(ws);
}

errval_t event_dispatch_non_block(struct waitset *ws)
{
    dispatcher_handle_t handle = disp_disable();
    struct waitset_chanstate *chan;

    enum found found = find_message(ws, handle, &chan);

    if (RARELY(found != KNOWN)) {
        return found == UNUSUAL ? dispatch_unusual_now(ws, handle, chan)
                                : dispatch_any_now(ws, handle);
    }
    if (chan == NULL) {
        disp_enable(handle);
        return LIB_ERR_NO_EVENT;
    }
    return run_message(chan, handle);
}

errval_t wait_for_channel(struct waitset *ws, struct waitset_chanstate *channel,
                          errval_t *error_var)
{
    struct event_closure closure;
    struct waitset_chanstate *taken;

    while ((taken = next_event(ws, disp_disable(), channel, error_var, false, &closure)) != NULL) {
        if (taken == channel)
            return SYS_ERR_OK;
        closure.handler(closure.arg);
    }
    return *error_var;
}
