/* SPDX-License-Identifier: MIT
 *
 * Waiting in lists, and what is made of it (<thc/thcsync.h>).
 *
 * Who gives takes the first waiter out and gives to him: the lock stays taken, the value of the
 * semaphore stays 0.  So nobody who comes later can be faster, and who is woken need not look
 * again.  A waiter that is cancelled takes itself out; if it was given something before, it keeps
 * it.
 */
#include <assert.h>
#include <thc/thcsync.h>

#include "thc_priv.h"

static void take_out(struct thc_waiter *waiter)
{
    struct thc_waiters *list = waiter->list;
    assert(list != NULL);
    struct thc_waiter **link = &list->first, *before = NULL;
    while (*link != waiter) {
        assert(*link != NULL);
        before = *link;
        link = &before->next;
    }
    *link = waiter->next;
    if (list->last == waiter)
        list->last = before;
    waiter->list = NULL;
}

void thc_wake(struct thc_waiter *waiter)
{
    take_out(waiter);
    THCSchedule(waiter->awe);
}

bool thc_wake_first(struct thc_waiters *list)
{
    if (list->first == NULL)
        return false;
    thc_wake(list->first);
    return true;
}

static void cancelled(void *arg)
{
    struct thc_waiter *waiter = arg;
    if (waiter->list == NULL)
        return; /* it was given something before, and only has not run yet */
    waiter->cancelled = true;
    thc_wake(waiter);
}

errval_t thc_wait(struct thc_waiters *list, bool cancellable, void *wants)
{
    struct thc_waiter waiter = { .list = list, .wants = wants };
    cancel_item_t item;
    if (cancellable && THCIsCancelled())
        return THC_CANCELED;
    if (list->first == NULL)
        list->first = &waiter;
    else
        list->last->next = &waiter;
    list->last = &waiter;
    if (cancellable)
        THCAddCancelItem(&item, cancelled, &waiter);
    THCSuspend(&waiter.awe);
    if (!cancellable)
        return SYS_ERR_OK;
    THCRemoveCancelItem(&item);
    return waiter.cancelled ? THC_CANCELED : SYS_ERR_OK;
}

/* ---- locks ---- */

void thc_lock_init(thc_lock_t *lock)
{
    *lock = (thc_lock_t){ .taken = false };
}

errval_t thc_lock_acquire_x(thc_lock_t *lock)
{
    if (lock->taken)
        return thc_wait(&lock->waiters, true, NULL);
    lock->taken = true;
    return SYS_ERR_OK;
}

void thc_lock_acquire(thc_lock_t *lock)
{
    if (lock->taken)
        thc_wait(&lock->waiters, false, NULL);
    else
        lock->taken = true;
}

void thc_lock_release(thc_lock_t *lock)
{
    assert(lock->taken);
    if (!thc_wake_first(&lock->waiters))
        lock->taken = false;
}

/* ---- semaphores ---- */

void thc_sem_init(thc_sem_t *sem, int value)
{
    *sem = (thc_sem_t){ .value = value };
}

errval_t thc_sem_p_x(thc_sem_t *sem)
{
    if (sem->value <= 0)
        return thc_wait(&sem->waiters, true, NULL);
    sem->value--;
    return SYS_ERR_OK;
}

void thc_sem_p(thc_sem_t *sem)
{
    if (sem->value <= 0)
        thc_wait(&sem->waiters, false, NULL);
    else
        sem->value--;
}

void thc_sem_v(thc_sem_t *sem)
{
    if (!thc_wake_first(&sem->waiters))
        sem->value++;
}

/* ---- conditions ---- */

void thc_condvar_init(thc_condvar_t *condvar)
{
    *condvar = (thc_condvar_t){ .waiters = { NULL, NULL } };
}

static errval_t condvar_wait(thc_condvar_t *condvar, thc_lock_t *lock, bool cancellable)
{
    thc_lock_release(lock);
    errval_t err = thc_wait(&condvar->waiters, cancellable, NULL);
    thc_lock_acquire(lock);
    return err;
}

errval_t thc_condvar_wait_x(thc_condvar_t *condvar, thc_lock_t *lock)
{
    return condvar_wait(condvar, lock, true);
}

void thc_condvar_wait(thc_condvar_t *condvar, thc_lock_t *lock)
{
    condvar_wait(condvar, lock, false);
}

void thc_condvar_signal(thc_condvar_t *condvar)
{
    thc_wake_first(&condvar->waiters);
}

void thc_condvar_broadcast(thc_condvar_t *condvar)
{
    while (thc_wake_first(&condvar->waiters))
        ;
}
