/* SPDX-License-Identifier: MIT
 *
 * The client of the spawn services: one binding for each core that something was started on, and a
 * list of the domains that were started and not waited for.
 *
 * The services tell the end of a domain only to whoever started it, by a message that may come
 * before the reply that names the domain is handled here: its status is kept then until it is asked
 * for.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/machine_topology.h>
#include <barrelfish/nameservice_client.h>
#include <barrelfish/spawn_client.h>
#include <barrelfish/wait_list.h>
#include <if/spawn_defs.h>
#include <stdio.h>
#include <string.h>

#define CORES_MAX 64
#define ARGS_BYTES 1024 /* of the interface */
#define STATUS_LOST 255 /* of a domain whose end nobody can tell any more */

/* A domain that was started from here. */
struct child {
    struct child *next;
    struct spawn_binding *service;
    domainid_t domain;
    struct capref cap; /* its name here; NULL_CAP: nobody asked for one */
    bool ended;
    uint8_t status;
};

static struct {
    struct wait_list waiting;
    struct spawn_binding *binding;
} services[CORES_MAX];
static coreid_t connecting; /* read by `begin`, which is called at once */
static struct child *children;

/* ---- connections ---- */

static struct child *find_child(const struct spawn_binding *service, domainid_t domain)
{
    struct child *child = children;

    while (child != NULL && (child->service != service || child->domain != domain))
        child = child->next;
    return child;
}

static struct child *new_child(struct spawn_binding *service, domainid_t domain)
{
    struct child *child = calloc(1, sizeof(*child));

    if (child != NULL) {
        child->service = service;
        child->domain = domain;
        child->next = children;
        children = child;
    }
    return child;
}

static void domain_exited(struct spawn_binding *b, domainid_t domain, uint8_t status)
{
    struct child *child = find_child(b, domain);

    if (child == NULL)
        child = new_child(b, domain); /* the reply has not been looked at yet */
    if (child != NULL) {
        child->ended = true;
        child->status = status;
    }
}

/* The service is no more, or its core: what was started there has ended. */
static void service_lost(struct spawn_binding *b, errval_t err)
{
    (void)err;
    for (struct child *child = children; child != NULL; child = child->next) {
        if (child->service == b && !child->ended) {
            child->ended = true;
            child->status = STATUS_LOST;
        }
    }
    for (unsigned core = 0; core < CORES_MAX; core++)
        if (services[core].binding == b)
            services[core].binding = NULL;
    b->control(b, IDC_CONTROL_TEARDOWN);
}

static void bound(void *st, errval_t err, struct spawn_binding *b)
{
    coreid_t core = (coreid_t)(uintptr_t)st;

    if (err_is_ok(err)) {
        b->rx_vtbl.domain_exited = domain_exited;
        spawn_rpc_client_init(b);
        b->error_handler = service_lost;
        services[core].binding = b;
    }
    wait_list_tell(&services[core].waiting, err);
}

static bool is_bound(void)
{
    return services[connecting].binding != NULL;
}

static errval_t begin(void)
{
    coreid_t core = connecting;
    char name[16];
    iref_t iref;

    snprintf(name, sizeof(name), "spawn.%u", (unsigned)core);
    errval_t err = nameservice_blocking_lookup(name, &iref);
    if (err_is_ok(err)) {
        err = spawn_bind(iref, bound, (void *)(uintptr_t)core, get_default_waitset(),
                         IDC_BIND_FLAGS_DEFAULT);
    }
    return err;
}

static errval_t connect_to(coreid_t core)
{
    const struct abi_topology *machine;
    errval_t err = machine_topology_get(&machine);

    if (err_is_fail(err))
        return err;
    if (core >= machine->core_count)
        return SPAWN_ERR_NO_SPAWND;
    if (services[core].binding != NULL)
        return SYS_ERR_OK;
    connecting = core;
    return wait_list_join(&services[core].waiting, get_default_waitset(), is_bound, begin);
}

/* ---- starting ---- */

static errval_t append(char *line, size_t *used, const char *word)
{
    size_t length = strlen(word);

    if (length == 0 || strpbrk(word, " \t\r\n") != NULL || *used + length + 2 > ARGS_BYTES)
        return SPAWN_ERR_SETUP_ARGS;
    if (*used > 0)
        line[(*used)++] = ' ';
    memcpy(line + *used, word, length + 1);
    *used += length;
    return SYS_ERR_OK;
}

/* The words of argv, with blanks between them: what has some of its own cannot be said. */
static errval_t join(char *const argv[], const char *path, char *line)
{
    const char *slash = strrchr(path, '/');
    errval_t err = SYS_ERR_OK;
    size_t used = 0;

    if (argv == NULL || argv[0] == NULL)
        return append(line, &used, slash != NULL ? slash + 1 : path);
    for (unsigned i = 0; err_is_ok(err) && argv[i] != NULL; i++)
        err = append(line, &used, argv[i]);
    return err;
}

