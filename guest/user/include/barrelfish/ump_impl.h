/* SPDX-License-Identifier: MIT
 *
 * UMP rings: cross-core message passing over shared memory (overview 3.2).  Pure: no system call,
 * no dispatcher, so the same code runs in the guest and in host tests.
 *
 * A ring is the memory of ONE writer: message lines of 64 bytes and, last, the writer's control
 * line.  Nobody else stores into it.
 *
 *   line          7 words of payload, then the control word, written last
 *   control word  bit 0      epoch: flips with each pass over the ring; 1 in the first pass
 *                 bits 1-15  message type
 *                 bits 16-31 ack: id of the last message its writer has received from the other
 *                 ring
 *                 bits 32-63 the check of checked channels (docs/ump-checked.md), 0 on plain ones
 *   control line  word 0 = wake: odd while the writer sleeps and wants a notification
 *
 * Ids count messages of a ring from 1, modulo 2^16.  A sender may have at most lines - 1 messages
 * unacknowledged, and keeps one of those for an explicit acknowledgement (UMP_ACK), which a
 * receiver sends when it has received lines / 2 messages without having had anything to say.
 */
#ifndef BARRELFISH_UMP_IMPL_H
#define BARRELFISH_UMP_IMPL_H

#include <assert.h>
#include <barrelfish_kpi/types.h>
#include <errors/errno.h>
#include <stddef.h>

/* A step that the peer may come in before; `word`: what it is about to read of the peer's.
 * Nothing, but in a test that tries all orders of the steps of both sides
 * (tests/unit/test_ump_wakeup.c). */
#ifndef UMP_STEP
#define UMP_STEP(what, word) ((void)0)
#endif
/* A rule of wake-ups that a test leaves out to see that it is missed. */
#ifndef UMP_SLEEP_LEAVES_OUT
#define UMP_SLEEP_LEAVES_OUT(rule) false
#endif

#define UMP_LINE_BYTES 64
#define UMP_LINE_WORDS 8
#define UMP_PAYLOAD_WORDS 7
#define UMP_MSG_BYTES UMP_LINE_BYTES
/* Four message lines and the control line: an ack is due after two messages, so that an ack alone
 * does not make one due in return. */
#define UMP_MIN_LINES 5
#define UMP_MAX_LINES 32768

#define UMP_MSGTYPE_ACK 0
#define UMP_MSGTYPE_BIND 1
#define UMP_MSGTYPE_BIND_REPLY 2
#define UMP_MSGTYPE_FIRST_USER 3
#define UMP_MSGTYPE_CAP_ACK 0x7fff
#define UMP_MSGTYPE_MAX 0x7fff

/* A control word being prepared: what ump_ring_next fixed. */
struct ump_control {
    uint8_t epoch;
};

struct ump_message_header {
    struct ump_control control;
};

struct ump_message {
    uint64_t data[UMP_PAYLOAD_WORDS];
    union {
        uint64_t control;
        struct ump_message_header header; /* for ump_impl_get_next: the lowest byte */
    };
} __attribute__((aligned(UMP_LINE_BYTES)));

struct ump_control_line {
    uint64_t wake;
    uint64_t reserved[7];
} __attribute__((aligned(UMP_LINE_BYTES)));

#define UMP_CONTROL(epoch, type, ack) \
    ((uint64_t)(epoch) | (uint64_t)(type) << 1 | (uint64_t)(uint16_t)(ack) << 16)
#define UMP_CONTROL_EPOCH(control) ((uint8_t)((control)&1))
#define UMP_CONTROL_TYPE(control) ((unsigned)((control) >> 1) & 0x7fff)
#define UMP_CONTROL_ACK(control) ((uint16_t)((control) >> 16))

/* One direction as one side sees it. */
struct ump_chan_state {
    volatile struct ump_message *buf;
    volatile struct ump_control_line *control; /* last line of the same memory */
    volatile struct ump_message *next;         /* line to write or read next */
    volatile struct ump_message *mine;         /* filled or handed out for it: itself, or private */
    uint16_t lines;                            /* message lines */
    uint8_t epoch;                             /* of the current pass */
    ptrdiff_t mirror;                          /* bytes from any line to its private one, or 0 */
};

