/* SPDX-License-Identifier: MIT
 *
 * The domains of this core, as their monitor knows them.
 *
 * A domain begins as an endpoint that its spawner asks for and puts into the domain's INITEP.  The
 * domain's first message there is a raw one, MONITOR_HELLO, with an endpoint of its own; from then
 * on the pair of endpoints carries monitor.if (or, for an endpoint got by
 * get_monitor_rpc_ep_request, monitor_blocking.if).  A domain ends by telling so; then its services
 * are forgotten and its spawner is told.  What a domain says is checked: it can harm nobody but
 * itself.
 */
#include <string.h>

#include "../mouths/outbox.h"
#include "parts.h"

#define EXIT_STATUS_BROKEN 255               /* of a domain that did not say how it ended */
#define LAST_WORDS_MAX DEFAULT_LMP_BUF_WORDS /* a buffer has no more messages than words */

static struct client clients[MONITOR_MAX_CLIENTS];
static unsigned next_client;
static const struct client_hooks *hooks;

void clients_init(const struct client_hooks *h)
{
    hooks = h;
}

bool client_is_trusted(const struct client *client)
{
    return client->parent == NULL;
}

/* A channel whose hello is expected. */
struct hello {
    struct lmp_chan *chan;
    struct client *client;
    void (*connected)(struct hello *hello);
    struct link *link;  /* NULL: the blocking binding */
    struct hello **ref; /* where it is known */
};

SEND_QUEUE_REGISTER(monitor)
SEND_QUEUE_REGISTER(monitor_blocking)

static void listen_for_hello(struct hello *hello);

/* The monitor stops the dispatcher to whose endpoint it speaks when the domain has ended, and asks
 * of it whether the domain still runs: so nobody greets with somebody else's endpoint.  One that is
 * deleted already harms nobody, and what was said before counts. */
static bool is_its_own(const struct client *client, struct capref endpoint)
{
    domainid_t domain = 0;
    errval_t err = invoke_kernel_get_domain_id(cap_kernel, endpoint, &domain);
    return err_no(err) == SYS_ERR_CAP_NOT_FOUND || (err_is_ok(err) && domain == client->domain);
}

static void hello_received(void *arg)
{
    struct hello *hello = arg;
    struct lmp_recv_msg message = LMP_RECV_MSG_INIT;
    struct capref endpoint = NULL_CAP;
    errval_t err = lmp_chan_recv(hello->chan, &message, &endpoint);
    if (err_is_fail(err) || message.buf.msglen < 2 || message.words[0] != MONITOR_HELLO ||
        capref_is_null(endpoint) || !is_its_own(hello->client, endpoint)) {
        debug_printf("domain '%s' opened its monitor connection with something else than a hello\n",
                     hello->client->name);
        drop_cap(endpoint);
        listen_for_hello(hello);
        return;
    }
    hello->chan->remote_cap = endpoint;
    hello->chan->connstate = LMP_CONNECTED;
    *hello->ref = NULL;
    hello->connected(hello);
    free(hello);
}

static void listen_for_hello(struct hello *hello)
{
    errval_t err = lmp_chan_alloc_recv_slot(hello->chan);
    if (err_is_ok(err))
        err = lmp_chan_register_recv(hello->chan, get_default_waitset(),
                                     MKCLOSURE(hello_received, hello));
    if (err_is_fail(err))
        DEBUG_ERR(err, "listening for the hello of '%s'", hello->client->name);
}

/* Creates the local endpoint of `chan` and waits for a hello on it. */
static errval_t expect_hello(struct lmp_chan *chan, struct client *client, struct link *link,
                             void (*connected)(struct hello *), struct hello **ref,
                             struct capref *ep)
{
    struct hello *hello = malloc(sizeof(*hello));
    if (hello == NULL)
        return LIB_ERR_MALLOC_FAIL;
    *hello = (struct hello){
        .chan = chan, .client = client, .link = link, .connected = connected, .ref = ref
    };
    errval_t err = lmp_chan_accept(chan, MONITOR_LMP_BUF_WORDS, NULL_CAP);
    if (err_is_fail(err)) {
        free(hello);
        return err;
    }
    *ep = chan->local_cap;
    *ref = hello;
    client->open++;
    listen_for_hello(hello);
    return SYS_ERR_OK;
}

