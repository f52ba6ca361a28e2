/* SPDX-License-Identifier: MIT
 *
 * A client in a hurry: it binds, sends, calls, and closes before anything can have arrived, again
 * and again.  The server dispatches its waitset with several threads and has no error handler of
 * its own, so that whatever a binding leaves behind is the library's to close, also while a handler
 * runs.
 */
#include "mixer.h"

#define NAME "mixer.hurried"
#define STACK_BYTES (64u << 10)

static iref_t own_iref;

static void exported(void *st, errval_t err, iref_t iref)
{
    (void)st;
    CHECK(err_is_ok(err));
    own_iref = iref;
}

static void note(struct mixer_binding *b, uint32_t x)
{
    (void)b;
    if (x % 3 == 0)
        thread_yield(); /* another thread sees that the client has closed */
}

static errval_t twice(struct mixer_binding *b, uint32_t x, uint32_t *y)
{
    (void)b;
    if (x % 2 == 0)
        thread_yield();
    *y = 2 * x;
    return SYS_ERR_OK;
}

static errval_t connected(void *st, struct mixer_binding *b)
{
    (void)st;
    b->rx_vtbl.note = note;
    b->rpc_rx_vtbl.twice_call = twice;
    return SYS_ERR_OK;
}

static int serve(void *arg)
{
    (void)arg;
    for (;;)
        CHECK(err_is_ok(event_dispatch(get_default_waitset())));
}

int be_server(unsigned threads)
{
    struct waitset *ws = get_default_waitset();

    CHECK(err_is_ok(mixer_export(NULL, exported, connected, ws, IDC_EXPORT_FLAGS_DEFAULT)));
    while (own_iref == 0)
        CHECK(err_is_ok(event_dispatch(ws)));
    CHECK(err_is_ok(nameservice_register(NAME, own_iref)));
    for (unsigned i = 1; i < threads; i++)
        CHECK(thread_create_varstack(serve, NULL, STACK_BYTES) != NULL);
    return serve(NULL);
}

struct attempt {
    bool done;
    struct mixer_binding *b;
};

static void bound(void *st, errval_t err, struct mixer_binding *b)
{
    struct attempt *a = st;

    CHECK(err_is_ok(err));
    a->b = b;
    a->done = true;
}

static struct mixer_binding *bind_to(iref_t iref)
{
    struct attempt a = { .done = false };
    struct waitset *ws = get_default_waitset();

    CHECK(err_is_ok(mixer_bind(iref, bound, &a, ws, IDC_BIND_FLAGS_DEFAULT)));
    while (!a.done)
        CHECK(err_is_ok(event_dispatch(ws)));
    return a.b;
}

int be_hurried(unsigned rounds)
{
    iref_t iref;
    uint32_t y = 0;

    CHECK(err_is_ok(nameservice_blocking_lookup(NAME, &iref)));
    for (unsigned i = 0; i < rounds; i++) {
        struct mixer_binding *b = bind_to(iref);

        for (unsigned k = 0; k < i % 3; k++) {
            errval_t err = mixer_note__tx(b, NOP_CONT, i);
            CHECK(err_is_ok(err) || err_no(err) == FLOUNDER_ERR_TX_BUSY);
        }
        errval_t err = mixer_twice_call__tx(b, NOP_CONT, i); /* nobody waits for the answer */
        CHECK(err_is_ok(err) || err_no(err) == FLOUNDER_ERR_TX_BUSY);
        CHECK(err_is_ok(b->control(b, IDC_CONTROL_TEARDOWN)));
        for (unsigned k = 0; k < i % 20; k++)
            (void)event_dispatch_non_block(get_default_waitset()); /* nothing there is fine */
    }
    struct mixer_binding *b = bind_to(iref); /* the server lives, and has room */
    mixer_rpc_client_init(b);
    CHECK(err_is_ok(b->rpc_tx_vtbl.twice(b, rounds, &y)) && y == 2 * rounds);
    printf("mixer: %u bindings closed in a hurry\n", rounds);
    fflush(stdout);
    return 0;
}
