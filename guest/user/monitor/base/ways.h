/* SPDX-License-Identifier: MIT
 *
 * Over whom notifications go where cores cannot all signal each other, and some are dead
 * (docs/agreement.md, "Ways of notifications").  Every monitor computes the same from the boot
 * information and the set of dead cores: as few signals as can be, and of several ways the one over
 * the smallest number.  Pure.
 */
#ifndef MONITOR_WAYS_H
#define MONITOR_WAYS_H

#include <barrelfish_kpi/types.h>

#include <abi/boot.h>

#define WAYS_NONE ABI_MAX_CORES /* nothing leads there */

struct ways {
    unsigned cores;
    bool some_are_long;              /* else each core signals each other one itself */
    uint64_t signals[ABI_MAX_CORES]; /* for each core the set of those that it signals itself */
};

void ways_init(struct ways *ways, const struct abi_topology *topology);

/* For each other core the one that `from` signals so that it is notified: itself, or one that
 * passes it on and is not in `gone`; or WAYS_NONE.  A core that is gone has a way too: it may be
 * started anew. */
void ways_find(const struct ways *ways, uint64_t gone, coreid_t from, uint8_t next[ABI_MAX_CORES]);

/* The cores from which notifications get to `to`, itself among them. */
uint64_t ways_reaching(const struct ways *ways, uint64_t gone, coreid_t to);

#endif
