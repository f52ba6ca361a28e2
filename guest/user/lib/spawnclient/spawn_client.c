/* SPDX-License-Identifier: MIT
 *
 * The client of the spawn services: one binding for each core that something is started on or
 * waited for.
 *
 * Nothing is kept here about domains.  A domain's name is an ID capability that the service of its
 * core has made and knows; which core that is, the ID says.
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
#define TEXT_BYTES 2048 /* of the interface */
#define ID_CORE_SHIFT 56

extern char **environ;

static struct {
    struct wait_list waiting;
    struct spawn_binding *binding;
} services[CORES_MAX];
static coreid_t connecting; /* read by `begin`, which is called at once */
static bool patiently;      /* the same */

/* ---- connections ---- */

/* The service is no more, or its core. */
static void service_lost(struct spawn_binding *b, errval_t err)
{
    (void)err;
    for (unsigned core = 0; core < CORES_MAX; core++)
        if (services[core].binding == b)
            services[core].binding = NULL;
    b->control(b, IDC_CONTROL_TEARDOWN);
}

static void bound(void *st, errval_t err, struct spawn_binding *b)
{
    coreid_t core = (coreid_t)(uintptr_t)st;

    if (err_is_ok(err)) {
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
    errval_t err =
        patiently ? nameservice_blocking_lookup(name, &iref) : nameservice_lookup(name, &iref);
    if (err_is_ok(err)) {
        err = spawn_bind(iref, bound, (void *)(uintptr_t)core, get_default_waitset(),
                         IDC_BIND_FLAGS_DEFAULT);
    }
    return err;
}

/* patient: the core runs, and its service may still be starting; otherwise somebody asks about what
 * is there, and on a core that is off there is nothing: LIB_ERR_NAMESERVICE_UNKNOWN_NAME. */
static errval_t connect_to(coreid_t core, bool patient)
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
    patiently = patient;
    return wait_list_join(&services[core].waiting, get_default_waitset(), is_bound, begin);
}

/* ---- starting ---- */

/* Strings of a list, one after the other, each with its zero. */
static errval_t pack(char *const list[], char *text, size_t *used)
{
    *used = 0;
    for (unsigned i = 0; list != NULL && list[i] != NULL; i++) {
        size_t bytes = strlen(list[i]) + 1;

        if (bytes > TEXT_BYTES - *used)
            return SPAWN_ERR_SETUP_ARGS;
        memcpy(text + *used, list[i], bytes);
        *used += bytes;
    }
    return SYS_ERR_OK;
}

struct texts {
    size_t argv_bytes, envp_bytes;
    char argv[TEXT_BYTES], envp[TEXT_BYTES];
};

static errval_t pack_all(const char *path, char *const argv[], char *const envp[],
                         struct texts *texts)
{
    const char *slash = strrchr(path, '/');
    char *const only_name[] = { (char *)(uintptr_t)(slash != NULL ? slash + 1 : path), NULL };
    bool named = argv != NULL && argv[0] != NULL;
    errval_t err = pack(named ? argv : only_name, texts->argv, &texts->argv_bytes);

    if (err_is_ok(err))
        err = pack(envp != NULL ? envp : environ, texts->envp, &texts->envp_bytes);
    return err;
}

/* Hands over what is in some slots of a CNode of ours. */
static errval_t stage(coreid_t core, uint32_t ticket, bool inherit, struct capref cnode,
                      unsigned slots)
{
    errval_t err = SYS_ERR_OK;

    if (capref_is_null(cnode))
        return SYS_ERR_OK;
    for (unsigned slot = 0; slot < slots && err_is_ok(err); slot++) {
        struct spawn_binding *b = services[core].binding;
        struct capref cap = { .cnode = build_cnoderef(cnode, CNODE_TYPE_OTHER), .slot = slot };
        struct capability what;
        errval_t answer = SYS_ERR_OK;

        if (err_no(cap_direct_identify(cap, &what)) == SYS_ERR_CAP_NOT_FOUND)
            continue;
        if (b == NULL)
            return FLOUNDER_ERR_BINDING_CLOSED;
        err = b->rpc_tx_vtbl.stage_cap(b, ticket, inherit, (uint8_t)slot, cap, &answer);
        if (err_is_ok(err))
            err = answer;
    }
    return err;
}

