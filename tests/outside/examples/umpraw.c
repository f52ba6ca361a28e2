/* The rings of a UMP binding by hand: a line there, a line back, as benchmarks do. */
#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <barrelfish/sys_debug.h>
#include <barrelfish/ump_impl.h>
#include <if/xmplmsg_defs.h>
#include <stdio.h>
#include <string.h>

#define ROUNDS 1000

static const char *service = "ump_raw";

static struct ump_message *receive(struct ump_chan_state *ring)
{
    struct ump_message *line;
    while ((line = ump_impl_recv(ring)) == NULL)
        ;
    return line;
}

static void run(struct xmplmsg_binding *b, bool begins)
{
    struct xmplmsg_ump_binding *ub = (struct xmplmsg_ump_binding *)b;
    struct flounder_ump_state *state = &ub->ump_state;
    struct ump_chan_state *send = &state->chan.send_chan, *recv = &state->chan.endpoint.chan;
    struct ump_control control;
    struct ump_message *line;

    for (uint64_t i = 0; i < ROUNDS; i++) {
        if (!begins || i > 0) {
            line = receive(recv);
            for (int w = 0; w < UMP_PAYLOAD_WORDS; w++)
                if (line->data[w] != (begins ? i - 1 : i) + w)
                    USER_PANIC("round %" PRIu64 ", word %d", i, w);
            ump_impl_free_message(line);
        }
        line = ump_impl_get_next(send, &control);
        for (int w = 0; w < UMP_PAYLOAD_WORDS; w++)
            line->data[w] = i + w;
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        line->header.control = control;
    }
    uint32_t ticks;
    sys_debug_get_apic_timer(&ticks);
    printf("ex_umpraw: %s passed\n", begins ? "client" : "server");
    if (begins)
        receive(recv);
    exit(0);
}

static void msg_ints(struct xmplmsg_binding *b, int i, int j)
{
    run(b, false);
}

static errval_t connect_cb(void *st, struct xmplmsg_binding *b)
{
    b->rx_vtbl.msg_ints = msg_ints;
    return SYS_ERR_OK;
}

static void export_cb(void *st, errval_t err, iref_t iref)
{
    if (err_is_ok(err))
        err = nameservice_register(service, iref);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "export");
}

static void sent(void *arg)
{
    run(arg, true);
}

static void bind_cb(void *st, errval_t err, struct xmplmsg_binding *b)
{
    if (err_is_ok(err))
        err = xmplmsg_msg_ints__tx(b, MKCONT(sent, b), 1, 2);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "bind");
}

int main(int argc, char *argv[])
{
    iref_t iref;
    errval_t err;

    if (argc > 1 && strcmp(argv[1], "client") == 0) {
        err = nameservice_blocking_lookup(service, &iref);
        if (err_is_ok(err))
            err = xmplmsg_bind(iref, bind_cb, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
    } else {
        err = xmplmsg_export(NULL, export_cb, connect_cb, get_default_waitset(),
                             IDC_EXPORT_FLAGS_DEFAULT);
    }
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "starting");
    messages_handler_loop();
}
