/* SPDX-License-Identifier: MIT
 *
 * Instructions from the call of a send function to the entry of the handler.
 *
 * UMP: both ends of a ring lie in this dispatcher, so the path is complete on one core and nothing
 * waits: send, then dispatch events until the handler runs.  The same code runs when the ends are on
 * two cores; there the receiver also polls while nothing is there.
 * LMP: the server is another domain on this core; its handler takes the time.  The kernel is part of
 * the way and is shown apart: "all" counts every ring, "user" ring 3 only.
 *
 * Each figure is beside two others: the bare channel (no waitset: fill and commit a line, take it and
 * give it back) and the channel with a waitset (a handler of our own takes the line and listens
 * again).  What the stubs add to the second is their cost.
 *
 * Counters are read at both ends of what is measured; what two readings cost by themselves is
 * subtracted.  Every sample should be the same: the median is printed, with the extremes.
 */
#include "idcbench.h"

#include <stdio.h>
#include <string.h>

#define SAMPLES 31
#define TEXT_LENGTH 2047 /* and its NUL */

static uint64_t begun_all, begun_user; /* before sending */
static uint64_t sent_user;             /* after */
static uint64_t handled_all, handled_user;
static bool handled;
static char text[TEXT_LENGTH + 1];

static uint64_t overhead_all, overhead_user; /* of two readings */

static inline __attribute__((always_inline)) void note_begin(void)
{
    begun_user = instructions(COUNT_USER);
    begun_all = instructions(COUNT_ALL);
}

static inline __attribute__((always_inline)) void note_arrival(void)
{
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
static struct waitset ws;

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
    if (strcmp(s, text) != 0) {
        USER_PANIC("the text arrived changed");
    }
}

static uint64_t taken[UMP_PAYLOAD_WORDS];

/* Takes a line as a program without stubs would. */
static inline __attribute__((always_inline)) void take_line(unsigned words)
{
    volatile struct ump_message *line;
    unsigned type;

    must(ump_chan_recv(&chan_in, &line, &type), "receiving a line");
    for (unsigned i = 0; i < words; i++) {
        taken[i] = line->data[i];
    }
    ump_chan_recv_done(&chan_in);
}

/* With a waitset; the argument is the number of words. */
static void line_handler(void *arg)
{
    switch ((uintptr_t)arg) {
    case 0:
        take_line(0);
        break;
    case 1:
        take_line(1);
        break;
    default:
        take_line(UMP_PAYLOAD_WORDS);
        break;
    }
    must(ump_chan_register_recv(&chan_in, &ws, MKCLOSURE(line_handler, arg)), "listening again");
    note_arrival();
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
    if (path == STUBS) {
        must(send_functions[message](&sender.b), "sending");
    } else {
        bare_send_functions[message]();
    }
    if (path == BARE) {
        bare_take_functions[message]();
        return;
    }
    while (!handled) {
        must(event_dispatch(&ws), "dispatching an event");
    }
}

static void count_ump(enum path path, enum message message)
{
    struct results total = { .count = 0 }, sending = { .count = 0 };
    char name[64];

    if (path == WAITSET) {
        must(ump_chan_register_recv(
                 &chan_in, &ws, MKCLOSURE(line_handler, (void *)(uintptr_t)message_words[message])),
             "listening");
    }
    for (unsigned i = 0; i < SAMPLES; i++) {
        pass_on(path, message);
        results_add(&total, handled_user - begun_user);
        results_add(&sending, sent_user - begun_user);
    }
    if (path == WAITSET) {
        must(ump_chan_deregister_recv(&chan_in), "listening no longer");
    }
    snprintf(name, sizeof(name), "ump.%s.%s.total", path_names[path], message_names[message]);
    results_print(&total, name, overhead_user);
    snprintf(name, sizeof(name), "ump.%s.%s.sender", path_names[path], message_names[message]);
    results_print(&sending, name, overhead_user);
}

