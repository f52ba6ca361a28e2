/* SPDX-License-Identifier: MIT
 *
 * The domains: how they greet their monitor, what they ask it, how they spawn, export, and end.
 *
 * Each does one thing at a time, and only when the world lets it.  While world.acts, it thinks of
 * new things; otherwise it does what it owes to others: it answers binds, closes what its peer has
 * left.  It keeps to the protocols, but for what world.hostile allows.
 */
#include "domains.h"

#include <barrelfish/monitor_client.h>

#include <stdio.h>
#include <string.h>

struct domain *domains;
struct service services[MAX_SERVICES];
unsigned service_count;

bool domain_is_running(const struct domain *d)
{
    return d->running;
}

const char *domain_name(const struct domain *d)
{
    return d->name;
}

bool domain_is_hostile(const struct domain *d)
{
    return d->hostile;
}

uint32_t domain_id(const struct domain *d)
{
    return d->id;
}

struct domain *domain_new(unsigned core, const char *name, uint32_t id, struct domain *parent)
{
    static const char *const kinds[] = { "init", "mem_serv", "chips", "spawnd", "boot_manager" };
    struct domain *d = calloc(1, sizeof(*d));
    *d = (struct domain){
        .next = domains, .core = core, .id = id, .parent = parent, .running = true, .kind = KIND_APP
    };
    snprintf(d->name, sizeof(d->name), "%s", name);
    for (unsigned i = 0; i < 5; i++)
        if (strcmp(name, kinds[i]) == 0)
            d->kind = (enum domain_kind)i;
    d->hostile = world.hostile && d->kind == KIND_APP && chance(30);
    d->mute = d->hostile && chance(40);
    d->deaf = d->mute && chance(50);
    domains = d;
    return d;
}

void domain_give_initep(struct domain *d, struct cap *ep)
{
    d->monitor = ep;
}

void domain_forget_cap(struct domain *d, const struct cap *cap)
{
    if (d->monitor == cap)
        d->monitor = NULL;
    if (d->rpc == cap)
        d->rpc = NULL;
    if (d->parcel == cap)
        d->parcel = NULL;
    if (d->target == cap)
        d->target = NULL;
    if (d->mem_client == cap)
        d->mem_client = NULL;
    for (unsigned i = 0; i < d->request_count; i++)
        for (unsigned c = 0; c < 2; c++)
            if (d->request[i].cap[c] == cap)
                d->request[i].cap[c] = NULL;
    conn_cap_deleted(d, cap);
    circuits_cap_deleted(d, cap);
}

/* ---- sending ---- */

struct cap *domain_endpoint(struct domain *d, enum role role, unsigned index, unsigned room,
                            struct endpoint **ret)
{
    const struct capability is = { .type = ObjType_EndPointLMP };
    struct endpoint *e = endpoint_new(d->core, d, room);
    e->role = role;
    e->index = index;
    if (ret != NULL)
        *ret = e;
    return cap_new(d->core, d, &is, e);
}

bool domain_send(struct domain *d, const struct cap *via, struct message *m, const struct cap *give)
{
    struct endpoint *e = via != NULL ? via->endpoint : NULL;
    (void)d;
    if (e != NULL && e->queue.count >= e->room) {
        message_free(m);
        return false;
    }
    if (e == NULL || e->dead) { /* said to nobody */
        message_free(m);
        return true;
    }
    m->cap[0] = give != NULL ? cap_copy_to(give, NULL) : NULL;
    queue_add(&e->queue, m);
    return true;
}

bool domain_hello(struct domain *d, const struct cap *via, enum role role)
{
    struct message *m = message_new(0);
    m->raw = true;
    m->count = 2;
    m->word[0] = MONITOR_HELLO;
    m->word[1] = 30;
    if (via != NULL && via->endpoint->queue.count >= via->endpoint->room) {
        message_free(m);
        return false;
    }
    struct cap *ep = domain_endpoint(d, role, 0, 1 + (unsigned)random_below(4), NULL);
    return domain_send(d, via, m, ep);
}

