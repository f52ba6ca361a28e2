/* SPDX-License-Identifier: MIT
 *
 * survivor: what is left when the core of a server dies (docs/agreement.md).
 *
 *   survivor server              serves as survivor.CORE
 *   survivor watch CORE...       connects to the servers there, and waits
 *   survivor call CORE           calls, and is never answered
 *   survivor bind CORE           connects and closes, again and again
 *   survivor show CORE           shows it a page, again and again
 *   survivor outlive CORE        as show, but for a call; core 0 is the one that dies
 *   survivor heir CORE           as watch; starts the server anew when the core is back
 *
 * Everybody says what came of it: "survivor: WHAT of core N ends: ERROR under ERROR", and then that
 * the name of the server is gone, and that its old number leads nowhere.  With `multihop` as the
 * last word, channels go through the monitors.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/monitor_client.h>
#include <barrelfish/nameservice_client.h>
#include <if/spawn_defs.h>
#include <if/survivor_defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                         \
    do {                                                                         \
        if (!(condition))                                                        \
            USER_PANIC("survivor: line %d: not true: %s", __LINE__, #condition); \
    } while (0)

#define WAIT_FOR(condition)                                          \
    do {                                                             \
        while (!(condition))                                         \
            CHECK(err_is_ok(event_dispatch(get_default_waitset()))); \
    } while (0)

static idc_bind_flags_t bind_flags = IDC_BIND_FLAGS_DEFAULT;

/* ---- the server ---- */

static errval_t ping(struct survivor_binding *b, uint32_t x, uint32_t *y)
{
    (void)b;
    *y = x + 1;
    return SYS_ERR_OK;
}

/* The answer is somebody else's to give, and nobody does. */
static void hang(struct survivor_binding *b, uint32_t x)
{
    (void)b, (void)x;
}

static errval_t look(struct survivor_binding *b, struct capref page, uint64_t *value)
{
    void *memory;
    (void)b;
    CHECK(err_is_ok(vspace_map_one_frame(&memory, BASE_PAGE_SIZE, page, NULL, NULL)));
    *value = *(volatile uint64_t *)memory;
    CHECK(err_is_ok(vspace_unmap(memory)));
    CHECK(err_is_ok(cap_destroy(page)));
    return SYS_ERR_OK;
}

static errval_t connected(void *st, struct survivor_binding *b)
{
    (void)st;
    b->rpc_rx_vtbl.ping_call = ping;
    b->rpc_rx_vtbl.look_call = look;
    b->rx_vtbl.hang_call = hang;
    return SYS_ERR_OK; /* the default error handler closes what the peer has closed */
}

static void name_of(coreid_t core, char name[32])
{
    snprintf(name, 32, "survivor.%u", core);
}

static void exported(void *st, errval_t err, iref_t iref)
{
    char name[32];
    (void)st;
    CHECK(err_is_ok(err));
    name_of(disp_get_core_id(), name);
    CHECK(err_is_ok(nameservice_register(name, iref)));
    printf("survivor: ready\n");
}

static int serve(void)
{
    CHECK(err_is_ok(survivor_export(NULL, exported, connected, get_default_waitset(),
                                    IDC_EXPORT_FLAGS_DEFAULT)));
    WAIT_FOR(false);
    return 0;
}

/* ---- clients ---- */

struct peer {
    coreid_t core;
    iref_t iref;
    struct survivor_binding *binding;
    bool done, ended;
    errval_t err; /* of the bind, then of the end */
};

static void bound(void *st, errval_t err, struct survivor_binding *b)
{
    struct peer *peer = st;
    peer->binding = b;
    peer->err = err;
    peer->done = true;
}

static errval_t try_to_bind(struct peer *peer)
{
    peer->done = false;
    errval_t err = survivor_bind(peer->iref, bound, peer, get_default_waitset(), bind_flags);
    if (err_is_fail(err))
        return err;
    WAIT_FOR(peer->done);
    return peer->err;
}

