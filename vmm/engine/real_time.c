/* SPDX-License-Identifier: MIT
 *
 * Machine time in real time (real_time.h).  Must never hold anything: each engine keeps its start.
 */
#include "engine/real_time.h"

#include <sys/timerfd.h>
#include <time.h>

#define NS_PER_S 1000000000ull

uint64_t real_time_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t real_time_since(uint64_t start_ns)
{
    return start_ns ? real_time_ns() - start_ns : 0;
}

void real_time_arm(int timer_fd, uint64_t start_ns, uint64_t machine_ns)
{
    struct itimerspec when = { 0 }; /* all zero: never */
    if (machine_ns < UINT64_MAX - start_ns) {
        uint64_t at = start_ns + machine_ns;
        when.it_value.tv_sec = (time_t)(at / NS_PER_S);
        when.it_value.tv_nsec = (long)(at % NS_PER_S);
    }
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}
