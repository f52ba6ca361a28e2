/* SPDX-License-Identifier: MIT
 *
 * UMP channels: events, parked senders, acknowledgements in the background, notification of a
 * sleeping peer (DESIGN §5).
 */
/* link: guest/user/lib/barrelfish/channels/connection.c */
/* link: guest/user/lib/barrelfish/channels/ump_chan.c guest/user/lib/barrelfish/ring/ump_ring.c */
/* link: guest/user/lib/barrelfish/channels/ump_checked.c guest/user/lib/barrelfish/ring/crc32c.c */
/* link: guest/user/lib/barrelfish/ring/ump_check.c */
/* link: guest/user/lib/barrelfish/channels/ump_sleep.c */
/* link: guest/user/lib/barrelfish/events/waitset.c guest/user/lib/barrelfish/events/waitset_chan.c */
#include "fake_dispatcher.h"

#include <barrelfish/barrelfish.h>
#include <barrelfish/monitor_client.h>

#define LINES (DEFAULT_UMP_BUFLEN / UMP_LINE_BYTES - 1)
#define WINDOW (LINES - 2)
#define TYPE UMP_MSGTYPE_FIRST_USER

static char memory[2][DEFAULT_UMP_BUFLEN] __attribute__((aligned(64)));
static struct ump_chan a, b;
static struct waitset ws;
static unsigned notifications, fired;

/* ---- what the channel calls ---- */

void disp_check_unpolled_disabled(dispatcher_handle_t handle)
{
    ump_channels_retry_send_disabled(handle);
}

void disp_check_events_disabled(dispatcher_handle_t handle)
{
    disp_check_unpolled_disabled(handle);
    poll_channels_disabled(handle);
}

struct sysret sys_invoke_raw(uint64_t rsi, uint64_t rdx, const uintptr_t *words)
{
    (void)rdx;
    cr_assert_eq(rsi >> 32, 0x777, "the peer's notification capability");
    cr_assert_eq(words[0], NotifyCmd_Send);
    notifications++;
    return SYSRET(SYS_ERR_OK);
}

errval_t vspace_map_one_frame_attr(void **ret, size_t bytes, struct capref frame,
                                   vregion_flags_t flags, struct memobj **memobj,
                                   struct vregion **vregion)
{
    (void)flags, (void)frame, (void)memobj, (void)vregion;
    cr_assert_eq(bytes, sizeof(memory));
    *ret = memory;
    return SYS_ERR_OK;
}

errval_t vspace_unmap(const void *buf)
{
    cr_assert_eq(buf, (void *)memory);
    return SYS_ERR_OK;
}

errval_t cap_destroy(struct capref cap)
{
    (void)cap;
    return SYS_ERR_OK;
}

static unsigned closed_count;
static uintptr_t closed_id;

static void connection_closed(uintptr_t monitor_id)
{
    closed_count++;
    closed_id = monitor_id;
}

static void set_up(void)
{
    struct capref notify = { .cnode = CNODE_L2(7), .slot = 0x77 };

    fake_reset();
    memset(memory, 0, sizeof(memory));
    fake_core_state.connections.closed = connection_closed;
    waitset_init(&ws);
    notifications = fired = 0;
    cr_assert(err_is_ok(
        ump_chan_map(&a, NULL_CAP, DEFAULT_UMP_BUFLEN, DEFAULT_UMP_BUFLEN, notify, true)));
    cr_assert(
        err_is_ok(ump_chan_accept(&b, NULL_CAP, DEFAULT_UMP_BUFLEN, DEFAULT_UMP_BUFLEN, notify)));
}

static void fire(void *arg)
{
    (void)arg;
    fired++;
}

static bool send(struct ump_chan *uc, uint64_t value)
{
    struct ump_control control;
    volatile struct ump_message *message = ump_chan_get_next(uc, &control);

    if (message == NULL)
        return false;
    message->data[0] = value;
    ump_chan_commit(uc, message, control, TYPE);
    return true;
}

