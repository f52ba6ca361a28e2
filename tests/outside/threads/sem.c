#include <barrelfish/barrelfish.h>
#include <stdio.h>

static struct thread_sem ping, pong;
static int rounds;

static int ponger(void *arg)
{
    for (int i = 0; i < 100; i++) {
        thread_sem_wait(&ping);
        rounds++;
        thread_sem_post(&pong);
    }
    return 0;
}

int main(void)
{
    thread_sem_init(&ping, 0);
    thread_sem_init(&pong, 0);
    struct thread *t = thread_create(ponger, NULL);
    for (int i = 0; i < 100; i++) {
        thread_sem_post(&ping);
        thread_sem_wait(&pong);
        assert(rounds == i + 1);
    }
    thread_join(t, NULL);
    assert(!thread_sem_trywait(&pong));
    printf("th_sem: passed\n");
    return 0;
}
