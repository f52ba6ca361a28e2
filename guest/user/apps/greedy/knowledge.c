/* SPDX-License-Identifier: MIT
 *
 * Who takes what of octopus and of the knowledge base.  Each stops when it is refused, and fails if
 * it never is.
 */
#include <octopus/octopus.h>
#include <skb/skb.h>

#include "greedy.h"

#define MOST 20000 /* nobody gets so many of anything */

static void refused(const char *what, errval_t err)
{
    if (err_no(err) != OCT_ERR_OVER_SHARE)
        USER_PANIC_ERR(err, "refused %s with another error", what);
}

unsigned hog_records(iref_t server, iref_t mute)
{
    (void)server, (void)mute;
    for (unsigned i = 0; i < MOST; i++) {
        errval_t err = oct_set("greedy.%" PRIx32 ".%u", disp_get_domain_id(), i);
        if (err_is_fail(err)) {
            refused("records", err);
            return i;
        }
    }
    return MOST;
}

static void ignore(oct_mode_t mode, const char *record, void *state)
{
    (void)mode, (void)record, (void)state;
}

unsigned hog_watches(iref_t server, iref_t mute)
{
    (void)server, (void)mute;
    for (unsigned i = 0; i < MOST; i++) {
        subscription_t id;
        errval_t err = oct_subscribe(ignore, NULL, &id, "nothing");
        if (err_is_fail(err)) {
            refused("watches", err);
            return i;
        }
    }
    return MOST;
}

unsigned hog_semaphores(iref_t server, iref_t mute)
{
    (void)server, (void)mute;
    for (unsigned i = 0; i < MOST; i++) {
        uint32_t id;
        errval_t err = oct_sem_new(&id, 1);
        if (err_is_fail(err)) {
            refused("semaphores", err);
            return i;
        }
    }
    return MOST;
}

unsigned hog_stored(iref_t server, iref_t mute)
{
    struct capref frame;
    (void)server, (void)mute;
    CHECK(err_is_ok(frame_alloc(&frame, BASE_PAGE_SIZE, NULL)));
    for (unsigned i = 0; i < MOST; i++) {
        char key[32];
        snprintf(key, sizeof(key), "greedy.%" PRIx32 ".%u", disp_get_domain_id(), i);
        errval_t err = oct_put_capability(key, frame);
        if (err_is_fail(err)) {
            refused("capabilities", err);
            return i;
        }
    }
    return MOST;
}

/* In Prolog: clauses until one is refused, which is an error of the goal. */
unsigned hog_clauses(iref_t server, iref_t mute)
{
    (void)server, (void)mute;
    CHECK(err_is_ok(skb_client_connect()));
    for (unsigned i = 0; i < MOST; i++)
        if (err_is_fail(skb_add_fact("greedy(%u, %u)", (unsigned)disp_get_domain_id(), i)))
            return i;
    return MOST;
}