/* Both directions and the window between them. */
struct ump_ring_pair {
    struct ump_chan_state send, recv;
    uint16_t sent_id;  /* id of the last message sent */
    uint16_t ack_id;   /* id of the last message the peer said it received */
    uint16_t seq_id;   /* id of the last message received */
    uint16_t last_ack; /* the seq_id last told to the peer */
};

/* LIB_ERR_UMP_BUFADDR_INVALID, LIB_ERR_UMP_BUFSIZE_INVALID.  The memory is zero at first use. */
errval_t ump_ring_pair_init(struct ump_ring_pair *pair, volatile void *inbuf, size_t inbytes,
                            volatile void *outbuf, size_t outbytes);

/* The private line of a checked channel for this one of the ring. */
static inline volatile struct ump_message *ump_ring_mine(const struct ump_chan_state *state,
                                                         volatile struct ump_message *line)
{
    return (volatile struct ump_message *)((uintptr_t)line + (uintptr_t)state->mirror);
}

static inline void ump_ring_advance(struct ump_chan_state *state)
{
    ++state->mine;
    if (++state->next == (volatile void *)state->control) {
        state->next = state->buf;
        state->mine = ump_ring_mine(state, state->buf);
        state->epoch ^= 1;
    }
}

/* Unacknowledged messages. */
static inline unsigned ump_ring_in_flight(const struct ump_ring_pair *pair)
{
    return (uint16_t)(pair->sent_id - pair->ack_id);
}

/* Free lines for ordinary messages, as far as known. */
static inline unsigned ump_ring_window(const struct ump_ring_pair *pair)
{
    unsigned allowed = pair->send.lines - 2u; /* one line stays open, one is for UMP_MSGTYPE_ACK */
    unsigned used = ump_ring_in_flight(pair);

    return used >= allowed ? 0 : allowed - used;
}

/* The next free line, or NULL if the window is closed.  `acking`: the explicit acknowledgement may
 * use the line that is kept for it. */
static inline volatile struct ump_message *ump_ring_next(struct ump_ring_pair *pair,
                                                         struct ump_control *control, bool acking)
{
    if (acking ? ump_ring_in_flight(pair) >= pair->send.lines - 1u : ump_ring_window(pair) == 0)
        return NULL;
    control->epoch = pair->send.epoch;
    return pair->send.mine;
}

/* Writes the control word and moves on. */
static inline void ump_ring_commit(struct ump_ring_pair *pair, volatile struct ump_message *message,
                                   struct ump_control control, unsigned type)
{
    assert(message == pair->send.mine && control.epoch == pair->send.epoch);
    assert(type <= UMP_MSGTYPE_MAX);
    pair->sent_id++;
    pair->last_ack = pair->seq_id;
    UMP_STEP("commit a line", NULL);
    __atomic_store_n(&message->control, UMP_CONTROL(control.epoch, type, pair->seq_id),
                     __ATOMIC_RELEASE);
    ump_ring_advance(&pair->send);
}

/* An ack from the wire may only open the window: it lies between what we knew and what we sent. */
static inline void ump_ring_note_ack(struct ump_ring_pair *pair, uint16_t ack)
{
    if ((uint16_t)(ack - pair->ack_id) <= ump_ring_in_flight(pair))
        pair->ack_id = ack;
}

/* Is there a line not yet read?  (It may be an acknowledgement, or on a checked channel one that
 * does not pass.) */
static inline bool ump_ring_has_line(const struct ump_ring_pair *pair)
{
    UMP_STEP("is there a line?", &pair->recv.next->control);
    return UMP_CONTROL_EPOCH(pair->recv.next->control) == pair->recv.epoch;
}

/* Its type. */
static inline unsigned ump_ring_next_type(const struct ump_ring_pair *pair)
{
    return UMP_CONTROL_TYPE(pair->recv.mine->control);
}

