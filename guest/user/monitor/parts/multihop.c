/* SPDX-License-Identifier: MIT
 *
 * Binding through the monitors: how a circuit is made (facts §1.5; states in docs/monitor.md).
 *
 * A request goes from monitor to monitor, as route.h leads; each makes its part of the circuit,
 * with a number of its own, and tells the next.  The last asks the service.  The answer comes back
 * the same way, with the numbers by which each is called from then on, or with an error that undoes
 * all parts.  Must believe no number and no core that others name before it is checked.
 */
#include "../base/route.h"
#include "../mouths/outbox.h"
#include "../mouths/peers.h"
#include "circuit.h"
#include "parts.h"

static struct route route;

void multihop_init(void)
{
    const struct spawn_module *monitor = spawn_find_module(&modules, "monitor");
    const char *line = monitor != NULL ? monitor->line : "";
    if (!route_read(line, boot_info->topology.core_count, &route) &&
        boot_info->core == boot_info->boot_core)
        debug_printf(
            "menu line '%s': route= is direct, line, ring, star, star:CORE or ipi; it is taken as "
            "direct\n",
            line);
}

/* ---- messages to domains ---- */

static void fail(struct circuit *c, errval_t err);

/* The service is never asked. */
static void request_left(const struct outbox_message *message, errval_t err)
{
    struct circuit *c =
        err_is_fail(err) ? circuit_find((uint32_t)message->mon_id, CIRCUIT_SERVICE_WAIT) : NULL;
    if (c != NULL)
        fail(c, err_push(err, MON_ERR_IDC_BIND_REFUSED));
}

static void answer_left(const struct outbox_message *message, errval_t err)
{
    (void)err;
    circuit_announced((uint32_t)message->mon_id);
}

static void refuse_client(struct link *link, uintptr_t conn_id, errval_t err)
{
    outbox_answer(link, &(struct outbox_message){
                            .kind = OUTBOX_MULTIHOP_REPLY_CLIENT, .id = conn_id, .err = err });
}

/* ---- the end of a bind that fails ---- */

/* Answers whoever asked this monitor, and undoes its part. */
static void fail(struct circuit *c, errval_t err)
{
    struct circuit_end *near = &c->end[NEAR];
    assert(err_is_fail(err));
    account_refund(&c->words); /* the service may be gone before the circuit is */
    if (!near->gone && near->kind == END_MONITOR) {
        c->err = err;
        near->bind_due = BIND_REPLY_DUE; /* when that leaves, the circuit goes */
        c->state = CIRCUIT_CLOSING;
        circuit_schedule(near);
        return;
    }
    if (c->domain != NULL && c->state == CIRCUIT_REMOTE_WAIT)
        refuse_client(c->domain, c->conn_id, err);
    circuit_free(c);
}

/* ---- the request ---- */

/* Asks the service, which is of this core. */
static errval_t ask_service(struct circuit *c)
{
    struct iref_entry *entry = iref_find(&irefs, c->iref);
    if (entry == NULL)
        return MON_ERR_INVALID_IREF;
    struct link *service = entry->owner;
    struct account *account = account_open(&service->client->services, c->asker, NULL);
    errval_t err =
        account_charge(account, ACCOUNT_WORDS, endpoint_words(DEFAULT_LMP_BUF_WORDS), &c->words);
    account_close(account);
    if (err_is_ok(err))
        err = circuit_domain_end(c, FAR, service->client, NULL_CAP);
    if (err_is_fail(err))
        return err;
    struct capref ep;
    err = copy_cap(c->end[FAR].link->lmp.local_cap, &ep);
    if (err_is_fail(err))
        return err;
    c->domain = service;
    outbox_send(service, c->slip.account,
                &(struct outbox_message){ .kind = OUTBOX_MULTIHOP_SERVICE_REQUEST,
                                          .left = request_left,
                                          .waits = &c->request,
                                          .id = entry->service_id,
                                          .mon_id = circuit_vci(c),
                                          .domain = c->asker,
                                          .cap = ep });
    return SYS_ERR_OK;
}

