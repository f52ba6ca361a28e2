/* Client and server in one program, chosen by argv[1], over an interface in the older dialect. */
#include <stdio.h>
#include <string.h>

#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <if/monitor_defs.h>
#include <if/nameservice_defs.h>
#include <if/outgreet_defs.h>

#include "sums.h"

const static char *my_service_name = "out_greeter_service";
static bool done = false;
static char words[128];

static void rx_answer(struct outgreet_binding *b, const char *text, int sum)
{
    printf("out_greeter: server says '%s', %d\n", text, sum);
    done = true;
}

static void answer_sent(void *arg)
{
    done = true;
}

static void rx_greet(struct outgreet_binding *b, const char *who)
{
    errval_t err;

    snprintf(words, sizeof(words), "good day, %s", who);
    err = outgreet_answer__tx(b, MKCONT(answer_sent, b), words, sum_up_to(LIMIT));
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "answering");
}

static struct outgreet_rx_vtbl my_rx_vtbl = {
    .greet = rx_greet,
    .answer = rx_answer,
};

static void bind_cb(void *st, errval_t err, struct outgreet_binding *b)
{
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "bind failed");
    b->rx_vtbl = my_rx_vtbl;
    err = outgreet_greet__tx(b, NOP_CONT, "multikernel");
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "greeting");
}

static void export_cb(void *st, errval_t err, iref_t iref)
{
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "export failed");
    printf("service exported at iref %" PRIuIREF "\n", iref);
    err = nameservice_register(my_service_name, iref);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "nameservice_register failed");
}

static errval_t connect_cb(void *st, struct outgreet_binding *b)
{
    b->rx_vtbl = my_rx_vtbl;
    return SYS_ERR_OK;
}

int main(int argc, char *argv[])
{
    errval_t err;
    iref_t iref;

    if (argc == 2 && strcmp(argv[1], "client") == 0) {
        err = nameservice_blocking_lookup(my_service_name, &iref);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "lookup");
        err = outgreet_bind(iref, bind_cb, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
    } else if (argc == 2 && strcmp(argv[1], "server") == 0) {
        err = outgreet_export(NULL, export_cb, connect_cb, get_default_waitset(),
                              IDC_EXPORT_FLAGS_DEFAULT);
    } else {
        printf("Usage: %s client|server\n", argv[0]);
        return EXIT_FAILURE;
    }
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "starting");
    while (!done) {
        err = event_dispatch(get_default_waitset());
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "in event_dispatch");
    }
    return EXIT_SUCCESS;
}