static bool receive(struct ump_chan *uc, uint64_t *value)
{
    volatile struct ump_message *message;
    unsigned type;

    if (err_is_fail(ump_chan_recv(uc, &message, &type)))
        return false;
    cr_assert_eq(type, TYPE, "acknowledgements are not handed out");
    *value = message->data[0];
    ump_chan_recv_done(uc);
    return true;
}

#define OK(err) cr_assert(err_is_ok(err))

TestSuite(ump_chan, .init = set_up, .timeout = 60);

Test(ump_chan, initiators_incoming_half_comes_first)
{
    cr_assert(send(&a, 5));
    cr_assert_eq(((volatile uint64_t *)memory[1])[0], 5);
    cr_assert(send(&b, 6));
    cr_assert_eq(((volatile uint64_t *)memory[0])[0], 6);
}

Test(ump_chan, one_way_traffic_never_stops_for_want_of_acks)
{
    uint64_t value;

    for (uint64_t i = 0; i < 10000; i++) {
        cr_assert(send(&a, i));
        cr_assert(receive(&b, &value));
        cr_assert_eq(value, i);
    }
    cr_assert(!receive(&a, &value));
}

Test(ump_chan, receive_event_fires_at_once_or_when_polled)
{
    uint64_t value;

    OK(ump_chan_register_recv(&b, &ws, MKCLOSURE(fire, NULL)));
    cr_assert_eq(err_no(event_dispatch_non_block(&ws)), LIB_ERR_NO_EVENT);
    cr_assert(send(&a, 1));
    OK(event_dispatch(&ws));
    cr_assert_eq(fired, 1);
    OK(ump_chan_register_recv(&b, &ws, MKCLOSURE(fire, NULL))); /* still unread */
    OK(event_dispatch(&ws));
    cr_assert_eq(fired, 2);
    cr_assert(receive(&b, &value));
}

/* ---- several lines at once ---- */

#define MANY 40

struct traffic {
    unsigned random;
    uint64_t sent, received; /* words */
};

static unsigned draw(struct traffic *t, unsigned below)
{
    t->random = t->random * 1103515245u + 12345u;
    return (t->random >> 16) % below;
}

/* Whole lines of increasing words, one by one or several at once, from an odd address. */
static void send_words(struct traffic *t)
{
    char memory[MANY * UMP_PAYLOAD_WORDS * 8 + 1];
    const size_t count = draw(t, MANY + 1);

    if (draw(t, 2) == 0) {
        struct ump_control control;
        volatile struct ump_message *line = ump_chan_get_next(&a, &control);
        for (unsigned w = 0; line != NULL && w < UMP_PAYLOAD_WORDS; w++)
            line->data[w] = t->sent++;
        if (line != NULL)
            ump_chan_commit(&a, line, control, TYPE);
        return;
    }
    for (size_t i = 0; i < count * UMP_PAYLOAD_WORDS; i++) {
        const uint64_t word = t->sent + i;
        memcpy(memory + 1 + 8 * i, &word, 8);
    }
    const unsigned window = ump_ring_window(&a.ring);
    const size_t lines = ump_chan_send_lines(&a, TYPE, memory + 1, count);
    cr_assert_eq(lines, count < window ? count : window);
    t->sent += lines * UMP_PAYLOAD_WORDS;
}

static void receive_words(struct traffic *t)
{
    char memory[MANY * UMP_PAYLOAD_WORDS * 8 + 1];
    const size_t count = draw(t, MANY + 1);
    volatile struct ump_message *line;
    unsigned type;

    if (draw(t, 2) == 0) {
        if (err_is_fail(ump_chan_recv(&b, &line, &type)))
            return;
        for (unsigned w = 0; w < UMP_PAYLOAD_WORDS; w++)
            cr_assert_eq(line->data[w], t->received++);
        ump_chan_recv_done(&b);
        return;
    }
    cr_assert_eq(ump_chan_recv_lines(&b, TYPE + 1, memory + 1, count), 0, "of another type");
    const size_t lines = ump_chan_recv_lines(&b, TYPE, memory + 1, count);
    for (size_t i = 0; i < lines * UMP_PAYLOAD_WORDS; i++) {
        uint64_t word;
        memcpy(&word, memory + 1 + 8 * i, 8);
        cr_assert_eq(word, t->received++);
    }
}