static coreid_t next_on_way(coreid_t core)
{
    return route.kind == ROUTE_SIGNALS ? signals_next(core) : route_next(&route, my_core, core);
}

/* Asks the next monitor on the way. */
static errval_t ask_monitor(struct circuit *c, coreid_t next)
{
    if (next >= boot_info->topology.core_count || !peer_is_connected(next))
        return MON_ERR_NO_MONITOR_FOR_CORE;
    circuit_monitor_end(c, FAR, next, 0);
    c->end[FAR].bind_due = BIND_REQUEST_DUE;
    circuit_schedule(&c->end[FAR]);
    return SYS_ERR_OK;
}

void multihop_asked(struct link *link, iref_t iref, uintptr_t conn_id, struct capref ep)
{
    const unsigned core = iref_core(iref);
    errval_t err = SYS_ERR_OK;
    struct circuit *c = NULL;
    if (core >= boot_info->topology.core_count || capref_is_null(ep))
        err = MON_ERR_INVALID_IREF;
    else if (core == my_core)
        err = MON_ERR_IDC_BIND_REFUSED; /* circuits are for other cores */
    else
        err = circuit_new(CIRCUIT_REMOTE_WAIT, link->client->domain, &c);
    if (err_is_fail(err)) {
        drop_cap(ep);
        refuse_client(link, conn_id, err);
        return;
    }
    c->iref = iref;
    c->domain = link;
    c->conn_id = conn_id;
    err = circuit_domain_end(c, NEAR, link->client, ep);
    if (err_is_ok(err))
        err = ask_monitor(c, next_on_way((coreid_t)core));
    if (err_is_fail(err))
        fail(c, err);
}

void multihop_requested(coreid_t from, iref_t iref, uint32_t own_vci, uint8_t hops,
                        domainid_t asker)
{
    const unsigned core = iref_core(iref);
    const bool here = core == my_core;
    struct circuit *c;
    errval_t err = circuit_new(here ? CIRCUIT_SERVICE_WAIT : CIRCUIT_REMOTE_WAIT, asker, &c);
    if (err_is_fail(err)) {
        circuit_refuse(from, own_vci, err);
        return;
    }
    c->iref = iref;
    c->hops = hops;
    circuit_monitor_end(c, NEAR, from, own_vci);
    err = MON_ERR_INVALID_IREF;
    if (here) {
        err = ask_service(c);
    } else if (core < boot_info->topology.core_count && hops < boot_info->topology.core_count) {
        const coreid_t next = next_on_way((coreid_t)core);
        c->hops++;
        err = next == from ? (errval_t)MON_ERR_NO_MONITOR_FOR_CORE : ask_monitor(c, next);
    }
    if (err_is_fail(err))
        fail(c, err);
}

/* ---- the answer ---- */

void multihop_answered(const struct link *link, uintptr_t mon_id, errval_t err, struct capref ep)
{
    struct circuit *c =
        mon_id <= UINT32_MAX ? circuit_find((uint32_t)mon_id, CIRCUIT_SERVICE_WAIT) : NULL;
    if (c == NULL || c->domain != link) { /* too late, or a forged number */
        drop_cap(ep);
        return;
    }
    if (err_is_ok(err) && capref_is_null(ep))
        err = MON_ERR_IDC_BIND_REFUSED;
    if (err_is_fail(err)) {
        drop_cap(ep);
        fail(c, err);
        return;
    }
    c->end[FAR].link->lmp.remote_cap = ep;
    c->domain = NULL;
    if (c->end[NEAR].gone) {
        circuit_close(&c->end[FAR]);
        return;
    }
    c->end[NEAR].bind_due = BIND_REPLY_DUE;
    circuit_schedule(&c->end[NEAR]);
    circuit_open(c);
}

