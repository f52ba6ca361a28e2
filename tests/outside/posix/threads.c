#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t key;
static int destroyed, sum;

static void destroy(void *value)
{
    assert(value == (void *)5);
    destroyed++;
}

static void *worker(void *arg)
{
    long n = (long)arg;

    pthread_setspecific(key, (void *)5);
    for (int i = 0; i < 100; i++) {
        pthread_mutex_lock(&mutex);
        sum += n;
        pthread_mutex_unlock(&mutex);
    }
    if (n == 2)
        pthread_exit((void *)22);
    return (void *)(n * 11);
}

int main(void)
{
    pthread_t t[3];
    pthread_attr_t attr;
    void *value;

    assert(pthread_key_create(&key, destroy) == 0);
    pthread_attr_init(&attr);
    assert(pthread_attr_setstacksize(&attr, 32768) == 0 &&
           pthread_attr_setstacksize(&attr, 5) == EINVAL);
    for (long i = 0; i < 3; i++)
        assert(pthread_create(&t[i], i == 1 ? &attr : NULL, worker, (void *)(i + 1)) == 0);
    for (long i = 0; i < 3; i++) {
        assert(pthread_join(t[i], &value) == 0);
        assert((long)value == (i + 1) * 11);
    }
    assert(sum == 600 && destroyed == 3);
    assert(pthread_equal(pthread_self(), pthread_self()));
    assert(pthread_join(pthread_self(), NULL) == EDEADLK);
    assert(pthread_getspecific(key) == NULL);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    size_t bytes;
    int state;
    assert(pthread_attr_getstacksize(&attr, &bytes) == 0 && bytes == 32768);
    assert(pthread_attr_getdetachstate(&attr, &state) == 0 && state == PTHREAD_CREATE_DETACHED);
    assert(pthread_create(&t[0], &attr, worker, (void *)1) == 0);
    while (destroyed < 4)
        sched_yield();
    assert(pthread_key_delete(key) == 0 && pthread_setspecific(key, &key) == EINVAL);
    printf("px_threads: passed\n");
    return 0;
}
