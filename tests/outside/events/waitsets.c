/* A waitset of one's own, served by a thread of its own. */
#include <barrelfish/barrelfish.h>
#include <stdio.h>

static struct waitset mine;
static bool stop;
static int served;

static void handler(void *arg)
{
    served += (int)(uintptr_t)arg;
    stop = served >= 6;
}

static int server(void *arg)
{
    while (!stop) {
        errval_t err = event_dispatch(&mine);
        assert(err_is_ok(err));
    }
    return 0;
}

int main(void)
{
    struct deferred_event e[3];

    waitset_init(&mine);
    struct thread *t = thread_create(server, NULL);
    for (int i = 0; i < 3; i++) {
        deferred_event_init(&e[i]);
        errval_t err = deferred_event_register(&e[i], &mine, 200 * (i + 1),
                                               MKCLOSURE(handler, (void *)(uintptr_t)(i + 1)));
        assert(err_is_ok(err));
    }
    thread_join(t, NULL);
    assert(served == 6);
    assert(err_no(check_for_event(&mine)) == LIB_ERR_NO_EVENT);
    assert(err_is_ok(waitset_destroy(&mine)));
    printf("ev_waitsets: passed\n");
    return 0;
}
