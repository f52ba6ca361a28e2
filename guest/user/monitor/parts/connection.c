/* SPDX-License-Identifier: MIT
 *
 * Connections between domains, from the end of their bind to their own end (docs/monitor.md).
 *
 * Each is known by the mon_id of its bind.  Inside the core one entry knows both ends; between two
 * cores each monitor has an entry for its own end and the other's number.  An end goes because its
 * domain closes the channel or ends itself; the other end is told then, and what it does is its own
 * affair.  The page of a connection between cores is used again when both ends are gone: a monitor
 * lets an end go by deleting every capability of its core that is made of the page, so that nobody
 * can write to it any more, whatever the domain has kept or copied.
 * Must not take anything away from a domain that still runs and has not closed the channel.
 */
#include "../mouths/outbox.h"
#include "../mouths/peers.h"
#include "parts.h"

/* Who pays for what.  Between cores the other end is charged here, too, as long as it is open; what
 * lies at a service of this core, until the service closes its end. */
enum { PAID_BY_ASKER, PAID_BY_SERVICE, PAID_WORDS, PAID_PAGES, PAYMENTS };

struct connection_end {
    struct link *link; /* NULL: gone, or another core's */
    struct connection *connection;
    struct connection_end *next, **at; /* of its client's */
};

struct connection {
    struct connection *next; /* of its bucket */
    uintptr_t id;
    struct connection_end end[2]; /* inside the core: client, service */
    void (*self_lost)(void *st);  /* the client is this monitor */
    void *self_st;
    /* between cores */
    bool between_cores, remote_open;
    coreid_t remote_core;
    uint64_t remote_id;
    bool own_page; /* of this core's window share */
    genpaddr_t base;
    uint32_t bytes;
    struct capref frame; /* the monitor's own capability, ancestor or copy of the domain's */
    genpaddr_t record;   /* of the channel's name, if it is of this core; else 0 */
    struct account_slip slip[PAYMENTS];
};

#define BUCKETS 1024 /* for as many as can be charged, a few each */
static struct connection *connections[BUCKETS];
static unsigned connection_count;

errval_t connection_new(domainid_t asker, struct connection **ret)
{
    struct connection *c = calloc(1, sizeof(struct connection));
    if (c == NULL)
        return LIB_ERR_MALLOC_FAIL;
    errval_t err = accounts_charge(asker, ACCOUNT_END, 1, &c->slip[PAID_BY_ASKER]);
    if (err_is_fail(err)) {
        free(c);
        return err;
    }
    connection_count++;
    *ret = c;
    return SYS_ERR_OK;
}

errval_t connection_reaches(struct connection *c, domainid_t asker, struct client *service,
                            size_t buf_words)
{
    errval_t err = account_charge(service->account, ACCOUNT_END, 1, &c->slip[PAID_BY_SERVICE]);
    if (err_is_fail(err) || buf_words == 0)
        return err;
    struct account *account = account_open(&service->services, asker, NULL);
    err = account_charge(account, ACCOUNT_WORDS, endpoint_words(buf_words), &c->slip[PAID_WORDS]);
    account_close(account);
    return err;
}

errval_t connection_needs_pages(struct connection *c, domainid_t asker, size_t bytes)
{
    return accounts_charge(asker, ACCOUNT_PAGE, (uint32_t)DIVIDE_ROUND_UP(bytes, BASE_PAGE_SIZE),
                           &c->slip[PAID_PAGES]);
}

void connection_drop(struct connection *c)
{
    assert(connection_count > 0 && c->end[0].link == NULL && c->end[1].link == NULL);
    for (unsigned i = 0; i < PAYMENTS; i++)
        account_refund(&c->slip[i]);
    connection_count--;
    free(c);
}

errval_t connection_pays(struct connection *c, struct account *who)
{
    errval_t err = account_transfer(&c->slip[PAID_BY_ASKER], who);
    return err_is_ok(err) ? account_transfer(&c->slip[PAID_PAGES], who) : err;
}

/* An id is a generation and an index, both of which vary. */
static struct connection **bucket_of(uintptr_t id)
{
    return &connections[(id * 0x9e3779b97f4a7c15u >> 32) % BUCKETS];
}

static void add(struct connection *c)
{
    c->next = *bucket_of(c->id);
    *bucket_of(c->id) = c;
}

static void remove_entry(struct connection *c)
{
    struct connection **link = bucket_of(c->id);
    while (*link != c) {
        assert(*link != NULL); /* its id is that under which it came in */
        link = &(*link)->next;
    }
    *link = c->next;
    connection_drop(c);
}

static void end_opens(struct connection *c, unsigned which, struct link *link)
{
    if (link == NULL)
        return;
    struct connection_end *end = &c->end[which], **list = &link->client->ends;
    assert(end->link == NULL); /* else it would stay in the list of another client */
    *end = (struct connection_end){ .link = link, .connection = c, .next = *list, .at = list };
    if (end->next != NULL)
        end->next->at = &end->next;
    *list = end;
}

static void end_closes(struct connection_end *end)
{
    if (end->link == NULL)
        return;
    assert(*end->at == end); /* its client's list still has it, who may be gone */
    *end->at = end->next;
    if (end->next != NULL)
        end->next->at = end->at;
    end->link = NULL;
}

