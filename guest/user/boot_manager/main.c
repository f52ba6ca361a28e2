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
 * `only=0-1` as its argument leaves the other cores off; programs of the menu start them later, by
 * its interface.
 *
 * When all programs it started have ended, the machine is switched off with the highest of their
 * statuses: at once if there is none, never if one of them never ends.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/monitor_client.h>
#include <barrelfish/nameservice_client.h>
#include <if/boot_manager_defs.h>
#include <if/monitor_blocking_defs.h>
#include <if/spawn_defs.h>
#include <services/service.h>
#include <skb/skb.h>
#include <spawndomain/cmdline.h>
#include <stdio.h>
#include <string.h>

#include <abi/boot.h>

#include "resources.h"

static struct spawn_binding *spawnd[ABI_MAX_CORES];
static unsigned started, ended, running_on[ABI_MAX_CORES];
static uint8_t worst_status;
static bool has_knowledge;
static uint64_t running = 1; /* cores */

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

/* A list of core numbers that the knowledge base wrote. */
static uint64_t read_cores(const char *text)
{
    struct list_parser_status list;
    unsigned core;
    uint64_t cores = 0;
    skb_read_list_init_offset(&list, text, 0);
    while (skb_read_list(&list, "%u", &core))
        if (core < ABI_MAX_CORES)
            cores |= 1ull << core;
    return cores;
}

/* Starts cores at the same time; adds those that run then. */
static errval_t start_group(uint64_t cores)
{
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    errval_t answer = SYS_ERR_OK;
    uint64_t now = running;
    errval_t err = b->rpc_tx_vtbl.boot_cores(b, cores, &answer, &now);
    if (err_is_ok(err))
        err = answer;
    running |= now;
    if (err_is_fail(err)) {
        DEBUG_ERR(err, "not all cores could be started: wanted %" PRIx64 ", running %" PRIx64,
                  cores, running);
    }
    for (unsigned core = 0; has_knowledge && core < ABI_MAX_CORES; core++)
        if (running & cores & 1ull << core)
            skb_add_fact("running(%u)", core);
    return err;
}

static void start_at_boot(uint64_t cores)
{
    if (err_is_fail(start_group(cores)))
        note_status(1);
}

/* One group of cores after the other, as the knowledge base says. */
static void start_in_order(uint64_t wanted)
{
    static char order[SKB_GOAL_BYTES];
    errval_t err = skb_execute("boot_order(Groups), write(Groups)");
    if (err_is_fail(err))
        USER_PANIC_SKB_ERR(err, "asking for the order of cores");
    snprintf(order, sizeof(order), "%s", skb_get_output());
    debug_trace("order of cores: %s", order);
    skb_add_fact("running(0)");
    for (char *group = strchr(order, '[');
         group != NULL && (group = strchr(group + 1, '[')) != NULL;) {
        const uint64_t cores = read_cores(group) & wanted;
        if (cores != 0)
            start_at_boot(cores);
    }
}

static uint64_t all_cores(const struct abi_boot *boot)
{
    return boot->topology.core_count == 64 ? UINT64_MAX : (1ull << boot->topology.core_count) - 1;
}

static void start_cores(uint64_t wanted)
{
    if (has_knowledge)
        start_in_order(wanted);
    else if (wanted != 1)
        start_at_boot(wanted);
    debug_trace("cores running: mask %" PRIx64, running);
}

/* ---- boot_manager.if ---- */

/* Who asks waits until those before have been served: a monitor starts one set of cores at a time.
 * Its clients have few requests open, one for each thread that waits. */
static const struct account_kind kinds[] = { BOOT_MANAGER_RESOURCES(ACCOUNT_KIND) };
static struct service service = { .client = "a client of boot_manager",
                                  .message_kind = ACCOUNT_MESSAGE };

struct request {
    struct request *next;
    struct boot_manager_binding *binding; /* NULL: it has gone */
    uint32_t token;
    uint64_t cores;
    struct account_slip slip;
};
static struct request *requests;
static uint64_t machine_cores;
static bool serving;

SERVICE_CLIENTS(boot_manager, broken)

