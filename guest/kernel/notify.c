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

void (*notify_irq)(uint32_t number);

static struct dcb *table[NOTIFY_IRQ_FIRST];

/* Ids are handed out in turn; those that were given back follow in the order in which they came, so
 * that a peer that has not heard of a dispatcher's end has long to hear of it before he wakes
 * another one. */
static uint32_t next_fresh;
static uint16_t given_back[NOTIFY_IRQ_FIRST]; /* a ring: `waiting` of them from `oldest` */
static uint32_t oldest, waiting;

/* SYS_ERR_NOTIFY_IDS: all are in use. */
static errval_t take_id(uint32_t *id)
{
    if (next_fresh < NOTIFY_IRQ_FIRST) {
        *id = next_fresh++;
    } else if (waiting != 0) {
        *id = given_back[oldest];
        oldest = (oldest + 1) % NOTIFY_IRQ_FIRST;
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
    assert(table[id] == dcb && waiting < NOTIFY_IRQ_FIRST);
    table[id] = NULL;
    dcb->notify = 0;
    given_back[(oldest + waiting++) % NOTIFY_IRQ_FIRST] = (uint16_t)id;
}

/* An interrupt of a device: a message and who gets it is woken, or another core told. */
#define COST_IRQ 700

/* What is left of the share of this entry, and whether it brought something for whoever runs. */
static int work_left;
static bool for_current;

static void deliver_or_put_off(uint32_t id)
{
    const struct dcb *dcb = id < NOTIFY_IRQ_FIRST ? table[id] : NULL;
    if (work_left <= 0) {
        plat_notify(my_core_id, id); /* again, with an interrupt to itself */
        return;
    }
    work_left -= dcb != NULL ? wakeup_cost(dcb) : id < NOTIFY_IRQ_FIRST ? 0 : COST_IRQ;
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
    if (id >= NOTIFY_IRQ_FIRST) {
        kernel_counters.notifications_received++;
        for_current = true; /* it may be: that message is not counted here */
        if (notify_irq != NULL)
            notify_irq(id - NOTIFY_IRQ_FIRST);
        return;
    }
    struct dcb *dcb = table[id];
    if (dcb == NULL) /* its dispatcher is gone */
        return;
    debug_assert(dispatcher_is_complete(dcb)); /* otherwise it was unregistered */
    kernel_counters.notifications_received++;
    dcb->disp->notified++;
    for_current |= dcb == current;
    schedule_make_runnable(dcb);
}
