/* SPDX-License-Identifier: MIT
 *
 * What a binding promises, tried out one promise at a time over LMP and over UMP (facts §1.4): one
 * message at a time, continuations through the waitset, register_send, size checks, blocking sends,
 * nested and reordered remote procedure calls, broken peers, teardown.
 *
 * Compiled by tests/unit/test_idl_stubs.c together with the stubs of kitchen.if.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../guest/user/lib/flounder/flounder_priv.h"
#include "host.h"
#include "kitchen_flounder_bindings.c"

static const char *scene;
static enum flounder_channel kind;
static const char *const kind_names[] = { "LMP", "UMP", "multihop", "local" };

#define EXPECT(condition)                                                                   \
    do {                                                                                    \
        if (!(condition)) {                                                                 \
            fprintf(stderr, "%s over %s: line %d: not true: %s\n", scene, kind_names[kind], \
                    __LINE__, #condition);                                                  \
            abort();                                                                        \
        }                                                                                   \
    } while (0)

/* ---- a pair of bindings, as bind and export make them: on the heap ---- */

static struct waitset ws;
static struct kitchen_binding *a, *b;
static uint8_t ring[2][4096] __attribute__((aligned(64)));

static struct kitchen_binding *new_side(int i, size_t lines)
{
    static const size_t bytes[] = { sizeof(struct kitchen_lmp_binding),
                                    sizeof(struct kitchen_ump_binding),
                                    sizeof(struct kitchen_multihop_binding),
                                    sizeof(struct kitchen_local_binding) };
    void *memory = malloc(bytes[kind]);
    struct kitchen_binding *side = memory;
    if (kind == FLOUNDER_LMP)
        kitchen_lmp_init(memory, &ws);
    else if (kind == FLOUNDER_UMP)
        kitchen_ump_init(memory, &ws, ring[i], lines * 64, ring[1 - i], lines * 64, NULL_CAP);
    else if (kind == FLOUNDER_MULTIHOP)
        kitchen_multihop_init(memory, &ws);
    return side;
}

static void connect(size_t lmp_words, size_t lines)
{
    waitset_init(&ws);
    memset(ring, 0, sizeof(ring));
    a = new_side(0, lines);
    b = new_side(1, lines);
    if (kind == FLOUNDER_LMP)
        host_lmp_connect(&((struct kitchen_lmp_binding *)a)->chan,
                         &((struct kitchen_lmp_binding *)b)->chan, lmp_words);
    if (kind ==
        FLOUNDER_MULTIHOP) /* a circuit without monitors: each end's LMP channel is the other's */
        host_lmp_connect(&((struct kitchen_multihop_binding *)a)->chan.link.lmp,
                         &((struct kitchen_multihop_binding *)b)->chan.link.lmp, lmp_words);
    if (kind == FLOUNDER_LOCAL)
        kitchen_local_connect((struct kitchen_local_binding *)a, (struct kitchen_local_binding *)b,
                              &ws);
    a->flounder.on_heap = b->flounder.on_heap = true;
    EXPECT(err_is_ok(flounder_start(&a->flounder)));
    EXPECT(err_is_ok(flounder_start(&b->flounder)));
}

static void settle(void)
{
    while (err_is_ok(event_dispatch_non_block(&ws)))
        ;
}

static void ignore_error(struct kitchen_binding *binding, errval_t err)
{
    (void)binding, (void)err;
}

/* Closes what is still open and lets the memory go. */
static void disconnect(void)
{
    if (b != NULL)
        b->error_handler = ignore_error; /* the default one would close b by itself */
    if (a != NULL)
        a->control(a, IDC_CONTROL_TEARDOWN);
    settle();
    if (b != NULL)
        b->control(b, IDC_CONTROL_TEARDOWN);
    settle();
    a = b = NULL;
    EXPECT(host_caps_live() == 0);
    EXPECT(err_is_ok(waitset_destroy(&ws)));
}

/* ---- what happened ---- */

static char happened[256];

static void note(const char *what)
{
    EXPECT(strlen(happened) + strlen(what) + 2 < sizeof(happened));
    strcat(happened, what);
    strcat(happened, " ");
}

#define HAPPENED(what)                                   \
    do {                                                 \
        if (strcmp(happened, what) != 0)                 \
            fprintf(stderr, "happened: %s\n", happened); \
        EXPECT(strcmp(happened, what) == 0);             \
        happened[0] = '\0';                              \
    } while (0)

static void note_event(void *arg)
{
    note(arg);
}

static errval_t last_error;

