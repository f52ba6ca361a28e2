/* SPDX-License-Identifier: MIT
 *
 * TLB shootdown: what a domain has mapped on several cores is unmapped, or given other flags, on
 * all of them (docs/monitor.md).
 *
 *                shootdown_asked, shootdown_told            all have answered
 *   (no round) ─────────────────────────────────▶ round ──────────────────────▶ (no round)
 *                                                 waits, local
 *
 * A round is under way at each core that takes part.  It waits for the agent here, if there is one
 * (local), and for the cores that were told from here (waits).  When nothing is awaited any more
 * the answer goes to whoever asked: a domain here, which makes this core the root, or the core
 * above.
 *
 * A core that dies has answered: it is fenced, and uses nothing.  Those below it may not have been
 * told, so they are told once more, from here.  To change what is not mapped (any more) is no
 * error.  A core that cannot be reached makes the round fail: it may live, and use the old
 * translation.
 */
#include <stdlib.h>
#include <string.h>

#include "../base/multicast.h"
#include "../base/options.h"
#include "../mouths/outbox.h"
#include "../mouths/peers.h"
#include "../mouths/reply.h"
#include "latencies.h"
#include "parts.h"

#define NO_AGENT 0 /* no domain has this number */

/* Whom a core tells; those that tell nobody have none. */
struct tree {
    domainid_t agent[ABI_MAX_CORES]; /* NO_AGENT: the domain is not there */
    uint64_t below[ABI_MAX_CORES];   /* of a core that is awaited */
};

struct round {
    struct round *next;
    uintptr_t number;
    struct shootdown_order order;
    coreid_t above;       /* who told; this core itself: a domain asked */
    struct client *asker; /* NULL: it is not here, or has ended */
    uint32_t token;
    uint64_t waits; /* cores */
    struct tree *tree;
    struct client *local; /* the agent that is to unmap it, or NULL */
    bool beginning;       /* not all have been told yet */
    errval_t err;
    enum shootdown_protocol protocol;
    uint64_t begun; /* cycles */
    unsigned size;
    struct account_slip slip;
};

static struct multicast_map map;
static struct round *rounds; /* under way, the newest first */
static uintptr_t last_number;

static uint64_t bit(unsigned core)
{
    return 1ull << core;
}

static struct round *round_new(void)
{
    struct round *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return NULL;
    r->number = ++last_number;
    r->beginning = true;
    r->next = rounds;
    rounds = r;
    return r;
}

static void round_free(struct round *r)
{
    struct round **link = &rounds;
    while (*link != r)
        link = &(*link)->next;
    *link = r->next;
    account_refund(&r->slip);
    free(r->tree);
    free(r);
}

/* ---- messages between monitors ---- */

struct telling {
    struct send_item item;
    struct shootdown_order order;
    domainid_t agent;
    errval_t err;
    size_t count;
    domainid_t below[];
};

static errval_t send_told(struct send_queue *queue, struct send_item *item,
                          struct event_closure cont)
{
    const struct telling *t = (struct telling *)item;
    const struct shootdown_change *c = &t->order.change;
    struct intermon_binding *b = queue->binding;
    if (t->count == 0)
        return intermon_shootdown__tx(b, cont, t->order.root, t->order.id, t->order.home, c->base,
                                      c->bytes, c->flags, t->agent);
    return intermon_shootdown_tree__tx(b, cont, t->order.root, t->order.id, t->order.home, c->base,
                                       c->bytes, c->flags, t->agent, t->below, t->count);
}

static errval_t send_done(struct send_queue *queue, struct send_item *item,
                          struct event_closure cont)
{
    const struct telling *t = (struct telling *)item;
    return intermon_shootdown_done__tx(queue->binding, cont, t->order.root, t->order.id, t->err);
}

static struct telling *telling_new(send_item_fn *send, const struct shootdown_order *order,
                                   size_t count)
{
    struct telling *t = malloc(sizeof(*t) + count * sizeof(t->below[0]));
    if (t == NULL)
        return NULL;
    t->item = (struct send_item){ .send = send };
    t->order = *order;
    t->count = count;
    return t;
}

static void answer_above(coreid_t above, const struct shootdown_order *order, errval_t err)
{
    struct telling *t = telling_new(send_done, order, 0);
    if (!peer_is_connected(above)) { /* nobody waits */
        free(t);
        return;
    }
    if (t != NULL)
        t->err = err;
    peer_send(above, t != NULL ? &t->item : NULL);
}

/* ---- a round ---- */