/* With an endpoint that is another's: the monitor's own, or one of a domain that it has got. */
static void false_hello(struct domain *d)
{
    struct message *m = message_new(0);
    const struct cap *theirs = d->monitor;
    for (const struct cap *cap = world.caps; cap != NULL; cap = cap->next)
        if (cap->core == d->core && cap->endpoint != NULL && cap->endpoint->owner != NULL &&
            cap->endpoint->owner != d && chance(20))
            theirs = cap;
    m->raw = true;
    m->count = 2;
    m->word[0] = MONITOR_HELLO;
    m->word[1] = 30;
    domain_send(d, d->monitor, m, theirs);
}

/* A procedure call; one at a time. */
bool domain_call(struct domain *d, struct message *m, const struct cap *give)
{
    m->token = d->rpc_token + 1;
    const unsigned number = m->number;
    if (!domain_send(d, d->rpc, m, give))
        return false;
    d->rpc_token++;
    say("%s calls %u, token %u", d->name, number, d->rpc_token);
    d->rpc_busy = true;
    return true;
}

/* ---- the end ---- */

/* The CPU driver has stopped it, and tells the monitor. */
static void hint(struct domain *d)
{
    struct core *core = &world.core[d->core];
    struct endpoint *e = core->stopped_endpoint;
    CHECK(core->stopped_count < 256, "too many stopped domains");
    core->stopped[core->stopped_count++] = d->id;
    if (e->queue.count >= e->room)
        return;
    struct message *m = message_new(0);
    m->raw = true;
    queue_add(&e->queue, m);
}

static void gone(struct domain *d)
{
    d->running = false;
    conns_domain_gone(d);
    circuits_domain_gone(d);
}

void domain_die(struct domain *d)
{
    say("%s dies", d->name);
    gone(d);
    hint(d);
}

void domain_stopped_by_monitor(struct domain *d)
{
    CHECK(!d->running || d->exiting || d->hostile || world.stops,
          "the monitor stops %s, which did no harm", d->name);
    if (d->running)
        gone(d);
}

void domain_is_off(struct domain *d)
{
    if (d->running)
        gone(d);
    d->reaped = true;
}

/* Its memory is revoked: all its capabilities go, and those to its endpoints. */
void domain_reap(struct domain *d)
{
    if (d->reaped)
        return;
    d->reaped = true;
    say("%s is reaped", d->name);
    if (d->running) {
        gone(d);
        hint(d);
    }
    caps_of_domain_gone(d);
    for (struct endpoint *e = world.endpoints, *next; e != NULL; e = next) {
        next = e->next;
        if (e->owner == d)
            endpoint_gone(e);
    }
}

/* ---- what it is told ---- */

