/* SPDX-License-Identifier: MIT
 *
 * Domains bind to services and accept, refuse, use and close connections; and what both ends are
 * owed: one answer for each bind, one word of each end's end to the other, a page that was never
 * used before.
 */
#include "domains.h"

#include <string.h>

struct bind binds[MAX_BINDS];
unsigned bind_count;
struct conn *conns;

/* ---- clients ---- */

static bool send_bind(struct domain *d, struct bind *b, unsigned index)
{
    struct message *m;
    struct cap *ep = NULL;
    switch (b->kind) {
    case BIND_LMP:
        m = monitor_message(monitor_bind_lmp_client_request__msgnum);
        m->args.monitor.bind_lmp_client_request.iref = b->iref;
        m->args.monitor.bind_lmp_client_request.conn_id = index;
        ep = domain_endpoint(d, ROLE_CHANNEL, 0, 2, NULL);
        break;
    case BIND_UMP:
        m = monitor_message(monitor_bind_ump_client_request__msgnum);
        m->args.monitor.bind_ump_client_request.iref = b->iref;
        m->args.monitor.bind_ump_client_request.conn_id = index;
        m->args.monitor.bind_ump_client_request.inlen = 2048;
        m->args.monitor.bind_ump_client_request.outlen = chance(80) ? 2048 : 6000;
        break;
    default:
        m = monitor_message(monitor_bind_multihop_client_request__msgnum);
        m->args.monitor.bind_multihop_client_request.iref = b->iref;
        m->args.monitor.bind_multihop_client_request.conn_id = index;
        b->side = side_new(d);
        ep = side_endpoint(b->side);
    }
    return domain_send(d, d->monitor, m, ep);
}

/* Numbers are given out from the lowest on; cores that there are, and some that there are not. */
static iref_t nobodys_iref(void)
{
    return chance(20) ? 0 : (iref_t)(256 * random_below(WORLD_CORES + 2) + 256 - random_below(4));
}

bool act_bind(struct domain *d)
{
    struct service *s = service_count > 0 ? &services[random_below(service_count)] : NULL;
    if (bind_count == MAX_BINDS || d->monitor == NULL ||
        d->monitor->endpoint->queue.count >= d->monitor->endpoint->room)
        return false;
    if (s != NULL && s->iref == 0)
        s = NULL;
    struct bind *b = &binds[bind_count];
    *b = (struct bind){ .d = d, .iref = s != NULL ? s->iref : nobodys_iref() };
    if (s != NULL && s->d->core == d->core)
        b->kind = chance(90) ? BIND_LMP : BIND_UMP;
    else
        b->kind = chance(10) ? BIND_LMP : chance(50) ? BIND_UMP : BIND_MULTIHOP;
    if (b->kind == BIND_MULTIHOP && s != NULL && s->asks != NULL)
        b->kind = BIND_UMP; /* one at a time, to know who meets whom */
    CHECK(send_bind(d, b, bind_count), "there was room");
    if (b->kind == BIND_MULTIHOP && s != NULL)
        s->asks = b->side;
    bind_count++;
    return true;
}

static void connected(struct domain *d, struct bind *b, uintptr_t mon_id, struct message *m)
{
    struct conn *c;
    /* it may have ended meanwhile; of a page only its peer's monitor disposes */
    CHECK(m->cap[0] != NULL || b->kind == BIND_LMP || d->hostile,
          "%s: a connection without its capability", d->name);
    if (m->cap[0] == NULL && b->kind == BIND_UMP)
        return;
    for (c = conns; c != NULL; c = c->next)
        if (c->kind == b->kind && c->end[0].d == NULL && !c->end[0].open &&
            (c->kind == BIND_LMP ? c->end[1].d->core == d->core && c->end[1].mon_id == mon_id
                                 : c->base == m->cap[0]->is.u.mem.base && c->newest))
            break;
    if (c == NULL && world.hostile) { /* with one that has answered before it was asked */
        say("%s is connected before anybody was asked", d->name);
        c = calloc(1, sizeof(*c));
        *c = (struct conn){ .next = conns, .kind = b->kind, .forged = true };
        conns = c;
    }
    CHECK(c != NULL, "%s is connected with nobody", d->name);
    c->end[0] = (struct conn_end){
        .d = d, .mon_id = mon_id, .frame = m->cap[0], .notify = m->cap[1], .open = true
    };
    m->cap[0] = m->cap[1] = NULL;
}

