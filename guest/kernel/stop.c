/* SPDX-License-Identifier: MIT
 *
 * The end of a dispatcher, and how the monitor learns of it.
 *
 * A dispatcher stops because it asks to, because it cannot run even its own fault handler, or
 * because it is deleted; and the monitor must hear of it, since it may not have said goodbye.
 * Stopped dispatchers wait in a queue made of their own DCBs, so that none is lost for want of
 * room, and the monitor, which registered an endpoint for this, gets an empty message as a hint.
 * The queue is the truth: a hint may be lost in a full endpoint buffer, because one that is already
 * there makes the monitor look.  As long as there is a monitor, a DCB in the queue is not given up
 * (delete.c).  Only the monitor itself stops dispatchers in silence.
 */
#include "dispatch.h"
#include "kernel_state.h"
#include "schedule.h"

static struct dcb *first, *last;
_Alignas(OBJSIZE_CTE) struct cte stop_monitor; /* EndPointLMP; empty when nobody wants to know */
void (*stop_hint)(struct cte *monitor);

bool stop_is_monitor(const struct dcb *dcb)
{
    return stop_monitor.cap.type == ObjType_EndPointLMP &&
           endpoint_listener(&stop_monitor.cap) == dcb;
}

static void enqueue(struct dcb *dcb)
{
    assert(dcb->stopped && !dcb->unreported);
    dcb->unreported = 1;
    dcb->stopped_next = NULL;
    dcb->stopped_prev = last;
    if (last != NULL)
        last->stopped_next = dcb;
    else
        first = dcb;
    last = dcb;
}

static void dequeue(struct dcb *dcb)
{
    assert(dcb->unreported);
    debug_assert(dcb->stopped_prev == NULL ? first == dcb : dcb->stopped_prev->stopped_next == dcb);
    debug_assert(dcb->stopped_next == NULL ? last == dcb : dcb->stopped_next->stopped_prev == dcb);
    dcb->unreported = 0;
    if (dcb->stopped_next != NULL)
        dcb->stopped_next->stopped_prev = dcb->stopped_prev;
    else
        last = dcb->stopped_prev;
    if (dcb->stopped_prev != NULL)
        dcb->stopped_prev->stopped_next = dcb->stopped_next;
    else
        first = dcb->stopped_next;
}

struct dcb *stop_take(void)
{
    struct dcb *dcb = first;
    if (dcb != NULL)
        dequeue(dcb);
    return dcb;
}

bool stop_holds(struct dcb *dcb)
{
    if (!dcb->unreported)
        return false;
    if (stop_monitor.cap.type == ObjType_EndPointLMP &&
        !endpoint_listener(&stop_monitor.cap)->stopped)
        return true;
    dequeue(dcb);
    return false;
}

static void tell_monitor(struct dcb *dcb)
{
    if (dcb->head.domain_id == 0) /* a first domain: the monitor itself, or init, nobody's child */
        return;
    enqueue(dcb);
    if (stop_monitor.cap.type != ObjType_EndPointLMP)
        return;
    stop_hint(&stop_monitor);
}

void dispatch_stop(struct dcb *dcb, bool tell)
{
    if (dcb->stopped)
        return;
    schedule_remove(dcb);
    schedule_forget(dcb);
    wakeup_remove(dcb);
    notify_unregister(dcb);
    dcb->stopped = 1;
    dcb->complete = 0;
    if (tell && dcb->disp != NULL)
        tell_monitor(dcb);
}

void stop_ordered(paddr_t dispatcher)
{
    struct capability cap = { .type = ObjType_Dispatcher };
    cap.u.mem.base = dispatcher.v;
    cap.u.mem.bytes = OBJSIZE_DISPATCHER;
    const struct cte *cte = mdb_find_equal(&kernel_mdb, &cap);
    if (cte == NULL || cte->node.owner != my_core_id)
        return;
    struct dcb *dcb = dcb_of(cte);
    printk("%s: dispatcher stopped, as a fault of the scenario asks for", dcb->head.name);
    dispatch_stop(dcb, true);
}