static void rpc_answered(struct domain *d, struct message *m)
{
    const union monitor_blocking_tx_arg_union *a = &m->args.monitor_blocking;
    if (d->hostile && m->token != d->rpc_token)
        return; /* it asked, and did not wait */
    CHECK(d->rpc_busy && m->token == d->rpc_token,
          "%s: an answer that it does not wait for: message %u, token %u, not %u", d->name,
          m->number, m->token, d->rpc_token);
    d->rpc_busy = false;
    switch (m->number) {
    case monitor_blocking_set_mem_iref_response__msgnum:
        CHECK(err_is_ok(a->set_mem_iref_response.err), "the memory server is refused");
        break;
    case monitor_blocking_set_name_iref_response__msgnum:
        CHECK(err_is_ok(a->set_name_iref_response.err), "the name service is refused");
        break;
    case monitor_blocking_boot_cores_response__msgnum:
        d->boot_answers++;
        d->boot_err = a->boot_cores_response.err;
        d->running_cores = a->boot_cores_response.running;
        say("boot_cores: %s, %lx", err_getstring(d->boot_err), d->running_cores);
        break;
    case monitor_blocking_stop_cores_response__msgnum:
        d->stop_answers++;
        d->stop_err = a->stop_cores_response.err;
        say("stop_cores: %s", err_getstring(d->stop_err));
        break;
    case monitor_blocking_alloc_monitor_ep_response__msgnum:
        if (err_is_fail(a->alloc_monitor_ep_response.err))
            break;
        CHECK(m->cap[0] != NULL, "a new domain without an endpoint");
        if (chance(85)) {
            char name[32];
            snprintf(name, sizeof(name), "app%x", a->alloc_monitor_ep_response.domain);
            struct domain *child =
                domain_new(d->core, name, a->alloc_monitor_ep_response.domain, d);
            domain_give_initep(child, cap_copy_to(m->cap[0], child));
        } else {
            struct message *not = monitor_message(monitor_domain_exited__msgnum);
            not ->args.monitor.domain_exited.domain = a->alloc_monitor_ep_response.domain;
            /* without room the domain stays expected; its spawner is at fault then */
            while (!domain_send(d, d->monitor, not, NULL)) {
                d->monitor->endpoint->room++;
                not = monitor_message(monitor_domain_exited__msgnum);
                not ->args.monitor.domain_exited.domain = a->alloc_monitor_ep_response.domain;
            }
        }
        break;
    case monitor_blocking_deposit_cap_response__msgnum:
        if (err_is_ok(a->deposit_cap_response.err))
            parcel_deposited(a->deposit_cap_response.ticket);
        break;
    case monitor_blocking_collect_cap_response__msgnum:
        if (m->cap[0] != NULL && d->parcel == NULL) {
            d->parcel = m->cap[0];
            m->cap[0] = NULL;
        }
        break;
    case monitor_blocking_fill_for_response__msgnum:
        d->fills_for = d->will_fill_for;
        break;
    case monitor_blocking_shootdown_response__msgnum:
        shootdown_answered_to(d, a->shootdown_response.err);
        break;
    case monitor_blocking_remote_cap_revoke_response__msgnum:
        revoke_answered(d, a->remote_cap_revoke_response.err);
        break;
    case monitor_blocking_remote_cap_retype_response__msgnum:
        retype_answered(d, a->remote_cap_retype_response.err);
        break;
    default:
        break;
    }
}

static void exported(struct domain *d, const struct monitor_alloc_iref_reply__tx_args *a)
{
    CHECK(services[a->service_id].d == d, "an export's answer goes to somebody else");
    if (err_is_ok(a->err))
        services[a->service_id].iref = a->iref;
}

static void child_exited(const struct domain *d, uint32_t id, uint8_t status)
{
    for (struct domain *child = domains; child != NULL; child = child->next) {
        if (child->core != d->core || child->id != id)
            continue;
        CHECK(child->parent == d, "%s hears of the end of %s, which it did not spawn", d->name,
              child->name);
        CHECK(!child->running, "%s is said to have ended, and runs", child->name);
        CHECK(!child->exiting || child->hostile || status == child->status,
              "%s exited with status %u, and %s hears %u", child->name, child->status, d->name,
              status);
        CHECK(++child->told_parent == 1, "%s hears of one end twice", d->name);
        domain_reap(child);
        return;
    }
    world_fail("%s hears of the end of a domain that never was", d->name);
}

