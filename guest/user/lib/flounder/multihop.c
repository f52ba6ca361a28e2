/* SPDX-License-Identifier: MIT
 *
 * Bindings through the monitors (facts §1.5).
 *
 * A message is its words, then for each string and array the word of its length and its data,
 * without gaps; cut into payloads where it is longer than one.  Its first word carries its number,
 * so a receiver must be in step.  Capabilities travel as over UMP.  A message is out when its last
 * payload is with the monitor; the channel pushes back while the monitor's queue is full or too
 * much is unacknowledged.  Must believe nothing that a payload says before it is checked: it is the
 * word of another domain.
 */
#include "flounder_priv.h"

/* ---- sending ---- */

static void tx_ready(void *arg)
{
    struct flounder_binding *c = arg;
    flounder_enter(c);
    flounder_multihop_push(c);
    flounder_leave(c);
}

static unsigned fill_payload(struct flounder_binding *c, uint64_t *words)
{
    const struct flounder_message_plan *plan = c->tx_plan;
    unsigned used = 0;
    while (used < MULTIHOP_PAYLOAD_WORDS && !flounder_at_end(plan, &c->tx_at)) {
        const bool fixed = c->tx_at.fragment < plan->fragments; /* these begin a payload */
        used += flounder_fill(c, &c->tx_at, words + used,
                              fixed ? MULTIHOP_PAYLOAD_WORDS : MULTIHOP_PAYLOAD_WORDS - used);
    }
    return used;
}

void flounder_multihop_push(struct flounder_binding *c)
{
    struct multihop_chan *chan = c->channel;
    if (RARELY(c->closed != SYS_ERR_OK)) {
        flounder_tx_done(c, c->closed);
        return;
    }
    while (!flounder_at_end(c->tx_plan, &c->tx_at)) {
        uint64_t *words = multihop_chan_reserve(chan);
        if (words == NULL)
            break;
        multihop_chan_commit(chan, fill_payload(c, words), c->lmp_flags);
    }
    if (flounder_at_end(c->tx_plan, &c->tx_at) && multihop_chan_is_flushed(chan)) {
        flounder_tx_done(c, SYS_ERR_OK);
        return;
    }
    errval_t err = multihop_chan_register_send(chan, c->waitset, MKCLOSURE(tx_ready, c));
    if (err_is_fail(err))
        flounder_tx_done(c, err_push(err, LIB_ERR_CHAN_REGISTER_SEND));
    else
        flounder_tx_registered(c);
}

/* ---- receiving ---- */

void flounder_multihop_rearm(struct flounder_binding *c)
{
    struct multihop_chan *chan = c->channel;
    if (!lmp_chan_listen_again(&chan->link.lmp))
        flounder_listen_anew(c);
}

/* True: the event is used up; false: look for more. */
static bool take_payload(struct flounder_binding *c, const uint64_t *words, unsigned count)
{
    if (c->rx_plan == NULL)
        c->rx_plan = flounder_rx_plan(c, (unsigned)(words[0] & 0xffff));
    if (c->rx_plan == NULL)
        return true;
    bool complete = false;
    errval_t err = SYS_ERR_OK;
    for (unsigned used = 0, taken = 0; used < count && err_is_ok(err); used += taken)
        err = complete ? (errval_t)FLOUNDER_ERR_RX_INVALID_LENGTH
                       : flounder_take_piece(c, words + used, count - used, MULTIHOP_PAYLOAD_WORDS,
                                             &taken, &complete);
    if (err_is_ok(err) && !complete && count < MULTIHOP_PAYLOAD_WORDS)
        err = FLOUNDER_ERR_RX_INVALID_LENGTH; /* only the last payload may be short */
    if (err_is_fail(err))
        flounder_rx_break(c, err);
    else if (complete)
        flounder_deliver_assembled(c);
    return err_is_fail(err) || complete;
}

static void receive(struct flounder_binding *c)
{
    const uint64_t *words;
    unsigned count;
    for (;;) {
        errval_t err = multihop_chan_recv(c->channel, &words, &count);
        if (err_no(err) == LIB_ERR_NO_LMP_MSG)
            break;
        if (err_is_fail(err)) {
            flounder_rx_break(c, err);
            return;
        }
        if (take_payload(c, words, count))
            return;
    }
    flounder_multihop_rearm(c);
}

void flounder_multihop_rx_handler(void *arg)
{
    flounder_rx_event(arg, receive);
}
