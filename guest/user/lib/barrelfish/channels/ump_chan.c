/* SPDX-License-Identifier: MIT
 *
 * UMP channels: rings with events and wake-ups (overview 3.2, facts §6; DESIGN §5).
 *
 * Receiving: the channel is registered as polled; the dispatcher looks at all polled channels on
 * each run upcall and while idle.  Sending to a full ring: the channel is parked in a list of the
 * dispatcher and tried again on each run upcall and while idle, after looking for acks.
 *
 * A sender that finds the peer's wake flag set after a commit sends one notification for this
 * value of the flag (ump_sleep.c sets it).  Both sides fence between their store and their load, so
 * one of them sees the other.  The steps and what must hold between them: docs/ump-wakeup.md;
 * UMP_STEP marks where a test puts the peer's.
 */
#include <barrelfish/ump_chan.h>

#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <barrelfish/dispatcher.h>
#include <string.h>

#include "../events/waitset_priv.h"

COLD errval_t ump_chan_init(struct ump_chan *uc, volatile void *inbuf, size_t inbytes,
                            volatile void *outbuf, size_t outbytes)
{
    *uc = (struct ump_chan){ .connstate = UMP_DISCONNECTED };
    waitset_chanstate_init(&uc->recv_waitset, CHANTYPE_UMP_IN);
    waitset_chanstate_init(&uc->send_waitset, CHANTYPE_UMP_OUT);
    uc->recv_waitset.arg = uc;
    uc->recv_waitset.look = ump_endpoint_poll;
    uc->notify_cap = NULL_CAP;
    uc->frame = NULL_CAP;
    errval_t err = ump_ring_pair_init(&uc->ring, inbuf, inbytes, outbuf, outbytes);
    if (err_is_ok(err)) {
        uc->connstate = UMP_CONNECTED;
        uc->inlen = inbytes;
        uc->outlen = outbytes;
    }
    return err;
}

errval_t ump_chan_map(struct ump_chan *uc, struct capref frame, size_t inlen, size_t outlen,
                      struct capref notify, bool initiator)
{
    size_t bytes = inlen + outlen;
    char *memory;
    void *mapped;
    errval_t err = vspace_map_one_frame_attr(
        &mapped, bytes, frame, VREGION_FLAGS_READ_WRITE | VREGION_FLAGS_PRIVATE, NULL, NULL);

    if (err_is_fail(err))
        return err;
    memory = mapped;
    /* The initiator's incoming half comes first. */
    if (initiator)
        err = ump_chan_init(uc, memory, inlen, memory + inlen, outlen);
    else
        err = ump_chan_init(uc, memory + inlen, outlen, memory, inlen);
    if (err_is_fail(err)) {
        vspace_unmap(memory);
        return err;
    }
    uc->frame = frame;
    uc->frame_addr = memory;
    uc->frame_bytes = bytes;
    uc->notify_cap = notify;
    return SYS_ERR_OK;
}

void ump_chan_unmap(struct ump_chan *uc)
{
    vspace_unmap(uc->frame_addr);
    uc->frame_addr = NULL;
    uc->frame = uc->notify_cap = NULL_CAP;
    uc->connstate = UMP_DISCONNECTED;
}

errval_t ump_chan_accept(struct ump_chan *uc, struct capref frame, size_t inlen, size_t outlen,
                         struct capref notify)
{
    errval_t err = ump_chan_map(uc, frame, inlen, outlen, notify, false);

    return err_is_fail(err) ? err_push(err, LIB_ERR_UMP_CHAN_ACCEPT) : err;
}

static void unpark_disabled(struct ump_chan *uc, dispatcher_handle_t handle)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    if (uc->next == NULL)
        return;
    if (uc->next == uc) {
        disp->ump_send_parked = NULL;
    } else {
        uc->next->prev = uc->prev;
        uc->prev->next = uc->next;
        if (disp->ump_send_parked == uc)
            disp->ump_send_parked = uc->next;
    }
    uc->next = uc->prev = NULL;
}

static void park_disabled(struct ump_chan *uc, dispatcher_handle_t handle)
{
    struct ump_chan **list = &get_dispatcher_generic(handle)->ump_send_parked;

    assert(uc->next == NULL);
    ump_chan_awake_disabled(uc, handle); /* somebody looks at it from now on */
    if (*list == NULL) {
        uc->next = uc->prev = uc;
        *list = uc;
        return;
    }
    uc->next = *list;
    uc->prev = (*list)->prev;
    uc->prev->next = uc;
    uc->next->prev = uc;
}

