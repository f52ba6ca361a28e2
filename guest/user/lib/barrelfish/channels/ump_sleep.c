/* SPDX-License-Identifier: MIT
 *
 * Sleeping beside UMP channels, and channels that doze (docs/ump-wakeup.md).
 *
 * Before the dispatcher sleeps it sets the wake flag of every channel it waits for and looks once
 * more.  When it wakes up it clears them.  Of many channels those that were quiet for some time are
 * left as they are: they doze.  Nobody looks at them, when polling or before the next sleep, until
 * a notification has come that may be for one of them.  So that costs as much as there are channels
 * in use, not as there are channels.
 *
 * UMP_STEP marks where a test puts steps of the peer.
 */
#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/ump_chan.h>

#include "../events/waitset_priv.h"

/* Calls `function` for each channel of a ring of the dispatcher; it may take that one out. */
static void for_each(struct waitset_chanstate **ring, dispatcher_handle_t handle, uintptr_t arg,
                     void (*function)(struct ump_chan *uc, dispatcher_handle_t handle,
                                      uintptr_t arg))
{
    struct waitset_chanstate *chan = *ring, *next;

    if (chan == NULL)
        return;
    const struct waitset_chanstate *end = chan->polled_prev;

    for (bool last = false; !last; chan = next) {
        last = chan == end;
        next = chan->polled_next;
        function(polled_ump_chan(chan), handle, arg);
    }
}

/* The same for channels whose sends are parked; it takes none out. */
static void for_each_parked(dispatcher_handle_t handle, bool *may_sleep,
                            void (*function)(struct ump_chan *uc, bool *may_sleep))
{
    struct ump_chan *first = get_dispatcher_generic(handle)->ump_send_parked, *uc = first;

    while (uc != NULL) {
        function(uc, may_sleep);
        uc = uc->next != first ? uc->next : NULL;
    }
}

/* ---- dozing ---- */

static void fall_asleep(struct ump_chan *uc, dispatcher_handle_t handle)
{
    chan_polled_remove(&uc->recv_waitset, handle);
    uc->dozes = true;
    chan_polled_add(&uc->recv_waitset, handle);
}

static void disarm(struct ump_chan *uc)
{
    if (uc->armed) {
        uc->armed = false;
        ump_ring_disarm(&uc->ring);
    }
}

void ump_chan_awake_disabled(struct ump_chan *uc, dispatcher_handle_t handle)
{
    if (!uc->dozes)
        return;
    chan_polled_remove(&uc->recv_waitset, handle);
    chan_polled_add(&uc->recv_waitset, handle);
    disarm(uc);
    uc->quiet_sleeps = 0;
}

static void renumber(struct ump_chan *uc, dispatcher_handle_t handle, uintptr_t arg)
{
    (void)handle, (void)arg;
    ump_ring_renumber(&uc->ring);
}

static void awake_if_line(struct ump_chan *uc, dispatcher_handle_t handle, uintptr_t arg)
{
    (void)arg;
    if (ump_ring_has_line(&uc->ring))
        ump_chan_awake_disabled(uc, handle);
}

/* Which one was meant is not known, and the notification may have used up the number of a channel
 * that has no line now.  So all get new numbers, and then a look, as before the dispatcher
 * sleeps. */
static void look_at_dozing(dispatcher_handle_t handle, uint32_t notified)
{
    struct waitset_chanstate **dozing = &get_dispatcher_generic(handle)->dozing_channels;

    get_dispatcher_shared(handle)->notify_seen = notified;
    if (!UMP_SLEEP_LEAVES_OUT(NEW_NUMBERS))
        for_each(dozing, handle, 0, renumber);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for_each(dozing, handle, 0, awake_if_line);
}

void ump_channels_look_at_dozing_disabled(dispatcher_handle_t handle)
{
    const struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    const struct dispatcher_shared *shared = get_dispatcher_shared(handle);

    /* What comes while wake flags are being set, and before the next look at all those channels,
     * may be for one of them: it must not count as seen, or the kernel would let us sleep. */
    if (disp->ump_armed != 0 && !UMP_SLEEP_LEAVES_OUT(NOT_WHILE_ARMED))
        return;
    UMP_STEP("was a dozing channel meant?", &shared->notified);
    const uint32_t notified = *(volatile const uint32_t *)&shared->notified;

    if (notified != shared->notify_seen || disp->ump_recheck_ns != 0)
        look_at_dozing(handle, notified);
}

