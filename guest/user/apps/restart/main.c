/* SPDX-License-Identifier: MIT
 *
 * restart CORE TIMES [PROGRAM ARGUMENT...]: an operator that is a program, on core 0.  It stops the
 * core and starts it again, so often, and runs a program there each time (hello, or the one named).
 * With "early" for a program it runs none: it stops the core while the core's own domains are still
 * starting, a little later in each life.  It goes on only when the memory server has what it had
 * after the first time: what a life of a core has taken comes back.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/monitor_client.h>
#include <barrelfish/nameservice_client.h>
#include <barrelfish/spawn_client.h>
#include <barrelfish/systime.h>
#include <barrelfish/threads.h>
#include <if/boot_manager_defs.h>
#include <if/mem_defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG_TURNS 50
#define EARLY_STEP_NS 20000
#define OWN_RAM_BITS 21 /* more than a domain is born with */

#define CHECK(err, what)                                    \
    do {                                                    \
        errval_t check_err = (err);                         \
        if (err_is_fail(check_err))                         \
            USER_PANIC_ERR(check_err, "restart: %s", what); \
    } while (0)

static struct boot_manager_binding *manager;

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

static uint64_t ask(bool start, uint64_t cores)
{
    uint64_t running = 0;
    errval_t answer = SYS_ERR_OK;
    CHECK(start ? manager->rpc_tx_vtbl.start_cores(manager, cores, &running, &answer)
                : manager->rpc_tx_vtbl.stop_cores(manager, cores, &running, &answer),
          start ? "asking for a core to start" : "asking for a core to stop");
    CHECK(answer, start ? "starting a core" : "stopping a core");
    return running;
}

static void run_there(coreid_t core, char *argv[])
{
    struct capref domain;
    uint8_t status = 0;
    CHECK(spawn_program(core, argv[0], argv, NULL, SPAWN_FLAGS_DEFAULT, &domain),
          "starting a program");
    CHECK(spawn_wait(domain, &status, false), "waiting for the program");
    if (status != 0)
        USER_PANIC("restart: %s ended with %u", argv[0], status);
}

/* What the memory server of core 0 has, to which a domain connects when it first needs memory that
 * it was not born with. */
static uint64_t free_memory(void)
{
    uint64_t total = 0, left = 0;
    struct capref page;
    if (get_mem_binding() == NULL) {
        CHECK(ram_alloc(&page, OWN_RAM_BITS), "connecting to the memory server");
        ram_free(page);
    }
    struct mem_binding *b = get_mem_binding();
    CHECK(b->rpc_tx_vtbl.available(b, &total, &left), "asking for memory");
    return left;
}

/* More may be on its way: that has come when nothing changes for long. */
static uint64_t all_that_is_free(void)
{
    uint64_t most = free_memory();
    for (unsigned same = 0; same < LONG_TURNS; same++) {
        const uint64_t now = free_memory();
        if (now > most) {
            most = now;
            same = 0;
        }
    }
    return most;
}

/* So long that each life of the core is stopped at another step of its start. */
static void wait_a_little(unsigned life)
{
    const systime_t until = systime_now() + life * ns_to_systime(EARLY_STEP_NS);
    while (systime_now() < until)
        thread_yield();
}

int main(int argc, char *argv[])
{
    static char hello[] = "hello", *just_hello[] = { hello, NULL };
    if (argc < 3) {
        printf("usage: restart CORE TIMES [PROGRAM ARGUMENT...]\n");
        return 1;
    }
    const unsigned core = (unsigned)strtoul(argv[1], NULL, 10), times = (unsigned)atoi(argv[2]);
    const bool early = argc > 3 && strcmp(argv[3], "early") == 0;
    uint64_t first = 0;
    connect();
    for (unsigned life = 1; life <= times; life++) {
        if (ask(false, 1ull << core) >> core & 1)
            USER_PANIC("restart: core %u runs", core);
        if (life == 1)
            first = all_that_is_free();
        while (free_memory() != first) /* the last of it is on its way; or the test never ends */
            thread_yield();
        if ((ask(true, 1ull << core) >> core & 1) == 0)
            USER_PANIC("restart: core %u does not run", core);
        if (early)
            wait_a_little(life);
        else
            run_there((coreid_t)core, argc > 3 ? argv + 3 : just_hello);
    }
    printf("restart: %u lives of core %u\n", times, core);
    return 0;
}
