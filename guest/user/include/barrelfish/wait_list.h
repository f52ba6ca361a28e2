/* SPDX-License-Identifier: MIT
 *
 * Waiting for something that is made once, when it is first wanted: a connection of the library.
 *
 * Several threads may want it at once, and so may handlers of events that a waiting thread serves:
 * those run on top of its stack, and must not wait for anything it would have to do.  So what is
 * begun here is finished by an event's handler, on whatever thread, and that tells everybody.
 */
#ifndef BARRELFISH_WAIT_LIST_H
#define BARRELFISH_WAIT_LIST_H

#include <barrelfish/waitset_chan.h>

struct wait_list_entry;

/* Zeroed: nobody waits. */
struct wait_list {
    struct wait_list_entry *first; /* touched disabled */
};

/* Success at once if is_there() says so (asked while disabled).  Else the caller joins the list,
 * begins if it is the first in it, and serves events of the waitset until it is told.  Where
 * `begin` fails, all are told that. */
errval_t wait_list_join(struct wait_list *list, struct waitset *ws, bool (*is_there)(void),
                        errval_t (*begin)(void));

/* What was begun has come to this end: all who joined return it, and the next to join begins
 * anew. */
void wait_list_tell(struct wait_list *list, errval_t err);

#endif
