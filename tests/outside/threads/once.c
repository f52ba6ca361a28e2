#include <barrelfish/barrelfish.h>
#include <stdio.h>

static thread_once_t once = THREAD_ONCE_INIT;
static int runs;

static void init(void)
{
    thread_yield();
    runs++;
}

static int go(void *arg)
{
    thread_once(&once, init);
    return runs;
}

int main(void)
{
    struct thread *t[4];

    for (int i = 0; i < 4; i++)
        t[i] = thread_create(go, NULL);
    for (int i = 0; i < 4; i++) {
        int seen;
        thread_join(t[i], &seen);
        assert(seen == 1);
    }
    printf("th_once: passed\n");
    return 0;
}