static void monitor_says(struct domain *d, struct message *m)
{
    const union monitor_tx_arg_union *a = &m->args.monitor;
    switch (m->number) {
    case monitor_alloc_iref_reply__msgnum:
        exported(d, &a->alloc_iref_reply);
        break;
    case monitor_iref_state__msgnum:
        d->answers++;
        break;
    case monitor_get_monitor_rpc_ep_reply__msgnum:
        if (d->hostile && d->rpc_state != RPC_ASKED)
            break;
        CHECK(d->rpc_state == RPC_ASKED && m->cap[0] != NULL, "%s: no endpoint for questions",
              d->name);
        d->rpc = m->cap[0];
        m->cap[0] = NULL;
        d->rpc_state = RPC_HELLO;
        break;
    case monitor_domain_exited__msgnum:
        child_exited(d, a->domain_exited.domain, a->domain_exited.status);
        break;
    case monitor_change_replica__msgnum:
        change_received(d, a->change_replica.id, a->change_replica.base, a->change_replica.bytes,
                        a->change_replica.flags);
        break;
    case monitor_connection_dead__msgnum:
        connection_lost_received(d, a->connection_dead.mon_id);
        break;
    case monitor_connection_lost__msgnum:
        connection_lost_received(d, a->connection_lost.mon_id);
        break;
    case monitor_bind_lmp_service_request__msgnum:
    case monitor_bind_ump_service_request__msgnum:
    case monitor_bind_multihop_service_request__msgnum:
        request_received(d, m);
        break;
    default:
        bind_answered(d, m);
    }
}

bool domain_listens(const struct endpoint *e)
{
    if (e->role == ROLE_MONITOR && e->owner->deaf && e->owner->rpc_state == RPC_READY)
        return false;
    if (e->role == ROLE_CIRCUIT && world.circuits && world.acts && !chance(3))
        return false;
    return e->role != ROLE_CIRCUIT || side_listens(e);
}

void domain_received(struct endpoint *e, struct message *m)
{
    struct domain *d = e->owner;
    switch (e->role) {
    case ROLE_INIT:
        init_received(m);
        break;
    case ROLE_MONITOR:
        monitor_says(d, m);
        break;
    case ROLE_BLOCKING:
        rpc_answered(d, m);
        break;
    case ROLE_MEM:
        CHECK(d->mem_request == NULL, "two questions to the memory server");
        d->mem_request = message_new(m->number);
        *d->mem_request = *m;
        m->cap[0] = NULL;
        break;
    case ROLE_CIRCUIT:
        side_received(e, m);
        break;
    default:
        break;
    }
}

/* ---- what it does ---- */

struct message *monitor_message(unsigned number)
{
    return message_new(number);
}

static bool export(struct domain *d)
{
    if (service_count == MAX_SERVICES)
        return false;
    struct message *m = monitor_message(monitor_alloc_iref_request__msgnum);
    m->args.monitor.alloc_iref_request.service_id = service_count;
    if (!domain_send(d, d->monitor, m, NULL))
        return false;
    services[service_count++] = (struct service){ .d = d };
    return true;
}

static struct service *service_of(const struct domain *d)
{
    for (unsigned i = 0; i < service_count; i++)
        if (services[i].d == d)
            return &services[i];
    return NULL;
}

static bool ask_rpc(struct domain *d)
{
    if (!domain_send(d, d->monitor, monitor_message(monitor_get_monitor_rpc_ep_request__msgnum),
                     NULL))
        return false;
    d->rpc_state = RPC_ASKED;
    return true;
}

/* The steps of a start; true: something was done. */
static bool start(struct domain *d)
{
    if (!d->greeted && d->hostile && d->monitor != NULL && chance(50))
        false_hello(d);
    if (!d->greeted)
        return (d->greeted = domain_hello(d, d->monitor, ROLE_MONITOR));
    if (d->rpc_state == RPC_NONE)
        return ask_rpc(d);
    if (d->rpc_state == RPC_HELLO && domain_hello(d, d->rpc, ROLE_BLOCKING)) {
        d->rpc_state = RPC_READY;
        return true;
    }
    return false;
}

static bool is_starting(const struct domain *d)
{
    return !d->greeted || d->rpc_state != RPC_READY;
}

