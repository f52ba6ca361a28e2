/* SPDX-License-Identifier: MIT
 *
 * Export and bind (facts 5.3-5.5; states in docs/monitor.md).
 *
 * A bind request under way is an entry of a table; its number with a generation is the mon_id that
 * travels through the messages, so that a late or forged answer finds nothing.
 *
 *   BIND_LMP_WAIT_SERVICE   same core: the service was asked for its endpoint
 *   BIND_UMP_WAIT_REMOTE    client here: the monitor of the service's core was asked
 *   BIND_UMP_WAIT_SERVICE   service here: it was asked, on behalf of another monitor
 *
 * For UMP the frame comes from the window share of the client's core.  It crosses as base and size,
 * notifications as core and id; each monitor makes capabilities of them for its own client.
 */
#include "../base/options.h"
#include "../mouths/outbox.h"
#include "../mouths/peers.h"
#include "parts.h"

enum bind_state {
    BIND_FREE,
    BIND_LMP_WAIT_SERVICE,
    BIND_UMP_WAIT_REMOTE,
    BIND_UMP_WAIT_SERVICE,
};

struct bind {
    enum bind_state state;
    uint32_t generation;
    struct link *asker; /* NULL: this monitor itself, or another core's client */
    uintptr_t conn_id;  /* the asker's */
    struct link *service;
    iref_t iref;
    coreid_t remote_core; /* the other monitor, and its number for the request */
    uint64_t remote_id;
    genpaddr_t base; /* window frame */
    uint32_t bytes, inlen, outlen;
    struct capref frame;
    genpaddr_t record;             /* of the channel's name */
    struct connection *connection; /* what it becomes */
    domainid_t domain;             /* of the asker, on any core; 0: this monitor */
    bool trusted;                  /* the asker is of the system */
    bool asker_died;               /* with its core, since the service was asked */
    bool checked;                  /* so will be the channel between cores */
    struct account_slip slip;
    struct send_item *request; /* to the service, while it waits in its queue; else NULL */
    bind_self_fn *self_done;
    void (*self_lost)(void *st);
    void *self_st;
};

static struct bind binds[MONITOR_MAX_BINDS];

/* Asked for by this domain, of any core. */
static errval_t bind_new(enum bind_state state, domainid_t domain, struct bind **ret)
{
    struct account_slip slip;
    struct connection *connection;
    *ret = NULL;
    errval_t err = accounts_charge(domain, ACCOUNT_BIND, 1, &slip);
    if (err_is_fail(err))
        return err;
    err = connection_new(domain, &connection);
    if (err_is_fail(err)) {
        account_refund(&slip);
        return err;
    }
    struct bind *bind = binds;
    while (bind < binds + MONITOR_MAX_BINDS && bind->state != BIND_FREE)
        bind++;
    assert(bind < binds + MONITOR_MAX_BINDS); /* they are as many as can be charged */
    *bind = (struct bind){ .state = state,
                           .generation = bind->generation + 1,
                           .frame = NULL_CAP,
                           .connection = connection,
                           .domain = domain,
                           .slip = slip };
    *ret = bind;
    return SYS_ERR_OK;
}

static void bind_done(struct bind *bind)
{
    bind->state = BIND_FREE;
    account_refund(&bind->slip);
}

/* It has not become a connection. */
static void bind_free(struct bind *bind)
{
    connection_drop(bind->connection);
    bind_done(bind);
}

static uintptr_t bind_id(const struct bind *bind)
{
    return (uintptr_t)bind->generation << 16 | (uintptr_t)(bind - binds);
}

static struct bind *bind_find(uintptr_t id, enum bind_state state)
{
    uintptr_t index = id & 0xffff;
    if (index >= MONITOR_MAX_BINDS || binds[index].state != state || bind_id(&binds[index]) != id)
        return NULL;
    return &binds[index];
}

/* ---- messages to clients ---- */

static void fail_bind(struct bind *bind, errval_t err);