Test(ump_chan, lines_at_once_and_lines_one_by_one_are_the_same)
{
    struct traffic t = { .random = 1 };

    for (unsigned step = 0; step < 20000; step++) {
        if (draw(&t, 2) == 0)
            send_words(&t);
        else
            receive_words(&t);
        uint64_t value;
        if (draw(&t, 8) == 0)
            cr_assert(!receive(&a, &value), "acknowledgements only");
    }
    cr_assert_gt(t.received, 100000);
    while (t.received < t.sent)
        receive_words(&t);
}

/* ---- listening for good ---- */

static uint64_t taken[64];

static void take(void *arg)
{
    struct ump_chan *uc = arg;
    unsigned type;
    volatile struct ump_message *message = ump_chan_take_line(uc, &type);

    if (message != NULL)
        taken[fired++] = message->data[0];
    cr_assert(ump_chan_listen_again(uc, message != NULL));
}

Test(ump_chan, listening_channel_hears_every_message_once)
{
    uint64_t value;

    OK(ump_chan_listen(&b, &ws, MKCLOSURE(take, &b)));
    for (uint64_t round = 0; round < 1000; round++) {
        unsigned count = 1 + round % 5;

        fired = 0;
        for (unsigned i = 0; i < count; i++)
            cr_assert(send(&a, round + i));
        for (unsigned i = 0; i < count; i++) {
            OK(event_dispatch(&ws));
            cr_assert_eq(fired, i + 1);
            cr_assert_eq(taken[i], round + i);
        }
        cr_assert_eq(err_no(event_dispatch_non_block(&ws)), LIB_ERR_NO_EVENT);
        cr_assert_eq(fired, count);
    }
    cr_assert(!receive(&a, &value));
    cr_assert_geq(ump_ring_window(&a.ring), WINDOW - LINES / 2, "they were acknowledged");
}

Test(ump_chan, line_that_is_not_done_comes_again)
{
    OK(ump_chan_listen(&b, &ws, MKCLOSURE(fire, NULL)));
    cr_assert(send(&a, 1));
    for (unsigned i = 1; i <= 3; i++) {
        OK(event_dispatch(&ws));
        cr_assert_eq(fired, i);
        cr_assert_eq(err_no(event_dispatch_non_block(&ws)), LIB_ERR_NO_EVENT, "held");
        cr_assert(ump_chan_listen_again(&b, false));
    }
}

Test(ump_chan, listening_channel_joins_events_that_would_come_before_it)
{
    struct waitset_chanstate other;

    waitset_chanstate_init(&other, CHANTYPE_OTHER);
    OK(ump_chan_listen(&b, &ws, MKCLOSURE(fire, NULL)));
    cr_assert(send(&a, 1));
    OK(event_dispatch(&ws));
    OK(waitset_chan_trigger_closure(&ws, &other, MKCLOSURE(fire, NULL)));
    cr_assert(ump_chan_listen_again(&b, false));
    cr_assert_eq(b.recv_waitset.state, CHAN_PENDING);
    OK(event_dispatch(&ws));
    cr_assert_eq(b.recv_waitset.state, CHAN_PENDING, "the other was first");
    OK(event_dispatch(&ws));
    cr_assert(ump_chan_listen_again(&b, false));
    cr_assert_eq(b.recv_waitset.state, CHAN_POLLED, "polling will find it");
}

Test(ump_chan, acknowledgement_that_is_due_is_sent_when_listening_again)
{
    uint64_t value;

    OK(ump_chan_listen(&b, &ws, MKCLOSURE(take, &b)));
    for (unsigned i = 0; i < LINES / 2; i++) {
        cr_assert_eq(ump_ring_window(&a.ring), WINDOW - i);
        cr_assert(send(&a, i));
        OK(event_dispatch(&ws));
    }
    cr_assert(!receive(&a, &value));
    cr_assert_eq(ump_ring_window(&a.ring), WINDOW);
}

