/* SPDX-License-Identifier: MIT
 *
 * Event mutexes.  Waiting threads come before waiting events: a blocked thread holds a stack.
 */
#include <barrelfish/event_mutex.h>

#include <assert.h>
#include <barrelfish/threads.h>

#include "../dispatch/wait_note.h"

void event_mutex_init(struct event_mutex *em, struct waitset *ws)
{
    event_queue_init(&em->equeue, ws, EVENT_QUEUE_ONESHOT);
    em->waiting_threads = NULL;
    em->locked = false;
}

bool event_mutex_try_lock(struct event_mutex *em)
{
    dispatcher_handle_t handle = disp_disable();
    bool got = !em->locked;

    em->locked = true;
    disp_enable(handle);
    return got;
}

void event_mutex_enqueue_lock(struct event_mutex *em, struct event_queue_node *node,
                              struct event_closure closure)
{
    bool got = event_mutex_try_lock(em);

    event_queue_add(&em->equeue, node, closure);
    /* The holder may have let go before it could see our node. */
    if (got || event_mutex_try_lock(em))
        event_queue_trigger(&em->equeue);
}

void event_mutex_threaded_lock(struct event_mutex *em)
{
    dispatcher_handle_t handle = disp_disable();

    if (em->locked) {
        wait_note_block(handle, ABI_WAIT_EVENT_MUTEX, em, 0, __builtin_return_address(0));
        thread_block_disabled(handle, &em->waiting_threads); /* it is ours when we are woken */
        return;
    }
    em->locked = true;
    disp_enable(handle);
}

void event_mutex_unlock(struct event_mutex *em)
{
    dispatcher_handle_t handle = disp_disable();

    assert(em->locked);
    if (thread_unblock_one_disabled(handle, &em->waiting_threads, NULL) == NULL) {
        em->locked = !event_queue_is_empty(&em->equeue);
        disp_enable(handle);
        if (em->locked)
            event_queue_trigger(&em->equeue);
        return;
    }
    disp_enable(handle);
}
