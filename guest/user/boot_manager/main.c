/* SPDX-License-Identifier: MIT
 *
 * The boot manager (overview 1.7): starts the other cores, then everything in the menu that is
 * neither part of the system nor marked `boot`, each entry on the cores of its core= (core 0
 * without).
 *
 * When all programs it started have ended, the machine is switched off with the highest of their
 * statuses: at once if there is none, never if one of them never ends.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/monitor_client.h>
#include <barrelfish/nameservice_client.h>
#include <if/monitor_blocking_defs.h>
#include <if/spawn_defs.h>
#include <spawndomain/cmdline.h>
#include <stdio.h>
#include <string.h>

#include <abi/boot.h>

static struct spawn_binding *spawnd[ABI_MAX_CORES];
static unsigned started, ended, running_on[ABI_MAX_CORES];
static uint8_t worst_status;

static void note_status(uint8_t status)
{
    if (status > worst_status)
        worst_status = status;
}

static void dispatch_one(void)
{
    errval_t err = event_dispatch(get_default_waitset());
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "event_dispatch");
}

/* ---- cores ---- */

static uint64_t start_cores(const struct abi_boot *boot)
{
    uint64_t all =
        boot->topology.core_count == 64 ? UINT64_MAX : (1ull << boot->topology.core_count) - 1;
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    uint64_t running = 1;
    errval_t answer = SYS_ERR_OK, err = SYS_ERR_OK;
    if (all != 1)
        err = b->rpc_tx_vtbl.boot_cores(b, all, &answer, &running);
    if (err_is_ok(err))
        err = answer;
    if (err_is_fail(err)) {
        DEBUG_ERR(err, "not all cores could be started: wanted %" PRIx64 ", running %" PRIx64, all,
                  running);
        note_status(1);
    }
    debug_trace("cores running: mask %" PRIx64, running);
    return running;
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
    debug_trace("domain %" PRIx32 " ended with status %u", domain, status);
    note_status(status);
    running_on[core_of(b)]--;
    ended++;
}

/* Its core is dead, or it is: nobody will tell of the programs there. */
static void spawnd_lost(struct spawn_binding *b, errval_t err)
{
    const unsigned core = core_of(b);
    debug_trace("core %u is lost, with %u programs: %s", core, running_on[core],
                err_getstring(err));
    if (running_on[core] > 0)
        note_status(1);
    ended += running_on[core];
    running_on[core] = 0;
    spawnd[core] = NULL;
    b->control(b, IDC_CONTROL_TEARDOWN);
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
    running_on[core]++; /* its end may be told before the answer is looked at */
    if (err_is_ok(err))
        err = spawnd[core]->rpc_tx_vtbl.spawn_domain(spawnd[core], entry->path, entry->args,
                                                     entry->spawn_flags, &answer, &domain);
    if (err_is_ok(err))
        err = answer;
    if (err_is_fail(err)) {
        DEBUG_ERR(err, "%s could not be started on core %u", entry->path, core);
        note_status(1);
        if (running_on[core] > 0)
            running_on[core]--;
        return;
    }
    started++;
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

static void start_menu(const struct abi_boot *boot, uint64_t running)
{
    static struct menu_entry entry;
    for (unsigned i = 0; i < boot->region_count; i++) {
        const struct abi_region *r = &boot->region[i];
        if (r->type != ABI_REGION_MODULE || (r->flags & ABI_REGION_FLAG_KERNEL))
            continue;
        const char *line = (const char *)boot + r->cmdline;
        errval_t err = menu_parse_line(line, &entry);
        if (err_is_fail(err)) {
            DEBUG_ERR(err, "menu line \"%s\"", line);
            note_status(1);
            continue;
        }
        if (is_system(&entry))
            continue;
        uint64_t cores = entry.core_mask != 0 ? entry.core_mask : 1;
        for (unsigned core = 0; core < ABI_MAX_CORES; core++) {
            if (!(cores >> core & 1))
                continue;
            if (running >> core & 1) {
                start_on(&entry, core);
            } else {
                debug_printf("%s: core %u does not run\n", entry.path, core);
                note_status(1);
            }
        }
    }
}

int main(void)
{
    const struct abi_boot *boot = domain_get_bootinfo();
    if (boot == NULL)
        USER_PANIC("the boot information was not given to the boot manager");
    uint64_t running = start_cores(boot);
    start_menu(boot, running);
    debug_trace("%u programs started", started);
    while (ended < started)
        dispatch_one();

    debug_trace("all programs have ended, switching off with status %u", worst_status);
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    errval_t answer;
    errval_t err = b->rpc_tx_vtbl.power_off(b, worst_status, &answer);
    USER_PANIC_ERR(err_is_fail(err) ? err : answer, "the machine could not be switched off");
}
