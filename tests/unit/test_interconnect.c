/* SPDX-License-Identifier: MIT
 *
 * The interconnect: hops in each shape against what geometry says, queues at links, and order.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "fault/interconnect.h"

static struct interconnect net;

static const struct interconnect *build(const char *topology, unsigned cores)
{
    static struct interconnect_shape shape;
    shape = (struct interconnect_shape){ .latency_ns = 10 };
    const char *problem = interconnect_build(&shape, topology, cores);
    cr_assert_null(problem, "%s, %u cores: %s", topology, cores, problem);
    interconnect_init(&net, &shape);
    cr_assert(interconnect_is_whole(&net));
    return &net;
}

static unsigned distance(unsigned a, unsigned b)
{
    return a > b ? a - b : b - a;
}

Test(interconnect, hops_are_those_of_the_shape)
{
    for (unsigned n = 1; n <= 64; n++) {
        build("full", n);
        for (unsigned a = 0; a < n; a++)
            for (unsigned b = 0; b < n; b++)
                cr_assert_eq(net.hops[a][b], a != b);
        build("ring", n);
        for (unsigned a = 0; a < n; a++)
            for (unsigned b = 0; b < n; b++) {
                unsigned d = distance(a, b);
                cr_assert_eq(net.hops[a][b], d < n - d ? d : n - d);
            }
    }
    for (unsigned n = 2; n <= 64; n *= 2) {
        build("hypercube", n);
        for (unsigned a = 0; a < n; a++)
            for (unsigned b = 0; b < n; b++)
                cr_assert_eq(net.hops[a][b], __builtin_popcount(a ^ b));
    }
    build("mesh 5x3", 15);
    for (unsigned a = 0; a < 15; a++)
        for (unsigned b = 0; b < 15; b++)
            cr_assert_eq(net.hops[a][b], distance(a % 5, b % 5) + distance(a / 5, b / 5));
}

Test(interconnect, cores_that_share_a_tile_or_socket_reach_each_other_over_its_hub)
{
    build("mesh 6x4", 48); /* two cores on each tile */
    cr_expect_eq(net.hops[0][1], 2);
    cr_expect_eq(net.hops[0][2], 3, "to the next tile");
    cr_expect_eq(net.hops[0][47], 2 + 5 + 3);
    build("two-socket", 16);
    cr_expect_eq(net.hops[0][7], 2);
    cr_expect_eq(net.hops[0][8], 3);
    build("eight-socket", 32);
    cr_expect_eq(net.hops[0][3], 2);
    cr_expect_eq(net.hops[0][31], 5, "across the cube");
    build("two-socket", 2); /* sockets of one core need no hub */
    cr_expect_eq(net.hops[0][1], 1);
    cr_expect_eq(net.shape.vertices, 2);
}

Test(interconnect, shapes_that_cannot_be_are_refused)
{
    static const struct {
        const char *topology;
        unsigned cores;
    } all[] = { { "hypercube", 6 },  { "two-socket", 5 }, { "eight-socket", 12 },
                { "mesh", 4 },       { "mesh 4", 4 },     { "mesh 4x0", 4 },
                { "mesh 2x2x2", 8 }, { "mesh 3x3", 8 },   { "mesh 100x100", 64 },
                { "torus", 4 },      { "", 4 },           { "Ring", 4 } };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct interconnect_shape shape = { 0 };
        cr_expect_not_null(interconnect_build(&shape, all[i].topology, all[i].cores),
                           "%s, %u cores", all[i].topology, all[i].cores);
    }
}

Test(interconnect, links_of_ones_own_may_leave_a_core_alone)
{
    struct interconnect_shape shape = {
        .given = true, .cores = 4, .vertices = 4, .latency_ns = 10
    };
    interconnect_join(&shape, 0, 1);
    interconnect_join(&shape, 1, 2);
    interconnect_init(&net, &shape);
    cr_expect_not(interconnect_is_whole(&net));
    interconnect_join(&shape, 2, 3);
    interconnect_init(&net, &shape);
    cr_expect(interconnect_is_whole(&net));
    cr_expect_eq(net.hops[3][0], 3);
}

Test(interconnect, a_transfer_takes_the_latency_of_each_hop)
{
    build("ring", 8);
    cr_expect_eq(interconnect_send(&net, 0, 4, 64, 1000), 1040);
    cr_expect_eq(interconnect_send(&net, 0, 0, 64, 1000), 1000);
    cr_expect_eq(interconnect_send(&net, 3, 2, 64, 1000), 1010);
}