Test(ump_chan, channel_that_left_its_waitset_does_not_listen_again)
{
    uint64_t value;

    OK(ump_chan_listen(&b, &ws, MKCLOSURE(fire, NULL)));
    cr_assert(!ump_chan_listen_again(&b, true), "no event was taken");
    cr_assert(send(&a, 1));
    OK(event_dispatch(&ws));
    OK(ump_chan_deregister_recv(&b));
    cr_assert(!ump_chan_listen_again(&b, true));
    cr_assert(!disp_is_disabled(curdispatcher()));
    cr_assert(receive(&b, &value), "the line is still there");
}

Test(ump_chan, held_channel_asks_for_no_notification)
{
    OK(ump_chan_listen(&b, &ws, MKCLOSURE(fire, NULL)));
    cr_assert(send(&a, 1));
    OK(event_dispatch(&ws));
    b.never_sleep = true; /* no reason to stay awake either */
    disp_disable();
    cr_assert(ump_channels_arm_disabled(curdispatcher()));
    ump_channels_disarm_disabled(curdispatcher());
    b.never_sleep = false;
    cr_assert(ump_channels_arm_disabled(curdispatcher()));
    disp_enable(curdispatcher());
    cr_assert(send(&a, 2));
    cr_assert_eq(notifications, 0);
}

Test(ump_chan, held_channel_that_is_lost_says_so_when_it_listens)
{
    volatile struct ump_message *message;
    unsigned type;

    idc_connection_open(&b.connection, 5, &b.recv_waitset);
    OK(ump_chan_listen(&b, &ws, MKCLOSURE(take, &b)));
    cr_assert(send(&a, 1));
    OK(ump_chan_deregister_recv(&b));
    OK(ump_chan_listen(&b, &ws, MKCLOSURE(fire, NULL)));
    OK(event_dispatch(&ws)); /* held */
    idc_connection_lost(5, false);
    cr_assert_eq(err_no(event_dispatch_non_block(&ws)), LIB_ERR_NO_EVENT);
    OK(ump_chan_recv(&b, &message, &type));
    cr_assert(ump_chan_listen_again(&b, true));
    OK(event_dispatch_non_block(&ws));
    cr_assert_eq(fired, 2);
    cr_assert_eq(err_no(ump_chan_recv(&b, &message, &type)), LIB_ERR_CHAN_PEER_GONE);
}

Test(ump_chan, acknowledgements_alone_fire_nothing)
{
    uint64_t value;

    for (unsigned i = 0; i < LINES / 2; i++) {
        cr_assert(send(&a, i));
        cr_assert(receive(&b, &value));
    }
    cr_assert(ump_ring_has_line(&a.ring), "the explicit ack");
    OK(ump_chan_register_recv(&a, &ws, MKCLOSURE(fire, NULL)));
    cr_assert_eq(err_no(event_dispatch_non_block(&ws)), LIB_ERR_NO_EVENT);
    cr_assert(!ump_ring_has_line(&a.ring), "polling took it");
}

Test(ump_chan, parked_sender_goes_on_when_the_window_opens)
{
    uint64_t value;
    unsigned sent = 0;

    while (send(&a, sent))
        sent++;
    cr_assert_eq(sent, WINDOW);
    OK(ump_chan_register_send(&a, &ws, MKCLOSURE(fire, NULL)));
    cr_assert_eq(err_no(event_dispatch_non_block(&ws)), LIB_ERR_NO_EVENT);
    cr_assert(fake_disp()->ump_send_parked == &a);
    for (unsigned i = 0; i < LINES / 2; i++)
        cr_assert(receive(&b, &value));
    OK(event_dispatch(&ws));
    cr_assert_eq(fired, 1);
    cr_assert_null(fake_disp()->ump_send_parked);
    cr_assert(send(&a, sent));
}

Test(ump_chan, register_send_with_an_open_window_fires_at_once)
{
    OK(ump_chan_register_send(&a, &ws, MKCLOSURE(fire, NULL)));
    OK(event_dispatch(&ws));
    cr_assert_eq(fired, 1);
}

