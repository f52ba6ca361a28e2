/* SPDX-License-Identifier: MIT
 *
 * UMP channels: a pair of rings, their events, and the notification of a sleeping peer
 * (overview 3.2, facts §5.5, §6).
 */
#ifndef BARRELFISH_UMP_CHAN_H
#define BARRELFISH_UMP_CHAN_H

#include <barrelfish/caddr.h>
#include <barrelfish/connection.h>
#include <barrelfish/event_queue.h>
#include <barrelfish/idc.h>
#include <barrelfish/ump_checked.h>
#include <barrelfish/ump_impl.h>
#include <barrelfish/waitset_chan.h>

#define DEFAULT_UMP_BUFLEN 2048 /* bytes for one direction, with its control line */

/* Rounds of polling all channels before an idle dispatcher arms its wake flags and sleeps.  With
 * many channels there are fewer, so that it looks at UMP_POLL_LOOKS lines or a little more: a
 * monitor has a channel to every other core, and a look at each of them 64 times costs more than
 * the sleep saves. */
#define UMP_POLL_BUDGET 64
#define UMP_POLL_ROUNDS_LEAST 4
#define UMP_POLL_LOOKS 512
/* A thread that polls for itself, before it blocks, makes that many rounds for each of the
 * dispatcher's: its own are as much shorter. */
#define UMP_POLL_THREAD 2
/* Of the channels that had nothing to read while the dispatcher slept so many times in a row, all
 * but so many doze: nobody looks at them until a notification has come (ump_sleep.c). */
#ifndef UMP_QUIET_SLEEPS
#define UMP_QUIET_SLEEPS 16
#define UMP_AWAKE_CHANNELS 8
#endif

struct ump_chan;
typedef void ump_bind_continuation_fn(void *st, errval_t err, struct ump_chan *uc,
                                      struct capref notify);

struct ump_chan_endpoint {
    struct ump_chan_state chan;
};

struct ump_chan {
    union {
        struct ump_ring_pair ring;
        struct { /* its first two members, as programs that use a ring by hand call them */
            struct ump_chan_state send_chan;
            struct ump_chan_endpoint endpoint;
        };
    };
    struct waitset_chanstate recv_waitset; /* polled */
    struct waitset_chanstate send_waitset;
    struct ump_chan *next, *prev; /* channels whose sends are parked (dispatcher) */
    struct capref notify_cap;     /* Notify_IPI of the peer; NULL_CAP: the peer polls */
    uint64_t notified_wake;       /* the peer's wake word for which we notified last */
    bool never_sleep;             /* the peer cannot notify us: keep polling */
    bool armed;                   /* our wake flag is set */
    bool dozes;                   /* it stays set: see UMP_QUIET_SLEEPS */
    uint8_t quiet_sleeps;         /* the last so many brought nothing, */
    uint16_t quiet_since;         /* and this was ring.seq_id then */
    bool filling;                 /* between get_next and commit: the next line is taken */
    struct capref frame;          /* of a channel made by bind or accept */
    void *frame_addr;
    size_t frame_bytes;
    enum { UMP_DISCONNECTED, UMP_BIND_WAIT, UMP_MONITOR_ACCEPT, UMP_CONNECTED } connstate;
    ump_bind_continuation_fn *bind_continuation;
    void *bind_st;
    iref_t iref;
    size_t inlen, outlen;
    bool wants_check; /* asked for with the bind */
    struct idc_connection connection;
    struct ump_checked *checked; /* NULL: a plain channel */
};

/* Buffers: line aligned, a multiple of 64 bytes.  Zeroed at first use. */
errval_t ump_chan_init(struct ump_chan *uc, volatile void *inbuf, size_t inbytes,
                       volatile void *outbuf, size_t outbytes);
void ump_chan_destroy(struct ump_chan *uc);

/* Maps a frame of inlen + outlen bytes (the INITIATOR's lengths) and initialises the channel. */
errval_t ump_chan_map(struct ump_chan *uc, struct capref frame, size_t inlen, size_t outlen,
                      struct capref notify, bool initiator);

