/* SPDX-License-Identifier: MIT
 *
 * Remote procedures in every style: the server answers one through messages (rx_vtbl and a later
 * response), the other as a function (rpc_rx_vtbl); the client calls through rpc_tx_vtbl inside its
 * bind callback, in the older style, and last as messages.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <if/xmplrpc_defs.h>

static const char *my_service_name = "xmplrpc_rpc_service";

static void rx_myrpc_response(struct xmplrpc_binding *b, const char *s)
{
    (void)b;
    printf("%u: client: as messages: %s\n", disp_get_core_id(), s);
}

static void (*volatile release)(void *) = free; /* so that the compiler does not object */

static void bind_cb(void *st, errval_t err, struct xmplrpc_binding *b)
{
    static char result[2048];
    struct xmplrpc_rpc_client old;
    uint64_t doubled;
    char *s;

    (void)st;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "bind failed");
    xmplrpc_rpc_client_init(b);
    err = b->rpc_tx_vtbl.myrpc(b, 7, result);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "myrpc");
    printf("%u: client: in the bind callback: %s\n", disp_get_core_id(), result);
    release(result); /* not from malloc: a habit of programs for this API, which must pass */
    err = b->rpc_tx_vtbl.twice(b, UINT64_C(1) << 40, &doubled);
    if (err_is_fail(err) || doubled != UINT64_C(1) << 41)
        USER_PANIC_ERR(err, "twice");
    err = b->rpc_tx_vtbl.twice(b, 1, NULL); /* who does not want a result says so */
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "twice without result");

    err = xmplrpc_rpc_client_init(&old, b);
    if (err_is_ok(err))
        err = old.vtbl.myrpc(&old, 8, &s);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "myrpc in the older style");
    printf("%u: client: in the older style: %s\n", disp_get_core_id(), s);
    free(s);

    b->rx_vtbl.myrpc_response = rx_myrpc_response;
    err = xmplrpc_myrpc_call__tx(b, NOP_CONT, 9);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "myrpc_call");
}

struct server_state {
    struct xmplrpc_binding *b;
    char s[64];
};

static void send_response(void *arg)
{
    struct server_state *st = arg;
    errval_t err = xmplrpc_myrpc_response__tx(st->b, MKCONT(free, st), st->s);
    if (err_no(err) == FLOUNDER_ERR_TX_BUSY)
        err = st->b->register_send(st->b, get_default_waitset(), MKCONT(send_response, st));
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "myrpc_response");
}

static void rx_myrpc_call(struct xmplrpc_binding *b, int i)
{
    struct server_state *st = malloc(sizeof(*st));
    assert(st != NULL);
    st->b = b;
    snprintf(st->s, sizeof(st->s), "called with %d", i);
    send_response(st);
}

static errval_t rx_twice(struct xmplrpc_binding *b, uint64_t n, uint64_t *doubled)
{
    (void)b;
    *doubled = n * 2;
    return SYS_ERR_OK;
}

static errval_t connect_cb(void *st, struct xmplrpc_binding *b)
{
    (void)st;
    b->rx_vtbl.myrpc_call = rx_myrpc_call;
    b->rpc_rx_vtbl.twice_call = rx_twice;
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
