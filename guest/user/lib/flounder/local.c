/* SPDX-License-Identifier: MIT
 *
 * Bindings whose two ends are in one dispatcher (facts §1.5): sending calls the peer's handler, and
 * the continuation after it, both on the sender's stack.  Nothing is copied but capabilities, which
 * the receiver owns as over any other channel.  Also the loopback of host tests.
 */
#include "flounder_priv.h"

#include <assert.h>
#include <barrelfish/capabilities.h>
#include <barrelfish/debug.h>

static struct flounder_local *local_of(const struct flounder_binding *c)
{
    return c->channel;
}

void flounder_local_connect(struct flounder_binding *a, struct flounder_binding *b)
{
    assert(a->kind == FLOUNDER_LOCAL && b->kind == FLOUNDER_LOCAL);
    local_of(a)->peer = b;
    local_of(b)->peer = a;
}

struct flounder_binding *flounder_local_begin(struct flounder_binding *c, errval_t *err)
{
    struct flounder_binding *peer = local_of(c)->peer;
    if (peer != NULL) {
        /* its memory stays as long as c's; closed in between: it is a pin on nothing */
        flounder_enter(peer);
        if (c->closed == SYS_ERR_OK && peer->closed == SYS_ERR_OK)
            return peer;
        flounder_leave(peer);
    }
    *err = FLOUNDER_ERR_BINDING_CLOSED;
    return NULL;
}

errval_t flounder_local_sent(struct flounder_binding *peer, struct event_closure cont)
{
    flounder_leave(peer);
    if (cont.handler != NULL && cont.handler != flounder_blocking_cont)
        cont.handler(cont.arg);
    return SYS_ERR_OK;
}

struct capref flounder_local_cap(struct capref cap, bool give_away)
{
    struct capref copy;
    if (give_away || capref_is_null(cap))
        return cap;
    errval_t err = slot_alloc(&copy);
    if (err_is_ok(err)) {
        err = cap_copy(copy, cap);
        if (err_is_ok(err))
            return copy;
        slot_free(copy);
    }
    debug_printf("capability lost on a local binding: %s\n", err_getstring(err));
    return NULL_CAP;
}

void flounder_local_close(struct flounder_binding *c)
{
    struct flounder_binding *peer = local_of(c)->peer;
    if (peer != NULL && !peer->gone)
        flounder_break(peer, FLOUNDER_ERR_BINDING_CLOSED);
}
