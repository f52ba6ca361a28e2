#include <barrelfish/barrelfish.h>
#include <barrelfish/event_queue.h>
#include <stdio.h>

static int seen;

static void add(void *arg)
{
    seen = seen * 10 + (int)(uintptr_t)arg;
}

int main(void)
{
    struct event_queue q;
    struct event_queue_node n[3];

    event_queue_init(&q, get_default_waitset(), EVENT_QUEUE_CONTINUOUS);
    for (int i = 0; i < 3; i++)
        event_queue_add(&q, &n[i], MKCLOSURE(add, (void *)(uintptr_t)(i + 1)));
    assert(err_is_ok(event_queue_cancel(&q, &n[1])));
    event_dispatch(get_default_waitset());
    event_dispatch(get_default_waitset());
    assert(seen == 13);
    printf("ev_queue: passed\n");
    return 0;
}
