/* SPDX-License-Identifier: MIT
 *
 * The clocks of POSIX: all are the machine's time.
 */
#include <barrelfish/barrelfish.h>
#include <errno.h>
#include <time.h>

#define NS_PER_S 1000000000

static bool is_clock(clockid_t clock)
{
    if (clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC)
        return true;
    errno = EINVAL;
    return false;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    systime_t ns = get_system_time();

    if (!is_clock(clock))
        return -1;
    now->tv_sec = (time_t)(ns / NS_PER_S);
    now->tv_nsec = (long)(ns % NS_PER_S);
    return 0;
}

int clock_getres(clockid_t clock, struct timespec *resolution)
{
    if (!is_clock(clock))
        return -1;
    resolution->tv_sec = 0;
    resolution->tv_nsec = 1;
    return 0;
}

int nanosleep(const struct timespec *wanted, struct timespec *remaining)
{
    if (wanted->tv_sec < 0 || wanted->tv_nsec < 0 || wanted->tv_nsec >= NS_PER_S) {
        errno = EINVAL;
        return -1;
    }
    const delayus_t us =
        (delayus_t)wanted->tv_sec * 1000000 + ((delayus_t)wanted->tv_nsec + 999) / 1000;
    if (err_is_fail(barrelfish_usleep(us))) {
        errno = EINTR;
        return -1;
    }
    if (remaining != NULL)
        *remaining = (struct timespec){ 0, 0 };
    return 0;
}