/* Undoes it, for a channel that was not used yet; frame and notify stay the caller's. */
void ump_chan_unmap(struct ump_chan *uc);

/* As the acceptor: maps the frame that the initiator (or the monitor for it) made, and initialises
 * the channel: inlen and outlen are the INITIATOR's, so our halves are swapped. */
errval_t ump_chan_accept(struct ump_chan *uc, struct capref frame, size_t inlen, size_t outlen,
                         struct capref notify);

/* Connects to an exported service of another core through the monitors; the continuation runs
 * from the monitor binding's waitset.  flags: IDC_BIND_FLAG_CHECKED counts; the monitors may also
 * want it. */
errval_t ump_chan_bind(struct ump_chan *uc, ump_bind_continuation_fn *cont, void *st,
                       struct event_queue_node *qnode, iref_t iref, size_t inlen, size_t outlen,
                       idc_bind_flags_t flags);

/* The next line to fill (payload words only), or NULL if the ring is full. */
volatile struct ump_message *ump_chan_get_next(struct ump_chan *uc, struct ump_control *control);

/* Publishes the line; notifies the peer if it sleeps. */
void ump_chan_commit(struct ump_chan *uc, volatile struct ump_message *message,
                     struct ump_control control, unsigned type);

/* LIB_ERR_NO_UMP_MSG, LIB_ERR_CHAN_PEER_GONE, LIB_ERR_CHAN_PEER_DEAD.  Acknowledgements are
 * handled inside.  The message stays in place, and the peer cannot overwrite it, until
 * ump_chan_recv_done. */
errval_t ump_chan_recv(struct ump_chan *uc, volatile struct ump_message **message, unsigned *type);
void ump_chan_recv_done(struct ump_chan *uc);

/* Several lines of payload at once, for long messages, by enabled callers: as many of `count` as
 * there is room for, or as have arrived in a row and have that type.  The number; it may be smaller
 * than possible, and is 0 on checked channels.  The peer is notified once, if it sleeps; the lines
 * that were received are done with. */
size_t ump_chan_send_lines(struct ump_chan *uc, unsigned type, const void *payload, size_t count);
size_t ump_chan_recv_lines(struct ump_chan *uc, unsigned type, void *payload, size_t count);

bool ump_chan_can_send(struct ump_chan *uc);
bool ump_chan_can_recv(struct ump_chan *uc);

/* One-shot registrations. */
errval_t ump_chan_register_recv(struct ump_chan *uc, struct waitset *ws,
                                struct event_closure closure);
errval_t ump_chan_deregister_recv(struct ump_chan *uc);
errval_t ump_chan_register_send(struct ump_chan *uc, struct waitset *ws,
                                struct event_closure closure);
errval_t ump_chan_deregister_send(struct ump_chan *uc);

/* Listening for good: the closure's handler receives one message (or none), and then says that it
 * is done with its line (`done`) and listens again, in one step and far cheaper than by
 * registering.  It may also deregister. */
errval_t ump_chan_listen(struct ump_chan *uc, struct waitset *ws, struct event_closure closure);

/* What is rarely necessary when a channel listens again, disabled: sends an acknowledgement that is
 * due, and queues the event of a message that polling would find too late.  Enables. */
void ump_chan_attend(struct ump_chan *uc) __attribute__((cold));

/* Is somebody waiting for events of the channel's waitset who might overlook the next message, or
 * are there others that would all come before it, or has the peer died? */
static inline bool ump_chan_event_is_urgent(const struct ump_chan *uc)
{
    const struct waitset *ws = uc->recv_waitset.waitset;

    return ((uintptr_t)ws->pending | (uintptr_t)ws->waiting_threads | uc->connection.lost) != 0;
}

/* False, and nothing has happened, if the channel does not wait for that: it was deregistered
 * meanwhile. */
