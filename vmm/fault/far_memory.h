/* SPDX-License-Identifier: MIT
 *
 * Loads from memory of other nodes: which of them find their line at hand, and what the others
 * cost.
 *
 * Pure, as all of vmm/fault.  Each core keeps every line of another node's RAM that it has loaded,
 * until another core stores to it.  A load that does not find its line asks the line's home node,
 * waits there for the transfers before it, and gets the line over the interconnect.  So a line that
 * n cores read costs n transfers, one behind the other, each time it is written.  Loads of a core
 * from its own node cost nothing here, and neither do stores.
 */
#ifndef FAULT_FAR_MEMORY_H
#define FAULT_FAR_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "fault/interconnect.h"

#define FAR_MEMORY_LINE_BYTES 64

struct far_memory;

/* RAM of one node. */
struct far_memory_range {
    uint64_t base, bytes; /* multiples of 4096 */
    unsigned node;
};

/* core_node: the node of each core; all is copied but `net`, whose links the transfers take.
 * NULL: no memory. */
struct far_memory *far_memory_create(struct interconnect *net, const uint8_t *core_node,
                                     const struct far_memory_range *range, unsigned ranges);
void far_memory_destroy(struct far_memory *memory);

/* How long a load by a core takes beyond one that finds everything at hand, in ns.  An access that
 * crosses a line counts for its first. */
uint64_t far_memory_load(struct far_memory *memory, unsigned core, uint64_t paddr, uint64_t now_ns);

/* A core stores: no other one has the line any more. */
void far_memory_store(struct far_memory *memory, unsigned core, uint64_t paddr);

/* Transfers so far to a core. */
uint64_t far_memory_transfers(const struct far_memory *memory, unsigned core);

#endif
