/* SPDX-License-Identifier: MIT
 *
 * The life of a binding and its channel, and the end of a connection: by this side (teardown), by
 * the peer (a goodbye), or by the transport.
 *
 *   open --goodbye, peer's death, protocol error, transport error--> broken --teardown--> closing
 *   --> gone
 *   open --teardown-------------------------------------------------------------------------^
 *
 * Broken: nothing is sent or received, everybody who waits is told, the error handler runs once;
 * the memory stays, since the program holds it.  Closing: the goodbye waits for room in the
 * channel, and all pins for those that hold them.  Gone: the channel is destroyed, the memory
 * freed.
 *
 * To break and to tear down only mark.  What is in use stays as it is, and whoever uses it finds
 * the mark.  These keep binding and channel alive:
 *   pins     counted: the program's own until teardown, one for each handler that runs, each thread
 *            that
 *            waits, a goodbye on its way
 *   a claim  tx_number while a message is being sent, by a thread or by its next send event
 *   `held`   of the receiving channel, from the moment its event is taken until it listens again
 * The last two cost nothing while the binding is open; when it is closed, stop() counts them as
 * pins, and whoever gives them up finds that and gives back the pin.  No claim is made, and no
 * event taken, afterwards.  So the last pin is given back once, and then nobody else can come:
 * flounder_close.
 *
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

/* Is the peer there, as far as we know, and is it to be told?  The monitors at the ends of a
 * circuit are. */
static bool peer_listens(const struct flounder_binding *c)
{
    const bool ended = err_no(c->closed) == FLOUNDER_ERR_BINDING_CLOSED;
    return (!ended || c->kind == FLOUNDER_MULTIHOP) && c->kind != FLOUNDER_LOCAL;
}

/* A message that waits for room.  (Its send event has not been taken.) */
static bool is_parked(struct flounder_binding *c)
{
    return c->kind != FLOUNDER_LOCAL &&
           (c->tx_stalled || waitset_chan_is_registered(flounder_transport(c)->sending(c)));
}

/* At exit other threads may be anywhere: between the lines of a message, or, over LMP, in the
 * middle of one, where a goodbye would be taken for its next fragment. */
static bool may_interrupt(struct flounder_binding *c)
{
    return c->tx_number == 0 ||
           (is_parked(c) &&
            (c->kind != FLOUNDER_LMP ||
             (c->tx_at.fragment == 0 && c->tx_at.stream == 0 && c->tx_at.word == 0)));
}

/* The domain has said goodbye to its peers. */
static bool leaving;

static void goodbye_to_all(void)
{
    leaving = true;
    thread_mutex_lock(&open_lock);
    for (struct flounder_binding *c = open_bindings; c != NULL; c = c->open_next)
        if (c->dispatcher == curdispatcher() && !c->silent && peer_listens(c) && may_interrupt(c))
            (void)flounder_transport(c)->goodbye(c);
    thread_mutex_unlock(&open_lock);
}

