#include <barrelfish/barrelfish.h>
#include <barrelfish/deferred.h>
#include <stdio.h>

static int order[4], count;

static void fired(void *arg)
{
    order[count++] = (int)(uintptr_t)arg;
}

int main(void)
{
    struct deferred_event e[4];
    struct waitset *ws = get_default_waitset();
    delayus_t delays[] = { 3000, 1000, 2000, 1500 };
    systime_t before[4], after[4];

    for (int i = 0; i < 4; i++) {
        deferred_event_init(&e[i]);
        before[i] = get_system_time() + delays[i] * 1000;
        errval_t err =
            deferred_event_register(&e[i], ws, delays[i], MKCLOSURE(fired, (void *)(uintptr_t)i));
        assert(err_is_ok(err));
        after[i] = get_system_time() + delays[i] * 1000;
    }
    /* on a slow machine it may have come already */
    bool cancelled = err_is_ok(deferred_event_cancel(&e[3]));
    while (count < (cancelled ? 3 : 4))
        event_dispatch(ws);
    for (int i = 0; i + 1 < count; i++)
        assert(before[order[i]] <= after[order[i + 1]]);
    assert(get_system_time() >= before[0]);
    assert(err_no(event_dispatch_non_block(ws)) == LIB_ERR_NO_EVENT);
    assert(err_is_ok(deferred_event_register(&e[0], ws, 1000000, NOP_CLOSURE)));
    assert(err_no(deferred_event_register(&e[0], ws, 1, NOP_CLOSURE)) ==
           LIB_ERR_CHAN_ALREADY_REGISTERED);
    assert(err_is_ok(deferred_event_cancel(&e[0])));
    printf("ev_deferred: passed\n");
    return 0;
}
