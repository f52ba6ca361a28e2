/* SPDX-License-Identifier: MIT
 *
 * The scheduling policy behind a small interface: round robin today.  The rest of the CPU driver
 * knows these functions only.
 */
#ifndef KERNEL_SCHEDULE_H
#define KERNEL_SCHEDULE_H

#include "dispatch.h"

/* How long a dispatcher runs while others wait: `slice=` of the menu's kernel line, else 10 ms. */
#define TIMESLICE_DEFAULT_NS 10000000ull
extern systime_t timeslice_ns;

/* Takes the options of the CPU driver's menu line, "/boot/cpu slice=50us ...".  An option it does not
 * know is ignored; one it cannot read is said and ignored. */
void schedule_options(const char *line);

/* Makes runnable; no effect if it is already or was stopped. */
void schedule_make_runnable(struct dcb *dcb);

/* The same for one that is neither in the run queue, nor asleep until a time, nor stopped; inline, for the
 * short way of messages (lrpc.c).  The queue's ends are for this file and schedule.c. */
extern struct dcb *schedule_head, *schedule_tail;
static inline void schedule_append(struct dcb *dcb)
{
    struct dcb *last = schedule_tail;
    dcb->queued = 1;
    dcb->head.runq_next = 0;
    dcb->runq_prev = last;
    schedule_tail = dcb;
    if (last == NULL) {
        schedule_head = dcb;
        CORE_PAGE->runq_head = mem_to_phys(dcb).v;
    } else {
        last->head.runq_next = mem_to_phys(dcb).v;
    }
}

/* Takes out of the run queue; no effect if it is not in it. */
void schedule_remove(struct dcb *dcb);

/* Who runs next; NULL: nobody. */
struct dcb *schedule_next(void);

/* `dcb` gives up, or used up, its slice. */
void schedule_yield(struct dcb *dcb);

/* Sleeping dispatchers, by time. */
void wakeup_set(struct dcb *dcb, systime_t at);
void wakeup_remove(struct dcb *dcb);
void wakeup_check(systime_t now); /* makes runnable whose time has come */
systime_t wakeup_first(void);     /* 0: nobody sleeps */

#endif
