/* SPDX-License-Identifier: MIT
 *
 * Time belongs to everyone: the scheduler and the heap of sleepers, driven by hand.
 *
 * A small core: dispatchers with a habit each, a clock that is fresh at interrupts only, and a
 * timer.  What the CPU driver does at a yield, a message or an interrupt is done here by the same
 * calls.  Whatever the others do, who always computes gets his share.
 */
/* link: guest/kernel/schedule.c guest/kernel/wakeup.c guest/kernel/notify.c guest/kernel/hold.c */
/* link: guest/kernel/schedule_rbed.c */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_state.h"
#include "plat.h"
#include "schedule.h"
#undef assert

struct abi_core_page host_core_page;
struct abi_trace_record host_trace_ring[ABI_TRACE_RECORDS];

void panic(const char *format, ...)
{
    cr_log_error("panic: %s", format);
    abort();
}

void printk(const char *format, ...)
{
    (void)format;
}

/* Round robin does with the time that it is told. */
systime_t plat_time(void)
{
    abort();
}

/* ---- notifications of this core, as plat/synth hands them over ---- */

coreid_t my_core_id;
struct kernel_stats kernel_counters;
static bool pending[ABI_NOTIFY_IDS];

void plat_notify(coreid_t core, uint32_t id)
{
    cr_assert(core == my_core_id && id < ABI_NOTIFY_IDS);
    pending[id] = true;
}

static const struct abi_boot boot; /* no interconnect: everybody signals everybody */
const struct abi_boot *boot_info = &boot;

void plat_notify_self(const uint64_t *ids, unsigned words)
{
    for (unsigned id = 0; id < words * 64; id++)
        pending[id] |= ids[id / 64] >> id % 64 & 1;
}

void plat_take_notifications(void (*deliver)(uint32_t id))
{
    static uint32_t next;
    unsigned left = NOTIFICATIONS_MAX;
    for (uint32_t i = 0; i < ABI_NOTIFY_IDS && left != 0; i++) {
        const uint32_t id = next++ % ABI_NOTIFY_IDS;
        if (!pending[id])
            continue;
        pending[id] = false;
        left--;
        deliver(id);
    }
}

static uint64_t held;
static bool platform_holds = true;

bool plat_hold(uint64_t causes)
{
    if (platform_holds)
        held = causes;
    return platform_holds;
}

/* ---- the heap ---- */

#define SLEEPERS 300

struct dcb *current;
static struct dcb dcb[SLEEPERS];
static struct dispatcher_shared frame[SLEEPERS];

static void make_complete(struct dcb *d, struct dispatcher_shared *disp)
{
    *d = (struct dcb){ .disp = disp, .head.cr3 = 4096, .complete = 1 };
}

static systime_t earliest(void)
{
    systime_t at = 0;
    for (unsigned i = 0; i < SLEEPERS; i++)
        if (dcb[i].sleeping && (at == 0 || dcb[i].wakeup < at))
            at = dcb[i].wakeup;
    return at;
}

static unsigned check_heap(const struct dcb *d, const struct dcb *up)
{
    if (d == NULL)
        return 0;
    cr_assert(d->sleeping);
    cr_assert_eq(d->sleep.up, up);
    cr_assert(up == NULL || up->wakeup <= d->wakeup);
    unsigned left = check_heap(d->sleep.left, d), right = check_heap(d->sleep.right, d);
    cr_assert_geq(left, right);
    cr_assert_eq(d->sleep.rank, right + 1);
    return d->sleep.rank;
}

static void check_all(void)
{
    cr_assert_eq(wakeup_first(), earliest());
    for (unsigned i = 0; i < SLEEPERS; i++)
        if (dcb[i].sleeping && dcb[i].sleep.up == NULL)
            check_heap(&dcb[i], NULL);
}

Test(kernel_schedule, the_heap_knows_who_wakes_first)
{
    srandom(1);
    for (unsigned i = 0; i < SLEEPERS; i++)
        make_complete(&dcb[i], &frame[i]);
    systime_t now = 1;
    for (unsigned step = 0; step < 20000; step++) {
        struct dcb *d = &dcb[(unsigned long)random() % SLEEPERS];
        if (d->sleeping && random() % 3 == 0)
            wakeup_remove(d);
        else if (!d->sleeping && !d->queued)
            wakeup_set(d, now + 1 + (systime_t)random() % 1000);
        if (step % 50 == 0) {
            now += (systime_t)random() % 200;
            schedule_wake(now);
        }
        while (schedule_head != NULL)
            schedule_remove(schedule_head);
        if (step % 10 == 0)
            check_all();
    }
}

