/* SPDX-License-Identifier: MIT
 *
 * Instructions from the call of a send function to the entry of the handler.
 *
 * UMP: both ends of a ring lie in this dispatcher, so the path is complete on one core and nothing
 * waits: send, then dispatch events until the handler runs.  The same code runs when the ends are
 * on two cores; there the receiver also polls while nothing is there.  LMP: the server is another
 * domain on this core; its handler takes the time.  The kernel is part of the way and is shown
 * apart: "all" counts every ring, "user" ring 3 only.
 *
 * Each figure is beside others: the bare channel (no waitset: fill and commit a line, take it and
 * give it back) and the channel with a waitset (a handler of our own takes the line and listens
 * again).  What the stubs add is their cost.  LMP has no bare channel: messages come by an upcall.
 *
 * Sender and receiver are told apart: over UMP by what runs (both ends have a waitset of their
 * own), over LMP by the domain.  Counters are read at both ends of what is measured; what the
 * readings cost by themselves is subtracted.  Every sample should be the same: the median is
 * printed, with the extremes.
 */
#include "idcbench.h"

#include <barrelfish/ram_alloc.h>
#include <stdio.h>
#include <string.h>

#define SAMPLES 31
#define TEXT_LENGTH 2047 /* and its NUL */

#define TEXT_WORDS (1 + (TEXT_LENGTH + 8) / 8) /* its length, then its bytes */

static uint64_t begun_all, begun_user; /* before sending */
static uint64_t sent_user;             /* after */
static uint64_t handled_all, handled_user;
static bool handled;
static char text[TEXT_LENGTH + 1];

static uint64_t overhead_all, overhead_user; /* of the readings */

static inline __attribute__((always_inline)) void note_begin(void)
{
    begun_user = instructions(COUNT_USER);
    begun_all = instructions(COUNT_ALL);
    instructions(COUNT_MARK);
}

static inline __attribute__((always_inline)) void note_arrival(void)
{
    instructions(COUNT_MARKED); /* as the server does */
    handled_user = instructions(COUNT_USER);
    handled_all = instructions(COUNT_ALL);
    handled = true;
}

static void calibrate(void)
{
    struct results all = { .count = 0 }, user = { .count = 0 };

    for (unsigned i = 0; i < SAMPLES; i++) {
        note_begin();
        note_arrival();
        results_add(&all, handled_all - begun_all);
        results_add(&user, handled_user - begun_user);
    }
    overhead_all = results_median(&all);
    overhead_user = results_median(&user);
}

/* ---- messages ---- */

enum message { EMPTY, ONE, SEVEN, TEXT, MESSAGES };
static const char *const message_names[] = { "0", "1", "7", "text" };
static const unsigned message_words[] = { 0, 1, 7 };

/* Inlined with a constant: nothing but the call lies between the readings. */
static inline __attribute__((always_inline)) errval_t send(struct idcbench_binding *b,
                                                           enum message message)
{
    switch (message) {
    case EMPTY:
        return idcbench_empty__tx(b, NOP_CONT);
    case ONE:
        return idcbench_one__tx(b, NOP_CONT, 1);
    case SEVEN:
        return idcbench_seven__tx(b, NOP_CONT, 1, 2, 3, 4, 5, 6, 7);
    default:
        return idcbench_text__tx(b, NOP_CONT, text);
    }
}

#define SEND_FUNCTION(name, message)                 \
    static errval_t name(struct idcbench_binding *b) \
    {                                                \
        note_begin();                                \
        errval_t err = send(b, message);             \
        sent_user = instructions(COUNT_USER);        \
        return err;                                  \
    }
SEND_FUNCTION(send_empty, EMPTY)
SEND_FUNCTION(send_one, ONE)
SEND_FUNCTION(send_seven, SEVEN)
SEND_FUNCTION(send_text, TEXT)

static errval_t (*const send_functions[])(struct idcbench_binding *) = { send_empty, send_one,
                                                                         send_seven, send_text };

/* ---- UMP, both ends here ---- */

static struct ump_memory {
    _Alignas(UMP_LINE_BYTES) char a[DEFAULT_UMP_BUFLEN], b[DEFAULT_UMP_BUFLEN];
} stub_memory, channel_memory;