void ump_chan_destroy(struct ump_chan *uc)
{
    ump_checked_destroy(uc);
    if (waitset_chan_is_registered(&uc->recv_waitset))
        ump_chan_deregister_recv(uc);
    if (waitset_chan_is_registered(&uc->send_waitset))
        ump_chan_deregister_send(uc);
    if (uc->frame_addr != NULL) {
        vspace_unmap(uc->frame_addr);
        cap_destroy(uc->frame);
        uc->frame_addr = NULL;
    }
    if (!capref_is_null(uc->notify_cap)) {
        cap_destroy(uc->notify_cap);
        uc->notify_cap = NULL_CAP;
    }
    uc->connstate = UMP_DISCONNECTED;
    idc_connection_close(&uc->connection);
}

/* One notification for each time the peer went to sleep. */
static __attribute__((noinline)) void notify_once(struct ump_chan *uc, uint64_t wake)
{
    if (wake != uc->notified_wake && !capref_is_null(uc->notify_cap)) {
        uc->notified_wake = wake;
        UMP_STEP("notify the peer", NULL);
        disp_count(curdispatcher(), DISP_UMP_WAKEUPS);
        invoke_notify_send(uc->notify_cap);
    }
}

static inline void notify_sleeping_peer(struct ump_chan *uc)
{
    UMP_STEP("look at the peer's wake word", &uc->ring.recv.control->wake);
    const uint64_t wake = ump_ring_peer_wake(&uc->ring);

    if (__builtin_expect(wake & 1, 0))
        notify_once(uc, wake);
}

/* Takes explicit acknowledgements out of the ring; the next line that is not one, or NULL. */
static volatile struct ump_message *skip_acks(struct ump_chan *uc, unsigned *type)
{
    volatile struct ump_message *message;

    while (ump_chan_has_arrived(uc)) {
        message = ump_ring_peek(&uc->ring, type);
        if (message == NULL || *type != UMP_MSGTYPE_ACK)
            return message;
        ump_ring_consume(&uc->ring);
    }
    return NULL;
}

static void send_ack_if_due(struct ump_chan *uc);

static __attribute__((noinline)) void commit_checked(struct ump_chan *uc,
                                                     volatile struct ump_message *message,
                                                     struct ump_control control, unsigned type)
{
    ump_ring_commit(&uc->ring, message, control, type);
    ump_checked_send(uc, message);
    notify_sleeping_peer(uc);
}

static inline void commit_disabled(struct ump_chan *uc, volatile struct ump_message *message,
                                   struct ump_control control, unsigned type)
{
    if (__builtin_expect(uc->checked != NULL, 0)) {
        commit_checked(uc, message, control, type);
        return;
    }
    ump_ring_commit(&uc->ring, message, control, type);
    notify_sleeping_peer(uc);
}

/* Learns what the peer has acknowledged, also behind messages nobody has read yet. */
static __attribute__((noinline)) bool learn_window(struct ump_chan *uc)
{
    unsigned type;

    skip_acks(uc, &type);
    if (uc->checked != NULL)
        ump_checked_harvest(uc);
    else
        ump_ring_harvest_acks(&uc->ring);
    if (ump_ring_window(&uc->ring) > 0)
        return true; /* the message to be sent acknowledges, too */
    send_ack_if_due(uc);
    return false;
}

static inline bool look_for_window(struct ump_chan *uc)
{
    return ump_ring_window(&uc->ring) > 0 || learn_window(uc);
}

static void send_ack_if_due(struct ump_chan *uc)
{
    struct ump_control control;

    if (!ump_ring_ack_due(&uc->ring) || uc->filling)
        return; /* a line being filled will carry it */
    volatile struct ump_message *message = ump_ring_next(&uc->ring, &control, true);
    if (message != NULL) {
        disp_count(curdispatcher(), DISP_UMP_ACKS);
        commit_disabled(uc, message, control, UMP_MSGTYPE_ACK);
    }
}

/* The run upcall looks at channels, too: what changes one is done disabled. */

volatile struct ump_message *ump_chan_get_next(struct ump_chan *uc, struct ump_control *control)
{
    bool was_enabled;
    dispatcher_handle_t handle = disp_try_disable(&was_enabled);
    volatile struct ump_message *message = NULL;

    if (look_for_window(uc)) {
        message = ump_ring_next(&uc->ring, control, false);
        uc->filling = true;
    }
    if (was_enabled)
        disp_enable(handle);
    return message;
}

void ump_chan_commit(struct ump_chan *uc, volatile struct ump_message *message,
                     struct ump_control control, unsigned type)
{
    bool was_enabled;
    dispatcher_handle_t handle = disp_try_disable(&was_enabled);

    disp_count(handle, DISP_UMP_MESSAGES);
    uc->filling = false;
    commit_disabled(uc, message, control, type);
    if (was_enabled)
        disp_enable(handle);
}

