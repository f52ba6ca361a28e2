/* SPDX-License-Identifier: MIT
 *
 * Sending: who may, and what happens when a message is out (facts §1.4).
 *
 * tx_number is the lock of the sending side: claimed by compare-and-swap, released by storing 0.  A
 * sender that finds it taken gets FLOUNDER_ERR_TX_BUSY; remote procedure calls instead wait in
 * tx_idle.  Continuations go through the waitset, never inline.
 * A claim keeps the binding and its channel alive.  It is given back in one step
 * (flounder_tx_sent): after it the binding may be gone.
 */
#include "flounder_priv.h"

#include <assert.h>
#include <barrelfish/capabilities.h>
#include <string.h>

static bool is_blocking(struct event_closure cont)
{
    return cont.handler == flounder_blocking_cont;
}

errval_t flounder_tx_refusal(const struct flounder_binding *c)
{
    return c->closed != SYS_ERR_OK ? c->closed : FLOUNDER_ERR_TX_BUSY;
}

size_t flounder_string_length(const char *string)
{
    return string == NULL ? 0 : strlen(string) + 1;
}

/* ---- the end of a message ---- */

/* Wakes all who want to send: a thread may be busy with an event on top of its wait, and that may
 * depend on the others, or wait for its own turn.  Who comes too late waits again. */
static void wake_disabled(struct flounder_binding *c, dispatcher_handle_t handle)
{
    struct flounder_waiter *w = c->tx_idle;
    c->tx_idle = NULL;
    c->tx_wanted = 0;
    while (w != NULL) {
        struct flounder_waiter *next = w->next;
        flounder_waiter_wake_disabled(w, SYS_ERR_OK, handle);
        w = next;
    }
    if (waitset_chan_is_armed(&c->register_chan))
        (void)waitset_chan_trigger_disabled(&c->register_chan, handle); /* armed: it succeeds */
}

/* One step, or another thread's message could come and go in between: its continuation needs the
 * place of ours.  The claim kept the binding alive; if that has been closed meanwhile, it had a pin
 * for that. */
static void finish(struct flounder_binding *c, struct event_closure cont,
                   struct flounder_waiter *waiter, errval_t err)
{
    dispatcher_handle_t handle = disp_disable();
    const bool ended = c->closed != SYS_ERR_OK;
    assert(c->tx_number != 0 && c->tx_number != FLOUNDER_TX_CLOSED);
    if (flounder_cont_is_queued(cont)) {
        errval_t queued =
            waitset_chan_trigger_closure_disabled(c->waitset, &c->tx_cont_chan, cont, handle);
        assert(err_is_ok(queued)); /* the claim made sure that no other is pending */
        (void)queued;
    }
    __atomic_store_n(&c->tx_number, ended ? FLOUNDER_TX_CLOSED : 0, __ATOMIC_RELEASE);
    if (waiter != NULL)
        flounder_waiter_wake_disabled(waiter, err, handle);
    wake_disabled(c, handle);
    disp_enable(handle);
    if (ended) {
        flounder_tx_ended(c);
        flounder_leave(c);
    }
}

void flounder_tx_finish(struct flounder_binding *c, struct event_closure cont)
{
    finish(c, cont, NULL, SYS_ERR_OK);
}

void flounder_tx_unclaim(struct flounder_binding *c)
{
    flounder_tx_finish(c, NOP_CONT);
}

static bool halfway(const struct flounder_position *at)
{
    return at->fragment > 0 || at->stream > 0 || at->word > 0;
}

void flounder_tx_done(struct flounder_binding *c, errval_t err)
{
    struct event_closure cont = c->tx_cont;
    struct flounder_waiter *waiter = c->tx_waiter;
    flounder_enter(c);
    if (err_is_fail(err) && halfway(&c->tx_at))
        c->tx_cut = true;
    c->tx_waiter = NULL;
    c->tx_plan = NULL;
    c->tx_stalled = false;
    finish(c, cont, waiter, err);
    if (err_is_fail(err))
        flounder_break(c, err);
    flounder_leave(c);
}

void flounder_tx_registered(struct flounder_binding *c)
{
    dispatcher_handle_t handle = disp_disable();
    const bool ours =
        c->closed != SYS_ERR_OK && waitset_chan_is_registered(flounder_transport(c)->sending(c));
    if (ours)
        flounder_transport(c)->deregister_send(c);
    disp_enable(handle);
    if (ours)
        flounder_tx_done(c, c->closed);
}

/* ---- the beginning ---- */