static void broken(struct survivor_binding *b, errval_t err)
{
    struct peer *peer = b->st;
    peer->ended = true;
    peer->err = err;
    CHECK(err_is_ok(b->control(b, IDC_CONTROL_TEARDOWN)));
}

static void find(struct peer *peer, coreid_t core)
{
    char name[32];
    *peer = (struct peer){ .core = core };
    name_of(core, name);
    CHECK(err_is_ok(nameservice_blocking_lookup(name, &peer->iref)));
}

static void reach(struct peer *peer, coreid_t core)
{
    uint32_t y = 0;
    find(peer, core);
    CHECK(err_is_ok(try_to_bind(peer)));
    survivor_rpc_client_init(peer->binding);
    peer->binding->st = peer;
    peer->binding->error_handler = broken;
    CHECK(err_is_ok(peer->binding->rpc_tx_vtbl.ping(peer->binding, core, &y)) && y == core + 1u);
}

static void say_end(const char *what, coreid_t core, errval_t err)
{
    const errval_t below = err_pop(err);
    printf("survivor: %s of core %u ends: %s%s%s\n", what, core,
           err_is_ok(below) ? "" : err_getcode(below), err_is_ok(below) ? "" : " under ",
           err_getcode(err));
}

/* Whatever was asked before is settled: no name, and no way to the old number. */
static void check_that_it_is_gone(struct peer *peer)
{
    char name[32];
    iref_t iref;
    name_of(peer->core, name);
    CHECK(err_is_ok(nameservice_blocking_wait_gone(name, peer->iref)));
    errval_t err = nameservice_lookup(name, &iref);
    CHECK(err_is_fail(err) || iref != peer->iref); /* somebody may serve in its place */
    printf("survivor: the name of core %u is gone\n", peer->core);
    err = try_to_bind(peer);
    CHECK(err_is_fail(err));
    say_end("a new bind", peer->core, err);
}

static void watch(char *const cores[], int count)
{
    struct peer *peers = calloc((size_t)count, sizeof(*peers));
    CHECK(peers != NULL);
    for (int i = 0; i < count; i++)
        reach(&peers[i], (coreid_t)strtoul(cores[i], NULL, 10));
    printf("survivor: watches\n");
    for (int ended = 0; ended < count;) {
        CHECK(err_is_ok(event_dispatch(get_default_waitset())));
        for (int i = 0; i < count; i++)
            if (peers[i].ended) {
                peers[i].ended = false;
                say_end("the channel", peers[i].core, peers[i].err);
                check_that_it_is_gone(&peers[i]);
                ended++;
            }
    }
    free(peers);
}

static void call(coreid_t core)
{
    struct peer peer;
    uint32_t never;
    reach(&peer, core);
    printf("survivor: calls\n");
    errval_t err = peer.binding->rpc_tx_vtbl.hang(peer.binding, 1, &never);
    CHECK(err_is_fail(err));
    say_end("the call", core, err);
    WAIT_FOR(peer.ended);
    check_that_it_is_gone(&peer);
}

static void bind_for_ever(coreid_t core)
{
    struct peer peer;
    errval_t err = SYS_ERR_OK;
    find(&peer, core);
    printf("survivor: binds\n");
    for (;;) {
        err = try_to_bind(&peer);
        if (err_is_fail(err))
            break;
        CHECK(err_is_ok(peer.binding->control(peer.binding, IDC_CONTROL_TEARDOWN)));
        peer.binding = NULL;
    }
    say_end("the bind", core, err);
    check_that_it_is_gone(&peer);
}

