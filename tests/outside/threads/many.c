#include <barrelfish/barrelfish.h>
#include <stdio.h>

static struct thread_mutex lock;
static struct thread_sem sem = THREAD_SEM_INITIALIZER;
static int started;
static unsigned long sum;

static int worker(void *arg)
{
    int id = (int)(uintptr_t)arg;

    thread_mutex_lock(&lock);
    started++;
    thread_mutex_unlock(&lock);
    for (int i = 0; i < 100; i++) {
        thread_mutex_lock(&lock);
        sum += id;
        thread_mutex_unlock(&lock);
        if (i % 10 == 0)
            thread_yield();
    }
    thread_sem_post(&sem);
    return id;
}

int main(int argc, char *argv[])
{
    int count = argc > 1 ? atoi(argv[1]) : 8;
    struct thread **threads = malloc(sizeof(struct thread *) * count);
    int total = 0;

    assert(threads != NULL);
    thread_mutex_init(&lock);
    for (int i = 0; i < count; i++) {
        threads[i] = thread_create_varstack(worker, (void *)(uintptr_t)i, 16384);
        assert(threads[i] != NULL);
    }
    while (*(volatile int *)&started != count)
        thread_yield();
    for (int i = 0; i < count; i++)
        thread_sem_wait(&sem);
    for (int i = 0; i < count; i++) {
        int ret;
        errval_t err = thread_join(threads[i], &ret);
        assert(err_is_ok(err));
        total += ret;
    }
    free(threads);
    assert(total == count * (count - 1) / 2);
    assert(sum == 100ul * total);
    printf("th_many: passed with %d threads\n", count);
    return 0;
}