static struct idcbench_ump_binding sender, receiver;
static struct ump_chan chan_out, chan_in;
static struct waitset ws_out, ws; /* of the sender, of the receiver */

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
    (void)b;
    if (strcmp(s, text) != 0)
        USER_PANIC("the text arrived changed");
}

static uint64_t taken[UMP_PAYLOAD_WORDS];

/* Takes a line as a program without stubs would. */
static inline __attribute__((always_inline)) void take_line(unsigned words)
{
    volatile struct ump_message *line;
    unsigned type;

    must(ump_chan_recv(&chan_in, &line, &type), "receiving a line");
    for (unsigned i = 0; i < words; i++)
        taken[i] = line->data[i];
    ump_chan_recv_done(&chan_in);
}

static inline __attribute__((always_inline)) void listen_again(bool done)
{
    if (!ump_chan_listen_again(&chan_in, done))
        USER_PANIC("the channel was not listening");
}

/* With a waitset; the argument is the number of words. */
static inline __attribute__((always_inline)) void listen_line(unsigned words)
{
    unsigned type;
    volatile struct ump_message *line = ump_chan_take_line(&chan_in, &type);

    if (line == NULL) {
        listen_again(false);
        return;
    }
    for (unsigned i = 0; i < words; i++)
        taken[i] = line->data[i];
    listen_again(true);
    note_arrival();
}

static void line_handler(void *arg)
{
    switch ((uintptr_t)arg) {
    case 0:
        listen_line(0);
        break;
    case 1:
        listen_line(1);
        break;
    default:
        listen_line(UMP_PAYLOAD_WORDS);
        break;
    }
}

#define BARE_FUNCTIONS(words)                 \
    static void bare_send_##words(void)       \
    {                                         \
        note_begin();                         \
        bare_send(&chan_out, words, 1);       \
        sent_user = instructions(COUNT_USER); \
    }                                         \
    static void bare_take_##words(void)       \
    {                                         \
        take_line(words);                     \
        note_arrival();                       \
    }
BARE_FUNCTIONS(0)
BARE_FUNCTIONS(1)
BARE_FUNCTIONS(7)

static void (*const bare_send_functions[])(void) = { bare_send_0, bare_send_1, bare_send_7 };
static void (*const bare_take_functions[])(void) = { bare_take_0, bare_take_1, bare_take_7 };

enum path { BARE, WAITSET, STUBS };
static const char *const path_names[] = { "bare", "waitset", "stub" };

/* One message; the time of arrival is noted by its handler. */
static void pass_on(enum path path, enum message message)
{
    handled = false;
    if (path == STUBS)
        must(send_functions[message](&sender.b), "sending");
    else
        bare_send_functions[message]();
    if (path == BARE) {
        bare_take_functions[message]();
        return;
    }
    while (!handled)
        must(event_dispatch(&ws), "dispatching an event");
}

static const char *ump_kind = "ump"; /* in the names of figures */

static void print_ump(struct results *sending, struct results *receiving, enum path path,
                      enum message message)
{
    char name[64];

    snprintf(name, sizeof(name), "%s.%s.%s.sender", ump_kind, path_names[path],
             message_names[message]);
    results_print(sending, name, 0);
    snprintf(name, sizeof(name), "%s.%s.%s.receiver", ump_kind, path_names[path],
             message_names[message]);
    results_print(receiving, name, 0);
}

static void count_ump(enum path path, enum message message)
{
    struct results receiving = { .count = 0 }, sending = { .count = 0 };

    if (path == WAITSET) {
        /* As with stubs, one channel is polled besides: the sender's. */
        must(ump_chan_deregister_recv(&receiver.chan), "listening no longer");
        must(ump_chan_listen(&chan_in, &ws,
                             MKCLOSURE(line_handler, (void *)(uintptr_t)message_words[message])),
             "listening");
    }
    for (unsigned i = 0; i < SAMPLES; i++) {
        pass_on(path, message);
        uint64_t sent = sent_user - begun_user - overhead_user;
        results_add(&sending, sent);
        results_add(&receiving, handled_user - begun_user - overhead_user - sent);
    }
    if (path == WAITSET) {
        must(ump_chan_deregister_recv(&chan_in), "listening no longer");
        must(idcbench_ump_start(&receiver), "listening again");
    }
    print_ump(&sending, &receiving, path, message);
}

