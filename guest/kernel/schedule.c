/* SPDX-License-Identifier: MIT
 *
 * Round robin: one queue, the head runs, who used up its slice goes to the tail.
 *
 * The queue is linked forwards by physical addresses in abi_dcb_head, so that the machine can print it
 * when it must explain a hang; the head's address is kept in the core page for the same reason.
 * Backwards it is linked by pointers, so that nobody needs to walk along it.
 */
#include "schedule.h"

struct dcb *schedule_head, *schedule_tail;
static struct dcb *sleepers;

systime_t timeslice_ns = TIMESLICE_DEFAULT_NS;

/* "50us": a whole number of ns, us or ms, up to a second; 0 if it is none of these. */
static systime_t duration(const char *text)
{
    systime_t value = 0;
    while (*text >= '0' && *text <= '9' && value < 1000000000)
        value = 10 * value + (systime_t)(*text++ - '0');
    unsigned factor = text[0] == 'n' ? 1 : text[0] == 'u' ? 1000 : text[0] == 'm' ? 1000000 : 0;
    bool ends = factor != 0 && text[1] == 's' && (text[2] == '\0' || text[2] == ' ');
    return ends && value * factor <= 1000000000 ? value * factor : 0;
}

void schedule_options(const char *line)
{
    static const char option[] = " slice=";
    for (; *line != '\0'; line++) {
        unsigned same = 0;
        while (option[same] != '\0' && line[same] == option[same])
            same++;
        if (option[same] != '\0')
            continue;
        systime_t slice = duration(line + same);
        if (slice == 0)
            printk("slice=: expected a time of at most a second, such as 50us or 10ms");
        else
            timeslice_ns = slice;
    }
}

static struct dcb *next_of(const struct dcb *dcb)
{
    return dcb->head.runq_next == 0 ? NULL : phys_to_mem(paddr(dcb->head.runq_next));
}

void schedule_make_runnable(struct dcb *dcb)
{
    if (dcb->queued || dcb->stopped || dcb->disp == NULL)
        return;
    if (dcb->sleeping)
        wakeup_remove(dcb);
    schedule_append(dcb);
}

void schedule_remove(struct dcb *dcb)
{
    if (!dcb->queued)
        return;
    struct dcb *before = dcb->runq_prev, *after = next_of(dcb);
    dcb->queued = 0;
    if (after != NULL)
        after->runq_prev = before;
    else
        schedule_tail = before;
    if (before != NULL) {
        before->head.runq_next = dcb->head.runq_next;
    } else {
        schedule_head = after;
        CORE_PAGE->runq_head = dcb->head.runq_next;
    }
    dcb->head.runq_next = 0;
}

struct dcb *schedule_next(void)
{
    return schedule_head;
}

void schedule_yield(struct dcb *dcb)
{
    if (!dcb->queued || dcb == schedule_tail)
        return;
    schedule_remove(dcb);
    schedule_append(dcb);
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
