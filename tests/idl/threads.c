/* SPDX-License-Identifier: MIT
 *
 * Stubs over a real UMP ring between two POSIX threads, each a dispatcher: messages of every size
 * bounce and must come back equal, calls run concurrently in both directions.  With the argument
 * `bench` it measures round trips instead, beside those of a bare cache line and of the bare
 * channel.
 *
 * Compiled by tests/unit/test_idl_stubs.c together with the stubs of kitchen.if.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host.h"
#include "kitchen_flounder_bindings.c"

#define EXPECT(condition)                                                              \
    do {                                                                               \
        if (!(condition)) {                                                            \
            fprintf(stderr, "threads: line %d: not true: %s\n", __LINE__, #condition); \
            abort();                                                                   \
        }                                                                              \
    } while (0)

#define RING_BYTES 2048
#define MESSAGES 2000

static uint8_t ring[2][RING_BYTES] __attribute__((aligned(64)));

struct side {
    int index;
    struct waitset ws;
    struct kitchen_ump_binding binding;
    unsigned received, answered;
    bool finished;
};

static struct side sides[2];

static struct side *side_of(struct kitchen_binding *b)
{
    return b->st;
}

static void open_side(struct side *s, int index)
{
    host_dispatcher_init();
    s->index = index;
    waitset_init(&s->ws);
    kitchen_ump_init(&s->binding, &s->ws, ring[index], RING_BYTES, ring[1 - index], RING_BYTES,
                     NULL_CAP);
    s->binding.b.st = s;
}

/* ---- correctness ---- */

static void expected_text(char *to, uint32_t n)
{
    size_t length = n % 7 == 0 ? 2047 : n * 37 % 300;
    for (size_t i = 0; i < length; i++)
        to[i] = (char)('a' + (n + i) % 26);
    to[length] = '\0';
}

static void rx_text(struct kitchen_binding *b, uint32_t n, const char *s)
{
    static __thread char expected[2048];
    EXPECT(n == side_of(b)->received++);
    expected_text(expected, n);
    EXPECT(strcmp(s, expected) == 0);
}

static void rx_seven(struct kitchen_binding *b, uint64_t p, uint64_t q, uint64_t r, uint64_t s,
                     uint64_t t, uint64_t u, uint64_t v)
{
    EXPECT(q == p + 1 && r == p + 2 && s == p + 3 && t == p + 4 && u == p + 5 && v == p + 6);
    side_of(b)->answered++;
}

static errval_t serve_add(struct kitchen_binding *b, uint32_t x, uint32_t y, uint32_t *sum)
{
    (void)b;
    *sum = x * 3 + y;
    return SYS_ERR_OK;
}

static void rx_empty(struct kitchen_binding *b)
{
    side_of(b)->finished = true;
}

/* Sends with a blocking continuation: so both sides send and receive at once. */
static void *talk(void *arg)
{
    struct side *s = arg;
    static __thread char text[2048];
    struct kitchen_binding *b = &s->binding.b;
    open_side(s, s == &sides[1]);
    b->rx_vtbl.text = rx_text;
    b->rx_vtbl.seven = rx_seven;
    b->rx_vtbl.empty = rx_empty;
    b->rpc_rx_vtbl.add_call = serve_add;
    kitchen_rpc_client_init(b);
    EXPECT(err_is_ok(kitchen_ump_start(&s->binding)));
    for (uint32_t n = 0; n < MESSAGES; n++) {
        uint32_t sum = 0;
        expected_text(text, n);
        EXPECT(err_is_ok(kitchen_text__tx(b, BLOCKING_CONT, n, text)));
        EXPECT(err_is_ok(
            kitchen_seven__tx(b, BLOCKING_CONT, n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6)));
        if (n % 3 == 0) {
            EXPECT(err_is_ok(b->rpc_tx_vtbl.add(b, n, 7, &sum)));
            EXPECT(sum == n * 3 + 7);
        }
    }
    EXPECT(err_is_ok(kitchen_empty__tx(b, BLOCKING_CONT)));
    while (!s->finished)
        EXPECT(err_is_ok(event_dispatch(&s->ws)));
    EXPECT(s->received == MESSAGES && s->answered == MESSAGES);
    return NULL;
}

