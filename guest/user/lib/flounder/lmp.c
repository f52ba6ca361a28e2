/* SPDX-License-Identifier: MIT
 *
 * Bindings over LMP (overview 3.1, facts §1.5, §7).
 *
 * The first word of a message carries its number; later fragments carry only data, so the receiver
 * must be in step.  One capability rides on each of the first fragments.  Only the last fragment
 * asks for an immediate switch to the receiver (SYNC).  A transient failure parks the send until
 * the library thinks a try is worth while.  Must install a new receive slot after each capability:
 * until then senders cannot send one.
 */
#include "flounder_priv.h"

#include <barrelfish/capabilities.h>

/* ---- sending ---- */

static void tx_ready(void *arg)
{
    struct flounder_binding *c = arg;
    flounder_enter(c);
    flounder_lmp_push(c);
    flounder_leave(c);
}

/* A capability that was revoked while its message waited arrives as NULL_CAP: a domain that passes
 * on what others gave it (a monitor) must not lose its connection to the receiver because of
 * them. */
static errval_t send_fragment(struct lmp_chan *chan, lmp_send_flags_t flags, struct capref cap,
                              unsigned count, const uint64_t *words)
{
    errval_t err = lmp_chan_send(chan, flags, cap, count, (const uintptr_t *)words);
    if (err_no(err) == SYS_ERR_LMP_CAPTRANSFER_SRC_LOOKUP &&
        err_no(err_pop(err)) == SYS_ERR_CAP_NOT_FOUND)
        err = lmp_chan_send(chan, flags & ~(lmp_send_flags_t)LMP_FLAG_GIVEAWAY, NULL_CAP, count,
                            (const uintptr_t *)words);
    return err;
}

/* What a peer said before it ended counts: the binding breaks when that is received (a domain's
 * exit status may cross with a message to it).  Not so while a thread waits for this message: it
 * may be the one that runs the handler. */
static void tx_failed(struct flounder_binding *c, errval_t err)
{
    bool ended = err_no(err) == FLOUNDER_ERR_BINDING_CLOSED;
    dispatcher_handle_t handle = disp_disable();
    c->tx_stalled =
        ended && c->tx_waiter == NULL && c->closed == SYS_ERR_OK && lmp_chan_drain(c->channel);
    const bool stalled = c->tx_stalled;
    disp_enable(handle);
    if (!stalled)
        flounder_tx_done(c, err);
}

/* A fragment of the middle of a stream is sent from where the stream lies; NULL if the next one is
 * none. */
static inline const uint64_t *middle(const struct flounder_binding *c)
{
    const struct flounder_position *at = &c->tx_at;
    if (at->word == 0)
        return NULL;
    const struct flounder_tx_stream *s = &c->tx_stream[at->stream];
    if (flounder_stream_left(&c->tx_plan->stream[at->stream], s->length, at) <= 8ul * LMP_MSG_WORDS)
        return NULL;
    const uintptr_t data = (uintptr_t)s->data + 8 * (at->word - 1);
    return data % sizeof(uint64_t) == 0 ? (const uint64_t *)data : NULL;
}

void flounder_lmp_push(struct flounder_binding *c)
{
    const struct flounder_message_plan *plan = c->tx_plan;
    while (!flounder_at_end(plan, &c->tx_at)) {
        if (RARELY(c->closed != SYS_ERR_OK)) {
            flounder_tx_done(c, c->closed);
            return;
        }
        struct flounder_position next = c->tx_at;
        const unsigned fragment = c->tx_at.fragment;
        uint64_t filled[LMP_MSG_WORDS];
        unsigned count = LMP_MSG_WORDS;
        const uint64_t *words = middle(c);
        if (words != NULL) {
            next.word += LMP_MSG_WORDS;
        } else {
            count = flounder_fill(c, &next, filled, LMP_MSG_WORDS);
            words = filled;
        }
        struct capref cap = NULL_CAP;
        lmp_send_flags_t flags = c->lmp_flags;
        if (fragment < plan->fragments && fragment < plan->caps)
            cap = c->tx_cap[fragment];
        if (!capref_is_null(cap) && (plan->give_away >> fragment & 1) != 0)
            flags |= LMP_FLAG_GIVEAWAY;
        if (!flounder_at_end(plan, &next))
            flags = (flags & ~(lmp_send_flags_t)LMP_FLAG_SYNC) | LMP_FLAG_MORE;
        errval_t err = send_fragment(c->channel, flags, cap, count, words);
        if (lmp_err_is_transient(err)) {
            err = lmp_chan_register_send(c->channel, c->waitset, MKCLOSURE(tx_ready, c));
            if (err_is_ok(err)) {
                flounder_tx_registered(c);
                return;
            }
            err = err_push(err, LIB_ERR_CHAN_REGISTER_SEND);
        }
        if (err_is_fail(err)) {
            tx_failed(c, flounder_reason(err));
            return;
        }
        c->tx_at = next;
    }
    flounder_tx_done(c, SYS_ERR_OK);
}

