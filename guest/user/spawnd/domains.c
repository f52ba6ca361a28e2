/* SPDX-License-Identifier: MIT
 *
 * Domains from their making to their end.
 *
 * All memory of a domain is one block of RAM, so its end is one revocation; the block comes from
 * the memory server, which charges it to who had the domain spawned, or whom that one's family
 * began with.
 *
 *   none ──domain_spawn──▶ running ──monitor: exited──▶ ended ──waited for, or spawner gone──▶ none
 *                             └─ nobody asked for a name: domain_exited is sent ───────────────▲
 */
#include <barrelfish/monitor_client.h>
#include <if/monitor_blocking_defs.h>
#include <if/monitor_defs.h>
#include <string.h>

#include "spawnd.h"

#define EXIT_STATUS_KILLED 137 /* 128 + 9, as a shell shows it */

static const struct account_kind kinds[] = { SPAWND_RESOURCES(ACCOUNT_KIND) };
struct service service = { .client = "a client of spawnd", .message_kind = ACCOUNT_MESSAGE };
struct block *blocks;
static struct spawn_modules modules;

static uint8_t bits_for(gensize_t bytes)
{
    uint8_t bits = BASE_PAGE_BITS;
    while ((1ull << bits) < bytes)
        bits++;
    return bits;
}

/* Who pays for the memory of what this client has spawned; 0: this service. */
static domainid_t payer_of(const struct account *client)
{
    const struct account *eldest = client->payer != NULL ? client->payer : client;
    return eldest->trusted ? 0 : eldest->domain;
}

static errval_t block_new(uint8_t bits, domainid_t payer, const struct text *argv,
                          struct block **ret)
{
    struct block *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return LIB_ERR_MALLOC_FAIL;
    b->argv = malloc(argv->bytes);
    b->argv_bytes = argv->bytes;
    errval_t err = b->argv != NULL ? slot_alloc(&b->dispatcher) : (errval_t)LIB_ERR_MALLOC_FAIL;
    if (err_is_ok(err)) {
        err = ram_alloc_for(&b->ram, payer, bits);
        if (err_is_fail(err))
            slot_free(b->dispatcher);
    }
    if (err_is_fail(err)) {
        free(b->argv);
        free(b);
        return err;
    }
    memcpy(b->argv, argv->text, argv->bytes);
    b->next = blocks;
    blocks = b;
    *ret = b;
    return SYS_ERR_OK;
}

/* Nothing of it is in use on this core any more; if it is on another one, the memory server finds
 * out when that ends. */
static void give_back(struct block *b)
{
    errval_t err = ram_free(b->ram);
    if (err_is_fail(err))
        DEBUG_ERR(err, "memory of domain %" PRIx32 " is not given back", b->domain);
    b->ram = NULL_CAP;
    slot_free(b->dispatcher);
}

static void block_free(struct block *b)
{
    struct block **link = &blocks;
    while (*link != b)
        link = &(*link)->next;
    *link = b->next;
    if (!capref_is_null(b->ram))
        give_back(b);
    account_refund(&b->slip);
    free(b->argv);
    free(b);
}

void domain_forget(struct block *block)
{
    assert(block->ended && block->waiters == NULL);
    block_free(block);
}

static errval_t connect_to_monitor(const char *path, domainid_t *domain, struct capref *ep)
{
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    errval_t answer;
    *ep = NULL_CAP;
    errval_t err = b->rpc_tx_vtbl.alloc_monitor_ep(b, menu_base_name(path), &answer, domain, ep);
    return err_is_fail(err) ? err : answer;
}

static errval_t send_not_started(struct monitor_request *request, struct event_closure done)
{
    return monitor_domain_exited__tx(request->mon, done, (domainid_t)request->id, 0);
}

/* The domain for which the monitor expects a hello is not there. */
static void tell_not_started(domainid_t domain)
{
    struct monitor_request message = { .mon = get_monitor_binding(),
                                       .send = send_not_started,
                                       .id = domain };
    if (err_is_fail(monitor_queue_request(message)))
        debug_printf("out of memory: the monitor goes on expecting domain %" PRIx32 "\n", domain);
}

/* The account of a new domain; what it will ask for is paid by the eldest of its family as well. */
static struct account *family_account(domainid_t domain, struct account *parent)
{
    if (parent->payer != NULL)
        parent = parent->payer;
    return account_open(&service.accounts, domain, parent->trusted ? NULL : parent);
}

/* The program of a path; a path that the menu does not have stands for its file name. */
static struct spawn_module *find_program(const struct request *request)
{
    struct spawn_module *module = spawn_find_module(&modules, request->path);
    if (module == NULL && request->program)
        module = spawn_find_module(&modules, menu_base_name(request->path));
    return module == NULL || module->is_kernel ? NULL : module;
}