Test(ump_chan, acks_are_seen_behind_messages_nobody_has_read)
{
    uint64_t value;

    while (send(&a, 1)) {
    }
    cr_assert(send(&b, 7)); /* acknowledges nothing yet */
    for (int i = 0; i < 5; i++)
        cr_assert(receive(&b, &value));
    cr_assert(send(&b, 8)); /* acknowledges five */
    for (int i = 0; i < 5; i++)
        cr_assert(send(&a, 1));
    cr_assert(!send(&a, 1));
    cr_assert(receive(&a, &value));
    cr_assert_eq(value, 7);
}

Test(ump_chan, ack_that_found_no_line_is_sent_later)
{
    uint64_t value;

    while (send(&a, 1)) {
    }
    while (send(&b, 2)) {
    }
    while (receive(&b, &value)) { /* half way, an ack goes out in the line that is kept */
    }
    while (send(&a, 1)) { /* it has opened a's window */
    }
    while (receive(&b, &value)) { /* the next one is due, but there is no line */
    }
    cr_assert(ump_ring_ack_due(&b.ring));
    cr_assert(!send(&a, 1));
    for (unsigned i = 0; i < LINES / 2; i++) /* b's window opens */
        cr_assert(receive(&a, &value));
    OK(ump_chan_register_recv(&b, &ws, MKCLOSURE(fire, NULL)));
    cr_assert_eq(err_no(event_dispatch_non_block(&ws)), LIB_ERR_NO_EVENT);
    cr_assert(!ump_ring_ack_due(&b.ring), "polling sends what is due");
    cr_assert(send(&a, 1));
}

Test(ump_chan, no_ack_slips_into_a_line_that_is_being_filled)
{
    struct ump_control control;
    volatile struct ump_message *message;
    uint64_t value;

    for (unsigned i = 0; i < LINES / 2 - 1; i++) {
        cr_assert(send(&a, 1));
        cr_assert(receive(&b, &value));
    }
    message = ump_chan_get_next(&b, &control);
    message->data[0] = 42;
    cr_assert(send(&a, 1));
    cr_assert(receive(&b, &value)); /* an ack is due now */
    ump_chan_commit(&b, message, control, TYPE);
    cr_assert(receive(&a, &value));
    cr_assert_eq(value, 42);
    cr_assert_eq(ump_ring_window(&a.ring), WINDOW);
}

Test(ump_chan, sleeping_peer_is_notified_once_for_each_sleep)
{
    uint64_t value;

    OK(ump_chan_register_recv(&b, &ws, MKCLOSURE(fire, NULL)));
    cr_assert(send(&a, 1));
    cr_assert_eq(notifications, 0, "nobody sleeps");
    OK(event_dispatch(&ws));
    cr_assert(receive(&b, &value));
    for (unsigned sleep = 1; sleep <= 3; sleep++) {
        OK(ump_chan_register_recv(&b, &ws, MKCLOSURE(fire, NULL)));
        disp_disable();
        cr_assert(ump_channels_arm_disabled(curdispatcher()));
        disp_enable(curdispatcher());
        cr_assert(send(&a, 1));
        cr_assert(send(&a, 2));
        cr_assert_eq(notifications, sleep);
        disp_disable();
        ump_channels_disarm_disabled(curdispatcher());
        disp_enable(curdispatcher());
        cr_assert(send(&a, 3));
        cr_assert_eq(notifications, sleep, "awake again");
        OK(event_dispatch(&ws));
        while (receive(&b, &value)) {
        }
    }
}

Test(ump_chan, sleeping_peer_is_notified_once_for_several_lines)
{
    const uint64_t words[3 * UMP_PAYLOAD_WORDS] = { 1, 2, 3 };

    OK(ump_chan_register_recv(&b, &ws, MKCLOSURE(fire, NULL)));
    cr_assert(ump_channels_arm_disabled(curdispatcher()));
    cr_assert_eq(ump_chan_send_lines(&a, TYPE, words, 3), 3);
    cr_assert_eq(notifications, 1);
    cr_assert_eq(ump_chan_send_lines(&a, TYPE, words, 0), 0);
    cr_assert_eq(notifications, 1);
}