static void set_up_ump(void)
{
    waitset_init(&ws);
    must(idcbench_ump_init(&sender, &ws, stub_memory.a, sizeof(stub_memory.a), stub_memory.b,
                           sizeof(stub_memory.b), NULL_CAP),
         "making a binding");
    must(idcbench_ump_init(&receiver, &ws, stub_memory.b, sizeof(stub_memory.b), stub_memory.a,
                           sizeof(stub_memory.a), NULL_CAP),
         "making a binding");
    receiver.b.rx_vtbl = (struct idcbench_rx_vtbl){
        .empty = rx_empty, .one = rx_one, .seven = rx_seven, .text = rx_text
    };
    must(idcbench_ump_start(&sender), "starting a binding");
    must(idcbench_ump_start(&receiver), "starting a binding");
    must(ump_chan_init(&chan_out, channel_memory.a, sizeof(channel_memory.a), channel_memory.b,
                       sizeof(channel_memory.b)),
         "making a channel");
    must(ump_chan_init(&chan_in, channel_memory.b, sizeof(channel_memory.b), channel_memory.a,
                       sizeof(channel_memory.a)),
         "making a channel");
    /* The capability to wake the peer is there, as between cores, so that looking whether to is too. */
    sender.chan.notify_cap = chan_out.notify_cap = cap_root;
}

/* ---- LMP, to the server ---- */

static void count_lmp_sample(struct idcbench_binding *b, struct results *all, struct results *user)
{
    must(b->rpc_tx_vtbl.arrived(b, &handled_all, &handled_user), "asking for the time of arrival");
    results_add(all, handled_all - begun_all);
    results_add(user, handled_user - begun_user);
}

static void print_lmp(struct results *all, struct results *user, const char *path,
                      enum message message)
{
    char name[64];

    snprintf(name, sizeof(name), "lmp.%s.%s.total", path, message_names[message]);
    results_print(all, name, overhead_all);
    snprintf(name, sizeof(name), "lmp.%s.%s.user", path, message_names[message]);
    results_print(user, name, overhead_user);
}

static void count_lmp_stub(struct idcbench_binding *b, enum message message)
{
    struct results all = { .count = 0 }, user = { .count = 0 };

    for (unsigned i = 0; i < SAMPLES; i++) {
        must(send_functions[message](b), "sending");
        count_lmp_sample(b, &all, &user);
    }
    print_lmp(&all, &user, "stub", message);
}

/* The channel without stubs, to a handler of the server's waitset.  The first word is what the stubs use
 * for the number of the message, so that as much travels. */
static void count_lmp_bare(struct idcbench_binding *b, enum message message)
{
    struct results all = { .count = 0 }, user = { .count = 0 };
    const uintptr_t words[1 + UMP_PAYLOAD_WORDS] = { 0 };
    uint64_t ready;

    for (unsigned i = 0; i < SAMPLES; i++) {
        must(b->rpc_tx_vtbl.without_stubs(b, 1, &ready), "asking to go without stubs");
        note_begin();
        errval_t err = lmp_chan_send(b->flounder.channel, LMP_SEND_FLAGS_DEFAULT, NULL_CAP,
                                     1 + message_words[message], words);
        must(err, "sending over LMP");
        count_lmp_sample(b, &all, &user);
    }
    print_lmp(&all, &user, "waitset", message);
}

/* ---- all ---- */

void count_instructions(struct idcbench_binding *b)
{
    if (b->flounder.kind != FLOUNDER_LMP) {
        USER_PANIC("instructions are counted on one core: run server and client on the same");
    }
    if (instructions(COUNT_ALL) == COUNT_ALL) {
        USER_PANIC("nobody counts instructions here: start this by tests/bench/count");
    }
    memset(text, 'x', TEXT_LENGTH);
    calibrate();
    set_up_ump();
    for (enum message message = EMPTY; message <= SEVEN; message++) {
        for (enum path path = BARE; path <= STUBS; path++) {
            count_ump(path, message);
        }
    }
    count_ump(STUBS, TEXT);
    for (enum message message = EMPTY; message <= SEVEN; message++) {
        count_lmp_bare(b, message);
        count_lmp_stub(b, message);
    }
    count_lmp_stub(b, TEXT);
}