/* The order that is worst for a list, and the one that is worst for a heap. */
Test(kernel_schedule, sleepers_in_any_order_cost_few_steps)
{
    for (int upwards = 0; upwards < 2; upwards++) {
        for (unsigned i = 0; i < SLEEPERS; i++) {
            make_complete(&dcb[i], &frame[i]);
            wakeup_set(&dcb[i], upwards ? 1000 + i : 2000 - i); /* LOOP_BOUND counts */
        }
        check_all();
        for (unsigned i = 0; i < SLEEPERS; i++)
            wakeup_remove(&dcb[i * 7 % SLEEPERS]);
        cr_assert_eq(wakeup_first(), 0);
    }
}

Test(kernel_schedule, one_check_wakes_a_few_and_a_past_deadline_tells_of_more)
{
    for (unsigned i = 0; i < SLEEPERS; i++) {
        make_complete(&dcb[i], &frame[i]);
        wakeup_set(&dcb[i], 100);
    }
    unsigned checks = 0, woken = 0;
    for (; wakeup_first() != 0 && wakeup_first() <= 200; checks++) {
        const unsigned before = woken;
        schedule_wake(200);
        woken = 0;
        for (unsigned i = 0; i < SLEEPERS; i++)
            woken += dcb[i].queued;
        cr_assert(woken > before && woken - before <= WAKEUP_WORK / 60);
    }
    cr_assert_geq(checks, SLEEPERS * 60 / WAKEUP_WORK);
    cr_assert_eq(woken, SLEEPERS);
}

/* Each is taken out of the heap, so one entry does not wake all. */
Test(kernel_schedule, notifications_wake_a_few_at_a_time_and_all_in_the_end)
{
    uint32_t id;
    for (unsigned i = 0; i < SLEEPERS; i++) {
        make_complete(&dcb[i], &frame[i]);
        wakeup_set(&dcb[i], 1000 + i * 7919 % SLEEPERS);
        cr_assert_eq(notify_register(&dcb[i], &id), SYS_ERR_OK);
        plat_notify(my_core_id, id);
    }
    unsigned entries = 0, woken = 0;
    for (; woken < SLEEPERS; entries++) {
        const unsigned before = woken;
        cr_assert_not(notify_take(), "nobody runs");
        check_all();
        woken = 0;
        for (unsigned i = 0; i < SLEEPERS; i++)
            woken += dcb[i].queued;
        cr_assert(woken > before && woken - before <= WAKEUP_WORK / 60);
    }
    cr_assert_geq(entries, SLEEPERS * 60 / WAKEUP_WORK);
    for (unsigned i = 0; i < SLEEPERS; i++)
        cr_assert_eq(frame[i].notified, 1);
}

/* Only then is it interrupted for more than the interrupt. */
Test(kernel_schedule, whoever_runs_hears_of_its_own_notifications)
{
    uint32_t id[2];
    for (unsigned i = 0; i < 2; i++) {
        make_complete(&dcb[i], &frame[i]);
        cr_assert_eq(notify_register(&dcb[i], &id[i]), SYS_ERR_OK);
    }
    current = &dcb[0];
    plat_notify(my_core_id, id[1]);
    cr_assert_not(notify_take());
    plat_notify(my_core_id, id[1]);
    plat_notify(my_core_id, id[0]);
    cr_assert(notify_take());
    cr_assert_not(notify_take(), "nothing is left");
}

/* ---- storms of notifications ---- */

/* An interrupt for a notification every `apart` ns, for `duration`, while the cause is not held;
 * the timer when a hold is over.  How many came, and how long the longest time without one was. */
static unsigned storm(systime_t apart, systime_t duration, systime_t *longest)
{
    unsigned came = 0;
    systime_t last = 1;
    *longest = 0;
    for (systime_t now = 1; now <= duration; now += apart) {
        const bool over = hold_is_over(now);
        cr_assert_eq(held != 0, hold_until != 0);
        cr_assert(hold_until == 0 || hold_until > now);
        if (held != 0)
            continue;
        hold_count(now);
        if (over || now == 1 || now - last > *longest)
            *longest = now - last;
        last = now;
        came++;
    }
    hold_before_idle();
    cr_assert_eq(held, 0);
    cr_assert_eq(hold_until, 0);
    return came;
}

