/* SPDX-License-Identifier: MIT
 *
 * Events in the future (facts §2.2, §8).  Delays in microseconds.  The dispatcher asks the kernel
 * to wake it for the earliest one; accuracy is that of the scheduler.
 */
#ifndef BARRELFISH_DEFERRED_H
#define BARRELFISH_DEFERRED_H

#include <barrelfish/waitset_chan.h>

struct deferred_event {
    struct waitset_chanstate waitset_state;
    struct deferred_event *next, *prev;
    systime_t time; /* ns; 0: not queued */
    bool
        keeps_house; /* set after deferred_event_init(): looks whether all is well, and nobody waits
                       * for it.  A machine in which all else has come to rest may end */
};

struct periodic_event {
    struct deferred_event de;
    struct event_closure cl;
    struct waitset *waitset;
    delayus_t period;
};

void deferred_event_init(struct deferred_event *event);

/* LIB_ERR_CHAN_ALREADY_REGISTERED. */
errval_t deferred_event_register(struct deferred_event *event, struct waitset *ws,
                                 delayus_t delay_us, struct event_closure closure);
/* LIB_ERR_CHAN_NOT_REGISTERED if it has been delivered. */
errval_t deferred_event_cancel(struct deferred_event *event);

errval_t periodic_event_create(struct periodic_event *event, struct waitset *ws,
                               delayus_t period_us, struct event_closure closure);
errval_t periodic_event_cancel(struct periodic_event *event);

/* Blocks the thread; other events of its default waitset are not served meanwhile. */
errval_t barrelfish_usleep(delayus_t delay_us);
errval_t barrelfish_msleep(uint64_t delay_ms);

#endif
