/* SPDX-License-Identifier: MIT
 *
 * A guest of many cores whose result depends on how they interleave: for tests of determinism.
 *
 * Each core adds to one shared counter and mixes what it saw into a number of its own, interrupts
 * its neighbour now and then, sleeps on its timer, says a line, and counts its interrupts.  The
 * core that is last to finish switches the machine off.
 */
#ifndef TESTS_UNIT_CROWD_GUEST_H
#define TESTS_UNIT_CROWD_GUEST_H

#include "cpu_guest.h"

/* What the cores leave behind, one for each. */
struct crowd_core {
    uint64_t number; /* mixed from all values the core saw */
    uint64_t interrupts;
    uint64_t woken_ns; /* clock when its last sleep ended */
    uint64_t pad[5];
};

/* Makes the machine of `cores` cores that do `turns` turns each. */
const char *crowd_machine(unsigned cores, unsigned turns, const struct machine_sink *sink,
                          bool trace, bool private_memory, struct machine **machine);

/* The results, in guest memory. */
struct crowd_core *crowd_results(struct machine *machine);

/* The shared counter. */
uint64_t crowd_counter(struct machine *machine);

#endif
