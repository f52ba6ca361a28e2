/* SPDX-License-Identifier: MIT
 *
 * Doorbells: events for notifications (doorbell.h).
 *
 * The kernel counts notifications, and lets nobody sleep who has not marked the last one as seen
 * (ump_sleep.c, step 1).  It is marked before the last look at all events, and this is among them:
 * so each notification either is found here, or keeps the dispatcher awake until it is.
 */
#include <barrelfish/doorbell.h>

#include <barrelfish/dispatcher.h>

errval_t doorbell_hang(struct doorbell *bell, struct waitset *ws, struct event_closure closure)
{
    waitset_chanstate_init(&bell->waitset_state, CHANTYPE_OTHER);
    errval_t err = waitset_chan_register_persistent(ws, &bell->waitset_state, closure);

    if (err_is_fail(err))
        return err;
    dispatcher_handle_t handle = disp_disable();
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    bell->next = disp->doorbells;
    disp->doorbells = bell;
    disp_enable(handle);
    return SYS_ERR_OK;
}

errval_t doorbell_take_down(struct doorbell *bell)
{
    dispatcher_handle_t handle = disp_disable();
    struct doorbell **link = &get_dispatcher_generic(handle)->doorbells;
    errval_t err = waitset_chan_deregister_disabled(&bell->waitset_state, handle);

    while (*link != NULL && *link != bell)
        link = &(*link)->next;
    if (*link != NULL)
        *link = bell->next;
    disp_enable(handle);
    return err;
}

void doorbells_ring_disabled(dispatcher_handle_t handle)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    const uint32_t notified = *(volatile const uint32_t *)&get_dispatcher_shared(handle)->notified;

    if (notified == disp->doorbell_rang)
        return;
    disp->doorbell_rang = notified;
    /* One that has an event already takes this notification with it. */
    for (struct doorbell *bell = disp->doorbells; bell != NULL; bell = bell->next)
        (void)waitset_chan_trigger_disabled(&bell->waitset_state, handle);
}
