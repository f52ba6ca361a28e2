#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/param.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_barrier_t barrier;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_spinlock_t spin;
static sem_t sem;
static int onces, serial, value, ready;

static void init(void)
{
    onces++;
}

static void *go(void *arg)
{
    pthread_once(&once, init);
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
        serial++;
    pthread_rwlock_wrlock(&rwlock);
    int before = value;
    sched_yield();
    value = before + 1;
    pthread_rwlock_unlock(&rwlock);
    pthread_spin_lock(&spin);
    ready++;
    pthread_spin_unlock(&spin);
    pthread_mutex_lock(&mutex);
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    sem_post(&sem);
    return NULL;
}

int main(void)
{
    pthread_t t[4];
    pthread_mutexattr_t attr;
    pthread_mutex_t nested;
    int left;

    sem_init(&sem, 0, 0);
    pthread_spin_init(&spin, 0);
    pthread_barrier_init(&barrier, NULL, nitems(t));
    for (unsigned i = 0; i < nitems(t); i++)
        assert(pthread_create(&t[i], NULL, go, NULL) == 0);
    pthread_mutex_lock(&mutex);
    while (ready < 4)
        pthread_cond_wait(&cond, &mutex);
    pthread_mutex_unlock(&mutex);
    for (unsigned i = 0; i < nitems(t); i++) {
        assert(sem_wait(&sem) == 0);
        pthread_join(t[i], NULL);
    }
    assert(onces == 1 && serial == 1 && value == 4);
    assert(sem_trywait(&sem) == -1 && errno == EAGAIN);
    assert(sem_getvalue(&sem, &left) == 0 && left == 0);
    assert(sem_init(&sem, 1, 0) == -1 && errno == ENOSYS);
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&nested, &attr);
    assert(pthread_mutex_lock(&nested) == 0 && pthread_mutex_trylock(&nested) == 0);
    assert(pthread_mutex_destroy(&nested) == EBUSY);
    assert(pthread_mutex_unlock(&nested) == 0 && pthread_mutex_unlock(&nested) == 0);
    assert(pthread_mutex_unlock(&nested) == EPERM);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&nested, &attr);
    assert(pthread_mutex_lock(&nested) == 0 && pthread_mutex_lock(&nested) == EDEADLK);
    assert(pthread_rwlock_rdlock(&rwlock) == 0 && pthread_rwlock_rdlock(&rwlock) == 0);
    assert(pthread_rwlock_unlock(&rwlock) == 0 && pthread_rwlock_unlock(&rwlock) == 0);
    assert(pthread_rwlock_unlock(&rwlock) == EPERM);
    assert(pthread_mutexattr_gettype(&attr, &left) == 0 && left == PTHREAD_MUTEX_ERRORCHECK);
    assert(pthread_mutexattr_destroy(&attr) == 0);
    assert(pthread_rwlock_destroy(&rwlock) == 0 && pthread_rwlock_init(&rwlock, NULL) == 0);
    assert(pthread_barrier_destroy(&barrier) == 0 && pthread_spin_destroy(&spin) == 0);
    assert(sem_destroy(&sem) == 0);
    printf("px_sync: passed\n");
    return 0;
}