/* Both ends are gone. */
static void finish(struct connection *c)
{
    assert(c->end[0].link == NULL && c->end[1].link == NULL && !c->remote_open);
    debug_trace("connection %" PRIxPTR " is no more", c->id);
    if (c->record != 0)
        fabric_forget(c->record);
    if (c->own_page)
        window_free(c->base, c->bytes);
    remove_entry(c);
}

/* An end of this core goes; its domain cannot touch the channel any more. */
static void end_gone(struct connection *c, unsigned which)
{
    end_closes(&c->end[which]);
    if (c->between_cores) {
        revoke_frame(c->frame);
        c->frame = NULL_CAP;
        peer_send_connection_closed(c->remote_core, c->remote_id);
        if (!c->remote_open)
            finish(c);
        return;
    }
    const struct connection was = *c;
    struct link *other = c->end[!which].link;
    struct account_slip slips[2] = { was.slip[PAID_BY_ASKER], was.slip[PAID_BY_SERVICE] };
    if (other != NULL) /* it counts until the other domain has been told */
        c->slip[PAID_BY_ASKER] = c->slip[PAID_BY_SERVICE] = (struct account_slip){ 0 };
    end_closes(&c->end[!which]);
    finish(c); /* before telling: telling may find out that the other domain is gone, too */
    if (other != NULL)
        outbox_tell_connection_lost(other, NULL, was.id, slips);
    else if (was.self_lost != NULL)
        was.self_lost(was.self_st);
}

void connection_made(struct connection *c, uintptr_t id, struct link *client, struct link *service)
{
    assert(service != NULL);
    c->id = id;
    end_opens(c, 0, client);
    end_opens(c, 1, service);
    add(c);
}

void connection_made_to_self(struct connection *c, uintptr_t id, struct link *service,
                             void (*lost)(void *st), void *st)
{
    connection_made(c, id, NULL, service);
    c->self_lost = lost;
    c->self_st = st;
}

void connection_made_between(struct connection *c, uintptr_t id, struct link *end,
                             const struct connection_across *across)
{
    assert(!capref_is_null(across->frame)); /* it is deleted when both ends have closed */
    c->record = across->record;
    c->id = id;
    end_opens(c, 0, end);
    c->between_cores = true;
    c->remote_open = true;
    c->remote_core = across->core;
    c->remote_id = across->id;
    c->own_page = across->own_page;
    c->base = across->base;
    c->bytes = across->bytes;
    c->frame = across->frame;
    add(c);
    if (end == NULL) /* it has gone during the bind */
        end_gone(c, 0);
}

static struct connection *find(uintptr_t id)
{
    struct connection *c = *bucket_of(id);
    while (c != NULL && c->id != id)
        c = c->next;
    return c;
}

static bool is_end(const struct connection_end *end, const struct client *client)
{
    return end->link != NULL && end->link->client == client;
}

void connection_closed_by(const struct client *client, uintptr_t id)
{
    struct connection *c = find(id);
    if (c == NULL)
        return; /* it was told of the other's end, and closes its own */
    for (unsigned i = 0; i < 2; i++)
        if (is_end(&c->end[i], client)) {
            end_gone(c, i);
            return;
        }
}

/* The end of the other core. */
static void remote_end_gone(struct connection *c, bool dead)
{
    c->remote_open = false;
    if (!c->own_page) /* the service here may take its time, and pays for that */
        account_refund(&c->slip[PAID_BY_ASKER]);
    if (c->end[0].link == NULL)
        finish(c);
    else if (dead)
        outbox_tell_connection_dead(c->end[0].link, c->id);
    else
        outbox_tell_connection_lost(c->end[0].link, NULL, c->id, NULL);
}

void connection_closed_by_remote(coreid_t core, uint64_t id)
{
    struct connection *c = find((uintptr_t)id);
    if (c != NULL && c->between_cores && c->remote_core == core && c->remote_open)
        remote_end_gone(c, false);
}

void connection_core_died(coreid_t core)
{
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (struct connection *c = connections[i], *next; c != NULL; c = next) {
            next = c->next;
            if (c->between_cores && c->remote_core == core && c->remote_open)
                remote_end_gone(c, true);
        }
    }
}

/* The other end may still write: the page stays when ours has gone. */
void connection_core_cut(coreid_t core)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        for (const struct connection *c = connections[i]; c != NULL; c = c->next)
            if (c->between_cores && c->remote_core == core && c->end[0].link != NULL)
                outbox_tell_connection_dead(c->end[0].link, c->id);
}

void connection_peer_died(uintptr_t id)
{
    struct connection *c = find(id);
    if (c != NULL && c->remote_open)
        remote_end_gone(c, true);
}

bool connection_holds_of(coreid_t core)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        for (const struct connection *c = connections[i]; c != NULL; c = c->next)
            if (c->between_cores && c->remote_core == core && !c->remote_open)
                return true;
    return false;
}

void connection_client_exited(const struct client *client)
{
    while (client->ends != NULL) { /* from the start: others may go meanwhile */
        struct connection_end *end = client->ends;
        end_gone(end->connection, (unsigned)(end - end->connection->end));
    }
}
