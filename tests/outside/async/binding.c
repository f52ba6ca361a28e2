/* Client and service whose messages are waited for by activities. */
#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <if/xmplthc_defs.h>
#include <if/xmplthc_thc.h>
#include <stdio.h>
#include <string.h>
#include <thc/thc.h>

static const char *my_service_name = "xmplthc_service";
static int done;

static void check(errval_t err, const char *what)
{
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "%s", what);
}

static void serve(struct xmplthc_thc_service_binding_t *sv)
{
    static const struct xmplthc_service_selector all = {
        .mymsg = true, .mycall = true, .points = true, .myrpc = true, .add = true
    };
    xmplthc_service_msg_t *m = malloc(sizeof(*m));
    char reply[64];
    int messages = 0;

    while (true) {
        errval_t err = sv->recv_any(sv, m, all);
        if (err_is_fail(err))
            break; /* the client has gone */
        switch (m->msg) {
        case xmplthc_mymsg__msgnum:
            messages++;
            break;
        case xmplthc_mycall__msgnum:
            snprintf(reply, sizeof(reply), "response to %d", m->args.mycall.i);
            check(sv->send.myresponse(sv, reply), "myresponse");
            break;
        case xmplthc_points__msgnum:
            if (m->args.points.n != 3 || m->args.points.p[2].y != 6)
                USER_PANIC("points");
            cap_destroy(m->args.points.c);
            break;
        case xmplthc_myrpc_call__msgnum:
            snprintf(reply, sizeof(reply), "rpc %d after %d", m->args.myrpc.i, messages);
            check(sv->send.myrpc(sv, reply), "myrpc");
            break;
        case xmplthc_add_call__msgnum:
            check(sv->send.add(sv, m->args.add.a + m->args.add.b), "add");
            break;
        default:
            USER_PANIC("message %d", m->msg);
        }
    }
    free(m);
    done++;
}

static void server(void)
{
    struct xmplthc_thc_export_info info;
    iref_t iref;

    check(xmplthc_thc_export(&info, my_service_name, get_default_waitset(),
                             IDC_EXPORT_FLAGS_DEFAULT, &iref),
          "export");
    DO_FINISH({
        for (int i = 0; i < 2; i++) {
            struct xmplthc_binding *b;
            check(xmplthc_thc_accept(&info, &b), "accept");
            ASYNC({
                struct xmplthc_binding *mine = b; /* b is that of the next client soon */
                struct xmplthc_thc_service_binding_t sv;
                check(xmplthc_thc_init_service(&sv, mine, mine), "init");
                serve(&sv);
                check(xmplthc_thc_close(mine), "close");
            });
        }
    });
    printf("as_binding: server passed, %d clients\n", done);
}

static void client(void)
{
    struct xmplthc_binding *b;
    struct xmplthc_thc_client_binding_t cl;
    static char s[2048], t[2048];
    uint64_t total = 0;

    check(xmplthc_thc_connect_by_name(my_service_name, get_default_waitset(),
                                      IDC_BIND_FLAGS_DEFAULT, &b),
          "connect");
    check(xmplthc_thc_init_client(&cl, b, b), "init");

    for (int i = 0; i < 200; i++) /* more than fit the channel */
        check(cl.send.mymsg(&cl, i), "mymsg");
    check(cl.call_seq.myrpc(&cl, 7, s), "myrpc");
    if (strcmp(s, "rpc 7 after 200") != 0)
        USER_PANIC("%s", s);

    struct capref frame;
    check(frame_alloc(&frame, BASE_PAGE_SIZE, NULL), "frame");
    const xmplthc_point_t points[] = { { 1, 2 }, { 3, 4 }, { 5, 6 } };
    check(cl.send.points(&cl, points, 3, frame), "points");

    /* calls that overlap, of both kinds */
    DO_FINISH({
        for (int i = 0; i < 20; i++)
            ASYNC({
                uint64_t mine = i, sum = 0;
                check(i % 2 ? cl.call_seq.add(&cl, mine, 100, &sum)
                            : cl.call_fifo.add(&cl, mine, 100, &sum),
                      "add");
                total += sum;
            });
        ASYNC({
            check(cl.send.mycall(&cl, 9), "mycall");
            check(cl.recv.myresponse(&cl, t), "myresponse");
        });
    });
    if (total != 190 + 2000 || strcmp(t, "response to 9") != 0)
        USER_PANIC("total %" PRIu64 ", %s", total, t);

    /* nobody will send this; a call that is cancelled does not confuse the next */
    errval_t nothing = SYS_ERR_OK, call = SYS_ERR_OK;
    DO_FINISH_(waits, {
        ASYNC({ nothing = cl.recv_x.myresponse(&cl, t); });
        ASYNC({ call = cl.call_seq_x.add(&cl, 1, 1, &total); });
        CANCEL(waits);
    });
    if (err_no(nothing) != THC_CANCELED || err_no(call) != THC_CANCELED)
        USER_PANIC("cancelling");
    check(cl.call_seq.add(&cl, 20, 22, &total), "add");
    if (total != 42)
        USER_PANIC("the answer is %" PRIu64, total);
    printf("as_binding: client passed\n");
}

int main(int argc, char *argv[])
{
    if (argc > 1 && strcmp(argv[1], "client") == 0)
        client();
    else
        server();
    return 0;
}
