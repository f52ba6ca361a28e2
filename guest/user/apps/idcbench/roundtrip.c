/* SPDX-License-Identifier: MIT
 *
 * Round trips between two cores, in cycles: from nothing but the memory system up to a remote
 * procedure call.  Both sides poll.  And between two programs on one core, over LMP.
 *
 *   line   a word of the channel's memory there, another back: what the memory system costs
 *   ump    one word over the bare channel, each way
 *   stub   a message through the generated stubs; both sides poll their waitset without blocking
 *   block  the same with event_dispatch, which may block the thread between messages
 *   rpc    a call with one argument and one result
 *
 * The kinds take turns, so that each meets the same weather: BATCHES times a batch of each, of
 * which the median counts.  The figure of a batch is the median of its GROUPS groups of round
 * trips: a group is so short that most are spared when the host takes a CPU away.
 */
#include "idcbench.h"

#include <bench/bench.h>
#include <inttypes.h>
#include <stdio.h>

#define BATCHES 10
#define GROUPS 50
#define GROUP_ROUNDS 20
#define CALLS 50 /* of time_calls */
#define ROUNDS (GROUPS * GROUP_ROUNDS)

static struct idcbench_binding *server;
static uint64_t pings;

static void rx_ping(struct idcbench_binding *b, uint64_t a)
{
    (void)b;
    pings = a;
}

/* One round trip; `round` counts from 1. */
typedef void round_trip_fn(uint64_t round);

/* Cycles for one. */
static inline __attribute__((always_inline)) uint64_t batch(round_trip_fn *round_trip)
{
    struct results groups = { .count = 0 };
    uint64_t round = 1;

    for (unsigned i = 0; i < GROUPS; i++) {
        uint64_t start = cycles();

        for (unsigned j = 0; j < GROUP_ROUNDS; j++)
            round_trip(round++);
        results_add(&groups, (cycles() - start) / GROUP_ROUNDS);
    }
    return results_median(&groups);
}

static void line_round_trip(uint64_t round)
{
    struct ump_chan *chan = server->flounder.channel;

    *spare_word(&chan->ring.send) = round;
    while (*spare_word(&chan->ring.recv) != round)
        __asm__ volatile("pause");
}

static uint64_t lines(void)
{
    struct ump_chan *chan = server->flounder.channel;

    *spare_word(&chan->ring.send) = 0;
    must(idcbench_lines__tx(server, NOP_CONT, ROUNDS), "asking for lines");
    return batch(line_round_trip);
}

static void bare_round_trip(uint64_t round)
{
    struct ump_chan *chan = server->flounder.channel;

    bare_send(chan, 1, round);
    if (bare_receive(chan)->data[0] != round)
        USER_PANIC("the bare channel brought back something else");
    ump_chan_recv_done(chan);
}

static uint64_t bare(void)
{
    must(idcbench_bare__tx(server, NOP_CONT, ROUNDS), "asking for the bare channel");
    return batch(bare_round_trip);
}

static void polling_round_trip(uint64_t round)
{
    must(idcbench_ping__tx(server, NOP_CONT, round), "sending a ping");
    while (pings != round)
        if (err_is_fail(event_dispatch_non_block(server->waitset)))
            __asm__ volatile("pause");
}

static void blocking_round_trip(uint64_t round)
{
    must(idcbench_ping__tx(server, NOP_CONT, round), "sending a ping");
    while (pings != round)
        must(event_dispatch(server->waitset), "dispatching an event");
}

static void rpc_round_trip(uint64_t round)
{
    uint64_t result = 0;

    must(server->rpc_tx_vtbl.call(server, round, &result), "calling");
    if (result != round)
        USER_PANIC("a call brought back something else");
}

/* The server polls, or it may block. */
static uint64_t with_server(bool polling, round_trip_fn *round_trip)
{
    uint64_t was, result;

    must(server->rpc_tx_vtbl.set_polling(server, polling, &was), "choosing how to wait");
    pings = 0;
    result = batch(round_trip);
    must(server->rpc_tx_vtbl.set_polling(server, false, &was), "choosing how to wait");
    return result;
}

static void print_rate(void)
{
    bench_init();
    const uint64_t khz = bench_tsc_per_ms();
    printf("bench tsc.khz %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", khz, khz, khz);
}

void time_calls(struct idcbench_binding *b)
{
    static struct results calls;

    server = b;
    for (unsigned i = 0; i < CALLS; i++) {
        uint64_t start = cycles();

        rpc_round_trip(i + 1);
        results_add(&calls, cycles() - start);
    }
    results_print(&calls, b->flounder.kind == FLOUNDER_MULTIHOP ? "calls.multihop" : "calls.ump",
                  0);
    print_rate();
}

static void bare_lmp_round_trip(uint64_t round)
{
    struct lmp_chan *chan = server->flounder.channel;
    struct lmp_recv_msg msg;

    must(lmp_chan_send1(chan, LMP_SEND_FLAGS_DEFAULT, NULL_CAP, round), "sending a word");
    bare_lmp_receive(chan, &msg);
    if (msg.words[0] != round)
        USER_PANIC("the bare channel brought back something else");
}

static uint64_t bare_over_lmp(void)
{
    must(idcbench_bare__tx(server, NOP_CONT, ROUNDS), "asking for the bare channel");
    must(lmp_chan_deregister_recv(server->flounder.channel), "listening no longer");
    const uint64_t result = batch(bare_lmp_round_trip);
    flounder_lmp_rearm(&server->flounder);
    return result;
}

/* On one core nobody gains by polling: the other one has to run. */
static void time_on_one_core(void)
{
    static struct results lmp, block, call;

    for (unsigned i = 0; i < BATCHES; i++) {
        results_add(&lmp, bare_over_lmp());
        results_add(&block, with_server(false, blocking_round_trip));
        results_add(&call, with_server(false, rpc_round_trip));
    }
    results_print(&lmp, "roundtrip.lmp", 0);
    results_print(&block, "roundtrip.lmp.stub", 0);
    results_print(&call, "roundtrip.lmp.rpc", 0);
    print_rate();
}

void time_round_trips(struct idcbench_binding *b)
{
    static struct results line, ump, stub, block, call;

    server = b;
    server->rx_vtbl.ping = rx_ping;
    if (b->flounder.kind == FLOUNDER_LMP) {
        time_on_one_core();
        return;
    }
    if (b->flounder.kind != FLOUNDER_UMP)
        USER_PANIC("round trips go over UMP or LMP");
    for (unsigned i = 0; i < BATCHES; i++) {
        results_add(&line, lines());
        results_add(&ump, bare());
        results_add(&stub, with_server(true, polling_round_trip));
        results_add(&block, with_server(false, blocking_round_trip));
        results_add(&call, with_server(true, rpc_round_trip));
    }
    results_print(&line, "roundtrip.line", 0);
    results_print(&ump, "roundtrip.ump", 0);
    results_print(&stub, "roundtrip.stub", 0);
    results_print(&block, "roundtrip.block", 0);
    results_print(&call, "roundtrip.rpc", 0);
    print_rate();
}