Test(kernel_schedule, a_storm_leaves_most_of_the_time_to_who_runs)
{
    systime_t longest;
    const unsigned came = storm(500, 10000000, &longest); /* 20,000 of them */
    cr_assert(came > 1000 && came < 2000, "%u interrupts", came);
    cr_assert(longest >= 40000 && longest <= 51000, "%lu ns", longest);
}

Test(kernel_schedule, few_notifications_are_never_held)
{
    systime_t longest;
    cr_assert_eq(storm(15000, 15000000 - 1, &longest), 1000);
    cr_assert_leq(longest, 15000);
}

Test(kernel_schedule, a_platform_that_cannot_hold_goes_on_as_ever)
{
    systime_t longest;
    platform_holds = false;
    cr_assert_eq(storm(500, 499999, &longest), 1000);
}

/* It used to stay first for ever, and whoever looked spun. */
Test(kernel_schedule, a_sleeper_that_may_not_run_does_not_stop_the_others)
{
    make_complete(&dcb[0], &frame[0]);
    make_complete(&dcb[1], &frame[1]);
    wakeup_set(&dcb[0], 100);
    wakeup_set(&dcb[1], 101);
    dcb[0].complete = 0;
    schedule_wake(200);
    cr_assert(!dcb[0].queued && !dcb[0].sleeping);
    cr_assert(dcb[1].queued);
    cr_assert_eq(wakeup_first(), 0);
}

/* ---- who gets how much ---- */

enum habit { COMPUTES, YIELDS, NAPS, HANDS_OVER, SLEEPS_BEFORE_THE_END, ANYTHING, HABITS };

#define MOST 8
#define SLICE_NS 10000

struct core {
    unsigned count;
    enum habit habit[MOST];
    unsigned notified; /* once in so many steps, 0: never */
    systime_t now, cached, timer, ran[MOST];
    struct dcb *runs;
    systime_t began; /* when it got the core */
};

static void arm(struct core *core)
{
    core->timer = schedule_slice_end();
    if (wakeup_first() != 0 && wakeup_first() < core->timer)
        core->timer = wakeup_first();
}

static void enter(struct core *core, struct dcb *d)
{
    core->runs = d;
    core->began = core->now;
    arm(core);
}

static void enter_next(struct core *core)
{
    struct dcb *d = schedule_next(core->cached);
    while (d == NULL) { /* idle */
        cr_assert_neq(wakeup_first(), 0);
        if (core->now < wakeup_first())
            core->now = wakeup_first();
        core->cached = core->now;
        schedule_wake(core->now);
        d = schedule_next(core->cached);
    }
    enter(core, d);
}

static void interrupted(struct core *core)
{
    core->cached = core->now;
    schedule_wake(core->now);
    if (schedule_tick(core->now))
        arm(core);
    else
        enter_next(core);
}

/* The next that does not just compute, in a circle. */
static struct dcb *accomplice(const struct core *core, unsigned me)
{
    for (unsigned i = 1; i < core->count; i++) {
        unsigned other = (me + i) % core->count;
        if (core->habit[other] != COMPUTES)
            return &dcb[other];
    }
    return NULL;
}

static void act(struct core *core)
{
    const unsigned me = (unsigned)(core->runs - dcb);
    enum habit habit = core->habit[me];
    if (habit == ANYTHING)
        habit = (enum habit)(random() % ANYTHING);
    switch (habit) {
    case YIELDS:
        schedule_yield(core->runs);
        enter_next(core);
        break;
    case SLEEPS_BEFORE_THE_END:
        if (core->now + 300 < core->timer)
            break;
        /* fallthrough */
    case NAPS:
        schedule_remove(core->runs);
        wakeup_set(core->runs, core->now + 1);
        enter_next(core);
        break;
    case HANDS_OVER: {
        struct dcb *to = accomplice(core, me);
        if (to == NULL)
            break;
        schedule_make_runnable(to);
        enter(core, to);
        break;
    }
    default:
        break;
    }
}

