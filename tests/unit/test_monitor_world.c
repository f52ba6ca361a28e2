/* SPDX-License-Identifier: MIT
 *
 * Several monitors as one distributed program (tests/monitor/world.h): seeds, each of which is a
 * run. MONITOR_WORLD_SEEDS says how many (make soak: many), MONITOR_WORLD_SEED where to begin; with
 * MONITOR_WORLD_VERBOSE set, a run tells what happens.
 */
/* link: tests/monitor/world.c tests/monitor/kernel.c tests/monitor/transport.c */
/* link: tests/monitor/messages.c tests/monitor/cores.c tests/monitor/domains.c */
/* link: tests/monitor/connections.c tests/monitor/circuits.c tests/monitor/hostile.c */
/* link: tests/monitor/memory.c tests/monitor/agents.c tests/monitor/stopping.c */
/* link: guest/user/lib/spawndomain/cmdline.c */
/* link: guest/user/lib/barrelfish/dispatch/errors.c guest/user/lib/barrelfish/channels/multihop_link.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../monitor/run.h"

static unsigned long number(const char *name, unsigned long otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoul(text, NULL, 0) : otherwise;
}

/* In a process of its own; true: it came to its end. */
static bool survives(void (*run)(uint64_t), uint64_t seed)
{
    int status = 1;
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        run(seed);
        _exit(0);
    }
    cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
    return status == 0;
}

static void survives_all(void (*run)(uint64_t), unsigned long otherwise)
{
    const uint64_t first = number("MONITOR_WORLD_SEED", 1);
    const unsigned long seeds = number("MONITOR_WORLD_SEEDS", otherwise);
    unsigned failed = 0;
    for (uint64_t seed = first; seed < first + seeds && failed < 5; seed++) {
        if (survives(run, seed))
            continue;
        cr_log_error("MONITOR_WORLD_SEED=%lu MONITOR_WORLD_SEEDS=1 shows it", seed);
        failed++;
    }
    cr_assert_eq(failed, 0, "%u runs failed", failed);
}

Test(monitor_world, every_seed_ends_with_nothing_owed)
{
    survives_all(world_run, 200);
}

Test(monitor_world, a_core_that_the_machine_refuses_costs_nothing_and_starts_later)
{
    survives_all(world_late_failure, 20);
}

Test(monitor_world, a_core_for_which_there_is_no_memory_costs_nothing_and_starts_later)
{
    survives_all(world_early_failure, 20);
}

Test(monitor_world, a_core_that_never_reports_harms_nobody)
{
    survives_all(world_silent_core, 20);
}

Test(monitor_world, a_core_that_is_stopped_leaves_nothing_behind)
{
    survives_all(world_stop, 120);
}
