#include <barrelfish/barrelfish.h>
#include <barrelfish/deferred.h>
#include <stdio.h>

static int order[3], count;

static void fired(void *arg)
{
    order[count++] = (int)(uintptr_t)arg;
}

int main(void)
{
    struct deferred_event e[4];
    struct waitset *ws = get_default_waitset();
    delayus_t delays[] = { 3000, 1000, 2000, 1500 };

    for (int i = 0; i < 4; i++) {
        deferred_event_init(&e[i]);
        errval_t err =
            deferred_event_register(&e[i], ws, delays[i], MKCLOSURE(fired, (void *)(uintptr_t)i));
        assert(err_is_ok(err));
    }
    assert(err_no(deferred_event_register(&e[0], ws, 1, NOP_CLOSURE)) ==
           LIB_ERR_CHAN_ALREADY_REGISTERED);
    assert(err_is_ok(deferred_event_cancel(&e[3])));
    systime_t start = get_system_time();
    while (count < 3) {
        event_dispatch(ws);
    }
    assert(get_system_time() - start >= 2000000);
    assert(order[0] == 1 && order[1] == 2 && order[2] == 0);
    assert(err_no(event_dispatch_non_block(ws)) == LIB_ERR_NO_EVENT);
    printf("ev_deferred: passed\n");
    return 0;
}