void bind_answered(struct domain *d, const struct message *answer)
{
    struct message *m = (struct message *)answer;
    const union monitor_tx_arg_union *a = &m->args.monitor;
    uintptr_t index, mon_id = 0;
    errval_t err;
    if (m->number == monitor_bind_lmp_reply_client__msgnum) {
        index = a->bind_lmp_reply_client.conn_id;
        mon_id = a->bind_lmp_reply_client.mon_id;
        err = a->bind_lmp_reply_client.err;
    } else if (m->number == monitor_bind_ump_reply_client__msgnum) {
        index = a->bind_ump_reply_client.conn_id;
        mon_id = a->bind_ump_reply_client.mon_id;
        err = a->bind_ump_reply_client.err;
    } else {
        CHECK(m->number == monitor_bind_multihop_reply_client__msgnum, "message %u to a domain",
              m->number);
        index = a->bind_multihop_reply_client.conn_id;
        err = a->bind_multihop_reply_client.err;
    }
    struct bind *b = &binds[index];
    CHECK(index < bind_count && b->d == d, "%s: the answer to somebody else's bind", d->name);
    CHECK(++b->answers == 1, "%s: a bind is answered twice", d->name);
    b->err = err;
    if (b->kind == BIND_MULTIHOP) {
        for (unsigned i = 0; i < service_count; i++)
            if (services[i].asks == b->side)
                services[i].asks = NULL;
        if (err_is_ok(err)) {
            side_opened(b->side, m->cap[0]); /* NULL: it has ended meanwhile, and a close waits */
            m->cap[0] = NULL;
        } else {
            side_refused(b->side);
        }
    } else if (err_is_ok(err)) {
        connected(d, b, mon_id, m);
    }
}

/* ---- services ---- */

void request_received(struct domain *d, struct message *m)
{
    const union monitor_tx_arg_union *a = &m->args.monitor;
    d->requests_read++;
    if (d->hostile && d->request_count == MAX_REQUESTS)
        return;
    CHECK(d->request_count < MAX_REQUESTS, "%s: too many binds", d->name);
    struct request *r = &d->request[d->request_count++];
    uintptr_t service_id;
    *r = (struct request){ .cap = { m->cap[0], m->cap[1] } };
    if (m->number == monitor_bind_lmp_service_request__msgnum) {
        r->kind = BIND_LMP;
        service_id = a->bind_lmp_service_request.service_id;
        r->mon_id = a->bind_lmp_service_request.mon_id;
    } else if (m->number == monitor_bind_ump_service_request__msgnum) {
        r->kind = BIND_UMP;
        service_id = a->bind_ump_service_request.service_id;
        r->mon_id = a->bind_ump_service_request.mon_id;
        CHECK(m->cap[0] != NULL || d->hostile, "%s: a bind without a frame", d->name);
        const uint8_t *page = m->cap[0] != NULL ? window_memory(m->cap[0]->is.u.mem.base) : NULL;
        for (gensize_t i = 0; page != NULL && i < m->cap[0]->is.u.mem.bytes; i++)
            CHECK(page[i] == 0, "%s: a page with an old channel", d->name);
    } else {
        r->kind = BIND_MULTIHOP;
        service_id = a->bind_multihop_service_request.service_id;
        r->mon_id = a->bind_multihop_service_request.mon_id;
    }
    CHECK(service_id < service_count && services[service_id].d == d,
          "%s: a bind to somebody else's service", d->name);
    if (r->kind == BIND_MULTIHOP) {
        r->side = services[service_id].asks;
        services[service_id].asks = NULL;
    }
    d->last_mon_id = r->mon_id;
    m->cap[0] = m->cap[1] = NULL;
}

static void drop(struct domain *d, struct cap **cap)
{
    struct cap *was = *cap;
    (void)d;
    *cap = NULL;
    if (was != NULL)
        cap_gone(was);
}

static bool reply(struct domain *d, const struct request *r, errval_t err, struct cap *ep)
{
    struct message *m;
    if (r->kind == BIND_LMP) {
        m = monitor_message(monitor_bind_lmp_reply_monitor__msgnum);
        m->args.monitor.bind_lmp_reply_monitor.err = err;
        m->args.monitor.bind_lmp_reply_monitor.mon_id = r->mon_id;
    } else if (r->kind == BIND_UMP) {
        m = monitor_message(monitor_bind_ump_reply_monitor__msgnum);
        m->args.monitor.bind_ump_reply_monitor.err = err;
        m->args.monitor.bind_ump_reply_monitor.mon_id = r->mon_id;
    } else {
        m = monitor_message(monitor_bind_multihop_reply_monitor__msgnum);
        m->args.monitor.bind_multihop_reply_monitor.err = err;
        m->args.monitor.bind_multihop_reply_monitor.mon_id = r->mon_id;
    }
    return domain_send(d, d->monitor, m, ep);
}

static void accepted(struct domain *d, struct request *r, struct endpoint *ep)
{
    struct conn *c = calloc(1, sizeof(*c));
    *c = (struct conn){ .next = conns, .kind = r->kind, .newest = true };
    c->end[1] = (struct conn_end){
        .d = d, .mon_id = r->mon_id, .frame = r->cap[0], .notify = r->cap[1], .ep = ep, .open = true
    };
    if (r->kind == BIND_UMP) {
        c->base = r->cap[0]->is.u.mem.base;
        memset(window_memory(c->base), 0xaa, r->cap[0]->is.u.mem.bytes);
        for (struct conn *old = conns; old != NULL; old = old->next)
            if (old->kind == BIND_UMP && old->base == c->base)
                old->newest = false;
    }
    conns = c;
}

