/* SPDX-License-Identifier: MIT
 *
 * init, the first domain of core 0 (overview 1.7).
 *
 * The CPU driver gives it everything: all RAM, the UMP window, the modules, the Kernel capability.
 * It starts two domains, splits these things between them, and ends:
 *
 *   monitor   gets the Kernel capability, IO, the window, the modules, and RAM for itself
 *   mem_serv  gets all other RAM
 *
 * The monitor is started first.  It answers with an endpoint of its own for the memory server,
 * which so finds a monitor behind its INITEP like every other domain; init needs no part in their
 * talk.  init must not keep anything: RAM it has not given away is lost.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/monitor_client.h>
#include <spawndomain/first_ram.h>

#define KEEP_BYTES (1ul << 20) /* lost when init ends */
#define MONITOR_START_RAM_BYTES (2ul << 20)

#define BOOT_FAILED_STATUS 1

static struct spawn_modules modules;
static struct first_ram ram;
static const struct abi_boot *boot;
static struct lmp_chan from_monitor;
static bool done;

/* Without init's work nothing will ever run: says why and switches the machine off. */
static void must(errval_t err, const char *what)
{
    if (err_is_ok(err))
        return;
    debug_printf("cannot boot: %s: %s\n", what, err_getstring(err));
    invoke_kernel_power_off(cap_kernel, BOOT_FAILED_STATUS);
}

static void start_monitor(void)
{
    struct spawn_module *module = spawn_find_module(&modules, "monitor");
    if (module == NULL)
        must(SPAWN_ERR_FIND_MODULE, "the menu needs the line 'module /sbin/monitor'");
    must(spawn_open_program(module), "reading the monitor's program file");
    struct spawn_request request = {
        .module = module,
        .args = "monitor",
        .ram = ram.cap,
        .ram_bytes = spawn_needed_bytes(module, true, MONITOR_START_RAM_BYTES),
        .init_ep = from_monitor.local_cap,
        .flags = SPAWN_FLAG_OWN_RAM | SPAWN_FLAG_NO_MONITOR,
        .boot = boot,
    };
    must(first_ram_carve(&ram, request.ram_bytes, &request.ram_offset),
         "too little memory for the monitor, give the machine more");
    struct spawn_domain monitor;
    errval_t err = spawn_create(&request, &monitor);
    if (err_is_ok(err))
        err = spawn_put_cap(&monitor, ROOTCN_SLOT_TASKCN, TASKCN_SLOT_KERNELCAP, cap_kernel);
    if (err_is_ok(err))
        err = spawn_put_cap(&monitor, ROOTCN_SLOT_TASKCN, TASKCN_SLOT_IO, TASK_CAP(TASKCN_SLOT_IO));
    if (err_is_ok(err))
        err =
            spawn_put_cap(&monitor, ROOTCN_SLOT_TASKCN, TASKCN_SLOT_IPI, TASK_CAP(TASKCN_SLOT_IPI));
    if (err_is_ok(err))
        err = spawn_put_devices(&monitor);
    if (err_is_ok(err))
        err = spawn_put_cnode(&monitor, ROOTCN_SLOT_WINDOWCN,
                              (struct capref){ .cnode = cnode_root, .slot = ROOTCN_SLOT_WINDOWCN });
    if (err_is_ok(err))
        err = spawn_run(&monitor);
    must(err, "starting the monitor");
    debug_trace("monitor started");
}

/* The monitor's only message: {MONITOR_HELLO, domain id} with an endpoint for the memory server. */
static void monitor_answered(void *arg)
{
    (void)arg;
    struct lmp_recv_msg message = LMP_RECV_MSG_INIT;
    struct capref endpoint;
    must(lmp_chan_recv(&from_monitor, &message, &endpoint), "receiving from the monitor");
    if (message.buf.msglen < 2 || message.words[0] != MONITOR_HELLO || capref_is_null(endpoint))
        must(LIB_ERR_SHOULD_NOT_GET_HERE, "the monitor sent no endpoint for the memory server");
    must(first_ram_start_mem_serv(&ram, &modules, endpoint, (domainid_t)message.words[1], boot),
         "starting the memory server");
    debug_trace("mem_serv started");
    done = true;
}

int main(void)
{
    boot = domain_get_bootinfo();
    if (boot == NULL)
        USER_PANIC("init is for the CPU driver to start, not for the menu");
    debug_trace("started");
    must(spawn_modules_init(&modules, boot), "listing the modules of the boot menu");
    must(first_ram_init(&ram, KEEP_BYTES), "too little memory, give the machine more");

    lmp_chan_init(&from_monitor);
    errval_t err = lmp_chan_accept(&from_monitor, DEFAULT_LMP_BUF_WORDS, NULL_CAP);
    if (err_is_ok(err))
        err = lmp_chan_alloc_recv_slot(&from_monitor);
    if (err_is_ok(err))
        err = lmp_chan_register_recv(&from_monitor, get_default_waitset(),
                                     MKCLOSURE(monitor_answered, NULL));
    must(err, "creating an endpoint");
    start_monitor();
    while (!done)
        must(event_dispatch(get_default_waitset()), "waiting for the monitor");
    debug_trace("done");
    return 0;
}
