/* SPDX-License-Identifier: MIT
 *
 * libtest: waitsets, LMP and UMP of a dispatcher to itself, time.
 */
#include <stdio.h>
#include <string.h>

#include "libtest.h"

static unsigned seen[8], seen_count;

static void note(void *arg)
{
    seen[seen_count++ % 8] = (unsigned)(uintptr_t)arg;
}

static struct waitset_chanstate channel[3];

static int triggers(void *arg)
{
    (void)arg;
    CHECK_OK(waitset_chan_trigger(&channel[2]));
    return 0;
}

void test_events(void)
{
    struct waitset ws;
    struct event_queue queue;
    struct event_queue_node node[3];

    waitset_init(&ws);
    CHECK(err_no(event_dispatch_non_block(&ws)) == LIB_ERR_NO_EVENT);
    for (uintptr_t i = 0; i < 3; i++) {
        waitset_chanstate_init(&channel[i], CHANTYPE_OTHER);
        CHECK_OK(waitset_chan_register(&ws, &channel[i], MKCLOSURE(note, (void *)i)));
    }
    CHECK_OK(waitset_chan_trigger(&channel[1]));
    CHECK_OK(waitset_chan_trigger(&channel[0]));
    CHECK(err_no(waitset_chan_trigger(&channel[0])) == LIB_ERR_WAITSET_CHAN_BUSY);
    CHECK_OK(event_dispatch(&ws));
    CHECK_OK(event_dispatch_debug(&ws));
    CHECK(seen_count == 2 && seen[0] == 1 && seen[1] == 0);
    CHECK(err_no(waitset_chan_trigger(&channel[0])) == LIB_ERR_CHAN_NOT_REGISTERED);

    /* a thread blocked in event_dispatch is woken by another one */
    struct thread *thread = thread_create(triggers, NULL);
    CHECK_OK(event_dispatch(&ws));
    CHECK(seen_count == 3 && seen[2] == 2);
    CHECK_OK(thread_join(thread, NULL));

    event_queue_init(&queue, &ws, EVENT_QUEUE_CONTINUOUS);
    for (uintptr_t i = 0; i < 3; i++)
        event_queue_add(&queue, &node[i], MKCLOSURE(note, (void *)(10 + i)));
    CHECK_OK(event_queue_cancel(&queue, &node[1]));
    CHECK_OK(event_dispatch(&ws));
    CHECK_OK(event_dispatch(&ws));
    CHECK(seen_count == 5 && seen[3] == 10 && seen[4] == 12);
    event_queue_add(&queue, &node[0], NOP_CLOSURE);
    CHECK_OK(event_dispatch(&ws));
    CHECK(node[0].run);
    CHECK(err_no(check_for_event(&ws)) == LIB_ERR_NO_EVENT);
    CHECK_OK(waitset_destroy(&ws));
}

static void received(void *arg)
{
    *(bool *)arg = true;
}

