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
#include "schedule.h"

static struct dcb *table[ABI_NOTIFY_IDS];
static uint32_t next_free; /* ids below were handed out once; a freed one is found by search */

errval_t notify_register(struct dcb *dcb, uint32_t *id)
{
    if (dcb->disp == NULL || dcb->stopped)
        return SYS_ERR_DISP_NOT_RUNNABLE;
    if (dcb->notify == 0) {
        uint32_t i = next_free;
        if (i < ABI_NOTIFY_IDS) {
            next_free++;
        } else {
            for (i = 0; i < ABI_NOTIFY_IDS && table[i] != NULL; i++) {
            }
            if (i == ABI_NOTIFY_IDS)
                return SYS_ERR_NOTIFY_IDS;
        }
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
    table[dcb->notify - 1] = NULL;
    dcb->notify = 0;
}

void notify_deliver(uint32_t id)
{
    struct dcb *dcb = table[id];
    if (dcb == NULL) /* its dispatcher is gone */
        return;
    kernel_counters.notifications_received++;
    dcb->disp->notified++;
    schedule_make_runnable(dcb);
}
