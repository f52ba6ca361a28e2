/* SPDX-License-Identifier: MIT
 *
 * POSIX mutexes, conditions, read-write locks, barriers and semaphores over our own.  Their types
 * begin with ours, word for word, so that a zeroed one is ready; compared below.
 */
#include <barrelfish/barrelfish.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>

_Static_assert(sizeof(((pthread_mutex_t *)0)->mutex) == sizeof(struct thread_mutex) &&
                   sizeof(pthread_cond_t) == sizeof(struct thread_cond) &&
                   sizeof(sem_t) == sizeof(struct thread_sem),
               "the same layout");

static struct thread_mutex *our_mutex(pthread_mutex_t *mutex)
{
    return (struct thread_mutex *)&mutex->mutex;
}

static struct thread_cond *our_cond(pthread_cond_t *cond)
{
    return (struct thread_cond *)cond;
}

static struct thread_sem *our_sem(sem_t *sem)
{
    return (struct thread_sem *)sem;
}

/* ---- mutexes ---- */

int pthread_mutexattr_init(pthread_mutexattr_t *attr)
{
    attr->kind = PTHREAD_MUTEX_DEFAULT;
    return 0;
}

int pthread_mutexattr_destroy(pthread_mutexattr_t *attr)
{
    (void)attr;
    return 0;
}

int pthread_mutexattr_settype(pthread_mutexattr_t *attr, int kind)
{
    if (kind < PTHREAD_MUTEX_NORMAL || kind > PTHREAD_MUTEX_ERRORCHECK)
        return EINVAL;
    attr->kind = kind;
    return 0;
}

int pthread_mutexattr_gettype(const pthread_mutexattr_t *attr, int *kind)
{
    *kind = attr->kind;
    return 0;
}

int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr)
{
    thread_mutex_init(our_mutex(mutex));
    mutex->kind = attr != NULL ? attr->kind : PTHREAD_MUTEX_DEFAULT;
    return 0;
}

int pthread_mutex_destroy(pthread_mutex_t *mutex)
{
    return mutex->mutex.depth != 0 ? EBUSY : 0;
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (mutex->kind == PTHREAD_MUTEX_RECURSIVE) {
        thread_mutex_lock_nested(our_mutex(mutex));
        return 0;
    }
    if (mutex->kind == PTHREAD_MUTEX_ERRORCHECK && mutex->mutex.holder == thread_self())
        return EDEADLK;
    thread_mutex_lock(our_mutex(mutex));
    return 0;
}

int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
    if (mutex->kind == PTHREAD_MUTEX_RECURSIVE && mutex->mutex.holder == thread_self()) {
        thread_mutex_lock_nested(our_mutex(mutex));
        return 0;
    }
    return thread_mutex_trylock(our_mutex(mutex)) ? 0 : EBUSY;
}

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    if (mutex->mutex.holder != thread_self())
        return EPERM;
    thread_mutex_unlock(our_mutex(mutex));
    return 0;
}

/* ---- conditions ---- */

int pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attr)
{
    (void)attr;
    thread_cond_init(our_cond(cond));
    return 0;
}

int pthread_cond_destroy(pthread_cond_t *cond)
{
    return cond->queue != NULL ? EBUSY : 0;
}

int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    thread_cond_wait(our_cond(cond), our_mutex(mutex));
    return 0;
}

int pthread_cond_signal(pthread_cond_t *cond)
{
    thread_cond_signal(our_cond(cond));
    return 0;
}

int pthread_cond_broadcast(pthread_cond_t *cond)
{
    thread_cond_broadcast(our_cond(cond));
    return 0;
}

/* Not thread_once, whose function cannot be told apart from an earlier one that ended its
 * thread. */
int pthread_once(pthread_once_t *control, void (*function)(void))
{
    thread_mutex_lock(our_mutex(&control->mutex));
    if (control->state == 0) {
        control->state = 1;
        function();
    }
    thread_mutex_unlock(our_mutex(&control->mutex));
    return 0;
}

/* ---- read-write locks: waiting writers come before new readers ---- */

