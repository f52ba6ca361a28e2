/* SPDX-License-Identifier: MIT
 *
 * Deferred events: a list by time in the dispatcher; the first one is the `wakeup` the kernel is
 * asked for when the dispatcher sleeps (facts §8).
 */
#include <barrelfish/deferred.h>

#include <assert.h>
#include <barrelfish/dispatcher.h>

#include "deferred_priv.h"

#define NS_PER_US 1000ull

void deferred_event_init(struct deferred_event *event)
{
    waitset_chanstate_init(&event->waitset_state, CHANTYPE_DEFERRED);
    event->next = event->prev = NULL;
    event->time = 0;
    event->keeps_house = false;
}

static void insert(struct dispatcher_generic *disp, struct deferred_event *event)
{
    struct deferred_event *before = NULL, *after = disp->deferred_events;

    assert(event->next == NULL && event->prev == NULL && disp->deferred_events != event);
    while (after != NULL && after->time <= event->time) {
        before = after;
        after = after->next;
    }
    event->prev = before;
    event->next = after;
    if (before != NULL)
        before->next = event;
    else
        disp->deferred_events = event;
    if (after != NULL)
        after->prev = event;
}

static void take_out(struct dispatcher_generic *disp, struct deferred_event *event)
{
    /* an event that is deferred on another dispatcher would tear its list */
    assert(event->prev != NULL ? event->prev->next == event : disp->deferred_events == event);
    if (event->prev != NULL)
        event->prev->next = event->next;
    else
        disp->deferred_events = event->next;
    if (event->next != NULL)
        event->next->prev = event->prev;
    event->next = event->prev = NULL;
    event->time = 0;
}

errval_t deferred_event_register(struct deferred_event *event, struct waitset *ws,
                                 delayus_t delay_us, struct event_closure closure)
{
    systime_t now = get_system_time();
    dispatcher_handle_t handle = disp_disable();
    errval_t err = waitset_chan_register_disabled(ws, &event->waitset_state, closure, handle);

    if (err_is_ok(err)) {
        systime_t delay;
        if (__builtin_mul_overflow(delay_us, NS_PER_US, &delay) ||
            __builtin_add_overflow(now, delay, &event->time))
            event->time = UINT64_MAX; /* never */
        insert(get_dispatcher_generic(handle), event);
    }
    disp_enable(handle);
    return err;
}

errval_t deferred_event_cancel(struct deferred_event *event)
{
    dispatcher_handle_t handle = disp_disable();
    errval_t err = waitset_chan_deregister_disabled(&event->waitset_state, handle);

    if (event->time != 0)
        take_out(get_dispatcher_generic(handle), event);
    disp_enable(handle);
    return err;
}

void deferred_events_fire_disabled(dispatcher_handle_t handle, systime_t now)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    while (disp->deferred_events != NULL && disp->deferred_events->time <= now) {
        struct deferred_event *event = disp->deferred_events;

        take_out(disp, event);
        /* fails only if its waitset was destroyed meanwhile: then nobody waits for it */
        (void)waitset_chan_trigger_disabled(&event->waitset_state, handle);
    }
}

static void periodic_event_handler(void *arg)
{
    struct periodic_event *event = arg;
    errval_t err = deferred_event_register(&event->de, event->waitset, event->period,
                                           MKCLOSURE(periodic_event_handler, event));

    assert(err_is_ok(err));
    (void)err;
    if (event->cl.handler != NULL)
        event->cl.handler(event->cl.arg);
}

errval_t periodic_event_create(struct periodic_event *event, struct waitset *ws,
                               delayus_t period_us, struct event_closure closure)
{
    deferred_event_init(&event->de);
    event->cl = closure;
    event->waitset = ws;
    event->period = period_us;
    return deferred_event_register(&event->de, ws, period_us,
                                   MKCLOSURE(periodic_event_handler, event));
}

errval_t periodic_event_cancel(struct periodic_event *event)
{
    return deferred_event_cancel(&event->de);
}

static void wake_sleeper(void *arg)
{
    *(bool *)arg = true;
}

errval_t barrelfish_usleep(delayus_t delay_us)
{
    struct waitset ws;
    struct deferred_event event;
    bool done = false;

    waitset_init(&ws);
    deferred_event_init(&event);
    errval_t err = deferred_event_register(&event, &ws, delay_us, MKCLOSURE(wake_sleeper, &done));
    while (err_is_ok(err) && !done)
        err = event_dispatch(&ws);
    return err;
}

errval_t barrelfish_msleep(uint64_t delay_ms)
{
    return barrelfish_usleep(delay_ms <= UINT64_MAX / 1000 ? delay_ms * 1000 : UINT64_MAX);
}