static errval_t start(coreid_t core, const char *path, const struct texts *texts, uint32_t ticket,
                      spawn_flags_t flags, domainid_t *domain, struct capref *name)
{
    struct spawn_binding *b = services[core].binding;
    struct capref cap = NULL_CAP;
    errval_t answer = SYS_ERR_OK;

    if (b == NULL)
        return FLOUNDER_ERR_BINDING_CLOSED;
    errval_t err = b->rpc_tx_vtbl.spawn_program(
        b, path, texts->argv, texts->argv_bytes, texts->envp, texts->envp_bytes, ticket,
        flags & SPAWN_FLAG_AGENT, name != NULL, &answer, domain, &cap);
    err = err_is_ok(err) ? answer : err;
    if (err_is_ok(err) && name != NULL)
        *name = cap;
    return err;
}

static errval_t spawn(coreid_t core, const char *path, char *const argv[], char *const envp[],
                      struct capref inheritcn, struct capref argcn, spawn_flags_t flags,
                      domainid_t *domain, struct capref *name)
{
    static uint32_t last_ticket;
    uint32_t ticket = 0;
    struct texts *texts = malloc(sizeof(*texts));
    errval_t err = texts != NULL ? connect_to(core, true) : (errval_t)LIB_ERR_MALLOC_FAIL;

    if (err_is_ok(err))
        err = pack_all(path, argv, envp, texts);
    if (!capref_is_null(inheritcn) || !capref_is_null(argcn))
        ticket = __atomic_add_fetch(&last_ticket, 1, __ATOMIC_RELAXED) << 1 | 1; /* never 0 */
    if (err_is_ok(err))
        err = stage(core, ticket, true, inheritcn, INHERITCN_SLOT_KERNELCAP + 1);
    if (err_is_ok(err))
        err = stage(core, ticket, false, argcn, L2_CNODE_SLOTS);
    if (err_is_ok(err))
        err = start(core, path, texts, ticket, flags, domain, name);
    free(texts);
    return err;
}

errval_t spawn_program_with_caps(coreid_t core, const char *path, char *const argv[],
                                 char *const envp[], struct capref inheritcn, struct capref argcn,
                                 spawn_flags_t flags, struct capref *ret_domain_cap)
{
    return spawn(core, path, argv, envp, inheritcn, argcn, flags, NULL, ret_domain_cap);
}

errval_t spawn_program(coreid_t core, const char *path, char *const argv[], char *const envp[],
                       spawn_flags_t flags, struct capref *ret_domain_cap)
{
    return spawn(core, path, argv, envp, NULL_CAP, NULL_CAP, flags, NULL, ret_domain_cap);
}

