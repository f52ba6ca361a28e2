/* SPDX-License-Identifier: MIT
 *
 * A mean for each protocol and power of two, in which the newest round counts an eighth.
 */
#include "latencies.h"

#define SIZES 7         /* 1, 2-3, 4-7, ... 64 cores */
#define TRIALS 2        /* before a mean says anything */
#define LOOK_AGAIN 64u  /* one round of so many tries another protocol */
#define NEWEST_COUNTS 8 /* one part of so many */

static struct latency {
    uint64_t mean; /* cycles */
    unsigned count;
} latencies[SIZES][SHOOTDOWN_PROTOCOLS];

static const enum shootdown_protocol candidates[] = {
    SHOOTDOWN_UNICAST,
    SHOOTDOWN_MULTICAST,
    SHOOTDOWN_NUMA,
};
#define CANDIDATES (sizeof(candidates) / sizeof(candidates[0]))

static struct latency *of_size(unsigned cores)
{
    unsigned size = 0;
    while (size + 1 < SIZES && cores >> (size + 1) != 0)
        size++;
    return latencies[size];
}

void latencies_note(enum shootdown_protocol protocol, unsigned cores, uint64_t cycles)
{
    struct latency *l = &of_size(cores)[protocol];
    if (l->count == 0)
        l->mean = cycles;
    else
        l->mean += cycles / NEWEST_COUNTS - l->mean / NEWEST_COUNTS;
    l->count++;
}

enum shootdown_protocol latencies_best(unsigned cores)
{
    const struct latency *of = of_size(cores);
    enum shootdown_protocol best = candidates[0];
    unsigned rounds = 0;
    for (unsigned i = 0; i < CANDIDATES; i++) {
        const enum shootdown_protocol p = candidates[i];
        if (of[p].count < TRIALS)
            return p;
        if (of[p].mean < of[best].mean)
            best = p;
        rounds += of[p].count;
    }
    return rounds % LOOK_AGAIN == 0 ? candidates[rounds / LOOK_AGAIN % CANDIDATES] : best;
}
