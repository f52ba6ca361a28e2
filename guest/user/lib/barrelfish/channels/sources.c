/* SPDX-License-Identifier: MIT
 *
 * The sources of events, as the dispatcher asks for them (dispatch/sources.h): deferred events,
 * endpoints and parked senders of LMP, polled channels and parked senders of UMP, doorbells.
 */
#include "sources.h"

#include <barrelfish/deferred.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/doorbell.h>
#include <barrelfish/lmp_chan.h>
#include <barrelfish/ump_chan.h>
#include <barrelfish/ump_checked.h>

#include "../events/deferred_priv.h"

static void check_unpolled(dispatcher_handle_t handle)
{
    struct dispatcher_shared *shared = get_dispatcher_shared(handle);
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    if (disp->deferred_events != NULL)
        deferred_events_fire_disabled(handle, shared->systime);
    if (*(volatile uint32_t *)&shared->lmp_delivered != shared->lmp_seen)
        lmp_endpoints_poll_disabled(handle);
    if (((uintptr_t)disp->lmp_send_parked | (uintptr_t)disp->lmp_send_paused) != 0)
        lmp_channels_retry_send_disabled(handle);
    if (disp->ump_send_parked != NULL)
        ump_channels_retry_send_disabled(handle);
    if (disp->dozing_channels != NULL)
        ump_channels_look_at_dozing_disabled(handle);
    if (disp->doorbells != NULL)
        doorbells_ring_disabled(handle);
}

/* Of two times to wake up; 0: never. */
static systime_t sooner(systime_t a, systime_t b)
{
    return a != 0 && (b == 0 || a < b) ? a : b;
}

/* Nobody says when a full endpoint is read, so parked sends are tried again. */
static void wait_to_send(const struct dispatcher_generic *disp, struct dispatcher_shared *shared)
{
    if (disp->lmp_send_parked != NULL)
        shared->haswork = true;
    if (disp->lmp_send_paused != NULL)
        shared->wakeup = sooner(shared->wakeup, disp->lmp_send_paused->next_try);
}

static bool prepare_sleep(dispatcher_handle_t handle)
{
    struct dispatcher_shared *shared = get_dispatcher_shared(handle);
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    bool may_sleep = ump_channels_arm_disabled(handle);

    if (disp->runq != NULL) {
        ump_channels_disarm_disabled(handle);
        return false;
    }
    shared->haswork = !may_sleep;
    shared->wakeup = sooner(disp->deferred_events != NULL ? disp->deferred_events->time : 0,
                            disp->ump_looks_again ? ump_channels_recheck_time(handle) : 0);
    wait_to_send(disp, shared);
    return true;
}

static void woken(dispatcher_handle_t handle)
{
    const struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    if (disp->ump_armed != 0)
        ump_channels_disarm_disabled(handle);
    if (disp->ump_checked != NULL)
        ump_checked_serve_disabled(handle, false);
}

const struct disp_sources channel_sources = {
    .check_unpolled = check_unpolled,
    .poll = poll_channels_disabled,
    .poll_rounds = poll_rounds_disabled,
    .prepare_sleep = prepare_sleep,
    .woken = woken,
    .lrpc = lmp_endpoint_store_disabled,
};
