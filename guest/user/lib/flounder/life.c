/* SPDX-License-Identifier: MIT
 *
 * The end of a connection: by this side (teardown), by the peer (a goodbye), or by the transport.
 *
 *   open --goodbye, peer's death, protocol error, transport error--> broken --teardown--> closing --> gone
 *   open --teardown-------------------------------------------------------------------------^
 *
 * Broken: nothing is sent or received, everybody who waits is told, the error handler runs once; the
 * memory stays, since the program holds it.  Closing: the goodbye waits for room in the channel.
 * Gone: the channel is destroyed, and an event behind all events already queued frees the memory,
 * unless handlers or calls still run on it: then the last of them does.
 * A domain that ends says goodbye to all peers, as far as their channels have room: they would wait
 * for ever otherwise.  A domain that dies says nothing; there the monitor does (connection.h).
 * Must run each owed continuation exactly once: it may free the program's own memory.
 */
#include "flounder_priv.h"

#include <assert.h>
#include <barrelfish/debug.h>
#include <stdlib.h>

/* ---- the open ones ---- */

static struct flounder_binding *open_bindings;
static struct thread_mutex open_lock = THREAD_MUTEX_INITIALIZER;

/* Over LMP a goodbye in the middle of a message would be taken for its next fragment. */
static bool peer_listens(const struct flounder_binding *c)
{
    bool halfway =
        c->tx_plan != NULL && (c->tx_at.fragment > 0 || c->tx_at.stream > 0 || c->tx_at.word > 0);
    /* of other kinds the monitor knows, and tells a peer that did wrong */
    return (c->closed == SYS_ERR_OK || c->kind == FLOUNDER_MULTIHOP) && c->kind != FLOUNDER_LOCAL &&
           !(c->kind == FLOUNDER_LMP && halfway);
}

static void goodbye_to_all(void)
{
    for (struct flounder_binding *c = open_bindings; c != NULL; c = c->open_next)
        if (peer_listens(c))
            (void)flounder_transport(c)->goodbye(c);
}

void flounder_opened(struct flounder_binding *c)
{
    static bool registered;
    if (!c->on_heap || c->open_link != NULL || c->kind == FLOUNDER_LOCAL)
        return;
    thread_mutex_lock(&open_lock);
    c->open_next = open_bindings;
    if (open_bindings != NULL)
        open_bindings->open_link = &c->open_next;
    open_bindings = c;
    c->open_link = &open_bindings;
    bool first = !registered;
    registered = true;
    thread_mutex_unlock(&open_lock);
    if (first)
        (void)atexit(goodbye_to_all); /* without it peers learn of the end later, or never */
}

static void no_longer_open(struct flounder_binding *c)
{
    if (c->open_link == NULL)
        return;
    thread_mutex_lock(&open_lock);
    *c->open_link = c->open_next;
    if (c->open_next != NULL)
        c->open_next->open_link = c->open_link;
    c->open_link = NULL;
    thread_mutex_unlock(&open_lock);
}

/* ---- use of the memory ---- */

void flounder_discard(struct flounder_binding *c)
{
    no_longer_open(c);
    if (c->on_heap)
        free(c->binding);
}

static void reap(void *arg)
{
    struct flounder_binding *c = arg;
    if (c->depth > 0)
        c->free_when_idle = true;
    else
        flounder_discard(c);
}

/* ---- telling everybody ---- */

static void end_calls(struct flounder_binding *c, errval_t err)
{
    for (;;) {
        dispatcher_handle_t handle = disp_disable();
        struct flounder_rpc *rpc = c->rpcs;
        if (rpc != NULL)
            c->rpcs = rpc->next;
        disp_enable(handle);
        if (rpc == NULL)
            return;
        flounder_waiter_wake(&rpc->waiter, err);
    }
}

static void end_turns(struct flounder_binding *c, errval_t err)
{
    for (;;) {
        dispatcher_handle_t handle = disp_disable();
        struct flounder_waiter *w = c->tx_idle;
        if (w != NULL)
            c->tx_idle = w->next;
        disp_enable(handle);
        if (w == NULL)
            return;
        flounder_waiter_wake(w, err);
    }
}

static void unpark_send(struct flounder_binding *c)
{
    if (c->kind != FLOUNDER_LOCAL)
        flounder_transport(c)->deregister_send(c);
}

/* Nothing is sent or received any more; whoever waits is told. */
static void stop(struct flounder_binding *c, errval_t err)
{
    assert(err_is_fail(err));
    if (c->closed != SYS_ERR_OK)
        return;
    bool sending = c->tx_plan != NULL;
    c->closed = err;
    __atomic_store_n(&c->tx_number, FLOUNDER_TX_CLOSED, __ATOMIC_RELEASE);
    if (sending) {
        unpark_send(c);
        flounder_tx_done(c, err); /* finds the binding closed already: no recursion */
    }
    flounder_rx_reset(c);
    end_calls(c, err);
    end_turns(c, err);
    if (waitset_chan_is_armed(&c->register_chan))
        waitset_chan_trigger(&c->register_chan);
}

errval_t flounder_reason(errval_t err)
{
    switch (err_no(err)) {
    case LIB_ERR_CHAN_PEER_GONE: /* the monitor said so */
    case SYS_ERR_LMP_NO_TARGET:  /* its dispatcher was stopped */
    case SYS_ERR_CAP_NOT_FOUND:  /* its endpoint was deleted, and with it our capability */
        return err_push(err, FLOUNDER_ERR_BINDING_CLOSED);
    default:
        return err;
    }
}

void flounder_unlisten(struct flounder_binding *c)
{
    if (flounder_transport(c)->unlisten != NULL)
        flounder_transport(c)->unlisten(c);
}

void flounder_break(struct flounder_binding *c, errval_t err)
{
    flounder_unlisten(c);
    if (c->closed != SYS_ERR_OK)
        return;
    err = flounder_reason(err);
    flounder_enter(c);
    stop(c, err);
    flounder_fail(c, err);
    flounder_leave(c);
}

void flounder_fail(struct flounder_binding *c, errval_t err)
{
    if (!c->interface->call_error(c, err))
        debug_printf("binding of interface %s: %s: %s\n", c->interface->name, err_getcode(err),
                     err_getstring(err));
}

void flounder_default_error(struct flounder_binding *c, errval_t err)
{
    if (err_no(err) == FLOUNDER_ERR_BINDING_CLOSED) {
        flounder_teardown(c);
        return;
    }
    debug_printf("binding of interface %s failed and has no error_handler: %s: %s\n",
                 c->interface->name, err_getcode(err), err_getstring(err));
    abort();
}

/* ---- teardown ---- */

static void close_channel(struct flounder_binding *c)
{
    unpark_send(c);
    flounder_transport(c)->close(c);
    errval_t err = waitset_chan_trigger_closure(c->waitset, &c->reap_chan, MKCLOSURE(reap, c));
    assert(err_is_ok(err));
    (void)err;
}

static void say_goodbye(void *arg)
{
    struct flounder_binding *c = arg;
    if (flounder_transport(c)->goodbye(c) ||
        err_is_fail(flounder_transport(c)->register_send(c, MKCLOSURE(say_goodbye, c))))
        close_channel(c);
}

errval_t flounder_teardown(struct flounder_binding *c)
{
    if (c->torn_down)
        return FLOUNDER_ERR_BINDING_CLOSED;
    c->torn_down = true;
    no_longer_open(c);
    const bool tell = peer_listens(c);
    stop(c, FLOUNDER_ERR_BINDING_CLOSED);
    if (tell)
        say_goodbye(c);
    else
        close_channel(c);
    return SYS_ERR_OK;
}
