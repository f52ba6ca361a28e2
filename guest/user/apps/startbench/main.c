/* SPDX-License-Identifier: MIT
 *
 * What it costs to find a name, to start a program and to start a core, in cycles of the TSC.  Core
 * 1 is stopped and started again in between; needs `operators=startbench`.
 *
 * One line for each figure, as tests/bench/run reads them: bench NAME MEDIAN MIN MAX.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <barrelfish/spawn_client.h>
#include <bench/bench.h>
#include <if/boot_manager_defs.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SAMPLES 15
#define LIVES 5

#define CHECK(err, what)                                       \
    do {                                                       \
        errval_t check_err = (err);                            \
        if (err_is_fail(check_err))                            \
            USER_PANIC_ERR(check_err, "startbench: %s", what); \
    } while (0)

static struct boot_manager_binding *manager;

static int compare(const void *a, const void *b)
{
    const cycles_t x = *(const cycles_t *)a, y = *(const cycles_t *)b;
    return x < y ? -1 : x > y;
}

static void print(const char *name, cycles_t *sample, unsigned count)
{
    qsort(sample, count, sizeof(*sample), compare);
    printf("bench %s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", name, sample[count / 2], sample[0],
           sample[count - 1]);
}

static void look_up(void)
{
    cycles_t sample[SAMPLES];
    iref_t iref;
    for (unsigned i = 0; i < SAMPLES; i++) {
        const cycles_t begin = bench_tsc();
        CHECK(nameservice_lookup("boot_manager", &iref), "looking for the boot manager");
        sample[i] = bench_tsc() - begin;
    }
    print("start.lookup", sample, SAMPLES);
}

/* Until the call returns, and until the program has said hello, has ended, and that is known. */
static void start_programs(coreid_t core)
{
    char path[] = "hello", mode[] = "nospawn", *argv[] = { path, mode, NULL }, name[32];
    cycles_t called[SAMPLES], lived[SAMPLES];
    for (unsigned i = 0; i < SAMPLES; i++) {
        struct capref domain;
        uint8_t status = 0;
        const cycles_t begin = bench_tsc();
        CHECK(spawn_program(core, path, argv, NULL, SPAWN_FLAGS_DEFAULT, &domain),
              "starting hello");
        called[i] = bench_tsc() - begin;
        CHECK(spawn_wait(domain, &status, false), "waiting for hello");
        lived[i] = bench_tsc() - begin;
        if (status != 0)
            USER_PANIC("startbench: hello ended with %u", status);
    }
    snprintf(name, sizeof(name), "start.spawn.%u", core);
    print(name, called, SAMPLES);
    snprintf(name, sizeof(name), "start.life.%u", core);
    print(name, lived, SAMPLES);
}

static void bound(void *st, errval_t err, struct boot_manager_binding *b)
{
    (void)st;
    CHECK(err, "binding to the boot manager");
    boot_manager_rpc_client_init(b);
    manager = b;
}

static void connect(void)
{
    iref_t iref;
    CHECK(nameservice_blocking_lookup("boot_manager", &iref), "looking for the boot manager");
    CHECK(boot_manager_bind(iref, bound, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT),
          "binding to the boot manager");
    while (manager == NULL)
        CHECK(event_dispatch(get_default_waitset()), "waiting for the boot manager");
}

static void start_core(coreid_t core)
{
    const uint64_t cores = 1ull << core;
    cycles_t stopped[LIVES], started[LIVES];
    for (unsigned i = 0; i < LIVES; i++) {
        uint64_t running = 0;
        errval_t answer = SYS_ERR_OK;
        cycles_t begin = bench_tsc();
        CHECK(manager->rpc_tx_vtbl.stop_cores(manager, cores, &running, &answer), "stopping");
        stopped[i] = bench_tsc() - begin;
        CHECK(answer, "stopping a core");
        if ((running & cores) != 0)
            USER_PANIC("startbench: core %u runs", core);
        begin = bench_tsc();
        CHECK(manager->rpc_tx_vtbl.start_cores(manager, cores, &running, &answer), "starting");
        started[i] = bench_tsc() - begin;
        CHECK(answer, "starting a core");
        if ((running & cores) == 0)
            USER_PANIC("startbench: core %u does not run", core);
    }
    print("start.core.stop", stopped, LIVES);
    print("start.core.boot", started, LIVES);
}

int main(void)
{
    bench_init();
    connect();
    look_up();
    start_programs(0);
    start_programs(1);
    start_core(1);
    printf("bench done\n");
    return 0;
}