/* Memory server and name service: export, and say so. */
static bool announce(struct domain *d)
{
    if (d->steps == 0 && export(d))
        d->steps = 1;
    const struct service *s = service_of(d);
    if (d->steps != 1 || s == NULL || s->iref == 0 || d->rpc_busy)
        return false;
    const bool mem = d->kind == KIND_MEM_SERV;
    struct message *m = message_new(mem ? monitor_blocking_set_mem_iref_call__msgnum
                                        : monitor_blocking_set_name_iref_call__msgnum);
    if (mem)
        m->args.monitor_blocking.set_mem_iref_call.iref = s->iref;
    else
        m->args.monitor_blocking.set_name_iref_call.iref = s->iref;
    if (!domain_call(d, m, NULL))
        return false;
    d->steps = 2;
    return true;
}

static bool ask_for_cores(struct domain *d)
{
    struct message *m = message_new(monitor_blocking_boot_cores_call__msgnum);
    m->args.monitor_blocking.boot_cores_call.mask = (1u << world.cores) - 1;
    if (world.hold_boot || d->rpc_busy || !domain_call(d, m, NULL))
        return false;
    d->steps = 1;
    return true;
}

static bool ask_to_stop(struct domain *d)
{
    struct message *m = message_new(monitor_blocking_stop_cores_call__msgnum);
    m->args.monitor_blocking.stop_cores_call.mask = world.stop_mask;
    if (d->rpc_busy || !domain_call(d, m, NULL))
        return false;
    world.stop_mask = 0;
    return true;
}

static bool spawn(struct domain *d)
{
    struct message *m = message_new(monitor_blocking_alloc_monitor_ep_call__msgnum);
    snprintf(m->text, sizeof(m->text), "app");
    return domain_call(d, m, NULL);
}

static bool ask_state(struct domain *d)
{
    if (service_count == 0)
        return false;
    struct message *m = monitor_message(monitor_get_iref_state__msgnum);
    m->args.monitor.get_iref_state.iref = services[random_below(service_count)].iref;
    if (!domain_send(d, d->monitor, m, NULL))
        return false;
    d->questions++;
    return true;
}

static bool leave(struct domain *d)
{
    struct message *m = monitor_message(monitor_domain_exited__msgnum);
    m->args.monitor.domain_exited.domain = d->id;
    m->args.monitor.domain_exited.status = d->status = (uint8_t)random_below(255);
    if (!domain_send(d, d->monitor, m, NULL))
        return false;
    say("%s exits", d->name);
    d->exiting = true;
    gone(d);
    hint(d);
    return true;
}

static void end_somehow(struct domain *d)
{
    const unsigned how = (unsigned)random_below(4);
    if (how == 0)
        domain_die(d);
    else if (how == 1 && d->parent != NULL)
        domain_reap(d);
    else if (d->greeted)
        leave(d);
}

static bool duty(struct domain *d)
{
    if (d->kind == KIND_INIT)
        return false;
    if (is_starting(d))
        return start(d);
    if ((d->kind == KIND_MEM_SERV || d->kind == KIND_CHIPS) && d->steps < 2 && announce(d))
        return true;
    if (d->kind == KIND_MANAGER && d->steps == 0 && ask_for_cores(d))
        return true;
    if (d->kind == KIND_MANAGER && world.stop_mask != 0 && ask_to_stop(d))
        return true;
    return serve_memory(d) || answer_change(d) ||
           answer_request(d, d->kind != KIND_APP || chance(80)) || close_lost(d) || act_circuit(d);
}

static void act(struct domain *d)
{
    const unsigned what = (unsigned)random_below(d->kind == KIND_APP ? 100 : 12);
    if (is_starting(d))
        return;
    if (world.share && d->kind == KIND_APP && !d->rpc_busy && chance(50) && act_parcel(d))
        return;
    if (world.circuits && chance(50) && act_circuit(d))
        return;
    if (d->kind == KIND_APP && !d->rpc_busy && chance(10) && act_agent(d))
        return;
    if (what < 6 && !d->rpc_busy)
        spawn(d);
    else if (what < 16)
        export(d);
    else if (what < 50)
        act_bind(d);
    else if (what < 65)
        act_close(d);
    else if (what < 75 && !d->rpc_busy)
        act_parcel(d);
    else if (what < 85)
        ask_state(d);
    else if (what < 88)
        end_somehow(d);
    else if (what < 90)
        domain_send(d, d->monitor, monitor_message(monitor_release_unused__msgnum), NULL);
    else
        act_circuit(d);
}

