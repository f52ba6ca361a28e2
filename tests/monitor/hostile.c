/* SPDX-License-Identifier: MIT
 *
 * Domains that mean harm: they answer binds that they were not asked, close what is not theirs,
 * take back what they have just given, greet twice, send what is no frame, and say that others have
 * ended.  What they get for it is their affair; nobody else may notice.
 */
#include "domains.h"

/* Numbers of the monitor's tables are easily guessed: a generation, and an index. */
static uintptr_t guess(const struct domain *d)
{
    const struct conn *c = conns;
    if (d->last_mon_id != 0 && chance(50)) /* the next one: its request may be on its way */
        return d->last_mon_id + ((uintptr_t)random_below(4) << 16);
    if (chance(20))
        return world.random;
    for (const struct conn *own = conns; own != NULL && chance(80); own = own->next)
        for (unsigned i = 0; i < 2; i++)
            if (own->end[i].open && own->end[i].d == d)
                return own->end[i].mon_id;
    if (c != NULL && chance(30)) { /* somebody's */
        for (unsigned i = (unsigned)random_below(8); i > 0 && c->next != NULL; i--)
            c = c->next;
        return c->end[chance(50)].mon_id;
    }
    if (d->request_count > 0 && chance(50))
        return d->request[random_below(d->request_count)].mon_id;
    return (uintptr_t)(1 + random_below(24)) << 16 | random_below(4);
}

static struct message *forge(const struct domain *d)
{
    struct message *m;
    const errval_t err = chance(60) ? SYS_ERR_OK : MON_ERR_IDC_BIND_REFUSED;
    switch (random_below(5)) {
    case 0:
        m = monitor_message(monitor_bind_lmp_reply_monitor__msgnum);
        m->args.monitor.bind_lmp_reply_monitor.err = err;
        m->args.monitor.bind_lmp_reply_monitor.mon_id = guess(d);
        return m;
    case 1:
        m = monitor_message(monitor_bind_ump_reply_monitor__msgnum);
        m->args.monitor.bind_ump_reply_monitor.err = err;
        m->args.monitor.bind_ump_reply_monitor.mon_id = guess(d);
        return m;
    case 2:
        m = monitor_message(monitor_bind_multihop_reply_monitor__msgnum);
        m->args.monitor.bind_multihop_reply_monitor.err = err;
        m->args.monitor.bind_multihop_reply_monitor.mon_id = guess(d);
        return m;
    case 3:
        m = monitor_message(monitor_domain_exited__msgnum);
        m->args.monitor.domain_exited.domain =
            (uint32_t)(d->core + 1) << 16 | (uint32_t)random_below(40);
        if (m->args.monitor.domain_exited.domain == d->id)
            m->args.monitor.domain_exited.domain ^= 1;
        return m;
    default:
        m = monitor_message(monitor_connection_closed__msgnum);
        m->args.monitor.connection_closed.mon_id = guess(d);
        return m;
    }
}

/* Whoever has a capability to an endpoint of this domain loses it. */
static void take_back(struct domain *d)
{
    for (struct endpoint *e = world.endpoints; e != NULL; e = e->next)
        if (e->owner == d && e->role != ROLE_MONITOR && random_below(3) == 0) {
            struct cap *own = NULL;
            for (struct cap *cap = world.caps; cap != NULL && own == NULL; cap = cap->next)
                if (cap->endpoint == e && cap->holder == d)
                    own = cap;
            if (own != NULL)
                cap_revoke_all(own);
            return;
        }
}

static void call_what_is_not_for_it(struct domain *d)
{
    struct message *m;
    if (chance(33)) {
        m = message_new(monitor_blocking_boot_cores_call__msgnum);
        m->args.monitor_blocking.boot_cores_call.mask = world.random;
    } else if (chance(50)) {
        m = message_new(monitor_blocking_stop_cores_call__msgnum);
        m->args.monitor_blocking.stop_cores_call.mask = world.random;
    } else {
        m = message_new(monitor_blocking_set_name_iref_call__msgnum);
        m->args.monitor_blocking.set_name_iref_call.iref = (iref_t)random_below(600);
    }
    m->token = 1u << 30;
    domain_send(d, d->rpc, m, NULL);
}

/* To a bind whose request it has not got yet. */
static bool answer_too_early(struct domain *d)
{
    const struct message *request = message_on_its_way(d);
    const union monitor_tx_arg_union *a = request != NULL ? &request->args.monitor : NULL;
    struct message *m;
    if (request == NULL)
        return false;
    if (request->number == monitor_bind_lmp_service_request__msgnum) {
        d->last_mon_id = a->bind_lmp_service_request.mon_id;
        m = monitor_message(monitor_bind_lmp_reply_monitor__msgnum);
        m->args.monitor.bind_lmp_reply_monitor.mon_id = d->last_mon_id;
    } else if (request->number == monitor_bind_ump_service_request__msgnum) {
        d->last_mon_id = a->bind_ump_service_request.mon_id;
        m = monitor_message(monitor_bind_ump_reply_monitor__msgnum);
        m->args.monitor.bind_ump_reply_monitor.mon_id = d->last_mon_id;
        m->args.monitor.bind_ump_reply_monitor.err = chance(50) ? SYS_ERR_OK : 1;
    } else if (request->number == monitor_bind_multihop_service_request__msgnum) {
        d->last_mon_id = a->bind_multihop_service_request.mon_id;
        m = monitor_message(monitor_bind_multihop_reply_monitor__msgnum);
        m->args.monitor.bind_multihop_reply_monitor.mon_id = d->last_mon_id;
        m->args.monitor.bind_multihop_reply_monitor.err = chance(50) ? SYS_ERR_OK : 1;
    } else if (request->number == monitor_bind_ump_reply_client__msgnum) {
        m = monitor_message(monitor_connection_closed__msgnum);
        m->args.monitor.connection_closed.mon_id = a->bind_ump_reply_client.mon_id;
    } else {
        return false;
    }
    return domain_send(d, d->monitor, m, d->monitor);
}

void act_hostile(struct domain *d)
{
    if (answer_too_early(d))
        return;

    const unsigned what = (unsigned)random_below(10);
    if (what < 6)
        domain_send(d, d->monitor, forge(d), chance(50) && d->monitor != NULL ? d->monitor : NULL);
    else if (what < 7)
        take_back(d);
    else if (what < 8)
        domain_send(d, d->monitor, monitor_message(monitor_get_monitor_rpc_ep_request__msgnum),
                    NULL);
    else if (what < 9)
        break_frame(d);
    else
        call_what_is_not_for_it(d);
}
