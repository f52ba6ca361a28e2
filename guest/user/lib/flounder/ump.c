/* SPDX-License-Identifier: MIT
 *
 * Bindings over UMP (overview 3.2, facts §1.5, §6).
 *
 * Every line carries the message's number, so only the words need to be assembled; a message of one
 * line is delivered straight from the ring.  When the ring is full the send goes on at the event that
 * its window opened, which needs the peer to have acknowledged something: the channel takes care.
 * Must finish with a line (ump_chan_recv_done) before the handler runs: it may receive again.
 */
#include "flounder_priv.h"

/* ---- sending ---- */

static void tx_ready(void *arg)
{
    struct flounder_binding *c = arg;
    flounder_enter(c);
    flounder_ump_push(c);
    flounder_leave(c);
}

void flounder_ump_push(struct flounder_binding *c)
{
    const struct flounder_message_plan *plan = c->tx_plan;
    while (!flounder_at_end(plan, &c->tx_at)) {
        struct ump_control control;
        volatile struct ump_message *line = ump_chan_get_next(c->channel, &control);
        if (line == NULL) {
            errval_t err = ump_chan_register_send(c->channel, c->waitset, MKCLOSURE(tx_ready, c));
            if (err_is_fail(err))
                flounder_tx_done(c, err_push(err, LIB_ERR_CHAN_REGISTER_SEND));
            return;
        }
        uint64_t words[UMP_PAYLOAD_WORDS];
        unsigned count = flounder_fill(c, &c->tx_at, words, UMP_PAYLOAD_WORDS);
        for (unsigned i = 0; i < count; i++)
            line->data[i] = words[i];
        ump_chan_commit(c->channel, line, control, plan->number);
    }
    flounder_tx_done(c, SYS_ERR_OK);
}

/* ---- receiving ---- */

void flounder_ump_rearm(struct flounder_binding *c)
{
    if (c->rx_line) {
        c->rx_line = false;
        ump_chan_recv_done(c->channel);
    }
    if (c->closed != SYS_ERR_OK)
        return;
    errval_t err =
        ump_chan_register_recv(c->channel, c->waitset, MKCLOSURE(flounder_ump_rx_handler, c));
    if (err_is_fail(err))
        flounder_break(c, err_push(err, LIB_ERR_CHAN_REGISTER_RECV));
}

void flounder_ump_rx_handler(void *arg)
{
    struct flounder_binding *c = arg;
    for (;;) {
        volatile struct ump_message *line;
        unsigned type;
        errval_t err = ump_chan_recv(c->channel, &line, &type);
        if (err_no(err) == LIB_ERR_NO_UMP_MSG)
            break;
        if (err_is_fail(err)) {
            flounder_break(c, err);
            return;
        }
        if (type == FLOUNDER_GOODBYE)
            flounder_rx_reset(c); /* it may come in the middle of a message */
        if (c->rx_plan == NULL) {
            const struct flounder_message_plan *plan = flounder_rx_plan(c, type);
            if (plan == NULL)
                return;
            if (plan->fragments == 1 && plan->streams == 0 && plan->caps == 0) {
                c->rx_line = true;
                flounder_deliver(c, plan, (struct flounder_rx){ line->data, NULL, NULL });
                return;
            }
            c->rx_plan = plan;
        }
        bool complete = false;
        if (type != c->rx_plan->number)
            err = FLOUNDER_ERR_INVALID_STATE;
        else
            err =
                flounder_take(c, line->data, UMP_PAYLOAD_WORDS, UMP_PAYLOAD_WORDS, true, &complete);
        ump_chan_recv_done(c->channel);
        if (err_is_fail(err)) {
            flounder_break(c, err);
            return;
        }
        if (complete) {
            flounder_deliver_assembled(c);
            return;
        }
    }
    flounder_ump_rearm(c);
}

errval_t flounder_ump_init_chan(struct ump_chan *chan, volatile void *inbuf, size_t inlen,
                                volatile void *outbuf, size_t outlen, struct capref notify)
{
    errval_t err = ump_chan_init(chan, inbuf, inlen, outbuf, outlen);
    if (err_is_ok(err))
        chan->notify_cap = notify;
    return err;
}
