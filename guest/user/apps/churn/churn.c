/* SPDX-License-Identifier: MIT
 *
 * Starts a program again and again.
 *
 *   churn [patient] COUNT PATH [ARGUMENT...]
 *                                     COUNT times, the next when the last has ended; patient: who
 *                                     cannot be started, for whatever reason, is started again
 *   churn eat KIB [PIECE]             takes that much memory from the memory server, in pieces of
 *                                     so many KiB, and ends
 *   churn across KIB                  the same on each of two cores, and maps it on both
 *
 * Shows that a domain's end gives back all it was made of and all it was given: COUNT may need more
 * memory in total than the machine has, and at the end the memory server must have as much as near
 * the beginning; nor may its core have more capabilities.  (With a COUNT below WARM_UP nothing is
 * compared.)  Ends with the highest status of the programs.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/domain.h>
#include <barrelfish/machine_topology.h>
#include <barrelfish/monitor_client.h>
#include <barrelfish/nameservice_client.h>
#include <barrelfish/sys_debug.h>
#include <if/mem_defs.h>
#include <if/spawn_defs.h>
#include <stdio.h>
#include <string.h>

static struct spawn_binding *spawnd;
static bool bound_done;
static errval_t bound_err;
static unsigned ended;
static uint8_t worst_status;
static bool patient;

static void dispatch_one(void)
{
    errval_t err = event_dispatch(get_default_waitset());
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "dispatching events failed");
}

static void domain_exited(struct spawn_binding *b, domainid_t domain, uint8_t status)
{
    (void)b, (void)domain;
    ended++;
    if (status > worst_status)
        worst_status = status;
}

static void bound(void *st, errval_t err, struct spawn_binding *b)
{
    (void)st;
    bound_done = true;
    bound_err = err;
    spawnd = b;
}

static void connect(coreid_t core)
{
    char name[32];
    iref_t iref;
    snprintf(name, sizeof(name), "spawn.%u", core);
    errval_t err = nameservice_blocking_lookup(name, &iref);
    if (err_is_ok(err))
        err = spawn_bind(iref, bound, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "finding the spawn service of core %u failed", core);
    while (!bound_done)
        dispatch_one();
    if (err_is_fail(bound_err))
        USER_PANIC_ERR(bound_err, "connecting to the spawn service of core %u failed", core);
    spawnd->rx_vtbl.domain_exited = domain_exited;
    spawn_rpc_client_init(spawnd);
}

#define WARM_UP 8 /* then all that is kept for the next domain is there */
#define PATIENCE_NS 1000000000ull
#define PIECE_KIB 256 /* unless the menu says otherwise */
#define FIRST_RAM_BITS 16

static unsigned piece_kib = PIECE_KIB;

static int eat(unsigned kib)
{
    for (unsigned eaten = 0; eaten < kib; eaten += piece_kib) {
        void *memory;
        errval_t err = vspace_map_anon_attr(&memory, NULL, NULL, (size_t)piece_kib << 10, NULL,
                                            VREGION_FLAGS_READ_WRITE);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "taking memory failed after %u KiB", eaten);
        *(volatile unsigned *)memory = eaten;
    }
    return 0;
}

static struct thread_sem spanned = THREAD_SEM_INITIALIZER;

static void has_spanned(void *arg, errval_t err)
{
    (void)arg;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "making a dispatcher on another core failed");
    thread_sem_post(&spanned);
}

static int eat_there(void *arg)
{
    return eat((unsigned)(uintptr_t)arg);
}

static int eat_across(unsigned kib)
{
    const struct abi_topology *machine;
    struct thread *thread;
    errval_t err = machine_topology_get(&machine);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "reading the topology failed");
    const coreid_t other = (coreid_t)((disp_get_core_id() + 1) % machine->core_count);
    err = domain_new_dispatcher(other, has_spanned, NULL);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "asking for a dispatcher on another core failed");
    thread_sem_wait(&spanned);
    err = domain_thread_create_on(other, eat_there, (void *)(uintptr_t)kib, &thread);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "starting a thread on another core failed");
    eat(kib);
    err = domain_thread_join(thread, NULL);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "joining it failed");
    return 0;
}

