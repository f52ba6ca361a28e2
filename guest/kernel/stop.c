/* SPDX-License-Identifier: MIT
 *
 * The end of a dispatcher, and how the monitor learns of it.
 *
 * A dispatcher stops because it asks to, because it cannot run even its own fault handler, or because
 * it is deleted; and the monitor must hear of it, since it may not have said goodbye.  A stop leaves the
 * domain's number in a ring, and the monitor, which registered an endpoint for this, gets an empty
 * message as a hint.  The ring is the truth: a hint may be lost in a full endpoint buffer, because one
 * that is already there makes the monitor look.  Only the monitor itself stops dispatchers in silence.
 */
#include "dispatch.h"
#include "objects/objects.h"
#include "schedule.h"

#define STOPPED_MAX 256 /* not yet asked for; a power of two */

static uint32_t stopped[STOPPED_MAX];
static uint32_t first, count;
static struct cte monitor; /* EndPointLMP; empty when nobody wants to know */

void stop_register_monitor(struct cte *endpoint)
{
    if (monitor.cap.type != ObjType_Null) {
        errval_t err = cap_delete(&monitor);
        assert(err_is_ok(err));
    }
    cap_copy_to(&monitor, endpoint);
}

uint32_t stop_next(void)
{
    if (count == 0)
        return 0;
    uint32_t domain = stopped[first % STOPPED_MAX];
    first++;
    count--;
    return domain;
}

static void tell_monitor(uint32_t domain)
{
    if (domain == 0) /* a first domain: the monitor itself, or init, which is nobody's child */
        return;
    if (count == STOPPED_MAX) {
        printk("too many dispatchers stopped before the monitor asked: domain %x is not reported",
               domain);
        return;
    }
    stopped[(first + count) % STOPPED_MAX] = domain;
    count++;
    if (monitor.cap.type != ObjType_EndPointLMP)
        return;
    struct dcb *receiver;
    (void)lmp_deliver(&monitor, NULL, NULL, 0, 0, 0, false, &receiver); /* a hint, see above */
}

void dispatch_stop(struct dcb *dcb, bool tell)
{
    if (dcb->stopped)
        return;
    schedule_remove(dcb);
    wakeup_remove(dcb);
    notify_unregister(dcb);
    dcb->stopped = 1;
    dcb->complete = 0;
    if (tell && dcb->disp != NULL)
        tell_monitor(dcb->head.domain_id);
}
