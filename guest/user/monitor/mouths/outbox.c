/* SPDX-License-Identifier: MIT
 *
 * Messages to domains (outbox.h).  A message that waits owns the capability it carries.
 */
#include "outbox.h"

#include "../base/options.h"

struct queued {
    struct send_item item;
    struct outbox_message m;
};

static errval_t send_message(struct send_queue *queue, struct send_item *item,
                             struct event_closure cont)
{
    struct monitor_binding *b = queue->binding;
    const struct outbox_message *m = &((struct queued *)item)->m;
    switch (m->kind) {
    case OUTBOX_ALLOC_IREF_REPLY:
        return monitor_alloc_iref_reply__tx(b, cont, m->id, m->iref, m->err);
    case OUTBOX_LMP_SERVICE_REQUEST:
        return monitor_bind_lmp_service_request__tx(b, cont, m->id, m->mon_id, m->inlen, m->domain,
                                                    m->trusted, m->cap);
    case OUTBOX_LMP_REPLY_CLIENT:
        return monitor_bind_lmp_reply_client__tx(b, cont, m->err, m->mon_id, m->id, m->cap);
    case OUTBOX_UMP_SERVICE_REQUEST:
        return monitor_bind_ump_service_request__tx(b, cont, m->id, m->mon_id, m->inlen, m->outlen,
                                                    m->domain, m->trusted, m->checked,
                                                    machine_options.recheck_ns, m->cap, m->notify);
    case OUTBOX_UMP_REPLY_CLIENT:
        return monitor_bind_ump_reply_client__tx(b, cont, m->mon_id, m->id, m->err, m->checked,
                                                 machine_options.recheck_ns, m->cap, m->notify);
    case OUTBOX_MULTIHOP_SERVICE_REQUEST:
        return monitor_bind_multihop_service_request__tx(b, cont, m->id, m->mon_id, m->domain,
                                                         m->cap);
    case OUTBOX_MULTIHOP_REPLY_CLIENT:
        return monitor_bind_multihop_reply_client__tx(b, cont, m->id, m->err, m->cap);
    case OUTBOX_CONNECTION_LOST:
        return monitor_connection_lost__tx(b, cont, m->mon_id);
    case OUTBOX_CONNECTION_DEAD:
        return monitor_connection_dead__tx(b, cont, m->mon_id);
    case OUTBOX_IREF_STATE:
        return monitor_iref_state__tx(b, cont, m->iref, m->id, m->exists);
    case OUTBOX_NEW_BINDING_REPLY:
        return monitor_new_monitor_binding_reply__tx(b, cont, m->err, m->cap, m->id);
    case OUTBOX_RPC_EP_REPLY:
        return monitor_get_monitor_rpc_ep_reply__tx(b, cont, m->err, m->cap, m->id);
    case OUTBOX_CHANGE_REPLICA:
        return monitor_change_replica__tx(b, cont, m->id, m->base, m->bytes, m->flags);
    default:
        return monitor_domain_exited__tx(b, cont, m->domain, m->status);
    }
}

static void left(struct send_item *item, errval_t err)
{
    struct queued *q = (struct queued *)item;
    struct outbox_message *m = &q->m;
    if (m->waits != NULL && *m->waits == item) /* else somebody else's is known there already */
        *m->waits = NULL;
    if (!m->keep_cap)
        drop_cap(m->cap);
    drop_cap(m->notify);
    account_refund(&m->slip[0]);
    account_refund(&m->slip[1]);
    if (m->left != NULL)
        m->left(m, err);
}

void outbox_send(struct link *link, struct account *payer, const struct outbox_message *message)
{
    struct queued *q = malloc(sizeof(*q));
    struct queued lost = { .m = *message };
    if (q != NULL) {
        *q = lost;
        q->item = (struct send_item){ .send = send_message, .done = left, .payer = payer };
        if (message->waits != NULL)
            *message->waits = &q->item;
    }
    send_queue_add(&link->queue, q != NULL ? &q->item : NULL);
    if (q == NULL)
        left(&lost.item, LIB_ERR_MALLOC_FAIL);
}

void outbox_answer(struct link *link, const struct outbox_message *message)
{
    outbox_send(link, link->client->account, message);
}

void outbox_tell_exit(struct client *parent, domainid_t domain, uint8_t status)
{
    outbox_send(
        parent->link, NULL,
        &(struct outbox_message){ .kind = OUTBOX_EXITED, .domain = domain, .status = status });
}

void outbox_tell_connection_lost(struct link *link, struct account *payer, uintptr_t id,
                                 const struct account_slip slips[2])
{
    struct outbox_message message = { .kind = OUTBOX_CONNECTION_LOST, .mon_id = id };
    if (slips != NULL) {
        message.slip[0] = slips[0];
        message.slip[1] = slips[1];
    }
    outbox_send(link, payer, &message);
}

void outbox_tell_connection_dead(struct link *link, uintptr_t id)
{
    outbox_send(link, NULL,
                &(struct outbox_message){ .kind = OUTBOX_CONNECTION_DEAD, .mon_id = id });
}

void outbox_tell_iref_state(struct link *link, iref_t iref, uintptr_t st, bool exists)
{
    outbox_answer(link, &(struct outbox_message){
                            .kind = OUTBOX_IREF_STATE, .iref = iref, .id = st, .exists = exists });
}
