#include <barrelfish/barrelfish.h>
#include <stdio.h>

#define SLOTS 4
#define ITEMS 200

static struct thread_mutex mutex = THREAD_MUTEX_INITIALIZER;
static struct thread_cond not_empty = THREAD_COND_INITIALIZER, not_full = THREAD_COND_INITIALIZER;
static int buffer[SLOTS], filled;

static int producer(void *arg)
{
    for (int i = 1; i <= ITEMS; i++) {
        thread_mutex_lock(&mutex);
        while (filled == SLOTS)
            thread_cond_wait(&not_full, &mutex);
        buffer[filled++] = i;
        thread_cond_signal(&not_empty);
        thread_mutex_unlock(&mutex);
    }
    return 0;
}

int main(void)
{
    struct thread *p = thread_create(producer, NULL);
    int sum = 0;

    for (int got = 0; got < ITEMS; got++) {
        thread_mutex_lock(&mutex);
        while (filled == 0)
            thread_cond_wait(&not_empty, &mutex);
        sum += buffer[--filled];
        thread_cond_broadcast(&not_full);
        thread_mutex_unlock(&mutex);
    }
    thread_join(p, NULL);
    assert(sum == ITEMS * (ITEMS + 1) / 2);
    printf("th_cond: passed\n");
    return 0;
}
