/* SPDX-License-Identifier: MIT
 *
 * One item is with the binding at any time; its continuation starts the next.  If somebody else is
 * sending on the binding (the library, a remote procedure call), the queue registers for the moment
 * the binding is free.  An item that fails for good is reported to its owner and dropped: the next
 * ones may still get through.
 */
#include <services/send_queue.h>

static void sent(void *arg);
static void run_again(void *arg);

void send_queue_init(struct send_queue *queue, void *binding, const char *name, unsigned kind,
                     errval_t (*register_send)(void *, struct waitset *, struct event_closure))
{
    *queue = (struct send_queue){
        .binding = binding, .name = name, .kind = kind, .register_send = register_send
    };
}

static void drop_item(struct send_item *item, errval_t err)
{
    account_refund(&item->slip);
    if (item->done != NULL)
        item->done(item, err);
    free(item);
}

static void take_out(struct send_queue *queue, struct send_item *item)
{
    assert(item->queue == queue && queue->count > 0);
    assert((queue->head == item) == (item->before == NULL));
    assert((queue->tail == item) == (item->next == NULL));
    if (item->next != NULL)
        item->next->before = item->before;
    else
        queue->tail = item->before;
    if (item->before != NULL)
        item->before->next = item->next;
    else
        queue->head = item->next;
    item->queue = NULL;
    queue->count--;
}

static void end_item(struct send_queue *queue, errval_t err)
{
    struct send_item *item = queue->head;
    take_out(queue, item);
    drop_item(item, err);
}

/* Whoever is here first works through the queue; what its items set off on the way, in done() or
 * because the binding breaks under send(), only adds or closes.  So the queue cannot go away under
 * anybody. */
static bool enter(struct send_queue *queue)
{
    if (queue->running)
        return false;
    queue->running = true;
    return true;
}

/* The queue may be gone afterwards. */
static void leave(struct send_queue *queue)
{
    queue->running = false;
    if (queue->closed && !queue->sending && !queue->waiting)
        queue->gone(queue); /* closed, and the binding owes nothing more */
}

static void send_all(struct send_queue *queue)
{
    while (queue->head != NULL && !queue->sending && !queue->waiting) {
        queue->sending = true;
        errval_t err = queue->head->send(queue, queue->head, MKCONT(sent, queue));
        if (err_is_ok(err))
            return;
        queue->sending = false;
        if (err_no(err) == FLOUNDER_ERR_TX_BUSY) {
            err = queue->register_send(queue->binding, get_default_waitset(),
                                       MKCLOSURE(run_again, queue));
            if (err_is_ok(err)) {
                queue->waiting = true;
                return;
            }
        }
        if (!queue->closed && err_no(err) != FLOUNDER_ERR_BINDING_CLOSED)
            DEBUG_ERR(err, "message to %s dropped", queue->name);
        end_item(queue, err);
    }
}

static void sent(void *arg)
{
    struct send_queue *queue = arg;
    assert(queue->sending && !queue->running);
    queue->running = true;
    queue->sending = false;
    /* a binding that breaks runs the continuation, too */
    end_item(queue, queue->closed ? FLOUNDER_ERR_BINDING_CLOSED : SYS_ERR_OK);
    send_all(queue);
    leave(queue);
}

static void run_again(void *arg)
{
    struct send_queue *queue = arg;
    assert(queue->waiting && !queue->running);
    queue->running = true;
    queue->waiting = false;
    send_all(queue);
    leave(queue);
}

void send_queue_add(struct send_queue *queue, struct send_item *item)
{
    if (item == NULL) {
        debug_printf("out of memory: a message to %s is lost\n", queue->name);
        return;
    }
    errval_t err = SYS_ERR_OK;
    item->slip = (struct account_slip){ 0 };
    item->queue = NULL;
    if (queue->closed)
        err = FLOUNDER_ERR_BINDING_CLOSED;
    else if (item->payer != NULL)
        err = account_charge(item->payer, queue->kind,
                             1 + (uint32_t)(item->bytes / SEND_ITEM_BYTES), &item->slip);
    if (err_is_fail(err)) {
        drop_item(item, err);
        return;
    }
    item->queue = queue;
    item->next = NULL;
    item->before = queue->tail;
    if (queue->tail != NULL)
        queue->tail->next = item;
    else
        queue->head = item;
    queue->tail = item;
    queue->count++;
    if (enter(queue)) {
        send_all(queue);
        leave(queue);
    }
}

bool send_queue_withdraw(struct send_item *item)
{
    struct send_queue *queue = item->queue;
    if (queue == NULL || item == queue->head) /* the head may be with the binding */
        return false;
    take_out(queue, item);
    drop_item(item, FLOUNDER_ERR_BINDING_CLOSED);
    return true;
}

void send_queue_close(struct send_queue *queue, void (*gone)(struct send_queue *queue))
{
    if (queue->closed)
        return;
    const bool first = enter(queue);
    queue->closed = true;
    queue->gone = gone;
    for (;;) { /* all behind the one that the binding has */
        struct send_item *item = queue->sending ? queue->head->next : queue->head;
        if (item == NULL)
            break;
        /* the one taken out before is not there any more, which the checker does not see */
        take_out(queue, item); /* NOLINT(clang-analyzer-unix.Malloc) */
        drop_item(item, FLOUNDER_ERR_BINDING_CLOSED);
    }
    if (first)
        leave(queue);
}

void send_queue_free(struct send_queue *queue)
{
    free(queue);
}