static void on_error(struct kitchen_binding *binding, errval_t err)
{
    note(binding == a ? "error-a" : "error-b");
    last_error = err;
}

static void rx_empty(struct kitchen_binding *binding)
{
    (void)binding;
    note("empty");
}

static char text[4096];

static void rx_text(struct kitchen_binding *binding, uint32_t n, const char *s)
{
    (void)binding, (void)n;
    strcpy(text, s);
    note("text");
}

static char *long_text(void)
{
    static char s[2048];
    memset(s, 'x', sizeof(s) - 1);
    return s;
}

static struct event_closure noting(const char *what)
{
    return MKCONT(note_event, (void *)what);
}

/* ---- sending ---- */

static void one_message_at_a_time(void)
{
    connect(24, 8); /* a full string does not fit at once */
    b->rx_vtbl.text = rx_text;
    b->rx_vtbl.empty = rx_empty;
    EXPECT(a->can_send(a));
    EXPECT(err_is_ok(kitchen_text__tx(a, noting("sent"), 1, long_text())));
    EXPECT(!a->can_send(a));
    EXPECT(kitchen_empty__tx(a, NOP_CONT) == FLOUNDER_ERR_TX_BUSY);
    EXPECT(err_is_ok(a->register_send(a, &ws, noting("may-send"))));
    EXPECT(err_is_fail(a->register_send(a, &ws, noting("never"))));
    HAPPENED("");
    settle();
    EXPECT(strcmp(text, long_text()) == 0);
    EXPECT(strstr(happened, "sent may-send ") != NULL && strstr(happened, "text ") != NULL);
    happened[0] = '\0';
    EXPECT(a->can_send(a));
    EXPECT(err_is_ok(a->register_send(a, &ws, noting("free"))));
    HAPPENED("");
    settle();
    HAPPENED("free ");
    disconnect();
}

static void continuations_go_through_the_waitset(void)
{
    connect(80, 32);
    b->rx_vtbl.empty = rx_empty;
    EXPECT(err_is_ok(kitchen_empty__tx(a, noting("first"))));
    HAPPENED("");
    /* idle, but the continuation of the first has not run */
    EXPECT(kitchen_empty__tx(a, noting("second")) == FLOUNDER_ERR_TX_BUSY);
    EXPECT(err_is_ok(kitchen_empty__tx(a, NOP_CONT)));
    settle();
    EXPECT(strstr(happened, "first ") != NULL && strstr(happened, "second") == NULL);
    happened[0] = '\0';
    EXPECT(err_is_ok(kitchen_empty__tx(a, noting("third"))));
    settle();
    EXPECT(strstr(happened, "third ") != NULL);
    happened[0] = '\0';
    disconnect();
}

static void sizes_are_checked_before_anything_is_sent(void)
{
    static char too_long[2049];
    static uint8_t bytes[2049];
    connect(80, 32);
    memset(too_long, 'y', 2048);
    EXPECT(kitchen_text__tx(a, NOP_CONT, 1, too_long) == FLOUNDER_ERR_TX_MSG_SIZE);
    EXPECT(kitchen_bytes__tx(a, NOP_CONT, bytes, 2049) == FLOUNDER_ERR_TX_MSG_SIZE);
    EXPECT(a->can_send(a));
    settle();
    HAPPENED("");
    disconnect();
}

static void blocking_sends_wait_until_the_message_is_out(void)
{
    connect(24, 8);
    b->rx_vtbl.text = rx_text;
    EXPECT(err_is_ok(kitchen_text__tx(a, BLOCKING_CONT, 1, long_text())));
    EXPECT(a->can_send(a));
    settle();
    HAPPENED("text ");
    disconnect();
}

static void a_null_string_arrives_empty(void)
{
    connect(80, 32);
    b->rx_vtbl.text = rx_text;
    strcpy(text, "before");
    EXPECT(err_is_ok(kitchen_text__tx(a, NOP_CONT, 1, NULL)));
    settle();
    HAPPENED("text ");
    EXPECT(text[0] == '\0');
    disconnect();
}

static void message_rx_vtbl_takes_what_rx_vtbl_leaves(void)
{
    connect(80, 32);
    b->message_rx_vtbl.empty = rx_empty;
    EXPECT(err_is_ok(kitchen_empty__tx(a, NOP_CONT)));
    settle();
    HAPPENED("empty ");
    disconnect();
}

