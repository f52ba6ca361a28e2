/* SPDX-License-Identifier: MIT
 *
 * The answering side of the benchmark.
 *
 * Round trips: a ping is sent back from its handler; `lines` and `bare` take the channel from under
 * the stubs for as long as the client said, from within their handler, where the waitset is not
 * looked at.  One way: each handler takes the time first, and the client asks for it afterwards.
 */
#include "idcbench.h"

#include <barrelfish/nameservice_client.h>
#include <stdio.h>

static bool polling;
static uint64_t arrived_all, arrived_user, arrived_sender;

/* First thing in a handler. */
static inline void note_arrival(void)
{
    arrived_sender = instructions(COUNT_MARKED);
    arrived_user = instructions(COUNT_USER);
    arrived_all = instructions(COUNT_ALL);
}

/* ---- one way ---- */

static void rx_empty(struct idcbench_binding *b)
{
    note_arrival();
    (void)b;
}

static void rx_one(struct idcbench_binding *b, uint64_t a)
{
    note_arrival();
    (void)b, (void)a;
}

static void rx_seven(struct idcbench_binding *b, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                     uint64_t a5, uint64_t a6, uint64_t a7)
{
    note_arrival();
    (void)b, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7;
}

static void rx_text(struct idcbench_binding *b, const char *s)
{
    note_arrival();
    (void)b, (void)s;
}

static errval_t rx_arrived(struct idcbench_binding *b, uint64_t *all, uint64_t *user,
                           uint64_t *sender)
{
    (void)b;
    *all = arrived_all;
    *user = arrived_user;
    *sender = arrived_sender;
    return SYS_ERR_OK;
}

/* ---- one way, without stubs ---- */

static uint64_t bare_left;
static volatile uint64_t bare_text[LMP_MSG_WORDS]; /* where the words go */

static void bare_lmp_handler(void *arg)
{
    struct idcbench_binding *b = arg;
    struct lmp_chan *chan = b->flounder.channel;
    struct lmp_recv_msg msg;
    struct capref cap;

    while (bare_left > 0 && err_is_ok(lmp_chan_recv(chan, &msg, &cap))) {
        bare_left--;
        for (size_t i = 0; i < msg.buf.msglen; i++)
            bare_text[i] = msg.words[i];
    }
    lmp_chan_listen_again(chan);
    if (bare_left > 0)
        return;
    note_arrival();
    must(lmp_chan_deregister_recv(chan), "listening no longer without stubs");
    flounder_lmp_rearm(&b->flounder);
}

static errval_t rx_without_stubs(struct idcbench_binding *b, uint64_t messages, uint64_t *ready)
{
    struct lmp_chan *chan = b->flounder.channel;

    if (b->flounder.kind != FLOUNDER_LMP) {
        USER_PANIC(
            "messages without stubs are counted over LMP: run server and client on one core");
    }
    bare_left = messages;
    must(lmp_chan_deregister_recv(chan), "listening no longer");
    must(lmp_chan_listen(chan, b->waitset, MKCLOSURE(bare_lmp_handler, b)),
         "listening without stubs");
    *ready = 1;
    return SYS_ERR_OK;
}

/* ---- round trips ---- */

static void rx_ping(struct idcbench_binding *b, uint64_t a)
{
    errval_t err = idcbench_ping__tx(b, NOP_CONT, a);

    if (err_is_fail(err))
        USER_PANIC_ERR(err, "answering a ping failed");
}

static void rx_bounce(struct idcbench_binding *b)
{
    must(idcbench_bounce__tx(b, NOP_CONT), "sending a message back");
}

static void rx_bounce_seven(struct idcbench_binding *b, uint64_t a1, uint64_t a2, uint64_t a3,
                            uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7)
{
    must(idcbench_bounce_seven__tx(b, NOP_CONT, a1, a2, a3, a4, a5, a6, a7),
         "sending a full line back");
}

static errval_t rx_call(struct idcbench_binding *b, uint64_t a, uint64_t *result)
{
    (void)b;
    *result = a;
    return SYS_ERR_OK;
}

static void rx_lines(struct idcbench_binding *b, uint64_t rounds)
{
    struct ump_chan *chan = b->flounder.channel;
    volatile uint64_t *in = spare_word(&chan->ring.recv), *out = spare_word(&chan->ring.send);

    for (uint64_t i = 1; i <= rounds; i++) {
        while (*in != i)
            __asm__ volatile("pause");
        *out = i;
    }
}

static void bare_over_lmp(struct idcbench_binding *b, uint64_t rounds)
{
    struct lmp_chan *chan = b->flounder.channel;

    must(lmp_chan_deregister_recv(chan), "listening no longer");
    for (uint64_t i = 0; i < rounds; i++) {
        struct lmp_recv_msg msg;

        bare_lmp_receive(chan, &msg);
        must(lmp_chan_send(chan, LMP_SEND_FLAGS_DEFAULT, NULL_CAP, msg.buf.msglen, msg.words),
             "sending a message back");
    }
    flounder_lmp_rearm(&b->flounder);
}

static void rx_bare(struct idcbench_binding *b, uint64_t rounds)
{
    struct ump_chan *chan = b->flounder.channel;

    if (b->flounder.kind == FLOUNDER_LMP) {
        bare_over_lmp(b, rounds);
        return;
    }

    for (uint64_t i = 0; i < rounds; i++) {
        uint64_t value = bare_receive(chan)->data[0];

        ump_chan_recv_done(chan);
        bare_send(chan, 1, value);
    }
}

static errval_t rx_set_polling(struct idcbench_binding *b, uint64_t wanted, uint64_t *was)
{
    (void)b;
    *was = polling;
    polling = wanted != 0;
    return SYS_ERR_OK;
}

/* ---- life ---- */

static errval_t connected(void *st, struct idcbench_binding *b)
{
    (void)st;
    b->rx_vtbl = (struct idcbench_rx_vtbl){
        .empty = rx_empty,
        .one = rx_one,
        .seven = rx_seven,
        .text = rx_text,
        .ping = rx_ping,
        .bounce = rx_bounce,
        .bounce_seven = rx_bounce_seven,
        .lines = rx_lines,
        .bare = rx_bare,
    };
    b->rpc_rx_vtbl = (struct idcbench_rpc_rx_vtbl){
        .call_call = rx_call,
        .set_polling_call = rx_set_polling,
        .without_stubs_call = rx_without_stubs,
        .arrived_call = rx_arrived,
    };
    return SYS_ERR_OK;
}

static void exported(void *st, errval_t err, iref_t iref)
{
    (void)st;
    must(err, "exporting idcbench");
    must(nameservice_register("idcbench", iref), "registering idcbench");
}

void serve(void)
{
    struct waitset *ws = get_default_waitset();

    must(idcbench_export(NULL, exported, connected, ws, IDC_EXPORT_FLAGS_DEFAULT),
         "exporting idcbench");
    for (;;)
        if (!polling)
            must(event_dispatch(ws), "dispatching an event");
        else if (err_is_fail(event_dispatch_non_block(ws)))
            __asm__ volatile("pause");
}
