/* SPDX-License-Identifier: MIT
 *
 * What the databases of all cores together must say of memory (docs/capabilities.md, invariants).
 * Pure: a list of capabilities in, the first broken rule out.
 */
#ifndef VMM_MACHINE_CAPABILITY_RULES_H
#define VMM_MACHINE_CAPABILITY_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen_capability {
    uint64_t base, bytes; /* bytes > 0, and the range does not wrap */
    uint8_t type;         /* of ABI_CAP_MEMORY_TYPES */
    uint8_t core;         /* in whose database it is */
    uint8_t owner;        /* who owns it, as it says */
    bool kept;            /* by the monitor, for another core */
};

/* Sorts the list.  `seen`: cores whose databases are in the list, a bit each; others are not
 * judged. False: `problem` says what is wrong. */
bool capability_rules_hold(struct seen_capability *list, size_t count, uint64_t seen, char *problem,
                           size_t bytes);

#endif
