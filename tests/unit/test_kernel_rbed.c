/* SPDX-License-Identifier: MIT
 *
 * Real-time tasks: whatever the set of tasks that was admitted, and whatever others do, no job of a
 * hard task that keeps to its budget ends after its deadline; and those without parameters share
 * the rest.
 *
 * A small core, driven by the calls that the CPU driver makes: a task works for a while in each
 * period and sleeps until the next one begins; a hog never sleeps.
 */
/* link: guest/kernel/schedule.c guest/kernel/schedule_rbed.c guest/kernel/wakeup.c */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel_state.h"
#include "plat.h"
#include "schedule.h"
#include "schedule_rbed.h"
#undef assert

struct abi_core_page host_core_page;
struct abi_trace_record host_trace_ring[ABI_TRACE_RECORDS];
static systime_t now;

void panic(const char *format, ...)
{
    fprintf(stderr, "panic: %s\n", format); /* an error to Criterion, too, if it is not expected */
    abort();
}

void printk(const char *format, ...)
{
    (void)format;
}

systime_t plat_time(void)
{
    return now;
}

#define MOST 12
#define US 1000ull
#define MS 1000000ull

static struct dcb dcb[MOST + RBED_TASKS];
static struct dispatcher_shared frame[MOST + RBED_TASKS];

struct actor {
    bool is_hog; /* never sleeps, whatever its parameters say */
    uint64_t type;
    systime_t period, deadline, budget;
    systime_t begins, left; /* the job under way */
    systime_t ran;
    unsigned jobs, late;
};
static struct actor actor[MOST];
static unsigned actors;

static unsigned number(unsigned below)
{
    return (unsigned)random() % below;
}

static void start(const char *policy)
{
    now += 20000 * MS; /* whatever there was is over */
    actors = 0;
    schedule_options(policy);
    timeslice_ns = 10 * MS;
}

static void stop(void)
{
    for (unsigned i = 0; i < MOST + RBED_TASKS; i++) {
        schedule_remove(&dcb[i]);
        wakeup_remove(&dcb[i]);
        schedule_forget(&dcb[i]);
    }
}

static void new_job(struct actor *a)
{
    a->left = 1 + (systime_t)random() % a->budget;
}

static struct actor *add(struct actor a)
{
    struct dcb *d = &dcb[actors];
    *d = (struct dcb){ .disp = &frame[actors], .head.cr3 = 4096, .complete = 1 };
    actor[actors] = a;
    schedule_make_runnable(d);
    return &actor[actors++];
}

static errval_t set(struct actor *a)
{
    const struct rbed_parameters p = {
        .type = a->type, .deadline = a->deadline, .budget = a->budget, .period = a->period
    };
    a->begins = now;
    errval_t err = schedule_set_parameters(&dcb[a - actor], &p, &a->begins);
    if (err_is_ok(err) && a->begins > now && !a->is_hog && dcb[a - actor].queued) {
        schedule_remove(&dcb[a - actor]);
        wakeup_set(&dcb[a - actor], a->begins);
    }
    if (!a->is_hog)
        new_job(a);
    return err;
}

static void job_ends(struct actor *a, struct dcb *d)
{
    a->jobs++;
    a->late += now > a->begins + a->deadline;
    a->begins += a->period;
    new_job(a);
    if (now < a->begins) {
        schedule_remove(d);
        wakeup_set(d, a->begins);
    }
}

static void run(systime_t duration)
{
    const systime_t end = now + duration;
    struct dcb *d = NULL;
    unsigned at_once = 0;
    while (now < end) {
        if (d == NULL)
            d = schedule_next(now);
        if (d == NULL) {
            cr_assert(wakeup_first() > now);
            now = wakeup_first();
            schedule_wake(now);
            continue;
        }
        struct actor *a = &actor[d - dcb];
        systime_t timer = schedule_slice_end();
        if (wakeup_first() != 0 && wakeup_first() < timer)
            timer = wakeup_first();
        systime_t step = timer > now ? timer - now : 1;
        at_once = timer > now ? 0 : at_once + 1;
        cr_assert(at_once < 4, "the timer does not get on");
        const bool ends = !a->is_hog && a->left <= step;
        if (ends)
            step = a->left;
        now += step;
        a->ran += step;
        a->left -= a->is_hog ? 0 : step;
        if (ends)
            job_ends(a, d);
        schedule_wake(now);
        if (!schedule_tick(now) || !d->queued)
            d = NULL;
    }
}