/* ---- the end of connections ---- */

/* Its place in the table is free.  What outlives it keeps the account. */
static void client_free(struct client *client)
{
    assert(client->services.first == NULL); /* its connections went first */
    client->state = CLIENT_FREE;
    account_refund(&client->slip);
    account_close(client->account);
    client->account = NULL;
}

static void connection_closed(struct client *client)
{
    assert(client->open > 0);
    client->open--;
    if (client->open == 0 && client->state == CLIENT_EXITED)
        client_free(client);
}

static void link_gone(struct send_queue *queue)
{
    struct link *link = (struct link *)((char *)queue - offsetof(struct link, queue));
    struct client *client = link->client;
    struct link **at = &client->link;
    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    account_refund(&link->slip);
    free(link);
    connection_closed(client);
}

static void rpc_gone(struct send_queue *queue)
{
    struct client *client = (struct client *)((char *)queue - offsetof(struct client, rpc_queue));
    client->rpc = NULL;
    connection_closed(client);
}

/* Nobody may send to an endpoint whose buffer will be used again: deletes the copies given away. */
static void revoke_endpoint(struct lmp_chan *chan)
{
    errval_t err = cap_revoke(chan->local_cap);
    if (err_is_fail(err))
        DEBUG_ERR(err, "revoking an endpoint");
}

/* A hello that will not come. */
static void forget_hello(struct hello *hello)
{
    revoke_endpoint(hello->chan);
    lmp_chan_destroy(hello->chan);
    *hello->ref = NULL;
    free(hello);
}

static void close_link(struct link *link)
{
    struct monitor_binding *b = &link->binding->b;
    if (link->hello != NULL) {
        forget_hello(link->hello);
        free(link->binding);
        link_gone(&link->queue);
    } else {
        revoke_endpoint(&link->binding->chan);
        send_queue_close(&link->queue, link_gone);
        b->control(b, IDC_CONTROL_TEARDOWN);
    }
}

static void close_rpc(struct client *client)
{
    struct monitor_blocking_binding *b = &client->rpc->b;
    if (client->rpc_hello != NULL) {
        forget_hello(client->rpc_hello);
        free(client->rpc);
        rpc_gone(&client->rpc_queue);
    } else {
        revoke_endpoint(&client->rpc->chan);
        send_queue_close(&client->rpc_queue, rpc_gone);
        b->control(b, IDC_CONTROL_TEARDOWN);
    }
}

static void close_all(struct client *client)
{
    assert(client->state == CLIENT_EXITED);
    if (client->rpc != NULL)
        close_rpc(client);
    for (struct link *link = client->link, *next; link != NULL; link = next) {
        next = link->next;
        close_link(link);
    }
}

/* Is there something that it has said, but was not heard yet? */
static bool is_unheard(const struct client *client)
{
    for (const struct link *link = client->link; link != NULL; link = link->next)
        if (lmp_chan_can_recv(&link->binding->chan))
            return true;
    return false;
}

static void end(void *arg);

static void set_off_end(struct client *client)
{
    errval_t err =
        waitset_chan_trigger_closure(get_default_waitset(), &client->end, MKCLOSURE(end, client));
    if (err_is_fail(err))
        DEBUG_ERR(err, "the end of '%s'", client->name);
}

/* Its goodbye may be among its last words, so these are heard first: they wait in the waitset,
 * before this event when it is set off anew.  That another binding of it has broken says nothing
 * about them. */
static void end_soon(struct client *client)
{
    if (waitset_chan_is_registered(&client->end))
        return;
    client->last_words = LAST_WORDS_MAX;
    set_off_end(client);
}

