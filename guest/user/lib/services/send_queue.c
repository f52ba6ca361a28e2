/* SPDX-License-Identifier: MIT
 *
 * One item is with the binding at any time; its continuation starts the next.  If somebody else is
 * sending on the binding (the library, a remote procedure call), the queue registers for the moment
 * the binding is free.  An item that fails for good is reported to its owner and dropped: the next
 * ones may still get through.
 */
#include <services/send_queue.h>

static void run(void *arg);

void send_queue_init(struct send_queue *queue, void *binding, const char *name,
                     errval_t (*register_send)(void *, struct waitset *, struct event_closure))
{
    *queue = (struct send_queue){ .binding = binding, .name = name, .register_send = register_send };
}

static void end_item(struct send_queue *queue, errval_t err)
{
    struct send_item *item = queue->head;
    queue->head = item->next;
    if (queue->head == NULL)
        queue->tail = NULL;
    queue->count--;
    if (item->done != NULL)
        item->done(item, err);
    free(item);
}

static void sent(void *arg)
{
    struct send_queue *queue = arg;
    assert(queue->sending);
    queue->sending = false;
    end_item(queue, SYS_ERR_OK);
    run(queue);
}

static void run(void *arg)
{
    struct send_queue *queue = arg;
    queue->waiting = false;
    while (queue->head != NULL && !queue->sending) {
        queue->sending = true;
        errval_t err = queue->head->send(queue, queue->head, MKCONT(sent, queue));
        if (err_is_ok(err))
            return;
        queue->sending = false;
        if (err_no(err) == FLOUNDER_ERR_TX_BUSY) {
            err = queue->register_send(queue->binding, get_default_waitset(), MKCLOSURE(run, queue));
            if (err_is_ok(err)) {
                queue->waiting = true;
                return;
            }
        }
        DEBUG_ERR(err, "message to %s dropped", queue->name);
        end_item(queue, err);
    }
}

void send_queue_add(struct send_queue *queue, struct send_item *item)
{
    if (item == NULL) {
        debug_printf("out of memory: a message to %s is lost\n", queue->name);
        return;
    }
    if (queue->count >= SEND_QUEUE_MAX) {
        debug_printf("%s does not listen: a message to it is dropped\n", queue->name);
        if (item->done != NULL)
            item->done(item, FLOUNDER_ERR_TX_BUSY);
        free(item);
        return;
    }
    item->next = NULL;
    if (queue->tail != NULL)
        queue->tail->next = item;
    else
        queue->head = item;
    queue->tail = item;
    queue->count++;
    if (!queue->sending && !queue->waiting)
        run(queue);
}

void send_queue_clear(struct send_queue *queue, errval_t err)
{
    while (queue->count > (queue->sending ? 1u : 0u)) {
        struct send_item **link = queue->sending ? &queue->head->next : &queue->head;
        struct send_item *item = *link;
        *link = item->next;
        if (queue->tail == item)
            queue->tail = queue->sending ? queue->head : NULL;
        queue->count--;
        if (item->done != NULL)
            item->done(item, err);
        free(item);
    }
}
