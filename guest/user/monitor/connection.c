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
#include "monitor.h"

#define MAX_CONNECTIONS 4096 /* of this core; a domain that needs more is refused */

struct connection {
    struct connection *next;
    uintptr_t id;
    struct link *end[2]; /* NULL: gone, or another core's; inside the core: client, service */
    void (*self_lost)(void *st); /* the client is this monitor */
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
};

static struct connection *connections;
static unsigned connection_count;

struct connection *connection_new(void)
{
    struct connection *c =
        connection_count < MAX_CONNECTIONS ? calloc(1, sizeof(struct connection)) : NULL;
    if (c == NULL)
        debug_printf("more than %u connections on this core: one is refused\n", MAX_CONNECTIONS);
    else
        connection_count++;
    return c;
}

void connection_drop(struct connection *c)
{
    connection_count--;
    free(c);
}

static void add(struct connection *c)
{
    c->next = connections;
    connections = c;
}

static void remove_entry(struct connection *c)
{
    struct connection **link = &connections;
    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    connection_drop(c);
}

void revoke_frame(struct capref frame)
{
    if (capref_is_null(frame))
        return;
    errval_t err = cap_revoke(frame);
    if (err_is_fail(err))
        DEBUG_ERR(err, "taking back a page of the UMP window");
    drop_cap(frame);
}

/* Both ends are gone. */
static void finish(struct connection *c)
{
    assert(c->end[0] == NULL && c->end[1] == NULL && !c->remote_open);
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
    c->end[which] = NULL;
    if (c->between_cores) {
        revoke_frame(c->frame);
        c->frame = NULL_CAP;
        peer_send_connection_closed(c->remote_core, c->remote_id);
        if (!c->remote_open)
            finish(c);
        return;
    }
    const struct connection was = *c;
    c->end[!which] = NULL;
    finish(c); /* before telling: telling may find out that the other domain is gone, too */
    if (was.end[!which] != NULL)
        bind_tell_connection_lost(was.end[!which], was.id);
    else if (was.self_lost != NULL)
        was.self_lost(was.self_st);
}

void connection_made(struct connection *c, uintptr_t id, struct link *client, struct link *service)
{
    assert(service != NULL);
    c->id = id;
    c->end[0] = client;
    c->end[1] = service;
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
                             coreid_t remote_core, uint64_t remote_id, bool own_page,
                             genpaddr_t base, uint32_t bytes, struct capref frame,
                             genpaddr_t record)
{
    c->record = record;
    c->id = id;
    c->end[0] = end;
    c->between_cores = true;
    c->remote_open = true;
    c->remote_core = remote_core;
    c->remote_id = remote_id;
    c->own_page = own_page;
    c->base = base;
    c->bytes = bytes;
    c->frame = frame;
    add(c);
    if (end == NULL) /* it has gone during the bind */
        end_gone(c, 0);
}

static struct connection *find(uintptr_t id)
{
    struct connection *c = connections;
    while (c != NULL && c->id != id)
        c = c->next;
    return c;
}

static bool is_end(const struct link *end, const struct client *client)
{
    return end != NULL && end->client == client;
}

void connection_closed_by(const struct client *client, uintptr_t id)
{
    struct connection *c = find(id);
    if (c == NULL)
        return; /* it was told of the other's end, and closes its own */
    for (unsigned i = 0; i < 2; i++)
        if (is_end(c->end[i], client)) {
            end_gone(c, i);
            return;
        }
}

void connection_closed_by_remote(coreid_t core, uint64_t id)
{
    struct connection *c = find((uintptr_t)id);
    if (c == NULL || !c->between_cores || c->remote_core != core || !c->remote_open)
        return;
    c->remote_open = false;
    if (c->end[0] != NULL)
        bind_tell_connection_lost(c->end[0], c->id);
    else
        finish(c);
}

static struct connection *first_of(const struct client *client, unsigned *which)
{
    for (struct connection *c = connections; c != NULL; c = c->next)
        for (unsigned i = 0; i < 2; i++)
            if (is_end(c->end[i], client)) {
                *which = i;
                return c;
            }
    return NULL;
}

void connection_client_exited(const struct client *client)
{
    struct connection *c;
    unsigned which;
    while ((c = first_of(client, &which)) != NULL) /* from the start: others may go meanwhile */
        end_gone(c, which);
}
