/* SPDX-License-Identifier: MIT
 *
 * Example: a key-value store replicated on all cores, kept equal by two-phase commit
 * (docs/examples.md).
 *
 *   kv [WRITES]     one on each core (core=0-N in the menu); each is a replica, and writes
 *
 *   replica, for each key:   free ──prepare: yes──▶ prepared ──decide: commit or abort──▶ free
 *                                                      └─ prepare by another: no
 *   coordinator, for each write:   prepare on replica 0, 1, ...; all yes: commit everywhere;
 *                                  one no: abort where it was prepared, and begin again
 *
 * All coordinators ask the replicas in the same order.  So whoever has the key on replica 0 gets it
 * on all others, and nobody waits for somebody who waits for him.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/machine_topology.h>
#include <barrelfish/nameservice_client.h>
#include <bench/bench.h>
#include <if/kvdemo_defs.h>
#include <stdio.h>
#include <stdlib.h>

#define CORES_MAX 64
#define KEYS 4u

struct entry {
    uint64_t value, commits;
    uint64_t prepared_by; /* transaction; 0: free */
    uint64_t prepared_value;
};

static struct entry store[KEYS];
static unsigned cores, finished_count;
static bool quitting;
static struct kvdemo_binding *replica[CORES_MAX];

static void dispatch_one(void)
{
    errval_t err = event_dispatch(get_default_waitset());
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "event_dispatch");
}

/* ---- replica ---- */

static errval_t prepare(struct kvdemo_binding *b, uint64_t transaction, uint32_t key,
                        uint64_t value, bool *vote)
{
    (void)b;
    *vote = key < KEYS && store[key].prepared_by == 0;
    if (*vote) {
        store[key].prepared_by = transaction;
        store[key].prepared_value = value;
    }
    return SYS_ERR_OK;
}

static errval_t decide(struct kvdemo_binding *b, uint64_t transaction, uint32_t key, bool commit)
{
    (void)b;
    if (key >= KEYS || store[key].prepared_by != transaction)
        USER_PANIC("a decision on what was not prepared");
    if (commit) {
        store[key].value = store[key].prepared_value;
        store[key].commits++;
    }
    store[key].prepared_by = 0;
    return SYS_ERR_OK;
}

static errval_t finished(struct kvdemo_binding *b)
{
    (void)b;
    finished_count++;
    return SYS_ERR_OK;
}

static errval_t digest(struct kvdemo_binding *b, uint64_t *commits, uint64_t *ret)
{
    (void)b;
    *commits = 0;
    *ret = 0;
    for (unsigned key = 0; key < KEYS; key++) {
        *commits += store[key].commits;
        *ret = *ret * 1000003 + store[key].value * 31 + store[key].commits;
    }
    return SYS_ERR_OK;
}

static void quit(struct kvdemo_binding *b)
{
    (void)b;
    quitting = true;
}

/* Replicas end when they are told to, one before the other. */
static void broken(struct kvdemo_binding *b, errval_t err)
{
    (void)err;
    b->control(b, IDC_CONTROL_TEARDOWN);
}

static errval_t connected(void *st, struct kvdemo_binding *b)
{
    (void)st;
    b->rpc_rx_vtbl.prepare_call = prepare;
    b->rpc_rx_vtbl.decide_call = decide;
    b->rpc_rx_vtbl.finished_call = finished;
    b->rpc_rx_vtbl.digest_call = digest;
    b->rx_vtbl.quit = quit;
    b->error_handler = broken;
    return SYS_ERR_OK;
}

static void exported(void *st, errval_t err, iref_t iref)
{
    char name[16];
    (void)st;
    snprintf(name, sizeof(name), "kv.%u", (unsigned)disp_get_core_id());
    if (err_is_ok(err))
        err = nameservice_register(name, iref);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "offering a replica");
}

/* ---- coordinator ---- */

static void bound(void *st, errval_t err, struct kvdemo_binding *b)
{
    struct kvdemo_binding **place = st;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "binding to a replica");
    kvdemo_rpc_client_init(b);
    b->error_handler = broken;
    *place = b;
}