void multihop_replied(coreid_t from, uint32_t vci, uint32_t own_vci, uint8_t hops, errval_t err)
{
    struct circuit *c = circuit_find(vci, CIRCUIT_REMOTE_WAIT);
    if (c == NULL || c->end[FAR].gone || c->end[FAR].core != from)
        return;
    struct circuit_end *near = &c->end[NEAR];
    if (err_is_fail(err)) {
        fail(c, err);
        return;
    }
    c->end[FAR].vci = own_vci;
    c->hops = hops;
    if (near->kind == END_MONITOR) {
        near->bind_due = BIND_REPLY_DUE;
        circuit_schedule(near);
        circuit_open(c);
        return;
    }
    circuit_open(c);
    struct link *client = c->domain;
    c->domain = NULL;
    debug_trace("circuit %s->core %u through %u monitors between", client->client->name,
                iref_core(c->iref), hops);
    struct capref ep;
    err = copy_cap(near->link->lmp.local_cap, &ep);
    if (err_is_fail(err)) {
        refuse_client(client, c->conn_id, err);
        circuit_end_gone(near);
        return;
    }
    near->unannounced = true;
    outbox_answer(client, &(struct outbox_message){ .kind = OUTBOX_MULTIHOP_REPLY_CLIENT,
                                                    .left = answer_left,
                                                    .id = c->conn_id,
                                                    .mon_id = vci,
                                                    .err = SYS_ERR_OK,
                                                    .cap = ep });
}

/* ---- who has asked ends ---- */

/* Whoever asked the service is no more.  If it has not read the request, it never will; else it
 * pays from now on, until it has answered and was told, or has more of these than it may. */
static void asked_in_vain(struct circuit *c)
{
    assert(c->domain != NULL);
    circuit_end_lost(&c->end[NEAR]);
    if (c->request != NULL && send_queue_withdraw(c->request))
        return; /* that has freed it */
    if (err_is_fail(circuit_pays(c, c->domain->client->account)))
        circuit_free(c);
}

static void neighbour_died(struct circuit *c, coreid_t core)
{
    const bool near = circuit_leads_to(&c->end[NEAR], core);
    const bool far = circuit_leads_to(&c->end[FAR], core);
    if (!near && !far)
        return;
    if (c->state == CIRCUIT_REMOTE_WAIT && far) {
        circuit_end_lost(&c->end[FAR]); /* its request may still wait for its turn */
        fail(c, MON_ERR_CORE_DEAD);
    } else if (c->state == CIRCUIT_REMOTE_WAIT)
        circuit_cancel(c);
    else if (c->state == CIRCUIT_SERVICE_WAIT)
        asked_in_vain(c);
    else if (near && err_is_fail(c->err))
        circuit_free(c); /* the refusal was for nobody */
    else
        circuit_end_gone(&c->end[near ? NEAR : FAR]);
}

void multihop_core_died(coreid_t core)
{
    circuit_for_each_core(neighbour_died, core);
}

/* ---- clients that end ---- */

/* A neighbour's answer and this may cross: then the circuit ends like any other. */
void multihop_cancelled(coreid_t from, uint32_t vci)
{
    struct circuit *c = circuit_from(from, vci);
    if (c == NULL)
        return; /* it has been refused */
    if (c->state == CIRCUIT_REMOTE_WAIT)
        circuit_cancel(c);
    else if (c->state == CIRCUIT_SERVICE_WAIT)
        asked_in_vain(c);
    else if (err_is_fail(c->err))
        circuit_free(c); /* the refusal is still on its way, and for nobody */
    else
        circuit_end_gone(&c->end[NEAR]);
}

static void client_left(struct circuit *c, const struct client *client)
{
    const bool takes_part = c->domain != NULL && c->domain->client == client;
    if (takes_part)
        c->domain = NULL;
    if (takes_part && c->state == CIRCUIT_SERVICE_WAIT)
        fail(c, MON_ERR_IDC_BIND_REFUSED);
    else if (takes_part && c->state == CIRCUIT_REMOTE_WAIT)
        circuit_cancel(c);
    else
        circuit_client_left(c, client);
}

void multihop_client_exited(const struct client *client)
{
    circuit_for_each(client_left, client);
}
