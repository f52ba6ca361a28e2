/* SPDX-License-Identifier: MIT
 *
 * Notifications: how another core, with nothing shared, wakes a dispatcher here.
 *
 * Each dispatcher has at most one id, an index into this core's table.  A peer holds a Notify_IPI
 * capability {core, id}; invoking it raises the id's bit in this core's pending words.  Delivery
 * counts in the dispatcher frame and makes the dispatcher runnable; which channel has a message is
 * for user code to find out.  Notifications coalesce and cannot overflow.
 */
#include "dispatch.h"
#include "kernel_state.h"
#include "plat.h"
#include "schedule.h"

static struct dcb *table[ABI_NOTIFY_IDS];

/* Ids are handed out in turn; those that were given back follow in the order in which they came, so
 * that a peer that has not heard of a dispatcher's end has long to hear of it before he wakes
 * another one. */
static uint32_t next_fresh;
static uint16_t given_back[ABI_NOTIFY_IDS]; /* a ring: `waiting` of them from `oldest` */
static uint32_t oldest, waiting;

/* SYS_ERR_NOTIFY_IDS: all are in use. */
static errval_t take_id(uint32_t *id)
{
    if (next_fresh < ABI_NOTIFY_IDS) {
        *id = next_fresh++;
    } else if (waiting != 0) {
        *id = given_back[oldest];
        oldest = (oldest + 1) % ABI_NOTIFY_IDS;
        waiting--;
    } else {
        return SYS_ERR_NOTIFY_IDS;
    }
    return SYS_ERR_OK;
}

errval_t notify_register(struct dcb *dcb, uint32_t *id)
{
    if (!dispatcher_is_complete(dcb))
        return SYS_ERR_DISP_NOT_RUNNABLE;
    if (dcb->notify == 0) {
        uint32_t i;
        errval_t err = take_id(&i);
        if (err_is_fail(err))
            return err;
        assert(table[i] == NULL);
        table[i] = dcb;
        dcb->notify = i + 1;
    }
    *id = dcb->notify - 1;
    return SYS_ERR_OK;
}

void notify_unregister(struct dcb *dcb)
{
    if (dcb->notify == 0)
        return;
    const uint32_t id = dcb->notify - 1;
    assert(table[id] == dcb && waiting < ABI_NOTIFY_IDS);
    table[id] = NULL;
    dcb->notify = 0;
    given_back[(oldest + waiting++) % ABI_NOTIFY_IDS] = (uint16_t)id;
}

/* What is left of the share of this entry, and whether it brought something for whoever runs. */
static int work_left;
static bool for_current;

static void deliver_or_put_off(uint32_t id)
{
    const struct dcb *dcb = table[id];
    if (work_left <= 0) {
        plat_notify(my_core_id, id); /* again, with an interrupt to itself */
        return;
    }
    work_left -= dcb == NULL ? 0 : wakeup_cost(dcb);
    notify_deliver(id);
}

bool notify_take(void)
{
    work_left = WAKEUP_WORK;
    for_current = false;
    plat_take_notifications(deliver_or_put_off);
    return for_current;
}

void notify_deliver(uint32_t id)
{
    struct dcb *dcb = table[id];
    if (dcb == NULL) /* its dispatcher is gone */
        return;
    debug_assert(dispatcher_is_complete(dcb)); /* otherwise it was unregistered */
    kernel_counters.notifications_received++;
    dcb->disp->notified++;
    for_current |= dcb == current;
    schedule_make_runnable(dcb);
}