static void round_look(struct round *r)
{
    if (r->beginning || r->waits != 0 || r->local != NULL)
        return;
    if (r->above != my_core) {
        answer_above(r->above, &r->order, r->err);
    } else {
        if (err_is_ok(r->err))
            latencies_note(r->protocol, r->size, rdtsc() - r->begun);
        if (r->asker != NULL)
            reply_shootdown(r->asker, r->token, r->err);
    }
    round_free(r);
}

static void fail(struct round *r, errval_t err)
{
    if (err_is_ok(r->err))
        r->err = err;
}

/* A core to be told, and those that it is to tell. */
static void tell(struct round *r, coreid_t core, uint64_t below)
{
    const unsigned count = (unsigned)__builtin_popcountll(below);
    struct telling *t = NULL;
    if (!peer_is_connected(core)) {
        fail(r, MON_ERR_NO_MONITOR_FOR_CORE);
        return;
    }
    t = telling_new(send_told, &r->order, count);
    if (t == NULL) {
        fail(r, LIB_ERR_MALLOC_FAIL);
        return;
    }
    t->agent = r->tree->agent[core];
    r->tree->below[core] = below;
    r->waits |= bit(core);
    for (size_t i = 0; below != 0; below &= below - 1)
        t->below[i++] = r->tree->agent[__builtin_ctzll(below)];
    peer_send(core, &t->item);
}

/* A core that is dead uses nothing. */
static void tell_each(struct round *r, uint64_t cores)
{
    for (; cores != 0; cores &= cores - 1)
        if (!core_is_dead((coreid_t)__builtin_ctzll(cores)))
            tell(r, (coreid_t)__builtin_ctzll(cores), 0);
}

static void tell_by_plan(struct round *r, enum multicast_kind kind, uint64_t targets)
{
    struct multicast_step step[ABI_MAX_CORES];
    const unsigned steps = multicast_plan(&map, kind, targets, step);
    for (unsigned i = 0; i < steps; i++)
        if (peer_is_connected(step[i].to))
            tell(r, step[i].to, step[i].below);
        else
            tell_each(r, bit(step[i].to) | step[i].below);
}

static void replica_left(const struct outbox_message *m, errval_t err)
{
    if (err_is_ok(err))
        return;
    for (struct round *r = rounds; r != NULL; r = r->next)
        if (r->number == m->id && r->local != NULL) {
            r->local = NULL; /* it can be told nothing: it ends, or there is no memory */
            if (err_no(err) != FLOUNDER_ERR_BINDING_CLOSED)
                fail(r, err);
            round_look(r);
            return;
        }
}

/* Only who has said that it fills page tables for this domain is asked; who has ended fills none
 * any more, and its dispatcher is about to be stopped. */
static void ask_agent(struct round *r, domainid_t agent)
{
    struct client *client = client_of_domain(agent);
    if (client == NULL || client->fills_for != r->order.home)
        return;
    r->local = client;
    outbox_send(client->link, NULL,
                &(struct outbox_message){ .kind = OUTBOX_CHANGE_REPLICA,
                                          .id = r->number,
                                          .base = r->order.change.base,
                                          .bytes = r->order.change.bytes,
                                          .flags = r->order.change.flags,
                                          .left = replica_left });
}

static void begun(struct round *r)
{
    r->beginning = false;
    round_look(r);
}

/* ---- at the root ---- */

void shootdown_init(void)
{
    multicast_map_make(&map, &boot_info->topology, my_core);
}

static const enum multicast_kind kinds[SHOOTDOWN_PROTOCOLS] = {
    [SHOOTDOWN_BROADCAST] = MULTICAST_NONE,
    [SHOOTDOWN_UNICAST] = MULTICAST_NONE,
    [SHOOTDOWN_MULTICAST] = MULTICAST_PACKAGES,
    [SHOOTDOWN_NUMA] = MULTICAST_NUMA,
};

static enum shootdown_protocol choose(uint8_t wish, unsigned size)
{
    if (wish == SHOOTDOWN_DEFAULT || wish >= SHOOTDOWN_PROTOCOLS)
        wish = machine_options.shootdown;
    return wish == SHOOTDOWN_MEASURED ? latencies_best(size) : (enum shootdown_protocol)wish;
}

/* The agents by core; one on this core, or on a core that there is not, or two on one: refused. */
static errval_t read_agents(struct round *r, const domainid_t *agents, size_t count,
                            uint64_t *targets)
{
    *targets = 0;
    for (size_t i = 0; i < count; i++) {
        const unsigned core = domain_core(agents[i]);
        if (core >= boot_info->topology.core_count || core == my_core ||
            (*targets & bit(core)) != 0)
            return MON_ERR_INVALID_CORE_ID;
        *targets |= bit(core);
        r->tree->agent[core] = agents[i];
    }
    return SYS_ERR_OK;
}