errval_t spawn_agent(coreid_t core, const char *path, char *const argv[], domainid_t *ret)
{
    return spawn(core, path, argv, NULL, NULL_CAP, NULL_CAP, SPAWN_FLAG_AGENT, ret, NULL);
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

static errval_t put(struct capref cnode, cslot_t slot, struct capref cap)
{
    struct capref dest = { .cnode = build_cnoderef(cnode, CNODE_TYPE_OTHER), .slot = slot };

    return capref_is_null(cap) ? SYS_ERR_OK : cap_copy(dest, cap);
}

errval_t alloc_inheritcn_with_caps(struct capref *inheritcn, struct capref fdcap,
                                   struct capref sidcap, struct capref kernelcap)
{
    struct cnoderef cnode;
    cslot_t slots;
    errval_t err = cnode_create(inheritcn, &cnode, INHERITCN_SLOT_KERNELCAP + 1, &slots);

    if (err_is_fail(err))
        return err;
    err = put(*inheritcn, INHERITCN_SLOT_FDSPAGE, fdcap);
    if (err_is_ok(err))
        err = put(*inheritcn, INHERITCN_SLOT_SESSIONID, sidcap);
    if (err_is_ok(err))
        err = put(*inheritcn, INHERITCN_SLOT_KERNELCAP, kernelcap);
    if (err_is_fail(err))
        cap_destroy(*inheritcn);
    return err;
}

/* ---- domains by name ---- */

/* The service that knows the domain of this name. */
static errval_t service_of(struct capref name, struct spawn_binding **ret)
{
    uint64_t id;

    if (err_is_fail(invoke_idcap_identify(name, &id)))
        return SPAWN_ERR_DOMAIN_NOTFOUND; /* no ID: waited for before, or never a name */
    errval_t err = connect_to((coreid_t)(id >> ID_CORE_SHIFT), false);
    if (err_no(err) == LIB_ERR_NAMESERVICE_UNKNOWN_NAME)
        return SPAWN_ERR_DOMAIN_NOTFOUND; /* it went with its core */
    *ret = services[(coreid_t)(id >> ID_CORE_SHIFT) % CORES_MAX].binding;
    if (err_is_ok(err) && *ret == NULL)
        err = FLOUNDER_ERR_BINDING_CLOSED;
    return err;
}

errval_t spawn_wait(struct capref domain_cap, uint8_t *exitcode, bool nohang)
{
    struct spawn_binding *b;
    errval_t answer = SYS_ERR_OK;
    uint8_t status = 0;
    errval_t err = service_of(domain_cap, &b);

    if (err_is_ok(err))
        err = b->rpc_tx_vtbl.wait_domain(b, domain_cap, nohang, &answer, &status);
    if (exitcode != NULL)
        *exitcode = status;
    return err_is_ok(err) ? answer : err;
}

errval_t spawn_kill(struct capref domain_cap)
{
    struct spawn_binding *b;
    errval_t answer = SYS_ERR_OK;
    errval_t err = service_of(domain_cap, &b);

    if (err_is_ok(err))
        err = b->rpc_tx_vtbl.kill_named(b, domain_cap, &answer);
    return err_is_ok(err) ? answer : err;
}

errval_t spawn_get_domain_id(struct capref domain_cap, domainid_t *ret)
{
    struct spawn_binding *b;
    errval_t answer = SYS_ERR_OK;
    errval_t err = service_of(domain_cap, &b);

    if (err_is_ok(err))
        err = b->rpc_tx_vtbl.domain_of(b, domain_cap, &answer, ret);
    return err_is_ok(err) ? answer : err;
}

/* ---- who is there ---- */

errval_t spawn_get_domain_list(domainid_t **domains, size_t *len)
{
    enum { MOST = 80 }; /* of the interface */
    const struct abi_topology *machine;
    errval_t err = machine_topology_get(&machine);

    *domains = NULL;
    *len = 0;
    for (unsigned core = 0; err_is_ok(err) && core < machine->core_count; core++) {
        domainid_t *longer = realloc(*domains, (*len + MOST) * sizeof(**domains));
        size_t count = 0;

        err = longer != NULL ? connect_to((coreid_t)core, false) : (errval_t)LIB_ERR_MALLOC_FAIL;
        *domains = longer != NULL ? longer : *domains;
        if (err_no(err) == LIB_ERR_NAMESERVICE_UNKNOWN_NAME) {
            err = SYS_ERR_OK;
            continue;
        }
        struct spawn_binding *b = services[core].binding;
        if (err_is_ok(err) && b != NULL)
            err = b->rpc_tx_vtbl.list_domains(b, *domains + *len, &count);
        *len += count;
    }
    if (err_is_fail(err)) {
        free(*domains);
        *domains = NULL;
        *len = 0;
    }
    return err;
}

/* Asks the cores one after the other: the number alone does not say where a domain is. */
errval_t spawn_get_status(domainid_t domain, struct spawn_ps_entry *entry)
{
    const struct abi_topology *machine;
    errval_t answer = SPAWN_ERR_DOMAIN_NOTFOUND;
    errval_t err = machine_topology_get(&machine);

    memset(entry, 0, sizeof(*entry));
    entry->argbuf = malloc(TEXT_BYTES);
    if (entry->argbuf == NULL)
        return LIB_ERR_MALLOC_FAIL;
    for (unsigned core = 0; err_is_ok(err) && core < machine->core_count; core++) {
        err = connect_to((coreid_t)core, false);
        if (err_no(err) == LIB_ERR_NAMESERVICE_UNKNOWN_NAME) {
            err = SYS_ERR_OK;
            continue;
        }
        struct spawn_binding *b = services[core].binding;
        if (err_is_ok(err) && b != NULL)
            err = b->rpc_tx_vtbl.domain_status(b, domain, &answer, &entry->ended, &entry->status,
                                               entry->argbuf, &entry->argbytes);
        if (err_is_ok(err) && err_is_ok(answer)) {
            entry->core = (coreid_t)core;
            break;
        }
    }
    err = err_is_ok(err) ? answer : err;
    if (err_is_fail(err)) {
        free(entry->argbuf);
        entry->argbuf = NULL;
        return err;
    }
    char *word = entry->argbuf;
    for (unsigned i = 0; i < MAX_CMDLINE_ARGS && word < entry->argbuf + entry->argbytes; i++) {
        entry->argv[i] = word;
        word += strlen(word) + 1;
    }
    return SYS_ERR_OK;
}

void spawn_exit(uint8_t exitcode)
{
    exit(exitcode);
}
