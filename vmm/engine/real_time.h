/* SPDX-License-Identifier: MIT
 *
 * Machine time of engines whose machine runs in real time: what CLOCK_MONOTONIC says since the run
 * began, and the timerfd that waits for the machine's next event.
 */
#ifndef ENGINE_REAL_TIME_H
#define ENGINE_REAL_TIME_H

#include <stdint.h>

/* CLOCK_MONOTONIC, in ns: what an engine keeps as `start_ns` when its run begins. */
uint64_t real_time_ns(void);

/* Machine time of a run that began at `start_ns`; 0 if that is 0: it has not begun. */
uint64_t real_time_since(uint64_t start_ns);

/* Sets the timerfd (of CLOCK_MONOTONIC) to a machine time.  One that the clock does not reach
 * disarms it. */
void real_time_arm(int timer_fd, uint64_t start_ns, uint64_t machine_ns);

#endif