/* The text takes more lines than the ring has: the sender goes on when the receiver has made room.
 * Both take turns here, and what each executes is added up. */
static bool send_some_text(bool first)
{
    if (first) {
        must(idcbench_text__tx(&sender.b, NOP_CONT, text), "sending");
        return true;
    }
    return err_is_ok(event_dispatch_non_block(&ws_out));
}

static void receive_some_text(void)
{
    while (!handled && err_is_ok(event_dispatch_non_block(&ws))) {
    }
}

/* one more for the number of the message over LMP */
static uint64_t bare_words[ROUND_UP(TEXT_WORDS + 1, UMP_PAYLOAD_WORDS)], bare_arrived[TEXT_WORDS];
static unsigned bare_sent, bare_received;

static bool send_some_bare(bool first)
{
    volatile struct ump_message *line;
    struct ump_control control;

    if (first)
        bare_sent = bare_received = 0;
    while (bare_sent < TEXT_WORDS && (line = ump_chan_get_next(&chan_out, &control)) != NULL) {
        for (unsigned i = 0; i < UMP_PAYLOAD_WORDS; i++)
            line->data[i] = bare_words[bare_sent++];
        ump_chan_commit(&chan_out, line, control, BARE_TYPE);
    }
    return true;
}

static void receive_some_bare(void)
{
    volatile struct ump_message *line;
    unsigned type;

    while (err_is_ok(ump_chan_recv(&chan_in, &line, &type))) {
        for (unsigned i = 0; i < UMP_PAYLOAD_WORDS && bare_received < TEXT_WORDS; i++)
            bare_arrived[bare_received++] = line->data[i];
        ump_chan_recv_done(&chan_in);
    }
    if (bare_received >= TEXT_WORDS)
        note_arrival();
}

/* Instructions of one turn; if the message was handled meanwhile, until then. */
#define TURN(statement)                                               \
    ({                                                                \
        note_begin();                                                 \
        statement;                                                    \
        uint64_t now_ = instructions(COUNT_USER);                     \
        (handled ? handled_user : now_) - begun_user - overhead_user; \
    })

static void count_ump_text(enum path path)
{
    struct results receiving = { .count = 0 }, sending = { .count = 0 };

    memcpy(bare_words + 1, text, sizeof(text));
    bare_words[0] = sizeof(text);
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t sent = 0, received = 0;

        handled = false;
        for (bool first = true; !handled; first = false) {
            sent += TURN(path == BARE ? send_some_bare(first) : send_some_text(first));
            received += TURN(path == BARE ? receive_some_bare() : receive_some_text());
        }
        results_add(&sending, sent);
        results_add(&receiving, received);
    }
    if (memcmp(bare_arrived + 1, text, path == BARE ? sizeof(text) : 0) != 0)
        USER_PANIC("the text arrived changed");
    print_ump(&sending, &receiving, path, TEXT);
}

static void set_up_ump(bool checked)
{
    waitset_init(&ws);
    waitset_init(&ws_out);
    must(idcbench_ump_init(&sender, &ws_out, stub_memory.a, sizeof(stub_memory.a), stub_memory.b,
                           sizeof(stub_memory.b), NULL_CAP),
         "making a binding");
    must(idcbench_ump_init(&receiver, &ws, stub_memory.b, sizeof(stub_memory.b), stub_memory.a,
                           sizeof(stub_memory.a), NULL_CAP),
         "making a binding");
    receiver.b.rx_vtbl = (struct idcbench_rx_vtbl){
        .empty = rx_empty, .one = rx_one, .seven = rx_seven, .text = rx_text
    };
    if (checked) {
        must(ump_chan_make_checked(&sender.chan, UMP_TRIES), "making a checked channel");
        must(ump_chan_make_checked(&receiver.chan, UMP_TRIES), "making a checked channel");
    }
    must(idcbench_ump_start(&sender), "starting a binding");
    must(idcbench_ump_start(&receiver), "starting a binding");
    must(ump_chan_init(&chan_out, channel_memory.a, sizeof(channel_memory.a), channel_memory.b,
                       sizeof(channel_memory.b)),
         "making a channel");
    must(ump_chan_init(&chan_in, channel_memory.b, sizeof(channel_memory.b), channel_memory.a,
                       sizeof(channel_memory.a)),
         "making a channel");
    if (checked) {
        must(ump_chan_make_checked(&chan_out, UMP_TRIES), "making a checked channel");
        must(ump_chan_make_checked(&chan_in, UMP_TRIES), "making a checked channel");
    }
    /* The capability to wake the peer is there, as between cores, so that looking whether to is
     * too. */
    sender.chan.notify_cap = chan_out.notify_cap = cap_root;
}

