/* SPDX-License-Identifier: MIT
 *
 * The boot manager (overview 1.7): starts the other cores, then everything in the menu that is
 * neither part of the system nor marked `boot`, each entry on the cores of its core= (core 0
 * without).
 *
 * Where the menu has a system knowledge base (skb), that says in which order the cores start and
 * which cores a core= like near:0 means, and is told which program runs where.  Otherwise all cores
 * start at once, and nothing here costs anything.
 *
 * `only=0-1` as its argument leaves the other cores off; programs that `operators=` names start and
 * stop cores later, by its interface (cores.c).
 *
 * When all programs it started have ended, the machine is switched off with the highest of their
 * statuses: at once if there is none, never if one of them never ends.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/monitor_client.h>
#include <barrelfish/nameservice_client.h>
#include <if/monitor_blocking_defs.h>
#include <if/spawn_defs.h>
#include <skb/skb.h>
#include <spawndomain/cmdline.h>
#include <stdio.h>
#include <string.h>

#include <abi/boot.h>

#include "boot_manager.h"

static struct spawn_binding *spawnd[ABI_MAX_CORES];
static unsigned started, ended, running_on[ABI_MAX_CORES];
static uint8_t worst_status;
bool has_knowledge;

void note_status(uint8_t status)
{
    if (status > worst_status)
        worst_status = status;
}

void dispatch_one(void)
{
    errval_t err = event_dispatch(get_default_waitset());
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "event_dispatch");
}

/* ---- spawn services ---- */

static unsigned core_of(const struct spawn_binding *b)
{
    unsigned core = 0;
    while (core < ABI_MAX_CORES - 1 && spawnd[core] != b)
        core++;
    return core;
}

static void domain_exited(struct spawn_binding *b, domainid_t domain, uint8_t status)
{
    const unsigned core = core_of(b);
    debug_trace("domain %" PRIx32 " ended with status %u", domain, status);
    note_status(status);
    running_on[core]--;
    ended++;
    operator_ended(domain);
    if (has_knowledge)
        skb_execute_query("retract(program(_, _, %" PRIu32 "))", domain);
}

/* Nobody will tell of the programs there any more. */
static unsigned forget_core(unsigned core)
{
    struct spawn_binding *b = spawnd[core];
    const unsigned programs = running_on[core];
    ended += programs;
    running_on[core] = 0;
    spawnd[core] = NULL;
    if (b != NULL)
        b->control(b, IDC_CONTROL_TEARDOWN);
    return programs;
}

/* Its core is dead, or it is. */
static void spawnd_lost(struct spawn_binding *b, errval_t err)
{
    const unsigned core = core_of(b), programs = forget_core(core);
    debug_trace("core %u is lost, with %u programs: %s", core, programs, err_getstring(err));
    if (programs > 0)
        note_status(1);
    core_lost(core);
}

void programs_stop(uint64_t cores)
{
    for (unsigned core = 0; core < ABI_MAX_CORES; core++)
        if (cores >> core & 1)
            forget_core(core);
}

struct binding_wait {
    bool done;
    errval_t err;
    struct spawn_binding *binding;
};

static void bound(void *st, errval_t err, struct spawn_binding *b)
{
    struct binding_wait *wait = st;
    wait->done = true;
    wait->err = err;
    wait->binding = b;
}

static errval_t connect_to_spawnd(unsigned core)
{
    char name[32];
    iref_t iref;
    snprintf(name, sizeof(name), "spawn.%u", core);
    errval_t err = nameservice_blocking_lookup(name, &iref);
    if (err_is_fail(err))
        return err;
    struct binding_wait wait = { .done = false };
    err = spawn_bind(iref, bound, &wait, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
    if (err_is_fail(err))
        return err;
    while (!wait.done)
        dispatch_one();
    if (err_is_fail(wait.err))
        return wait.err;
    wait.binding->rx_vtbl.domain_exited = domain_exited;
    spawn_rpc_client_init(wait.binding);
    wait.binding->error_handler = spawnd_lost;
    spawnd[core] = wait.binding;
    return SYS_ERR_OK;
}

static void start_on(const struct menu_entry *entry, unsigned core)
{
    errval_t answer = SYS_ERR_OK, err = SYS_ERR_OK;
    domainid_t domain;
    if (spawnd[core] == NULL)
        err = connect_to_spawnd(core);
    running_on[core]++;  /* its end may be told before the answer is looked at */
    requests_hold(true); /* it may ask before it is known */
    if (err_is_ok(err))
        err = spawnd[core]->rpc_tx_vtbl.spawn_domain(spawnd[core], entry->path, entry->args,
                                                     entry->spawn_flags, &answer, &domain);
    if (err_is_ok(err))
        err = answer;
    if (err_is_ok(err) && operator_is_named(entry->path))
        operator_started(domain);
    requests_hold(false);
    if (err_is_fail(err)) {
        DEBUG_ERR(err, "%s could not be started on core %u", entry->path, core);
        note_status(1);
        if (running_on[core] > 0)
            running_on[core]--;
        return;
    }
    started++;
    if (has_knowledge)
        skb_add_fact("program('%s', %u, %" PRIu32 ")", entry->path, core, domain);
}

/* ---- menu ---- */

/* Started by others. */
static bool is_system(const struct menu_entry *entry)
{
    static const char *const names[] = { "init", "mem_serv", "monitor" };
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(menu_base_name(entry->path), names[i]) == 0)
            return true;
    return entry->boot || entry->nospawn;
}

