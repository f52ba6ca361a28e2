/* SPDX-License-Identifier: MIT
 *
 * What octopus sends: one kind of item for all answers, with its text behind it.
 */
#include "octopus.h"

#include <string.h>

struct item {
    struct send_item item;
    struct reply reply;
    char text[];
};

static errval_t send_plain(struct octopus_binding *b, const struct reply *r,
                           struct event_closure cont)
{
    switch (r->kind) {
    case REPLY_DEL:
        return octopus_del_response__tx(b, cont, r->err);
    case REPLY_WAIT_GONE:
        return octopus_wait_gone_response__tx(b, cont, r->err);
    case REPLY_UNWATCH:
        return octopus_unwatch_response__tx(b, cont, r->err);
    case REPLY_PUBLISH:
        return octopus_publish_response__tx(b, cont, r->err);
    case REPLY_LOCK:
        return octopus_lock_response__tx(b, cont, r->err);
    case REPLY_UNLOCK:
        return octopus_unlock_response__tx(b, cont, r->err);
    case REPLY_BARRIER:
        return octopus_barrier_response__tx(b, cont, r->err);
    case REPLY_SEM_POST:
        return octopus_sem_post_response__tx(b, cont, r->err);
    case REPLY_SEM_WAIT:
        return octopus_sem_wait_response__tx(b, cont, r->err);
    case REPLY_PUT_CAP:
        return octopus_put_cap_response__tx(b, cont, r->err);
    default:
        return octopus_remove_cap_response__tx(b, cont, r->err);
    }
}

static errval_t send_item(struct send_queue *queue, struct send_item *item,
                          struct event_closure cont)
{
    struct octopus_binding *b = queue->binding;
    const struct item *i = (struct item *)item;
    const struct reply *r = &i->reply;
    b->incoming_token = r->token;
    switch (r->kind) {
    case REPLY_GET:
        return octopus_get_response__tx(b, cont, i->text, r->err);
    case REPLY_SET:
        return octopus_set_response__tx(b, cont, i->text, r->err);
    case REPLY_NAMES:
        return octopus_get_names_response__tx(b, cont, i->text, r->err);
    case REPLY_WAIT_FOR:
        return octopus_wait_for_response__tx(b, cont, i->text, r->err);
    case REPLY_WATCH:
        return octopus_watch_response__tx(b, cont, r->value, r->err);
    case REPLY_SEM_NEW:
        return octopus_sem_new_response__tx(b, cont, (uint32_t)r->value, r->err);
    case REPLY_GET_CAP:
        return octopus_get_cap_response__tx(b, cont, r->cap, r->err);
    case REPLY_EVENT:
        return octopus_event__tx(b, cont, r->mode, r->value, i->text);
    default:
        return send_plain(b, r, cont);
    }
}

static void done(struct send_item *item, errval_t err)
{
    (void)err;
    const struct item *i = (struct item *)item;
    if (!capref_is_null(i->reply.cap))
        cap_destroy(i->reply.cap);
}

void answer(struct octopus_binding *b, struct reply reply)
{
    struct service_client *client = b->st;
    const uint32_t serving =
        b->incoming_token; /* sending sets it, and its call may have more to say */
    const char *text = reply.text != NULL ? reply.text : "";
    const size_t bytes = strlen(text) + 1;
    struct item *item = malloc(sizeof(*item) + bytes);
    if (item == NULL && !capref_is_null(reply.cap))
        cap_destroy(reply.cap);
    if (item != NULL) {
        *item = (struct item){
            .item = { .send = send_item, .done = done, .payer = client->account, .bytes = bytes },
            .reply = reply
        };
        memcpy(item->text, text, bytes);
    }
    send_queue_add(&client->queue, item != NULL ? &item->item : NULL);
    b->incoming_token = serving;
}

void answer_now(struct octopus_binding *b, enum reply_kind kind, errval_t err)
{
    answer(b, (struct reply){ .kind = kind, .token = b->incoming_token, .err = err });
}