/* ---- round trips ---- */

#define ROUNDS 200000
#define RUNS 11

enum bench { LINE, CHANNEL, STUBS, RPC, BENCHES };
static const char *const bench_names[] = { "cache line", "UMP channel", "stubs and waitset",
                                           "rpc" };
static volatile struct {
    _Alignas(64) uint64_t value;
} lines[2];
static enum bench bench;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void channel_send(struct ump_chan *chan)
{
    struct ump_control control;
    volatile struct ump_message *line;
    while ((line = ump_chan_get_next(chan, &control)) == NULL)
        ;
    line->data[0] = 1;
    ump_chan_commit(chan, line, control, 3);
}

static void channel_receive(struct ump_chan *chan)
{
    volatile struct ump_message *line;
    unsigned type;
    while (err_is_fail(ump_chan_recv(chan, &line, &type)))
        ;
    ump_chan_recv_done(chan);
}

static void rx_one(struct kitchen_binding *b, uint32_t n)
{
    side_of(b)->received++;
    if (side_of(b)->index == 1)
        EXPECT(err_is_ok(kitchen_one__tx(b, NOP_CONT, n)));
}

static void *bounce(void *arg)
{
    struct side *s = arg;
    struct kitchen_binding *b = &s->binding.b;
    const bool first = s == &sides[0];
    open_side(s, !first);
    b->rx_vtbl.one = rx_one;
    b->rpc_rx_vtbl.add_call = serve_add;
    b->rx_vtbl.empty = rx_empty;
    kitchen_rpc_client_init(b);
    s->received = 0;
    s->finished = false;
    if (bench >= STUBS)
        EXPECT(err_is_ok(kitchen_ump_start(&s->binding)));
    for (unsigned i = 1; i <= ROUNDS; i++) {
        switch (bench) {
        case LINE:
            if (first)
                lines[0].value = i;
            while (lines[first].value != i)
                ;
            if (!first)
                lines[1].value = i;
            break;
        case CHANNEL:
            if (first)
                channel_send(&s->binding.chan);
            channel_receive(&s->binding.chan);
            if (!first)
                channel_send(&s->binding.chan);
            break;
        case STUBS:
            if (first)
                EXPECT(err_is_ok(kitchen_one__tx(b, NOP_CONT, i)));
            while (s->received < i)
                event_dispatch(&s->ws);
            break;
        default:
            if (first)
                EXPECT(err_is_ok(b->rpc_tx_vtbl.add(b, i, i, NULL)));
        }
    }
    if (bench == RPC) {
        if (first)
            EXPECT(err_is_ok(kitchen_empty__tx(b, NOP_CONT)));
        while (!first && !s->finished)
            event_dispatch(&s->ws);
    }
    return NULL;
}

static int compare(const void *x, const void *y)
{
    double p = *(const double *)x, q = *(const double *)y;
    return p < q ? -1 : p > q;
}

static double run_pair(void *(*function)(void *))
{
    pthread_t thread[2];
    memset(ring, 0, sizeof(ring));
    memset(sides, 0, sizeof(sides));
    lines[0].value = lines[1].value = 0;
    uint64_t start = now_ns();
    for (int i = 0; i < 2; i++)
        EXPECT(pthread_create(&thread[i], NULL, function, &sides[i]) == 0);
    for (int i = 0; i < 2; i++)
        EXPECT(pthread_join(thread[i], NULL) == 0);
    return (double)(now_ns() - start);
}

static void measure(void)
{
    double base = 0;
    for (bench = LINE; bench < BENCHES; bench++) {
        double ns[RUNS];
        for (int i = 0; i < RUNS; i++)
            ns[i] = run_pair(bounce) / ROUNDS;
        qsort(ns, RUNS, sizeof(ns[0]), compare);
        if (bench == LINE)
            base = ns[RUNS / 2];
        printf("%-18s %8.1f ns round trip, median of %d; ratio %.2f\n", bench_names[bench],
               ns[RUNS / 2], RUNS, ns[RUNS / 2] / base);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "bench") == 0)
        measure();
    else
        run_pair(talk);
    return 0;
}
