/* SPDX-License-Identifier: MIT
 *
 * The domains that the monitor starts itself: entries of the menu marked "boot" (overview 1.7).
 *
 * They start one after the other, in the order of the menu; each needs one block of RAM, for which
 * the memory server is asked.  All other domains are started by spawnd.
 */
#include "parts.h"

struct job {
    struct job *next;
    struct spawn_module *module;
    struct menu_entry entry;
};

static struct job *first, *last;

static uint8_t bits_for(gensize_t bytes)
{
    uint8_t bits = BASE_PAGE_BITS;
    while (1ull << bits < bytes)
        bits++;
    return bits;
}

/* Domains of the system may read the console: one of them is its driver. */
static errval_t put_input(struct spawn_domain *domain)
{
    static struct capref input; /* the ports of that device */
    errval_t err = SYS_ERR_OK;
    if (capref_is_null(input)) {
        struct capref slot;
        err = slot_alloc(&slot);
        if (err_is_ok(err))
            err = cap_mint(slot, cap_io, IO_PORT_INPUT, IO_PORT_INPUT + 3);
        if (err_is_ok(err))
            input = slot;
    }
    if (err_is_ok(err))
        err = spawn_put_cap(domain, ROOTCN_SLOT_TASKCN, TASKCN_SLOT_IO, input);
    return err;
}

static errval_t start(struct job *job, struct capref ram, gensize_t bytes)
{
    struct client *client;
    struct capref ep;
    const char *name = menu_base_name(job->entry.path);
    errval_t err = client_new(name, NULL, &client, &ep);
    if (err_is_fail(err))
        return err;
    struct spawn_request request = { .module = job->module,
                                     .args = job->entry.args,
                                     .ram = ram,
                                     .ram_bytes = bytes,
                                     .init_ep = ep,
                                     .domain = client->domain,
                                     .flags = 0,
                                     .boot = boot_info };
    struct spawn_domain domain;
    err = spawn_create(&request, &domain);
    if (err_is_ok(err))
        err = spawn_put_devices(&domain);
    if (err_is_ok(err))
        err = put_input(&domain);
    if (err_is_ok(err))
        err = spawn_run(&domain);
    if (err_is_fail(err)) {
        client_forget(client);
        return err;
    }
    debug_trace("spawned %s as domain %" PRIx32, name, client->domain);
    return SYS_ERR_OK;
}

static void next(void);

static void got_ram(void *st, errval_t err, struct capref ram)
{
    struct job *job = st;
    gensize_t bytes = spawn_needed_bytes(job->module, true, SPAWN_START_RAM_BYTES);
    if (err_is_ok(err))
        err = start(job, ram, 1ull << bits_for(bytes));
    if (err_is_fail(err))
        DEBUG_ERR(err, "'%s' of the boot menu was not started", job->module->line);
    first = job->next;
    if (first == NULL)
        last = NULL;
    free(job);
    next();
}

static void next(void)
{
    if (first == NULL)
        return;
    errval_t err = spawn_open_program(first->module);
    if (err_is_fail(err)) {
        got_ram(first, err, NULL_CAP);
        return;
    }
    gensize_t bytes = spawn_needed_bytes(first->module, true, SPAWN_START_RAM_BYTES);
    ram_request(bits_for(bytes), 0, 0, got_ram, first);
}

void spawn_boot_domain(struct spawn_module *module)
{
    struct job *job = malloc(sizeof(*job));
    if (job == NULL) {
        debug_printf("out of memory: '%s' is not started\n", module->line);
        return;
    }
    *job = (struct job){ .module = module };
    errval_t err = menu_parse_line(module->line, &job->entry);
    if (err_is_fail(err)) {
        DEBUG_ERR(err, "menu line '%s'", module->line);
        free(job);
        return;
    }
    bool idle = first == NULL;
    if (idle)
        first = job;
    else
        last->next = job;
    last = job;
    if (idle)
        next();
}
