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

static unsigned distance(const struct abi_topology *topology, unsigned shortest, unsigned a,
                         unsigned b)
{
    return shortest != 0 ? topology->hops[a][b]
                         : topology->distance[topology->core_node[a]][topology->core_node[b]];
}

void multicast_map_make(struct multicast_map *map, const struct abi_topology *topology,
                        coreid_t root)
{
    const unsigned shortest = shortest_way(topology);
    *map = (struct multicast_map){ .cores = topology->core_count, .root = root };
    for (unsigned a = 0; a < map->cores; a++) {
        for (unsigned b = 0; b < map->cores; b++)
            if (same_package(topology, shortest, a, b))
                map->package[a] |= 1ull << b;
        unsigned at = a; /* those at the same distance stay in their order */
        for (; at > 0 && distance(topology, shortest, root, map->farthest[at - 1]) <
                             distance(topology, shortest, root, a);
             at--)
            map->farthest[at] = map->farthest[at - 1];
        map->farthest[at] = (coreid_t)a;
    }
}

/* Tells `core`, and by it those of its package; but of its own package the root tells all. */
static struct multicast_step step_to(const struct multicast_map *map, coreid_t core,
                                     uint64_t targets)
{
    const uint64_t package = map->package[core];
    const bool is_own = (package >> map->root & 1) != 0;
    return (struct multicast_step){ .to = core,
                                    .below = is_own ? 0 : targets & package & ~(1ull << core) };
}

static unsigned in_order(const struct multicast_map *map, bool by_package, uint64_t targets,
                         struct multicast_step *step)
{
    unsigned count = 0;
    while (targets != 0) {
        const coreid_t first = (coreid_t)__builtin_ctzll(targets);
        step[count] =
            by_package ? step_to(map, first, targets) : (struct multicast_step){ .to = first };
        targets &= ~(step[count].below | 1ull << first);
        count++;
    }
    return count;
}

static unsigned farthest_first(const struct multicast_map *map, uint64_t targets,
                               struct multicast_step *step)
{
    unsigned count = 0;
    for (unsigned i = 0; i < map->cores && targets != 0; i++) {
        const coreid_t core = map->farthest[i];
        if ((targets >> core & 1) == 0)
            continue;
        step[count] = step_to(map, core, targets);
        targets &= ~(step[count].below | 1ull << core);
        count++;
    }
    return count;
}

unsigned multicast_plan(const struct multicast_map *map, enum multicast_kind kind, uint64_t targets,
                        struct multicast_step step[ABI_MAX_CORES])
{
    if (kind == MULTICAST_NUMA)
        return farthest_first(map, targets, step);
    return in_order(map, kind == MULTICAST_PACKAGES, targets, step);
}
