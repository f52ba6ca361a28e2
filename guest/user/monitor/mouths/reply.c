/* SPDX-License-Identifier: MIT
 *
 * Answers to domains that wait (reply.h).
 */
#include "reply.h"

struct queued {
    struct send_item item;
    struct reply r;
};

static errval_t send_reply(struct send_queue *queue, struct send_item *item,
                           struct event_closure cont)
{
    struct monitor_blocking_binding *b = queue->binding;
    const struct reply *r = &((struct queued *)item)->r;
    b->incoming_token = r->token;
    switch (r->kind) {
    case REPLY_MEM_IREF:
        return monitor_blocking_get_mem_iref_response__tx(b, cont, r->iref, r->first, r->err);
    case REPLY_SET_MEM_IREF:
        return monitor_blocking_set_mem_iref_response__tx(b, cont, r->err);
    case REPLY_NAME_IREF:
        return monitor_blocking_get_name_iref_response__tx(b, cont, r->iref, r->err);
    case REPLY_SET_NAME_IREF:
        return monitor_blocking_set_name_iref_response__tx(b, cont, r->err);
    case REPLY_MONITOR_EP:
        return monitor_blocking_alloc_monitor_ep_response__tx(b, cont, r->err, r->domain, r->cap);
    case REPLY_BOOTINFO:
        return monitor_blocking_get_bootinfo_response__tx(b, cont, r->err, r->cap, r->value);
    case REPLY_IO_CAP:
        return monitor_blocking_get_io_cap_response__tx(b, cont, r->cap, r->err);
    case REPLY_BOOT_CORES:
        return monitor_blocking_boot_cores_response__tx(b, cont, r->err, r->value);
    case REPLY_STOP_CORES:
        return monitor_blocking_stop_cores_response__tx(b, cont, r->err, r->value);
    case REPLY_DEPOSIT:
        return monitor_blocking_deposit_cap_response__tx(b, cont, r->err, r->value);
    case REPLY_COLLECT:
        return monitor_blocking_collect_cap_response__tx(b, cont, r->err, r->cap);
    case REPLY_REVOKE:
        return monitor_blocking_remote_cap_revoke_response__tx(b, cont, r->err);
    case REPLY_RETYPE:
        return monitor_blocking_remote_cap_retype_response__tx(b, cont, r->err);
    case REPLY_DOMAIN_CAP:
        return monitor_blocking_get_domain_cap_response__tx(b, cont, r->err, r->cap);
    case REPLY_FILL_FOR:
        return monitor_blocking_fill_for_response__tx(b, cont, r->err);
    case REPLY_SHOOTDOWN:
        return monitor_blocking_shootdown_response__tx(b, cont, r->err);
    default:
        return monitor_blocking_power_off_response__tx(b, cont, r->err);
    }
}

/* A parcel has left, or its client is gone. */
static void reply_left(struct send_item *item, errval_t err)
{
    const struct reply *r = &((struct queued *)item)->r;
    (void)err;
    if (r->kind == REPLY_COLLECT || r->kind == REPLY_DOMAIN_CAP)
        drop_cap(r->cap);
}

void reply_send(struct client *client, const struct reply *reply)
{
    struct queued *q = malloc(sizeof(*q));
    if (q != NULL)
        *q = (struct queued){
            .item = { .send = send_reply, .done = reply_left, .payer = client->account },
            .r = *reply
        };
    send_queue_add(&client->rpc_queue, q != NULL ? &q->item : NULL);
}

void reply_collect(struct client *client, uint32_t token, errval_t err, struct capref cap)
{
    reply_send(client,
               &(struct reply){ .kind = REPLY_COLLECT, .token = token, .err = err, .cap = cap });
}

void reply_revoke(struct client *client, uint32_t token, errval_t err)
{
    reply_send(client, &(struct reply){ .kind = REPLY_REVOKE, .token = token, .err = err });
}

void reply_retype(struct client *client, uint32_t token, errval_t err)
{
    reply_send(client, &(struct reply){ .kind = REPLY_RETYPE, .token = token, .err = err });
}

void reply_shootdown(struct client *client, uint32_t token, errval_t err)
{
    reply_send(client, &(struct reply){ .kind = REPLY_SHOOTDOWN, .token = token, .err = err });
}

void reply_boot_cores(struct client *client, uint32_t token, errval_t err, uint64_t running)
{
    reply_send(
        client,
        &(struct reply){ .kind = REPLY_BOOT_CORES, .token = token, .err = err, .value = running });
}

void reply_stop_cores(struct client *client, uint32_t token, errval_t err, uint64_t running)
{
    reply_send(
        client,
        &(struct reply){ .kind = REPLY_STOP_CORES, .token = token, .err = err, .value = running });
}
