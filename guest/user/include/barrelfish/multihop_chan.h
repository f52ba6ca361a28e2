/* SPDX-License-Identifier: MIT
 *
 * Multi-hop channels: connections whose messages travel through the monitors (facts §1.5,
 * docs/monitor.md).
 *
 * A domain speaks with the monitor of its core over an LMP channel of the circuit's own.  What goes
 * over it are frames: an LMP message with a header and up to nine words of payload, the rest of the
 * payload in further messages.  multihop_link is that, and is what the monitor uses, too.
 *
 *   header   bits 0-7 kind, 16-31 words of payload, 32-47 acknowledgement, all others 0
 *
 * On it a domain keeps the window that the two ends agree about: at most MULTIHOP_WINDOW payloads
 * are unacknowledged; each frame acknowledges, and an empty one is sent for that when more than
 * half of the window is.
 */
#ifndef BARRELFISH_MULTIHOP_CHAN_H
#define BARRELFISH_MULTIHOP_CHAN_H

#include <barrelfish/lmp_chan.h>
#include <barrelfish/threads.h>

#define MULTIHOP_PAYLOAD_BYTES 2048
#define MULTIHOP_PAYLOAD_WORDS (MULTIHOP_PAYLOAD_BYTES / 8)
#define MULTIHOP_WINDOW 100 /* payloads */

/* ---- frames ---- */

enum multihop_frame_kind {
    MULTIHOP_DATA = 1, /* at least one word */
    MULTIHOP_ACK,
    MULTIHOP_CLOSE, /* the last frame in its direction */
};

struct multihop_frame {
    enum multihop_frame_kind kind;
    uint16_t ack;            /* payloads received so far, modulo 2^16 */
    uint16_t words;          /* of the payload */
    const uint64_t *payload; /* sending: the caller's until it is out; received: until the next */
};

struct multihop_link {
    struct lmp_chan lmp;
    bool sending; /* a frame is on its way */
    struct multihop_frame out;
    unsigned out_done; /* words of it, with the header */
    struct multihop_frame in;
    unsigned in_done; /* words of its payload */
    bool receiving;   /* a frame has begun to arrive */
    uint64_t in_payload[MULTIHOP_PAYLOAD_WORDS];
};

/* Sets up what is not the LMP channel; that is the caller's to connect. */
void multihop_link_init(struct multihop_link *link);

/* Begins a frame; none is on its way.  Then push. */
void multihop_link_send(struct multihop_link *link, struct multihop_frame frame);

/* Sends as much of the frame as fits.  Success: it is out; a transient error
 * (lmp_err_is_transient): try again when the LMP channel says so; another error: the receiver is
 * gone. */
errval_t multihop_link_push(struct multihop_link *link, lmp_send_flags_t flags);

/* The next frame that is there as a whole.  LIB_ERR_NO_LMP_MSG; FLOUNDER_ERR_RX_INVALID_LENGTH:
 * what came is none, and nothing behind it can be understood. */
errval_t multihop_link_recv(struct multihop_link *link, struct multihop_frame *ret);

/* ---- channels of domains ---- */

struct multihop_chan;
typedef void multihop_bind_continuation_fn(void *st, errval_t err, struct multihop_chan *chan);

struct multihop_chan {
    struct multihop_link link;
    enum { MULTIHOP_DISCONNECTED, MULTIHOP_BIND_WAIT, MULTIHOP_CONNECTED } connstate;
    multihop_bind_continuation_fn *bind_continuation;
    void *bind_st;
    iref_t iref;

    struct thread_mutex lock; /* of all below: threads send while others receive */
    struct waitset *waitset;
    lmp_send_flags_t flags;
    uint16_t sent, acked;    /* payloads, by us and of those by the peer */
    uint16_t received, told; /* payloads, from the peer and of those to the peer */
    bool ack_due, close_due, closed;
    bool dead;              /* the monitor has closed its end; its last frame is in our endpoint */
    bool wants_window;      /* the sender was refused for the window, not for the buffer */
    uint16_t payload_words; /* 0: the buffer is free */
    uint64_t payload[MULTIHOP_PAYLOAD_WORDS];
    struct waitset_chanstate send_waitset;

    /* Whoever holds the channel: *pins counts events of its own that are being handled. */
    uint32_t *pins;
    void (*unpin)(void *owner);
    void *owner;
};

void multihop_chan_init(struct multihop_chan *chan, struct waitset *ws);

/* Ends all registrations and frees the endpoint. */
void multihop_chan_destroy(struct multihop_chan *chan);

/* Asks the monitor for a circuit to a service of another core.  The outcome comes as an event of
 * the monitor binding. */
errval_t multihop_chan_bind(struct multihop_chan *chan, multihop_bind_continuation_fn *cont,
                            void *st, iref_t iref);

/* The service's side: `remote` is the endpoint of the monitor. */
errval_t multihop_chan_accept(struct multihop_chan *chan, struct capref remote);

/* The buffer for the next payload, MULTIHOP_PAYLOAD_WORDS long; NULL: not now. */
uint64_t *multihop_chan_reserve(struct multihop_chan *chan);
/* Sends the words (1 or more) in the buffer. */
void multihop_chan_commit(struct multihop_chan *chan, unsigned words, lmp_send_flags_t flags);
/* All payloads are with the monitor. */
bool multihop_chan_is_flushed(struct multihop_chan *chan);

/* Sends the last frame; true: it is out, or never can be; false: try again when registered send
 * fires. */
bool multihop_chan_close(struct multihop_chan *chan);

/* One-shot: what was refused last, or not finished, is worth another try. */
errval_t multihop_chan_register_send(struct multihop_chan *chan, struct waitset *ws,
                                     struct event_closure closure);
void multihop_chan_deregister_send(struct multihop_chan *chan);

/* The next payload, valid until the channel is registered to receive again.  LIB_ERR_NO_LMP_MSG;
 * FLOUNDER_ERR_BINDING_CLOSED; FLOUNDER_ERR_INVALID_STATE: the peer ignores the window;
 * FLOUNDER_ERR_RX_INVALID_LENGTH. */
errval_t multihop_chan_recv(struct multihop_chan *chan, const uint64_t **words, unsigned *count);

errval_t multihop_chan_register_recv(struct multihop_chan *chan, struct waitset *ws,
                                     struct event_closure closure);
struct waitset_chanstate *multihop_chan_receiving(struct multihop_chan *chan);
void multihop_chan_migrate(struct multihop_chan *chan, struct waitset *ws);

#endif
