/* SPDX-License-Identifier: MIT
 *
 * What no careful client would ask of the spawn service of its core.  Each answer is an error, and
 * afterwards the service starts programs and tells of their end.
 *
 *   programs arguments   arguments without an end, names that are no names
 *   programs others      ends, waits and names of domains that are not its own, and capabilities
 *                        that name none
 */
#include "hostile.h"

#include <barrelfish/nameservice_client.h>
#include <barrelfish/ram_alloc.h>
#include <if/spawn_defs.h>
#include <stdio.h>
#include <string.h>

static struct spawn_binding *spawn;
static unsigned wrong, ended;

#define CALL(name, ...) spawn->rpc_tx_vtbl.name(spawn, __VA_ARGS__)
#define REFUSED(call)                                                           \
    do {                                                                        \
        errval_t answer = SYS_ERR_OK;                                           \
        const errval_t err_ = (call);                                           \
        if (err_is_fail(err_) || err_is_ok(answer)) {                           \
            printf("wrong: line %d: %s: %s\n", __LINE__,                        \
                   err_is_fail(err_) ? err_getstring(err_) : "allowed", #call); \
            wrong++;                                                            \
        }                                                                       \
    } while (0)

static void domain_exited(struct spawn_binding *b, uint32_t domain, uint8_t status)
{
    (void)b, (void)domain, (void)status;
    ended++;
}

static void spawn_bound(void *st, errval_t err, struct spawn_binding *b)
{
    (void)st;
    if (err_is_fail(err))
        return;
    spawn_rpc_client_init(b);
    b->rx_vtbl.domain_exited = domain_exited;
    spawn = b;
}

static bool find_spawn(void)
{
    char name[16];
    iref_t iref;
    snprintf(name, sizeof(name), "spawn.%u", disp_get_core_id());
    if (err_is_fail(nameservice_blocking_lookup(name, &iref)) ||
        err_is_fail(
            spawn_bind(iref, spawn_bound, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT)))
        return false;
    while (spawn == NULL)
        event_dispatch(get_default_waitset());
    return true;
}

static void try_arguments(void)
{
    static char endless[2048], nothing[2048];
    static const char *const paths[] = {
        "",        "/",        "hello", "/sbin", "/sbin/none", "/sbin/../sbin/none", "/sbin/hello ",
        "\x1b[2J", "/boot/cpu"
    };
    uint32_t domain;
    struct capref name;
    memset(endless, 'x', sizeof(endless));
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (strcmp(paths[i], "hello") == 0)
            continue; /* stands for its file name */
        REFUSED(CALL(spawn_domain, paths[i], "x", 0, &answer, &domain));
    }
    REFUSED(CALL(spawn_program, "/sbin/hello", endless, sizeof(endless), endless, sizeof(endless),
                 0, 0, false, &answer, &domain, &name));
    REFUSED(CALL(spawn_program, "/sbin/hello", nothing, sizeof(nothing), nothing, sizeof(nothing),
                 0, 0, false, &answer, &domain, &name));
}

static void try_others(void)
{
    struct capref ram, none = NULL_CAP;
    uint8_t status;
    uint32_t domain;
    if (err_is_fail(ram_alloc(&ram, BASE_PAGE_BITS)))
        return;
    const uint32_t own = disp_get_domain_id();
    for (uint32_t other = own & ~0xffffu; other < (own & ~0xffffu) + 8; other++)
        if (other != own)
            REFUSED(CALL(kill_domain, other, &answer));
    REFUSED(CALL(kill_domain, own, &answer));
    REFUSED(CALL(kill_domain, UINT32_MAX, &answer));
    REFUSED(CALL(wait_domain, ram, true, &answer, &status));
    REFUSED(CALL(wait_domain, none, false, &answer, &status));
    REFUSED(CALL(kill_named, ram, &answer));
    REFUSED(CALL(kill_named, none, &answer));
    REFUSED(CALL(domain_of, cap_dispatcher, &answer, &domain));
    REFUSED(CALL(stage_cap, 5, true, 255, ram, &answer));
}

/* More than it may have on the way, which goes when it ends. */
static void stage_many(void)
{
    struct capref ram;
    errval_t answer = SYS_ERR_OK;
    if (err_is_fail(ram_alloc(&ram, BASE_PAGE_BITS)))
        return;
    for (uint32_t i = 0; i < 2000 && err_is_ok(answer); i++)
        if (err_is_fail(CALL(stage_cap, 1000 + i, false, 0, ram, &answer)))
            break;
    if (err_is_ok(answer)) {
        printf("wrong: it may stage for ever\n");
        wrong++;
    }
}

bool hostile_programs(int argc, char **argv)
{
    errval_t answer = SYS_ERR_OK;
    uint32_t domain;
    (void)argc;
    if (!find_spawn())
        return false;
    const bool arguments = strcmp(argv[0], "arguments") == 0;
    if (arguments)
        try_arguments();
    else
        try_others();
    if (err_is_fail(CALL(spawn_domain, "/sbin/hello", "hello", 0, &answer, &domain)) ||
        err_is_fail(answer))
        return false;
    while (ended == 0)
        event_dispatch(get_default_waitset());
    if (!arguments)
        stage_many(); /* last: it leaves no share to start anything */
    return wrong == 0;
}