void flounder_opened(struct flounder_binding *c)
{
    static bool registered;
    if (!c->on_heap || c->open_link != NULL || c->kind == FLOUNDER_LOCAL)
        return;
    c->dispatcher = curdispatcher();
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

/* Local bindings look at each other until both are gone.  True: the peer needs c's memory. */
static bool peer_looks(struct flounder_binding *c)
{
    struct flounder_binding *peer =
        c->kind == FLOUNDER_LOCAL ? ((struct flounder_local *)c->channel)->peer : NULL;
    dispatcher_handle_t handle = disp_disable();
    c->gone = true;
    const bool looks = peer != NULL && !peer->gone;
    disp_enable(handle);
    if (peer != NULL && !looks && peer->on_heap)
        free(peer->binding);
    return looks;
}

void flounder_discard(struct flounder_binding *c)
{
    no_longer_open(c);
    if (!peer_looks(c) && c->on_heap)
        free(c->binding);
}

/* Continuations and register_send closures that are owed are queued in c's memory. */
static void discard_when_paid(void *arg)
{
    struct flounder_binding *c = arg;
    if (!waitset_chan_is_registered(&c->tx_cont_chan) &&
        !waitset_chan_is_registered(&c->register_chan)) {
        flounder_discard(c);
        return;
    }
    errval_t err =
        waitset_chan_trigger_closure(c->waitset, &c->reap_chan, MKCLOSURE(discard_when_paid, c));
    assert(err_is_ok(err));
    (void)err;
}

void flounder_close(struct flounder_binding *c)
{
    if (c->gone)
        return; /* a local peer looked, and saw that it is closed */
    assert(c->torn_down && c->closed != SYS_ERR_OK);
    assert(c->tx_number == FLOUNDER_TX_CLOSED && !c->rx_taken && c->rpcs == NULL);
    if (!c->channel_closed) {
        c->channel_closed = true;
        flounder_rx_reset(c);
        if (c->kind != FLOUNDER_LOCAL)
            flounder_transport(c)->deregister_send(c);
        flounder_transport(c)->close(c);
    }
    if (c->keeps_memory) {
        c->keeps_memory = false;
        c->torn_down = false;
        c->depth = 1; /* the program's, again */
        return;
    }
    discard_when_paid(c);
}

/* ---- telling everybody ---- */

static void end_calls(struct flounder_binding *c, errval_t err)
{
    for (;;) {
        dispatcher_handle_t handle = disp_disable();
        struct flounder_rpc *rpc = c->rpcs;
        if (rpc != NULL) {
            c->rpcs = rpc->next;
            flounder_waiter_wake_disabled(&rpc->waiter, err, handle);
        }
        disp_enable(handle);
        if (rpc == NULL)
            return;
    }
}

static void end_turns(struct flounder_binding *c, errval_t err)
{
    for (;;) {
        dispatcher_handle_t handle = disp_disable();
        struct flounder_waiter *w = c->tx_idle;
        if (w != NULL) {
            c->tx_idle = w->next;
            flounder_waiter_wake_disabled(w, err, handle);
        }
        disp_enable(handle);
        if (w == NULL)
            return;
    }
}

/* No event for receiving is taken any more.  One that was taken already has a pin from now on. */
static void stop_receiving_disabled(struct flounder_binding *c, dispatcher_handle_t handle)
{
    struct waitset_chanstate *chan = flounder_receiving_chanstate(c);
    if (chan == NULL || !waitset_chan_is_registered(chan))
        return;
    if (waitset_chan_is_taken_disabled(chan, handle)) {
        c->rx_taken = true;
        c->depth++;
    }
    (void)waitset_chan_deregister_disabled(chan, handle); /* registered: it succeeds */
}

/* No message is begun any more.  True: one is under way that nobody works on, and it is the
 * caller's now. */
static bool stop_sending_disabled(struct flounder_binding *c)
{
    if (c->tx_number == 0) {
        c->tx_number = FLOUNDER_TX_CLOSED;
        return false;
    }
    c->depth++; /* the claim's */
    c->tx_wanted = 1;
    if (!is_parked(c))
        return false; /* its sender finds the mark */
    flounder_transport(c)->deregister_send(c);
    return true;
}

/* Nothing is sent or received any more; whoever waits is told.  The caller has a pin. */
static void stop(struct flounder_binding *c, errval_t err)
{
    assert(err_is_fail(err) && c->depth > 0);
    dispatcher_handle_t handle = disp_disable();
    if (c->closed != SYS_ERR_OK) {
        disp_enable(handle);
        return;
    }
    c->closed = err;
    stop_receiving_disabled(c, handle);
    const bool ours = stop_sending_disabled(c);
    disp_enable(handle);
    if (ours)
        flounder_tx_done(c, err); /* finds the binding closed already: no recursion */
    end_calls(c, err);
    end_turns(c, err);
    handle = disp_disable();
    if (waitset_chan_is_armed(&c->register_chan))
        (void)waitset_chan_trigger_disabled(&c->register_chan, handle); /* armed: it succeeds */
    disp_enable(handle);
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

void flounder_break(struct flounder_binding *c, errval_t err)
{
    if (c->closed != SYS_ERR_OK)
        return;
    err = flounder_reason(err);
    flounder_enter(c);
    stop(c, err);
    flounder_fail(c, err);
    flounder_leave(c);
}

void flounder_rx_over(struct flounder_binding *c)
{
    dispatcher_handle_t handle = disp_disable();
    const bool taken = c->rx_taken;
    c->rx_taken = false;
    disp_enable(handle);
    if (taken)
        flounder_leave(c);
}

void flounder_rx_break(struct flounder_binding *c, errval_t err)
{
    flounder_break(c, err);
    flounder_rx_over(c);
}

static void complain(const struct flounder_binding *c, errval_t err, const char *consequence)
{
    debug_printf("binding of interface %s: %s: %s%s\n", c->interface->name, err_getcode(err),
                 err_getstring(err), consequence);
}

void flounder_fail(struct flounder_binding *c, errval_t err)
{
    /* peers that heard the goodbye close their ends, while other threads may still run here */
    const bool expected = leaving && err_no(err) == FLOUNDER_ERR_BINDING_CLOSED;
    if (!c->interface->call_error(c, err) && !expected)
        complain(c, err, "");
}

void flounder_default_error(struct flounder_binding *c, errval_t err)
{
    const bool ended = err_no(err) == FLOUNDER_ERR_BINDING_CLOSED;
    if (!ended && !c->accepted) {
        complain(c, err, ", and there is no error_handler");
        _Exit(EXIT_FAILURE); /* not abort(), which brings all of the C library's signals */
    }
    if (!ended)
        complain(c, err, ": closing it");
    c->keeps_memory = c->bound; /* the program does not know that it is closed */
    flounder_teardown(c);
}

/* ---- teardown ---- */

/* Has a pin of its own until the goodbye is out, or never will be. */
static void say_goodbye(void *arg)
{
    struct flounder_binding *c = arg;
    if (flounder_transport(c)->goodbye(c) ||
        err_is_fail(flounder_transport(c)->register_send(c, MKCLOSURE(say_goodbye, c))))
        flounder_leave(c);
}

void flounder_tx_ended(struct flounder_binding *c)
{
    dispatcher_handle_t handle = disp_disable();
    const bool due = c->goodbye_due && c->tx_number == FLOUNDER_TX_CLOSED;
    if (due)
        c->goodbye_due = false;
    disp_enable(handle);
    if (!due || (c->kind == FLOUNDER_LMP && c->tx_cut))
        return;
    flounder_enter(c);
    say_goodbye(c);
}

/* The first to ask for it. */
static bool begin_teardown(struct flounder_binding *c)
{
    dispatcher_handle_t handle = disp_disable();
    const bool first = !c->torn_down;
    c->torn_down = true;
    disp_enable(handle);
    return first;
}

errval_t flounder_teardown(struct flounder_binding *c)
{
    if (!begin_teardown(c)) {
        const bool by_library = c->keeps_memory;
        c->keeps_memory = false; /* now the program knows */
        return by_library ? SYS_ERR_OK : FLOUNDER_ERR_BINDING_CLOSED;
    }
    no_longer_open(c);
    c->goodbye_due = peer_listens(c) && !c->channel_closed;
    stop(c, FLOUNDER_ERR_BINDING_CLOSED);
    flounder_tx_ended(c);
    if (c->kind == FLOUNDER_LOCAL)
        flounder_local_close(c); /* the peer hears of it now, not when c's handlers return */
    flounder_leave(c);           /* the program's pin */
    return SYS_ERR_OK;
}

void flounder_abandon(struct flounder_binding *c)
{
    flounder_give_up(c, err_push(LIB_ERR_CHAN_PEER_DEAD, FLOUNDER_ERR_BINDING_CLOSED));
}

void flounder_give_up(struct flounder_binding *c, errval_t err)
{
    if (!begin_teardown(c))
        return;
    no_longer_open(c);
    stop(c, err);
    flounder_leave(c);
}