static bool is_program(const struct abi_boot *boot, unsigned region, struct menu_entry *entry)
{
    const struct abi_region *r = &boot->region[region];
    if (r->type != ABI_REGION_MODULE || (r->flags & ABI_REGION_FLAG_KERNEL))
        return false;
    const char *line = (const char *)boot + r->cmdline;
    errval_t err = menu_parse_line(line, entry);
    if (err_is_fail(err)) {
        DEBUG_ERR(err, "menu line \"%s\"", line);
        note_status(1);
    }
    return err_is_ok(err);
}

/* Is a service of that name started with the system? */
static bool has_service(const struct abi_boot *boot, const char *name)
{
    static struct menu_entry entry;
    for (unsigned i = 0; i < boot->region_count; i++)
        if (is_program(boot, i, &entry) && entry.boot &&
            strcmp(menu_base_name(entry.path), name) == 0)
            return true;
    return false;
}

/* A program must not find that there are no files or no input only because a service of the menu is
 * slow to start. */
static void wait_for(const struct abi_boot *boot, const char *module, const char *name)
{
    iref_t iref;
    errval_t err = SYS_ERR_OK;
    if (has_service(boot, module))
        err = nameservice_blocking_lookup(name, &iref);
    if (err_is_fail(err))
        DEBUG_ERR(err, "waiting for %s", name);
}

/* The cores of an entry; none if the knowledge base does not say. */
static uint64_t cores_of(const struct menu_entry *entry)
{
    if (entry->core_query[0] == '\0')
        return entry->core_mask != 0 ? entry->core_mask : 1;
    errval_t err = LIB_ERR_NAMESERVICE_UNKNOWN_NAME;
    if (has_knowledge)
        err = skb_execute_query("menu_cores(%s, Cores), write(Cores)", entry->core_query);
    if (err_is_fail(err)) {
        DEBUG_ERR(err, "%s: cores %s: %s", entry->path, entry->core_query,
                  has_knowledge ? skb_get_error_output() : "the menu has no skb");
        note_status(1);
        return 0;
    }
    debug_trace("%s: cores %s are %s", entry->path, entry->core_query, skb_get_output());
    return cores_read(skb_get_output());
}

static void start_menu(const struct abi_boot *boot)
{
    static struct menu_entry entry;
    for (unsigned i = 0; i < boot->region_count; i++) {
        if (!is_program(boot, i, &entry) || is_system(&entry))
            continue;
        uint64_t cores = cores_of(&entry);
        for (unsigned core = 0; core < ABI_MAX_CORES; core++) {
            if (!(cores >> core & 1))
                continue;
            if (cores_running() >> core & 1) {
                start_on(&entry, core);
            } else {
                debug_printf("%s: core %u does not run\n", entry.path, core);
                note_status(1);
            }
        }
    }
}

static uint64_t all_cores(const struct abi_boot *boot)
{
    return boot->topology.core_count == 64 ? UINT64_MAX : (1ull << boot->topology.core_count) - 1;
}

int main(int argc, char **argv)
{
    const struct abi_boot *boot = domain_get_bootinfo();
    if (boot == NULL)
        USER_PANIC("the boot information was not given to the boot manager");
    has_knowledge = has_service(boot, "skb");
    uint64_t wanted = all_cores(boot);
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "only=", 5) == 0 && !menu_parse_cores(argv[i] + 5, &wanted))
            debug_printf("'%s' of the menu names no cores: all are started\n", argv[i]);
        else if (strncmp(argv[i], "operators=", 10) == 0)
            operators_are(argv[i] + 10);
    cores_start((wanted & all_cores(boot)) | 1);
    cores_serve(all_cores(boot));
    wait_for(boot, "ramfsd", "ramfs");
    wait_for(boot, "serial", "serial");
    start_menu(boot);
    debug_trace("%u programs started", started);
    while (ended < started)
        dispatch_one();

    debug_trace("all programs have ended, switching off with status %u", worst_status);
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    errval_t answer;
    errval_t err = b->rpc_tx_vtbl.power_off(b, worst_status, &answer);
    USER_PANIC_ERR(err_is_fail(err) ? err : answer, "the machine could not be switched off");
}
