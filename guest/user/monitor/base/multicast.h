/* SPDX-License-Identifier: MIT
 *
 * Whom to tell first, and who tells whom: the order of messages of one round to many cores, from
 * the machine's shape (abi/boot.h).  Pure; tests/unit/test_monitor_multicast.c.
 */
#ifndef MONITOR_MULTICAST_H
#define MONITOR_MULTICAST_H

#include <abi/boot.h>
#include <barrelfish_kpi/types.h>

enum multicast_kind {
    MULTICAST_NONE,     /* one message to each core, in the order of their numbers */
    MULTICAST_PACKAGES, /* one to each package: its lowest core tells the others of it; to each core
                           of the root's own */
    MULTICAST_NUMA,     /* the same; the farthest first, so the root's own package last */
};

/* The machine as one core sees it, which never changes: a plan is made while a domain waits, so it
 * must not have to find out what is near. */
struct multicast_map {
    uint64_t package[ABI_MAX_CORES];  /* the cores of each core's package, itself included */
    coreid_t farthest[ABI_MAX_CORES]; /* from the root: the farthest first, the root last */
    coreid_t root;
};

/* Two cores lie in one package if they are on one node of memory, if the machine has several, else
 * if they are no farther from each other than the nearest two cores are.  Without nodes and links
 * all cores are one package. */
void multicast_map_make(struct multicast_map *map, const struct abi_topology *topology,
                        coreid_t root);

/* One message. */
struct multicast_step {
    coreid_t to;
    uint64_t below; /* cores that `to` is to tell */
};

/* The messages that the root sends, in their order, so that each core of `targets` (a bit each; the
 * root is none of them) is told once.  Returns their number. */
unsigned multicast_plan(const struct multicast_map *map, enum multicast_kind kind, uint64_t targets,
                        struct multicast_step step[ABI_MAX_CORES]);

#endif
