/* SPDX-License-Identifier: MIT
 *
 * Channels of waitsets: registration and triggers (facts §8).
 */
#include <barrelfish/waitset_chan.h>

#include <assert.h>
#include <barrelfish/ump_chan.h>

#include "../dispatch/threads_priv.h"
#include "waitset_priv.h"

void waitset_chanstate_init(struct waitset_chanstate *chan, enum ws_chantype type)
{
    *chan = (struct waitset_chanstate){ .chantype = type, .state = CHAN_UNREGISTERED };
}

COLD void waitset_chanstate_destroy(struct waitset_chanstate *chan)
{
    if (waitset_chan_is_registered(chan)) {
        errval_t err = waitset_chan_deregister(chan);

        assert(err_is_ok(err));
        (void)err;
    }
}

/* Registers the channel in `state`; its events leave it in `home`. */
static errval_t register_disabled(struct waitset *ws, struct waitset_chanstate *chan,
                                  struct event_closure closure, enum ws_chanstate state,
                                  enum ws_chanstate home, dispatcher_handle_t handle)
{
    assert(disp_is_disabled(handle));
    if (chan->state != CHAN_UNREGISTERED)
        return LIB_ERR_CHAN_ALREADY_REGISTERED;
    chan->waitset = ws;
    chan->closure = closure;
    chan->token = 0;
    chan->home = home;
    chan->holds = chan->held = false;
    chan->state = state;
    chan_enqueue(chan, chan_queue(chan));
    if (state == CHAN_POLLED)
        chan_polled_add(chan, handle);
    return SYS_ERR_OK;
}

static errval_t register_enabled(struct waitset *ws, struct waitset_chanstate *chan,
                                 struct event_closure closure, enum ws_chanstate state,
                                 enum ws_chanstate home)
{
    dispatcher_handle_t handle = disp_disable();
    errval_t err = register_disabled(ws, chan, closure, state, home, handle);

    disp_enable(handle);
    return err;
}

errval_t waitset_chan_register_disabled(struct waitset *ws, struct waitset_chanstate *chan,
                                        struct event_closure closure, dispatcher_handle_t handle)
{
    return register_disabled(ws, chan, closure, CHAN_IDLE, CHAN_UNREGISTERED, handle);
}

errval_t waitset_chan_register_polled_disabled(struct waitset *ws, struct waitset_chanstate *chan,
                                               struct event_closure closure,
                                               dispatcher_handle_t handle)
{
    return register_disabled(ws, chan, closure, CHAN_POLLED, CHAN_UNREGISTERED, handle);
}

errval_t waitset_chan_register(struct waitset *ws, struct waitset_chanstate *chan,
                               struct event_closure closure)
{
    return register_enabled(ws, chan, closure, CHAN_IDLE, CHAN_UNREGISTERED);
}

errval_t waitset_chan_register_polled(struct waitset *ws, struct waitset_chanstate *chan,
                                      struct event_closure closure)
{
    return register_enabled(ws, chan, closure, CHAN_POLLED, CHAN_UNREGISTERED);
}

errval_t waitset_chan_register_persistent(struct waitset *ws, struct waitset_chanstate *chan,
                                          struct event_closure closure)
{
    return register_enabled(ws, chan, closure, CHAN_IDLE, CHAN_IDLE);
}

errval_t waitset_chan_register_holding_disabled(struct waitset *ws, struct waitset_chanstate *chan,
                                                struct event_closure closure,
                                                enum ws_chanstate home, dispatcher_handle_t handle)
{
    assert((home == CHAN_IDLE || home == CHAN_POLLED) && closure.handler != NULL);
    errval_t err = register_disabled(ws, chan, closure, home, home, handle);

    if (err_is_ok(err))
        chan->holds = true;
    return err;
}

errval_t waitset_chan_deregister_disabled(struct waitset_chanstate *chan,
                                          dispatcher_handle_t handle)
{
    assert(disp_is_disabled(handle));
    if (chan->state == CHAN_UNREGISTERED)
        return LIB_ERR_CHAN_NOT_REGISTERED;
    if (RARELY(get_dispatcher_generic(handle)->ready_channel == chan)) {
        get_dispatcher_generic(handle)->ready_channel = NULL;
        chan->held = false; /* nobody has taken the event */
    }
    chan_dequeue(chan, chan_queue(chan));
    if (chan->state == CHAN_POLLED)
        chan_polled_remove(chan, handle);
    chan->state = CHAN_UNREGISTERED;
    chan->waitset = NULL;
    chan->held = false;
    return SYS_ERR_OK;
}

