/* SPDX-License-Identifier: MIT
 *
 * A periodic task, and whether its jobs end in time (docs/examples.md).
 *
 *   deadlines hard|soft|none PERIOD_US WORK_US JOBS [BUDGET_US]
 *   deadlines hog MS
 *
 * In each period the task computes for WORK_US, and that is to be done when the period ends.  hard
 * and soft ask the CPU driver for BUDGET_US in each (a quarter more than WORK_US, if it is not
 * given), none asks for nothing.  A hog computes without a pause.
 *
 * How much it must do for a microsecond it measures first, several times: the shortest is the one
 * in which nobody came between.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/deferred.h>
#include <barrelfish/invocations.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 2000

static void compute(uint64_t steps)
{
    for (volatile uint64_t i = 0; i < steps; i++)
        ;
}

static uint64_t steps_of(uint64_t us)
{
    systime_t least = UINT64_MAX;
    for (int i = 0; i < 20; i++) {
        const systime_t begin = get_system_time();
        compute(STEPS);
        const systime_t took = get_system_time() - begin;
        if (took < least)
            least = took;
    }
    return us * 1000 * STEPS / least;
}

static int hog(uint64_t ms)
{
    const systime_t end = get_system_time() + ms * 1000000;
    uint64_t turns = 0;
    for (; get_system_time() < end; turns++)
        compute(STEPS);
    printf("deadlines: a hog has had %" PRIu64 " turns\n", turns);
    return 0;
}

static void sleep_until(systime_t at)
{
    const systime_t now = get_system_time();
    if (now < at)
        barrelfish_usleep((at - now + 999) / 1000);
}

int main(int argc, char *argv[])
{
    if (argc == 3 && strcmp(argv[1], "hog") == 0)
        return hog(strtoul(argv[2], NULL, 10));
    if (argc < 5) {
        printf(
            "deadlines: expected hard|soft|none PERIOD_US WORK_US JOBS [BUDGET_US], or hog MS\n");
        return 1;
    }
    const enum task_type type = strcmp(argv[1], "hard") == 0   ? TASK_TYPE_HARD_REALTIME
                                : strcmp(argv[1], "soft") == 0 ? TASK_TYPE_SOFT_REALTIME
                                                               : TASK_TYPE_BEST_EFFORT;
    const systime_t period = strtoul(argv[2], NULL, 10) * 1000;
    const uint64_t work = strtoul(argv[3], NULL, 10);
    const unsigned jobs = (unsigned)strtoul(argv[4], NULL, 10);
    const systime_t budget = (argc > 5 ? strtoul(argv[5], NULL, 10) : work + work / 4) * 1000;
    const uint64_t steps = steps_of(work);

    systime_t begins = get_system_time();
    if (type != TASK_TYPE_BEST_EFFORT) {
        errval_t err = invoke_dispatcher_properties(cap_dispatcher, type, period, budget, period, 0,
                                                    1, &begins);
        if (err_is_fail(err)) {
            printf("deadlines: %s %s: %s\n", argv[1], argv[2], err_getcode(err));
            return 1;
        }
    }
    unsigned late = 0;
    systime_t worst = 0;
    for (unsigned i = 0; i < jobs; i++, begins += period) {
        sleep_until(begins);
        compute(steps);
        const systime_t took = get_system_time() - begins;
        if (took > worst)
            worst = took;
        late += took > period;
    }
    printf("deadlines: %s, period %s us, work %s us: %u of %u jobs late\n", argv[1], argv[2],
           argv[3], late, jobs);
    printf("bench: deadlines.%s.%s.worst %" PRIu64 " ns\n", argv[1], argv[2], worst);
    return 0;
}