/* The service is never asked. */
static void request_left(const struct outbox_message *message, errval_t err)
{
    const enum bind_state state =
        message->kind == OUTBOX_LMP_SERVICE_REQUEST ? BIND_LMP_WAIT_SERVICE : BIND_UMP_WAIT_SERVICE;
    struct bind *bind = err_is_fail(err) ? bind_find(message->mon_id, state) : NULL;
    if (bind != NULL)
        fail_bind(bind, err_push(err, MON_ERR_IDC_BIND_REFUSED));
}

static void reply_lmp(struct link *link, uintptr_t conn_id, errval_t err, uintptr_t mon_id,
                      struct capref ep)
{
    outbox_answer(link, &(struct outbox_message){ .kind = OUTBOX_LMP_REPLY_CLIENT,
                                                  .err = err,
                                                  .id = conn_id,
                                                  .mon_id = mon_id,
                                                  .cap = ep });
}

static void reply_ump(struct link *link, uintptr_t conn_id, errval_t err, uintptr_t mon_id,
                      bool checked, struct capref frame, struct capref notify)
{
    outbox_answer(link, &(struct outbox_message){ .kind = OUTBOX_UMP_REPLY_CLIENT,
                                                  .err = err,
                                                  .id = conn_id,
                                                  .mon_id = mon_id,
                                                  .checked = checked,
                                                  .cap = frame,
                                                  .notify = notify });
}

static const char *asker_name(const struct bind *bind)
{
    return bind->asker != NULL ? bind->asker->client->name : "monitor";
}

/* Answers the asker with an error and frees the entry. */
static void fail_bind(struct bind *bind, errval_t err)
{
    switch (bind->state) {
    case BIND_LMP_WAIT_SERVICE:
        if (bind->asker != NULL)
            reply_lmp(bind->asker, bind->conn_id, err, bind_id(bind), NULL_CAP);
        else if (bind->self_done != NULL)
            bind->self_done(bind->self_st, err, NULL_CAP);
        break;
    case BIND_UMP_WAIT_REMOTE:
        revoke_frame(bind->frame);
        window_free(bind->base, bind->bytes);
        if (bind->asker != NULL)
            reply_ump(bind->asker, bind->conn_id, err, bind_id(bind), false, NULL_CAP, NULL_CAP);
        break;
    case BIND_UMP_WAIT_SERVICE:
        if (bind->record != 0)
            fabric_forget(bind->record);
        revoke_frame(bind->frame); /* the service may have kept it */
        peer_send_bind_ump_reply(bind->remote_core, bind->remote_id, err, 0, 0, "");
        break;
    default:
        break;
    }
    bind_free(bind);
}

/* ---- export ---- */

void bind_export(struct link *link, uintptr_t service_id, const char *interface,
                 const struct abi_line_layout *layout)
{
    iref_t iref = 0;
    struct account_slip slip;
    errval_t err = account_charge(link->client->account, ACCOUNT_IREF, 1, &slip);
    if (err_is_ok(err)) {
        err = iref_alloc(&irefs, link, slip, service_id, interface, &iref);
        if (err_is_fail(err))
            account_refund(&slip);
        else
            iref_find(&irefs, iref)->layout = *layout;
    }
    outbox_answer(
        link, &(struct outbox_message){
                  .kind = OUTBOX_ALLOC_IREF_REPLY, .err = err, .id = service_id, .iref = iref });
}

/* ---- bind inside the core ---- */