static void a_message_without_handler_is_an_error_but_not_the_end(void)
{
    connect(80, 32);
    b->error_handler = on_error;
    EXPECT(err_is_ok(kitchen_empty__tx(a, NOP_CONT)));
    settle();
    HAPPENED("error-b ");
    EXPECT(last_error == FLOUNDER_ERR_NO_HANDLER);
    b->rx_vtbl.empty = rx_empty;
    EXPECT(err_is_ok(kitchen_empty__tx(a, NOP_CONT)));
    settle();
    HAPPENED("empty ");
    host_debug_output();
    disconnect();
}

static void a_binding_moves_to_another_waitset(void)
{
    struct waitset other;
    connect(80, 32);
    waitset_init(&other);
    b->rx_vtbl.empty = rx_empty;
    EXPECT(err_is_ok(b->change_waitset(b, &other)));
    EXPECT(b->waitset == &other);
    EXPECT(err_is_ok(kitchen_empty__tx(a, NOP_CONT)));
    settle();
    HAPPENED("");
    EXPECT(err_is_ok(event_dispatch(&other)));
    HAPPENED("empty ");
    EXPECT(err_is_ok(b->change_waitset(b, &ws)));
    disconnect();
}

/* ---- remote procedure calls ---- */

static errval_t serve_add(struct kitchen_binding *binding, uint32_t x, uint32_t y, uint32_t *sum)
{
    (void)binding;
    *sum = x + y;
    return SYS_ERR_OK;
}

static errval_t serve_echo(struct kitchen_binding *binding, const char *s, char *t, errval_t *err)
{
    (void)binding;
    strcpy(t, s);
    *err = 7;
    return SYS_ERR_OK;
}

static errval_t serve_fill(struct kitchen_binding *binding, uint32_t n, kitchen_point_t *points,
                           size_t *count, kitchen_colour_t *c)
{
    (void)binding;
    for (uint32_t i = 0; i < n; i++)
        points[i].large = i;
    *count = n;
    *c = kitchen_green;
    return SYS_ERR_OK;
}

static void calls_return_results(void)
{
    static char t[2048];
    errval_t err = 0;
    uint32_t sum = 0;
    connect(24, 8);
    b->rpc_rx_vtbl.add_call = serve_add;
    b->rpc_rx_vtbl.echo_call = serve_echo;
    kitchen_rpc_client_init(a);
    EXPECT(err_is_ok(a->rpc_tx_vtbl.add(a, 40, 2, &sum)));
    EXPECT(sum == 42);
    EXPECT(err_is_ok(a->rpc_tx_vtbl.add(a, 1, 2, NULL)));
    memset(t, 1, sizeof(t));
    EXPECT(err_is_ok(a->rpc_tx_vtbl.echo(a, "hello", t, &err)));
    EXPECT(strcmp(t, "hello") == 0 && err == 7 && t[6] == 0 && t[2047] == 0);
    EXPECT(err_is_ok(a->rpc_tx_vtbl.echo(a, long_text(), t, NULL)));
    EXPECT(strcmp(t, long_text()) == 0);
    settle();
    disconnect();
}

static void the_older_style_of_calls_works(void)
{
    struct kitchen_rpc_client rpc;
    char *t = NULL;
    kitchen_point_t *points = NULL;
    size_t count = 5;
    errval_t err = 0;
    uint32_t sum = 0;
    connect(80, 32);
    b->rpc_rx_vtbl.add_call = serve_add;
    b->rpc_rx_vtbl.echo_call = serve_echo;
    b->rpc_rx_vtbl.fill_call = serve_fill;
    EXPECT(err_is_ok(kitchen_rpc_client_init(&rpc, a)));
    EXPECT(err_is_ok(rpc.vtbl.add(&rpc, 3, 4, &sum)) && sum == 7);
    EXPECT(err_is_ok(rpc.vtbl.echo(&rpc, "older", &t, &err)));
    EXPECT(strcmp(t, "older") == 0 && err == 7);
    free(t);
    EXPECT(err_is_ok(rpc.vtbl.fill(&rpc, 3, &points, &count, NULL)));
    EXPECT(count == 3 && points[2].large == 2);
    free(points);
    settle();
    disconnect();
}

static void rx_empty_calls(struct kitchen_binding *binding)
{
    uint32_t sum = 0;
    EXPECT(err_is_ok(binding->rpc_tx_vtbl.add(binding, 5, 6, &sum)));
    EXPECT(sum == 11);
    note("nested");
}