/* The same once more, with checked channels. */
static void make_checked(void)
{
    ump_kind = "checked";
    must(ump_chan_deregister_recv(&sender.chan), "listening no longer");
    must(ump_chan_deregister_recv(&receiver.chan), "listening no longer");
    memset(&stub_memory, 0, sizeof(stub_memory));
    memset(&channel_memory, 0, sizeof(channel_memory));
    set_up_ump(true);
}

/* ---- LMP, to the server ---- */

struct lmp_results {
    struct results sender, receiver, kernel;
};

static void count_lmp_sample(struct idcbench_binding *b, struct lmp_results *r)
{
    uint64_t sent, user;

    must(b->rpc_tx_vtbl.arrived(b, &handled_all, &handled_user, &sent),
         "asking for the time of arrival");
    user = handled_user - begun_user - overhead_user;
    results_add(&r->sender, sent);
    results_add(&r->receiver, user - sent);
    results_add(&r->kernel, handled_all - begun_all - overhead_all - user);
}

static void print_lmp(struct lmp_results *r, const char *path, enum message message)
{
    char name[64];

    snprintf(name, sizeof(name), "lmp.%s.%s.sender", path, message_names[message]);
    results_print(&r->sender, name, 0);
    snprintf(name, sizeof(name), "lmp.%s.%s.receiver", path, message_names[message]);
    results_print(&r->receiver, name, 0);
    snprintf(name, sizeof(name), "lmp.%s.%s.kernel", path, message_names[message]);
    results_print(&r->kernel, name, 0);
}

static void count_lmp_stub(struct idcbench_binding *b, enum message message)
{
    static struct lmp_results r;

    r = (struct lmp_results){ .sender.count = 0 };
    for (unsigned i = 0; i < SAMPLES; i++) {
        must(send_functions[message](b), "sending");
        count_lmp_sample(b, &r);
    }
    print_lmp(&r, "stub", message);
}

/* A message without stubs: in as many parts as it needs, of which the last lets the receiver
 * run. */
static inline __attribute__((always_inline)) void send_lmp(struct lmp_chan *chan, size_t words,
                                                           const uintptr_t *from)
{
    while (words > LMP_MSG_WORDS) {
        errval_t err = lmp_chan_send(chan, LMP_FLAG_YIELD, NULL_CAP, LMP_MSG_WORDS, from);

        if (err_is_ok(err)) {
            words -= LMP_MSG_WORDS;
            from += LMP_MSG_WORDS;
        } else if (!lmp_err_is_transient(err)) {
            must(err, "sending over LMP");
        }
    }
    must(lmp_chan_send(chan, LMP_SEND_FLAGS_DEFAULT, NULL_CAP, words, from), "sending over LMP");
}

/* The channel without stubs, to a handler of the server's waitset.  The first word is what the
 * stubs use for the number of the message, so that as much travels. */
static void count_lmp_bare(struct idcbench_binding *b, enum message message)
{
    static struct lmp_results r;
    const size_t words = 1 + (message == TEXT ? TEXT_WORDS : message_words[message]);
    uint64_t ready;

    r = (struct lmp_results){ .sender.count = 0 };
    for (unsigned i = 0; i < SAMPLES; i++) {
        must(b->rpc_tx_vtbl.without_stubs(b, (words + LMP_MSG_WORDS - 1) / LMP_MSG_WORDS, &ready),
             "asking to go without stubs");
        note_begin();
        send_lmp(b->flounder.channel, words, bare_words);
        count_lmp_sample(b, &r);
    }
    print_lmp(&r, "waitset", message);
}

/* What the kernel executes between note_begin() and note_arrival(). */
static void add_kernel(struct results *r)
{
    results_add(r, (handled_all - begun_all - overhead_all) -
                       (handled_user - begun_user - overhead_user));
}

/* A message to the server and one of the same length back, with nothing else on the channel: all
 * that the core executes meanwhile, and the kernel's share. */
