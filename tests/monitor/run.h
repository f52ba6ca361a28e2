/* SPDX-License-Identifier: MIT
 *
 * Runs of the simulated world, for tests; each takes a process of its own, since the monitors
 * cannot be made anew.  A failure ends it (abort) with a line on standard error.
 */
#ifndef TEST_MONITOR_RUN_H
#define TEST_MONITOR_RUN_H

#include <stdint.h>

/* Everything that a seed decides, from power-on to the end of all programs. */
void world_run(uint64_t seed);

/* Cores cannot be started, and then they can: the power device refuses when everything is prepared;
 * there is no memory. */
void world_late_failure(uint64_t seed);
void world_early_failure(uint64_t seed);

/* A core is started whose monitor never says a word: the others live on. */
void world_silent_core(uint64_t seed);

/* Cores are stopped in the middle of it. */
void world_stop(uint64_t seed);

/* Its parts. */
void world_begin(uint64_t seed, unsigned cores);
void world_act(unsigned steps);
void world_rest(void);
void world_check(void);

#endif
