/* SPDX-License-Identifier: MIT
 *
 * Event queues: one waitset channel, many closures, in order.
 */
#include <barrelfish/event_queue.h>

#include <assert.h>

static void event_queue_runner(void *arg);

/* Arms the queue's channel with an event, unless it has one. */
static void arm_disabled(struct event_queue *q, dispatcher_handle_t handle)
{
    if (waitset_chan_is_registered(&q->waitset_state))
        return;
    errval_t err = waitset_chan_trigger_closure_disabled(q->waitset, &q->waitset_state,
                                                         MKCLOSURE(event_queue_runner, q), handle);

    assert(err_is_ok(err));
    (void)err;
}

static struct event_queue_node *take_first(struct event_queue *q)
{
    struct event_queue_node *node = q->head;

    q->head = node->next;
    if (q->head == NULL)
        q->tail = NULL;
    else
        q->head->prev = NULL;
    node->run = true;
    return node;
}

static void run(struct event_closure event)
{
    if (event.handler != NULL)
        event.handler(event.arg);
}

static void event_queue_runner(void *arg)
{
    struct event_queue *q = arg;
    dispatcher_handle_t handle = disp_disable();

    if (q->head == NULL) {
        disp_enable(handle);
        return;
    }
    struct event_closure event = take_first(q)->event;

    /* Before the handler, which may free the queue or wait for the next event. */
    if (q->flags == EVENT_QUEUE_CONTINUOUS && q->head != NULL)
        arm_disabled(q, handle);
    disp_enable(handle);
    run(event);
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

    assert(node != q->tail); /* added twice it would be behind itself */
    node->event = event;
    node->run = false;
    node->next = NULL;
    node->prev = q->tail;
    if (q->tail != NULL)
        q->tail->next = node;
    else
        q->head = node;
    q->tail = node;
    if (q->flags == EVENT_QUEUE_CONTINUOUS)
        arm_disabled(q, handle);
    disp_enable(handle);
}

errval_t event_queue_trigger(struct event_queue *q)
{
    dispatcher_handle_t handle = disp_disable();
    bool empty = q->head == NULL;

    if (!empty)
        arm_disabled(q, handle);
    disp_enable(handle);
    return empty ? LIB_ERR_NO_EVENT : SYS_ERR_OK;
}

errval_t event_queue_cancel(struct event_queue *q, struct event_queue_node *node)
{
    dispatcher_handle_t handle = disp_disable();
    errval_t err = SYS_ERR_OK;

    if (node->run) {
        disp_enable(handle);
        return LIB_ERR_NO_EVENT;
    }
    assert(node->prev != NULL ? node->prev->next == node : q->head == node);
    assert(node->next != NULL ? node->next->prev == node : q->tail == node);
    if (node->prev != NULL)
        node->prev->next = node->next;
    else
        q->head = node->next;
    if (node->next != NULL)
        node->next->prev = node->prev;
    else
        q->tail = node->prev;
    if (q->head == NULL && waitset_chan_is_registered(&q->waitset_state))
        err = waitset_chan_deregister_disabled(&q->waitset_state, handle);
    disp_enable(handle);
    return err;
}

errval_t event_queue_flush(struct event_queue *q)
{
    for (;;) {
        dispatcher_handle_t handle = disp_disable();

        if (q->head == NULL) {
            errval_t err = SYS_ERR_OK;

            if (waitset_chan_is_registered(&q->waitset_state))
                err = waitset_chan_deregister_disabled(&q->waitset_state, handle);
            disp_enable(handle);
            return err;
        }
        struct event_closure event = take_first(q)->event;
        disp_enable(handle);
        run(event);
    }
}
