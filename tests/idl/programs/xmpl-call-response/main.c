/* SPDX-License-Identifier: MIT
 *
 * The older dialect: a call and its response are two messages.  The response's string lives until
 * the continuation, which frees it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <if/xmplcr_defs.h>

static const char *my_service_name = "xmplcr_service";

static void rx_myresponse(struct xmplcr_binding *b, const char *s)
{
    (void)b;
    printf("%u: client: myresponse has %zu letters: %.8s...%s\n", disp_get_core_id(), strlen(s), s,
           s + strlen(s) - 4);
}

static struct xmplcr_rx_vtbl client_rx_vtbl = {
    .mycall = NULL,
    .myresponse = rx_myresponse,
};

static void bind_cb(void *st, errval_t err, struct xmplcr_binding *b)
{
    (void)st;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "bind failed");
    b->rx_vtbl = client_rx_vtbl;
    err = xmplcr_mycall__tx(b, NOP_CONT, 42);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "mycall");
}

struct server_state {
    struct xmplcr_binding *b;
    char *s;
};

static void send_myresponse_cb(void *a)
{
    struct server_state *st = a;
    free(st->s);
    free(st);
}

static void send_myresponse(void *a)
{
    struct server_state *st = a;
    errval_t err = xmplcr_myresponse__tx(st->b, MKCONT(send_myresponse_cb, st), st->s);
    if (err_is_fail(err)) {
        if (err_no(err) == FLOUNDER_ERR_TX_BUSY)
            err = st->b->register_send(st->b, get_default_waitset(), MKCONT(send_myresponse, st));
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "myresponse");
    }
}

static void rx_mycall(struct xmplcr_binding *b, int i)
{
    struct server_state *st = malloc(sizeof(*st));
    char *s = malloc(2000);
    assert(st != NULL && s != NULL);
    snprintf(s, 2000, "!%d!%01900d", i, 7);
    st->b = b;
    st->s = s;
    send_myresponse(st);
}

static struct xmplcr_rx_vtbl server_rx_vtbl = {
    .mycall = rx_mycall,
    .myresponse = NULL,
};

static errval_t connect_cb(void *st, struct xmplcr_binding *b)
{
    (void)st;
    b->rx_vtbl = server_rx_vtbl;
    return SYS_ERR_OK;
}

static void export_cb(void *st, errval_t err, iref_t iref)
{
    (void)st;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "export failed");
    err = nameservice_register(my_service_name, iref);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "nameservice_register failed");
}

int main(int argc, char *argv[])
{
    errval_t err;
    iref_t iref;
    if (argc == 2 && strcmp(argv[1], "client") == 0) {
        err = nameservice_blocking_lookup(my_service_name, &iref);
        if (err_is_ok(err))
            err = xmplcr_bind(iref, bind_cb, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
    } else {
        err = xmplcr_export(NULL, export_cb, connect_cb, get_default_waitset(),
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
