/* SPDX-License-Identifier: MIT
 *
 * The deterministic engine is deterministic: the same machine and seed give the same state, console
 * and schedule, whatever the host does; another seed gives another interleaving; a snapshot or a
 * fork goes on exactly as the original does.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#include "crowd_guest.h"
#include "engine/prng.h"
#include "machine/machine.h"
#include "run/snapshot.h"

struct outcome {
    struct engine_stop why;
    uint64_t hash[2];
    uint64_t console;  /* hash of all lines with their times */
    uint64_t schedule; /* hash of all slices */
    uint64_t counter, slices;
};

struct run {
    struct machine *machine;
    struct engine *engine;
    struct outcome outcome;
    uint64_t lines, stop_at_line; /* 0 = never */
};

static void console_line(void *context, const struct machine_console_line *line)
{
    struct run *run = context;
    run->outcome.console = XXH3_64bits_withSeed(
        line->text, line->bytes, run->outcome.console + line->time_ns * 64 + line->core);
    if (++run->lines == run->stop_at_line)
        engine_unicorn.request_stop(run->engine, STOP_REQUEST);
}

static void slice(void *context, const struct engine_slice *seen)
{
    struct run *run = context;
    run->outcome.schedule = XXH3_64bits_withSeed(seen, sizeof(*seen), run->outcome.schedule);
    run->outcome.slices++;
}

static void open_run(struct run *run, unsigned cores, unsigned turns, uint64_t seed, bool trace,
                     bool private_memory)
{
    *run = (struct run){ 0 };
    struct machine_sink sink = { .context = run, .console_line = console_line };
    struct engine_options options = { .seed = seed, .interrupt_fd = -1 };
    const char *wrong = crowd_machine(cores, turns, &sink, trace, private_memory, &run->machine);
    cr_assert(!wrong, "%s", wrong);
    cr_assert_eq(engine_unicorn.create(&run->engine, run->machine, &options), 0, "%s",
                 machine_error_text(run->machine));
    engine_unicorn.observe(run->engine, slice, run);
}

static void go_on(struct run *run)
{
    cr_assert_eq(machine_run(run->machine, &run->outcome.why), 0, "%s", run->outcome.why.detail);
    engine_unicorn.state_hash(run->engine, run->outcome.hash);
    run->outcome.counter = crowd_counter(run->machine);
}

static void close_run(struct run *run)
{
    engine_unicorn.destroy(run->engine);
    machine_destroy(run->machine);
}

static struct outcome run_once(unsigned cores, unsigned turns, uint64_t seed, bool trace)
{
    struct run run;
    open_run(&run, cores, turns, seed, trace, false);
    go_on(&run);
    close_run(&run);
    cr_assert_eq(run.outcome.why.reason, STOP_EXIT, "%s: %s",
                 stop_reason_name(run.outcome.why.reason), run.outcome.why.detail);
    cr_assert_eq(run.outcome.counter, (uint64_t)cores * turns);
    return run.outcome;
}

static bool same(const struct outcome *a, const struct outcome *b)
{
    return a->hash[0] == b->hash[0] && a->hash[1] == b->hash[1] && a->console == b->console &&
           a->schedule == b->schedule && a->why.time_ns == b->why.time_ns && a->slices == b->slices;
}

static void need_unicorn(void)
{
    struct engine_capability capability;
    if (engine_unicorn.probe(&capability) != 0)
        cr_skip_test("no Unicorn: %s", capability.reason);
}

Test(unicorn_determinism, same_seed_same_everything, .timeout = 120)
{
    need_unicorn();
    struct outcome first = run_once(4, 1000, 7, false);
    for (int i = 0; i < 10; i++) {
        struct outcome other = run_once(4, 1000, 7, i % 2);
        cr_assert(same(&first, &other), "run %d", i);
    }
}

static atomic_bool busy;

static void *burn(void *unused)
{
    (void)unused;
    unsigned long spins = 0;
    while (atomic_load(&busy))
        free(malloc(1 + spins++ % 10000));
    return NULL;
}