/* The name that a program has for a domain. */
static errval_t make_name(struct capref *ret)
{
    errval_t err = slot_alloc(ret);

    if (err_is_fail(err))
        return err;
    err = invoke_cnode_create(*ret, ObjType_ID);
    if (err_is_fail(err))
        slot_free(*ret);
    return err;
}

static errval_t ask(coreid_t core, const char *path, const char *args, uint8_t flags,
                    domainid_t *domain)
{
    struct spawn_binding *b = services[core].binding;
    const char *slash = strrchr(path, '/');
    errval_t answer = SYS_ERR_OK;
    errval_t err = b->rpc_tx_vtbl.spawn_domain(b, path, args, flags, &answer, domain);

    if (err_is_ok(err) && err_no(answer) == SPAWN_ERR_FIND_MODULE && slash != NULL)
        err = b->rpc_tx_vtbl.spawn_domain(b, slash + 1, args, flags, &answer, domain);
    return err_is_ok(err) ? answer : err;
}

errval_t spawn_program(coreid_t core, const char *path, char *const argv[], char *const envp[],
                       spawn_flags_t flags, struct capref *ret_domain_cap)
{
    char args[ARGS_BYTES];
    struct capref name = NULL_CAP;
    domainid_t domain = 0;

    (void)envp;
    errval_t err = join(argv, path, args);
    if (err_is_ok(err))
        err = connect_to(core);
    if (err_is_ok(err) && ret_domain_cap != NULL)
        err = make_name(&name);
    if (err_is_fail(err))
        return err;
    err = ask(core, path, args, flags & SPAWN_FLAG_AGENT, &domain);
    if (err_is_ok(err)) {
        struct child *child = find_child(services[core].binding, domain);

        child = child != NULL ? child : new_child(services[core].binding, domain);
        if (child != NULL)
            child->cap = name;
        else
            err = LIB_ERR_MALLOC_FAIL; /* it runs, and cannot be waited for */
    }
    if (err_is_fail(err)) {
        if (!capref_is_null(name))
            cap_destroy(name);
        return err;
    }
    if (ret_domain_cap != NULL)
        *ret_domain_cap = name;
    return SYS_ERR_OK;
}

errval_t spawn_program_on_all_cores(bool same_core, const char *path, char *const argv[],
                                    char *const envp[], spawn_flags_t flags,
                                    struct capref *ret_domain_cap, coreid_t *count)
{
    const struct abi_topology *machine;
    errval_t err = machine_topology_get(&machine);

    for (unsigned core = 0; err_is_ok(err) && core < machine->core_count; core++)
        if (same_core || core != disp_get_core_id())
            err = spawn_program((coreid_t)core, path, argv, envp, flags, ret_domain_cap);
    if (err_is_ok(err) && count != NULL)
        *count = (coreid_t)machine->core_count;
    return err;
}

/* ---- waiting ---- */

static struct child *named(struct capref cap)
{
    struct child *child = children;

    while (child != NULL && (capref_is_null(child->cap) || !capcmp(child->cap, cap)))
        child = child->next;
    return child;
}

static void forget(struct child *child)
{
    struct child **link = &children;

    while (*link != child)
        link = &(*link)->next;
    *link = child->next;
    cap_destroy(child->cap);
    free(child);
}

errval_t spawn_wait(struct capref domain_cap, uint8_t *exitcode, bool nohang)
{
    struct child *child = named(domain_cap);
    errval_t err = SYS_ERR_OK;

    while (child != NULL && !child->ended && err_is_ok(err)) {
        err = nohang ? event_dispatch_non_block(get_default_waitset())
                     : event_dispatch(get_default_waitset());
        child = named(domain_cap); /* another thread may have waited for it */
    }
    if (child == NULL)
        return SPAWN_ERR_DOMAIN_NOTFOUND;
    if (exitcode != NULL)
        *exitcode = child->ended ? child->status : 0;
    if (!child->ended)
        return err;
    forget(child);
    return SYS_ERR_OK;
}

errval_t spawn_kill(struct capref domain_cap)
{
    struct child *child = named(domain_cap);
    errval_t answer = SYS_ERR_OK;

    if (child == NULL || child->ended)
        return SPAWN_ERR_DOMAIN_NOTFOUND;
    errval_t err = child->service->rpc_tx_vtbl.kill_domain(child->service, child->domain, &answer);
    return err_is_ok(err) ? answer : err;
}

errval_t spawn_get_domain_id(struct capref domain_cap, domainid_t *ret)
{
    const struct child *child = named(domain_cap);

    if (child == NULL)
        return SPAWN_ERR_DOMAIN_NOTFOUND;
    *ret = child->domain;
    return SYS_ERR_OK;
}

void spawn_exit(uint8_t exitcode)
{
    exit(exitcode);
}
