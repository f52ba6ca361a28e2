#include <barrelfish/barrelfish.h>
#include <stdio.h>

static volatile int counter;
static volatile bool stop;

static int count(void *arg)
{
    while (!stop) {
        counter++;
        thread_yield();
    }
    return 5;
}

int main(void)
{
    struct thread *t = thread_create(count, NULL);
    int seen, ret;

    while (counter < 10)
        thread_yield();
    thread_pause(t);
    seen = counter;
    for (int i = 0; i < 20; i++)
        thread_yield();
    assert(counter == seen);
    thread_resume(t);
    while (counter < seen + 5)
        thread_yield();
    stop = true;
    assert(err_is_ok(thread_join(t, &ret)) && ret == 5);
    struct thread *d = thread_create(count, NULL);
    assert(err_is_ok(thread_detach(d)));
    assert(err_no(thread_join(d, NULL)) == LIB_ERR_THREAD_JOIN_DETACHED);
    printf("th_pause: passed\n");
    return 0;
}
