/* SPDX-License-Identifier: MIT
 *
 * Plain messages: a client sends two of them, one after the other; what cannot be sent now is sent
 * when register_send says so.
 */
#include <stdio.h>
#include <string.h>

#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <if/xmplmsg_defs.h>

static const char *my_service_name = "xmpl-msg_service";

struct client_state {
    struct xmplmsg_binding *b;
    int step;
};

static void run_client(void *arg)
{
    struct client_state *myst = arg;
    struct event_closure txcont = MKCONT(run_client, myst);
    errval_t err = SYS_ERR_OK;

    switch (myst->step) {
    case 0:
        err = xmplmsg_msg_ints__tx(myst->b, txcont, 0xaabb, 0xccdd);
        break;
    case 1:
        err = myst->b->tx_vtbl.msg_string(myst->b, txcont, "hello, world!");
        break;
    case 2:
        /* while the first is on its way the second has to wait */
        err = xmplmsg_msg_string__tx(myst->b, NOP_CONT, "first");
        if (err_is_ok(err))
            err = xmplmsg_msg_string__tx(myst->b, txcont, "last");
        break;
    default:
        printf("%u: client done\n", disp_get_core_id());
        return;
    }

    if (err_is_ok(err)) {
        myst->step++;
    } else if (err_no(err) == FLOUNDER_ERR_TX_BUSY) {
        err = myst->b->register_send(myst->b, get_default_waitset(), txcont);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "error in register_send");
    } else {
        USER_PANIC_ERR(err, "error sending");
    }
}

static void bind_cb(void *st, errval_t err, struct xmplmsg_binding *b)
{
    static struct client_state client;
    (void)st;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "bind failed");
    client.b = b;
    run_client(&client);
}

static void start_client(void)
{
    iref_t iref;
    errval_t err = nameservice_blocking_lookup(my_service_name, &iref);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "nameservice_blocking_lookup failed");
    printf("client: found iref %" PRIuIREF "\n", iref);
    err = xmplmsg_bind(iref, bind_cb, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "bind failed");
}

static void rx_msg_ints(struct xmplmsg_binding *b, int ignored, int value)
{
    (void)b;
    printf("server: received msg_ints %x %x\n", (unsigned)ignored, (unsigned)value);
}

static void rx_msg_string(struct xmplmsg_binding *b, const char *s)
{
    (void)b;
    printf("server: received msg_string %s\n", s);
}

static struct xmplmsg_rx_vtbl rx_vtbl = {
    .msg_ints = rx_msg_ints,
    .msg_string = rx_msg_string,
};

static errval_t connect_cb(void *st, struct xmplmsg_binding *b)
{
    (void)st;
    b->rx_vtbl = rx_vtbl;
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
    if (argc == 2 && strcmp(argv[1], "client") == 0) {
        start_client();
    } else {
        err = xmplmsg_export(NULL, export_cb, connect_cb, get_default_waitset(),
                             IDC_EXPORT_FLAGS_DEFAULT);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "export failed");
    }

    struct waitset *ws = get_default_waitset();
    while (1) {
        err = event_dispatch(ws);
        if (err_is_fail(err)) {
            DEBUG_ERR(err, "in event_dispatch");
            break;
        }
    }
    return 0;
}
