/* SPDX-License-Identifier: MIT
 *
 * Several threads call over one binding at the same time, while the main thread dispatches events.
 * Each must get its own answer.
 */
#include <stdio.h>
#include <string.h>

#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <barrelfish/threads.h>
#include <if/xmplrpc_defs.h>

#define THREADS 4
#define CALLS 50

static const char *my_service_name = "xmplthreads_service";
static struct xmplrpc_binding *binding;

static int caller(void *arg)
{
    uint64_t me = (uint64_t)(uintptr_t)arg;
    for (uint64_t i = 0; i < CALLS; i++) {
        char s[2048];
        uint64_t doubled = 0, n = me << 32 | i;
        int expected = (int)(me * 1000 + i), got;
        errval_t err = binding->rpc_tx_vtbl.twice(binding, n, &doubled);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "twice");
        err = binding->rpc_tx_vtbl.myrpc(binding, expected, s);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "myrpc");
        if (doubled != n * 2 || sscanf(s, "called with %d", &got) != 1 || got != expected)
            USER_PANIC("thread %u got somebody else's answer: %s", (unsigned)me, s);
    }
    return 1;
}

static int waiter(void *arg)
{
    struct thread *threads[THREADS];
    int sum = 0;
    (void)arg;
    for (uintptr_t i = 0; i < THREADS; i++) {
        threads[i] = thread_create(caller, (void *)(i + 1));
        assert(threads[i] != NULL);
    }
    for (int i = 0; i < THREADS; i++) {
        int ret = 0;
        errval_t err = thread_join(threads[i], &ret);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "thread_join");
        sum += ret;
    }
    printf("%u: client: %d threads got their answers\n", disp_get_core_id(), sum);
    return 0;
}

static void bind_cb(void *st, errval_t err, struct xmplrpc_binding *b)
{
    (void)st;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "bind failed");
    xmplrpc_rpc_client_init(b);
    binding = b;
    struct thread *t = thread_create(waiter, NULL);
    assert(t != NULL);
    thread_detach(t);
}

static errval_t rx_twice(struct xmplrpc_binding *b, uint64_t n, uint64_t *doubled)
{
    (void)b;
    *doubled = n * 2;
    return SYS_ERR_OK;
}

static errval_t rx_myrpc(struct xmplrpc_binding *b, int i, char *s)
{
    (void)b;
    snprintf(s, 2048, "called with %d", i);
    return SYS_ERR_OK;
}

static errval_t connect_cb(void *st, struct xmplrpc_binding *b)
{
    (void)st;
    b->rpc_rx_vtbl.twice_call = rx_twice;
    b->rpc_rx_vtbl.myrpc_call = rx_myrpc;
    return SYS_ERR_OK;
}

static void export_cb(void *st, errval_t err, iref_t iref)
{
    (void)st;
    if (err_is_ok(err))
        err = nameservice_register(my_service_name, iref);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "export failed");
}

int main(int argc, char *argv[])
{
    errval_t err;
    iref_t iref;
    if (argc == 2 && strcmp(argv[1], "client") == 0) {
        err = nameservice_blocking_lookup(my_service_name, &iref);
        if (err_is_ok(err))
            err = xmplrpc_bind(iref, bind_cb, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
    } else {
        err = xmplrpc_export(NULL, export_cb, connect_cb, get_default_waitset(),
                             IDC_EXPORT_FLAGS_DEFAULT);
    }
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "starting");
    while (1) {
        err = event_dispatch(get_default_waitset());
        if (err_is_fail(err)) {
            DEBUG_ERR(err, "in event_dispatch");
            break;
        }
    }
    return 0;
}
