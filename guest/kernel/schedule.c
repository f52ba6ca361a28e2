/* SPDX-License-Identifier: MIT
 *
 * Round robin: one queue, the head runs, who used up its slice goes to the tail.
 *
 * The queue is linked by physical addresses in abi_dcb_head, so that the machine can print it when
 * it must explain a hang; the head's address is kept in the core page for the same reason.
 */
#include "schedule.h"

static struct dcb *head, *tail;
static struct dcb *sleepers;

static struct dcb *next_of(const struct dcb *dcb)
{
    return dcb->head.runq_next == 0 ? NULL : phys_to_mem(paddr(dcb->head.runq_next));
}

static void publish_head(void)
{
    CORE_PAGE->runq_head = head == NULL ? 0 : mem_to_phys(head).v;
}

static void append(struct dcb *dcb)
{
    dcb->head.runq_next = 0;
    if (head == NULL) {
        head = dcb;
        publish_head();
    } else {
        tail->head.runq_next = mem_to_phys(dcb).v;
    }
    tail = dcb;
}

void schedule_make_runnable(struct dcb *dcb)
{
    if (dcb->queued || dcb->stopped || dcb->disp == NULL)
        return;
    if (dcb->sleeping)
        wakeup_remove(dcb);
    dcb->queued = 1;
    append(dcb);
}

void schedule_remove(struct dcb *dcb)
{
    if (!dcb->queued)
        return;
    dcb->queued = 0;
    struct dcb *before = NULL;
    for (struct dcb *d = head; d != dcb; d = next_of(d)) {
        assert(d != NULL);
        before = d;
    }
    if (before == NULL)
        head = next_of(dcb);
    else
        before->head.runq_next = dcb->head.runq_next;
    if (tail == dcb)
        tail = before;
    dcb->head.runq_next = 0;
    publish_head();
}

struct dcb *schedule_next(void)
{
    return head;
}

void schedule_yield(struct dcb *dcb)
{
    if (!dcb->queued || head == tail)
        return;
    schedule_remove(dcb);
    dcb->queued = 1;
    append(dcb);
}

void wakeup_set(struct dcb *dcb, systime_t at)
{
    assert(!dcb->queued && !dcb->sleeping && at != 0);
    dcb->wakeup = at;
    dcb->sleeping = 1;
    struct dcb **link = &sleepers;
    while (*link != NULL && (*link)->wakeup <= at)
        link = &(*link)->wakeup_next;
    dcb->wakeup_next = *link;
    *link = dcb;
}

void wakeup_remove(struct dcb *dcb)
{
    if (!dcb->sleeping)
        return;
    struct dcb **link = &sleepers;
    while (*link != dcb) {
        assert(*link != NULL);
        link = &(*link)->wakeup_next;
    }
    *link = dcb->wakeup_next;
    dcb->sleeping = 0;
}

void wakeup_check(systime_t now)
{
    while (sleepers != NULL && sleepers->wakeup <= now) {
        struct dcb *dcb = sleepers;
        schedule_make_runnable(dcb); /* takes it out of the list */
    }
}

systime_t wakeup_first(void)
{
    return sleepers == NULL ? 0 : sleepers->wakeup;
}