errval_t ump_chan_recv(struct ump_chan *uc, volatile struct ump_message **message, unsigned *type)
{
    bool was_enabled;
    dispatcher_handle_t handle = disp_try_disable(&was_enabled);

    *message = uc->checked == NULL ? ump_ring_peek(&uc->ring, type) : NULL;
    if (*message == NULL || *type == UMP_MSGTYPE_ACK)
        *message = skip_acks(uc, type);
    if (*message != NULL)
        ump_chan_prefetch_answer(uc);
    else
        send_ack_if_due(uc); /* an acknowledgement just taken may have opened our window for it */
    if (was_enabled)
        disp_enable(handle);
    if (*message != NULL)
        return SYS_ERR_OK;
    if (!uc->connection.lost)
        return LIB_ERR_NO_UMP_MSG;
    const bool gave_up = uc->checked != NULL && uc->checked->dead;
    return uc->connection.dead || gave_up ? LIB_ERR_CHAN_PEER_DEAD : LIB_ERR_CHAN_PEER_GONE;
}

void ump_chan_recv_done(struct ump_chan *uc)
{
    bool was_enabled;
    dispatcher_handle_t handle = disp_try_disable(&was_enabled);

    ump_ring_consume(&uc->ring);
    if (__builtin_expect(ump_ring_ack_due(&uc->ring), 0))
        send_ack_if_due(uc);
    if (was_enabled)
        disp_enable(handle);
}

/* ---- several lines at once ---- */

#define LINES_AT_ONCE 32 /* so long upcalls may have to wait */
#define LINE_PAYLOAD (UMP_PAYLOAD_WORDS * sizeof(uint64_t))

static size_t lines_at_once(const struct ump_chan *uc, size_t count)
{
    if (uc->checked != NULL)
        return 0;
    return count < LINES_AT_ONCE ? count : LINES_AT_ONCE;
}

size_t ump_chan_send_lines(struct ump_chan *uc, unsigned type, const void *payload, size_t count)
{
    const uint8_t *from = payload;
    dispatcher_handle_t handle = disp_disable();
    const size_t most = lines_at_once(uc, count);
    volatile struct ump_message *line;
    struct ump_control control;
    size_t lines = 0;

    while (lines < most && (line = ump_ring_next(&uc->ring, &control, false)) != NULL) {
#pragma GCC unroll 7
        for (unsigned w = 0; w < UMP_PAYLOAD_WORDS; w++) {
            uint64_t word;
            memcpy(&word, from + 8ul * w, sizeof(word));
            line->data[w] = word;
        }
        ump_ring_commit(&uc->ring, line, control, type);
        from += LINE_PAYLOAD;
        lines++;
    }
    disp_count_more(handle, DISP_UMP_MESSAGES, lines);
    if (lines > 0 && !UMP_SLEEP_LEAVES_OUT(LOOK_AFTER_LINES))
        notify_sleeping_peer(uc); /* after the last of them: it may have slept since the first */
    disp_enable(handle);
    return lines;
}

size_t ump_chan_recv_lines(struct ump_chan *uc, unsigned type, void *payload, size_t count)
{
    uint8_t *to = payload;
    dispatcher_handle_t handle = disp_disable();
    const size_t most = lines_at_once(uc, count);
    volatile struct ump_message *line;
    size_t lines = 0;
    unsigned arrived;

    while (lines < most && (line = ump_ring_peek(&uc->ring, &arrived)) != NULL && arrived == type) {
#pragma GCC unroll 7
        for (unsigned w = 0; w < UMP_PAYLOAD_WORDS; w++) {
            const uint64_t word = line->data[w];
            memcpy(to + 8ul * w, &word, sizeof(word));
        }
        ump_ring_consume(&uc->ring);
        if (ump_ring_ack_due(&uc->ring))
            send_ack_if_due(uc);
        to += LINE_PAYLOAD;
        lines++;
    }
    disp_enable(handle);
    return lines;
}

bool ump_chan_can_send(struct ump_chan *uc)
{
    bool was_enabled;
    dispatcher_handle_t handle = disp_try_disable(&was_enabled);
    bool can = look_for_window(uc);

    if (was_enabled)
        disp_enable(handle);
    return can;
}

bool ump_chan_can_recv(struct ump_chan *uc)
{
    volatile struct ump_message *message;
    unsigned type;

    return err_is_ok(ump_chan_recv(uc, &message, &type));
}

errval_t ump_chan_register_recv(struct ump_chan *uc, struct waitset *ws,
                                struct event_closure closure)
{
    dispatcher_handle_t handle = disp_disable();
    errval_t err;