errval_t waitset_chan_deregister(struct waitset_chanstate *chan)
{
    bool was_enabled;
    dispatcher_handle_t handle = disp_try_disable(&was_enabled);
    errval_t err = waitset_chan_deregister_disabled(chan, handle);

    if (was_enabled)
        disp_enable(handle);
    return err;
}

/* The blocked thread that has waited longest of those that may take the event, or NULL. */
static inline __attribute__((always_inline)) struct thread *
who_may_take(const struct waitset *ws, const struct waitset_chanstate *chan)
{
    struct thread *first = ws->waiting_threads, *thread = first;

    while (thread != NULL && !chan_matches(chan, thread, thread->wait_channel))
        thread = thread->next != first ? thread->next : NULL;
    return thread;
}

static inline void wake(struct waitset *ws, struct thread *thread, dispatcher_handle_t handle)
{
    ws->woken++;
    thread_unblock_disabled(handle, &ws->waiting_threads, thread, NULL);
}

/* The channel is in no queue: queues its event and wakes a thread for it. */
static void make_pending(struct waitset_chanstate *chan, dispatcher_handle_t handle)
{
    if (RARELY(get_dispatcher_generic(handle)->ready_channel != NULL))
        waitset_queue_ready_disabled(handle); /* it was there before */
    struct waitset *ws = chan->waitset;
    struct thread *thread = who_may_take(ws, chan);

    if (thread == NULL && ws->waiting_threads != NULL) {
        chan->state = CHAN_WAITING;
        chan_enqueue(chan, &ws->waiting);
        return;
    }
    chan->state = CHAN_PENDING;
    chan_enqueue(chan, &ws->pending);
    if (thread != NULL)
        wake(ws, thread, handle);
}

/* An event of this ring that a blocked thread may take, and the thread. */
static struct thread *find_takeable(const struct waitset *ws, const struct waitset_chanstate *first)
{
    const struct waitset_chanstate *chan = first;
    struct thread *thread = NULL;

    while (chan != NULL && (thread = who_may_take(ws, chan)) == NULL)
        chan = chan->next != first ? chan->next : NULL;
    return thread;
}

void waitset_wake_next_disabled(struct waitset *ws, dispatcher_handle_t handle)
{
    struct thread *thread = find_takeable(ws, ws->pending);

    if (thread != NULL)
        wake(ws, thread, handle);
}

#ifdef WAITSET_CHECKS
void waitset_check_disabled(const struct waitset *ws)
{
    assert(ws->woken > 0 ||
           (find_takeable(ws, ws->pending) == NULL && find_takeable(ws, ws->waiting) == NULL));
}
#endif

errval_t waitset_chan_trigger_disabled(struct waitset_chanstate *chan, dispatcher_handle_t handle)
{
    assert(disp_is_disabled(handle));
    if (chan->held)
        return LIB_ERR_WAITSET_CHAN_BUSY;
    switch (chan->state) {
    case CHAN_UNREGISTERED:
        return LIB_ERR_CHAN_NOT_REGISTERED;
    case CHAN_PENDING:
    case CHAN_WAITING:
        return LIB_ERR_WAITSET_CHAN_BUSY;
    case CHAN_POLLED:
        chan_polled_remove(chan, handle);
        break;
    case CHAN_IDLE:
        break;
    }
    chan_dequeue(chan, chan_queue(chan));
    make_pending(chan, handle);
    return SYS_ERR_OK;
}

bool waitset_chan_is_taken_disabled(const struct waitset_chanstate *chan,
                                    dispatcher_handle_t handle)
{
    return waitset_chan_is_registered(chan) && chan->held &&
           get_dispatcher_generic(handle)->ready_channel != chan;
}

void waitset_queue_ready_disabled(dispatcher_handle_t handle)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    struct waitset_chanstate *chan = disp->ready_channel;

    assert(chan->state == CHAN_IDLE && chan->holds && chan->held);
    disp->ready_channel = NULL;
    chan->held = false;
    errval_t err = waitset_chan_trigger_disabled(chan, handle);

    assert(err_is_ok(err));
    (void)err;
}