/* Capabilities of this core, of all domains: slots, page tables and the rest. */
static uint64_t capabilities(void)
{
    size_t count = 0;
    errval_t err = sys_debug_get_mdb_size(&count);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "counting capabilities failed");
    return count;
}

/* What the memory server of this core has. */
static uint64_t free_bytes(void)
{
    uint64_t total = 0, free = 0;
    errval_t err = SYS_ERR_OK;
    while (err_is_ok(err) &&
           get_mem_binding() == NULL) { /* connects when the first RAM is used up */
        struct capref ram;
        err = ram_alloc(&ram, FIRST_RAM_BITS);
    }
    if (err_is_ok(err))
        err = get_mem_binding()->rpc_tx_vtbl.available(get_mem_binding(), &total, &free);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "asking the memory server failed");
    return free;
}

static void come_and_go(const char *path, const char *args, unsigned count)
{
    for (const unsigned all = ended + count; ended < all;) {
        const unsigned before = ended;
        domainid_t domain;
        errval_t answer;
        errval_t err = spawnd->rpc_tx_vtbl.spawn_domain(spawnd, path, args, 0, &answer, &domain);
        if (err_is_ok(err))
            err = answer;
        if (err_is_fail(err) && patient) {
            DEBUG_ERR(err, "starting %s for the %u. time", path, before + 1);
            continue;
        }
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "starting %s for the %u. time failed", path, before + 1);
        while (ended == before)
            dispatch_one();
    }
}

struct left {
    uint64_t bytes, caps;
};

static struct left left(void)
{
    return (struct left){ .bytes = free_bytes(), .caps = capabilities() };
}

/* Is everything back?  The last one's end may be news to the memory server yet, and deletion goes
 * on in steps.  False: it is not after a long time.  Somebody else may have taken it for good, as
 * who is started later does: then more must come and go.  What each of them takes is never back. */
static bool is_back(const struct left *before)
{
    const systime_t end = get_system_time() + PATIENCE_NS;
    while (free_bytes() < before->bytes || capabilities() > before->caps) {
        if (get_system_time() > end)
            return false;
        thread_yield_dispatcher(NULL_CAP);
    }
    return true;
}

int main(int argc, char *argv[])
{
    if (argc == 4 && strcmp(argv[1], "eat") == 0 && atoi(argv[3]) > 0)
        piece_kib = (unsigned)atoi(argv[argc = 3]);
    if (argc == 3 && strcmp(argv[1], "eat") == 0)
        return eat((unsigned)strtoul(argv[2], NULL, 10));
    if (argc == 3 && strcmp(argv[1], "across") == 0)
        return eat_across((unsigned)strtoul(argv[2], NULL, 10));
    char args[512];
    patient = argc >= 2 && strcmp(argv[1], "patient") == 0;
    argv += patient;
    argc -= patient;
    unsigned count = argc >= 3 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    if (count == 0) {
        printf("usage: churn [patient] COUNT PATH [ARGUMENT...]\n");
        return 2;
    }
    const char *slash = strrchr(argv[2], '/');
    int length = snprintf(args, sizeof(args), "%s", slash != NULL ? slash + 1 : argv[2]);
    for (int i = 3; i < argc; i++)
        length += snprintf(args + length, sizeof(args) - (size_t)length, " %s", argv[i]);

    connect(disp_get_core_id());
    come_and_go(argv[2], args, count < WARM_UP ? count : WARM_UP);
    if (count < WARM_UP) { /* too few to compare anything */
        printf("%u domains have come and gone\n", ended);
        return worst_status;
    }
    struct left before = left();
    come_and_go(argv[2], args, count - WARM_UP);
    printf("%u domains have come and gone\n", ended);
    while (!is_back(&before)) {
        before = left();
        come_and_go(argv[2], args, count);
    }
    printf("no memory has gone with them\n");
    printf("no capability has gone with them: %" PRIu64 "\n", capabilities());
    return worst_status;
}