static void handlers_may_call(void)
{
    connect(80, 32);
    a->rpc_rx_vtbl.add_call = serve_add;
    b->rx_vtbl.empty = rx_empty_calls;
    kitchen_rpc_client_init(b);
    EXPECT(err_is_ok(kitchen_empty__tx(a, NOP_CONT)));
    settle();
    HAPPENED("nested ");
    disconnect();
}

static errval_t serve_add_by_calling_back(struct kitchen_binding *binding, uint32_t x, uint32_t y,
                                          uint32_t *sum)
{
    if (x == 0) {
        *sum = y;
        return SYS_ERR_OK;
    }
    return binding->rpc_tx_vtbl.add(binding, x - 1, y + 1, sum);
}

static void calls_may_nest_in_both_directions(void)
{
    uint32_t sum = 0;
    connect(80, 32);
    a->rpc_rx_vtbl.add_call = b->rpc_rx_vtbl.add_call = serve_add_by_calling_back;
    kitchen_rpc_client_init(a);
    kitchen_rpc_client_init(b);
    EXPECT(err_is_ok(a->rpc_tx_vtbl.add(a, 20, 3, &sum)));
    EXPECT(sum == 23);
    settle();
    disconnect();
}

/* The server answers the second call first; the client's calls are nested. */
static uint32_t kept_token[2], kept_sum[2];
static int kept;

static void reply_to(int which)
{
    b->incoming_token = kept_token[which];
    EXPECT(err_is_ok(kitchen_add_response__tx(b, NOP_CONT, kept_sum[which])));
}

static void reply_in_reverse(void *arg)
{
    (void)arg;
    reply_to(1);
    reply_to(0);
}

static void keep_call(struct kitchen_binding *binding, uint32_t x, uint32_t y)
{
    kept_token[kept] = binding->incoming_token;
    kept_sum[kept] = x + y;
    if (++kept == 2)
        EXPECT(err_is_ok(binding->register_send(binding, &ws, MKCLOSURE(reply_in_reverse, NULL))));
}

static void second_call(void *arg)
{
    uint32_t sum = 0;
    (void)arg;
    EXPECT(err_is_ok(a->rpc_tx_vtbl.add(a, 10, 20, &sum)));
    EXPECT(sum == 30);
    note("second");
}

static void replies_may_come_in_any_order(void)
{
    struct waitset_chanstate chan;
    uint32_t sum = 0;
    kept = 0;
    connect(80, 32);
    b->rx_vtbl.add_call = keep_call;
    kitchen_rpc_client_init(a);
    waitset_chanstate_init(&chan, CHANTYPE_OTHER);
    waitset_chan_trigger_closure(&ws, &chan, MKCLOSURE(second_call, NULL));
    EXPECT(err_is_ok(a->rpc_tx_vtbl.add(a, 1, 2, &sum)));
    EXPECT(sum == 3);
    note("first");
    settle();
    HAPPENED("second first ");
    disconnect();
}

static void call_without_rpc(struct kitchen_binding *binding, uint32_t x, uint32_t y)
{
    EXPECT(err_is_ok(kitchen_add_response__tx(binding, NOP_CONT, x * y)));
}

static uint32_t response;

static void rx_response(struct kitchen_binding *binding, uint32_t sum)
{
    (void)binding;
    response = sum;
    note("response");
}

static void halves_of_an_rpc_are_also_messages(void)
{
    connect(80, 32);
    b->rx_vtbl.add_call = call_without_rpc;
    a->rx_vtbl.add_response = rx_response;
    EXPECT(err_is_ok(kitchen_add_call__tx(a, NOP_CONT, 6, 7)));
    settle();
    HAPPENED("response ");
    EXPECT(response == 42);
    disconnect();
}

static errval_t serve_give(struct kitchen_binding *binding, uint8_t bits, errval_t *err,
                           struct capref *mem, struct capref *other)
{
    (void)binding, (void)other;
    *err = bits;
    *mem = host_cap_make(bits);
    return SYS_ERR_OK;
}

static void capabilities_are_given_away(void)
{
    errval_t err = 0;
    struct capref mem = NULL_CAP, other = NULL_CAP;
    if (kind == FLOUNDER_UMP || kind == FLOUNDER_MULTIHOP)
        return; /* the monitors' part is played: see host.c */
    connect(80, 32);
    b->rpc_rx_vtbl.give_call = serve_give;
    kitchen_rpc_client_init(a);
    EXPECT(err_is_ok(a->rpc_tx_vtbl.give(a, 12, &err, &mem, &other)));
    EXPECT(err == 12 && host_cap_object(mem) == 12 && capref_is_null(other));
    EXPECT(host_caps_live() == 1);
    cap_destroy(mem);
    settle();
    disconnect();
}