struct reply {
    struct send_item item;
    uint32_t token;
    errval_t err;
    uint64_t running;
};

static errval_t send_reply(struct send_queue *queue, struct send_item *item,
                           struct event_closure cont)
{
    struct boot_manager_binding *b = queue->binding;
    const struct reply *reply = (struct reply *)item;
    b->incoming_token = reply->token;
    return boot_manager_start_cores_response__tx(b, cont, reply->running, reply->err);
}

static void answer(struct boot_manager_binding *b, uint32_t token, errval_t err)
{
    struct service_client *client = b->st;
    struct reply *reply = malloc(sizeof(*reply));
    if (reply != NULL)
        *reply = (struct reply){ .item = { .send = send_reply, .payer = client->account },
                                 .token = token,
                                 .err = err,
                                 .running = running };
    send_queue_add(&client->queue, reply != NULL ? &reply->item : NULL);
}

/* Called again from events that are served while a core starts. */
static void serve_requests(void)
{
    if (serving)
        return;
    serving = true;
    while (requests != NULL) {
        struct request *request = requests;
        const uint64_t off = request->cores & ~running;
        const errval_t err = off != 0 && request->binding != NULL ? start_group(off) : SYS_ERR_OK;
        if (request->binding != NULL)
            answer(request->binding, request->token, err);
        requests = request->next;
        account_refund(&request->slip);
        free(request);
    }
    serving = false;
}

static void start_cores_call(struct boot_manager_binding *b, uint64_t cores)
{
    struct service_client *client = b->st;
    struct account_slip slip = { 0 };
    errval_t err = cores & ~machine_cores ? (errval_t)MON_ERR_CORE_BOOT : (errval_t)SYS_ERR_OK;
    if (err_is_ok(err))
        err = account_charge(client->account, ACCOUNT_REQUEST, 1, &slip);
    struct request *request = err_is_ok(err) ? malloc(sizeof(*request)) : NULL;
    if (request == NULL) {
        account_refund(&slip);
        answer(b, b->incoming_token, err_is_fail(err) ? err : (errval_t)LIB_ERR_MALLOC_FAIL);
        return;
    }
    *request =
        (struct request){ .binding = b, .token = b->incoming_token, .cores = cores, .slip = slip };
    struct request **last = &requests;
    while (*last != NULL)
        last = &(*last)->next;
    *last = request;
    serve_requests();
}

/* The client has gone. */
static void broken(struct boot_manager_binding *b, errval_t err)
{
    (void)err;
    for (struct request *request = requests; request != NULL; request = request->next)
        if (request->binding == b)
            request->binding = NULL;
    boot_manager_client_close(b);
}

static errval_t connected(void *st, struct boot_manager_binding *b)
{
    (void)st;
    errval_t err = boot_manager_client_open(&service, b, sizeof(struct service_client));
    if (err_is_fail(err))
        return err;
    b->rx_vtbl.start_cores_call = start_cores_call;
    return SYS_ERR_OK;
}

static void exported(void *st, errval_t err, iref_t iref)
{
    (void)st;
    if (err_is_ok(err))
        err = nameservice_register("boot_manager", iref);
    if (err_is_fail(err))
        DEBUG_ERR(err, "offering to start cores");
}

static void serve(uint64_t cores)
{
    machine_cores = cores;
    account_book_init(&service.accounts, kinds, ACCOUNT_KINDS, MON_ERR_OVER_SHARE);
    errval_t err = boot_manager_export(NULL, exported, connected, get_default_waitset(),
                                       IDC_EXPORT_FLAGS_DEFAULT);
    if (err_is_fail(err))
        DEBUG_ERR(err, "exporting the start of cores");
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
    if (has_knowledge)
        skb_execute_query("retract(program(_, _, %" PRIu32 "))", domain);
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
    running &= ~(1ull << core);
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
    return read_cores(skb_get_output());
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
            if (running >> core & 1) {
                start_on(&entry, core);
            } else {
                debug_printf("%s: core %u does not run\n", entry.path, core);
                note_status(1);
            }
        }
    }
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
    start_cores((wanted & all_cores(boot)) | 1);
    serve(all_cores(boot));
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
