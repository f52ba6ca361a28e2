#include <barrelfish/barrelfish.h>
#include <stdio.h>

static __thread int mine = 7;
static __thread char text[16];

static int go(void *arg)
{
    int n = (int)(uintptr_t)arg;

    assert(mine == 7 && text[0] == '\0');
    mine = n;
    snprintf(text, sizeof(text), "thread %d", n);
    thread_set_tls_key(1, &mine);
    thread_yield();
    assert(mine == n && thread_get_tls_key(1) == &mine && text[7] == '0' + n);
    assert(thread_self() != NULL);
    return 0;
}

int main(void)
{
    struct thread *t[3];

    for (int i = 0; i < 3; i++)
        t[i] = thread_create(go, (void *)(uintptr_t)(i + 1));
    for (int i = 0; i < 3; i++)
        thread_join(t[i], NULL);
    assert(mine == 7);
    printf("th_local: passed\n");
    return 0;
}
