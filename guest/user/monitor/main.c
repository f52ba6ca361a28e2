/* SPDX-License-Identifier: MIT
 *
 * The monitor: one on each core, trusted by all domains of its core (overview 1.5).
 *
 * It holds the Kernel capability.  It knows the domains and their services, binds clients to
 * services, here and on other cores, starts other cores, and is connected to every other monitor.
 * Everything is an event: no handler waits for an answer, so monitors cannot block each other.
 *
 * On core 0 init starts it, and hands it an endpoint for one message: where the memory server shall
 * find its monitor.  On every other core the CPU driver starts it as first domain; then it starts
 * the memory server itself, with all RAM of the core that it does not keep.
 */
#include <string.h>

#include "base/options.h"
#include "doors/doors.h"
#include "mouths/peers.h"
#include "parts/parts.h"

#define KEEP_BYTES (2ul << 20) /* of a later core's RAM, for the monitor itself */

const struct abi_boot *boot_info;
coreid_t my_core;
uint32_t my_incarnation;
struct iref_table irefs;
struct spawn_modules modules;
uint32_t my_notify_id;

/* Who is told when a domain has ended, in this order: nothing is asked of it or owed to it
 * afterwards. */
static void (*const exits[])(const struct client *client) = {
    bind_client_exited,       connection_client_exited,
    iref_state_client_exited, parcel_client_exited,
    capop_client_exited,      shootdown_client_exited,
    multihop_client_exited,   boot_cores_forget,
    stop_cores_forget,        NULL,
};

static const struct client_hooks hooks = {
    .link_opens = door_of_domain,
    .questions_open = door_of_questions,
    .exits = exits,
};

/* Who is told when another core has died, in this order, and what must be given up before it may
 * come back. */
static core_hook *const deaths[] = {
    bind_core_died,   connection_core_died, iref_state_core_died,
    parcel_core_died, shootdown_core_died,  multihop_core_died,
    boot_core_died,   stop_core_died,       NULL,
};

static core_hook *const cuts[] = {
    bind_core_cut,
    connection_core_cut,
    iref_state_core_cut,
    parcel_core_cut,
    shootdown_core_cut,
    multihop_core_died, /* circuits end all the same */
    NULL,
};

static core_question *const estates[] = {
    bind_holds_of,
    connection_holds_of,
    kept_holds_of,
    NULL,
};

static core_hook *const given_up[] = {
    kept_core_given_up,
    NULL,
};

static void (*const returns[])(coreid_t core, uint32_t incarnation) = {
    NULL,
};

static const struct death_hooks death_hooks = {
    .died = deaths,
    .holds = estates,
    .cut = cuts,
    .back = returns,
    .given_up = given_up,
    .free = stop_core_is_free,
    .tick = boot_core_look_for_returns,
};

static bool is_boot_core(void)
{
    return boot_info->core == boot_info->boot_core;
}

/* Tells init where the memory server finds us: {MONITOR_HELLO, domain id} with an endpoint. */
static void answer_init(const struct client *mem_serv, struct capref ep)
{
    struct lmp_chan init;
    lmp_chan_init(&init);
    init.remote_cap = cap_initep;
    MUST(lmp_chan_send2(&init, LMP_SEND_FLAGS_DEFAULT, ep, MONITOR_HELLO, mem_serv->domain),
         "answering init");
}

static void start_mem_serv(struct capref ep, domainid_t id)
{
    struct first_ram ram;
    MUST(first_ram_init(&ram, KEEP_BYTES), "this core has too little RAM");
    MUST(first_ram_start_mem_serv(&ram, &modules, ep, id, boot_info), "starting the memory server");
}

/* The number behind "name=" in the arguments; core 0 has none, and all of them are 0. */
static uint64_t argument(int argc, char *argv[], const char *name)
{
    if (is_boot_core())
        return 0;
    size_t length = strlen(name);
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=')
            return strtoull(argv[i] + length + 1, NULL, 10);
    USER_PANIC("started without %s=", name);
}

