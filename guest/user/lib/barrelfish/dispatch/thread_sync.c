/* SPDX-License-Identifier: MIT
 *
 * Mutexes, condition variables, semaphores, once (facts §2.2).
 *
 * A disabled section is what makes each step atomic on one dispatcher; among those of a domain with
 * several, the domain's lock (spanned.h) does.  A mutex is handed to the longest waiting thread,
 * not released and fought for.
 */
#include <assert.h>
#include <barrelfish/threads.h>

#include "spanned.h"
#include "threads_priv.h"
#include "wait_note.h"

void thread_mutex_init(struct thread_mutex *mutex)
{
    *mutex = (struct thread_mutex)THREAD_MUTEX_INITIALIZER;
}

/* Nobody else of the domain changes an object between these. */
static inline dispatcher_handle_t enter(void)
{
    dispatcher_handle_t handle = disp_disable();

    spanned_lock();
    return handle;
}

static inline void leave(dispatcher_handle_t handle)
{
    spanned_unlock();
    disp_enable(handle);
}

/* `at`: where the program asked. */
static void lock(struct thread_mutex *mutex, bool nested, const void *at)
{
    dispatcher_handle_t handle = enter();
    struct thread *me = get_dispatcher_generic(handle)->current;

    if (mutex->locked == 0) {
        mutex->locked = 1;
        mutex->holder = me;
        leave(handle);
    } else if (mutex->holder == me && nested) {
        mutex->locked++;
        leave(handle);
    } else {
        assert(mutex->holder != me);
        wait_note_block(handle, ABI_WAIT_MUTEX, mutex, (uint32_t)thread_get_id(mutex->holder), at);
        thread_block_shared(handle, &mutex->queue); /* the unlocker makes us the holder */
        assert(mutex->holder == me);
    }
}

void thread_mutex_lock(struct thread_mutex *mutex)
{
    lock(mutex, false, __builtin_return_address(0));
}

void thread_mutex_lock_nested(struct thread_mutex *mutex)
{
    lock(mutex, true, __builtin_return_address(0));
}

bool thread_mutex_trylock(struct thread_mutex *mutex)
{
    dispatcher_handle_t handle = enter();
    bool got = mutex->locked == 0;

    if (got) {
        mutex->locked = 1;
        mutex->holder = get_dispatcher_generic(handle)->current;
    }
    leave(handle);
    return got;
}

static void unlock_disabled(struct thread_mutex *mutex, dispatcher_handle_t handle)
{
    assert(mutex->locked > 0);
    assert(mutex->holder == get_dispatcher_generic(handle)->current);
    if (--mutex->locked > 0)
        return;
    mutex->holder = mutex->queue; /* on another core it may run as soon as it is unblocked */
    if (mutex->holder != NULL) {
        mutex->locked = 1;
        thread_unblock_one_disabled(handle, &mutex->queue, NULL);
    }
}

void thread_mutex_unlock(struct thread_mutex *mutex)
{
    dispatcher_handle_t handle = enter();

    unlock_disabled(mutex, handle);
    leave(handle);
}

void thread_cond_init(struct thread_cond *cond)
{
    cond->queue = NULL;
}

void thread_cond_wait(struct thread_cond *cond, struct thread_mutex *mutex)
{
    dispatcher_handle_t handle = enter();

    assert(mutex->locked == 1);
    unlock_disabled(mutex, handle);
    wait_note_block(handle, ABI_WAIT_CONDITION, cond, 0, __builtin_return_address(0));
    thread_block_shared(handle, &cond->queue);
    lock(mutex, false, __builtin_return_address(0));
}

void thread_cond_signal(struct thread_cond *cond)
{
    dispatcher_handle_t handle = enter();

    thread_unblock_one_disabled(handle, &cond->queue, NULL);
    leave(handle);
}

void thread_cond_broadcast(struct thread_cond *cond)
{
    dispatcher_handle_t handle = enter();

    while (thread_unblock_one_disabled(handle, &cond->queue, NULL) != NULL) {
    }
    leave(handle);
}

void thread_sem_init(struct thread_sem *sem, unsigned value)
{
    sem->value = value;
    sem->queue = NULL;
}

void thread_sem_wait(struct thread_sem *sem)
{
    dispatcher_handle_t handle = enter();

    if (sem->value > 0) {
        sem->value--;
        leave(handle);
    } else {
        wait_note_block(handle, ABI_WAIT_SEMAPHORE, sem, 0, __builtin_return_address(0));
        thread_block_shared(handle, &sem->queue); /* post gives its unit to us */
    }
}

bool thread_sem_trywait(struct thread_sem *sem)
{
    dispatcher_handle_t handle = enter();
    bool got = sem->value > 0;

    if (got)
        sem->value--;
    leave(handle);
    return got;
}

void thread_sem_post(struct thread_sem *sem)
{
    dispatcher_handle_t handle = enter();

    if (thread_unblock_one_disabled(handle, &sem->queue, NULL) == NULL)
        sem->value++;
    leave(handle);
}

void thread_once(thread_once_t *control, void (*function)(void))
{
    if (control->state == 2)
        return;
    thread_mutex_lock(&control->mutex);
    if (control->state == 0) {
        control->state = 1;
        function();
        control->state = 2;
    }
    thread_mutex_unlock(&control->mutex);
}
