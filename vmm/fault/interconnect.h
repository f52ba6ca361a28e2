/* SPDX-License-Identifier: MIT
 *
 * The interconnect: which cores are joined by links, and when what one sends arrives at another.
 *
 * Pure, as all of vmm/fault.  A shape is a graph of cores and, where cores share a way out (a
 * socket, a tile), hubs.  A transfer takes the shortest path, the same each time; on each link it
 * waits until the link is free, is transmitted at the link's bandwidth, and arrives after its
 * latency.
 */
#ifndef FAULT_INTERCONNECT_H
#define FAULT_INTERCONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/layout.h"

#define INTERCONNECT_HUBS_MAX 32
#define INTERCONNECT_VERTICES (ABI_MAX_CORES + INTERCONNECT_HUBS_MAX)
#define INTERCONNECT_UNREACHED 255

/* Cores are the vertices 0 .. cores - 1, hubs those behind them. */
struct interconnect_shape {
    bool given; /* else cores see each other's stores at once */
    unsigned cores, vertices;
    bool link[INTERCONNECT_VERTICES][INTERCONNECT_VERTICES]; /* the same both ways */
    uint64_t unsignalled[ABI_MAX_CORES]; /* for each core those that it cannot signal */
    bool loads;                          /* from another node's RAM take time (far_memory.h) */
    uint64_t latency_ns;                 /* of each link */
    uint64_t bytes_per_s;                /* of each link and direction; 0: no limit */
};

/* Builds the links of a well-known shape: "full", "ring", "mesh WxH", "hypercube", "two-socket" or
 * "eight-socket".  The cores of a mesh are spread over its W * H tiles, those of sockets over the
 * sockets: two of them are joined, eight form a cube.  NULL, or what is wrong, static text. */
const char *interconnect_build(struct interconnect_shape *shape, const char *topology,
                               unsigned cores);

/* Joins two cores of a shape without hubs. */
void interconnect_join(struct interconnect_shape *shape, unsigned a, unsigned b);

/* From now on each core can signal its neighbours only.  Those are the cores to which it has a
 * link; where cores have hubs, those at the same hub, and at a hub next to it. */
void interconnect_signal_neighbours(struct interconnect_shape *shape);

/* The state of a machine's links. */
struct interconnect {
    struct interconnect_shape shape;
    uint8_t next[INTERCONNECT_VERTICES][INTERCONNECT_VERTICES]; /* towards [to], from [from] */
    uint8_t hops[INTERCONNECT_VERTICES][INTERCONNECT_VERTICES]; /* links; INTERCONNECT_UNREACHED */
    uint64_t free_at_ns[INTERCONNECT_VERTICES][INTERCONNECT_VERTICES];
    /* The core that [from] signals so that [to] is: itself, or one that passes it on, on a shortest
     * way over cores that can signal each other, and of these the one with the smallest number.
     * INTERCONNECT_UNREACHED: there is none. */
    uint8_t signal_next[ABI_MAX_CORES][ABI_MAX_CORES];
    uint64_t mute; /* cores that pass nothing on */
};

void interconnect_init(struct interconnect *state, const struct interconnect_shape *shape);

/* From now on the core passes no notification on, or does so again: the ways are found anew. */
void interconnect_set_mute(struct interconnect *state, unsigned core, bool mute);

/* Can each core reach each other one? */
bool interconnect_is_whole(const struct interconnect *state);

/* The first core in the order of numbers, and the first other one, to which no signal of it leads.
 * False: all reach all. */
bool interconnect_finds_unsignalled(const struct interconnect *state, unsigned *from, unsigned *to);

/* When `bytes` that a core sends now arrive at another; the links on the way are taken meanwhile.
 * To itself a core sends in no time. */
uint64_t interconnect_send(struct interconnect *state, unsigned from, unsigned to, unsigned bytes,
                           uint64_t now_ns);

#endif