errval_t flounder_tx_begin(struct flounder_binding *c, const struct flounder_message_plan *plan,
                           struct event_closure cont)
{
    if (!flounder_tx_claim(c, plan->number, cont))
        return flounder_tx_refusal(c);
    c->tx_plan = plan;
    c->tx_at = (struct flounder_position){ 0, 0, 0 };
    c->tx_cont = cont;
    return SYS_ERR_OK;
}

static void push(struct flounder_binding *c)
{
    flounder_transport(c)->push(c);
}

/* Nobody will collect these. */
static void take_back(const uint64_t *tickets, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct capref cap;
        if (tickets[i] != 0 && err_is_ok(flounder_parcel_collect(tickets[i], &cap)) &&
            !capref_is_null(cap))
            (void)cap_destroy(cap);
    }
}

/* A word for each capability, after all others, holds its ticket; 0 for NULL_CAP.  None leaves the
 * sender unless all can travel. */
static errval_t deposit_caps(struct flounder_binding *c)
{
    const struct flounder_message_plan *plan = c->tx_plan;
    uint64_t *tickets = c->tx_words + plan->words - plan->caps;
    assert(flounder_parcel_deposit != NULL);
    for (unsigned i = 0; i < plan->caps; i++) {
        tickets[i] = 0;
        if (capref_is_null(c->tx_cap[i]))
            continue;
        errval_t err = flounder_parcel_deposit(c->tx_cap[i], &tickets[i]);
        if (err_is_fail(err)) {
            take_back(tickets, i);
            return err;
        }
    }
    for (unsigned i = 0; i < plan->caps; i++)
        if (tickets[i] != 0 && (plan->give_away >> i & 1) != 0)
            (void)cap_delete(c->tx_cap[i]); /* fails if the message names it twice */
    return SYS_ERR_OK;
}

errval_t flounder_tx_start(struct flounder_binding *c)
{
    assert(c->tx_number != 0 && c->tx_plan != NULL);
    if (flounder_transport(c)->tickets && c->tx_plan->caps > 0) {
        errval_t err = deposit_caps(c);
        if (err_is_fail(err)) {
            /* nothing has been sent: as if it had never begun */
            c->tx_plan = NULL;
            flounder_tx_unclaim(c);
            return err;
        }
    }
    flounder_enter(c);
    if (!is_blocking(c->tx_cont)) {
        push(c);
        flounder_leave(c);
        return SYS_ERR_OK;
    }
    struct flounder_waiter waiter;
    flounder_waiter_init(&waiter, c, c->tx_number);
    c->tx_waiter = &waiter;
    push(c);
    errval_t err = flounder_waiter_wait(&waiter);
    flounder_leave(c);
    return err;
}

errval_t flounder_tx_defer(struct flounder_binding *c, const struct flounder_message_plan *plan,
                           struct event_closure cont, struct capref cap)
{
    assert(c->tx_number == plan->number);
    c->tx_plan = plan;
    c->tx_at = (struct flounder_position){ 0, 0, 0 };
    c->tx_cont = cont;
    if (plan->caps > 0)
        c->tx_cap[0] = cap;
    return flounder_tx_start(c);
}

/* ---- waiting for one's turn ---- */

bool flounder_tx_wait_for_turn(struct flounder_binding *c, errval_t *err)
{
    struct flounder_waiter waiter;
    flounder_enter(c);
    flounder_waiter_init(&waiter, c, 0);
    dispatcher_handle_t handle = disp_disable();
    /* it may have become idle since: then nobody would wake us */
    const bool busy = c->tx_number != 0 && c->tx_number != FLOUNDER_TX_CLOSED;
    if (busy) {
        struct flounder_waiter **last = &c->tx_idle;
        while (*last != NULL)
            last = &(*last)->next;
        *last = &waiter;
        c->tx_wanted = 1;
    }
    disp_enable(handle);
    if (busy)
        *err = flounder_waiter_wait(&waiter);
    else
        flounder_waiter_cancel(&waiter);
    flounder_leave(c);
    return !busy || err_is_ok(*err);
}

bool flounder_can_send(const struct flounder_binding *c)
{
    return c->tx_number == 0;
}

errval_t flounder_register_send(struct flounder_binding *c, struct waitset *ws,
                                struct event_closure closure)
{
    dispatcher_handle_t handle = disp_disable();
    errval_t err = c->closed;
    if (err == SYS_ERR_OK && c->tx_number == 0) {
        err = waitset_chan_trigger_closure_disabled(ws, &c->register_chan, closure, handle);
    } else if (err == SYS_ERR_OK) {
        err = waitset_chan_register_disabled(ws, &c->register_chan, closure, handle);
        c->tx_wanted = 1;
    }
    disp_enable(handle);
    return err;
}
