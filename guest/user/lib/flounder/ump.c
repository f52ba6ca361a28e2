/* SPDX-License-Identifier: MIT
 *
 * Bindings over UMP (overview 3.2, facts §1.5, §6).
 *
 * Every line carries the message's number, so only the words need to be assembled; a message of one
 * line is delivered straight from the ring.  When the ring is full the send goes on at the event
 * that its window opened, which needs the peer to have acknowledged something: the channel takes
 * care.  Must finish with a line (ump_chan_recv_done) before the handler runs: it may receive
 * again.
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

/* Lines of the middle of a stream, of which `left` bytes are to come: some of its end stays. */
static size_t middle_lines(uint64_t left)
{
    return left > 0 ? (left - 1) / (8 * UMP_PAYLOAD_WORDS) : 0;
}

/* As many as the ring takes at once. */
static void push_middle(struct flounder_binding *c)
{
    const struct ump_chan *uc = c->channel;
    struct flounder_position *at = &c->tx_at;
    if (at->word == 0 || uc->checked != NULL)
        return;
    const struct flounder_tx_stream *s = &c->tx_stream[at->stream];
    const size_t lines =
        middle_lines(flounder_stream_left(&c->tx_plan->stream[at->stream], s->length, at));
    const uint8_t *data = (const uint8_t *)s->data + 8 * (at->word - 1);
    at->word +=
        UMP_PAYLOAD_WORDS * ump_chan_send_lines(c->channel, c->tx_plan->number, data, lines);
}

void flounder_ump_push(struct flounder_binding *c)
{
    const struct flounder_message_plan *plan = c->tx_plan;
    while (!flounder_at_end(plan, &c->tx_at)) {
        if (RARELY(c->closed != SYS_ERR_OK)) {
            flounder_tx_done(c, c->closed);
            return;
        }
        struct ump_control control;
        volatile struct ump_message *line = ump_chan_next_line(c->channel, &control);
        if (line == NULL) {
            errval_t err = ump_chan_register_send(c->channel, c->waitset, MKCLOSURE(tx_ready, c));
            if (err_is_fail(err))
                flounder_tx_done(c, err_push(err, LIB_ERR_CHAN_REGISTER_SEND));
            else
                flounder_tx_registered(c);
            return;
        }
        (void)flounder_fill(c, &c->tx_at, line->data, UMP_PAYLOAD_WORDS);
        ump_chan_commit(c->channel, line, control, plan->number);
        push_middle(c);
    }
    flounder_tx_done(c, SYS_ERR_OK);
}

/* ---- receiving ---- */

void flounder_ump_rearm_anew(struct flounder_binding *c, bool done)
{
    if (done)
        ump_chan_recv_done(c->channel);
    flounder_listen_anew(c);
}

void flounder_ump_rearm(struct flounder_binding *c)
{
    if (!ump_chan_listen_again(c->channel, false))
        flounder_ump_rearm_anew(c, false);
}

/* A line that is not a whole message by itself.  True: the event is used up; false: look for
 * more. */
static bool take_line(struct flounder_binding *c, volatile struct ump_message *line, unsigned type)
{
    if (type == FLOUNDER_GOODBYE)
        flounder_rx_reset(c); /* it may come in the middle of a message */
    if (c->rx_plan == NULL)
        c->rx_plan = flounder_rx_plan(c, type);
    if (c->rx_plan == NULL)
        return true;
    bool complete = false;
    errval_t err = FLOUNDER_ERR_INVALID_STATE;
    if (type == c->rx_plan->number)
        err = flounder_take(c, line->data, UMP_PAYLOAD_WORDS, UMP_PAYLOAD_WORDS, true, &complete);
    ump_chan_line_done(c->channel);
    if (err_is_fail(err))
        flounder_rx_break(c, err);
    else if (complete)
        flounder_deliver_assembled(c);
    return err_is_fail(err) || complete;
}

/* What is there of the middle of a stream. */
static void take_middle(struct flounder_binding *c)
{
    const struct ump_chan *uc = c->channel;
    struct flounder_position *at = &c->rx_at;
    if (c->rx_plan == NULL || at->word == 0 || uc->checked != NULL)
        return;
    const struct flounder_rx_stream *s = &c->rx_stream[at->stream];
    const size_t lines =
        middle_lines(flounder_stream_left(&c->rx_plan->stream[at->stream], s->length, at));
    uint8_t *data = (uint8_t *)s->data + 8 * (at->word - 1);
    at->word +=
        UMP_PAYLOAD_WORDS * ump_chan_recv_lines(c->channel, c->rx_plan->number, data, lines);
}

/* Long messages and everything unusual, beginning with a line that was received already. */
static __attribute__((noinline)) void
receive_lines(struct flounder_binding *c, volatile struct ump_message *line, unsigned type)
{
    do {
        if (take_line(c, line, type))
            return;
        take_middle(c);
        line = ump_chan_take_line(c->channel, &type);
    } while (line != NULL || err_is_ok(ump_chan_recv(c->channel, &line, &type)));
    flounder_ump_rearm(c);
}

/* The plan of the message, if one line is all of it and it is its turn. */
static inline const struct flounder_message_plan *short_plan(const struct flounder_binding *c,
                                                             unsigned type)
{
    const unsigned index = type - FLOUNDER_FIRST_MESSAGE;
    if (RARELY(index >= c->messages || c->rx_plan != NULL))
        return NULL;
    const struct flounder_message_plan *plan = &c->plan[index];
    return plan->single ? plan : NULL;
}

/* Delivers a message where it lies: in the next line of the ring. */
static inline void deliver_line(struct flounder_binding *c,
                                const struct flounder_message_plan *plan)
{
    flounder_deliver(c, plan, ump_chan_line(c->channel)->data);
}

/* What is not to be had so easily: long messages, messages behind acknowledgements, the end. */
static __attribute__((noinline)) void receive_any(struct flounder_binding *c)
{
    volatile struct ump_message *line;
    unsigned type;
    errval_t err = ump_chan_recv(c->channel, &line, &type);
    if (err_is_ok(err)) {
        const struct flounder_message_plan *plan = short_plan(c, type);
        if (plan != NULL)
            deliver_line(c, plan);
        else
            receive_lines(c, line, type);
    } else if (err_no(err) == LIB_ERR_NO_UMP_MSG) {
        flounder_ump_rearm(c);
    } else {
        const struct ump_chan *uc = c->channel;
        const bool peer_died = uc->connection.dead; /* else it may only be unreachable */
        flounder_rx_break(c, peer_died ? err_push(err, FLOUNDER_ERR_BINDING_CLOSED) : err);
    }
}

void flounder_ump_rx_handler(void *arg)
{
    struct flounder_binding *c = arg;
    flounder_enter(c);
    const struct flounder_message_plan *plan = short_plan(c, ump_chan_take_type(c->channel));
    if (RARELY(c->closed != SYS_ERR_OK))
        flounder_rx_over(c); /* while the event was being taken */
    else if (RARELY(plan == NULL))
        receive_any(c);
    else
        deliver_line(c, plan);
    flounder_leave(c);
}

errval_t flounder_ump_init_chan(struct ump_chan *chan, volatile void *inbuf, size_t inlen,
                                volatile void *outbuf, size_t outlen, struct capref notify)
{
    errval_t err = ump_chan_init(chan, inbuf, inlen, outbuf, outlen);
    if (err_is_ok(err))
        chan->notify_cap = notify;
    return err;
}
