/* SPDX-License-Identifier: MIT
 *
 * Ways of notifications when cores die (docs/agreement.md, "Ways of notifications"): the monitors
 * find the ways that the machine finds; and in any order of sending, passing on, crashes and of
 * monitors that hear of them, whoever sleeps with an unread line is woken, as long as a way is
 * left.
 * Each rule of parts/signals.c is left out once, and must then be missed.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../../guest/user/monitor/base/ways.h"
#include "fault/interconnect.h"

/* link: guest/user/monitor/base/ways.c vmm/fault/interconnect.c */

#define BIT(core) (UINT64_C(1) << (core))
#define CORES_MAX 8
#define RUNS 20000

static uint64_t seed;

static unsigned below(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((seed >> 33) % n);
}

/* A ring, so that all cores reach each other, and some shorter ways, not always both ways. */
static void some_shape(struct interconnect *net, unsigned cores)
{
    struct interconnect_shape shape = { 0 };
    cr_assert_null(interconnect_build(&shape, "ring", cores));
    interconnect_signal_neighbours(&shape);
    for (unsigned i = below(4); i > 0; i--)
        shape.unsignalled[below(cores)] &= ~BIT(below(cores));
    interconnect_init(net, &shape);
}

static void tell_topology(const struct interconnect *net, struct abi_topology *topology)
{
    memset(topology, 0, sizeof(*topology));
    topology->core_count = net->shape.cores;
    for (unsigned from = 0; from < net->shape.cores; from++)
        for (unsigned to = 0; to < net->shape.cores; to++)
            if (net->signal_next[from][to] != to)
                topology->signal_over[from][to] = (uint8_t)(net->signal_next[from][to] + 1);
}

Test(monitor_ways, the_monitors_and_the_machine_find_the_same)
{
    static struct interconnect net;
    static struct abi_topology topology;
    static struct ways ways;
    for (seed = 1; seed < 400; seed++) {
        const unsigned cores = 3 + below(14);
        uint64_t gone = 0;
        uint8_t next[ABI_MAX_CORES];
        some_shape(&net, cores);
        tell_topology(&net, &topology);
        ways_init(&ways, &topology);
        for (unsigned i = below(cores - 1); i > 0; i--) {
            const unsigned core = below(cores);
            gone |= BIT(core);
            interconnect_set_mute(&net, core, true);
        }
        for (unsigned from = 0; from < cores; from++) {
            ways_find(&ways, gone, (coreid_t)from, next);
            for (unsigned to = 0; to < cores; to++) {
                if (to == from)
                    continue;
                const unsigned other = net.signal_next[from][to];
                cr_assert_eq(next[to], other == INTERCONNECT_UNREACHED ? WAYS_NONE : other);
                cr_assert_eq(ways_reaching(&ways, gone, (coreid_t)to) >> from & 1,
                             next[to] != WAYS_NONE);
            }
        }
    }
}

Test(monitor_ways, a_core_that_comes_back_passes_on_again)
{
    static struct interconnect net;
    some_shape(&net, 8);
    const unsigned before = net.signal_next[0][4];
    interconnect_set_mute(&net, before, true);
    cr_expect_neq(net.signal_next[0][4], before);
    interconnect_set_mute(&net, before, false);
    cr_expect_eq(net.signal_next[0][4], before);
}

/* ---- lines, sleepers and crashes ---- */

enum rule { ALL_RULES, NOBODY_WAKES, WAKES_FIRST };

static struct world {
    enum rule left_out;
    unsigned cores, deaths_left;
    struct ways ways;
    uint64_t dead, known[CORES_MAX]; /* to each */
    uint8_t next[CORES_MAX][ABI_MAX_CORES];
    bool must_wake[CORES_MAX];   /* has new ways and has not notified the others yet */
    uint64_t pending[CORES_MAX]; /* for which cores it has a notification */
    uint64_t waking[CORES_MAX];  /* and that to all dispatchers of these */
    uint64_t unread[CORES_MAX];  /* whose lines each has before it, asleep */
} w;

static void signal_core(unsigned from, unsigned to, bool all)
{
    const unsigned over = w.next[from][to];
    if (over == WAYS_NONE || (w.dead & BIT(over)) != 0)
        return; /* lost */
    if (all)
        w.waking[over] |= BIT(to);
    else
        w.pending[over] |= BIT(to);
}

static void take(unsigned core)
{
    const uint64_t passed = w.pending[core], all = w.waking[core];
    w.pending[core] = w.waking[core] = 0;
    if (((passed | all) & BIT(core)) != 0)
        w.unread[core] = 0; /* it looks, and finds all that is written */
    for (unsigned to = 0; to < w.cores; to++) {
        if (to != core && (passed & BIT(to)) != 0)
            signal_core(core, to, false);
        if (to != core && (all & BIT(to)) != 0)
            signal_core(core, to, true);
    }
}

