/* SPDX-License-Identifier: MIT
 *
 * UMP rings: lines, epochs, acknowledgement numbers (overview 3.2; layout in ump_impl.h).
 *
 * The sender may write line n of a pass only if the receiver has acknowledged the message that lies
 * there.  It knows that from the window: sent_id - ack_id unacknowledged messages, at most lines - 1,
 * so a line that is written next is always one whose message has been acknowledged.  The receiver
 * acknowledges a message when it is done with the line, with the next message it sends anyway, or
 * with an explicit one if it has had nothing to say for half a ring.
 *
 * An explicit acknowledgement takes a line, too, and is itself acknowledged only by what the other
 * side sends anyway: two sides that only acknowledge each other's acknowledgements would never
 * stop.  One line is kept free for it, so that two senders with full windows cannot wait for each
 * other.
 *
 * Order: payload, then (release) the control word; on the other side the control word (acquire), then
 * payload.  Nothing here blocks, allocates or calls the kernel.
 */
#include <barrelfish/ump_impl.h>

#include <assert.h>

static errval_t init_state(struct ump_chan_state *state, volatile void *buf, size_t bytes)
{
    if ((uintptr_t)buf % UMP_LINE_BYTES != 0) {
        return LIB_ERR_UMP_BUFADDR_INVALID;
    }
    if (bytes % UMP_LINE_BYTES != 0 || bytes < UMP_MIN_LINES * UMP_LINE_BYTES ||
        bytes > UMP_MAX_LINES * UMP_LINE_BYTES) {
        return LIB_ERR_UMP_BUFSIZE_INVALID;
    }
    state->buf = buf;
    state->lines = (uint16_t)(bytes / UMP_LINE_BYTES - 1);
    state->control = (volatile struct ump_control_line *)&state->buf[state->lines];
    state->pos = 0;
    state->epoch = 1;
    return SYS_ERR_OK;
}

errval_t ump_ring_pair_init(struct ump_ring_pair *pair, volatile void *inbuf, size_t inbytes,
                            volatile void *outbuf, size_t outbytes)
{
    *pair = (struct ump_ring_pair){ 0 };
    errval_t err = init_state(&pair->recv, inbuf, inbytes);
    return err_is_fail(err) ? err : init_state(&pair->send, outbuf, outbytes);
}

static void advance(struct ump_chan_state *state)
{
    if (++state->pos == state->lines) {
        state->pos = 0;
        state->epoch ^= 1;
    }
}

/* Unacknowledged messages. */
static unsigned in_flight(const struct ump_ring_pair *pair)
{
    return (uint16_t)(pair->sent_id - pair->ack_id);
}

unsigned ump_ring_window(const struct ump_ring_pair *pair)
{
    unsigned allowed = pair->send.lines - 2u; /* one line stays open, one is for UMP_MSGTYPE_ACK */
    unsigned used = in_flight(pair);

    return used >= allowed ? 0 : allowed - used;
}

volatile struct ump_message *ump_ring_next(struct ump_ring_pair *pair, struct ump_control *control,
                                           bool acking)
{
    if (acking ? in_flight(pair) >= pair->send.lines - 1u : ump_ring_window(pair) == 0) {
        return NULL;
    }
    control->epoch = pair->send.epoch;
    return &pair->send.buf[pair->send.pos];
}

void ump_ring_commit(struct ump_ring_pair *pair, volatile struct ump_message *message,
                     struct ump_control control, unsigned type)
{
    assert(message == &pair->send.buf[pair->send.pos] && control.epoch == pair->send.epoch);
    assert(type <= UMP_MSGTYPE_MAX);
    pair->sent_id++;
    pair->last_ack = pair->seq_id;
    __atomic_store_n(&message->control, UMP_CONTROL(control.epoch, type, pair->seq_id),
                     __ATOMIC_RELEASE);
    advance(&pair->send);
}

/* An ack from the wire may only open the window: it lies between what we knew and what we sent. */
static void note_ack(struct ump_ring_pair *pair, uint16_t ack)
{
    if ((uint16_t)(ack - pair->ack_id) <= in_flight(pair)) {
        pair->ack_id = ack;
    }
}

volatile struct ump_message *ump_ring_peek(struct ump_ring_pair *pair, unsigned *type)
{
    volatile struct ump_message *message = &pair->recv.buf[pair->recv.pos];
    uint64_t control = __atomic_load_n(&message->control, __ATOMIC_ACQUIRE);

    if (UMP_CONTROL_EPOCH(control) != pair->recv.epoch) {
        return NULL;
    }
    note_ack(pair, UMP_CONTROL_ACK(control));
    *type = UMP_CONTROL_TYPE(control);
    return message;
}

void ump_ring_consume(struct ump_ring_pair *pair)
{
    pair->seq_id++;
    advance(&pair->recv);
}

void ump_ring_harvest_acks(struct ump_ring_pair *pair)
{
    struct ump_chan_state look = pair->recv;

    for (unsigned i = 0; i < look.lines; i++) {
        uint64_t control = __atomic_load_n(&look.buf[look.pos].control, __ATOMIC_ACQUIRE);

        if (UMP_CONTROL_EPOCH(control) != look.epoch) {
            return;
        }
        note_ack(pair, UMP_CONTROL_ACK(control));
        advance(&look);
    }
}

void ump_ring_arm(struct ump_ring_pair *pair)
{
    uint64_t wake = pair->send.control->wake;

    /* always a new odd value: the peer notifies once for each */
    __atomic_store_n(&pair->send.control->wake, (wake + 1) | 1, __ATOMIC_RELAXED);
    /* The flag must be visible before the last look at the ring. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void ump_ring_disarm(struct ump_ring_pair *pair)
{
    uint64_t wake = pair->send.control->wake;

    if (wake & 1) {
        __atomic_store_n(&pair->send.control->wake, wake + 1, __ATOMIC_RELAXED);
    }
}

uint64_t ump_ring_peer_wake(const struct ump_ring_pair *pair)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return __atomic_load_n(&pair->recv.control->wake, __ATOMIC_RELAXED);
}
