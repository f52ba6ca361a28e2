/* SPDX-License-Identifier: MIT
 *
 * What the spawn service sends: answers, and the ends of domains.
 */
#include <string.h>

#include "spawnd.h"

static errval_t send_reply(struct send_queue *queue, struct send_item *item,
                           struct event_closure cont)
{
    struct spawn_binding *b = queue->binding;
    struct reply *reply = (struct reply *)item;
    b->incoming_token = reply->token;
    switch (reply->kind) {
    case REPLY_SPAWN:
        return spawn_spawn_domain_response__tx(b, cont, reply->err, reply->domain);
    case REPLY_KILL:
        return spawn_kill_domain_response__tx(b, cont, reply->err);
    case REPLY_PROGRAM:
        return spawn_spawn_program_response__tx(b, cont, reply->err, reply->domain, reply->name);
    case REPLY_STAGE:
        return spawn_stage_cap_response__tx(b, cont, reply->err);
    case REPLY_WAIT:
        return spawn_wait_domain_response__tx(b, cont, reply->err, reply->status);
    case REPLY_KILL_NAMED:
        return spawn_kill_named_response__tx(b, cont, reply->err);
    case REPLY_DOMAIN_OF:
        return spawn_domain_of_response__tx(b, cont, reply->err, reply->domain);
    case REPLY_EXITED:
        break;
    }
    return spawn_domain_exited__tx(b, cont, reply->domain, reply->status);
}

static void release(struct reply *reply)
{
    account_refund(&reply->slip);
    if (capref_is_null(reply->name))
        return;
    (void)cap_delete(reply->name); /* empty, if it has been moved */
    slot_free(reply->name);
}

static void reply_done(struct send_item *item, errval_t err)
{
    (void)err;
    release((struct reply *)item);
}

void send_to(struct spawn_binding *client, struct reply contents)
{
    struct reply *reply = client != NULL ? malloc(sizeof(*reply)) : NULL;
    if (reply == NULL)
        release(&contents);
    if (client == NULL) /* it has gone */
        return;
    struct service_client *to = client->st;
    if (reply != NULL) {
        *reply = contents;
        reply->item =
            (struct send_item){ .send = send_reply,
                                .done = reply_done,
                                .payer = reply->kind == REPLY_EXITED ? NULL : to->account };
    }
    send_queue_add(&to->queue, reply != NULL ? &reply->item : NULL);
}

/* ---- longer ones ---- */

struct long_reply {
    struct send_item item;
    uint32_t token;
    errval_t err;
    bool list, ended;
    uint8_t status;
    size_t count; /* of domains, or of bytes */
    union {
        domainid_t domain[SPAWND_DOMAINS];
        char argv[SPAWND_TEXT_BYTES];
    };
};

static errval_t send_long(struct send_queue *queue, struct send_item *item,
                          struct event_closure cont)
{
    struct spawn_binding *b = queue->binding;
    const struct long_reply *reply = (struct long_reply *)item;
    b->incoming_token = reply->token;
    if (reply->list)
        return spawn_list_domains_response__tx(b, cont, reply->domain, reply->count);
    return spawn_domain_status_response__tx(b, cont, reply->err, reply->ended, reply->status,
                                            reply->argv, reply->count);
}

static struct long_reply *long_reply(const struct spawn_binding *client)
{
    struct long_reply *reply = calloc(1, sizeof(*reply));
    if (reply != NULL) {
        reply->item.send = send_long;
        reply->item.payer = ((struct service_client *)client->st)->account;
        reply->token = client->incoming_token;
    }
    return reply;
}

void send_list(struct spawn_binding *client)
{
    struct long_reply *reply = long_reply(client);
    if (reply != NULL) {
        reply->list = true;
        for (const struct block *b = blocks; b != NULL && reply->count < SPAWND_DOMAINS;
             b = b->next)
            if (b->domain != 0)
                reply->domain[reply->count++] = b->domain;
    }
    send_queue_add(&((struct service_client *)client->st)->queue,
                   reply != NULL ? &reply->item : NULL);
}

void send_status(struct spawn_binding *client, const struct block *block)
{
    struct long_reply *reply = long_reply(client);
    if (reply != NULL && block == NULL) {
        reply->err = SPAWN_ERR_DOMAIN_NOTFOUND;
    } else if (reply != NULL) {
        reply->ended = block->ended;
        reply->status = block->status;
        reply->count = block->argv_bytes;
        memcpy(reply->argv, block->argv, block->argv_bytes);
    }
    send_queue_add(&((struct service_client *)client->st)->queue,
                   reply != NULL ? &reply->item : NULL);
}
