/* SPDX-License-Identifier: MIT
 *
 * The scheduling policy behind a small interface: round robin today.  The rest of the CPU driver
 * knows these functions only.
 */
#ifndef KERNEL_SCHEDULE_H
#define KERNEL_SCHEDULE_H

#include "dispatch.h"

#define TIMESLICE_NS 10000000ull

/* Makes runnable; no effect if it is already or was stopped. */
void schedule_make_runnable(struct dcb *dcb);

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