static void run(struct core *core, systime_t duration)
{
    timeslice_ns = SLICE_NS;
    for (unsigned i = 0; i < core->count; i++) {
        make_complete(&dcb[i], &frame[i]);
        schedule_make_runnable(&dcb[i]);
    }
    core->now = core->cached = 1;
    enter_next(core);
    const systime_t end = core->now + duration;
    while (core->now < end) {
        systime_t step = 20 + (systime_t)random() % 200;
        bool timer = core->now + step >= core->timer;
        if (timer)
            step = core->timer > core->now ? core->timer - core->now : 1;
        core->now += step;
        core->ran[core->runs - dcb] += step;
        if (timer || (core->notified != 0 && random() % core->notified == 0))
            interrupted(core);
        else
            act(core);
    }
}

static void forget(void)
{
    while (schedule_head != NULL)
        schedule_remove(schedule_head);
    for (unsigned i = 0; i < MOST; i++)
        wakeup_remove(&dcb[i]);
    schedule_next(0);
}

/* One computes, and all others have one habit: it still gets half of its share at least, since a
 * turn that begins between two interrupts may last two slices. */
Test(kernel_schedule, nobody_takes_the_time_of_who_computes)
{
    for (enum habit habit = COMPUTES; habit < HABITS; habit++)
        for (unsigned variant = 0; variant < 4 * (MOST - 1); variant++) {
            const unsigned count = 2 + variant / 4, honest = variant % 2 == 0 ? 0 : count - 1;
            struct core core = { .count = count, .notified = variant % 4 < 2 ? 0 : 50 };
            for (unsigned i = 0; i < count; i++)
                core.habit[i] = i == honest ? COMPUTES : habit;
            srandom(habit * 100 + variant);
            run(&core, 400ull * SLICE_NS);
            const systime_t share = 400ull * SLICE_NS / count;
            cr_expect_geq(core.ran[honest], share / 2, "habit %d, %u dispatchers: %lu of %lu ns",
                          habit, count, core.ran[honest], share);
            forget();
        }
}

Test(kernel_schedule, who_gives_the_core_away_pays_for_it)
{
    timeslice_ns = SLICE_NS;
    for (unsigned i = 0; i < 3; i++) {
        make_complete(&dcb[i], &frame[i]);
        schedule_make_runnable(&dcb[i]);
    }
    cr_assert_not(schedule_tick(1));
    cr_assert_eq(schedule_next(1), &dcb[0]);
    /* 0 lets 1 run: the slice ends when it would have ended, and then it is the turn of 1 itself */
    cr_assert(schedule_tick(SLICE_NS));
    cr_assert_not(schedule_tick(SLICE_NS + 1));
    cr_assert_eq(schedule_next(SLICE_NS + 1), &dcb[1]);
    cr_assert_not(schedule_tick(2 * SLICE_NS + 1));
    cr_assert_eq(schedule_next(2 * SLICE_NS + 1), &dcb[2]);
    forget();
}

/* 1 sleeps while it runs on the time of 0: the rest of the slice is 0's again. */
Test(kernel_schedule, the_rest_of_a_gift_returns_to_the_giver)
{
    timeslice_ns = SLICE_NS;
    for (unsigned i = 0; i < 3; i++) {
        make_complete(&dcb[i], &frame[i]);
        schedule_make_runnable(&dcb[i]);
    }
    schedule_tick(1);
    schedule_remove(&dcb[1]);
    cr_assert_eq(schedule_next(5), &dcb[0]);
    cr_assert_eq(schedule_slice_end(), SLICE_NS + 1);
    forget();
}

Test(kernel_schedule, who_wakes_up_waits_for_its_turn)
{
    timeslice_ns = SLICE_NS;
    for (unsigned i = 0; i < 2; i++)
        make_complete(&dcb[i], &frame[i]);
    schedule_make_runnable(&dcb[0]);
    wakeup_set(&dcb[1], 500);
    schedule_tick(1);
    schedule_wake(600);
    cr_assert(schedule_tick(600), "the slice goes on");
    cr_assert_eq(schedule_next(600), &dcb[0]);
    cr_assert_not(schedule_tick(SLICE_NS + 5));
    cr_assert_eq(schedule_next(SLICE_NS + 5), &dcb[1]);
    forget();
}