static errval_t begin(struct round *r, struct client *client, const domainid_t *agents,
                      size_t count, uint64_t *targets)
{
    errval_t err = account_charge(client->account, ACCOUNT_QUESTION, 1, &r->slip);
    if (err_is_fail(err))
        return err;
    r->tree = calloc(1, sizeof(*r->tree));
    return r->tree != NULL ? read_agents(r, agents, count, targets) : (errval_t)LIB_ERR_MALLOC_FAIL;
}

void shootdown_asked(struct client *client, uint32_t token, const struct shootdown_change *change,
                     uint8_t protocol, const domainid_t *agents, size_t count)
{
    uint64_t targets = 0;
    struct round *r = round_new();
    errval_t err =
        r != NULL ? begin(r, client, agents, count, &targets) : (errval_t)LIB_ERR_MALLOC_FAIL;
    if (err_is_fail(err)) {
        if (r != NULL)
            round_free(r);
        reply_shootdown(client, token, err);
        return;
    }
    r->order = (struct shootdown_order){ my_core, r->number, client->domain, *change };
    r->above = my_core;
    r->asker = client;
    r->token = token;
    r->size = (unsigned)count;
    r->protocol = choose(protocol, r->size);
    r->begun = rdtsc();
    if (r->protocol == SHOOTDOWN_BROADCAST) /* where it is not there is nothing to change */
        targets |= peers_running() & ~bit(my_core);
    tell_by_plan(r, kinds[r->protocol], targets);
    begun(r);
}

/* ---- below it ---- */

static errval_t begin_below(struct round *r, const domainid_t *below, size_t count,
                            uint64_t *targets)
{
    errval_t err = accounts_charge(r->order.home, ACCOUNT_QUESTION, 1, &r->slip);
    if (err_is_fail(err) || count == 0)
        return err;
    r->tree = calloc(1, sizeof(*r->tree));
    return r->tree != NULL ? read_agents(r, below, count, targets) : (errval_t)LIB_ERR_MALLOC_FAIL;
}

void shootdown_told(coreid_t from, const struct shootdown_order *order, domainid_t agent,
                    const domainid_t *below, size_t count)
{
    uint64_t targets = 0;
    if (agent == NO_AGENT && count == 0) {
        answer_above(from, order, SYS_ERR_OK);
        return;
    }
    struct round *r = round_new();
    if (r == NULL) {
        answer_above(from, order, LIB_ERR_MALLOC_FAIL);
        return;
    }
    r->order = *order;
    r->above = from;
    r->err = begin_below(r, below, count, &targets);
    if (err_is_ok(r->err)) {
        tell_each(r, targets); /* first: while they work, so does the agent here */
        ask_agent(r, agent);
    }
    begun(r);
}

/* ---- answers ---- */

void shootdown_answered(coreid_t from, coreid_t root, uint64_t id, errval_t err)
{
    for (struct round *r = rounds; r != NULL; r = r->next) {
        if (r->order.root != root || r->order.id != id || (r->waits & bit(from)) == 0)
            continue;
        r->waits &= ~bit(from);
        if (err_is_fail(err))
            fail(r, err);
        round_look(r);
        return;
    }
}

void shootdown_changed(const struct client *agent, uintptr_t number, errval_t err)
{
    for (struct round *r = rounds; r != NULL; r = r->next) {
        if (r->number != number || r->local != agent)
            continue;
        r->local = NULL;
        if (err_is_fail(err) && err_no(err) != LIB_ERR_VREGION_NOT_FOUND) /* not mapped yet */
            fail(r, err);
        round_look(r);
        return;
    }
}

/* ---- what ends meanwhile ---- */

void shootdown_client_exited(const struct client *client)
{
    for (struct round *r = rounds, *next; r != NULL; r = next) {
        next = r->next;
        if (r->asker == client)
            r->asker = NULL;
        if (r->local == client) {
            r->local = NULL;
            round_look(r);
        }
    }
}

void shootdown_core_died(coreid_t core)
{
    for (struct round *r = rounds, *next; r != NULL; r = next) {
        next = r->next;
        if ((r->waits & bit(core)) == 0)
            continue;
        r->waits &= ~bit(core);
        tell_each(r, r->tree->below[core]);
        round_look(r);
    }
}

void shootdown_core_cut(coreid_t core)
{
    for (struct round *r = rounds, *next; r != NULL; r = next) {
        next = r->next;
        if ((r->waits & bit(core)) == 0)
            continue;
        r->waits &= ~bit(core);
        if (r->tree->agent[core] != NO_AGENT) /* else it uses nothing of the domain */
            fail(r, MON_ERR_NO_MONITOR_FOR_CORE);
        round_look(r);
    }
}