static void wake_others(unsigned core)
{
    w.must_wake[core] = false;
    for (unsigned to = 0; to < w.cores && w.left_out != NOBODY_WAKES; to++)
        if (to != core && (w.known[core] & BIT(to)) == 0 && w.next[core][to] != to)
            signal_core(core, to, true);
}

/* The monitor of a core hears of a death; its next step notifies the others. */
static void hear(unsigned core)
{
    const uint64_t news = w.dead & ~w.known[core];
    if (w.must_wake[core]) {
        wake_others(core);
        return;
    }
    if (news == 0)
        return;
    w.known[core] |= below(2) == 0 ? news : news & -news;
    if (w.left_out == WAKES_FIRST)
        wake_others(core);
    ways_find(&w.ways, w.known[core], (coreid_t)core, w.next[core]);
    w.must_wake[core] = w.left_out != WAKES_FIRST;
}

/* Do notifications of all that live get to all that live? */
static bool is_connected(uint64_t dead)
{
    for (unsigned to = 0; to < w.cores; to++)
        if ((dead & BIT(to)) == 0 &&
            (~ways_reaching(&w.ways, dead, (coreid_t)to) & (BIT(w.cores) - 1) & ~dead) != 0)
            return false;
    return true;
}

static void crash(unsigned core)
{
    if (w.deaths_left == 0 || !is_connected(w.dead | BIT(core)))
        return;
    w.deaths_left--;
    w.dead |= BIT(core);
    w.pending[core] = w.waking[core] = 0;
}

static void write_line(unsigned core)
{
    const unsigned to = below(w.cores);
    if (to == core || (w.dead & BIT(to)) != 0)
        return;
    w.unread[to] |= BIT(core);
    signal_core(core, to, false);
}

static bool is_quiet(void)
{
    for (unsigned core = 0; core < w.cores; core++)
        if ((w.dead & BIT(core)) == 0 && (w.pending[core] != 0 || w.waking[core] != 0 ||
                                          w.must_wake[core] || w.known[core] != w.dead))
            return false;
    return true;
}

static void step(bool is_end)
{
    const unsigned core = below(w.cores);
    if ((w.dead & BIT(core)) != 0)
        return;
    switch (below(is_end ? 2 : 4)) {
    case 0:
        take(core);
        break;
    case 1:
        hear(core);
        break;
    case 2:
        write_line(core);
        break;
    default:
        if (below(8) == 0)
            crash(core);
    }
}

/* Does a run end with somebody asleep before an unread line? */
static bool somebody_sleeps_on(enum rule left_out)
{
    static struct interconnect net;
    static struct abi_topology topology;
    w = (struct world){ .left_out = left_out, .cores = 4 + below(CORES_MAX - 3), .deaths_left = 3 };
    some_shape(&net, w.cores);
    tell_topology(&net, &topology);
    ways_init(&w.ways, &topology);
    for (unsigned core = 0; core < w.cores; core++)
        ways_find(&w.ways, 0, (coreid_t)core, w.next[core]);
    for (unsigned i = 60 + below(100); i > 0; i--)
        step(false);
    for (unsigned i = 0; !is_quiet(); i++) {
        cr_assert_lt(i, 100000, "a notification goes round and round");
        step(true);
    }
    for (unsigned core = 0; core < w.cores; core++)
        if ((w.dead & BIT(core)) == 0 && (w.unread[core] & ~w.dead) != 0)
            return true; /* a dead core's channels end: whoever waits is told */
    return false;
}

Test(monitor_ways, who_sleeps_is_woken_whoever_dies_on_the_way)
{
    for (unsigned run = 0; run < RUNS; run++) {
        seed = run;
        cr_assert_not(somebody_sleeps_on(ALL_RULES), "run %u", run);
    }
}

Test(monitor_ways, each_rule_is_missed_when_it_is_left_out)
{
    unsigned found[] = { 0, 0, 0 };
    for (unsigned run = 0; run < RUNS; run++)
        for (enum rule rule = NOBODY_WAKES; rule <= WAKES_FIRST; rule++) {
            seed = run;
            found[rule] += somebody_sleeps_on(rule);
        }
    cr_expect_gt(found[NOBODY_WAKES], 0);
    cr_expect_gt(found[WAKES_FIRST], 0);
    cr_log_info("caught: %u, %u of %u", found[NOBODY_WAKES], found[WAKES_FIRST], RUNS);
}
