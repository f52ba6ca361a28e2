#include <barrelfish/barrelfish.h>
#include <stdio.h>

static struct thread_mutex m = THREAD_MUTEX_INITIALIZER;
static int inside, most;

static int enter(void *arg)
{
    for (int i = 0; i < 50; i++) {
        thread_mutex_lock(&m);
        inside++;
        most = inside > most ? inside : most;
        thread_yield();
        inside--;
        thread_mutex_unlock(&m);
    }
    return 0;
}

int main(void)
{
    struct thread *t[3];

    for (int i = 0; i < 3; i++)
        t[i] = thread_create(enter, NULL);
    for (int i = 0; i < 3; i++)
        thread_join(t[i], NULL);
    assert(most == 1);
    thread_mutex_lock_nested(&m);
    thread_mutex_lock_nested(&m);
    assert(!thread_mutex_trylock(&m));
    thread_mutex_unlock(&m);
    thread_mutex_unlock(&m);
    assert(thread_mutex_trylock(&m));
    printf("th_mutex: passed\n");
    return 0;
}
