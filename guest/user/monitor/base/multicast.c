/* SPDX-License-Identifier: MIT
 *
 * See multicast.h.
 */
#include "multicast.h"

#include <stdbool.h>

static bool has(uint64_t set, unsigned core)
{
    return set >> core & 1;
}

/* Links between the nearest two cores; 0: no interconnect is known. */
static unsigned shortest_way(const struct abi_topology *topology)
{
    unsigned shortest = 0;
    for (unsigned core = 1; core < topology->core_count; core++) {
        const unsigned hops = topology->hops[0][core];
        if (hops != 0 && (shortest == 0 || hops < shortest))
            shortest = hops;
    }
    return shortest;
}

/* A way of one link leads to a neighbour, not to a core behind the same hub. */
#define OVER_A_HUB 2

bool multicast_same_package(const struct abi_topology *topology, unsigned a, unsigned b)
{
    if (topology->node_count > 1)
        return topology->core_node[a] == topology->core_node[b];
    const unsigned shortest = shortest_way(topology);
    if (shortest == 0 || a == b)
        return true;
    return shortest >= OVER_A_HUB && topology->hops[a][b] == shortest;
}

static unsigned distance(const struct abi_topology *topology, unsigned a, unsigned b)
{
    if (shortest_way(topology) != 0)
        return topology->hops[a][b];
    return topology->distance[topology->core_node[a]][topology->core_node[b]];
}

static unsigned one_by_one(uint64_t targets, struct multicast_step *step)
{
    unsigned count = 0;
    for (unsigned core = 0; core < ABI_MAX_CORES; core++)
        if (has(targets, core))
            step[count++] = (struct multicast_step){ .to = (coreid_t)core };
    return count;
}

static unsigned to_leaders(const struct abi_topology *topology, uint64_t targets,
                           struct multicast_step *step)
{
    unsigned count = 0;
    for (unsigned core = 0; core < ABI_MAX_CORES; core++) {
        if (!has(targets, core))
            continue;
        unsigned leader = 0;
        while (leader < count && !multicast_same_package(topology, step[leader].to, core))
            leader++;
        if (leader < count)
            step[leader].below |= 1ull << core;
        else
            step[count++] = (struct multicast_step){ .to = (coreid_t)core };
    }
    return count;
}

/* Those at the same distance stay in their order. */
static void sort_farthest_first(const struct abi_topology *topology, coreid_t root,
                                struct multicast_step *step, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        const struct multicast_step moved = step[i];
        unsigned at = i;
        for (; at > 0 &&
               distance(topology, root, step[at - 1].to) < distance(topology, root, moved.to);
             at--)
            step[at] = step[at - 1];
        step[at] = moved;
    }
}

unsigned multicast_plan(const struct abi_topology *topology, enum multicast_kind kind,
                        coreid_t root, uint64_t targets, struct multicast_step step[ABI_MAX_CORES])
{
    uint64_t near = 0;
    if (kind == MULTICAST_NONE)
        return one_by_one(targets, step);
    for (unsigned core = 0; core < topology->core_count; core++)
        if (has(targets, core) && multicast_same_package(topology, root, core))
            near |= 1ull << core;
    unsigned count = to_leaders(topology, targets & ~near, step);
    if (kind == MULTICAST_NUMA)
        sort_farthest_first(topology, root, step, count);
    return count + one_by_one(near, step + count);
}