/* The next line if there is one, of any type, without moving on. */
static inline volatile struct ump_message *ump_ring_peek(const struct ump_ring_pair *pair,
                                                         unsigned *type)
{
    volatile struct ump_message *message = pair->recv.mine;

    UMP_STEP("take a line", &message->control);
    uint64_t control = __atomic_load_n(&message->control, __ATOMIC_ACQUIRE);

    if (UMP_CONTROL_EPOCH(control) != pair->recv.epoch)
        return NULL;
    *type = UMP_CONTROL_TYPE(control);
    return message;
}

/* Done with the line ump_ring_peek gave; takes note of its ack. */
static inline void ump_ring_consume(struct ump_ring_pair *pair)
{
    ump_ring_note_ack(pair, UMP_CONTROL_ACK(pair->recv.mine->control));
    pair->seq_id++;
    ump_ring_advance(&pair->recv);
}

/* Takes note of the acks in all lines that have arrived, without reading them. */
void ump_ring_harvest_acks(struct ump_ring_pair *pair);

/* True if the peer must be told what we received, though there is nothing else to say. */
static inline bool ump_ring_ack_due(const struct ump_ring_pair *pair)
{
    return (uint16_t)(pair->seq_id - pair->last_ack) >= pair->recv.lines / 2;
}

/* Will it be true after one more line? */
static inline bool ump_ring_done_makes_ack_due(const struct ump_ring_pair *pair)
{
    return (uint16_t)(pair->seq_id + 1 - pair->last_ack) >= pair->recv.lines / 2;
}

/* Does the peer know of everything that we have received? */
static inline bool ump_ring_all_acked(const struct ump_ring_pair *pair)
{
    return pair->seq_id == pair->last_ack;
}

/* Asks the processor for the right to write the next line: a hint, nothing changes. */
static inline void ump_ring_prefetch_next(const struct ump_ring_pair *pair)
{
    __asm__ volatile("prefetchw %0" : : "m"(*pair->send.next));
}

/* Sleeping.  arm: tell the peer we want a notification; the caller must look at the ring once more
 * before it sleeps.  disarm: back to polling. */
void ump_ring_arm(struct ump_ring_pair *pair);
void ump_ring_disarm(struct ump_ring_pair *pair);

/* It is armed, and gets a new number; then the caller must fence, and look. */
void ump_ring_renumber(struct ump_ring_pair *pair);

/* The peer's wake word, read after everything committed before is visible. */
static inline uint64_t ump_ring_peer_wake(const struct ump_ring_pair *pair)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return __atomic_load_n(&pair->recv.control->wake, __ATOMIC_RELAXED);
}

/* ---- rings without a window, for programs that measure them ----
 *
 * One direction alone, of a plain channel that nobody else uses meanwhile: no waitset may poll it,
 * and no binding send on it.  Nobody acknowledges, so at most as many lines as the ring has may be
 * under way; a program that answers each line need not count.  Lines have a type that no message
 * has.  So a library that meets one leaves it where it is until the program begins to read; an
 * acknowledgement, which has type 0, it would take away. */
#define UMP_RAW_TYPE_BITS 0x7e

/* The line to write next.  It is published when *control is stored as its header.control. */
static inline struct ump_message *ump_impl_get_next(struct ump_chan_state *state,
                                                    struct ump_control *control)
{
    struct ump_message *line = (struct ump_message *)(uintptr_t)state->next;

    control->epoch = (uint8_t)(state->epoch | UMP_RAW_TYPE_BITS << 1);
    ump_ring_advance(state);
    return line;
}

/* The next line, or NULL; its data is there when it is. */
static inline struct ump_message *ump_impl_recv(struct ump_chan_state *state)
{
    struct ump_message *line = (struct ump_message *)(uintptr_t)state->next;

    if (UMP_CONTROL_EPOCH(__atomic_load_n(&line->control, __ATOMIC_ACQUIRE)) != state->epoch)
        return NULL;
    ump_ring_advance(state);
    return line;
}

/* Lines are free when they have been read: there is nothing to do. */
static inline void ump_impl_free_message(const volatile struct ump_message *line)
{
    (void)line;
}

#endif
