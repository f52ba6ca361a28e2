/* SPDX-License-Identifier: MIT
 *
 * Hello world over inter-dispatcher communication (overview 2.2.2).
 *
 *   myapp server    exports the interface, registers it, and prints each message it receives
 *   myapp client    looks the server up, binds to it, and sends one message, or as many as a
 *                   further argument says, one after the other
 *
 * The same program on one core or on two: which channel carries the message is decided when the
 * client binds, and nothing here depends on it.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <if/myappif_defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char service_name[] = "myapp_service";

/* ---- server ---- */

static void rx_hello(struct myappif_binding *b)
{
    (void)b;
    printf("hello message received!\n");
}

static const struct myappif_rx_vtbl server_rx_vtbl = {
    .hello = rx_hello,
};

static errval_t connected(void *st, struct myappif_binding *b)
{
    (void)st;
    b->rx_vtbl = server_rx_vtbl;
    return SYS_ERR_OK;
}

static void exported(void *st, errval_t err, iref_t iref)
{
    (void)st;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "exporting the interface failed");
    err = nameservice_register(service_name, iref);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "registering %s failed", service_name);
    printf("server ready\n");
}

static void start_server(void)
{
    errval_t err =
        myappif_export(NULL, exported, connected, get_default_waitset(), IDC_EXPORT_FLAGS_DEFAULT);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "exporting the interface failed");
}

/* ---- client ---- */

static int hellos_left = 1;

static void send_hello(struct myappif_binding *b);

static void hello_sent(void *arg)
{
    printf("hello message sent\n");
    if (--hellos_left > 0)
        send_hello(arg);
}

static void send_hello(struct myappif_binding *b)
{
    errval_t err = myappif_hello__tx(b, MKCONT(hello_sent, b));
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "sending hello failed");
}

/* The other end has died, or what is between us has. */
static void broken(struct myappif_binding *b, errval_t err)
{
    (void)b;
    printf("the server is gone: %s\n", err_getcode(err));
}

static void bound(void *st, errval_t err, struct myappif_binding *b)
{
    (void)st;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "binding to %s failed", service_name);
    b->error_handler = broken;
    send_hello(b);
}

static void start_client(void)
{
    iref_t iref;
    errval_t err = nameservice_blocking_lookup(service_name, &iref);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "looking up %s failed", service_name);
    err = myappif_bind(iref, bound, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "binding to %s failed", service_name);
}

int main(int argc, char *argv[])
{
    if (argc == 2 && strcmp(argv[1], "server") == 0) {
        start_server();
    } else if ((argc == 2 || argc == 3) && strcmp(argv[1], "client") == 0) {
        if (argc == 3)
            hellos_left = atoi(argv[2]);
        start_client();
    } else {
        printf("usage: myapp server | client [HELLOS]\n");
        return 2;
    }
    for (;;) {
        errval_t err = event_dispatch(get_default_waitset());
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "dispatching events failed");
    }
}