Test(interconnect, a_taken_link_is_waited_for)
{
    build("ring", 8);
    net.shape.bytes_per_s = 64ull * 1000000000 / 5; /* a line in 5 ns */
    cr_expect_eq(interconnect_send(&net, 0, 1, 64, 100), 115);
    cr_expect_eq(interconnect_send(&net, 0, 1, 64, 100), 120, "behind the first");
    cr_expect_eq(interconnect_send(&net, 0, 2, 64, 100), 140, "the second link is free");
    cr_expect_eq(interconnect_send(&net, 1, 0, 64, 100), 115, "the other direction is its own");
    cr_expect_eq(interconnect_send(&net, 0, 1, 64, 200), 215, "it is free again");
    cr_expect_eq(interconnect_send(&net, 0, 1, 1, 300), 311, "a part of a nanosecond is one");
}

/* ---- signals ---- */

/* Signals until `to` is reached; each step is one that the core can make. */
static unsigned signals(unsigned from, unsigned to)
{
    unsigned count = 0;
    for (; from != to; from = net.signal_next[from][to], count++) {
        cr_assert_lt(count, net.shape.cores);
        cr_assert_lt(net.signal_next[from][to], net.shape.cores);
        cr_assert_not(net.shape.unsignalled[from] >> net.signal_next[from][to] & 1);
    }
    return count;
}

Test(interconnect, without_more_every_core_signals_every_other)
{
    unsigned from, to;
    build("mesh 6x4", 48);
    for (unsigned a = 0; a < 48; a++)
        for (unsigned b = 0; b < 48; b++)
            cr_assert_eq(net.signal_next[a][b], b);
    cr_expect_not(interconnect_finds_unsignalled(&net, &from, &to));
}

Test(interconnect, signals_of_neighbours_take_a_shortest_way)
{
    static const struct {
        const char *topology;
        unsigned cores;
    } shapes[] = { { "full", 5 },      { "ring", 9 },       { "mesh 5x3", 15 },
                   { "mesh 6x4", 48 }, { "hypercube", 64 }, { "eight-socket", 32 } };
    for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
        const unsigned cores = shapes[s].cores;
        unsigned from, to;
        build(shapes[s].topology, cores);
        struct interconnect_shape shape = net.shape;
        interconnect_signal_neighbours(&shape);
        interconnect_init(&net, &shape);
        cr_expect_not(interconnect_finds_unsignalled(&net, &from, &to));
        const bool hubs = shape.vertices > cores;
        for (unsigned a = 0; a < cores; a++)
            for (unsigned b = 0; b < cores; b++) {
                /* hubs: two links lie between a core and its hub, and a signal at the same hub */
                const unsigned hops = net.hops[a][b];
                const unsigned least = !hubs || a == b ? hops : hops == 2 ? 1 : hops - 2;
                cr_assert_eq(signals(a, b), least, "%s %u to %u", shapes[s].topology, a, b);
            }
    }
}

Test(interconnect, signals_need_not_go_both_ways)
{
    static struct interconnect_shape shape;
    unsigned from, to;
    shape = (struct interconnect_shape){ .latency_ns = 10 };
    interconnect_build(&shape, "full", 4);
    for (unsigned core = 0; core < 4; core++) /* round and round */
        shape.unsignalled[core] = 0xf & ~(1u << core | 1u << (core + 1) % 4);
    interconnect_init(&net, &shape);
    cr_expect_not(interconnect_finds_unsignalled(&net, &from, &to));
    cr_expect_eq(signals(0, 1), 1);
    cr_expect_eq(signals(1, 0), 3);
    shape.unsignalled[2] = 0xb; /* nobody, but itself */
    interconnect_init(&net, &shape);
    cr_expect(interconnect_finds_unsignalled(&net, &from, &to));
    cr_expect(from == 0 && to == 3, "%u to %u", from, to);
}

/* Whatever is sent in whatever order: on one way nothing overtakes. */
Test(interconnect, what_is_sent_later_arrives_later)
{
    static const char *const shapes[] = { "ring", "mesh 4x4", "hypercube", "two-socket",
                                          "eight-socket" };
    for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
        uint64_t last[16][16] = { 0 }, now_ns = 0;
        build(shapes[s], 16);
        net.shape.bytes_per_s = 3000000000;
        srand(7);
        for (unsigned i = 0; i < 20000; i++) {
            unsigned from = (unsigned)rand() % 16, to = (unsigned)rand() % 16;
            now_ns += (unsigned)rand() % 8;
            uint64_t at_ns = interconnect_send(&net, from, to, 64, now_ns);
            cr_assert_geq(at_ns, now_ns + 10ull * net.hops[from][to]);
            cr_assert_geq(at_ns, last[from][to]);
            last[from][to] = at_ns;
        }
    }
}
