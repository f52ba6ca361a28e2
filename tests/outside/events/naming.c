#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <stdio.h>

static int waiter(void *arg)
{
    iref_t iref = 0;
    errval_t err = nameservice_blocking_lookup("outside_name", &iref);

    assert(err_is_ok(err));
    return (int)iref;
}

int main(void)
{
    iref_t iref;
    int got = 0;

    errval_t err = nameservice_client_blocking_bind();
    assert(err_is_ok(err));
    err = nameservice_lookup("outside_name", &iref);
    assert(err_no(err) == LIB_ERR_NAMESERVICE_UNKNOWN_NAME);
    struct thread *t = thread_create(waiter, NULL);
    thread_yield();
    err = nameservice_register("outside_name", 77);
    assert(err_is_ok(err));
    thread_join(t, &got);
    assert(got == 77);
    err = nameservice_unregister("outside_name");
    assert(err_is_ok(err));
    assert(err_is_fail(nameservice_lookup("outside_name", &iref)));
    printf("ev_naming: passed\n");
    return 0;
}
