/* SPDX-License-Identifier: MIT
 *
 * Cores that are stopped while programs on all cores bind, close and end: what has gone when the
 * power device is asked, the timers of those who wait for that, and whether each survivor is left
 * with what it would have had without those programs.
 *
 * A core that is off takes no step any more, and nothing of it is there.  It is not started again
 * here (scenarios/cores-restart.yaml does that).
 */
#include "domains.h"
#include "run.h"

#include <barrelfish/deferred.h>

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- timers ---- */

#define TIMERS 16
#define LEAVE_US 5000000 /* parts/stop_core.c: a core does not leave by itself */
#define LOOKS 400        /* while nothing else happens: enough for the longest time-out */

static struct timer {
    struct deferred_event *event;
    struct event_closure closure;
    delayus_t delay_us;
    uint64_t due_us;
    unsigned core;
} timers[TIMERS];

static uint64_t now_us; /* as far as timers know */

errval_t deferred_event_register(struct deferred_event *event, struct waitset *ws,
                                 delayus_t delay_us, struct event_closure closure)
{
    (void)ws;
    CHECK(world.stops, "a monitor waits for a time");
    for (unsigned i = 0; i < TIMERS; i++) {
        CHECK(timers[i].event != event, "a timer is started twice");
        if (timers[i].event != NULL)
            continue;
        timers[i] = (struct timer){ event, closure, delay_us, now_us + delay_us, world.current };
        return SYS_ERR_OK;
    }
    world_fail("too many timers");
}

errval_t deferred_event_cancel(struct deferred_event *event)
{
    for (unsigned i = 0; i < TIMERS; i++)
        if (timers[i].event == event)
            timers[i].event = NULL;
    return SYS_ERR_OK;
}

static void fire(struct timer *timer)
{
    const struct timer was = *timer;
    /* a receiver that does not read its circuit holds it up */
    CHECK(was.delay_us != LEAVE_US || world.hostile, "a core does not stop by itself");
    if (was.due_us > now_us)
        now_us = was.due_us;
    timer->event = NULL;
    world.current = was.core;
    was.closure.handler(was.closure.arg);
}

static struct timer *earliest(void)
{
    struct timer *first = NULL;
    for (unsigned i = 0; i < TIMERS; i++)
        if (timers[i].event != NULL && !world.core[timers[i].core].off &&
            (first == NULL || timers[i].due_us < first->due_us))
            first = &timers[i];
    return first;
}

bool timer_fires(bool idle)
{
    static unsigned looks;
    struct timer *timer = earliest();
    if (!idle)
        looks = 0;
    if (timer == NULL || (!idle && timer->delay_us >= LEAVE_US) || (idle && looks == LOOKS))
        return false;
    looks += idle;
    fire(timer);
    return true;
}

/* ---- the power device ---- */

errval_t core_retire(struct core *by, unsigned id)
{
    struct core *core = &world.core[id];
    CHECK(by->id == 0 && id > 0 && id < world.cores && core->started && !core->off,
          "core %u is retired", id);
    say("core %u is off", id);
    core->off = core->stalled = true;
    for (struct domain *d = domains; d != NULL; d = d->next)
        if (d->core == id)
            domain_is_off(d);
    for (struct endpoint *e = world.endpoints, *next; e != NULL; e = next) {
        next = e->next;
        if (e->core == id)
            endpoint_gone(e);
    }
    caps_of_core_gone(id);
    return SYS_ERR_OK;
}

/* ---- runs ---- */

/* What the survivors hold when the same cores are stopped, and no program has ever run. */
static void without_programs(struct holdings *held, uint64_t mask)
{
    int ends[2], status = 1;
    CHECK(pipe(ends) == 0, "no pipe");
    const pid_t pid = fork();
    if (pid == 0) {
        world.stop_mask = mask;
        world_rest();
        for (unsigned i = 0; i < world.cores; i++)
            holdings_look(&held[i], i);
        const ssize_t bytes = (ssize_t)(world.cores * sizeof(*held));
        _exit(write(ends[1], held, (size_t)bytes) == bytes ? 0 : 1);
    }
    close(ends[1]);
    const ssize_t bytes = (ssize_t)(world.cores * sizeof(*held));
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 &&
              read(ends[0], held, (size_t)bytes) == bytes,
          "the run without programs fails");
    close(ends[0]);
}

static void check_stopped(uint64_t mask)
{
    const struct domain *manager = world_manager();
    CHECK(manager->stop_answers == 1, "stop_cores has %u answers", manager->stop_answers);
    CHECK(err_is_ok(manager->stop_err) || err_no(manager->stop_err) == MON_ERR_CORE_QUARANTINE,
          "stop_cores: %s", err_getstring(manager->stop_err));
    for (unsigned i = 1; i < world.cores; i++)
        CHECK(world.core[i].off == ((mask & BIT(i)) != 0), "core %u is %s", i,
              world.core[i].off ? "off" : "on");
}

void world_stop(uint64_t seed)
{
    struct holdings after[WORLD_CORES];
    world.stops = true;
    world.hostile = seed % 3 == 0;
    world.circuits = seed % 2 == 0;
    world.share = seed % 8 > 3;
    world_start(seed, 2 + seed % (WORLD_CORES - 1));
    const uint64_t others = BIT(world.cores) - 2;
    const uint64_t mask = seed % 5 == 0 ? others : BIT(1 + random_below(world.cores - 1));
    without_programs(after, mask);
    world_act(300 + (unsigned)random_below(700));
    world.stop_mask = mask;
    world_act(300 + (unsigned)random_below(700));
    world_rest();
    check_stopped(mask);
    world_end_mutes();
    world_check();
    world_act(200);
    world_rest();
    world_end_mutes();
    world_check();
    world_end_programs();
    world_check();
    for (unsigned i = 0; i < world.cores; i++)
        if (!world.core[i].off)
            holdings_compare(&after[i], i);
}
