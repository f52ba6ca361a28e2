/* SPDX-License-Identifier: MIT
 *
 * Shapes, shortest paths, and queues at links.
 *
 * Paths come from one breadth-first search for each target, which looks at vertices in the order of
 * their numbers; so of several shortest ones it is always the same, and lines of one channel keep
 * their order: what is sent later finds each link taken by what was sent before.
 *
 * Signals have ways of their own, over cores instead of links: who may signal whom need not be the
 * same both ways.
 */
#include "fault/interconnect.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_S 1000000000ull

/* ---- shapes ---- */

void interconnect_join(struct interconnect_shape *shape, unsigned a, unsigned b)
{
    assert(a < INTERCONNECT_VERTICES && b < INTERCONNECT_VERTICES);
    if (a != b)
        shape->link[a][b] = shape->link[b][a] = true;
}

static bool are_neighbours(const struct interconnect_shape *shape, unsigned a, unsigned b)
{
    bool near = shape->link[a][b];
    for (unsigned h = shape->cores; h < shape->vertices; h++)
        for (unsigned k = shape->cores; shape->link[a][h] && k < shape->vertices; k++)
            near |= shape->link[b][k] && (h == k || shape->link[h][k]);
    return near;
}

void interconnect_signal_neighbours(struct interconnect_shape *shape)
{
    for (unsigned a = 0; a < shape->cores; a++)
        for (unsigned b = 0; b < shape->cores; b++)
            if (a != b && !are_neighbours(shape, a, b))
                shape->unsignalled[a] |= 1ull << b;
}

