/* SPDX-License-Identifier: MIT
 *
 * POSIX threads over the threads of a dispatcher (<barrelfish/threads.h>): they share one core.
 *
 * Functions return 0 or an error number, and errno is left alone.  What is not there: cancellation,
 * times to wait for, priorities, signals for threads, attributes of conditions and locks.
 */
#ifndef BARRELFISH_PTHREAD_H
#define BARRELFISH_PTHREAD_H

#include <sys/_pthreadtypes.h>
#include <sys/cdefs.h>

__BEGIN_DECLS

#define PTHREAD_CREATE_JOINABLE 0
#define PTHREAD_CREATE_DETACHED 1
#define PTHREAD_MUTEX_NORMAL 0
#define PTHREAD_MUTEX_DEFAULT 0
#define PTHREAD_MUTEX_RECURSIVE 1
#define PTHREAD_MUTEX_ERRORCHECK 2
#define PTHREAD_BARRIER_SERIAL_THREAD (-1)
#define PTHREAD_KEYS_MAX 64
#define PTHREAD_STACK_MIN 4096

#define PTHREAD_MUTEX_INITIALIZER                \
    {                                            \
        { 0, NULL, NULL }, PTHREAD_MUTEX_DEFAULT \
    }
#define PTHREAD_COND_INITIALIZER \
    {                            \
        NULL                     \
    }
#define PTHREAD_ONCE_INIT            \
    {                                \
        0, PTHREAD_MUTEX_INITIALIZER \
    }
#define PTHREAD_RWLOCK_INITIALIZER                                \
    {                                                             \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0 \
    }

/* EAGAIN: no memory. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                   void *arg);
/* EINVAL: detached, or joined by somebody else; EDEADLK: oneself. */
int pthread_join(pthread_t thread, void **value);
int pthread_detach(pthread_t thread);
void pthread_exit(void *value) __attribute__((noreturn));
pthread_t pthread_self(void);
int pthread_equal(pthread_t one, pthread_t other);
int sched_yield(void);

int pthread_attr_init(pthread_attr_t *attr);
int pthread_attr_destroy(pthread_attr_t *attr);
int pthread_attr_setstacksize(pthread_attr_t *attr, size_t bytes);
int pthread_attr_getstacksize(const pthread_attr_t *attr, size_t *bytes);
int pthread_attr_setdetachstate(pthread_attr_t *attr, int state);
int pthread_attr_getdetachstate(const pthread_attr_t *attr, int *state);

int pthread_mutexattr_init(pthread_mutexattr_t *attr);
int pthread_mutexattr_destroy(pthread_mutexattr_t *attr);
int pthread_mutexattr_settype(pthread_mutexattr_t *attr, int kind);
int pthread_mutexattr_gettype(const pthread_mutexattr_t *attr, int *kind);
int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr);
int pthread_mutex_destroy(pthread_mutex_t *mutex); /* EBUSY: it is locked */
int pthread_mutex_lock(pthread_mutex_t *mutex);    /* EDEADLK: PTHREAD_MUTEX_ERRORCHECK */
int pthread_mutex_trylock(pthread_mutex_t *mutex); /* EBUSY */
int pthread_mutex_unlock(pthread_mutex_t *mutex);  /* EPERM: not the holder */

int pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attr);
int pthread_cond_destroy(pthread_cond_t *cond); /* EBUSY: somebody waits */
int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int pthread_cond_signal(pthread_cond_t *cond);
int pthread_cond_broadcast(pthread_cond_t *cond);

int pthread_once(pthread_once_t *control, void (*function)(void));

/* Destructors run once each when a thread ends, not when the program does. */
int pthread_key_create(pthread_key_t *key, void (*destructor)(void *)); /* EAGAIN */
int pthread_key_delete(pthread_key_t key);
int pthread_setspecific(pthread_key_t key, const void *value);
void *pthread_getspecific(pthread_key_t key);

int pthread_rwlock_init(pthread_rwlock_t *lock, const pthread_rwlockattr_t *attr);
int pthread_rwlock_destroy(pthread_rwlock_t *lock); /* EBUSY */
int pthread_rwlock_rdlock(pthread_rwlock_t *lock);
int pthread_rwlock_wrlock(pthread_rwlock_t *lock);
int pthread_rwlock_unlock(pthread_rwlock_t *lock); /* EPERM: nobody has it */

int pthread_barrier_init(pthread_barrier_t *barrier, const pthread_barrierattr_t *attr,
                         unsigned count);
int pthread_barrier_destroy(pthread_barrier_t *barrier);
int pthread_barrier_wait(pthread_barrier_t *barrier);

int pthread_spin_init(pthread_spinlock_t *lock, int shared);
int pthread_spin_destroy(pthread_spinlock_t *lock);
int pthread_spin_lock(pthread_spinlock_t *lock);
int pthread_spin_trylock(pthread_spinlock_t *lock); /* EBUSY */
int pthread_spin_unlock(pthread_spinlock_t *lock);

__END_DECLS

#endif
