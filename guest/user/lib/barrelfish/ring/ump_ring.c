/* SPDX-License-Identifier: MIT
 *
 * UMP rings: lines, epochs, acknowledgement numbers (overview 3.2; layout in ump_impl.h).
 *
 * The sender may write line n of a pass only if the receiver has acknowledged the message that lies
 * there.  It knows that from the window: sent_id - ack_id unacknowledged messages, at most lines -
 * 1, so a line that is written next is always one whose message has been acknowledged.  The
 * receiver acknowledges a message when it is done with the line, with the next message it sends
 * anyway, or with an explicit one if it has had nothing to say for half a ring.
 *
 * An explicit acknowledgement takes a line, too, and is itself acknowledged only by what the other
 * side sends anyway: two sides that only acknowledge each other's acknowledgements would never
 * stop.  One line is kept free for it, so that two senders with full windows cannot wait for each
 * other.
 *
 * What every message needs is inline (ump_impl.h); here is what is rare.  Order: payload, then
 * (release) the control word; on the other side the control word (acquire), then payload.  Nothing
 * here blocks, allocates or calls the kernel.
 */
#include <barrelfish/ump_impl.h>

static errval_t init_state(struct ump_chan_state *state, volatile void *buf, size_t bytes)
{
    if ((uintptr_t)buf % UMP_LINE_BYTES != 0)
        return LIB_ERR_UMP_BUFADDR_INVALID;
    if (bytes % UMP_LINE_BYTES != 0 || bytes < UMP_MIN_LINES * UMP_LINE_BYTES ||
        bytes > UMP_MAX_LINES * UMP_LINE_BYTES)
        return LIB_ERR_UMP_BUFSIZE_INVALID;
    state->buf = buf;
    state->lines = (uint16_t)(bytes / UMP_LINE_BYTES - 1);
    state->control = (volatile struct ump_control_line *)&state->buf[state->lines];
    state->next = state->mine = state->buf;
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

void ump_ring_harvest_acks(struct ump_ring_pair *pair)
{
    struct ump_chan_state look = pair->recv;

    for (unsigned i = 0; i < look.lines; i++) {
        uint64_t control = __atomic_load_n(&look.next->control, __ATOMIC_ACQUIRE);

        if (UMP_CONTROL_EPOCH(control) != look.epoch)
            return;
        ump_ring_note_ack(pair, UMP_CONTROL_ACK(control));
        ump_ring_advance(&look);
    }
}

void ump_ring_arm(struct ump_ring_pair *pair)
{
    uint64_t wake = pair->send.control->wake;

    UMP_STEP("set the wake flag", NULL);
    /* always a new odd value: the peer notifies once for each */
    __atomic_store_n(&pair->send.control->wake, (wake + 1) | 1, __ATOMIC_RELAXED);
    /* The flag must be visible before the last look at the ring. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void ump_ring_renumber(struct ump_ring_pair *pair)
{
    UMP_STEP("change the wake number", NULL);
    __atomic_store_n(&pair->send.control->wake, pair->send.control->wake + 2, __ATOMIC_RELAXED);
}

void ump_ring_disarm(struct ump_ring_pair *pair)
{
    uint64_t wake = pair->send.control->wake;

    if (wake & 1) {
        UMP_STEP("clear the wake flag", NULL);
        __atomic_store_n(&pair->send.control->wake, wake + 1, __ATOMIC_RELAXED);
    }
}