errval_t waitset_chan_trigger(struct waitset_chanstate *chan)
{
    dispatcher_handle_t handle = disp_disable();
    errval_t err = waitset_chan_trigger_disabled(chan, handle);

    disp_enable(handle);
    return err;
}

errval_t waitset_chan_trigger_closure_disabled(struct waitset *ws, struct waitset_chanstate *chan,
                                               struct event_closure closure,
                                               dispatcher_handle_t handle)
{
    assert(disp_is_disabled(handle));
    if (chan->state != CHAN_UNREGISTERED)
        return LIB_ERR_CHAN_ALREADY_REGISTERED;
    chan->waitset = ws;
    chan->closure = closure;
    chan->token = 0;
    chan->home = CHAN_UNREGISTERED;
    chan->holds = chan->held = false;
    make_pending(chan, handle);
    return SYS_ERR_OK;
}

errval_t waitset_chan_trigger_closure(struct waitset *ws, struct waitset_chanstate *chan,
                                      struct event_closure closure)
{
    dispatcher_handle_t handle = disp_disable();
    errval_t err = waitset_chan_trigger_closure_disabled(ws, chan, closure, handle);

    disp_enable(handle);
    return err;
}

COLD void waitset_chan_migrate(struct waitset_chanstate *chan, struct waitset *ws)
{
    bool was_enabled;
    dispatcher_handle_t handle = disp_try_disable(&was_enabled);

    if (get_dispatcher_generic(handle)->ready_channel == chan)
        waitset_queue_ready_disabled(handle);
    if (chan->state != CHAN_UNREGISTERED && chan->waitset != ws) {
        chan_dequeue(chan, chan_queue(chan));
        chan->waitset = ws;
        if (chan->state == CHAN_PENDING || chan->state == CHAN_WAITING)
            make_pending(chan, handle); /* threads blocked there must learn of it */
        else
            chan_enqueue(chan, chan_queue(chan));
    }
    if (was_enabled)
        disp_enable(handle);
}

static inline bool has_something(struct waitset_chanstate *chan)
{
    return !chan->held && ump_ring_has_line(&polled_ump_chan(chan)->ring) && chan->look(chan);
}

static void trigger_polled(struct waitset_chanstate *chan, dispatcher_handle_t handle)
{
    errval_t err = waitset_chan_trigger_disabled(chan, handle);

    assert(err_is_ok(err));
    (void)err;
}

unsigned poll_rounds_disabled(dispatcher_handle_t handle)
{
    const struct waitset_chanstate *first = get_dispatcher_generic(handle)->polled_channels;
    unsigned count = 0;

    for (const struct waitset_chanstate *chan = first; chan != NULL;) {
        count++;
        chan = chan->polled_next != first ? chan->polled_next : NULL;
    }
    if (count * UMP_POLL_BUDGET <= UMP_POLL_LOOKS)
        return UMP_POLL_BUDGET;
    unsigned rounds = UMP_POLL_LOOKS / count;

    return rounds > UMP_POLL_ROUNDS_LEAST ? rounds : UMP_POLL_ROUNDS_LEAST;
}

bool poll_channels_disabled(dispatcher_handle_t handle)
{
    struct waitset_chanstate *chan = get_dispatcher_generic(handle)->polled_channels, *end, *next;
    bool found = false;

    if (chan == NULL)
        return false;
    /* A channel that is triggered leaves the ring; the others stay where they are. */
    end = chan->polled_prev;
    for (bool last = false; !last; chan = next) {
        last = chan == end;
        next = chan->polled_next;
        if (has_something(chan)) {
            trigger_polled(chan, handle);
            found = true;
        }
    }
    return found;
}

struct waitset_chanstate *poll_channels_for_disabled(dispatcher_handle_t handle,
                                                     const struct waitset *ws,
                                                     const struct waitset_chanstate *awaited)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    struct waitset_chanstate *chan = disp->polled_channels, *end, *next;

    if (chan == NULL)
        return NULL;
    end = chan->polled_prev;
    for (bool last = false; !last; chan = next) {
        last = chan == end;
        next = chan->polled_next;
        if (!has_something(chan))
            continue;
        if (chan->waitset == ws && chan_matches(chan, disp->current, awaited)) {
            disp->polled_channels = next; /* where the next round begins */
            return chan;
        }
        trigger_polled(chan, handle);
    }
    return NULL;
}