Test(unicorn_determinism, host_load_and_memory_layout_do_not_matter, .timeout = 120)
{
    need_unicorn();
    struct outcome quiet = run_once(3, 1000, 9, false);
    pthread_t threads[4];
    atomic_store(&busy, true);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, burn, NULL);
    void *wasted[64];
    for (int i = 0; i < 64; i++)
        wasted[i] = malloc((size_t)i * 4567 + 1);
    setenv("A_LONG_VARIABLE", "01234567890123456789012345678901234567890123456789", 1);
    struct outcome loaded = run_once(3, 1000, 9, true);
    atomic_store(&busy, false);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 64; i++)
        free(wasted[i]);
    cr_assert(same(&quiet, &loaded));
}

Test(unicorn_determinism, other_processes_with_other_addresses_agree, .timeout = 120)
{
    need_unicorn();
    /* Each child lays out its address space anew, as far as it can without exec: Unicorn and all
     * guest memory are mapped there for the first time, behind different amounts of other
     * things. */
    struct outcome seen[4];
    for (size_t i = 0; i < 4; i++) {
        int ends[2];
        cr_assert_eq(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            alarm(60);
            for (size_t k = 0; k < i * 1000; k++)
                if (!malloc(k * 13 % 70000 + 1))
                    _exit(1);
            struct outcome outcome = run_once(4, 500, 3, i % 2);
            _exit(write(ends[1], &outcome, sizeof(outcome)) != sizeof(outcome));
        }
        int status = -1;
        close(ends[1]);
        waitpid(child, &status, 0);
        cr_assert_eq(status, 0);
        cr_assert_eq(read(ends[0], &seen[i], sizeof(seen[i])), (ssize_t)sizeof(seen[i]));
        close(ends[0]);
    }
    for (size_t i = 1; i < 4; i++)
        cr_assert(same(&seen[0], &seen[i]), "process %zu", i);
}

Test(unicorn_determinism, seeds_give_different_interleavings, .timeout = 240)
{
    need_unicorn();
    enum { SEEDS = 100 };
    uint64_t hashes[SEEDS];
    unsigned distinct = 0;
    for (unsigned i = 0; i < SEEDS; i++) {
        hashes[i] = run_once(3, 300, i, false).hash[0];
        bool new = true;
        for (unsigned k = 0; k < i; k++)
            new = new &&hashes[k] != hashes[i];
        distinct += new;
    }
    cr_assert(distinct > SEEDS * 9 / 10, "%u of %u", distinct, SEEDS);
}

Test(unicorn_determinism, a_snapshot_goes_on_like_the_original, .timeout = 120)
{
    need_unicorn();
    struct run run;
    open_run(&run, 4, 2000, 11, false, true);
    run.stop_at_line = 17;
    go_on(&run);
    cr_assert_eq(run.outcome.why.reason, STOP_REQUEST);
    struct outcome then = run.outcome;
    struct vm_snapshot *snapshot = NULL;
    cr_assert_eq(vm_snapshot(run.machine, &engine_unicorn, run.engine, &snapshot), 0);
    cr_assert(vm_snapshot_bytes(snapshot) > 0 && vm_snapshot_bytes(snapshot) < 64 << 20);

    go_on(&run);
    cr_assert_eq(run.outcome.why.reason, STOP_EXIT);
    struct outcome original = run.outcome;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(vm_restore(run.machine, &engine_unicorn, run.engine, snapshot), 0);
        uint64_t hash[2];
        engine_unicorn.state_hash(run.engine, hash);
        cr_assert(hash[0] == then.hash[0] && hash[1] == then.hash[1], "state %d", i);
        run.outcome = then;
        go_on(&run);
        cr_assert(same(&run.outcome, &original), "run %d", i);
    }
    vm_snapshot_free(&engine_unicorn, snapshot);
    close_run(&run);
}