static void local_sends_call_the_handler(void)
{
    if (kind != FLOUNDER_LOCAL)
        return;
    connect(80, 32);
    b->rx_vtbl.empty = rx_empty;
    EXPECT(err_is_ok(kitchen_empty__tx(a, noting("sent"))));
    HAPPENED("empty sent ");
    EXPECT(err_is_ok(a->register_send(a, &ws, noting("may-send"))));
    settle();
    HAPPENED("may-send ");
    b->error_handler = on_error;
    EXPECT(err_is_ok(a->control(a, IDC_CONTROL_TEARDOWN)));
    a = NULL;
    HAPPENED("error-b ");
    EXPECT(kitchen_empty__tx(b, NOP_CONT) == FLOUNDER_ERR_BINDING_CLOSED);
    settle();
    disconnect();
}

#include "arguments.h"
#include "circuits.h"
#include "deaths.h"
#include "endings.h"
#include "handshakes.h"

int main(void)
{
    static const struct {
        const char *name;
        void (*play)(void);
        enum flounder_channel last; /* kind of channel to which it applies */
    } scenes[] = {
#define SCENE(function) { #function, function, FLOUNDER_LOCAL }
#define QUEUED(function)                       \
    {                                          \
#function, function, FLOUNDER_MULTIHOP \
    } /* needs messages under way */
        QUEUED(one_message_at_a_time),
        QUEUED(continuations_go_through_the_waitset),
        SCENE(sizes_are_checked_before_anything_is_sent),
        SCENE(blocking_sends_wait_until_the_message_is_out),
        SCENE(a_null_string_arrives_empty),
        SCENE(a_null_array_arrives_as_no_elements),
        SCENE(message_rx_vtbl_takes_what_rx_vtbl_leaves),
        SCENE(a_message_without_handler_is_an_error_but_not_the_end),
        QUEUED(a_binding_moves_to_another_waitset),
        SCENE(calls_return_results),
        SCENE(the_older_style_of_calls_works),
        SCENE(handlers_may_call),
        SCENE(calls_may_nest_in_both_directions),
        SCENE(replies_may_come_in_any_order),
        SCENE(halves_of_an_rpc_are_also_messages),
        SCENE(capabilities_are_given_away),
        SCENE(a_refused_capability_takes_no_other_along),
        SCENE(a_null_result_arrives_empty),
        SCENE(local_sends_call_the_handler),
        QUEUED(nonsense_from_the_peer_breaks_the_binding),
        QUEUED(teardown_tells_the_peer),
        SCENE(a_peer_without_error_handler_closes_too),
        QUEUED(teardown_in_the_middle_of_a_message),
        SCENE(handlers_may_tear_down),
        SCENE(calls_end_when_the_peer_goes),
        SCENE(calls_end_when_this_side_goes),
        SCENE(a_message_being_filled_outlives_teardown),
        SCENE(an_event_that_was_taken_outlives_teardown),
        SCENE(a_client_that_does_wrong_is_closed_alone),
        SCENE(what_the_library_closed_stays_until_teardown),
        SCENE(calls_on_top_of_calls_are_counted),
        SCENE(a_dead_endpoint_is_an_error),
        SCENE(last_words_count_though_a_send_crosses_them),
        QUEUED(a_dead_peer_is_told_after_its_last_words),
        QUEUED(a_dead_peer_is_told_while_idle),
        QUEUED(half_a_message_of_a_dead_peer_is_dropped),
        QUEUED(blocked_senders_hear_of_a_dead_peer),
        QUEUED(a_reply_whose_call_has_ended_is_no_second_error),
        QUEUED(calls_end_when_the_peer_dies),
        QUEUED(a_binding_without_error_handler_ends_with_its_peer),
        SCENE(frames_connect_by_a_handshake),
        SCENE(endpoints_connect_by_a_handshake),
        SCENE(strangers_are_refused),
        SCENE(a_circuit_takes_a_window_of_payloads_and_no_more),
        SCENE(a_circuit_acknowledges_when_half_a_window_has_come),
        SCENE(messages_longer_than_a_payload_take_several),
        SCENE(capabilities_that_are_none_cross),
        SCENE(strange_frames_break_only_the_binding),
    };
    host_dispatcher_init();
    for (kind = FLOUNDER_LMP; kind <= FLOUNDER_LOCAL; kind++)
        for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
            scene = scenes[i].name;
            if (kind > scenes[i].last)
                continue;
            scenes[i].play();
        }
    return 0;
}