/* Tasks with at most `share` of the core, and hogs, of which some have parameters. */
static systime_t random_set(uint64_t share, unsigned hogs)
{
    uint64_t used = 0;
    const unsigned count = 1 + number(6);
    for (unsigned i = 0; i < count; i++) {
        struct actor a = { .type = RBED_HARD, .period = (100 + number(5000)) * US };
        a.deadline = number(2) ? a.period : a.period / 2 + number((unsigned)a.period / 2);
        a.budget = 1 + a.deadline * (1 + number(60)) / 100;
        a.is_hog = number(5) == 0;
        const uint64_t density = a.budget * RBED_CORE / a.deadline;
        if (used + density > share)
            continue;
        used += density;
        add(a);
    }
    for (unsigned i = 0; i < hogs; i++)
        add((struct actor){ .is_hog = true });
    return used;
}

Test(kernel_rbed, hard_tasks_meet_all_deadlines)
{
    for (unsigned seed = 1; seed <= 300; seed++) {
        srandom(seed);
        start(" sched=rbed");
        random_set(RBED_SHARE, 1 + number(3));
        for (unsigned i = 0; i < actors; i++)
            if (actor[i].type == RBED_HARD)
                cr_assert_eq(set(&actor[i]), SYS_ERR_OK, "seed %u", seed);
        const systime_t duration = 500 * MS;
        run(duration);
        systime_t rest = 0;
        for (unsigned i = 0; i < actors; i++) {
            cr_assert_eq(actor[i].late, 0, "seed %u: task %u, %u jobs, %u late", seed, i,
                         actor[i].jobs, actor[i].late);
            if (actor[i].type == RBED_HARD && !actor[i].is_hog)
                cr_assert(actor[i].jobs + 2 >= duration / actor[i].period);
            else if (actor[i].type != RBED_HARD)
                rest += actor[i].ran;
        }
        cr_assert_geq(rest, duration / 25, "seed %u", seed);
        stop();
    }
}

/* The same would not do without the parameters. */
Test(kernel_rbed, round_robin_misses_them)
{
    unsigned late = 0;
    for (unsigned seed = 1; seed <= 20; seed++) {
        srandom(seed);
        start(" sched=rr");
        random_set(RBED_SHARE, 2);
        for (unsigned i = 0; i < actors; i++)
            if (actor[i].type == RBED_HARD)
                cr_assert_eq(set(&actor[i]), SYS_ERR_DISP_NO_PARAMETERS);
        run(500 * MS);
        for (unsigned i = 0; i < actors; i++)
            late += actor[i].late;
        stop();
    }
    cr_assert_geq(late, 100);
}

/* Equal hogs get equal parts of what the tasks leave. */
Test(kernel_rbed, the_rest_is_shared)
{
    start(" sched=rbed");
    struct actor *task = add((struct actor){
        .type = RBED_HARD, .period = MS, .deadline = MS, .budget = MS * 6 / 10, .is_hog = true });
    for (unsigned i = 0; i < 3; i++)
        add((struct actor){ .is_hog = true });
    cr_assert_eq(set(task), SYS_ERR_OK);
    run(4000 * MS);
    /* 60 % and, of the rest, a part like the others */
    cr_expect_geq(task->ran, 2400 * MS);
    for (unsigned i = 1; i < 4; i++)
        cr_expect(actor[i].ran >= 360 * MS && actor[i].ran <= 440 * MS, "%lu", actor[i].ran);
    stop();
}

Test(kernel_rbed, soft_tasks_share_what_hard_ones_leave)
{
    start(" sched=rbed");
    struct actor *hard = add((struct actor){
        .type = RBED_HARD, .period = 2 * MS, .deadline = 2 * MS, .budget = MS * 6 / 10 });
    struct actor *soft[2];
    for (unsigned i = 0; i < 2; i++)
        soft[i] = add((struct actor){ .type = RBED_SOFT,
                                      .period = 3 * MS,
                                      .deadline = 3 * MS,
                                      .budget = MS * 24 / 10,
                                      .is_hog = true });
    struct actor *hog = add((struct actor){ .is_hog = true });
    for (unsigned i = 0; i < 2; i++)
        cr_assert_eq(set(soft[i]), SYS_ERR_OK);
    cr_assert_eq(set(hard), SYS_ERR_OK, "it begins when the soft ones have made room");
    run(3000 * MS);
    cr_assert_eq(hard->late, 0);
    cr_assert_geq(hard->jobs, 1490);
    for (unsigned i = 0; i < 2; i++) /* 30 % each, and a part of the rest */
        cr_expect(soft[i]->ran >= 890 * MS, "%lu", soft[i]->ran);
    cr_expect(hog->ran >= 100 * MS, "%lu", hog->ran);
    stop();
}