static void show(coreid_t core)
{
    struct peer peer;
    errval_t err = SYS_ERR_OK;
    struct capref page, copy;
    void *memory;
    reach(&peer, core);
    CHECK(err_is_ok(frame_alloc(&page, BASE_PAGE_SIZE, NULL)));
    CHECK(err_is_ok(slot_alloc(&copy)) && err_is_ok(cap_copy(copy, page)));
    CHECK(err_is_ok(vspace_map_one_frame(&memory, BASE_PAGE_SIZE, copy, NULL, NULL)));
    *(volatile uint64_t *)memory = 4711;
    printf("survivor: shows\n");
    while (err_is_ok(err)) {
        uint64_t value = 0;
        err = peer.binding->rpc_tx_vtbl.look(peer.binding, page, &value);
        CHECK(err_is_fail(err) || value == 4711);
    }
    say_end("showing a page", core, err);
    WAIT_FOR(peer.ended);
    check_that_it_is_gone(&peer);
}

/* ---- core 0 dies, with the name service ---- */

static void outlive(coreid_t core)
{
    struct peer peer;
    char name[32];
    iref_t iref;
    uint32_t y = 0;
    errval_t err = SYS_ERR_OK;
    reach(&peer, core);
    name_of(core, name);
    printf("survivor: outlives\n");
    while (err_is_ok(err)) {
        CHECK(err_is_ok(barrelfish_usleep(100000)));
        err = nameservice_lookup(name, &iref);
    }
    say_end("looking up", 0, err);
    CHECK(err_is_ok(peer.binding->rpc_tx_vtbl.ping(peer.binding, core, &y)) && y == core + 1u);
    printf("survivor: no names any more, and core %u still answers\n", core);
    WAIT_FOR(peer.ended);
}

/* ---- the server's core comes back ---- */

static struct spawn_binding *spawnd;

static void spawnd_bound(void *st, errval_t err, struct spawn_binding *b)
{
    bool *done = st;
    *done = true;
    if (err_is_ok(err))
        spawnd = b;
}

/* For a moment the name may still be that of its last life, which leads nowhere. */
static void reach_spawnd(coreid_t core)
{
    char name[32];
    iref_t iref;
    snprintf(name, sizeof(name), "spawn.%u", core);
    while (spawnd == NULL) {
        bool done = false;
        CHECK(err_is_ok(nameservice_blocking_lookup(name, &iref)));
        CHECK(err_is_ok(
            spawn_bind(iref, spawnd_bound, &done, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT)));
        WAIT_FOR(done);
    }
    spawn_rpc_client_init(spawnd);
}

static void inherit(coreid_t core)
{
    char number[8];
    domainid_t domain = 0;
    errval_t answer = SYS_ERR_OK;
    struct peer peer;
    snprintf(number, sizeof(number), "%u", core);
    watch((char *const[]){ number }, 1);
    reach_spawnd(core);
    CHECK(err_is_ok(spawnd->rpc_tx_vtbl.spawn_domain(spawnd, "/sbin/survivor", "survivor server", 0,
                                                     &answer, &domain)));
    CHECK(err_is_ok(answer));
    reach(&peer, core);
    printf("survivor: core %u is back\n", core);
    WAIT_FOR(peer.ended);
}

int main(int argc, char *argv[])
{
    if (argc > 2 && strcmp(argv[argc - 1], "multihop") == 0) {
        bind_flags = IDC_BIND_FLAG_MULTIHOP;
        argv[--argc] = NULL;
    }
    const char *role = argc > 1 ? argv[1] : "";
    const coreid_t core = argc > 2 ? (coreid_t)strtoul(argv[2], NULL, 10) : 0;
    if (strcmp(role, "server") == 0)
        return serve();
    if (strcmp(role, "watch") == 0 && argc > 2)
        watch(argv + 2, argc - 2);
    else if (strcmp(role, "call") == 0)
        call(core);
    else if (strcmp(role, "bind") == 0)
        bind_for_ever(core);
    else if (strcmp(role, "show") == 0)
        show(core);
    else if (strcmp(role, "outlive") == 0)
        outlive(core);
    else if (strcmp(role, "heir") == 0)
        inherit(core);
    else
        printf("usage: survivor server | watch CORE... | call CORE | bind CORE | show CORE | "
               "outlive CORE | heir CORE\n");
    return 0;
}