static void count_lmp_round_trips(struct idcbench_binding *b)
{
    static const unsigned lengths[] = { 1, 4, LMP_MSG_WORDS };
    struct lmp_chan *chan = b->flounder.channel;

    for (unsigned l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++) {
        struct results all = { .count = 0 }, kernel = { .count = 0 };
        struct lmp_recv_msg msg;
        char name[64];

        must(idcbench_bare__tx(b, NOP_CONT, SAMPLES), "asking for the bare channel");
        must(lmp_chan_deregister_recv(chan), "listening no longer");
        for (unsigned i = 0; i < SAMPLES; i++) {
            note_begin();
            must(lmp_chan_send(chan, LMP_SEND_FLAGS_DEFAULT, NULL_CAP, lengths[l], bare_words),
                 "sending over LMP");
            bare_lmp_receive(chan, &msg);
            note_arrival();
            if (msg.buf.msglen != lengths[l])
                USER_PANIC("the bare channel brought back something else");
            results_add(&all, handled_all - begun_all - overhead_all);
            add_kernel(&kernel);
        }
        flounder_lmp_rearm(&b->flounder);
        snprintf(name, sizeof(name), "lmp.roundtrip.%u", lengths[l]);
        results_print(&all, name, 0);
        snprintf(name, sizeof(name), "lmp.roundtrip.%u.kernel", lengths[l]);
        results_print(&kernel, name, 0);
    }
}

/* ---- the kernel alone ---- */

static void count_nop(void)
{
    struct results r = { .count = 0 };

    for (unsigned i = 0; i < SAMPLES; i++) {
        note_begin();
        must(sys_nop(), "calling the kernel");
        note_arrival();
        add_kernel(&r);
    }
    results_print(&r, "kernel.nop", 0);
}

/* A page of RAM becomes a frame, which is deleted; made once more, it stays: count_single() in
 * caps.c says why. */
static void count_capabilities(void)
{
    struct results retype = { .count = 0 }, delete = { .count = 0 };
    struct capref ram, frame, kept[SAMPLES];

    must(ram_alloc(&ram, BASE_PAGE_BITS + 5), "memory");
    must(slot_alloc(&frame), "a slot");
    for (unsigned i = 0; i < SAMPLES; i++) {
        const gensize_t at = i * BASE_PAGE_SIZE;

        note_begin();
        must(cap_retype(frame, ram, at, ObjType_Frame, BASE_PAGE_SIZE, 1), "retyping");
        note_arrival();
        add_kernel(&retype);
        note_begin();
        must(cap_delete(frame), "deleting");
        note_arrival();
        add_kernel(&delete);
        must(slot_alloc(&kept[i]), "a slot");
        must(cap_retype(kept[i], ram, at, ObjType_Frame, BASE_PAGE_SIZE, 1), "retyping");
    }
    results_print(&retype, "kernel.retype", 0);
    results_print(&delete, "kernel.delete", 0);
    for (unsigned i = 0; i < SAMPLES; i++)
        must(cap_destroy(kept[i]), "deleting");
    must(cap_destroy(ram), "deleting");
    slot_free(frame);
}

/* ---- all ---- */

static void count_ump_messages(void)
{
    for (enum message message = EMPTY; message <= SEVEN; message++)
        for (enum path path = BARE; path <= STUBS; path++)
            count_ump(path, message);
    count_ump_text(BARE);
    count_ump_text(STUBS);
}

void count_instructions(struct idcbench_binding *b)
{
    if (b->flounder.kind != FLOUNDER_LMP)
        USER_PANIC("instructions are counted on one core: run server and client on the same");
    if (instructions(COUNT_ALL) == COUNT_ALL)
        USER_PANIC("nobody counts instructions here: start this by tests/bench/count");
    memset(text, 'x', TEXT_LENGTH);
    calibrate();
    set_up_ump(false);
    count_nop();
    count_capabilities();
    count_operations();
    count_ump_messages();
    for (enum message message = EMPTY; message <= TEXT; message++) {
        count_lmp_bare(b, message);
        count_lmp_stub(b, message);
    }
    count_lmp_round_trips(b);
    /* at the end: a dispatcher with checked channels has more to do at each upcall */
    make_checked();
    count_ump_messages();
}
