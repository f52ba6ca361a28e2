/* SPDX-License-Identifier: MIT
 *
 * Between waitset.c (taking events) and waitset_chan.c (making them).
 */
#ifndef WAITSET_PRIV_H
#define WAITSET_PRIV_H

#include <barrelfish/waitset_chan.h>

void chan_enqueue(struct waitset_chanstate *chan, struct waitset_chanstate **queue);
void chan_dequeue(struct waitset_chanstate *chan, struct waitset_chanstate **queue);
/* The queue a registered channel is in. */
struct waitset_chanstate **chan_queue(struct waitset_chanstate *chan);

/* The dispatcher's list of channels somebody must look at. */
void chan_polled_add(struct waitset_chanstate *chan, dispatcher_handle_t handle);
void chan_polled_remove(struct waitset_chanstate *chan, dispatcher_handle_t handle);

/* May this thread, which waits for `awaited` or (NULL) for anything, take the channel's event? */
bool chan_matches(const struct waitset_chanstate *chan, const struct thread *thread,
                  const struct waitset_chanstate *awaited);

#endif
