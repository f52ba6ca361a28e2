/* SPDX-License-Identifier: MIT
 *
 * The spawn service of a core: makes domains out of the programs of the boot menu, and cleans up
 * after them.  Registered as "spawn.CORE".  Together the services are the process manager: each
 * knows the domains of its core, by name (names.c), and who wants something of a domain finds its
 * service by the core that the name says.
 *
 * Requests are served one at a time in the order they came: making a domain asks the monitor and
 * the memory server, and no other event is served meanwhile.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <stdio.h>
#include <string.h>

#include "spawnd.h"

/* What a program finds that nobody gave an environment. */
static const char plain_environment[] = "PATH=/x86_64/sbin\0HOME=/";

static struct request *first_request, *last_request;
static bool serving;

SERVICE_CLIENTS(spawn, broken)

static void serve_one(struct request *request)
{
    struct block *block = NULL;
    struct reply reply = { .kind = request->program ? REPLY_PROGRAM : REPLY_SPAWN,
                           .token = request->token };
    reply.err = domain_spawn(request, &block);
    if (err_is_ok(reply.err)) {
        reply.domain = block->domain;
        if (request->named) {
            reply.err = name_make(block, &reply.name);
            if (err_is_fail(reply.err)) /* nobody could ever wait for it */
                (void)domain_kill(block);
        }
    }
    if (request->client != NULL && request->ticket != 0)
        staged_drop(request->client->st, request->ticket);
    send_to(request->client, reply);
}

static void serve(void)
{
    if (serving) /* called again from an event served meanwhile */
        return;
    serving = true;
    while (first_request != NULL) {
        struct request *request = first_request;
        serve_one(request);
        first_request = request->next;
        account_refund(&request->request_slip);
        account_refund(&request->domain_slip);
        free(request);
    }
    serving = false;
}

/* A request that is charged; NULL: refused, and *err says why. */
static struct request *new_request(struct spawn_binding *b, const char *path, uint8_t flags,
                                   errval_t *err)
{
    struct account_slip request_slip, domain_slip = { 0 };
    struct account *payer = ((struct client *)b->st)->client.account;
    *err = account_charge(payer, ACCOUNT_REQUEST, 1, &request_slip);
    if (err_is_ok(*err))
        *err = account_charge(payer, ACCOUNT_DOMAIN, 1, &domain_slip);
    struct request *request = err_is_ok(*err) ? calloc(1, sizeof(*request)) : NULL;
    if (request == NULL) {
        account_refund(&domain_slip);
        account_refund(&request_slip);
        if (err_is_ok(*err))
            *err = LIB_ERR_MALLOC_FAIL;
        return NULL;
    }
    request->request_slip = request_slip;
    request->domain_slip = domain_slip;
    request->client = b;
    request->token = b->incoming_token;
    request->flags = flags;
    snprintf(request->path, sizeof(request->path), "%s", path);
    return request;
}

static void queue(struct request *request)
{
    if (first_request == NULL)
        first_request = request;
    else
        last_request->next = request;
    last_request = request;
    serve();
}

/* ---- spawn.if ---- */

static void spawn_domain_call(struct spawn_binding *b, const char *path, const char *args,
                              uint8_t flags)
{
    errval_t err;
    struct request *request = new_request(b, path, flags, &err);
    if (request == NULL) {
        send_to(b, (struct reply){ .kind = REPLY_SPAWN, .token = b->incoming_token, .err = err });
        return;
    }
    request->argv.bytes = menu_split(args, request->argv.text, sizeof(request->argv.text));
    request->envp.bytes = sizeof(plain_environment);
    memcpy(request->envp.text, plain_environment, sizeof(plain_environment));
    queue(request);
}

static void set_text(struct text *text, const char *from, size_t bytes)
{
    assert(bytes <= sizeof(text->text)); /* the interface says so */
    text->bytes = bytes;
    memcpy(text->text, from, bytes);
}

static void spawn_program_call(struct spawn_binding *b, const char *path, const char *argv,
                               size_t argv_bytes, const char *envp, size_t envp_bytes,
                               uint32_t ticket, uint8_t flags, bool named)
{
    errval_t err;
    struct request *request = new_request(b, path, flags, &err);
    if (request == NULL) {
        if (ticket != 0)
            staged_drop(b->st, ticket);
        send_to(b, (struct reply){ .kind = REPLY_PROGRAM, .token = b->incoming_token, .err = err });
        return;
    }
    request->program = true;
    request->named = named;
    request->ticket = ticket;
    set_text(&request->argv, argv, argv_bytes);
    set_text(&request->envp, envp, envp_bytes);
    queue(request);
}

static void kill_domain_call(struct spawn_binding *b, domainid_t domain)
{
    struct block *block = blocks;
    while (block != NULL && (block->domain != domain || block->client != b || block->ended))
        block = block->next;
    errval_t err = SPAWN_ERR_DOMAIN_NOTFOUND;
    if (domain != 0 && block != NULL)
        err = domain_kill(block);
    send_to(b, (struct reply){ .kind = REPLY_KILL, .token = b->incoming_token, .err = err });
}

/* The client has gone. */
static void broken(struct spawn_binding *b, errval_t err)
{
    (void)err;
    names_disown(b);
    domains_disown(b);
    for (struct request *request = first_request; request != NULL; request = request->next)
        if (request->client == b)
            request->client = NULL;
    staged_drop(b->st, 0);
    spawn_client_close(b);
}

static errval_t connected(void *st, struct spawn_binding *b)
{
    (void)st;
    errval_t err = spawn_client_open(&service, b, sizeof(struct client));
    if (err_is_fail(err))
        return err;
    b->rx_vtbl.spawn_domain_call = spawn_domain_call;
    b->rx_vtbl.spawn_program_call = spawn_program_call;
    b->rx_vtbl.kill_domain_call = kill_domain_call;
    staged_serve(b);
    names_serve(b);
    return SYS_ERR_OK;
}

int main(void)
{
    static char name[32];
    snprintf(name, sizeof(name), "spawn.%u", disp_get_core_id());
    const struct abi_boot *boot = domain_get_bootinfo();
    if (boot == NULL)
        USER_PANIC("the boot information was not given to the spawn service");
    domains_init(boot);
    errval_t err = spawn_export(name, nameservice_offer, connected, get_default_waitset(),
                                IDC_EXPORT_FLAGS_DEFAULT);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "exporting the spawn service");
    for (;;) {
        err = event_dispatch(get_default_waitset());
        if (err_is_fail(err))
            DEBUG_ERR(err, "event_dispatch");
    }
}