static errval_t ask_service_lmp(struct bind *bind, size_t buflen, struct capref ep, bool keep_ep)
{
    struct iref_entry *entry = iref_find(&irefs, bind->iref);
    if (entry == NULL)
        return MON_ERR_INVALID_IREF;
    bind->service = entry->owner;
    if (bind->asker != NULL && bind->service->client == bind->asker->client)
        return MON_ERR_IDC_BIND_LOCAL;
    if (buflen < LMP_ENDPOINT_MIN_WORDS || buflen > MONITOR_MAX_BUF_WORDS)
        return MON_ERR_BUFLEN;
    errval_t err =
        connection_reaches(bind->connection, bind->domain, bind->service->client, buflen);
    if (err_is_fail(err))
        return err;
    outbox_send(bind->service, bind->slip.account,
                &(struct outbox_message){ .kind = OUTBOX_LMP_SERVICE_REQUEST,
                                          .left = request_left,
                                          .waits = &bind->request,
                                          .id = entry->service_id,
                                          .mon_id = bind_id(bind),
                                          .inlen = buflen,
                                          .domain = bind->domain,
                                          .trusted = bind->trusted,
                                          .cap = ep,
                                          .keep_cap = keep_ep });
    return SYS_ERR_OK;
}

void bind_lmp_asked(struct link *link, iref_t iref, uintptr_t conn_id, size_t buflen,
                    struct capref ep)
{
    errval_t err = SYS_ERR_OK;
    struct bind *bind = NULL;
    if (iref_core(iref) >= boot_info->topology.core_count)
        err = MON_ERR_INVALID_IREF;
    else if (iref_core(iref) != my_core)
        err = MON_ERR_IDC_BIND_NOT_SAME_CORE;
    else
        err = bind_new(BIND_LMP_WAIT_SERVICE, link->client->domain, &bind);
    if (err_is_ok(err)) {
        bind->asker = link;
        bind->trusted = link->client->account->trusted;
        bind->conn_id = conn_id;
        bind->iref = iref;
        err = ask_service_lmp(bind, buflen, ep, false);
    }
    if (err_is_fail(err)) {
        if (bind != NULL)
            bind_free(bind);
        drop_cap(ep);
        reply_lmp(link, conn_id, err, 0, NULL_CAP);
    }
}

errval_t bind_self_lmp(iref_t iref, struct lmp_chan *chan, bind_self_fn *done,
                       void (*lost)(void *st), void *st)
{
    struct bind *bind;
    errval_t err = bind_new(BIND_LMP_WAIT_SERVICE, 0, &bind);
    if (err_is_fail(err))
        return err;
    bind->iref = iref;
    bind->trusted = true;
    bind->self_done = done;
    bind->self_lost = lost;
    bind->self_st = st;
    err = ask_service_lmp(bind, MONITOR_LMP_BUF_WORDS, chan->local_cap, true);
    if (err_is_fail(err))
        bind_free(bind);
    return err;
}

void bind_lmp_answered(struct link *link, errval_t err, uintptr_t mon_id, struct capref ep)
{
    struct bind *bind = bind_find(mon_id, BIND_LMP_WAIT_SERVICE);
    if (bind == NULL || bind->service != link) { /* the asker has ended, or a forged number */
        drop_cap(ep);
        if (err_is_ok(err))
            outbox_tell_connection_lost(link, link->client->account, mon_id, NULL);
        return;
    }
    if (err_is_ok(err) && capref_is_null(ep))
        err = MON_ERR_IDC_BIND_REFUSED;
    if (err_is_fail(err)) {
        drop_cap(ep);
        fail_bind(bind, err);
        return;
    }
    debug_trace("LMP %s->%s", asker_name(bind), bind->service->client->name);
    bind_done(bind);
    if (bind->asker != NULL) {
        connection_made(bind->connection, mon_id, bind->asker, bind->service);
        reply_lmp(bind->asker, bind->conn_id, err, mon_id, ep);
    } else {
        connection_made_to_self(bind->connection, mon_id, bind->service, bind->self_lost,
                                bind->self_st);
        bind->self_done(bind->self_st, err, ep);
    }
}

/* ---- bind between cores: the client's side ---- */

