/* SPDX-License-Identifier: MIT
 *
 * The scheduling policy behind a small interface: round robin, and with `sched=rbed` real-time
 * tasks before it (schedule_rbed.h).  The rest of the CPU driver knows these functions only.
 *
 * A policy owns time.  It says whose turn it is (schedule_next) and when that turn must end at the
 * latest (schedule_slice_end); dispatch.c arms the timer and calls schedule_tick() at every
 * interrupt.  Whoever runs may hand the core to another dispatcher without asking: then the other
 * runs on the giver's time, and the policy is not told.  Nothing else begins or ends a turn but
 * schedule_yield() and schedule_remove().
 */
#ifndef KERNEL_SCHEDULE_H
#define KERNEL_SCHEDULE_H

#include "dispatch.h"

/* How long a dispatcher runs while others wait: `slice=` of the menu's kernel line, else 10 ms. */
#define TIMESLICE_DEFAULT_NS 10000000ull
extern systime_t timeslice_ns;

/* Takes the options of the CPU driver's menu line, "/boot/cpu slice=50us ...".  An option it does
 * not know is ignored; one it cannot read is said and ignored. */
void schedule_options(const char *line);

/* Scheduling parameters of a dispatcher (facts §4.3), and when its first period begins.  The same
 * errors as rbed_check; SYS_ERR_DISP_NO_PARAMETERS: round robin has none. */
struct rbed_parameters;
errval_t schedule_set_parameters(struct dcb *dcb, const struct rbed_parameters *p,
                                 systime_t *begins);

/* It will never run again: it has none any more. */
void schedule_forget(struct dcb *dcb);

/* Makes runnable; no effect if it is already, or is not complete. */
void schedule_make_runnable(struct dcb *dcb);

/* The same for one that is complete and neither in the run queue nor asleep until a time; inline,
 * for the short way of messages (lrpc.c).  The queue's ends are for this file and schedule.c. */
extern struct dcb *schedule_head, *schedule_tail;
static inline void schedule_append(struct dcb *dcb)
{
    struct dcb *last = schedule_tail;
    debug_assert(!dcb->queued && !dcb->sleeping && dispatcher_is_complete(dcb));
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

/* Whose turn it is; NULL: nobody's.  Its slice begins, if it has none that goes on. */
struct dcb *schedule_next(systime_t now);

/* `dcb` gives up its turn, if it has it, and is the last to get another one. */
void schedule_yield(struct dcb *dcb);

/* An interrupt came, so this is the time.  True: the slice goes on, and with it whoever runs;
 * false: it is somebody's turn anew. */
bool schedule_tick(systime_t now);

/* The slice that is under way ends at `at`, so that cores which are told the same time begin their
 * slices together; a time in the past, or further away than a slice lasts, is taken as now. */
void schedule_sync(systime_t at, systime_t now);

/* When the slice ends that schedule_next() spoke of. */
systime_t schedule_slice_end(void);

/* Dispatchers that sleep until a time (wakeup.c).  All take O(log n) steps; they know
 * nobody: schedule_wake() makes runnable whose time has come, as many as WAKEUP_WORK instructions
 * allow; a deadline that has passed, wakeup_first(), then tells that there are more. */
#define WAKEUP_WORK 1500
#define WAKEUP_COST_LEAST 60 /* of one, in instructions */
void schedule_wake(systime_t now);
void wakeup_set(struct dcb *dcb, systime_t at);
void wakeup_remove(struct dcb *dcb);       /* no effect if it does not sleep */
int wakeup_cost(const struct dcb *dcb);    /* of making it runnable, whether it sleeps or not */
extern struct dcb *wakeup_head;            /* who wakes first; for this file and wakeup.c */
static inline systime_t wakeup_first(void) /* 0: nobody sleeps */
{
    return wakeup_head == NULL ? 0 : wakeup_head->wakeup;
}

#endif