void test_lmp(void)
{
    struct waitset ws;
    struct lmp_chan lc;
    struct lmp_recv_msg msg = LMP_RECV_MSG_INIT;
    struct capref cap, frame;
    struct frame_identity id;
    bool arrived = false;
    errval_t err;

    waitset_init(&ws);
    CHECK_OK(lmp_chan_accept(&lc, DEFAULT_LMP_BUF_WORDS, NULL_CAP));
    lc.remote_cap = lc.local_cap; /* to ourselves */
    CHECK(err_no(lmp_chan_recv(&lc, &msg, &cap)) == LIB_ERR_NO_LMP_MSG);
    CHECK_OK(lmp_chan_register_recv(&lc, &ws, MKCLOSURE(received, &arrived)));
    CHECK_OK(lmp_chan_send3(&lc, LMP_SEND_FLAGS_DEFAULT, NULL_CAP, 1, 2, 3));
    CHECK_OK(event_dispatch(&ws));
    CHECK(arrived);
    CHECK_OK(lmp_chan_recv(&lc, &msg, &cap));
    CHECK(msg.buf.msglen == 3 && msg.words[0] == 1 && msg.words[2] == 3 && capref_is_null(cap));

    /* a capability: refused without a slot, delivered with one */
    CHECK_OK(frame_alloc(&frame, 4096, NULL));
    err = lmp_chan_send1(&lc, 0, frame, 4);
    CHECK(lmp_err_is_transient(err));
    CHECK_OK(lmp_chan_alloc_recv_slot(&lc));
    CHECK_OK(lmp_chan_send1(&lc, LMP_FLAG_GIVEAWAY, frame, 4));
    CHECK(err_is_fail(frame_identify(frame, &id)));
    CHECK_OK(slot_free(frame));
    CHECK_OK(lmp_chan_recv(&lc, &msg, &cap));
    CHECK(msg.buf.msglen == 1 && msg.words[0] == 4);
    CHECK_OK(frame_identify(cap, &id));
    CHECK(id.bytes == 4096);
    CHECK_OK(cap_destroy(cap));

    /* what is no endpoint gets no command */
    struct lmp_chan wrong = lc;
    wrong.remote_cap = cap_root;
    err = lmp_chan_send10(&wrong, 0, NULL_CAP, CNodeCmd_GetSize, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    CHECK(err_no(err) == SYS_ERR_LRPC_NOT_ENDPOINT);
    err = lmp_chan_send1(&wrong, LMP_SEND_FLAGS_DEFAULT, NULL_CAP, CNodeCmd_GetSize);
    CHECK(err_no(err) == SYS_ERR_LRPC_NOT_ENDPOINT);

    /* fill the buffer several times around */
    uintptr_t sent = 0, got = 0;
    for (int round = 0; round < 5; round++) {
        do {
            err = lmp_chan_send10(&lc, 0, NULL_CAP, sent, 1, 2, 3, 4, 5, 6, 7, 8, ~sent);
            sent += err_is_ok(err);
        } while (err_is_ok(err));
        CHECK(lmp_err_is_transient(err));
        while (err_is_ok(lmp_chan_recv(&lc, &msg, &cap))) {
            CHECK(msg.buf.msglen == 10 && msg.words[0] == got && msg.words[9] == ~got);
            got++;
        }
        CHECK(got == sent && sent >= (uintptr_t)(round + 1) * 8);
    }

    /* who kept a capability to the endpoint cannot write into its buffer any more */
    struct lmp_chan peer = lc;
    CHECK_OK(slot_alloc(&peer.remote_cap));
    CHECK_OK(cap_copy(peer.remote_cap, lc.local_cap));
    CHECK_OK(lmp_chan_send1(&peer, 0, NULL_CAP, 1));
    lc.remote_cap = NULL_CAP;
    lmp_chan_destroy(&lc);
    CHECK(err_no(lmp_chan_send1(&peer, 0, NULL_CAP, 1)) == SYS_ERR_CAP_NOT_FOUND);
    CHECK_OK(slot_free(peer.remote_cap));
}

#define UMP_MESSAGES 1000

static struct ump_chan side[2];
static struct waitset ump_ws;
static uint64_t ump_sum;
static bool ump_done;

static void ump_receive(void *arg)
{
    struct ump_chan *uc = arg;
    volatile struct ump_message *message;
    unsigned type;

    while (err_is_ok(ump_chan_recv(uc, &message, &type))) {
        CHECK(type == UMP_MSGTYPE_FIRST_USER);
        ump_sum += message->data[0];
        ump_done = message->data[1] != 0;
        ump_chan_recv_done(uc);
    }
    if (!ump_done)
        CHECK_OK(ump_chan_register_recv(uc, &ump_ws, MKCLOSURE(ump_receive, uc)));
}

static int ump_sender(void *arg)
{
    struct waitset ws;
    bool open = false;

    (void)arg;
    waitset_init(&ws);
    for (uint64_t i = 1; i <= UMP_MESSAGES; i++) {
        struct ump_control control;
        volatile struct ump_message *message;

        while ((message = ump_chan_get_next(&side[0], &control)) == NULL) {
            open = false;
            CHECK_OK(ump_chan_register_send(&side[0], &ws, MKCLOSURE(received, &open)));
            CHECK_OK(event_dispatch(&ws));
            CHECK(open);
        }
        message->data[0] = i;
        message->data[1] = i == UMP_MESSAGES;
        ump_chan_commit(&side[0], message, control, UMP_MSGTYPE_FIRST_USER);
    }
    return 0;
}

void test_ump(void)
{
    static char ring[2][DEFAULT_UMP_BUFLEN] __attribute__((aligned(64)));

    waitset_init(&ump_ws);
    CHECK_OK(ump_chan_init(&side[0], ring[0], DEFAULT_UMP_BUFLEN, ring[1], DEFAULT_UMP_BUFLEN));
    CHECK_OK(ump_chan_init(&side[1], ring[1], DEFAULT_UMP_BUFLEN, ring[0], DEFAULT_UMP_BUFLEN));
    CHECK_OK(ump_chan_register_recv(&side[1], &ump_ws, MKCLOSURE(ump_receive, &side[1])));
    struct thread *sender = thread_create(ump_sender, NULL);
    while (!ump_done)
        CHECK_OK(event_dispatch(&ump_ws));
    CHECK_OK(thread_join(sender, NULL));
    CHECK(ump_sum == (uint64_t)UMP_MESSAGES * (UMP_MESSAGES + 1) / 2);
}

void test_time(void)
{
    systime_t before = get_system_time();
    struct waitset ws;
    struct deferred_event late, early;

    CHECK_OK(barrelfish_usleep(2000));
    CHECK(get_system_time() - before >= 2000000);
    before = get_system_time();
    CHECK_OK(barrelfish_msleep(1));
    CHECK(get_system_time() - before >= 1000000);
    CHECK(disp_get_dispatch_time() != 0 && disp_get_dispatch_time() <= get_system_time());
    CHECK(disp_get_current_core_id() == disp_get_core_id());

    waitset_init(&ws);
    seen_count = 0;
    deferred_event_init(&late);
    deferred_event_init(&early);
    CHECK_OK(deferred_event_register(&late, &ws, 3000, MKCLOSURE(note, (void *)2)));
    CHECK_OK(deferred_event_register(&early, &ws, 1000, MKCLOSURE(note, (void *)1)));
    /* on a slow machine the early one may really be due later */
    unsigned first = early.time <= late.time ? 1 : 2;
    CHECK_OK(event_dispatch(&ws));
    CHECK_OK(event_dispatch(&ws));
    CHECK(seen_count == 2 && seen[0] == first && seen[1] == 3 - first);
    CHECK_OK(deferred_event_register(&late, &ws, 1000000, MKCLOSURE(note, (void *)3)));
    CHECK_OK(deferred_event_cancel(&late));
    CHECK_OK(waitset_destroy(&ws));
}
