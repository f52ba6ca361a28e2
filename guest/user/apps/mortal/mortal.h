/* SPDX-License-Identifier: MIT
 *
 * What the parts of mortal share.
 */
#ifndef MORTAL_H
#define MORTAL_H

#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <if/mortal_defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition))                                                      \
            USER_PANIC("mortal: line %d: not true: %s", __LINE__, #condition); \
    } while (0)

#define TEXT_BYTES 2047 /* more than a ring holds */

static inline void dispatch_one(void)
{
    errval_t err = event_dispatch(get_default_waitset());
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "dispatching events");
}

#define WAIT_FOR(condition)  \
    do {                     \
        while (!(condition)) \
            dispatch_one();  \
    } while (0)

static inline void drain_events(void)
{
    while (err_is_ok(event_dispatch_non_block(get_default_waitset())))
        continue;
}

/* A binding under way. */
struct attempt {
    bool done;
    errval_t err;
    struct mortal_binding *binding;
};

extern idc_bind_flags_t bind_flags; /* of all binds, also those of domains that are started */

/* Begins to bind; the attempt is done when the library says so. */
void begin_bind(struct attempt *attempt, iref_t iref);
/* Looks the name up, waiting for it, and binds; the program ends if it cannot. */
struct mortal_binding *bind_to(const char *name, iref_t *iref);

/* victim.c: roles of domains that die, and how the command line says which way. */
#define WAYS 5
extern const struct way {
    const char *word;
    mortal_way_t way;
} ways[WAYS];
mortal_way_t way_of(const char *word);
int be_server(char *name, bool dies);
int be_client(const char *name, const char *moment, mortal_way_t way);

/* tester.c: starts them on these cores, and looks at what is told. */
int be_tester(char *cores[]);

#endif