static void connect_to_replicas(void)
{
    for (unsigned core = 0; core < cores; core++) {
        char name[16];
        iref_t iref;
        snprintf(name, sizeof(name), "kv.%u", core);
        errval_t err = nameservice_blocking_lookup(name, &iref);
        if (err_is_ok(err))
            err = kvdemo_bind(iref, bound, &replica[core], get_default_waitset(),
                              IDC_BIND_FLAGS_DEFAULT);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "finding replica %u", core);
        while (replica[core] == NULL)
            dispatch_one();
    }
}

/* One attempt; true: committed on all replicas. */
static bool write_once(uint64_t transaction, uint32_t key, uint64_t value)
{
    unsigned prepared = 0;
    bool vote = true;
    while (prepared < cores) {
        struct kvdemo_binding *b = replica[prepared];
        errval_t err = b->rpc_tx_vtbl.prepare(b, transaction, key, value, &vote);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "asking replica %u to prepare", prepared);
        if (!vote)
            break;
        prepared++;
    }
    for (unsigned core = 0; core < prepared; core++) {
        struct kvdemo_binding *b = replica[core];
        errval_t err = b->rpc_tx_vtbl.decide(b, transaction, key, vote);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "telling replica %u the decision", core);
    }
    return vote;
}

static void write_all(unsigned writes)
{
    unsigned refused = 0;
    const cycles_t start = bench_tsc();
    for (unsigned i = 0; i < writes; i++) {
        const uint64_t transaction = (uint64_t)(disp_get_core_id() + 1) << 32 | i;
        while (!write_once(transaction, i % KEYS, transaction)) {
            refused++;
            /* who has the key may wait for an answer of this replica */
            while (err_is_ok(event_dispatch_non_block(get_default_waitset()))) {
            }
            thread_yield_dispatcher(NULL_CAP);
        }
    }
    printf("bench: kv.write %" PRIuCYCLES " cycles, %u replicas, %u of %u refused\n",
           (bench_tsc() - start) / writes, cores, refused, writes + refused);
    for (unsigned core = cores; core-- > 0;) /* core 0 last: it ends all when it has heard of all */
        if (err_is_fail(replica[core]->rpc_tx_vtbl.finished(replica[core])))
            USER_PANIC("replica %u is gone", core);
}

/* On core 0, when nobody writes any more. */
static void compare(unsigned writes)
{
    uint64_t first_commits = 0, first_digest = 0, commits, value;
    for (unsigned core = 0; core < cores; core++) {
        errval_t err = replica[core]->rpc_tx_vtbl.digest(replica[core], &commits, &value);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "asking replica %u", core);
        if (core == 0) {
            first_commits = commits;
            first_digest = value;
        }
        if (commits != (uint64_t)writes * cores || commits != first_commits ||
            value != first_digest)
            USER_PANIC("replica %u differs: %" PRIu64 " commits", core, commits);
    }
    printf("kv: %u replicas agree after %" PRIu64 " commits\n", cores, first_commits);
    for (unsigned core = 0; core < cores; core++) {
        errval_t err = kvdemo_quit__tx(replica[core], BLOCKING_CONT);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "ending replica %u", core);
    }
}

int main(int argc, char *argv[])
{
    const struct abi_topology *machine;
    const unsigned writes = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 12;
    errval_t err = machine_topology_get(&machine);
    if (err_is_ok(err))
        err = kvdemo_export(NULL, exported, connected, get_default_waitset(),
                            IDC_EXPORT_FLAGS_DEFAULT);
    if (err_is_fail(err) || writes == 0)
        USER_PANIC_ERR(err, "starting a replica");
    cores = machine->core_count;
    connect_to_replicas();
    write_all(writes);
    while (disp_get_core_id() == 0 && finished_count < cores)
        dispatch_one();
    if (disp_get_core_id() == 0)
        compare(writes);
    while (!quitting)
        dispatch_one();
    return 0;
}
