/* SPDX-License-Identifier: MIT
 *
 * An event whenever somebody has notified this dispatcher: for rings that are not polled
 * (DESIGN 5).
 */
#ifndef BARRELFISH_DOORBELL_H
#define BARRELFISH_DOORBELL_H

#include <barrelfish/waitset_chan.h>

struct doorbell {
    struct waitset_chanstate waitset_state;
    struct doorbell *next; /* of the dispatcher */
};

/* From now on the closure's handler runs on `ws` when this dispatcher has been notified, once for
 * all notifications before it runs.  It may run without a reason of its own: notifications do not
 * say what they are for.  The doorbell is the caller's, and must live until it is taken down.
 * LIB_ERR_CHAN_ALREADY_REGISTERED.  Does not block. */
errval_t doorbell_hang(struct doorbell *bell, struct waitset *ws, struct event_closure closure);

/* LIB_ERR_CHAN_NOT_REGISTERED.  An event that is pending is dropped. */
errval_t doorbell_take_down(struct doorbell *bell);

/* Dispatcher code: has anybody notified since the last time? */
void doorbells_ring_disabled(dispatcher_handle_t handle);

#endif
