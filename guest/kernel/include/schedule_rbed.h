/* SPDX-License-Identifier: MIT
 *
 * Real-time tasks (schedule_rbed.c), for schedule.c alone but for the parameters.  Times in ns of
 * the machine.
 */
#ifndef KERNEL_SCHEDULE_RBED_H
#define KERNEL_SCHEDULE_RBED_H

#include "dispatch.h"

#define RBED_TASKS 16
#define RBED_CORE 1000000ull
#define RBED_SHARE 900000ull /* of it for tasks; the rest is for all others */
#define RBED_PERIOD_LEAST 50000ull
#define RBED_PERIOD_MOST 10000000000ull

enum { RBED_BEST_EFFORT, RBED_SOFT, RBED_HARD };

struct rbed_parameters {
    uint64_t type;
    systime_t deadline, budget, period; /* budget <= deadline <= period */
    systime_t release;
};

/* SYS_ERR_DISP_PARAMETERS, SYS_ERR_DISP_ADMISSION; changes nothing. */
errval_t rbed_check(const struct dcb *dcb, const struct rbed_parameters *p);
/* After rbed_check.  When the first period begins: at the release, now if that is past, or when
 * those are over that were admitted without it. */
systime_t rbed_set(struct dcb *dcb, const struct rbed_parameters *p, systime_t now);
/* It is no task any more. */
void rbed_forget(struct dcb *dcb);

/* Whose turn it is; NULL: the round robin's. */
struct dcb *rbed_next(systime_t now);
/* Is it still the turn of who had it, be it a task or the round robin? */
bool rbed_goes_on(systime_t now);
/* When that must be asked again at the latest. */
systime_t rbed_until(void);
bool rbed_has_turn(void);
/* It gives up its turn: its job is done.  It cannot run: the rest of its budget waits for it. */
void rbed_gave_up(const struct dcb *dcb);
void rbed_blocked(const struct dcb *dcb);

#endif
