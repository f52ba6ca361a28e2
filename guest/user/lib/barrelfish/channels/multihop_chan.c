/* SPDX-License-Identifier: MIT
 *
 * Multi-hop channels of a domain: frames with a window (multihop_chan.h).
 *
 * One frame is on its way to the monitor at a time: the payload in the buffer, then the close, then
 * an acknowledgement, whichever is due.  `pump` sends what is due, and when the monitor's endpoint
 * is full it is called again by an event; so acknowledgements leave even if the program sends
 * nothing.  A monitor that has closed the circuit put its last frame into our endpoint before: a
 * send that fails for good says nothing and waits for that frame to be read.  Must not trust the
 * peer's numbers: it is another domain, and the monitors only carry them.
 */
#include <barrelfish/multihop_chan.h>

#include <assert.h>

void multihop_chan_init(struct multihop_chan *chan, struct waitset *ws)
{
    chan->connstate = MULTIHOP_DISCONNECTED;
    chan->waitset = ws;
    chan->flags = LMP_SEND_FLAGS_DEFAULT;
    thread_mutex_init(&chan->lock);
    multihop_link_init(&chan->link);
    waitset_chanstate_init(&chan->send_waitset, CHANTYPE_OTHER);
}

void multihop_chan_destroy(struct multihop_chan *chan)
{
    waitset_chanstate_destroy(&chan->send_waitset);
    lmp_chan_destroy(&chan->link.lmp);
    chan->connstate = MULTIHOP_DISCONNECTED;
}

/* ---- sending ---- */

static bool window_open(const struct multihop_chan *chan)
{
    return (uint16_t)(chan->sent - chan->acked) < MULTIHOP_WINDOW;
}

/* What is due next; false: nothing. */
static bool begin_frame(struct multihop_chan *chan)
{
    struct multihop_frame frame = { .kind = MULTIHOP_ACK, .ack = chan->received };
    if (chan->payload_words > 0) {
        frame.kind = MULTIHOP_DATA;
        frame.words = chan->payload_words;
        frame.payload = chan->payload;
        chan->sent++;
    } else if (chan->close_due && !chan->closed) {
        frame.kind = MULTIHOP_CLOSE;
    } else if (!chan->ack_due || chan->closed) {
        return false;
    }
    chan->told = chan->received;
    chan->ack_due = false;
    multihop_link_send(&chan->link, frame);
    return true;
}

static void frame_out(struct multihop_chan *chan)
{
    if (chan->link.out.kind == MULTIHOP_DATA)
        chan->payload_words = 0;
    else if (chan->link.out.kind == MULTIHOP_CLOSE)
        chan->closed = true;
}

/* Is what was refused worth another try? */
static bool is_ready(const struct multihop_chan *chan)
{
    return chan->payload_words == 0 && (!chan->wants_window || window_open(chan)) &&
           (!chan->close_due || chan->closed);
}

static void monitor_has_room(void *arg);

/* Under the lock. */
static void pump(struct multihop_chan *chan)
{
    while (!chan->dead && (chan->link.sending || begin_frame(chan))) {
        errval_t err = multihop_link_push(&chan->link, chan->flags);
        if (lmp_err_is_transient(err)) {
            chan->link.lmp.send_waitset.pins = chan->pins;
            if (!waitset_chan_is_registered(&chan->link.lmp.send_waitset))
                err = lmp_chan_register_send(&chan->link.lmp, chan->waitset,
                                             MKCLOSURE(monitor_has_room, chan));
            else
                err = SYS_ERR_OK;
            if (err_is_ok(err))
                return;
        }
        if (err_is_fail(err))
            chan->dead = true;
        else
            frame_out(chan);
    }
    if (!chan->dead && is_ready(chan) && waitset_chan_is_armed(&chan->send_waitset))
        waitset_chan_trigger(&chan->send_waitset);
}

static void monitor_has_room(void *arg)
{
    struct multihop_chan *chan = arg;
    thread_mutex_lock(&chan->lock);
    pump(chan);
    thread_mutex_unlock(&chan->lock);
    if (chan->unpin != NULL)
        chan->unpin(chan->owner); /* chan may be gone now */
}

uint64_t *multihop_chan_reserve(struct multihop_chan *chan)
{
    thread_mutex_lock(&chan->lock);
    chan->wants_window = !window_open(chan);
    uint64_t *buffer =
        chan->payload_words > 0 || chan->wants_window || chan->dead ? NULL : chan->payload;
    thread_mutex_unlock(&chan->lock);
    return buffer;
}