static bool can_send(const struct cap *via)
{
    return via == NULL || via->endpoint->queue.count < via->endpoint->room;
}

unsigned domain_choices(struct domain *d)
{
    if (!d->running || d->kind == KIND_INIT || world.core[d->core].stalled)
        return 0;
    if (world.acts)
        return 1;
    if (!can_send(d->monitor))
        return 0;
    if (!d->greeted || d->rpc_state == RPC_NONE)
        return 1;
    if (d->rpc_state == RPC_HELLO && can_send(d->rpc))
        return 1;
    if (is_starting(d))
        return 0;
    const struct service *s = service_of(d);
    if ((d->kind == KIND_MEM_SERV || d->kind == KIND_CHIPS) && !d->rpc_busy &&
        (d->steps == 0 || (d->steps == 1 && s->iref != 0 && can_send(d->rpc))))
        return 1;
    if (d->kind == KIND_MANAGER && d->steps == 0 && !world.hold_boot && !d->rpc_busy &&
        can_send(d->rpc))
        return 1;
    if (d->kind == KIND_MANAGER && world.stop_mask != 0 && !d->rpc_busy && can_send(d->rpc))
        return 1;
    return d->change_id != 0 || (d->mem_request != NULL && can_send(d->mem_client)) ||
           (d->request_count > 0 && !d->mute) || conns_have_duty(d) || circuits_have_duty(d);
}

void domain_do(struct domain *d, unsigned choice)
{
    (void)choice;
    world.current = d->core;
    if (world.acts && d->kind == KIND_APP && chance(1) && chance(30)) {
        end_somehow(d); /* also before it has said a word */
        return;
    }
    if (world.acts && d->hostile && !is_starting(d) && chance(40)) {
        act_hostile(d);
        return;
    }
    if (world.acts && !is_starting(d) && d->kind != KIND_MEM_SERV && chance(50))
        act(d);
    else
        duty(d);
}

/* Whoever binds to one that does not answer waits for ever, but when he ends nothing waits for him:
 * only what the one has read, or was given to read, is left, twice if it is a matter of two
 * cores. */
void mutes_check(unsigned binds_under_way)
{
    unsigned may_wait = 0;
    for (const struct bind *b = binds; b < binds + bind_count; b++)
        may_wait += b->d->running && b->answers == 0;
    for (const struct domain *d = domains; d != NULL; d = d->next)
        if (d->running && d->mute)
            may_wait += d->requests_read + (d->deaf ? DEAF_READS : 0);
    CHECK(binds_under_way <= 2 * may_wait, "%u binds wait, and there is nobody for more than %u",
          binds_under_way, 2 * may_wait);
}

void mutes_end(void)
{
    for (struct domain *d = domains; d != NULL; d = d->next)
        if (d->running && d->mute)
            domain_die(d);
}

void domains_check(void)
{
    for (struct domain *d = domains; d != NULL; d = d->next) {
        if (d->running) {
            CHECK(d->hostile || d->questions == d->answers, "%s: %u of %u questions answered",
                  d->name, d->answers, d->questions);
            CHECK(!d->rpc_busy || d->hostile || world.waits_for_ever, "%s: a call is not answered",
                  d->name);
        } else if (d->parent != NULL && d->parent->running) {
            CHECK(d->told_parent == 1, "%s has ended, and %s was told %u times", d->name,
                  d->parent->name, d->told_parent);
        }
    }
}
