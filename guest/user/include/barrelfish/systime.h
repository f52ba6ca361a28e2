/* SPDX-License-Identifier: MIT
 *
 * Machine time and its units.  Here a systime_t counts nanoseconds since the machine was switched
 * on.
 */
#ifndef BARRELFISH_SYSTIME_H
#define BARRELFISH_SYSTIME_H

#include <barrelfish/dispatch.h>

/* A system call. */
static inline systime_t systime_now(void)
{
    return get_system_time();
}

static inline uint64_t systime_to_ns(systime_t time)
{
    return time;
}
static inline uint64_t systime_to_us(systime_t time)
{
    return time / 1000;
}
static inline systime_t ns_to_systime(uint64_t ns)
{
    return ns;
}
static inline systime_t us_to_systime(uint64_t us)
{
    return us * 1000;
}

#endif
