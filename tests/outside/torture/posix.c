/* The same under POSIX names. */
#include "torture.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>

static int todo;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_spinlock_t spin;
static pthread_key_t key;
static sem_t slots;
static volatile int readers, writers, ended, level, in_slots;
static long sum;

static void destroyed(void *value)
{
    HOLDS(value == &ended);
    __atomic_add_fetch(&ended, 1, __ATOMIC_RELAXED);
}

static void *worker(void *arg)
{
    unsigned state = (uintptr_t)arg;
    HOLDS(pthread_setspecific(key, (void *)&ended) == 0);
    for (int i = 0; i < todo; i++) {
        if (i % 4 == (int)((uintptr_t)arg % 4)) {
            HOLDS(pthread_rwlock_wrlock(&rwlock) == 0);
            HOLDS(__atomic_add_fetch(&writers, 1, __ATOMIC_RELAXED) == 1 && readers == 0);
            waste(&state);
            __atomic_sub_fetch(&writers, 1, __ATOMIC_RELAXED);
        } else {
            HOLDS(pthread_rwlock_rdlock(&rwlock) == 0);
            __atomic_add_fetch(&readers, 1, __ATOMIC_RELAXED);
            HOLDS(writers == 0);
            waste(&state);
            __atomic_sub_fetch(&readers, 1, __ATOMIC_RELAXED);
        }
        HOLDS(pthread_rwlock_unlock(&rwlock) == 0);

        HOLDS(sem_wait(&slots) == 0);
        HOLDS(__atomic_add_fetch(&in_slots, 1, __ATOMIC_RELAXED) <= 2);
        waste(&state);
        __atomic_sub_fetch(&in_slots, 1, __ATOMIC_RELAXED);
        HOLDS(sem_post(&slots) == 0);

        HOLDS(pthread_spin_lock(&spin) == 0);
        sum++;
        HOLDS(pthread_spin_unlock(&spin) == 0);

        HOLDS(pthread_mutex_lock(&lock) == 0);
        level++;
        pthread_cond_broadcast(&changed);
        while (level < (i + 1) * THREADS)
            HOLDS(pthread_cond_wait(&changed, &lock) == 0);
        HOLDS(pthread_mutex_unlock(&lock) == 0);
        pthread_barrier_wait(&barrier);
    }
    HOLDS(pthread_mutex_lock(&lock) == 0 && pthread_mutex_trylock(&lock) == EBUSY);
    HOLDS(pthread_mutex_unlock(&lock) == 0);
    if ((uintptr_t)arg % 2 == 0)
        pthread_exit(arg);
    return arg;
}

void posix(int rounds)
{
    pthread_t thread[THREADS];
    void *value;
    todo = rounds / 4 + 1;
    sum = level = ended = 0;
    HOLDS(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    HOLDS(pthread_spin_init(&spin, 0) == 0 && sem_init(&slots, 0, 2) == 0);
    HOLDS(pthread_key_create(&key, destroyed) == 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        HOLDS(pthread_create(&thread[i], NULL, worker, (void *)i) == 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        HOLDS(pthread_join(thread[i], &value) == 0 && value == (void *)i);
    HOLDS(sum == (long)todo * THREADS && ended == THREADS);
    HOLDS(pthread_key_delete(key) == 0 && pthread_barrier_destroy(&barrier) == 0);
    HOLDS(pthread_rwlock_destroy(&rwlock) == 0 && pthread_cond_destroy(&changed) == 0);
}
