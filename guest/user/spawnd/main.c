/* SPDX-License-Identifier: MIT
 *
 * The spawn service of a core: makes domains out of the programs of the boot menu, and cleans up
 * after them.  Registered as "spawn.CORE".
 *
 * Requests are served one at a time in the order they came: making a domain asks the monitor and
 * the memory server, and no other event is served meanwhile.  All memory of a domain is one block
 * of RAM, so its end is one revocation; the block comes from the memory server, which charges it to
 * who had the domain spawned, or whom that one's family began with.  Who had the domain spawned is
 * told its status.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/monitor_client.h>
#include <barrelfish/nameservice_client.h>
#include <if/monitor_blocking_defs.h>
#include <if/monitor_defs.h>
#include <if/spawn_defs.h>
#include <services/service.h>
#include <spawndomain/spawndomain.h>
#include <stdio.h>
#include <string.h>

#include "resources.h"

#define EXIT_STATUS_KILLED 137 /* 128 + 9, as a shell shows it */

static const struct account_kind kinds[] = { SPAWND_RESOURCES(ACCOUNT_KIND) };
static struct service service = { .client = "a client of spawnd", .message_kind = ACCOUNT_MESSAGE };

struct request {
    struct request *next;
    struct spawn_binding *client; /* NULL: it has gone */
    struct account_slip request_slip, domain_slip;
    uint32_t token;
    uint8_t flags;
    char path[256];
    char args[MENU_LINE_BYTES];
};

/* A block of RAM, and the domain that it is for. */
struct block {
    struct block *next;
    struct capref ram;
    struct capref
        dispatcher;    /* of the domain; the slot stays when its capability goes with the memory */
    domainid_t domain; /* 0: none yet */
    bool killed;
    struct spawn_binding *client; /* who is told of the end */
    struct account *account;      /* the domain's own */
    struct account_slip slip;     /* its spawner's */
};

static struct spawn_modules modules;
static struct request *first_request, *last_request;
static struct block *blocks;
static bool serving;

SERVICE_CLIENTS(spawn)

/* ---- answers ---- */

struct reply {
    struct send_item item;
    enum { REPLY_SPAWN, REPLY_KILL, REPLY_EXITED } kind;
    uint32_t token;
    errval_t err;
    domainid_t domain;
    uint8_t status;
    struct account_slip
        slip; /* of a domain that has ended: it counts until its spawner reads that */
};

static errval_t send_reply(struct send_queue *queue, struct send_item *item,
                           struct event_closure cont)
{
    struct spawn_binding *b = queue->binding;
    struct reply *reply = (struct reply *)item;
    if (reply->kind == REPLY_EXITED)
        return spawn_domain_exited__tx(b, cont, reply->domain, reply->status);
    b->incoming_token = reply->token;
    if (reply->kind == REPLY_KILL)
        return spawn_kill_domain_response__tx(b, cont, reply->err);
    return spawn_spawn_domain_response__tx(b, cont, reply->err, reply->domain);
}

static void reply_done(struct send_item *item, errval_t err)
{
    (void)err;
    account_refund(&((struct reply *)item)->slip);
}

static void send_to(struct spawn_binding *client, struct reply contents)
{
    struct reply *reply = client != NULL ? malloc(sizeof(*reply)) : NULL;
    if (reply == NULL)
        account_refund(&contents.slip);
    if (client == NULL) /* it has gone */
        return;
    struct service_client *to = client->st;
    if (reply != NULL) {
        *reply = contents;
        reply->item =
            (struct send_item){ .send = send_reply,
                                .done = reply_done,
                                .payer = reply->kind == REPLY_EXITED ? NULL : to->account };
    }
    send_queue_add(&to->queue, reply != NULL ? &reply->item : NULL);
}

/* ---- domains ---- */

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

static errval_t block_new(uint8_t bits, domainid_t payer, struct block **ret)
{
    struct block *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return LIB_ERR_MALLOC_FAIL;
    errval_t err = slot_alloc(&b->dispatcher);
    if (err_is_ok(err)) {
        err = ram_alloc_for(&b->ram, payer, bits);
        if (err_is_fail(err))
            slot_free(b->dispatcher);
    }
    if (err_is_fail(err)) {
        free(b);
        return err;
    }
    b->next = blocks;
    blocks = b;
    *ret = b;
    return SYS_ERR_OK;
}

