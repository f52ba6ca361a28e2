/* A call from inside the callback of bind; the server answers at once, or later. */
#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <if/xmplrpc_defs.h>
#include <stdio.h>
#include <string.h>

static const char my_service_name[] = "xmplrpc_service";
static char s[2048];

static void bind_cb(void *st, errval_t err, struct xmplrpc_binding *b)
{
    uint8_t data[1000];
    uint64_t total = 0;

    if (err_is_fail(err))
        USER_PANIC_ERR(err, "bind failed");
    xmplrpc_rpc_client_init(b);
    err = b->rpc_tx_vtbl.myrpc(b, 42, s);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "myrpc");
    for (int i = 0; i < 1000; i++)
        data[i] = i % 10;
    err = b->rpc_tx_vtbl.sum(b, data, sizeof(data), &total);
    if (err_is_fail(err) || total != 4500)
        USER_PANIC_ERR(err, "sum: %" PRIu64, total);
    printf("ex_rpc: client passed: %s\n", s);
    char *volatile p = s;
    free(p); /* people do: it must not harm */
    exit(0);
}

static void late_answer(void *arg)
{
    struct xmplrpc_binding *b = arg;
    static char reply[64];

    snprintf(reply, sizeof(reply), "!!! for %d", 42);
    errval_t err = xmplrpc_myrpc_response__tx(b, NOP_CONT, reply);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "answering");
}

static void rx_myrpc(struct xmplrpc_binding *b, int i)
{
    static struct deferred_event later;

    deferred_event_init(&later);
    errval_t err =
        deferred_event_register(&later, get_default_waitset(), 100, MKCLOSURE(late_answer, b));
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "deferring");
}

static errval_t rx_sum(struct xmplrpc_binding *b, const uint8_t *data, size_t len, uint64_t *total)
{
    *total = 0;
    for (size_t i = 0; i < len; i++)
        *total += data[i];
    return SYS_ERR_OK;
}

static void gone(struct xmplrpc_binding *b, errval_t err)
{
    printf("ex_rpc: server passed\n");
    exit(err_no(err) == FLOUNDER_ERR_BINDING_CLOSED ? 0 : 1);
}

static errval_t connect_cb(void *st, struct xmplrpc_binding *b)
{
    b->rx_vtbl.myrpc_call = rx_myrpc;
    b->rpc_rx_vtbl.sum_call = rx_sum;
    b->error_handler = gone;
    return SYS_ERR_OK;
}

static void export_cb(void *st, errval_t err, iref_t iref)
{
    if (err_is_ok(err))
        err = nameservice_register(my_service_name, iref);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "export failed");
}

int main(int argc, char *argv[])
{
    errval_t err;

    if (argc > 1 && strcmp(argv[1], "client") == 0) {
        iref_t iref;
        err = nameservice_blocking_lookup(my_service_name, &iref);
        if (err_is_ok(err))
            err = xmplrpc_bind(iref, bind_cb, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
    } else {
        err = xmplrpc_export(NULL, export_cb, connect_cb, get_default_waitset(),
                             IDC_EXPORT_FLAGS_DEFAULT);
    }
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "starting");
    while (true)
        messages_wait_and_handle_next();
}
