/* SPDX-License-Identifier: MIT
 *
 * Loads from memory of other nodes: what is at hand, what a transfer costs, and that n readers of a
 * line wait for each other at its home.
 */
/* link: vmm/fault/far_memory.c vmm/fault/interconnect.c */
#include <criterion/criterion.h>

#include "fault/far_memory.h"

#define LATENCY 100
#define LINE_NS 8 /* a line on a link, and at its home */
#define RAM(node) ((node)*0x100000ull)

static struct interconnect net;
static struct far_memory *memory;
static uint8_t core_node[ABI_MAX_CORES];

/* Cores 0 and 1 are at node 0, 2 and 3 at node 1; all are joined in a ring. */
static void set_up(void)
{
    static struct interconnect_shape shape;
    static const struct far_memory_range range[] = { { RAM(0), 0x100000, 0 },
                                                     { RAM(1), 0x100000, 1 } };
    shape.latency_ns = LATENCY;
    shape.bytes_per_s = FAR_MEMORY_LINE_BYTES * 1000000000ull / LINE_NS;
    cr_assert_null(interconnect_build(&shape, "ring", 4));
    interconnect_init(&net, &shape);
    core_node[2] = core_node[3] = 1;
    memory = far_memory_create(&net, core_node, range, 2);
    cr_assert_not_null(memory);
}

static void tear_down(void)
{
    far_memory_destroy(memory);
}

TestSuite(far_memory, .init = set_up, .fini = tear_down);

Test(far_memory, loads_of_the_own_node_and_of_what_is_no_ram_cost_nothing)
{
    for (uint64_t at = 0; at < 0x3000; at += 8)
        for (unsigned core = 0; core < 4; core++)
            cr_assert_eq(far_memory_load(memory, core, RAM(core_node[core]) + at, 0), 0);
    cr_expect_eq(far_memory_load(memory, 0, RAM(2), 0), 0);
    cr_expect_eq(far_memory_transfers(memory, 0), 0);
}

Test(far_memory, a_line_comes_once_and_takes_its_way_there_and_back)
{
    /* node 1's lines come from core 2: two hops from core 0, one from core 1 */
    cr_expect_eq(far_memory_load(memory, 0, RAM(1), 5000), 4 * LATENCY + 2 * LINE_NS);
    cr_expect_eq(far_memory_load(memory, 0, RAM(1) + 56, 6000), 0, "the same line");
    cr_expect_gt(far_memory_load(memory, 0, RAM(1) + 64, 7000), 0, "the next");
    cr_expect_eq(far_memory_load(memory, 1, RAM(1), 8000), 2 * LATENCY + LINE_NS);
    cr_expect_eq(far_memory_transfers(memory, 0), 2);
    cr_expect_eq(far_memory_transfers(memory, 1), 1);
}

Test(far_memory, who_stores_takes_the_line_from_all_others)
{
    for (unsigned core = 0; core < 2; core++)
        cr_assert_gt(far_memory_load(memory, core, RAM(1), 1000 * core), 0);
    far_memory_store(memory, 0, RAM(1) + 8);
    cr_expect_eq(far_memory_load(memory, 0, RAM(1), 9000), 0, "who stored has it");
    cr_expect_gt(far_memory_load(memory, 1, RAM(1), 9000), 0);
    far_memory_store(memory, 2, RAM(1)); /* at home */
    cr_expect_gt(far_memory_load(memory, 0, RAM(1), 10000), 0);
    cr_expect_eq(far_memory_load(memory, 0, RAM(1), 11000), 0);
    far_memory_store(memory, 3, RAM(0)); /* nobody has anything of that page */
}

/* However many cores read: each has its transfer, and they leave one behind the other. */
Test(far_memory, a_line_with_n_readers_costs_n_transfers_one_behind_the_other)
{
    struct interconnect_shape shape = net.shape;
    uint64_t last = 0;
    far_memory_destroy(memory);
    cr_assert_null(interconnect_build(&shape, "full", 16));
    interconnect_init(&net, &shape);
    for (unsigned core = 0; core < 16; core++)
        core_node[core] = core != 0;
    const struct far_memory_range range = { RAM(0), 0x100000, 0 };
    memory = far_memory_create(&net, core_node, &range, 1);
    cr_assert_not_null(memory);
    for (unsigned round = 0; round < 3; round++) {
        const uint64_t now_ns = 100000 * round;
        far_memory_store(memory, 0, RAM(0));
        for (unsigned core = 1; core < 16; core++) {
            const uint64_t took_ns = far_memory_load(memory, core, RAM(0), now_ns);
            cr_expect_eq(took_ns, 2 * LATENCY + LINE_NS + (core - 1) * LINE_NS, "%u: %lu", core,
                         (unsigned long)took_ns);
            last = took_ns;
        }
    }
    cr_expect_eq(last, 2 * LATENCY + 15 * LINE_NS);
    cr_expect_eq(far_memory_transfers(memory, 7), 3);
}

Test(far_memory, lines_of_a_socket_come_from_its_hub)
{
    struct interconnect_shape shape = net.shape;
    far_memory_destroy(memory);
    shape.bytes_per_s = 0;
    cr_assert_null(interconnect_build(&shape, "two-socket", 4));
    interconnect_init(&net, &shape);
    const struct far_memory_range range = { RAM(1), 0x100000, 1 };
    memory = far_memory_create(&net, core_node, &range, 1);
    cr_assert_not_null(memory);
    cr_expect_eq(far_memory_load(memory, 0, RAM(1), 0), 4 * LATENCY, "own hub, other hub, back");
    cr_expect_eq(far_memory_load(memory, 3, RAM(1), 0), 0);
}
