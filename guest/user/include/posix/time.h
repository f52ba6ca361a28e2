/* SPDX-License-Identifier: MIT
 *
 * <time.h> of the C library, and the clocks of POSIX.  All clocks are the machine's time: it begins
 * at 0, nobody sets it, and on the deterministic engine it is virtual.
 */
#ifndef BARRELFISH_TIME_H
#define BARRELFISH_TIME_H

#include <sys/cdefs.h>
#include_next <time.h>

__BEGIN_DECLS

#ifndef CLOCK_REALTIME
#define CLOCK_REALTIME ((clockid_t)1)
#endif
#ifndef CLOCK_MONOTONIC
#define CLOCK_MONOTONIC ((clockid_t)4)
#endif

/* EINVAL: another clock. */
int clock_gettime(clockid_t clock, struct timespec *now);
int clock_getres(clockid_t clock, struct timespec *resolution);
/* Sleeps; nothing interrupts it, so nothing remains.  EINVAL. */
int nanosleep(const struct timespec *wanted, struct timespec *remaining);

__END_DECLS

#endif
