#include <barrelfish/barrelfish.h>
#include <stdio.h>

static int ticks;

static void tick(void *arg)
{
    ticks++;
}

int main(void)
{
    struct periodic_event p;

    errval_t err = periodic_event_create(&p, get_default_waitset(), 500, MKCLOSURE(tick, NULL));
    assert(err_is_ok(err));
    while (ticks < 5)
        messages_wait_and_handle_next();
    err = periodic_event_cancel(&p);
    assert(err_is_ok(err));
    barrelfish_usleep(2000);
    assert(ticks == 5);
    printf("ev_periodic: passed\n");
    return 0;
}