static errval_t ask_remote(struct bind *bind, coreid_t core, size_t inlen, size_t outlen)
{
    uint32_t notify_id;
    errval_t err = client_notify_id(bind->asker->client, &notify_id);
    if (err_is_fail(err))
        return err;
    err = connection_needs_pages(bind->connection, bind->domain, inlen + outlen);
    if (err_is_ok(err))
        err = window_alloc(inlen + outlen, &bind->frame, &bind->base, &bind->bytes);
    if (err_is_fail(err))
        return err;
    bind->remote_core = core;
    bind->inlen = (uint32_t)inlen;
    bind->outlen = (uint32_t)outlen;
    struct ump_offer offer = { .iref = bind->iref,
                               .mon_id = bind_id(bind),
                               .base = bind->base,
                               .bytes = bind->bytes,
                               .inlen = bind->inlen,
                               .outlen = bind->outlen,
                               .notify_id = notify_id,
                               .client = bind->domain,
                               .trusted = bind->trusted,
                               .checked = bind->checked };
    snprintf(offer.client_name, sizeof(offer.client_name), "%.31s", bind->asker->client->name);
    peer_send_bind_ump_request(core, &offer);
    return SYS_ERR_OK;
}

void bind_ump_asked(struct link *link, iref_t iref, uintptr_t conn_id, size_t inlen, size_t outlen,
                    bool checked)
{
    unsigned core = iref_core(iref);
    errval_t err = SYS_ERR_OK;
    struct bind *bind = NULL;
    if (core >= boot_info->topology.core_count || inlen == 0 || outlen == 0 || inlen > (1u << 20) ||
        outlen > (1u << 20))
        err = MON_ERR_INVALID_IREF;
    else if (core == my_core)
        err = MON_ERR_IDC_BIND_REFUSED; /* UMP is for other cores */
    else if (!peer_is_connected(core))
        err = MON_ERR_NO_MONITOR_FOR_CORE;
    else
        err = bind_new(BIND_UMP_WAIT_REMOTE, link->client->domain, &bind);
    if (err_is_ok(err)) {
        bind->asker = link;
        bind->trusted = link->client->account->trusted;
        bind->conn_id = conn_id;
        bind->iref = iref;
        bind->checked = checked || machine_options.checked == CHECKED_ALL;
        err = ask_remote(bind, (coreid_t)core, inlen, outlen);
    }
    if (err_is_fail(err)) {
        if (bind != NULL)
            bind_free(bind);
        reply_ump(link, conn_id, err, 0, false, NULL_CAP, NULL_CAP);
    }
}

void bind_ump_answer(coreid_t core, uint64_t mon_id, errval_t err, uint64_t peer_id,
                     uint32_t notify_id, const char *service)
{
    struct bind *bind = bind_find(mon_id, BIND_UMP_WAIT_REMOTE);
    if (bind == NULL || bind->remote_core != core)
        return;
    if (err_is_fail(err)) {
        fail_bind(bind, err);
        return;
    }
    struct capref frame = NULL_CAP, notify = NULL_CAP;
    if (bind->asker != NULL)
        err = remote_notify(core, notify_id, &notify);
    if (bind->asker != NULL && err_is_ok(err))
        err = copy_cap(bind->frame, &frame);
    /* From here on the service has its end: if there is no client (any more), it is told so. */
    bind_done(bind);
    struct link *asker = err_is_ok(err) ? bind->asker : NULL;
    connection_made_between(bind->connection, mon_id, asker,
                            &(struct connection_across){ .core = core,
                                                         .id = peer_id,
                                                         .own_page = true,
                                                         .base = bind->base,
                                                         .bytes = bind->bytes,
                                                         .frame = bind->frame });
    if (asker == NULL) {
        if (bind->asker != NULL)
            reply_ump(bind->asker, bind->conn_id, err, mon_id, false, NULL_CAP, notify);
        return;
    }
    debug_trace("UMP %s->%s (core %u->%u)", asker_name(bind), service, my_core, core);
    reply_ump(asker, bind->conn_id, err, mon_id, bind->checked, frame, notify);
}

/* ---- bind between cores: the service's side ---- */