/* More than descriptors were allowed to begin with; each is restored, in another order. */
Test(unicorn_determinism, many_snapshots_are_kept, .timeout = 240)
{
    enum { SNAPSHOTS = 60 };
    static struct vm_snapshot *snapshot[SNAPSHOTS];
    static uint64_t hash[SNAPSHOTS][2];
    need_unicorn();
    struct rlimit limit;
    struct run run;
    open_run(&run, 2, 2000, 11, false, true);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 48;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (unsigned i = 0; i < SNAPSHOTS; i++) {
        if (i % 6 == 0) { /* several of each moment */
            run.stop_at_line = i / 6 + 1;
            go_on(&run);
            cr_assert_eq(run.outcome.why.reason, STOP_REQUEST);
        }
        memcpy(hash[i], run.outcome.hash, sizeof(hash[i]));
        cr_assert_eq(vm_snapshot(run.machine, &engine_unicorn, run.engine, &snapshot[i]), 0,
                     "snapshot %u", i);
    }
    for (unsigned i = 0; i < SNAPSHOTS; i++) {
        unsigned number = i * 37 % SNAPSHOTS;
        uint64_t now[2];
        cr_assert_eq(vm_restore(run.machine, &engine_unicorn, run.engine, snapshot[number]), 0);
        engine_unicorn.state_hash(run.engine, now);
        cr_expect(now[0] == hash[number][0] && now[1] == hash[number][1], "state %u", number);
    }
    for (unsigned i = 0; i < SNAPSHOTS; i++)
        vm_snapshot_free(&engine_unicorn, snapshot[i]);
    close_run(&run);
}

Test(unicorn_determinism, a_snapshot_with_another_seed_goes_on_differently, .timeout = 120)
{
    need_unicorn();
    struct run run;
    open_run(&run, 4, 2000, 11, false, true);
    run.stop_at_line = 5;
    go_on(&run);
    struct vm_snapshot *snapshot = NULL;
    cr_assert_eq(vm_snapshot(run.machine, &engine_unicorn, run.engine, &snapshot), 0);
    uint64_t hash[6];
    for (uint64_t i = 0; i < 6; i++) { /* seeds 0 0 1 1 2 2 */
        cr_assert_eq(vm_restore(run.machine, &engine_unicorn, run.engine, snapshot), 0);
        engine_unicorn.reseed(run.engine, i / 2);
        go_on(&run);
        cr_assert_eq(run.outcome.why.reason, STOP_EXIT);
        hash[i] = run.outcome.hash[0];
    }
    cr_assert(hash[0] == hash[1] && hash[2] == hash[3] && hash[4] == hash[5]);
    cr_assert(hash[0] != hash[2] && hash[2] != hash[4] && hash[0] != hash[4]);
    vm_snapshot_free(&engine_unicorn, snapshot);
    close_run(&run);
}

Test(unicorn_determinism, seeds_mean_the_same_for_ever)
{
    /* The state after seeding is known from the publication of splitmix64; the numbers after it pin
     * our generator, so that a seed written down today repeats its run tomorrow. */
    struct prng prng;
    prng_seed(&prng, 0);
    static const uint64_t state[] = { 0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f,
                                      0xf88bb8a8724c81ec };
    cr_assert_arr_eq(prng.state, state, sizeof(state));
    uint64_t first = prng_next(&prng);
    /* rotl(s1 * 5, 7) * 9, by hand */
    uint64_t product = state[1] * 5;
    cr_assert_eq(first, (product << 7 | product >> 57) * 9);
    for (int i = 0; i < 1000; i++)
        cr_assert_lt(prng_below(&prng, 7), 7);
    prng_seed(&prng, 7);
    uint64_t mixed = 0;
    for (int i = 0; i < 1000; i++)
        mixed = mixed * 31 + prng_next(&prng);
    cr_assert_eq(mixed, 0x6567213f183a56d8, "0x%llx", (unsigned long long)mixed);
}

Test(unicorn_determinism, parent_and_child_of_a_fork_agree, .timeout = 120)
{
    need_unicorn();
    struct run run;
    open_run(&run, 4, 2000, 12, false, true);
    run.stop_at_line = 9;
    go_on(&run);
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        go_on(&run);
        bool written = write(ends[1], &run.outcome, sizeof(run.outcome)) == sizeof(run.outcome);
        _exit(!written);
    }
    go_on(&run);
    int status = -1;
    close(ends[1]);
    waitpid(child, &status, 0);
    cr_assert_eq(status, 0);
    struct outcome other;
    cr_assert_eq(read(ends[0], &other, sizeof(other)), (ssize_t)sizeof(other));
    cr_assert_eq(run.outcome.why.reason, STOP_EXIT);
    cr_assert(same(&run.outcome, &other));
    close_run(&run);
}

Test(unicorn_determinism, sixty_four_cores_finish, .timeout = 240)
{
    need_unicorn();
    struct outcome first = run_once(64, 300, 1, false), second = run_once(64, 300, 1, true);
    cr_assert(same(&first, &second));
}