/* ---- receiving ---- */

void flounder_lmp_rearm(struct flounder_binding *c)
{
    if (!lmp_chan_listen_again(c->channel))
        flounder_listen_anew(c);
}

/* The capability that came with a fragment goes to its place, or nowhere if none was announced. */
static inline void take_cap(struct flounder_binding *c, const struct flounder_message_plan *plan,
                            unsigned fragment, const struct capref *cap)
{
    if (fragment < plan->fragments && fragment < plan->caps)
        c->rx_cap[fragment] = *cap;
    else if (!capref_is_null(*cap))
        cap_destroy(*cap);
}

/* A fragment that is not a whole message by itself.  True: the event is used up; false: look for
 * more. */
static bool take_fragment(struct flounder_binding *c, const struct lmp_recv_msg *msg,
                          const struct capref *cap)
{
    if (c->rx_plan == NULL) {
        if (msg->buf.msglen == 0) {
            flounder_rx_break(c, FLOUNDER_ERR_RX_EMPTY_MSG);
            return true;
        }
        c->rx_plan = flounder_rx_plan(c, (unsigned)(msg->words[0] & 0xffff));
        if (c->rx_plan == NULL)
            return true;
    }
    take_cap(c, c->rx_plan, c->rx_at.fragment, cap);
    bool complete = false;
    errval_t err = flounder_take(c, (const uint64_t *)msg->words, (unsigned)msg->buf.msglen,
                                 LMP_MSG_WORDS, false, &complete);
    if (err_is_fail(err))
        flounder_rx_break(c, err);
    else if (complete)
        flounder_deliver_assembled(c);
    return err_is_fail(err) || complete;
}

/* What is not to be had so easily: what wraps, has capabilities or several fragments. */
static __attribute__((noinline)) void receive_any(struct flounder_binding *c)
{
    struct lmp_recv_msg msg;
    struct capref cap;
    for (;;) {
        msg.words[0] = 0; /* it may come without words */
        errval_t err = lmp_chan_recv(c->channel, &msg, &cap);
        if (err_no(err) == LIB_ERR_NO_LMP_MSG)
            break;
        if (err_is_ok(err) && !capref_is_null(cap))
            err = lmp_chan_alloc_recv_slot(c->channel);
        if (err_is_fail(err)) {
            flounder_rx_break(c, err);
            return;
        }
        const unsigned index = (unsigned)(msg.words[0] & 0xffff) - FLOUNDER_FIRST_MESSAGE;
        if (c->rx_plan == NULL && index < c->messages && c->plan[index].single &&
            msg.buf.msglen == c->plan[index].words) {
            take_cap(c, &c->plan[index], 0, &cap);
            flounder_deliver(c, &c->plan[index], (const uint64_t *)msg.words);
            return;
        }
        if (take_fragment(c, &msg, &cap))
            return;
    }
    flounder_lmp_rearm(c);
}

/* A message of one fragment takes the short way: it is delivered where it lies, and done with when
 * the channel listens again. */
static inline void receive(struct flounder_binding *c)
{
    size_t length;
    const volatile uint64_t *words = lmp_chan_peek(c->channel, &length);
    if (words != NULL && c->rx_plan == NULL) {
        const unsigned index = (unsigned)(words[0] & 0xffff) - FLOUNDER_FIRST_MESSAGE;
        const struct flounder_message_plan *plan = &c->plan[index];
        if (index < c->messages && plan->single && plan->caps == 0 && length == plan->words) {
            lmp_chan_take_peeked(c->channel, words, length);
            flounder_deliver(c, plan, words);
            return;
        }
    }
    receive_any(c);
}

void flounder_lmp_rx_handler(void *arg)
{
    flounder_rx_event(arg, receive);
}
