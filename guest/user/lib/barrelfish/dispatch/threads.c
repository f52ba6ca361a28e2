/* SPDX-License-Identifier: MIT
 *
 * Threads: blocking, running, pausing (facts §2.2, §4.2).  thread_life.c makes and ends them.
 *
 * newlib's per-thread state (struct _reent: errno, stdio buffers) is that of the current thread.
 */
#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <errno.h>
#include <reent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spanned.h"
#include "threads_priv.h"
#include "wait_note.h"

void thread_enqueue(struct thread *thread, struct thread **queue)
{
    assert(thread->next == NULL); /* in one queue at a time, or two rings are torn */
    if (*queue == NULL) {
        thread->next = thread->prev = thread;
        *queue = thread;
        return;
    }
    thread->next = *queue;
    thread->prev = (*queue)->prev;
    thread->prev->next = thread;
    thread->next->prev = thread;
}

void thread_dequeue(struct thread *thread, struct thread **queue)
{
    if (thread->next == thread) {
        assert(*queue == thread);
        *queue = NULL;
    } else {
        thread->next->prev = thread->prev;
        thread->prev->next = thread->next;
        if (*queue == thread)
            *queue = thread->next;
    }
    thread->next = thread->prev = NULL;
}

#ifdef __DYNAMIC_REENT__
struct _reent *__getreent(void)
{
    struct thread *me = get_dispatcher_generic(curdispatcher())->current;

    return me != NULL ? me->reent : _GLOBAL_REENT;
}
#endif

void thread_make_runnable_disabled(dispatcher_handle_t handle, struct thread *thread)
{
    if (thread->pause_pending) {
        thread->state = THREAD_PAUSED;
        return;
    }
    thread->state = THREAD_RUNNABLE;
    thread_enqueue(thread, &get_dispatcher_generic(handle)->runq);
}

struct thread *thread_self(void)
{
    return get_dispatcher_generic(curdispatcher())->current;
}

uintptr_t thread_id(void)
{
    return thread_self()->id;
}

uintptr_t thread_get_id(const struct thread *thread)
{
    return thread->id;
}

bool thread_exited(const struct thread *thread)
{
    return *(volatile const enum thread_state *)&thread->state == THREAD_EXITED;
}

void thread_yield(void)
{
    dispatcher_handle_t handle = disp_disable();
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    struct thread *me = disp->current;

    disp_check_events_disabled(handle);
    if (disp->runq == me && me->next == me) {
        disp_enable(handle);
        return;
    }
    if (disp->runq == me)
        disp->runq = me->next;
    me->full_state = false;
    disp_save_and_schedule(&me->regs, handle);
}

void thread_yield_dispatcher(struct capref endpoint)
{
    dispatcher_handle_t handle = disp_disable();
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    struct thread *me = disp->current;

    if (disp->runq == me)
        disp->runq = me->next;
    me->full_state = false;
    disp_save_and_yield(&me->regs, handle, capref_is_null(endpoint) ? 0 : get_cap_addr(endpoint));
}

static void *block(dispatcher_handle_t handle, struct thread **queue, bool shared)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    struct thread *me = disp->current;

    assert(disp_is_disabled(handle));
    thread_dequeue(me, &disp->runq);
    me->state = THREAD_BLOCKED;
    me->queue = queue;
    me->wakeup_reason = NULL;
    if (queue != NULL)
        thread_enqueue(me, queue);
    me->full_state = false;
    disp->current = NULL;
    if (shared) /* whoever takes us from the queue now can only send us here */
        spanned_unlock();
    disp_save_and_schedule(&me->regs, handle);
    if (me->note != NULL)
        me->note->kind = ABI_WAIT_NOTHING;
    return me->wakeup_reason;
}

void *thread_block_disabled(dispatcher_handle_t handle, struct thread **queue)
{
    return block(handle, queue, false);
}

void *thread_block_shared(dispatcher_handle_t handle, struct thread **queue)
{
    return block(handle, queue, true);
}

void thread_unblock_disabled(dispatcher_handle_t handle, struct thread **queue,
                             struct thread *thread, void *reason)
{
    assert(thread->state == THREAD_BLOCKED && thread->queue == queue);
    if (queue != NULL)
        thread_dequeue(thread, queue);
    thread->queue = NULL;
    thread->wakeup_reason = reason;
    if (thread->handle == handle)
        thread_make_runnable_disabled(handle, thread);
    else
        spanned_send_disabled(handle, thread);
}

struct thread *thread_unblock_one_disabled(dispatcher_handle_t handle, struct thread **queue,
                                           void *reason)
{
    struct thread *thread = *queue;

    if (thread != NULL)
        thread_unblock_disabled(handle, queue, thread, reason);
    return thread;
}

void thread_pause(struct thread *thread)
{
    dispatcher_handle_t handle = disp_disable();
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    thread->pause_pending = true;
    if (thread->handle == handle && thread->state == THREAD_RUNNABLE) {
        thread_dequeue(thread, &disp->runq);
        thread->state = THREAD_PAUSED;
        if (thread == disp->current) {
            thread->full_state = false;
            wait_note_block(handle, ABI_WAIT_PAUSED, NULL, 0, __builtin_return_address(0));
            disp->current = NULL;
            disp_save_and_schedule(&thread->regs, handle);
            if (thread->note != NULL)
                thread->note->kind = ABI_WAIT_NOTHING;
            return;
        }
    }
    disp_enable(handle);
}

void thread_resume(struct thread *thread)
{
    dispatcher_handle_t handle = disp_disable();

    thread->pause_pending = false;
    if (thread->state == THREAD_PAUSED && thread->handle == handle)
        thread_make_runnable_disabled(handle, thread);
    else if (thread->state == THREAD_PAUSED)
        spanned_send_disabled(handle, thread);
    disp_enable(handle);
}

void thread_set_tls_key(int key, void *data)
{
    assert(key >= 0 && key < MAX_TLS);
    thread_self()->tls_keys[key] = data;
}

void *thread_get_tls_key(int key)
{
    assert(key >= 0 && key < MAX_TLS);
    return thread_self()->tls_keys[key];
}

void thread_set_tls(void *data)
{
    thread_set_tls_key(0, data);
}

void *thread_get_tls(void)
{
    return thread_get_tls_key(0);
}