/* ---- before the dispatcher sleeps ---- */

static void arm(struct ump_chan *uc, bool *may_sleep)
{
    if (uc->recv_waitset.held && uc->next == NULL)
        return; /* nobody waits for it: its handler runs */
    if (uc->never_sleep) {
        *may_sleep = false; /* its peer cannot wake us */
        return;
    }
    ump_ring_arm(&uc->ring); /* a new odd number, then the fence */
    uc->armed = true;
}

static void arm_polled(struct ump_chan *uc, dispatcher_handle_t handle, uintptr_t may_sleep)
{
    (void)handle;
    arm(uc, (bool *)may_sleep);
}

bool ump_channels_arm_disabled(dispatcher_handle_t handle)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    struct dispatcher_shared *shared = get_dispatcher_shared(handle);
    bool may_sleep = true;

    /* 1. Notifications up to now belong to earlier wake words, or to a channel that dozes.  Those
     *    that come from here on may have used up a word that is about to be set, by a line that the
     *    last look takes out (an acknowledgement) or that was taken out before: with them the
     *    kernel must not let us sleep. */
    UMP_STEP("mark notifications as seen", &shared->notified);
    const uint32_t notified = *(volatile uint32_t *)&shared->notified;

    if (UMP_SLEEP_LEAVES_OUT(BEFORE_SLEEP))
        shared->notify_seen = notified;
    else if (notified != shared->notify_seen)
        look_at_dozing(handle, notified);
    /* 2. From here on whoever sends a line notifies. */
    for_each(&disp->polled_channels, handle, (uintptr_t)&may_sleep, arm_polled);
    for_each_parked(handle, &may_sleep, arm);
    disp->ump_armed = 1;
    if (disp->ump_checked != NULL)
        ump_checked_serve_disabled(handle, true);
    /* 3. The last look, for lines whose senders saw no flag. */
    disp_check_events_disabled(handle);
    /* 4. The caller yields; the kernel compares `notified` with `notify_seen`. */
    return may_sleep;
}

/* ---- time ---- */

systime_t ump_channels_recheck_time(dispatcher_handle_t handle)
{
    const struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    bool waits = disp->polled_channels != NULL || disp->dozing_channels != NULL ||
                 disp->ump_send_parked != NULL;

    systime_t at = ump_checked_next_timeout(handle);

    if (disp->ump_recheck_ns != 0 && waits) {
        systime_t recheck = get_dispatcher_shared(handle)->systime + disp->ump_recheck_ns;

        at = at == 0 || recheck < at ? recheck : at;
    }
    return at;
}

void ump_channels_set_recheck(uint64_t recheck_ns)
{
    dispatcher_handle_t handle = disp_disable();

    get_dispatcher_generic(handle)->ump_recheck_ns = recheck_ns;
    get_dispatcher_generic(handle)->ump_looks_again = true;
    disp_enable(handle);
}

/* ---- after it ---- */

/* Was there nothing to read since it was armed, so often that it may doze?  (A checked channel has
 * time-outs: it is looked at anyway.  Parked ones are looked at for room.) */
static bool may_doze(struct ump_chan *uc)
{
    if (uc->quiet_since != uc->ring.seq_id) {
        uc->quiet_since = uc->ring.seq_id;
        uc->quiet_sleeps = 0;
    } else if (uc->quiet_sleeps < UMP_QUIET_SLEEPS) {
        uc->quiet_sleeps++;
    }
    return uc->quiet_sleeps >= UMP_QUIET_SLEEPS && uc->checked == NULL && uc->next == NULL &&
           !uc->recv_waitset.held;
}

static void disarm_or_doze(struct ump_chan *uc, dispatcher_handle_t handle, uintptr_t count)
{
    unsigned *awake = (unsigned *)count;

    if (!uc->armed)
        return;
    if (may_doze(uc) && *awake >= UMP_AWAKE_CHANNELS) {
        fall_asleep(uc, handle);
        return;
    }
    ++*awake;
    disarm(uc);
}

static void disarm_parked(struct ump_chan *uc, bool *unused)
{
    (void)unused;
    disarm(uc);
}

void ump_channels_disarm_disabled(dispatcher_handle_t handle)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    unsigned awake = 0;

    disp->ump_armed = 0;
    for_each_parked(handle, NULL, disarm_parked);
    for_each(&disp->polled_channels, handle, (uintptr_t)&awake, disarm_or_doze);
}
