/* SPDX-License-Identifier: MIT
 *
 * What programs report of themselves (abi/report.h), added up by name.
 *
 * The machine looks at a block when it is told of it, at each exit of its core if somebody waits
 * for values, before its memory is scrubbed, and at the end.  It reads what a program may change
 * meanwhile, so each word is read once, and nothing that stands there is believed to be more than a
 * number.
 *
 * All functions are called with the machine's lock held.
 */
#ifndef VMM_MACHINE_REPORTS_H
#define VMM_MACHINE_REPORTS_H

#include "machine/machine.h"

#define REPORT_BLOCKS_MAX 4096 /* dispatchers that live at once */
#define REPORT_VALUES_MAX 1024 /* names; further ones are not kept */

struct report_block {
    uint64_t paddr; /* 0: unused */
    unsigned core;
    char domain[17];
    struct {
        uint64_t value, failures; /* as last seen */
        uint32_t name;            /* index of the value + 1; 0: not seen yet */
    } seen[ABI_REPORT_RECORDS];
};

struct reports {
    struct report_block *block;
    size_t block_count;
    struct machine_value *value;
    size_t value_count;
};

void reports_destroy(struct machine *machine);

/* A block was told of. */
void reports_add(struct machine *machine, unsigned core, uint64_t paddr, uint64_t speaker,
                 uint64_t now_ns);

/* Looks at the blocks of a core, or of all: REPORTS_ALL. */
#define REPORTS_ALL ABI_MAX_CORES
void reports_look(struct machine *machine, unsigned core, uint64_t now_ns);

/* This memory is about to be zeroed: what its blocks say counts a last time. */
void reports_forget(struct machine *machine, uint64_t paddr, uint64_t bytes, uint64_t now_ns);

#endif
