/* SPDX-License-Identifier: MIT
 *
 * Checked UMP channels (states and steps: docs/ump-checked.md).
 *
 * The ring code works on private lines of the same shape as the rings (`mirror`).  What it
 * commits is copied to the ring with a check; what arrives is copied from the ring if the check
 * passes.  For each message that is all.  Everything else happens when the dispatcher gets the
 * core, and before it sleeps: looking for questions and answers in control words that have
 * changed, time-outs, and acknowledgements that nothing else has carried.
 *
 * All of this runs disabled and must not allocate, except to make a channel.
 */
#include <barrelfish/ump_chan.h>

#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <barrelfish/dispatcher.h>

#include "../ring/ump_checked_priv.h"

/* Of the control word; the check has the bits above. */
#define QUESTION (1ull << 32)
#define ANSWER (1ull << 33)

/* ---- lines ---- */

/* The line of the ring to which this private one belongs. */
static volatile struct ump_message *in_ring(const struct ump_chan_state *state,
                                            volatile struct ump_message *mine)
{
    return (volatile struct ump_message *)((uintptr_t)mine - (uintptr_t)state->mirror);
}

/* The line that lies `count` before the next one. */
static volatile struct ump_message *lines_back(const struct ump_chan_state *state, unsigned count)
{
    unsigned next = (unsigned)(state->next - state->buf);

    return &state->buf[next >= count ? next - count : next + state->lines - count];
}

/* Copies a private line to the ring, payload first. */
static inline __attribute__((always_inline)) void transmit(const struct ump_chan *uc,
                                                           volatile struct ump_message *mine,
                                                           uint64_t sequence, uint64_t marks)
{
    volatile struct ump_message *line = in_ring(&uc->ring.send, mine);
    const uint64_t control = (uint32_t)mine->control;
    const uint64_t whole = control | marks | ump_checked_copy(mine, line, sequence, control) << 34;

    mine->control = whole;
    __atomic_store_n(&line->control, whole, __ATOMIC_RELEASE);
}

void ump_checked_send(struct ump_chan *uc, volatile struct ump_message *mine)
{
    transmit(uc, mine, ++uc->checked->sent, 0);
}

/* Does a line of the other ring pass, with this control word? */
static bool passes(const volatile struct ump_message *line, uint64_t sequence, uint64_t control)
{
    return ump_checked_copy(line, NULL, sequence, control) == control >> 34;
}

bool ump_checked_take(struct ump_chan *uc)
{
    return ump_checked_has_taken(&uc->ring) ||
           (ump_ring_has_line(&uc->ring) && ump_checked_take_line(uc, crc32c_in_hardware) != 0);
}

void ump_checked_harvest(struct ump_chan *uc)
{
    struct ump_chan_state look = uc->ring.recv;
    uint64_t sequence = uc->checked->taken + (ump_checked_has_taken(&uc->ring) ? 0 : 1);

    for (unsigned i = 0; i < look.lines; i++, sequence++) {
        const uint64_t control = __atomic_load_n(&look.next->control, __ATOMIC_ACQUIRE);

        if (UMP_CONTROL_EPOCH(control) != look.epoch || !passes(look.next, sequence, control))
            return;
        ump_ring_note_ack(&uc->ring, UMP_CONTROL_ACK(control));
        ump_ring_advance(&look);
    }
}

/* ---- asking and answering ---- */

/* Whether or not its wake word was used before: that notification may be lost. */
static void wake_peer(struct ump_chan *uc)
{
    const uint64_t wake = ump_ring_peer_wake(&uc->ring);

    if ((wake & 1) && !capref_is_null(uc->notify_cap)) {
        uc->notified_wake = wake;
        disp_count(curdispatcher(), DISP_UMP_WAKEUPS);
        invoke_notify_send(uc->notify_cap);
    }
}

/* A line that only acknowledges, if there is room. */
static bool send_ack(struct ump_chan *uc)
{
    struct ump_control control;
    volatile struct ump_message *mine =
        uc->filling ? NULL : ump_ring_next(&uc->ring, &control, true);

    if (mine == NULL)
        return false;
    ump_ring_commit(&uc->ring, mine, control, UMP_MSGTYPE_ACK);
    ump_checked_send(uc, mine);
    return true;
}