bool answer_request(struct domain *d, bool accept)
{
    if (d->request_count == 0 || d->mute || d->monitor == NULL ||
        d->monitor->endpoint->queue.count >= d->monitor->endpoint->room)
        return false;
    const unsigned which = (unsigned)random_below(d->request_count);
    struct request r = d->request[which];
    d->request[which] = d->request[--d->request_count];
    const bool monitor =
        r.cap[0] != NULL && r.kind == BIND_LMP && r.cap[0]->endpoint->owner == NULL;
    /* the client's endpoint may have gone meanwhile: then the library could not connect either */
    accept = monitor || (accept && r.cap[0] != NULL);
    if (!accept) {
        reply(d, &r, chance(50) ? FLOUNDER_ERR_BINDING_CLOSED : LIB_ERR_MALLOC_FAIL, NULL);
        drop(d, &r.cap[0]);
        drop(d, &r.cap[1]);
    } else if (r.kind == BIND_MULTIHOP) {
        struct circuit_side *s = side_accepted(d, r.side, r.cap[0]);
        reply(d, &r, SYS_ERR_OK, side_endpoint(s));
    } else if (r.kind == BIND_UMP) {
        accepted(d, &r, NULL);
        reply(d, &r, SYS_ERR_OK, NULL);
    } else {
        struct endpoint *e;
        struct cap *ep = domain_endpoint(d, monitor ? ROLE_MEM : ROLE_CHANNEL, 0, 2, &e);
        if (monitor)
            d->mem_client = r.cap[0];
        else
            accepted(d, &r, e);
        reply(d, &r, SYS_ERR_OK, ep);
    }
    return true;
}

/* ---- ends ---- */

static bool close_end(struct conn_end *e)
{
    struct domain *d = e->d;
    if (d->monitor != NULL && d->monitor->endpoint->queue.count >= d->monitor->endpoint->room)
        return false;
    e->open = false;
    drop(d, &e->frame);
    drop(d, &e->notify);
    if (e->ep != NULL)
        endpoint_gone(e->ep);
    struct message *m = monitor_message(monitor_connection_closed__msgnum);
    m->args.monitor.connection_closed.mon_id = e->mon_id;
    return domain_send(d, d->monitor, m, NULL);
}

static bool close_one(const struct domain *d, bool lost)
{
    unsigned count = 0;
    struct conn_end *chosen = NULL;
    for (struct conn *c = conns; c != NULL; c = c->next)
        for (unsigned i = 0; i < 2; i++)
            if (c->end[i].open && c->end[i].d == d && (!lost || c->end[i].lost > 0) &&
                random_below(++count) == 0)
                chosen = &c->end[i];
    return chosen != NULL && close_end(chosen);
}

bool act_close(struct domain *d)
{
    return close_one(d, false);
}

bool close_lost(struct domain *d)
{
    return close_one(d, true);
}

bool conns_have_duty(const struct domain *d)
{
    for (const struct conn *c = conns; c != NULL; c = c->next)
        for (unsigned i = 0; i < 2; i++)
            if (c->end[i].open && c->end[i].d == d && c->end[i].lost > 0)
                return true;
    return false;
}

void connection_lost_received(struct domain *d, uintptr_t mon_id)
{
    for (struct conn *c = conns; c != NULL; c = c->next)
        for (unsigned i = 0; i < 2; i++) {
            struct conn_end *e = &c->end[i], *other = &c->end[!i];
            if (e->d != d || e->mon_id != mon_id)
                continue;
            CHECK(++e->lost == 1 || d->hostile, "%s is told twice of one connection's end",
                  d->name);
            CHECK(!other->open || d->hostile || c->forged || other->d->hostile,
                  "%s is told of the end of a connection that is open", d->name);
            return;
        }
    CHECK(d->hostile, "%s is told of the end of a connection that it does not have", d->name);
}

void conn_cap_deleted(struct domain *d, const struct cap *cap)
{
    for (struct conn *c = conns; c != NULL; c = c->next)
        for (unsigned i = 0; i < 2; i++) {
            struct conn_end *e = &c->end[i];
            if (e->frame == cap) {
                CHECK(c->kind != BIND_UMP || !e->open || d->hostile,
                      "a page is taken from %s, which uses it", d->name);
                e->frame = NULL;
            }
            if (e->notify == cap)
                e->notify = NULL;
        }
}

void conns_domain_gone(struct domain *d)
{
    for (struct conn *c = conns; c != NULL; c = c->next)
        for (unsigned i = 0; i < 2; i++)
            if (c->end[i].d == d)
                c->end[i].open = false;
}

/* When nothing is under way any more. */
void conns_check(void)
{
    for (unsigned i = 0; i < bind_count; i++)
        CHECK(!binds[i].d->running || binds[i].d->hostile || binds[i].answers == 1,
              "%s: bind %u (kind %d, iref %x) is not answered", binds[i].d->name, i,
              (int)binds[i].kind, binds[i].iref);
    for (const struct conn *c = conns; c != NULL; c = c->next)
        for (unsigned i = 0; i < 2; i++)
            CHECK(!c->end[i].open || c->end[i].d->hostile || c->forged || c->end[!i].open,
                  "%s does not know of its peer's end (kind %d, id %lx)", c->end[i].d->name,
                  (int)c->kind, c->end[i].mon_id);
}