void multihop_chan_commit(struct multihop_chan *chan, unsigned words, lmp_send_flags_t flags)
{
    assert(words > 0 && words <= MULTIHOP_PAYLOAD_WORDS);
    thread_mutex_lock(&chan->lock);
    assert(chan->payload_words == 0 && !chan->close_due);
    chan->payload_words = (uint16_t)words;
    chan->flags = flags;
    pump(chan);
    thread_mutex_unlock(&chan->lock);
}

bool multihop_chan_is_flushed(struct multihop_chan *chan)
{
    return chan->payload_words == 0;
}

bool multihop_chan_close(struct multihop_chan *chan)
{
    thread_mutex_lock(&chan->lock);
    chan->close_due = true;
    chan->wants_window = false;
    pump(chan);
    bool told = chan->closed || chan->dead;
    thread_mutex_unlock(&chan->lock);
    return told;
}

errval_t multihop_chan_register_send(struct multihop_chan *chan, struct waitset *ws,
                                     struct event_closure closure)
{
    thread_mutex_lock(&chan->lock);
    chan->waitset = ws;
    errval_t err = !chan->dead && is_ready(chan)
                       ? waitset_chan_trigger_closure(ws, &chan->send_waitset, closure)
                       : waitset_chan_register(ws, &chan->send_waitset, closure);
    thread_mutex_unlock(&chan->lock);
    return err;
}

void multihop_chan_deregister_send(struct multihop_chan *chan)
{
    waitset_chanstate_destroy(&chan->send_waitset);
}

/* ---- receiving ---- */

/* Checks and notes the numbers of a frame, and what they make possible. */
static errval_t take_numbers(struct multihop_chan *chan, const struct multihop_frame *frame)
{
    if (frame->kind == MULTIHOP_CLOSE)
        return FLOUNDER_ERR_BINDING_CLOSED; /* may be the monitor's own: its numbers mean nothing */
    if ((uint16_t)(frame->ack - chan->acked) > (uint16_t)(chan->sent - chan->acked))
        return FLOUNDER_ERR_INVALID_STATE; /* acknowledges what was never sent */
    chan->acked = frame->ack;
    if (frame->kind == MULTIHOP_DATA) {
        chan->received++;
        const uint16_t unacknowledged = (uint16_t)(chan->received - chan->told);
        if (unacknowledged > MULTIHOP_WINDOW)
            return FLOUNDER_ERR_INVALID_STATE;
        if (unacknowledged > MULTIHOP_WINDOW / 2)
            chan->ack_due = true;
    }
    pump(chan);
    return SYS_ERR_OK;
}

/* The circuit is no more: what has not left never will. */
static void give_up(struct multihop_chan *chan)
{
    thread_mutex_lock(&chan->lock);
    chan->dead = true;
    if (waitset_chan_is_registered(&chan->link.lmp.send_waitset))
        lmp_chan_deregister_send(&chan->link.lmp);
    thread_mutex_unlock(&chan->lock);
}

errval_t multihop_chan_recv(struct multihop_chan *chan, const uint64_t **words, unsigned *count)
{
    struct multihop_frame frame;
    do {
        errval_t err = multihop_link_recv(&chan->link, &frame);
        if (err_is_ok(err)) {
            thread_mutex_lock(&chan->lock);
            err = take_numbers(chan, &frame);
            thread_mutex_unlock(&chan->lock);
        }
        if (err_no(err) == FLOUNDER_ERR_BINDING_CLOSED || err_no(err) == LIB_ERR_CHAN_PEER_GONE)
            give_up(chan);
        if (err_is_fail(err))
            return err;
    } while (frame.kind != MULTIHOP_DATA);
    *words = frame.payload;
    *count = frame.words;
    return SYS_ERR_OK;
}

errval_t multihop_chan_register_recv(struct multihop_chan *chan, struct waitset *ws,
                                     struct event_closure closure)
{
    return lmp_chan_register_recv(&chan->link.lmp, ws, closure);
}

struct waitset_chanstate *multihop_chan_receiving(struct multihop_chan *chan)
{
    return &chan->link.lmp.endpoint->waitset_state;
}

void multihop_chan_migrate(struct multihop_chan *chan, struct waitset *ws)
{
    thread_mutex_lock(&chan->lock);
    chan->waitset = ws;
    lmp_chan_migrate_recv(&chan->link.lmp, ws);
    lmp_chan_migrate_send(&chan->link.lmp, ws);
    waitset_chan_migrate(&chan->send_waitset, ws);
    thread_mutex_unlock(&chan->lock);
}