/* Makes the domain in its block, and lets it run. */
static errval_t build(const struct request *request, const struct spawn_request *how,
                      struct block *block)
{
    struct spawn_domain domain;
    errval_t err = spawn_create(how, &domain);
    if (err_is_fail(err))
        return err;
    err = spawn_copy_dispatcher(&domain, block->dispatcher);
    if (err_is_ok(err) && request->ticket != 0 && request->client != NULL)
        err = staged_give(request->client->st, request->ticket, &domain);
    if (err_is_ok(err)) {
        block->domain = how->domain;
        block->client = request->client;
        block->tells = !request->program;
        err = spawn_run(&domain);
    }
    if (err_is_fail(err))
        spawn_abandon(&domain);
    return err;
}

errval_t domain_spawn(struct request *request, struct block **ret)
{
    struct spawn_module *module = find_program(request);
    if (module == NULL)
        return SPAWN_ERR_FIND_MODULE;
    errval_t err = spawn_open_program(module);
    if (err_is_fail(err))
        return err;
    struct spawn_request how = {
        .module = module,
        .argv = { request->argv.text, request->argv.bytes },
        .envp = { request->envp.text, request->envp.bytes },
        .ram_bytes = spawn_needed_bytes(module, false, SPAWN_START_RAM_BYTES),
        .flags = request->flags & SPAWN_FLAG_AGENT,
        .argcn = request->ticket != 0 && request->client != NULL &&
                 staged_arguments(request->client->st, request->ticket),
    };
    const uint8_t bits = bits_for(how.ram_bytes);
    struct block *block;
    err = block_new(bits, payer_of(request->domain_slip.account), &request->argv, &block);
    if (err_is_fail(err))
        return err;
    how.ram = block->ram;
    how.ram_bytes = 1ull << bits;
    err = connect_to_monitor(request->path, &how.domain, &how.init_ep);
    if (err_is_fail(err)) {
        block_free(block);
        return err;
    }
    err = build(request, &how, block);
    cap_destroy(how.init_ep);
    if (err_is_fail(err)) {
        block->domain = 0;
        block_free(block);
        tell_not_started(how.domain);
        return err;
    }
    block->account = family_account(how.domain, request->domain_slip.account);
    block->slip = request->domain_slip;
    request->domain_slip = (struct account_slip){ 0 };
    *ret = block;
    debug_trace("domain %" PRIx32 " is %s", how.domain, request->argv.text);
    return SYS_ERR_OK;
}

/* Who asked for the end hears of it, or will. */
static void tell_end(struct block *block)
{
    struct spawn_binding *client = block->tells ? block->client : NULL;
    struct reply reply = { .kind = REPLY_EXITED, .domain = block->domain, .status = block->status };
    if (client != NULL) {
        reply.slip = block->slip;
        block->slip = (struct account_slip){ 0 };
    }
    if (waiters_leave(block) || block->name == 0 || block->client == NULL)
        domain_forget(block);
    waiters_tell();
    send_to(client, reply);
}

/* Monitor: a domain that this service made has ended. */
static void domain_exited(struct monitor_binding *b, domainid_t domain, uint8_t status)
{
    (void)b;
    struct block *block = blocks;
    while (block != NULL && (block->domain != domain || block->ended))
        block = block->next;
    if (domain == 0 || block == NULL)
        return;
    block->ended = true;
    block->status = block->killed ? EXIT_STATUS_KILLED : status;
    debug_trace("domain %" PRIx32 " ended with status %u", domain, block->status);
    /* Who hears of the end finds its memory free; what it has shown to other cores they keep. */
    errval_t err = invoke_cnode_revoke(block->ram);
    account_close(block->account);
    block->account = NULL;
    if (err_is_fail(err) && err_no(err) != SYS_ERR_RETRY_THROUGH_MONITOR) {
        DEBUG_ERR(err, "memory of domain %" PRIx32 " cannot be taken back", domain);
        block->ram = NULL_CAP; /* it stays, and is nobody's */
    } else {
        give_back(block);
    }
    tell_end(block);
}

/* The CPU driver tells the monitor of the stop, and that us.  It is stopped before its memory goes:
 * taking memory is work in many steps, and it must not run between them without a part of what it
 * has. */
errval_t domain_kill(struct block *block)
{
    if (block->killed)
        return SYS_ERR_OK;
    block->killed = true;
    errval_t err = invoke_dispatcher_stop(block->dispatcher);
    if (err_is_fail(err))
        return err;
    err = invoke_cnode_revoke(block->ram);
    return err_no(err) == SYS_ERR_RETRY_THROUGH_MONITOR ? SYS_ERR_OK : err; /* that can wait */
}

void domains_disown(const struct spawn_binding *client)
{
    for (struct block *block = blocks, *next; block != NULL; block = next) {
        next = block->next;
        if (block->client != client)
            continue;
        block->client = NULL;
        if (block->ended)
            domain_forget(block);
    }
}

void domains_init(const struct abi_boot *boot)
{
    account_book_init(&service.accounts, kinds, ACCOUNT_KINDS, SPAWN_ERR_OVER_SHARE);
    errval_t err = spawn_modules_init(&modules, boot);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "reading the boot menu");
    get_monitor_binding()->rx_vtbl.domain_exited = domain_exited;
}