static void end(void *arg)
{
    struct client *client = arg;
    if (client->last_words > 0 && is_unheard(client)) {
        client->last_words--;
        set_off_end(client);
    } else {
        client_exited(client, EXIT_STATUS_BROKEN);
    }
}

/* A domain whose dispatcher is no more, or that breaks the protocol, has ended for us.  That may be
 * found out in the middle of a send to it; its end is an event of its own, so that whoever sends,
 * to whomever and for whatever reason, finds every table as it was. */
static void broken(struct client *client, errval_t err)
{
    debug_trace("connection to '%s': %s", client->name, err_getstring(err));
    if (client->state == CLIENT_CONNECTED)
        end_soon(client);
}

static void link_broken(struct monitor_binding *b, errval_t err)
{
    struct link *link = b->st;
    broken(link->client, err);
}

static void rpc_broken(struct monitor_blocking_binding *b, errval_t err)
{
    broken(b->st, err);
}

/* ---- the beginning of connections ---- */

static void link_connected(struct hello *hello)
{
    struct link *link = hello->link;
    struct client *client = hello->client;
    send_queue_init(&link->queue, &link->binding->b, client->name, ACCOUNT_MESSAGE,
                    monitor_register_send);
    link->binding->b.st = link;
    link->binding->b.error_handler = link_broken;
    hooks->link_opens(link);
    if (client->state == CLIENT_EXPECTED) {
        client->state = CLIENT_CONNECTED;
        debug_trace("domain %" PRIx32 " '%s' connected", client->domain, client->name);
    }
    errval_t err = monitor_lmp_start(link->binding);
    if (err_is_fail(err))
        DEBUG_ERR(err, "starting the monitor binding of '%s'", client->name);
}

/* The first one comes with the domain. */
static errval_t pay_for_link(struct link *link)
{
    return link->client->link == NULL
               ? SYS_ERR_OK
               : account_charge(link->client->account, ACCOUNT_LINK, 1, &link->slip);
}

errval_t client_new_link(struct client *client, struct capref *ep)
{
    struct link *link = calloc(1, sizeof(*link));
    struct monitor_lmp_binding *binding = calloc(1, sizeof(*binding));
    errval_t err = LIB_ERR_MALLOC_FAIL;
    if (link != NULL && binding != NULL) {
        link->client = client;
        err = pay_for_link(link);
    }
    if (err_is_ok(err)) {
        link->binding = binding;
        monitor_lmp_init(binding, get_default_waitset());
        binding->b.flounder.on_heap = true;
        err = expect_hello(&binding->chan, client, link, link_connected, &link->hello, ep);
    }
    if (err_is_fail(err)) {
        if (link != NULL)
            account_refund(&link->slip);
        free(link);
        free(binding);
        return err;
    }
    struct link **end = &client->link;
    while (*end != NULL)
        end = &(*end)->next;
    *end = link;
    return SYS_ERR_OK;
}

static void rpc_connected(struct hello *hello)
{
    struct client *client = hello->client;
    send_queue_init(&client->rpc_queue, &client->rpc->b, client->name, ACCOUNT_MESSAGE,
                    monitor_blocking_register_send);
    client->rpc->b.st = client;
    client->rpc->b.error_handler = rpc_broken;
    hooks->questions_open(client);
    errval_t err = monitor_blocking_lmp_start(client->rpc);
    if (err_is_fail(err))
        DEBUG_ERR(err, "starting the blocking binding of '%s'", client->name);
}

errval_t client_new_rpc(struct client *client, struct capref *ep)
{
    if (client->rpc != NULL)
        return MON_ERR_IDC_BIND_REFUSED;
    struct monitor_blocking_lmp_binding *rpc = calloc(1, sizeof(*rpc));
    if (rpc == NULL)
        return LIB_ERR_MALLOC_FAIL;
    monitor_blocking_lmp_init(rpc, get_default_waitset());
    rpc->b.flounder.on_heap = true;
    errval_t err = expect_hello(&rpc->chan, client, NULL, rpc_connected, &client->rpc_hello, ep);
    if (err_is_ok(err))
        client->rpc = rpc;
    else
        free(rpc);
    return err;
}