    if (ump_ring_has_line(&uc->ring) && ump_chan_can_recv(uc))
        err = waitset_chan_trigger_closure_disabled(ws, &uc->recv_waitset, closure, handle);
    else
        err = waitset_chan_register_polled_disabled(ws, &uc->recv_waitset, closure, handle);
    disp_enable(handle);
    idc_connection_registered(&uc->connection);
    return err_is_fail(err) ? err_push(err, LIB_ERR_CHAN_REGISTER_RECV) : err;
}

/* If the event is not urgent, the next round of polling finds it. */
static void attend_disabled(struct ump_chan *uc, dispatcher_handle_t handle)
{
    send_ack_if_due(uc);
    if (ump_chan_event_is_urgent(uc) &&
        (uc->connection.lost || (ump_ring_has_line(&uc->ring) && ump_chan_can_recv(uc))))
        (void)waitset_chan_trigger_disabled(&uc->recv_waitset, handle);
}

errval_t ump_chan_listen(struct ump_chan *uc, struct waitset *ws, struct event_closure closure)
{
    dispatcher_handle_t handle = disp_disable();
    errval_t err =
        waitset_chan_register_holding_disabled(ws, &uc->recv_waitset, closure, CHAN_POLLED, handle);

    if (err_is_ok(err))
        attend_disabled(uc, handle);
    disp_enable(handle);
    return err_is_fail(err) ? err_push(err, LIB_ERR_CHAN_REGISTER_RECV) : err;
}

void ump_chan_attend(struct ump_chan *uc)
{
    dispatcher_handle_t handle = curdispatcher();

    assert(disp_is_disabled(handle));
    attend_disabled(uc, handle);
    disp_enable(handle);
}

errval_t ump_chan_deregister_recv(struct ump_chan *uc)
{
    return waitset_chan_deregister(&uc->recv_waitset);
}

errval_t ump_chan_register_send(struct ump_chan *uc, struct waitset *ws,
                                struct event_closure closure)
{
    dispatcher_handle_t handle = disp_disable();
    errval_t err;

    if (ump_chan_can_send(uc)) {
        err = waitset_chan_trigger_closure_disabled(ws, &uc->send_waitset, closure, handle);
    } else {
        err = waitset_chan_register_disabled(ws, &uc->send_waitset, closure, handle);
        if (err_is_ok(err))
            park_disabled(uc, handle);
    }
    disp_enable(handle);
    return err_is_fail(err) ? err_push(err, LIB_ERR_CHAN_REGISTER_SEND) : err;
}

errval_t ump_chan_deregister_send(struct ump_chan *uc)
{
    bool was_enabled;
    dispatcher_handle_t handle = disp_try_disable(&was_enabled);
    errval_t err = waitset_chan_deregister_disabled(&uc->send_waitset, handle);

    unpark_disabled(uc, handle);
    if (was_enabled)
        disp_enable(handle);
    return err;
}

void ump_chan_migrate_recv(struct ump_chan *uc, struct waitset *ws)
{
    waitset_chan_migrate(&uc->recv_waitset, ws);
}

void ump_chan_migrate_send(struct ump_chan *uc, struct waitset *ws)
{
    waitset_chan_migrate(&uc->send_waitset, ws);
}

bool ump_endpoint_poll(struct waitset_chanstate *chan)
{
    struct ump_chan *uc = chan->arg;

    if (!ump_ring_has_line(&uc->ring) || !ump_chan_has_arrived(uc))
        return false;
    if (ump_ring_next_type(&uc->ring) != UMP_MSGTYPE_ACK && !ump_ring_ack_due(&uc->ring)) {
        ump_chan_prefetch_answer(uc);
        return true;
    }
    bool found = ump_chan_can_recv(uc);

    /* It could not be sent when it became due, if our own window was closed. */
    send_ack_if_due(uc);
    return found;
}

void ump_channels_retry_send_disabled(dispatcher_handle_t handle)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    struct ump_chan *uc = disp->ump_send_parked;

    if (uc == NULL)
        return;
    for (struct ump_chan *last = uc->prev, *next; disp->ump_send_parked != NULL; uc = next) {
        bool end = uc == last;

        next = uc->next;
        /* of a channel that does not listen any more, only a goodbye is sent: to nobody, if the
         * peer is lost */
        bool in_vain = uc->connection.lost && !waitset_chan_is_registered(&uc->recv_waitset);
        if (in_vain || ump_chan_can_send(uc)) {
            unpark_disabled(uc, handle);
            errval_t err = waitset_chan_trigger_disabled(&uc->send_waitset, handle);
            assert(err_is_ok(err));
            (void)err;
        }
        if (end)
            break;
    }
}