/* Nothing of it is in use on this core any more; if it is on another one, the memory server finds
 * out when that ends. */
static void block_free(struct block *b)
{
    struct block **link = &blocks;
    while (*link != b)
        link = &(*link)->next;
    *link = b->next;
    errval_t err = ram_free(b->ram);
    if (err_is_fail(err))
        DEBUG_ERR(err, "memory of domain %" PRIx32 " is not given back", b->domain);
    slot_free(b->dispatcher);
    free(b);
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

static errval_t spawn(struct request *request, domainid_t *ret)
{
    struct spawn_module *module = spawn_find_module(&modules, request->path);
    if (module == NULL || module->is_kernel)
        return SPAWN_ERR_FIND_MODULE;
    errval_t err = spawn_open_program(module);
    if (err_is_fail(err))
        return err;
    struct spawn_request how = {
        .module = module,
        .args = request->args,
        .ram_bytes = spawn_needed_bytes(module, false, SPAWN_START_RAM_BYTES),
        .flags = request->flags & SPAWN_FLAG_AGENT,
    };
    const uint8_t bits = bits_for(how.ram_bytes);
    struct block *block;
    err = block_new(bits, payer_of(request->domain_slip.account), &block);
    if (err_is_fail(err))
        return err;
    how.ram = block->ram;
    how.ram_bytes = 1ull << bits;
    err = connect_to_monitor(request->path, &how.domain, &how.init_ep);
    if (err_is_fail(err)) {
        block_free(block);
        return err;
    }

    struct spawn_domain domain;
    err = spawn_create(&how, &domain);
    if (err_is_ok(err)) {
        err = spawn_copy_dispatcher(&domain, block->dispatcher);
        if (err_is_fail(err))
            spawn_abandon(&domain);
    }
    if (err_is_ok(err)) {
        block->domain = how.domain;
        block->client = request->client;
        err = spawn_run(&domain);
        if (err_is_fail(err))
            spawn_abandon(&domain);
    }
    cap_destroy(how.init_ep);
    if (err_is_fail(err)) {
        block_free(block);
        tell_not_started(how.domain);
        return err;
    }
    block->account = family_account(how.domain, request->domain_slip.account);
    block->slip = request->domain_slip;
    request->domain_slip = (struct account_slip){ 0 };
    *ret = how.domain;
    debug_trace("domain %" PRIx32 " is %s", how.domain, request->args);
    return SYS_ERR_OK;
}

/* Monitor: a domain that this service made has ended. */
static void domain_exited(struct monitor_binding *b, domainid_t domain, uint8_t status)
{
    (void)b;
    struct block *block = blocks;
    while (block != NULL && block->domain != domain)
        block = block->next;
    if (domain == 0 || block == NULL)
        return;
    if (block->killed)
        status = EXIT_STATUS_KILLED;
    debug_trace("domain %" PRIx32 " ended with status %u", domain, status);
    /* Who hears of the end finds its memory free; what it has shown to other cores they keep. */
    errval_t err = invoke_cnode_revoke(block->ram);
    struct spawn_binding *client = block->client;
    struct account_slip slip = block->slip;
    account_close(block->account);
    if (err_is_fail(err) && err_no(err) != SYS_ERR_RETRY_THROUGH_MONITOR) {
        DEBUG_ERR(err, "memory of domain %" PRIx32 " cannot be taken back", domain);
        block->domain = 0; /* it stays, and is nobody's */
    } else {
        block_free(block);
    }
    send_to(client, (struct reply){
                        .kind = REPLY_EXITED, .domain = domain, .status = status, .slip = slip });
}

/* The CPU driver tells the monitor of the stop, and that us.  It is stopped before its memory goes:
 * taking memory is work in many steps, and it must not run between them without a part of what it
 * has. */
static errval_t kill_domain(const struct spawn_binding *client, domainid_t domain)
{
    struct block *block = blocks;
    while (block != NULL && (block->domain != domain || block->client != client))
        block = block->next;
    if (domain == 0 || block == NULL)
        return SPAWN_ERR_DOMAIN_NOTFOUND;
    if (block->killed)
        return SYS_ERR_OK;
    block->killed = true;
    errval_t err = invoke_dispatcher_stop(block->dispatcher);
    if (err_is_fail(err))
        return err;
    err = invoke_cnode_revoke(block->ram);
    return err_no(err) == SYS_ERR_RETRY_THROUGH_MONITOR ? SYS_ERR_OK : err; /* that can wait */
}

/* ---- spawn.if ---- */

static void serve(void)
{
    if (serving) /* called again from an event served meanwhile */
        return;
    serving = true;
    while (first_request != NULL) {
        struct request *request = first_request;
        domainid_t domain = 0;
        errval_t err = spawn(request, &domain);
        send_to(request->client,
                (struct reply){ .token = request->token, .err = err, .domain = domain });
        first_request = request->next;
        account_refund(&request->request_slip);
        account_refund(&request->domain_slip);
        free(request);
    }
    serving = false;
}

static void spawn_domain_call(struct spawn_binding *b, const char *path, const char *args,
                              uint8_t flags)
{
    struct account_slip request_slip, domain_slip = { 0 };
    struct account *payer = ((struct service_client *)b->st)->account;
    errval_t err = account_charge(payer, ACCOUNT_REQUEST, 1, &request_slip);
    if (err_is_ok(err))
        err = account_charge(payer, ACCOUNT_DOMAIN, 1, &domain_slip);
    struct request *request = err_is_ok(err) ? calloc(1, sizeof(*request)) : NULL;
    if (request == NULL) {
        account_refund(&domain_slip);
        account_refund(&request_slip);
        send_to(b, (struct reply){ .token = b->incoming_token,
                                   .err = err_is_fail(err) ? err : (errval_t)LIB_ERR_MALLOC_FAIL });
        return;
    }
    request->request_slip = request_slip;
    request->domain_slip = domain_slip;
    request->client = b;
    request->token = b->incoming_token;
    request->flags = flags;
    snprintf(request->path, sizeof(request->path), "%s", path);
    snprintf(request->args, sizeof(request->args), "%s", args);
    if (first_request == NULL)
        first_request = request;
    else
        last_request->next = request;
    last_request = request;
    serve();
}

static void kill_domain_call(struct spawn_binding *b, domainid_t domain)
{
    send_to(b, (struct reply){
                   .kind = REPLY_KILL, .token = b->incoming_token, .err = kill_domain(b, domain) });
}

/* The client has gone. */
static void broken(struct spawn_binding *b, errval_t err)
{
    (void)err;
    for (struct block *block = blocks; block != NULL; block = block->next)
        if (block->client == b)
            block->client = NULL;
    for (struct request *request = first_request; request != NULL; request = request->next)
        if (request->client == b)
            request->client = NULL;
    spawn_client_close(b);
}

static errval_t connected(void *st, struct spawn_binding *b)
{
    (void)st;
    errval_t err = spawn_client_open(&service, b, sizeof(struct service_client), broken);
    if (err_is_fail(err))
        return err;
    b->rx_vtbl.spawn_domain_call = spawn_domain_call;
    b->rx_vtbl.kill_domain_call = kill_domain_call;
    return SYS_ERR_OK;
}

static void exported(void *st, errval_t err, iref_t iref)
{
    (void)st;
    char name[32];
    snprintf(name, sizeof(name), "spawn.%u", disp_get_core_id());
    if (err_is_ok(err))
        err = nameservice_register(name, iref);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "offering %s", name);
    debug_trace("ready");
}

int main(void)
{
    const struct abi_boot *boot = domain_get_bootinfo();
    if (boot == NULL)
        USER_PANIC("the boot information was not given to the spawn service");
    account_book_init(&service.accounts, kinds, ACCOUNT_KINDS, SPAWN_ERR_OVER_SHARE);
    errval_t err = spawn_modules_init(&modules, boot);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "reading the boot menu");
    get_monitor_binding()->rx_vtbl.domain_exited = domain_exited;
    err = spawn_export(NULL, exported, connected, get_default_waitset(), IDC_EXPORT_FLAGS_DEFAULT);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "exporting the spawn service");
    for (;;) {
        err = event_dispatch(get_default_waitset());
        if (err_is_fail(err))
            DEBUG_ERR(err, "event_dispatch");
    }
}