static errval_t name_channel(struct bind *bind, const struct iref_entry *entry, uint32_t notify_id,
                             const char *client)
{
    struct fabric_channel channel = {
        .interface = entry->interface,
        .layout = entry->layout,
        .server = bind->service->client->name,
        .client = client,
        .server_core = my_core,
        .client_core = bind->remote_core,
        .client_notify_id = notify_id,
        .base = bind->base,
        .inlen = bind->inlen,
        .outlen = bind->outlen,
    };
    errval_t err = client_notify_id(bind->service->client, &channel.server_notify_id);
    if (err_is_ok(err))
        bind->record = fabric_name(&channel);
    return err;
}

static errval_t ask_service_ump(struct bind *bind, uint32_t notify_id, const char *client)
{
    struct iref_entry *entry = iref_find(&irefs, bind->iref);
    if (entry == NULL)
        return MON_ERR_INVALID_IREF;
    bind->service = entry->owner;
    struct capref frame = NULL_CAP, notify;
    errval_t err = connection_reaches(bind->connection, bind->domain, bind->service->client, 0);
    if (err_is_ok(err))
        err = name_channel(bind, entry, notify_id, client);
    if (err_is_ok(err))
        err = remote_frame(bind->base, bind->bytes, &bind->frame);
    if (err_is_ok(err))
        err = copy_cap(bind->frame, &frame);
    if (err_is_ok(err))
        err = remote_notify(bind->remote_core, notify_id, &notify);
    if (err_is_fail(err)) {
        drop_cap(frame);
        return err; /* the caller takes bind->frame back */
    }
    outbox_send(bind->service, bind->slip.account,
                &(struct outbox_message){ .kind = OUTBOX_UMP_SERVICE_REQUEST,
                                          .left = request_left,
                                          .waits = &bind->request,
                                          .id = entry->service_id,
                                          .mon_id = bind_id(bind),
                                          .inlen = bind->inlen,
                                          .outlen = bind->outlen,
                                          .domain = bind->domain,
                                          .trusted = bind->trusted,
                                          .checked = bind->checked,
                                          .cap = frame,
                                          .notify = notify });
    return SYS_ERR_OK;
}

void bind_ump_from_remote(coreid_t core, const struct ump_offer *offer)
{
    struct bind *bind;
    errval_t err = bind_new(BIND_UMP_WAIT_SERVICE, offer->client, &bind);
    if (err_is_fail(err)) {
        peer_send_bind_ump_reply(core, offer->mon_id, err, 0, 0, "");
        return;
    }
    bind->remote_core = core;
    bind->trusted = offer->trusted;
    bind->checked = offer->checked;
    bind->remote_id = offer->mon_id;
    bind->iref = offer->iref;
    bind->base = offer->base;
    bind->bytes = offer->bytes;
    bind->inlen = offer->inlen;
    bind->outlen = offer->outlen;
    err = ask_service_ump(bind, offer->notify_id, offer->client_name);
    if (err_is_fail(err))
        fail_bind(bind, err);
}

/* A service that has not read the request never will.  One that has may be at work on the page: it
 * pays for it from now on, and when it has more of these than it may, it loses the page. */
void bind_ump_cancelled(coreid_t core, uint64_t mon_id)
{
    for (unsigned i = 0; i < MONITOR_MAX_BINDS; i++) {
        struct bind *bind = &binds[i];
        if (bind->state != BIND_UMP_WAIT_SERVICE || bind->remote_core != core ||
            bind->remote_id != mon_id)
            continue;
        if (bind->request != NULL && send_queue_withdraw(bind->request))
            return; /* that has answered */
        struct account *service = bind->service->client->account;
        errval_t err = connection_pays(bind->connection, service);
        if (err_is_ok(err))
            err = account_transfer(&bind->slip, service);
        if (err_is_fail(err))
            fail_bind(bind, err);
        return;
    }
}

