/* SPDX-License-Identifier: MIT
 *
 * Clients of octopus that keep to the letter of its interface only.  The binding is their own, so
 * that they can leave answers unread and take their endpoint away.
 */
#include <barrelfish/nameservice_client.h>
#include <if/octopus_defs.h>
#include <octopus/octopus.h>
#include <stdio.h>

#include "octtest.h"

#define ASKED 4 /* more answers with a capability than wait in an endpoint */
#define OTHERS 6

static struct octopus_binding *own;
static volatile bool is_bound;

static void bound(void *st, errval_t err, struct octopus_binding *b)
{
    (void)st;
    good(err, "binding");
    own = b;
    is_bound = true;
}

static void wait_until(volatile bool *done)
{
    while (!*done)
        good(event_dispatch(get_default_waitset()), "dispatching");
}

static void bind_own(void)
{
    iref_t iref;
    good(nameservice_blocking_lookup("octopus", &iref), "finding octopus");
    good(octopus_bind(iref, bound, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT), "bind");
    wait_until(&is_bound);
}

/* ---- lazy ---- */

static genpaddr_t wanted;
static unsigned answers, wrong, ends;
static volatile bool all_there;

static void got_cap(struct octopus_binding *b, struct capref cap, errval_t err)
{
    struct frame_identity id = { 0 };
    (void)b;
    if (err_is_ok(err) &&
        (capref_is_null(cap) || err_is_fail(frame_identify(cap, &id)) || id.base != wanted))
        wrong++;
    if (!capref_is_null(cap))
        cap_destroy(cap);
    all_there = ++answers == ASKED && ends == OTHERS + 2;
}

static void got_end(struct octopus_binding *b, errval_t err)
{
    (void)b;
    good(err, "putting and removing");
    all_there = ++ends == OTHERS + 2 && answers == ASKED;
}

static void put(const char *key, struct capref *frame)
{
    good(frame_alloc(frame, BASE_PAGE_SIZE, NULL), "a frame");
    good(octopus_put_cap_call__tx(own, BLOCKING_CONT, key, *frame), "putting");
}

/* What it has asked for is what it gets, also if that has gone meanwhile and others have come. */
void be_lazy(void)
{
    struct capref frame, others[OTHERS];
    struct frame_identity id;
    char lazy[16], key[24];
    snprintf(lazy, sizeof(lazy), "lazy.%u", disp_get_core_id());
    bind_own();
    own->rx_vtbl.get_cap_response = got_cap;
    own->rx_vtbl.put_cap_response = got_end;
    own->rx_vtbl.remove_cap_response = got_end;
    put(lazy, &frame);
    good(frame_identify(frame, &id), "identify");
    wanted = id.base;
    for (unsigned i = 0; i < ASKED; i++)
        good(octopus_get_cap_call__tx(own, BLOCKING_CONT, lazy), "asking");
    good(octopus_remove_cap_call__tx(own, BLOCKING_CONT, lazy), "removing");
    for (unsigned i = 0; i < OTHERS; i++) {
        snprintf(key, sizeof(key), "other.%u.%u", disp_get_core_id(), i);
        put(key, &others[i]);
    }
    wait_until(&all_there);
    check(wrong == 0, "another capability than the one that was asked for");
}

/* ---- deaf ---- */

static void watching(struct octopus_binding *b, uint64_t id, errval_t err)
{
    (void)b, (void)id;
    good(err, "a watch");
}

/* Waits for records on a binding whose endpoint it takes away: octopus finds out in the middle of
 * telling all who wait. */
void be_deaf(void)
{
    bind_own();
    own->rx_vtbl.watch_response = watching;
    for (unsigned i = 0; i < 3; i++)
        good(octopus_watch_call__tx(own, BLOCKING_CONT, "deaf.told", OCT_ON_SET | OCT_PERSIST,
                                    false, i),
             "watching");
    good(oct_set("deaf.watches"), "on the other binding"); /* served after the three */
    check(own->flounder.kind == FLOUNDER_LMP, "on the core of octopus");
    good(cap_revoke(((struct octopus_lmp_binding *)own)->chan.local_cap), "taking it away");
    good(oct_set("deaf.ready"), "ready");
    good(oct_set("deaf.told { first: 1 }"), "telling");
    good(oct_set("deaf.told { first: 0 }"), "telling again");
    good(oct_exists("deaf.told { first: 0 }"), "octopus lives");
}
