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
    MULTICAST_PACKAGES, /* one to each package: its lowest core tells the others of it */
    MULTICAST_NUMA,     /* the same; the farthest package first */
};

/* One message. */
struct multicast_step {
    coreid_t to;
    uint64_t below; /* cores that `to` is to tell */
};

/* Do both lie in one package: on one node of memory, if the machine has several, else no farther
 * from each other than the nearest two cores are?  Without nodes and links all cores are one
 * package. */
bool multicast_same_package(const struct abi_topology *topology, unsigned a, unsigned b);

/* The messages that `root` sends, in their order, so that each core of `targets` (a bit each; root
 * is none of them) is told once.  Cores of the root's own package it tells itself, last.  Returns
 * their number. */
unsigned multicast_plan(const struct abi_topology *topology, enum multicast_kind kind,
                        coreid_t root, uint64_t targets, struct multicast_step step[ABI_MAX_CORES]);

#endif