/* Writes what is not acknowledged, or else the last line, once more: with the present
 * acknowledgement. */
static void write_again(struct ump_chan *uc, uint64_t flip)
{
    const struct ump_checked *checked = uc->checked;
    const unsigned in_flight = ump_ring_in_flight(&uc->ring);
    const uint16_t ack = UMP_LEAVES_OUT(NEW_ACK) ? uc->ring.last_ack : uc->ring.seq_id;

    if (UMP_LEAVES_OUT(AGAIN))
        return;
    for (unsigned back = in_flight > 0 ? in_flight : 1; back > 0 && back <= checked->sent; back--) {
        volatile struct ump_message *mine =
            ump_ring_mine(&uc->ring.send, lines_back(&uc->ring.send, back));
        const uint64_t was = mine->control;

        mine->control = UMP_CONTROL(UMP_CONTROL_EPOCH(was), UMP_CONTROL_TYPE(was), ack);
        transmit(uc, mine, checked->sent - back + 1, (was & (QUESTION | ANSWER)) ^ flip);
        if (flip == QUESTION)
            disp_count(curdispatcher(), DISP_UMP_RETRANSMITS);
    }
    uc->ring.last_ack = ack;
    wake_peer(uc);
}

static void answer(struct ump_chan *uc)
{
    if (uc->checked->sent > 0)
        write_again(uc, ANSWER);
    else if (send_ack(uc))
        wake_peer(uc);
}

/* Was this line, which we have copied, written again since?  True: it asks. */
static bool was_asked(struct ump_chan *uc, volatile struct ump_message *line, uint64_t sequence)
{
    volatile struct ump_message *mine = ump_ring_mine(&uc->ring.recv, line);
    const uint64_t control = __atomic_load_n(&line->control, __ATOMIC_ACQUIRE);
    const uint64_t changed = control ^ mine->control;

    if (changed == 0 || UMP_LEAVES_OUT(LOOK_BACK) || !passes(line, sequence, control))
        return false;
    mine->control = control;
    ump_ring_note_ack(&uc->ring, UMP_CONTROL_ACK(control));
    uc->checked->tries = 0;
    return (changed & QUESTION) != 0;
}

/* Looks at the line we were done with last, and at one that waits to be read. */
static bool look(struct ump_chan *uc)
{
    const bool waits = ump_checked_take(uc);
    const uint64_t done = uc->checked->taken - (waits ? 1 : 0);
    bool asked = false;

    if (waits)
        asked = was_asked(uc, uc->ring.recv.next, done + 1);
    if (done > 0 && was_asked(uc, lines_back(&uc->ring.recv, 1), done))
        asked = true;
    return asked;
}

/* Is one of the last `count` private lines of that ring more than an acknowledgement? */
static bool has_message(const struct ump_chan_state *state, unsigned count)
{
    for (unsigned back = 1; back <= count; back++) {
        const uint64_t control = ump_ring_mine(state, lines_back(state, back))->control;

        if (UMP_CONTROL_TYPE(control) != UMP_MSGTYPE_ACK)
            return true;
    }
    return false;
}

static bool is_owed(const struct ump_chan *uc)
{
    return has_message(&uc->ring.send, ump_ring_in_flight(&uc->ring));
}

static void give_up(struct ump_chan *uc, dispatcher_handle_t handle)
{
    uc->checked->dead = true;
    uc->checked->timeout = 0;
    uc->connection.lost = true;
    /* fails if nobody listens, or if the event is coming already: then the next registration sees
     * it */
    (void)waitset_chan_trigger_disabled(&uc->recv_waitset, handle);
}

static void begin_series(struct ump_chan *uc, systime_t now)
{
    uc->checked->known = uc->ring.ack_id;
    uc->checked->tries = 0;
    uc->checked->timeout = now + UMP_TIMEOUT_NS;
}

static void check_timeout(struct ump_chan *uc, systime_t now, dispatcher_handle_t handle)
{
    struct ump_checked *checked = uc->checked;

    if (checked->timeout == 0) {
        if (is_owed(uc))
            begin_series(uc, now);
        return;
    }
    if (now < checked->timeout)
        return;
    ump_checked_harvest(uc);
    if (!is_owed(uc)) {
        checked->timeout = 0;
    } else if (uc->ring.ack_id != checked->known) {
        begin_series(uc, now);
    } else if (++checked->tries > checked->tries_max) {
        give_up(uc, handle);
    } else {
        const unsigned doublings =
            checked->tries < UMP_TIMEOUT_DOUBLINGS ? checked->tries : UMP_TIMEOUT_DOUBLINGS;

        checked->timeout = now + (UMP_TIMEOUT_NS << doublings);
        write_again(uc, QUESTION);
    }
}