static bool is_power_of_two(unsigned n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

static const char *build_full(struct interconnect_shape *shape, unsigned cores)
{
    for (unsigned a = 0; a < cores; a++)
        for (unsigned b = 0; b < a; b++)
            interconnect_join(shape, a, b);
    return NULL;
}

static const char *build_ring(struct interconnect_shape *shape, unsigned cores)
{
    for (unsigned a = 0; a < cores; a++)
        interconnect_join(shape, a, (a + 1) % cores);
    return NULL;
}

static const char *build_hypercube(struct interconnect_shape *shape, unsigned cores)
{
    if (!is_power_of_two(cores))
        return "a hypercube has 2, 4, 8, 16, 32 or 64 cores";
    for (unsigned a = 0; a < cores; a++)
        for (unsigned bit = 1; bit < cores; bit <<= 1)
            interconnect_join(shape, a, a ^ bit);
    return NULL;
}

/* Spreads the cores over `places`; the vertex of a place is a core if it has only that one, else a
 * hub to which its cores are joined.  Core 0 .. n - 1 are at the first place. */
static unsigned place(struct interconnect_shape *shape, unsigned cores, unsigned places, unsigned p)
{
    const unsigned each = cores / places;
    if (each == 1)
        return p;
    const unsigned hub = cores + p;
    for (unsigned i = 0; i < each; i++)
        interconnect_join(shape, p * each + i, hub);
    if (shape->vertices < hub + 1)
        shape->vertices = hub + 1;
    return hub;
}

static const char *build_mesh(struct interconnect_shape *shape, unsigned cores, const char *size)
{
    unsigned width, height;
    char rest;
    if (sscanf(size, " %3ux%3u%c", &width, &height, &rest) != 2 || width == 0 || height == 0)
        return "expected a mesh as in 'mesh 4x4'";
    const unsigned tiles = width * height;
    if (cores % tiles != 0)
        return "the cores cannot be spread evenly over the tiles of the mesh";
    if (tiles != cores && tiles > INTERCONNECT_HUBS_MAX)
        return "a mesh of more than 32 tiles has one core on each";
    unsigned vertex[ABI_MAX_CORES] = { 0 };
    for (unsigned t = 0; t < tiles; t++)
        vertex[t] = place(shape, cores, tiles, t);
    for (unsigned t = 0; t < tiles; t++) {
        if (t % width + 1 < width)
            interconnect_join(shape, vertex[t], vertex[t + 1]);
        if (t + width < tiles)
            interconnect_join(shape, vertex[t], vertex[t + width]);
    }
    return NULL;
}

static const char *build_sockets(struct interconnect_shape *shape, unsigned cores, unsigned sockets)
{
    unsigned vertex[8] = { 0 };
    if (cores % sockets != 0)
        return "the cores cannot be spread evenly over the sockets";
    for (unsigned s = 0; s < sockets; s++)
        vertex[s] = place(shape, cores, sockets, s);
    for (unsigned s = 0; s < sockets; s++)
        for (unsigned bit = 1; bit < sockets; bit <<= 1)
            interconnect_join(shape, vertex[s], vertex[s ^ bit]);
    return NULL;
}

const char *interconnect_build(struct interconnect_shape *shape, const char *topology,
                               unsigned cores)
{
    assert(cores >= 1 && cores <= ABI_MAX_CORES);
    memset(shape->link, 0, sizeof(shape->link));
    shape->given = true;
    shape->cores = shape->vertices = cores;
    if (strcmp(topology, "full") == 0)
        return build_full(shape, cores);
    if (strcmp(topology, "ring") == 0)
        return build_ring(shape, cores);
    if (strcmp(topology, "hypercube") == 0)
        return build_hypercube(shape, cores);
    if (strcmp(topology, "two-socket") == 0)
        return build_sockets(shape, cores, 2);
    if (strcmp(topology, "eight-socket") == 0)
        return build_sockets(shape, cores, 8);
    if (strncmp(topology, "mesh", 4) == 0)
        return build_mesh(shape, cores, topology + 4);
    return "expected full, ring, mesh WxH, hypercube, two-socket or eight-socket";
}

/* ---- paths ---- */

static void find_paths_to(struct interconnect *state, unsigned to)
{
    const struct interconnect_shape *shape = &state->shape;
    uint8_t queue[INTERCONNECT_VERTICES];
    unsigned head = 0, tail = 0;
    for (unsigned v = 0; v < shape->vertices; v++)
        state->hops[v][to] = INTERCONNECT_UNREACHED;
    state->hops[to][to] = 0;
    queue[tail++] = (uint8_t)to;
    while (head < tail) {
        const unsigned at = queue[head++];
        for (unsigned v = 0; v < shape->vertices; v++) {
            if (!shape->link[v][at] || state->hops[v][to] != INTERCONNECT_UNREACHED)
                continue;
            state->hops[v][to] = (uint8_t)(state->hops[at][to] + 1);
            state->next[v][to] = (uint8_t)at;
            queue[tail++] = (uint8_t)v;
        }
    }
}

/* Can `from` signal `by` on the way to another core?  What is mute passes nothing on. */
static bool signals_over(const struct interconnect *state, unsigned from, unsigned by, unsigned to)
{
    return !(state->shape.unsignalled[from] >> by & 1) && (by == to || !(state->mute >> by & 1));
}

/* Signals that cores need until one is at `to`. */
static void count_signals_to(const struct interconnect *state, unsigned to, uint8_t *signals)
{
    const struct interconnect_shape *shape = &state->shape;
    memset(signals, INTERCONNECT_UNREACHED, shape->cores);
    signals[to] = 0;
    for (unsigned n = 1; n < shape->cores; n++)
        for (unsigned from = 0; from < shape->cores; from++)
            for (unsigned by = 0; signals[from] > n && by < shape->cores; by++)
                if (signals[by] == n - 1 && signals_over(state, from, by, to))
                    signals[from] = (uint8_t)n;
}

static void find_signals_to(struct interconnect *state, unsigned to)
{
    const struct interconnect_shape *shape = &state->shape;
    uint8_t signals[ABI_MAX_CORES];
    count_signals_to(state, to, signals);
    for (unsigned from = 0; from < shape->cores; from++) {
        uint8_t *next = &state->signal_next[from][to];
        *next = from == to ? (uint8_t)to : INTERCONNECT_UNREACHED;
        for (unsigned by = 0; *next == INTERCONNECT_UNREACHED && by < shape->cores; by++)
            if (signals[from] != INTERCONNECT_UNREACHED && signals[by] + 1 == signals[from] &&
                signals_over(state, from, by, to))
                *next = (uint8_t)by;
    }
}

void interconnect_init(struct interconnect *state, const struct interconnect_shape *shape)
{
    *state = (struct interconnect){ .shape = *shape };
    for (unsigned to = 0; to < shape->vertices; to++)
        find_paths_to(state, to);
    for (unsigned to = 0; to < shape->cores; to++)
        find_signals_to(state, to);
}

void interconnect_set_mute(struct interconnect *state, unsigned core, bool mute)
{
    assert(core < state->shape.cores);
    state->mute = (state->mute & ~(1ull << core)) | (uint64_t)mute << core;
    for (unsigned to = 0; to < state->shape.cores; to++)
        find_signals_to(state, to);
}

bool interconnect_is_whole(const struct interconnect *state)
{
    for (unsigned core = 0; core < state->shape.cores; core++)
        if (state->hops[core][0] == INTERCONNECT_UNREACHED)
            return false;
    return true;
}

bool interconnect_finds_unsignalled(const struct interconnect *state, unsigned *from, unsigned *to)
{
    for (*from = 0; *from < state->shape.cores; ++*from)
        for (*to = 0; *to < state->shape.cores; ++*to)
            if (state->signal_next[*from][*to] == INTERCONNECT_UNREACHED)
                return true;
    return false;
}

uint64_t interconnect_send(struct interconnect *state, unsigned from, unsigned to, unsigned bytes,
                           uint64_t now_ns)
{
    const uint64_t rate = state->shape.bytes_per_s;
    const uint64_t transmit_ns = rate ? (bytes * NS_PER_S + rate - 1) / rate : 0;
    if (state->hops[from][to] == INTERCONNECT_UNREACHED)
        return now_ns;
    for (unsigned at = from; at != to;) {
        const unsigned next = state->next[at][to];
        uint64_t *free_at_ns = &state->free_at_ns[at][next];
        const uint64_t begin_ns = now_ns > *free_at_ns ? now_ns : *free_at_ns;
        *free_at_ns = begin_ns + transmit_ns;
        now_ns = begin_ns + transmit_ns + state->shape.latency_ns;
        at = next;
    }
    return now_ns;
}