int pthread_rwlock_init(pthread_rwlock_t *lock, const pthread_rwlockattr_t *attr)
{
    (void)attr;
    *lock = (pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER;
    return 0;
}

int pthread_rwlock_destroy(pthread_rwlock_t *lock)
{
    return lock->readers != 0 ? EBUSY : 0;
}

int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
    pthread_mutex_lock(&lock->mutex);
    while (lock->readers < 0 || lock->writers_waiting > 0)
        pthread_cond_wait(&lock->changed, &lock->mutex);
    lock->readers++;
    return pthread_mutex_unlock(&lock->mutex);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
    pthread_mutex_lock(&lock->mutex);
    lock->writers_waiting++;
    while (lock->readers != 0)
        pthread_cond_wait(&lock->changed, &lock->mutex);
    lock->writers_waiting--;
    lock->readers = -1;
    return pthread_mutex_unlock(&lock->mutex);
}

int pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
    int result = 0;

    pthread_mutex_lock(&lock->mutex);
    if (lock->readers == 0) {
        result = EPERM;
    } else {
        lock->readers = lock->readers < 0 ? 0 : lock->readers - 1;
        pthread_cond_broadcast(&lock->changed);
    }
    pthread_mutex_unlock(&lock->mutex);
    return result;
}

/* ---- barriers and spin locks ---- */

int pthread_barrier_init(pthread_barrier_t *barrier, const pthread_barrierattr_t *attr,
                         unsigned count)
{
    (void)attr;
    if (count == 0)
        return EINVAL;
    *barrier = (pthread_barrier_t){ .wanted = count };
    return 0;
}

int pthread_barrier_destroy(pthread_barrier_t *barrier)
{
    return barrier->here != 0 ? EBUSY : 0;
}

int pthread_barrier_wait(pthread_barrier_t *barrier)
{
    int result = 0;

    pthread_mutex_lock(&barrier->mutex);
    unsigned round = barrier->round;
    if (++barrier->here == barrier->wanted) {
        barrier->here = 0;
        barrier->round++;
        pthread_cond_broadcast(&barrier->passed);
        result = PTHREAD_BARRIER_SERIAL_THREAD;
    }
    while (barrier->round == round)
        pthread_cond_wait(&barrier->passed, &barrier->mutex);
    pthread_mutex_unlock(&barrier->mutex);
    return result;
}

int pthread_spin_init(pthread_spinlock_t *lock, int shared)
{
    (void)shared;
    *lock = 0;
    return 0;
}

int pthread_spin_destroy(pthread_spinlock_t *lock)
{
    return *lock ? EBUSY : 0;
}

int pthread_spin_trylock(pthread_spinlock_t *lock)
{
    return __atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE) ? EBUSY : 0;
}

/* The holder shares our core, so spinning would only keep it from running. */
int pthread_spin_lock(pthread_spinlock_t *lock)
{
    while (pthread_spin_trylock(lock) != 0)
        thread_yield();
    return 0;
}

int pthread_spin_unlock(pthread_spinlock_t *lock)
{
    __atomic_store_n(lock, 0, __ATOMIC_RELEASE);
    return 0;
}

/* ---- semaphores ---- */

int sem_init(sem_t *sem, int shared, unsigned value)
{
    if (shared) {
        errno = ENOSYS;
        return -1;
    }
    thread_sem_init(our_sem(sem), value);
    return 0;
}

int sem_destroy(sem_t *sem)
{
    if (sem->queue != NULL) {
        errno = EBUSY;
        return -1;
    }
    return 0;
}

int sem_wait(sem_t *sem)
{
    thread_sem_wait(our_sem(sem));
    return 0;
}

int sem_trywait(sem_t *sem)
{
    if (!thread_sem_trywait(our_sem(sem))) {
        errno = EAGAIN;
        return -1;
    }
    return 0;
}

int sem_post(sem_t *sem)
{
    thread_sem_post(our_sem(sem));
    return 0;
}

int sem_getvalue(sem_t *sem, int *value)
{
    *value = (int)sem->value;
    return 0;
}
