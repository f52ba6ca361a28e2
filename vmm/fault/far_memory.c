/* SPDX-License-Identifier: MIT
 *
 * Who has which line of another node (far_memory.h).
 *
 * A set of cores for each line, in blocks for each page, which are made when a core first loads
 * from a page of another node: memory that nobody loads from afar costs nothing.  Without host
 * memory for a block its lines are never at hand.
 */
#include "fault/far_memory.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 4096
#define LINES_OF_PAGE (PAGE_BYTES / FAR_MEMORY_LINE_BYTES)
#define NS_PER_S 1000000000ull

struct range {
    struct far_memory_range is;
    uint64_t (**page)[LINES_OF_PAGE]; /* the cores that have each line; NULL: none */
};

struct far_memory {
    struct interconnect *net;
    uint8_t core_node[ABI_MAX_CORES];
    uint8_t home[ABI_MAX_NODES];        /* the vertex of each node from which its lines come */
    uint64_t free_at_ns[ABI_MAX_NODES]; /* when the home has sent what it was asked for */
    uint64_t transfers[ABI_MAX_CORES];
    unsigned ranges;
    struct range range[];
};

/* The hub of the node's first core, or that core. */
static uint8_t home_of(const struct interconnect_shape *shape, const uint8_t *core_node,
                       unsigned node)
{
    unsigned core = 0;
    while (core < shape->cores && core_node[core] != node)
        core++;
    if (core == shape->cores)
        core = 0; /* nobody is at home there: core 0's part of the machine is */
    for (unsigned hub = shape->cores; hub < shape->vertices; hub++)
        if (shape->link[core][hub])
            return (uint8_t)hub;
    return (uint8_t)core;
}

struct far_memory *far_memory_create(struct interconnect *net, const uint8_t *core_node,
                                     const struct far_memory_range *range, unsigned ranges)
{
    struct far_memory *memory = calloc(1, sizeof(*memory) + ranges * sizeof(memory->range[0]));
    if (!memory)
        return NULL;
    memory->net = net;
    memcpy(memory->core_node, core_node, sizeof(memory->core_node));
    for (unsigned node = 0; node < ABI_MAX_NODES; node++)
        memory->home[node] = home_of(&net->shape, core_node, node);
    for (; memory->ranges < ranges; memory->ranges++) {
        struct range *r = &memory->range[memory->ranges];
        r->is = range[memory->ranges];
        r->page = calloc(r->is.bytes / PAGE_BYTES, sizeof(*r->page));
        if (!r->page) {
            far_memory_destroy(memory);
            return NULL;
        }
    }
    return memory;
}

void far_memory_destroy(struct far_memory *memory)
{
    for (unsigned i = 0; memory && i < memory->ranges; i++) {
        for (uint64_t p = 0; p < memory->range[i].is.bytes / PAGE_BYTES; p++)
            free(memory->range[i].page[p]);
        free(memory->range[i].page);
    }
    free(memory);
}

static const struct range *find(const struct far_memory *memory, uint64_t paddr)
{
    for (unsigned i = 0; i < memory->ranges; i++)
        if (paddr >= memory->range[i].is.base &&
            paddr - memory->range[i].is.base < memory->range[i].is.bytes)
            return &memory->range[i];
    return NULL;
}

/* The cores that have the line; NULL: none does, and unless `make` nobody keeps it. */
static uint64_t *line_of(const struct range *range, uint64_t paddr, bool make)
{
    const uint64_t offset = paddr - range->is.base;
    uint64_t(**page)[LINES_OF_PAGE] = &range->page[offset / PAGE_BYTES];
    if (!*page && make)
        *page = calloc(1, sizeof(**page));
    return *page ? &(**page)[offset % PAGE_BYTES / FAR_MEMORY_LINE_BYTES] : NULL;
}

/* There and back; at home one line leaves after the other. */
static uint64_t transfer(struct far_memory *memory, unsigned core, unsigned node, uint64_t now_ns)
{
    struct interconnect *net = memory->net;
    const unsigned home = memory->home[node];
    const uint64_t rate = net->shape.bytes_per_s;
    uint64_t *free_at_ns = &memory->free_at_ns[node];
    const uint64_t asked_ns = now_ns + net->hops[core][home] * net->shape.latency_ns;
    const uint64_t begin_ns = asked_ns > *free_at_ns ? asked_ns : *free_at_ns;
    *free_at_ns = begin_ns + (rate ? (FAR_MEMORY_LINE_BYTES * NS_PER_S + rate - 1) / rate : 0);
    memory->transfers[core]++;
    return interconnect_send(net, home, core, FAR_MEMORY_LINE_BYTES, begin_ns) - now_ns;
}

uint64_t far_memory_load(struct far_memory *memory, unsigned core, uint64_t paddr, uint64_t now_ns)
{
    const struct range *range = find(memory, paddr);
    if (!range || range->is.node == memory->core_node[core])
        return 0;
    uint64_t *line = line_of(range, paddr, true);
    if (line && *line >> core & 1)
        return 0;
    if (line)
        *line |= 1ull << core;
    return transfer(memory, core, range->is.node, now_ns);
}

void far_memory_store(struct far_memory *memory, unsigned core, uint64_t paddr)
{
    const struct range *range = find(memory, paddr);
    uint64_t *line = range ? line_of(range, paddr, false) : NULL;
    if (line)
        *line &= 1ull << core;
}

uint64_t far_memory_transfers(const struct far_memory *memory, unsigned core)
{
    return memory->transfers[core];
}
