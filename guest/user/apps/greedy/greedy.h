/* SPDX-License-Identifier: MIT
 *
 * What the parts of greedy share.
 */
#ifndef GREEDY_H
#define GREEDY_H

#include <barrelfish/barrelfish.h>
#include <barrelfish/monitor_client.h>
#include <barrelfish/nameservice_client.h>
#include <if/mortal_defs.h>
#include <if/spawn_defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition))                                                      \
            USER_PANIC("greedy: line %d: not true: %s", __LINE__, #condition); \
    } while (0)

/* Takes all it can get of something, of the services and of these two programs on another core (or
 * this one): one that answers, one that does not; returns how much that was. */
typedef unsigned hog_fn(iref_t server, iref_t mute);

struct hog {
    const char *name;
    hog_fn *run;
    const char *takes; /* rows of the services' lists of resources, as "service:ID" */
};

extern const struct hog hogs[];
extern const unsigned hog_count;

/* knowledge.c */
hog_fn hog_records, hog_watches, hog_semaphores, hog_stored, hog_clauses;

iref_t find(const char *name);
/* Serves events until nothing has come for a while. */
void settle(void);
/* Does `done` become true?  Serves events meanwhile. */
void wait_for(const volatile bool *done);

struct spawn_binding *connect_spawnd(void);
/* Until so many of the children have ended. */
void wait_for_ends(unsigned count);
/* Ends what the hog "children" has started. */
void end_children(void);

#endif