static inline bool ump_chan_listen_again(struct ump_chan *uc, bool done)
{
    dispatcher_handle_t handle = disp_disable();

    if (__builtin_expect(!uc->recv_waitset.held, 0)) {
        disp_enable(handle);
        return false;
    }
    if (done)
        ump_ring_consume(&uc->ring);
    waitset_chan_listen_disabled(&uc->recv_waitset);
    if (__builtin_expect(ump_ring_ack_due(&uc->ring) || ump_chan_event_is_urgent(uc), 0))
        ump_chan_attend(uc);
    else
        disp_enable(handle);
    return true;
}

/* A message has arrived.  If so far each has had an answer, fetches the line for the next answer
 * while this one is being worked on. */
static inline void ump_chan_prefetch_answer(const struct ump_chan *uc)
{
    if (ump_ring_all_acked(&uc->ring))
        ump_ring_prefetch_next(&uc->ring);
}

/* On a checked channel a line must pass before it counts. */
static inline bool ump_chan_has_arrived(struct ump_chan *uc)
{
    return __builtin_expect(uc->checked == NULL, 1) || ump_checked_take(uc);
}

/* In such a handler, enabled: the type of the message that has arrived, which lies in
 * ump_chan_line until the channel listens again; UMP_MSGTYPE_ACK if ump_chan_recv must look (and
 * on a checked channel if nobody has yet). */
static inline unsigned ump_chan_take_type(const struct ump_chan *uc)
{
    dispatcher_handle_t handle = disp_disable();
    unsigned type = UMP_MSGTYPE_ACK;

    (void)ump_ring_peek(&uc->ring, &type);
    disp_enable(handle);
    return type;
}

static inline volatile struct ump_message *ump_chan_line(const struct ump_chan *uc)
{
    return uc->ring.recv.mine;
}

/* Its type and its line, or NULL. */
static inline volatile struct ump_message *ump_chan_take_line(const struct ump_chan *uc,
                                                              unsigned *type)
{
    *type = ump_chan_take_type(uc);
    return *type != UMP_MSGTYPE_ACK ? ump_chan_line(uc) : NULL;
}

/* ump_chan_recv_done, and ump_chan_get_next, of enabled callers, short if nothing special is to be
 * done. */
static inline void ump_chan_line_done(struct ump_chan *uc)
{
    dispatcher_handle_t handle = disp_disable();

    if (ump_ring_done_makes_ack_due(&uc->ring))
        ump_chan_recv_done(uc);
    else
        ump_ring_consume(&uc->ring);
    disp_enable(handle);
}

static inline volatile struct ump_message *ump_chan_next_line(struct ump_chan *uc,
                                                              struct ump_control *control)
{
    dispatcher_handle_t handle = disp_disable();
    volatile struct ump_message *message = ump_ring_next(&uc->ring, control, false);

    if (message != NULL)
        uc->filling = true;
    else
        message = ump_chan_get_next(uc, control);
    disp_enable(handle);
    return message;
}

void ump_chan_migrate_recv(struct ump_chan *uc, struct waitset *ws);
void ump_chan_migrate_send(struct ump_chan *uc, struct waitset *ws);

/* Dispatcher code: retry parked sends; poll one channel; arm before sleeping (false: a channel must
 * not sleep; what arrived meanwhile has been triggered); disarm after it. */
void ump_channels_retry_send_disabled(dispatcher_handle_t handle);
bool ump_endpoint_poll(struct waitset_chanstate *chan);
bool ump_channels_arm_disabled(dispatcher_handle_t handle);
void ump_channels_disarm_disabled(dispatcher_handle_t handle);

/* Of the channels that doze: those that have a line become polled ones again, if there was a
 * notification since the last time (or if notifications may be lost).  A single one becomes one for
 * another reason. */
void ump_channels_look_at_dozing_disabled(dispatcher_handle_t handle);
void ump_chan_awake_disabled(struct ump_chan *uc, dispatcher_handle_t handle);

/* When an armed dispatcher looks again though nobody has notified it: a checked channel has a
 * time-out, or a notification may have been lost; 0: never.  Looking is all it does then: it
 * finds something, or sleeps again. */
systime_t ump_channels_recheck_time(dispatcher_handle_t handle);

/* From now on this dispatcher looks again that often while it sleeps with UMP channels. */
void ump_channels_set_recheck(uint64_t recheck_ns);

#endif