/* ---- domains ---- */

static domainid_t new_domain_id(void)
{
    static uint16_t last;
    if (++last == 0)
        last = 1; /* 0 is the monitor */
    return domain_id(my_incarnation, my_core, last);
}

static errval_t open_accounts(struct client *client)
{
    errval_t err = accounts_charge(client->parent_domain, ACCOUNT_CLIENT, 1, &client->slip);
    if (err_is_fail(err))
        return err;
    client->account = account_open(&accounts, client->domain, NULL);
    if (client->account == NULL)
        return LIB_ERR_MALLOC_FAIL;
    client->account->trusted = client->parent == NULL;
    accounts_init_service(&client->services);
    return SYS_ERR_OK;
}

errval_t client_new(const char *name, struct client *parent, struct client **ret, struct capref *ep)
{
    struct client *client = NULL;
    for (unsigned i = 0; i < MONITOR_MAX_CLIENTS && client == NULL; i++) {
        struct client *candidate = &clients[next_client++ % MONITOR_MAX_CLIENTS];
        if (candidate->state == CLIENT_FREE)
            client = candidate;
    }
    if (client == NULL) {
        debug_printf("'%s' is one domain too many: a core has at most %u\n", name,
                     MONITOR_MAX_CLIENTS);
        return MON_ERR_TOO_MANY_DOMAINS;
    }
    memset(client, 0, sizeof(*client));
    waitset_chanstate_init(&client->end, CHANTYPE_OTHER);
    strncpy(client->name, name, sizeof(client->name) - 1);
    client->parent = parent;
    client->parent_domain = parent != NULL ? parent->domain : 0;
    client->domain = new_domain_id();
    errval_t err = open_accounts(client);
    if (err_is_ok(err))
        err = client_new_link(client, ep);
    if (err_is_fail(err)) {
        client_free(client);
        return err;
    }
    client->state = CLIENT_EXPECTED;
    *ret = client;
    return SYS_ERR_OK;
}

errval_t client_domain_cap(const struct client *parent, domainid_t domain, struct capref *ret)
{
    bool is_child = false;
    for (unsigned i = 0; i < MONITOR_MAX_CLIENTS && !is_child; i++)
        is_child = clients[i].domain == domain && clients[i].parent == parent &&
                   (clients[i].state == CLIENT_EXPECTED || clients[i].state == CLIENT_CONNECTED);
    if (!is_child)
        return MON_ERR_NOT_PERMITTED;
    struct capref cap;
    errval_t err = slot_alloc(&cap);
    if (err_is_fail(err))
        return err;
    err = cap_mint(cap, cap_procmng, domain, 0);
    if (err_is_fail(err)) {
        slot_free(cap);
        return err;
    }
    *ret = cap;
    return SYS_ERR_OK;
}

void client_forget(struct client *client)
{
    assert(client->state == CLIENT_EXPECTED);
    client->state = CLIENT_EXITED;
    close_all(client);
}

void client_not_started(const struct client *parent, domainid_t domain)
{
    for (unsigned i = 0; i < MONITOR_MAX_CLIENTS; i++)
        if (clients[i].state == CLIENT_EXPECTED && clients[i].domain == domain &&
            clients[i].parent == parent && clients[i].parent_domain == parent->domain)
            client_forget(&clients[i]);
}

errval_t client_notify_id(struct client *client, uint32_t *ret)
{
    if (!client->notify_known) {
        uintptr_t id;
        errval_t err =
            invoke_kernel_notify_register(cap_kernel, client->link->binding->chan.remote_cap, &id);
        if (err_is_fail(err))
            return err;
        client->notify_id = (uint32_t)id;
        client->notify_known = true;
    }
    *ret = client->notify_id;
    return SYS_ERR_OK;
}

