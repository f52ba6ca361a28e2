/* SPDX-License-Identifier: MIT
 *
 * See multicast.h.
 */
#include "multicast.h"

#include <stdbool.h>

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

static bool same_package(const struct abi_topology *topology, unsigned shortest, unsigned a,
                         unsigned b)
{
    if (topology->node_count > 1)
        return topology->core_node[a] == topology->core_node[b];
    if (shortest == 0 || a == b)
        return true;
    return shortest >= OVER_A_HUB && topology->hops[a][b] == shortest;
}

static uint8_t distance(const struct abi_topology *topology, unsigned shortest, unsigned a,
                        unsigned b)
{
    return shortest != 0 ? topology->hops[a][b]
                         : topology->distance[topology->core_node[a]][topology->core_node[b]];
}

void multicast_map_make(struct multicast_map *map, const struct abi_topology *topology,
                        coreid_t root)
{
    const unsigned shortest = shortest_way(topology), cores = topology->core_count;
    *map = (struct multicast_map){ .root = root };
    for (unsigned a = 0; a < cores; a++)
        for (unsigned b = 0; b < cores; b++)
            if (same_package(topology, shortest, a, b))
                map->package[a] |= 1ull << b;
    coreid_t *next = map->farthest; /* those at the same distance in their order */
    for (unsigned far = UINT8_MAX + 1; far-- > 0;)
        for (unsigned core = 0; core < cores; core++)
            if (distance(topology, shortest, root, core) == far)
                *next++ = (coreid_t)core;
}

unsigned multicast_plan(const struct multicast_map *map, enum multicast_kind kind, uint64_t targets,
                        struct multicast_step step[ABI_MAX_CORES])
{
    unsigned count = 0;
    for (unsigned i = 0; targets != 0; i++) {
        const coreid_t core = kind == MULTICAST_NUMA ? map->farthest[i] : (coreid_t)i;
        if ((targets >> core & 1) == 0)
            continue;
        uint64_t below = targets & map->package[core] & ~(1ull << core);
        if (kind == MULTICAST_NONE || (map->package[core] >> map->root & 1) != 0)
            below = 0; /* its own package the root tells itself */
        step[count++] = (struct multicast_step){ .to = core, .below = below };
        targets &= ~(below | 1ull << core);
    }
    return count;
}