/* "boot" entries: on core 0 all without core=; the spawn service on every core. */
static bool starts_here(const struct menu_entry *entry)
{
    if (!entry->boot)
        return false;
    if (entry->core_mask != 0)
        return entry->core_mask >> my_core & 1;
    return is_boot_core() || strcmp(menu_base_name(entry->path), "spawnd") == 0;
}

/* Without these no program of the menu is ever started, so it is said what is missing. */
static void check_menu(void)
{
    static const char *const needed[] = { "chips", "spawnd", "boot_manager" };
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        struct spawn_module *module = spawn_find_module(&modules, needed[i]);
        struct menu_entry entry;
        if (module == NULL || err_is_fail(menu_parse_line(module->line, &entry)) || !entry.boot)
            debug_printf("the boot menu does not start %s: add the line 'module /sbin/%s boot'\n",
                         needed[i], needed[i]);
    }
}

static void start_boot_domains(void)
{
    if (is_boot_core())
        check_menu();
    struct menu_entry *entry = malloc(sizeof(*entry));
    if (entry == NULL)
        USER_PANIC("out of memory");
    for (unsigned i = 0; i < modules.count; i++) {
        if (modules.module[i].is_kernel)
            continue;
        errval_t err = menu_parse_line(modules.module[i].line, entry);
        if (err_is_ok(err) && starts_here(entry))
            spawn_boot_domain(&modules.module[i]);
    }
    free(entry);
}

/* Also where the boot information lies, for whoever looks into the memory of the machine. */
static void tell_platform(void)
{
    enum platform_kind platform;
    genpaddr_t where = 0;
    errval_t err = invoke_kernel_get_platform(cap_kernel, &platform);
    if (err_is_ok(err))
        err = invoke_kernel_get_global_phys(cap_kernel, &where);
    MUST(err, "asking for the platform");
    debug_trace("core %u, platform %d, boot information at %" PRIxGENPADDR, my_core, platform,
                where);
}

int main(int argc, char *argv[])
{
    boot_info = domain_get_bootinfo();
    if (boot_info == NULL)
        USER_PANIC("the monitor is for init or the CPU driver to start, not for the menu");
    my_core = (coreid_t)boot_info->core;
    tell_platform();
    my_incarnation = (uint32_t)argument(argc, argv, "incarnation");
    signals_init(argument(argc, argv, "dead"));
    iref_table_init(&irefs, my_core, my_incarnation);
    window_init(my_incarnation > 0);
    accounts_init();
    peers_init(door_of_monitor);
    clients_init(&hooks);
    MUST(spawn_modules_init(&modules, boot_info), "listing the modules of the boot menu");
    machine_options_read(&modules);
    death_init(&death_hooks);
    if (machine_options.recheck_ns != 0)
        ump_channels_set_recheck(machine_options.recheck_ns);
    multihop_init();
    shootdown_init();
    struct client *mem_serv;
    struct capref ep;
    MUST(client_new("mem_serv", NULL, &mem_serv, &ep), "expecting the memory server");
    uintptr_t id; /* any endpoint of this dispatcher will do */
    MUST(invoke_kernel_notify_register(cap_kernel, ep, &id), "getting a notification id");
    my_notify_id = (uint32_t)id;
    fabric_init();
    MUST(stopped_init(), "listening for stopped domains");
    if (is_boot_core()) {
        answer_init(mem_serv, ep);
    } else {
        peer_connect_starter((coreid_t)argument(argc, argv, "boot_core"),
                             TASK_CAP(TASKCN_SLOT_MON_URPC),
                             (uint32_t)argument(argc, argv, "notify"));
        start_mem_serv(ep, mem_serv->domain);
    }
    start_boot_domains(); /* they wait for the memory server */
    for (;;) {
        errval_t err = event_dispatch(get_default_waitset());
        if (err_is_fail(err))
            DEBUG_ERR(err, "event_dispatch");
    }
}