struct client *client_of_domain(domainid_t domain)
{
    for (unsigned i = 0; i < MONITOR_MAX_CLIENTS; i++)
        if (clients[i].state == CLIENT_CONNECTED && clients[i].domain == domain)
            return &clients[i];
    return NULL;
}

void client_for_each(void (*function)(struct client *))
{
    for (unsigned i = 0; i < MONITOR_MAX_CLIENTS; i++)
        if (clients[i].state == CLIENT_CONNECTED)
            function(&clients[i]);
}

static bool is_program(const struct client *client)
{
    return client->parent != NULL;
}

static bool is_service(const struct client *client)
{
    return client->parent == NULL && strcmp(client->name, "mem_serv") != 0;
}

static void end_those(bool (*are)(const struct client *), uint8_t status)
{
    for (unsigned i = 0; i < MONITOR_MAX_CLIENTS; i++) {
        struct client *client = &clients[i];
        if (client->state == CLIENT_CONNECTED && are(client))
            client_exited(client, status);
        else if (client->state == CLIENT_EXPECTED && are(client))
            client_forget(client);
    }
}

void clients_end(uint8_t status)
{
    end_those(is_program, status);
    end_those(is_service, status);
}

/* A dispatcher's domain is what its maker said, and everybody with RAM can make dispatchers; so the
 * one that has said hello is looked at.  A dispatcher that is stopped or gone gets no notification
 * id. */
static bool still_runs(const struct client *client)
{
    struct capref endpoint = client->link->binding->chan.remote_cap;
    uintptr_t id;
    return client->link->hello == NULL && !capref_is_null(endpoint) &&
           err_is_ok(invoke_kernel_notify_register(cap_kernel, endpoint, &id));
}

void client_stopped(domainid_t domain)
{
    for (unsigned i = 0; i < MONITOR_MAX_CLIENTS; i++) {
        struct client *client = &clients[i];
        if (client->domain != domain ||
            (client->state != CLIENT_EXPECTED && client->state != CLIENT_CONNECTED) ||
            still_runs(client))
            continue;
        client->state = CLIENT_CONNECTED; /* for its parent it has lived, hello or not */
        end_soon(client);
    }
}

/* From now on it cannot touch what is taken from it, nor say anything more. */
static void stop_dispatcher(struct client *client)
{
    struct capref endpoint = client->link->binding->chan.remote_cap;
    if (client->link->hello != NULL || capref_is_null(endpoint))
        return; /* stopped by the CPU driver before it spoke */
    errval_t err = invoke_kernel_stop_dispatcher(cap_kernel, endpoint);
    if (err_is_fail(err) && err_no(err) != SYS_ERR_CAP_NOT_FOUND) /* not found: deleted already */
        DEBUG_ERR(err, "stopping domain '%s'", client->name);
}

/* Nobody is left to say whether they were started. */
static void forget_children(const struct client *parent)
{
    for (unsigned i = 0; i < MONITOR_MAX_CLIENTS; i++)
        if (clients[i].state == CLIENT_EXPECTED && clients[i].parent == parent &&
            clients[i].parent_domain == parent->domain)
            client_forget(&clients[i]);
}

void client_exited(struct client *client, uint8_t status)
{
    if (client->state != CLIENT_CONNECTED)
        return;
    client->state = CLIENT_EXITED;
    if (waitset_chan_is_registered(&client->end))
        waitset_chan_deregister(&client->end);
    stop_dispatcher(client);
    debug_trace("domain %" PRIx32 " '%s' ended with status %u", client->domain, client->name,
                status);
    for (struct link *link = client->link; link != NULL; link = link->next)
        iref_free_owner(&irefs, link);
    for (unsigned i = 0; hooks->exits[i] != NULL; i++)
        hooks->exits[i](client);
    struct client *parent = client->parent;
    if (parent != NULL && parent->state == CLIENT_CONNECTED &&
        parent->domain == client->parent_domain)
        outbox_tell_exit(parent, client->domain, status);
    else
        debug_printf("domain '%s' ended with status %u\n", client->name, status);
    forget_children(client);
    close_all(client);
}
