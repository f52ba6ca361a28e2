/* SPDX-License-Identifier: MIT
 *
 * A dispatcher for tests of the user library on the host: its frame, and threads.
 *
 * Each thread of the dispatcher is a POSIX thread, but only the one that has the baton runs:
 * blocking hands the baton to the first runnable thread, as the real dispatcher would.  So
 * schedules are deterministic, and a test that blocks for ever is told so: fake_deadlocked.
 * Included by one file of each program; it defines what the library file under test calls.
 */
#ifndef FAKE_DISPATCHER_H
#define FAKE_DISPATCHER_H

#include <assert.h>
#include <barrelfish/dispatcher.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include "../../guest/user/lib/barrelfish/dispatch/threads_priv.h"

static char fake_frame[DISPATCHER_FRAME_BYTES] __attribute__((aligned(4096)));
static struct core_state fake_core_state;
static struct thread fake_main_thread;

static pthread_mutex_t fake_baton = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t fake_passed = PTHREAD_COND_INITIALIZER;
/* What the dispatcher does when every thread is blocked; a test that expects that sets it. */
static void (*fake_idle)(dispatcher_handle_t handle);
static unsigned fake_blocked_calls; /* times a thread blocked */

dispatcher_handle_t curdispatcher(void)
{
    return (dispatcher_handle_t)fake_frame;
}

struct dispatcher_generic *get_dispatcher_generic(dispatcher_handle_t handle)
{
    return (struct dispatcher_generic *)(handle + DISP_PRIVATE_OFFSET);
}

static struct dispatcher_generic *fake_disp(void)
{
    return get_dispatcher_generic(curdispatcher());
}

static void fake_reset(void)
{
    memset(fake_frame, 0, sizeof(fake_frame));
    memset(&fake_core_state, 0, sizeof(fake_core_state));
    memset(&fake_main_thread, 0, sizeof(fake_main_thread));
    fake_disp()->core_state = &fake_core_state;
    fake_main_thread.id = 1;
    fake_main_thread.state = THREAD_RUNNABLE;
    thread_enqueue(&fake_main_thread, &fake_disp()->runq);
    fake_disp()->current = &fake_main_thread;
    fake_blocked_calls = 0;
    fake_idle = NULL;
}

/* The rings of threads.c, which cannot be compiled for the host. */
void thread_enqueue(struct thread *thread, struct thread **queue)
{
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
        *queue = NULL;
    } else {
        thread->next->prev = thread->prev;
        thread->prev->next = thread->next;
        if (*queue == thread)
            *queue = thread->next;
    }
    thread->next = thread->prev = NULL;
}

struct thread *thread_self(void)
{
    return fake_disp()->current;
}

/* Gives the baton to the first runnable thread and waits until it is `me`'s again. */
static void fake_switch(struct thread *me)
{
    if (fake_disp()->runq == NULL && fake_idle != NULL)
        fake_idle(curdispatcher());
    cr_assert_not_null(fake_disp()->runq, "every thread is blocked");
    fake_disp()->current = fake_disp()->runq;
    get_dispatcher_shared(curdispatcher())->disabled = 0;
    pthread_cond_broadcast(&fake_passed);
    while (fake_disp()->current != me)
        pthread_cond_wait(&fake_passed, &fake_baton);
}

void *thread_block_disabled(dispatcher_handle_t handle, struct thread **queue)
{
    struct thread *me = get_dispatcher_generic(handle)->current;

    cr_assert(disp_is_disabled(handle));
    fake_blocked_calls++;
    thread_dequeue(me, &fake_disp()->runq);
    me->state = THREAD_BLOCKED;
    me->queue = queue;
    if (queue != NULL)
        thread_enqueue(me, queue);
    fake_switch(me);
    return me->wakeup_reason;
}

void thread_unblock_disabled(dispatcher_handle_t handle, struct thread **queue,
                             struct thread *thread, void *reason)
{
    cr_assert(disp_is_disabled(handle));
    cr_assert(thread->state == THREAD_BLOCKED && thread->queue == queue);
    if (queue != NULL)
        thread_dequeue(thread, queue);
    thread->queue = NULL;
    thread->wakeup_reason = reason;
    thread->state = THREAD_RUNNABLE;
    thread_enqueue(thread, &fake_disp()->runq);
}

struct thread *thread_unblock_one_disabled(dispatcher_handle_t handle, struct thread **queue,
                                           void *reason)
{
    struct thread *thread = *queue;

    if (thread != NULL)
        thread_unblock_disabled(handle, queue, thread, reason);
    return thread;
}

/* Lets the other runnable threads go on, in turn. */
static inline void fake_yield(void)
{
    struct thread *me = thread_self();

    fake_disp()->runq = me->next;
    fake_switch(me);
}

struct fake_thread {
    struct thread thread;
    pthread_t posix;
    void (*function)(void *arg);
    void *arg;
    bool ended;
};

static inline void *fake_thread_main(void *memory)
{
    struct fake_thread *t = memory;

    pthread_mutex_lock(&fake_baton);
    while (fake_disp()->current != &t->thread)
        pthread_cond_wait(&fake_passed, &fake_baton);
    t->function(t->arg);
    t->ended = true;
    thread_dequeue(&t->thread, &fake_disp()->runq);
    if (fake_disp()->runq != NULL) {
        fake_disp()->current = fake_disp()->runq;
        pthread_cond_broadcast(&fake_passed);
    }
    pthread_mutex_unlock(&fake_baton);
    return NULL;
}

/* The main test thread holds the baton from the first of these on. */
static inline void fake_thread_start(struct fake_thread *t, unsigned id, void (*function)(void *),
                                     void *arg)
{
    static bool main_has_baton;

    if (!main_has_baton) {
        main_has_baton = true;
        pthread_mutex_lock(&fake_baton);
    }
    memset(t, 0, sizeof(*t));
    t->thread.id = id;
    t->function = function;
    t->arg = arg;
    t->thread.state = THREAD_RUNNABLE;
    thread_enqueue(&t->thread, &fake_disp()->runq);
    pthread_create(&t->posix, NULL, fake_thread_main, t);
}

static inline void fake_thread_join(struct fake_thread *t)
{
    while (!t->ended)
        fake_yield();
    pthread_mutex_unlock(&fake_baton);
    pthread_join(t->posix, NULL);
    pthread_mutex_lock(&fake_baton);
}

#endif
