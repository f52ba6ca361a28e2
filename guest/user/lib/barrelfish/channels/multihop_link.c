/* SPDX-License-Identifier: MIT
 *
 * Frames over LMP (multihop_chan.h): header and payload cut into messages, and put together again.
 *
 * Every LMP message but the last of a frame is full, so its length is known beforehand: anything
 * else is the word of somebody who does not know the protocol.  No capability can come, since no
 * receive slot is ever set.  Must check each header before a word of its payload is stored.
 */
#include <barrelfish/multihop_chan.h>

#include <assert.h>
#include <string.h>

#define KIND_SHIFT 0
#define WORDS_SHIFT 16
#define ACK_SHIFT 32

void multihop_link_init(struct multihop_link *link)
{
    link->sending = false;
    link->receiving = false;
    lmp_chan_init(&link->lmp);
}

void multihop_link_send(struct multihop_link *link, struct multihop_frame frame)
{
    assert(!link->sending && frame.words <= MULTIHOP_PAYLOAD_WORDS);
    assert((frame.kind == MULTIHOP_DATA) == (frame.words > 0));
    link->sending = true;
    link->out = frame;
    link->out_done = 0;
}

errval_t multihop_link_push(struct multihop_link *link, lmp_send_flags_t flags)
{
    const struct multihop_frame *out = &link->out;
    const unsigned total = 1u + out->words;
    assert(link->sending);
    while (link->out_done < total) {
        uintptr_t words[LMP_MSG_WORDS];
        unsigned count = 0, done = link->out_done;
        if (done == 0)
            words[count++] = (uint64_t)out->kind << KIND_SHIFT |
                             (uint64_t)out->words << WORDS_SHIFT | (uint64_t)out->ack << ACK_SHIFT;
        for (; count < LMP_MSG_WORDS && done + count < total; count++)
            words[count] = out->payload[done + count - 1];
        const bool last = done + count == total;
        errval_t err =
            lmp_chan_send(&link->lmp, last ? flags : flags & ~(lmp_send_flags_t)LMP_FLAG_SYNC,
                          NULL_CAP, count, words);
        if (err_is_fail(err))
            return err;
        link->out_done += count;
    }
    link->sending = false;
    return SYS_ERR_OK;
}

/* Reads a header; false if it is none. */
static bool read_header(uint64_t word, struct multihop_frame *frame)
{
    const unsigned kind = (unsigned)(word >> KIND_SHIFT & 0xff);
    frame->words = (uint16_t)(word >> WORDS_SHIFT);
    frame->ack = (uint16_t)(word >> ACK_SHIFT);
    if (kind < MULTIHOP_DATA || kind > MULTIHOP_CLOSE || (word & 0xffff00000000ff00) != 0)
        return false;
    frame->kind = (enum multihop_frame_kind)kind;
    return frame->kind == MULTIHOP_DATA ? frame->words > 0 && frame->words <= MULTIHOP_PAYLOAD_WORDS
                                        : frame->words == 0;
}

static bool take_message(struct multihop_link *link, const struct lmp_recv_msg *msg)
{
    const uint64_t *words = (const uint64_t *)msg->words;
    size_t count = msg->buf.msglen;
    if (!link->receiving) {
        if (count == 0 || !read_header(*words, &link->in))
            return false;
        link->receiving = true;
        link->in_done = 0;
        words++;
        count--;
    }
    const size_t room = LMP_MSG_WORDS - (size_t)(words - (const uint64_t *)msg->words);
    const size_t rest = link->in.words - link->in_done, due = rest < room ? rest : room;
    if (count != due)
        return false;
    memcpy(link->in_payload + link->in_done, words, due * sizeof(*words));
    link->in_done += (unsigned)due;
    return true;
}

errval_t multihop_link_recv(struct multihop_link *link, struct multihop_frame *ret)
{
    struct lmp_recv_msg msg;
    struct capref cap;
    do {
        errval_t err = lmp_chan_recv(&link->lmp, &msg, &cap);
        if (err_is_fail(err))
            return err;
        if (!take_message(link, &msg))
            return FLOUNDER_ERR_RX_INVALID_LENGTH;
    } while (link->in_done < link->in.words);
    link->receiving = false;
    link->in.payload = link->in_payload;
    *ret = link->in;
    return SYS_ERR_OK;
}