static void serve(struct ump_chan *uc, systime_t now, bool sleeps, dispatcher_handle_t handle)
{
    const struct ump_ring_pair *ring = &uc->ring;

    if (look(uc))
        answer(uc);
    if (ump_ring_in_flight(ring) > 0 || uc->checked->timeout != 0)
        check_timeout(uc, now, handle);
    if (sleeps && has_message(&ring->recv, (uint16_t)(ring->seq_id - ring->last_ack)))
        (void)send_ack(uc); /* the peer has a timer, and looks then */
}

void ump_checked_serve_disabled(dispatcher_handle_t handle, bool sleeps)
{
    const systime_t now = get_dispatcher_shared(handle)->systime;
    struct ump_checked *checked = get_dispatcher_generic(handle)->ump_checked;

    for (; checked != NULL; checked = checked->next)
        if (!checked->dead)
            serve(checked->channel, now, sleeps, handle);
}

systime_t ump_checked_next_timeout(dispatcher_handle_t handle)
{
    const struct ump_checked *checked = get_dispatcher_generic(handle)->ump_checked;
    systime_t first = 0;

    for (; checked != NULL; checked = checked->next)
        if (checked->timeout != 0 && (first == 0 || checked->timeout < first))
            first = checked->timeout;
    return first;
}

/* ---- life ---- */

/* Private lines for a ring: the memory begins there; returns where the next may. */
static char *give_lines(struct ump_chan_state *state, char *memory)
{
    state->mirror = memory - (char *)(uintptr_t)state->buf;
    state->mine = ump_ring_mine(state, state->buf);
    return memory + (size_t)state->lines * UMP_LINE_BYTES;
}

errval_t ump_chan_make_checked(struct ump_chan *uc, unsigned tries)
{
    struct ump_ring_pair *ring = &uc->ring;
    const size_t lines = (size_t)ring->send.lines + ring->recv.lines;
    struct ump_checked *checked = calloc(1, sizeof(*checked));
    void *memory = calloc(lines + 1, UMP_LINE_BYTES);

    assert(uc->checked == NULL && ring->sent_id == 0 && ring->seq_id == 0);
    if (checked == NULL || memory == NULL) {
        free(checked);
        free(memory);
        return LIB_ERR_MALLOC_FAIL;
    }
    crc32c_init();
    *checked = (struct ump_checked){ .tries_max = tries, .channel = uc, .memory = memory };
    char *aligned =
        (char *)(((uintptr_t)memory + UMP_LINE_BYTES - 1) & ~(uintptr_t)(UMP_LINE_BYTES - 1));
    (void)give_lines(&ring->recv, give_lines(&ring->send, aligned));
    uc->checked = checked;
    uc->recv_waitset.checked = true;
    uc->recv_waitset.by_table = !crc32c_in_hardware;

    bool was_enabled;
    dispatcher_handle_t handle = disp_try_disable(&was_enabled);
    struct ump_checked **list = &get_dispatcher_generic(handle)->ump_checked;
    checked->next = *list;
    checked->link = list;
    if (checked->next != NULL)
        checked->next->link = &checked->next;
    *list = checked;
    get_dispatcher_generic(handle)->ump_looks_again = true;
    if (was_enabled)
        disp_enable(handle);
    return SYS_ERR_OK;
}

void ump_checked_destroy(struct ump_chan *uc)
{
    struct ump_checked *checked = uc->checked;
    bool was_enabled;

    if (checked == NULL)
        return;
    dispatcher_handle_t handle = disp_try_disable(&was_enabled);
    *checked->link = checked->next;
    if (checked->next != NULL)
        checked->next->link = checked->link;
    uc->checked = NULL;
    uc->recv_waitset.checked = uc->recv_waitset.by_table = false;
    if (was_enabled)
        disp_enable(handle);
    free(checked->memory);
    free(checked);
}
