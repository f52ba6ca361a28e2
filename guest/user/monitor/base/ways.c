/* SPDX-License-Identifier: MIT
 *
 * See ways.h.  One search from the core outwards, a layer of cores for each signal more.  What is
 * carried along is the first step, the smallest of all shortest ways.
 */
#include "ways.h"

#include <string.h>

#define BIT(core) (UINT64_C(1) << (core))

void ways_init(struct ways *ways, const struct abi_topology *topology)
{
    *ways = (struct ways){ .cores = topology->core_count };
    for (unsigned from = 0; from < ways->cores; from++)
        for (unsigned to = 0; to < ways->cores; to++)
            if (topology->signal_over[from][to] != 0)
                ways->some_are_long = true;
            else if (from != to)
                ways->signals[from] |= BIT(to);
}

/* The cores behind `by` that are not in `seen` and have no smaller first step yet. */
static uint64_t step(const struct ways *ways, unsigned by, uint64_t seen,
                     uint8_t next[ABI_MAX_CORES])
{
    const uint64_t found = ways->signals[by] & ~seen;
    for (uint64_t rest = found; rest != 0; rest &= rest - 1) {
        const unsigned core = (unsigned)__builtin_ctzll(rest);
        if (next[by] < next[core])
            next[core] = next[by];
    }
    return found;
}

void ways_find(const struct ways *ways, uint64_t gone, coreid_t from, uint8_t next[ABI_MAX_CORES])
{
    uint64_t layer = ways->signals[from], seen = BIT(from) | layer;
    memset(next, WAYS_NONE, ABI_MAX_CORES);
    for (uint64_t rest = layer; rest != 0; rest &= rest - 1)
        next[__builtin_ctzll(rest)] = (uint8_t)__builtin_ctzll(rest);
    while (layer != 0) {
        uint64_t behind = 0;
        for (uint64_t rest = layer & ~gone; rest != 0; rest &= rest - 1)
            behind |= step(ways, (unsigned)__builtin_ctzll(rest), seen, next);
        seen |= behind;
        layer = behind;
    }
}

uint64_t ways_reaching(const struct ways *ways, uint64_t gone, coreid_t to)
{
    uint64_t set = BIT(to);
    for (bool grew = true; grew;) {
        grew = false;
        const uint64_t over = set & ~(gone & ~BIT(to));
        for (unsigned core = 0; core < ways->cores; core++)
            if ((set & BIT(core)) == 0 && (ways->signals[core] & over) != 0) {
                set |= BIT(core);
                grew = true;
            }
    }
    return set;
}