void bind_ump_answered(struct link *link, uintptr_t mon_id, errval_t err)
{
    struct bind *bind = bind_find(mon_id, BIND_UMP_WAIT_SERVICE);
    if (bind == NULL || bind->service != link) { /* given up meanwhile, or a forged number */
        if (err_is_ok(err))
            outbox_tell_connection_lost(link, link->client->account, mon_id, NULL);
        return;
    }
    uint32_t notify_id = 0;
    if (err_is_ok(err))
        err = client_notify_id(link->client, &notify_id);
    if (err_is_fail(err)) {
        fail_bind(bind, err);
        return;
    }
    bind_done(bind);
    peer_send_bind_ump_reply(bind->remote_core, bind->remote_id, err, mon_id, notify_id,
                             link->client->name);
    connection_made_between(bind->connection, mon_id, link,
                            &(struct connection_across){ .core = bind->remote_core,
                                                         .id = bind->remote_id,
                                                         .base = bind->base,
                                                         .bytes = bind->bytes,
                                                         .frame = bind->frame,
                                                         .record = bind->record });
    if (bind->asker_died)
        connection_peer_died(mon_id);
}

/* ---- cores that die ---- */

static void asker_died(struct bind *bind)
{
    bind->asker_died = true;
    bind_ump_cancelled(bind->remote_core, bind->remote_id);
}

/* Who was asked there never answers; who asked from there hears no answer. */
void bind_core_died(coreid_t core)
{
    for (unsigned i = 0; i < MONITOR_MAX_BINDS; i++) {
        struct bind *bind = &binds[i];
        if (bind->state == BIND_UMP_WAIT_REMOTE && bind->remote_core == core)
            fail_bind(bind, MON_ERR_CORE_DEAD);
        else if (bind->state == BIND_UMP_WAIT_SERVICE && bind->remote_core == core)
            asker_died(bind);
    }
}

/* The other monitor may have the request, and its page: that stays. */
void bind_core_cut(coreid_t core)
{
    for (unsigned i = 0; i < MONITOR_MAX_BINDS; i++) {
        struct bind *bind = &binds[i];
        if (bind->state != BIND_UMP_WAIT_REMOTE || bind->remote_core != core || bind->asker == NULL)
            continue;
        struct link *asker = bind->asker;
        bind->asker = NULL;
        reply_ump(asker, bind->conn_id, MON_ERR_NO_MONITOR_FOR_CORE, bind_id(bind), false, NULL_CAP,
                  NULL_CAP);
    }
}

bool bind_holds_of(coreid_t core)
{
    for (unsigned i = 0; i < MONITOR_MAX_BINDS; i++)
        if (binds[i].state == BIND_UMP_WAIT_SERVICE && binds[i].remote_core == core)
            return true;
    return false;
}

/* ---- clients that end ---- */

/* Nobody waits for the answer. */
static void asker_gone(struct bind *bind)
{
    if (bind->state == BIND_UMP_WAIT_REMOTE) { /* the answer comes later and frees the frame */
        struct account *monitor = accounts_of_monitor(bind->remote_core);
        bind->asker = NULL;
        if (err_is_ok(connection_pays(bind->connection, monitor))) /* else it counts as before */
            (void)account_transfer(&bind->slip, monitor);
        account_close(monitor);
        peer_send_bind_ump_cancel(bind->remote_core, bind_id(bind));
        return;
    }
    struct send_item *request = bind->request;
    bind_free(bind);
    if (request != NULL)
        (void)send_queue_withdraw(request);
}

void bind_client_exited(const struct client *client)
{
    for (unsigned i = 0; i < MONITOR_MAX_BINDS; i++) {
        struct bind *bind = &binds[i];
        if (bind->state == BIND_FREE)
            continue;
        if (bind->service != NULL && bind->service->client == client)
            fail_bind(bind, MON_ERR_IDC_BIND_REFUSED);
        else if (bind->asker != NULL && bind->asker->client == client)
            asker_gone(bind);
    }
}
