/* SPDX-License-Identifier: MIT
 *
 * Locks, semaphores and conditions between the activities of one thread (<thc/thc.h>).  They are
 * handed over in the order of arrival.  Other threads and handlers must not wait for them; any
 * handler of the thread may use what does not wait.
 *
 * Functions that end in _x return THC_CANCELED when the DO_FINISH around them is cancelled, and
 * SYS_ERR_OK otherwise.
 */
#ifndef THC_THCSYNC_H
#define THC_THCSYNC_H

#include <thc/thc.h>

__BEGIN_DECLS

struct thc_waiter; /* private */
struct thc_waiters {
    struct thc_waiter *first, *last;
};

typedef struct thc_lock {
    bool taken;
    struct thc_waiters waiters;
} thc_lock_t;

void thc_lock_init(thc_lock_t *lock);
void thc_lock_acquire(thc_lock_t *lock);
errval_t thc_lock_acquire_x(thc_lock_t *lock);
void thc_lock_release(thc_lock_t *lock);

typedef struct thc_sem {
    int value;
    struct thc_waiters waiters;
} thc_sem_t;

void thc_sem_init(thc_sem_t *sem, int value);
void thc_sem_p(thc_sem_t *sem);
errval_t thc_sem_p_x(thc_sem_t *sem);
void thc_sem_v(thc_sem_t *sem);

typedef struct thc_condvar {
    struct thc_waiters waiters;
} thc_condvar_t;

/* The lock is released while the activity waits, and taken again before it goes on, also when it
 * was cancelled. */
void thc_condvar_init(thc_condvar_t *condvar);
void thc_condvar_wait(thc_condvar_t *condvar, thc_lock_t *lock);
errval_t thc_condvar_wait_x(thc_condvar_t *condvar, thc_lock_t *lock);
void thc_condvar_signal(thc_condvar_t *condvar);
void thc_condvar_broadcast(thc_condvar_t *condvar);

__END_DECLS

#endif
