/* SPDX-License-Identifier: MIT
 *
 * Whom to tell first, and who tells whom: each core once, packages together, the farthest first.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "../../guest/user/monitor/base/multicast.h"

/* link: guest/user/monitor/base/multicast.c */

#define CORES 32
#define EACH 4

static unsigned bits(unsigned value)
{
    return (unsigned)__builtin_popcount(value);
}

/* Eight sockets of four cores, the sockets a cube: as the preset eight-socket-32. */
static struct abi_topology cube(void)
{
    struct abi_topology t = { .core_count = CORES, .node_count = 1 };
    for (unsigned a = 0; a < CORES; a++)
        for (unsigned b = 0; b < CORES; b++)
            if (a != b)
                t.hops[a][b] = (uint8_t)(2 + bits(a / EACH ^ b / EACH));
    return t;
}

/* Four nodes of eight cores, in a row. */
static struct abi_topology row(void)
{
    struct abi_topology t = { .core_count = CORES, .node_count = 4 };
    for (unsigned core = 0; core < CORES; core++)
        t.core_node[core] = (uint8_t)(core / 8);
    for (unsigned a = 0; a < 4; a++)
        for (unsigned b = 0; b < 4; b++)
            t.distance[a][b] = (uint8_t)(10 + 10 * abs((int)a - (int)b));
    return t;
}

static struct multicast_map map_of(const struct abi_topology *t, unsigned root)
{
    struct multicast_map map;
    multicast_map_make(&map, t, (coreid_t)root);
    return map;
}

/* All that is told by a plan; each once, and by somebody of its package. */
static uint64_t told(const struct multicast_map *map, const struct multicast_step *step,
                     unsigned steps)
{
    uint64_t all = 0;
    for (unsigned i = 0; i < steps; i++) {
        const uint64_t these = 1ull << step[i].to | step[i].below;
        cr_assert_eq(all & these, 0, "a core is told twice");
        all |= these;
        for (unsigned core = 0; core < CORES; core++)
            if (step[i].below >> core & 1)
                cr_assert(map->package[step[i].to] >> core & 1);
    }
    return all;
}

Test(monitor_multicast, every_target_is_told_once)
{
    const struct abi_topology shapes[] = { cube(),
                                           row(),
                                           { .core_count = CORES, .node_count = 1 } };
    struct multicast_step step[ABI_MAX_CORES];
    static struct multicast_map map[3][CORES];
    for (unsigned i = 0; i < 3 * CORES; i++)
        map[i / CORES][i % CORES] = map_of(&shapes[i / CORES], i % CORES);
    srand(1);
    for (unsigned round = 0; round < 3000; round++) {
        const unsigned root = (unsigned)rand() % CORES;
        const uint64_t targets = (uint32_t)rand() & (uint32_t)rand() & ~(1u << root);
        for (unsigned kind = MULTICAST_NONE; kind <= MULTICAST_NUMA; kind++) {
            const struct multicast_map *from = &map[round % 3][root];
            const unsigned steps = multicast_plan(from, (enum multicast_kind)kind, targets, step);
            cr_assert_eq(told(from, step, steps), targets);
        }
    }
}

Test(monitor_multicast, one_message_goes_to_each_package)
{
    const struct abi_topology t = cube();
    const struct multicast_map map = map_of(&t, 0);
    struct multicast_step step[ABI_MAX_CORES];
    const uint64_t all = 0xfffffffe;
    cr_assert_eq(multicast_plan(&map, MULTICAST_NONE, all, step), 31);
    cr_assert_eq(multicast_plan(&map, MULTICAST_PACKAGES, all, step), 7 + 3);
    for (unsigned i = 0; i < 3; i++) { /* its own package, as it comes */
        cr_assert_eq(step[i].to, i + 1);
        cr_assert_eq(step[i].below, 0);
    }
    cr_assert_eq(step[3].to, 4);
    cr_assert_eq(step[3].below, 0xe0);
}

Test(monitor_multicast, the_farthest_package_is_first)
{
    struct multicast_step step[ABI_MAX_CORES];
    struct abi_topology t = cube();
    struct multicast_map map = map_of(&t, 0);
    cr_assert_eq(multicast_plan(&map, MULTICAST_NUMA, 0xfffffffe, step), 10);
    cr_assert_eq(step[0].to, 28, "the corner of the cube that is farthest from socket 0");
    for (unsigned i = 1; i < 7; i++)
        cr_assert_leq(t.hops[0][step[i].to], t.hops[0][step[i - 1].to]);
    cr_assert_eq(step[7].to, 1, "its own package comes last");
    cr_assert_eq(step[7].below, 0);
    t = row();
    map = map_of(&t, 9);
    cr_assert_eq(multicast_plan(&map, MULTICAST_NUMA, 0xfffffdff, step), 3 + 7);
    cr_assert_eq(step[0].to, 24);
}

Test(monitor_multicast, a_machine_without_packages_is_one)
{
    const struct abi_topology t = { .core_count = CORES, .node_count = 1 };
    struct abi_topology ring = { .core_count = CORES, .node_count = 1 };
    struct multicast_map map = map_of(&t, 0);
    struct multicast_step step[ABI_MAX_CORES];
    cr_assert_eq(multicast_plan(&map, MULTICAST_NUMA, 0xfe, step), 7);
    for (unsigned i = 0; i < 7; i++)
        cr_assert_eq(step[i].to, i + 1);
    for (unsigned a = 0; a < CORES; a++) /* neighbours of one link are no package */
        for (unsigned b = 0; b < CORES; b++)
            ring.hops[a][b] = (uint8_t)(a == b ? 0 : abs((int)a - (int)b));
    map = map_of(&ring, 0);
    cr_assert_eq(multicast_plan(&map, MULTICAST_NUMA, 0xe, step), 3);
    cr_assert_eq(step[0].to, 3);
}