Test(ump_chan, message_that_came_before_the_flag_prevents_sleep)
{
    OK(ump_chan_register_recv(&b, &ws, MKCLOSURE(fire, NULL)));
    cr_assert(send(&a, 1));
    disp_disable();
    ump_channels_arm_disabled(curdispatcher());
    disp_enable(curdispatcher());
    cr_assert_eq(b.recv_waitset.state, CHAN_PENDING, "the last look found it");
    cr_assert_eq(notifications, 0);
}

Test(ump_chan, parked_sender_is_notified_of_the_ack)
{
    uint64_t value;

    while (send(&a, 1)) {
    }
    OK(ump_chan_register_send(&a, &ws, MKCLOSURE(fire, NULL)));
    disp_disable();
    cr_assert(ump_channels_arm_disabled(curdispatcher()));
    disp_enable(curdispatcher());
    for (unsigned i = 0; i < LINES / 2; i++) {
        cr_assert_eq(notifications, 0);
        cr_assert(receive(&b, &value));
    }
    cr_assert_eq(notifications, 1);
}

Test(ump_chan, channel_whose_peer_cannot_notify_keeps_the_dispatcher_awake)
{
    b.never_sleep = true;
    OK(ump_chan_register_recv(&b, &ws, MKCLOSURE(fire, NULL)));
    disp_disable();
    cr_assert(!ump_channels_arm_disabled(curdispatcher()));
    disp_enable(curdispatcher());
}

/* ---- the peer dies ---- */

Test(ump_chan, a_lost_channel_gives_what_is_left_and_then_says_so)
{
    volatile struct ump_message *message;
    unsigned type;
    uint64_t value;

    idc_connection_open(&b.connection, 5, &b.recv_waitset);
    cr_assert(send(&a, 1));
    idc_connection_lost(5, false);
    cr_assert(receive(&b, &value));
    cr_assert_eq(err_no(ump_chan_recv(&b, &message, &type)), LIB_ERR_CHAN_PEER_GONE);
    OK(ump_chan_register_recv(&b, &ws, MKCLOSURE(fire, NULL)));
    OK(event_dispatch_non_block(&ws));
    cr_assert_eq(fired, 1, "the event comes although there is no message");
    ump_chan_destroy(&b);
    cr_assert_eq(closed_count, 1);
    cr_assert_eq(closed_id, 5);
    cr_assert_eq(fake_core_state.connections.count, 0);
}

Test(ump_chan, a_loss_wakes_a_waiting_channel_once)
{
    struct idc_connection others[2] = { { .monitor_id = 0 } };
    struct waitset_chanstate unused = { .state = CHAN_UNREGISTERED };

    idc_connection_open(&others[0], 4, &unused);
    idc_connection_open(&b.connection, 5, &b.recv_waitset);
    idc_connection_open(&others[1], 6, &unused);
    OK(ump_chan_register_recv(&b, &ws, MKCLOSURE(fire, NULL)));
    cr_assert_eq(err_no(event_dispatch_non_block(&ws)), LIB_ERR_NO_EVENT);
    idc_connection_lost(7, false);
    cr_assert_eq(err_no(event_dispatch_non_block(&ws)), LIB_ERR_NO_EVENT, "not ours");
    idc_connection_lost(5, false);
    idc_connection_lost(5, false);
    OK(event_dispatch_non_block(&ws));
    cr_assert_eq(fired, 1);
    cr_assert_eq(err_no(event_dispatch_non_block(&ws)), LIB_ERR_NO_EVENT);
    cr_assert(!others[0].lost && !others[1].lost);
    idc_connection_close(&b.connection);
    idc_connection_close(&b.connection);
    cr_assert_eq(closed_count, 1, "closed once");
    idc_connection_lost(5, false); /* finds nothing */
}