Test(kernel_rbed, nobody_is_admitted_who_would_harm_others)
{
    start(" sched=rbed");
    struct actor *one = add(
        (struct actor){ .type = RBED_HARD, .period = MS, .deadline = MS / 2, .budget = MS / 4 });
    struct actor *two =
        add((struct actor){ .type = RBED_HARD, .period = MS, .deadline = MS, .budget = MS / 2 });
    cr_assert_eq(set(one), SYS_ERR_OK); /* 50 % of the core up to its deadline */
    cr_assert_eq(set(two), SYS_ERR_DISP_ADMISSION);
    two->budget = MS * 4 / 10;
    cr_assert_eq(set(two), SYS_ERR_OK);
    two->budget = MS * 3 / 10;
    cr_assert_eq(set(two), SYS_ERR_OK, "its own old share does not count");
    cr_assert_gt(two->begins, now, "but its old period does");
    one->type = RBED_BEST_EFFORT;
    cr_assert_eq(set(one), SYS_ERR_OK);
    two->budget = MS * 9 / 10;
    cr_assert_eq(set(two), SYS_ERR_OK);
    stop();
}

Test(kernel_rbed, senseless_parameters_are_refused)
{
    static const struct rbed_parameters bad[] = {
        { .type = 3, .period = MS, .deadline = MS, .budget = MS / 2 },
        { .type = RBED_HARD, .period = MS, .deadline = 2 * MS, .budget = MS / 2 },
        { .type = RBED_HARD, .period = MS, .deadline = MS / 4, .budget = MS / 2 },
        { .type = RBED_SOFT, .period = MS, .deadline = MS, .budget = 0 },
        { .type = RBED_SOFT, .period = 10, .deadline = 10, .budget = 1 },
        { .type = RBED_HARD, .period = UINT64_MAX, .deadline = MS, .budget = 1 },
        { .type = RBED_HARD, .period = 0, .deadline = 0, .budget = 0 },
    };
    systime_t begins;
    start(" sched=rbed");
    add((struct actor){ .is_hog = true });
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(schedule_set_parameters(&dcb[0], &bad[i], &begins), SYS_ERR_DISP_PARAMETERS,
                     "%u", i);
    stop();
}

Test(kernel_rbed, places_are_used_again)
{
    const struct rbed_parameters p = {
        .type = RBED_SOFT, .period = MS, .deadline = MS, .budget = MS / 100
    };
    systime_t begins;
    start(" sched=rbed");
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i <= RBED_TASKS; i++) {
            dcb[i] = (struct dcb){ .disp = &frame[i], .head.cr3 = 4096, .complete = 1 };
            cr_assert_eq(schedule_set_parameters(&dcb[i], &p, &begins),
                         i < RBED_TASKS ? SYS_ERR_OK : SYS_ERR_DISP_ADMISSION);
        }
        stop();
    }
}

/* A job that has yielded is over; one that blocks goes on with what it has left. */
Test(kernel_rbed, yielding_ends_a_job)
{
    start(" sched=rbed");
    struct actor *task = add((struct actor){
        .type = RBED_HARD, .period = MS, .deadline = MS, .budget = MS / 2, .is_hog = true });
    add((struct actor){ .is_hog = true });
    const systime_t begins = now;
    cr_assert_eq(set(task), SYS_ERR_OK);
    cr_assert_eq(schedule_next(now), &dcb[0]);
    now += 100 * US;
    schedule_remove(&dcb[0]);
    cr_assert_eq(schedule_next(now), &dcb[1]);
    now += 100 * US;
    schedule_make_runnable(&dcb[0]);
    cr_assert_leq(schedule_slice_end(), now, "who became runnable is not kept waiting");
    cr_assert_not(schedule_tick(now));
    cr_assert_eq(schedule_next(now), &dcb[0]);
    cr_assert_eq(schedule_slice_end(), now + 400 * US);
    schedule_yield(&dcb[0]);
    cr_assert_eq(schedule_next(now), &dcb[1]);
    cr_assert_eq(schedule_slice_end(), begins + MS, "its next period");
    stop();
}

/* Without its check, setting parameters would write behind the table. */
Test(kernel_rbed, one_task_more_than_places_is_noticed, .signal = SIGABRT)
{
    const struct rbed_parameters p = {
        .type = RBED_SOFT, .period = MS, .deadline = MS, .budget = MS / 100
    };
    start(" sched=rbed");
    for (unsigned i = 0; i <= RBED_TASKS; i++)
        rbed_set(&dcb[i], &p, now);
}

/* As of a dispatcher that has taken the place of one that was not forgotten. */
Test(kernel_rbed, a_number_of_somebody_elses_task_is_noticed, .signal = SIGABRT)
{
    const struct rbed_parameters p = {
        .type = RBED_SOFT, .period = MS, .deadline = MS, .budget = MS / 100
    };
    start(" sched=rbed");
    rbed_set(&dcb[0], &p, now);
    dcb[1].task = dcb[0].task;
    schedule_forget(&dcb[1]);
}
