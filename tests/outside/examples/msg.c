/* As in the overview: client and server, messages of integers and strings, resends when busy. */
#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <if/xmplmsg_defs.h>
#include <stdio.h>
#include <string.h>

static const char *my_service_name = "xmpl-msg_service";

static struct {
    int sent;
    struct xmplmsg_binding *b;
} client;

static char long_string[1600];

static void run_client(void *arg)
{
    struct xmplmsg_binding *b = client.b;
    struct event_closure txcont = MKCONT(run_client, NULL);
    errval_t err;

    switch (client.sent) {
    case 0:
        err = xmplmsg_msg_ints__tx(b, txcont, 22, 42);
        break;
    case 1:
        err = xmplmsg_msg_string__tx(b, txcont, "Hello World");
        break;
    case 2:
        err = xmplmsg_msg_string__tx(b, txcont, long_string);
        break;
    default:
        printf("ex_msg: client passed\n");
        exit(EXIT_SUCCESS);
    }
    if (err_is_ok(err)) {
        client.sent++;
    } else if (err_no(err) == FLOUNDER_ERR_TX_BUSY) {
        err = b->register_send(b, get_default_waitset(), txcont);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "register_send");
    } else {
        USER_PANIC_ERR(err, "sending message %d", client.sent);
    }
}

static void bind_cb(void *st, errval_t err, struct xmplmsg_binding *b)
{
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "bind failed");
    client.b = b;
    memset(long_string, 'x', sizeof(long_string) - 1);
    run_client(NULL);
}

static int received;

static void rx_msg_ints(struct xmplmsg_binding *b, int i, int j)
{
    if (i != 22 || j != 42)
        USER_PANIC("wrong numbers");
    received++;
}

static void rx_msg_string(struct xmplmsg_binding *b, const char *s)
{
    received++;
    if (received == 2 && strcmp(s, "Hello World") != 0)
        USER_PANIC("wrong string");
    if (received == 3)
        printf("ex_msg: server passed, %zu bytes\n", strlen(s));
}

static struct xmplmsg_rx_vtbl rx_vtbl = {
    .msg_ints = rx_msg_ints,
    .msg_string = rx_msg_string,
};

static errval_t connect_cb(void *st, struct xmplmsg_binding *b)
{
    b->rx_vtbl = rx_vtbl;
    return SYS_ERR_OK;
}

static void export_cb(void *st, errval_t err, iref_t iref)
{
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "export failed");
    err = nameservice_register(my_service_name, iref);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "nameservice_register failed");
}

static void gone(struct xmplmsg_binding *b, errval_t err)
{
    exit(received == 3 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static errval_t connect_and_watch(void *st, struct xmplmsg_binding *b)
{
    b->error_handler = gone;
    return connect_cb(st, b);
}

int main(int argc, char *argv[])
{
    errval_t err;
    iref_t iref;

    if (argc == 2 && strcmp(argv[1], "client") == 0) {
        err = nameservice_blocking_lookup(my_service_name, &iref);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "nameservice_blocking_lookup failed");
        err = xmplmsg_bind(iref, bind_cb, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
    } else {
        err = xmplmsg_export(NULL, export_cb, connect_and_watch, get_default_waitset(),
                             IDC_EXPORT_FLAGS_DEFAULT);
    }
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "starting");
    messages_handler_loop();
}
