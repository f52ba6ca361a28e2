/* SPDX-License-Identifier: MIT
 *
 * Event queues: one waitset channel, many closures, in order.
 */
#include <barrelfish/event_queue.h>

#include <assert.h>

static void event_queue_runner(void *arg);

/* Arms the queue's channel, with an event at once if there is something to deliver. */
static void arm(struct event_queue *q)
{
    errval_t err = waitset_chan_trigger_closure(q->waitset, &q->waitset_state,
                                                MKCLOSURE(event_queue_runner, q));

    assert(err_is_ok(err));
    (void)err;
}

static struct event_queue_node *take_first(struct event_queue *q)
{
    struct event_queue_node *node = q->head;

    q->head = node->next;
    if (q->head == NULL) {
        q->tail = NULL;
    } else {
        q->head->prev = NULL;
    }
    node->run = true;
    return node;
}

static void event_queue_runner(void *arg)
{
    struct event_queue *q = arg;

    if (q->head == NULL) {
        return;
    }
    struct event_closure event = take_first(q)->event;

    /* Before the handler, which may free the queue or wait for the next event. */
    if (q->flags == EVENT_QUEUE_CONTINUOUS && q->head != NULL) {
        arm(q);
    }
    event.handler(event.arg);
}

void event_queue_init(struct event_queue *q, struct waitset *ws, enum event_queue_flags flags)
{
    waitset_chanstate_init(&q->waitset_state, CHANTYPE_EVENT_QUEUE);
    q->waitset = ws;
    q->head = q->tail = NULL;
    q->flags = flags;
}

void event_queue_add(struct event_queue *q, struct event_queue_node *node,
                     struct event_closure event)
{
    dispatcher_handle_t handle = disp_disable();
    bool idle;

    node->event = event;
    node->run = false;
    node->next = NULL;
    node->prev = q->tail;
    if (q->tail != NULL) {
        q->tail->next = node;
    } else {
        q->head = node;
    }
    q->tail = node;
    idle = !waitset_chan_is_registered(&q->waitset_state);
    disp_enable(handle);
    if (q->flags == EVENT_QUEUE_CONTINUOUS && idle) {
        arm(q);
    }
}

errval_t event_queue_trigger(struct event_queue *q)
{
    if (q->head == NULL) {
        return LIB_ERR_NO_EVENT;
    }
    if (!waitset_chan_is_registered(&q->waitset_state)) {
        arm(q);
    }
    return SYS_ERR_OK;
}

errval_t event_queue_cancel(struct event_queue *q, struct event_queue_node *node)
{
    if (node->run) {
        return LIB_ERR_NO_EVENT;
    }
    if (node->prev != NULL) {
        node->prev->next = node->next;
    } else {
        q->head = node->next;
    }
    if (node->next != NULL) {
        node->next->prev = node->prev;
    } else {
        q->tail = node->prev;
    }
    if (q->head == NULL && waitset_chan_is_registered(&q->waitset_state)) {
        return waitset_chan_deregister(&q->waitset_state);
    }
    return SYS_ERR_OK;
}

errval_t event_queue_flush(struct event_queue *q)
{
    while (q->head != NULL) {
        struct event_closure event = take_first(q)->event;

        event.handler(event.arg);
    }
    if (waitset_chan_is_registered(&q->waitset_state)) {
        return waitset_chan_deregister(&q->waitset_state);
    }
    return SYS_ERR_OK;
}
