/* SPDX-License-Identifier: MIT
 *
 * Capabilities in and out: frames travel with messages and with a call, and their contents show
 * that they are the same memory; one that is given away leaves its sender's slot empty.
 */
#include <stdio.h>
#include <string.h>

#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <if/xmplcaps_defs.h>

static const char *my_service_name = "xmplcaps_service";

static struct capref make_frame(uint64_t value)
{
    struct capref frame;
    void *mem;
    errval_t err = frame_alloc(&frame, BASE_PAGE_SIZE, NULL);
    if (err_is_ok(err))
        err = vspace_map_one_frame(&mem, BASE_PAGE_SIZE, frame, NULL, NULL);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "making a frame");
    *(uint64_t *)mem = value;
    err = vspace_unmap(mem);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "vspace_unmap");
    return frame;
}

static uint64_t look_into(struct capref frame)
{
    void *mem;
    errval_t err = vspace_map_one_frame(&mem, BASE_PAGE_SIZE, frame, NULL, NULL);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "mapping what came");
    uint64_t value = *(uint64_t *)mem;
    err = vspace_unmap(mem);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "vspace_unmap");
    return value;
}

static struct capref given, kept;
static int step;

static void run_client(void *arg)
{
    struct xmplcaps_binding *b = arg;
    struct event_closure cont = MKCONT(run_client, b);
    struct capref yours = NULL_CAP, copy;
    static uint8_t bytes[2048];
    uint32_t result;
    errval_t err = SYS_ERR_OK, answer;

    switch (step++) {
    case 0:
        err = xmplcaps_basic__tx(b, cont, 7);
        break;
    case 1:
        err = xmplcaps_str__tx(b, cont, 8, "a string of the older dialect");
        break;
    case 2:
        kept = make_frame(111);
        err = xmplcaps_one_cap__tx(b, cont, 9, kept);
        break;
    case 3:
        given = make_frame(222);
        err = xmplcaps_caps__tx(b, cont, 10, kept, given);
        break;
    case 4:
        memset(bytes, 3, sizeof(bytes));
        err = xmplcaps_buf__tx(b, cont, bytes, sizeof(bytes));
        break;
    case 5:
        /* the slot of what was given away is empty: something else may be put there */
        err = cap_copy(given, kept);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "the slot of a given capability is not empty");
        err = b->rpc_tx_vtbl.basic_rpc(b, 41, &result);
        if (err_is_fail(err) || result != 42)
            USER_PANIC_ERR(err, "basic_rpc");
        err = b->rpc_tx_vtbl.swap(b, kept, &answer, &yours);
        if (err_is_fail(err) || err_is_fail(answer))
            USER_PANIC_ERR(err_is_fail(err) ? err : answer, "swap");
        /* the second time into a slot of the caller's choice */
        err = slot_alloc(&copy);
        if (err_is_ok(err)) {
            given = copy;
            err = b->rpc_tx_vtbl.swap(b, kept, &answer, &copy);
        }
        if (err_is_fail(err) || err_is_fail(answer) || !capcmp(copy, given))
            USER_PANIC_ERR(err, "swap into a slot of mine");
        printf("%u: client: got %u and %u\n", disp_get_core_id(), (unsigned)look_into(yours),
               (unsigned)look_into(copy));
        return;
    }
    if (err_is_fail(err)) /* never TX_BUSY: we are in a continuation */
        USER_PANIC_ERR(err, "step %d", step);
}

static void bind_cb(void *st, errval_t err, struct xmplcaps_binding *b)
{
    (void)st;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "bind failed");
    xmplcaps_rpc_client_init(b);
    run_client(b);
}

static void rx_basic(struct xmplcaps_binding *b, uint32_t arg)
{
    (void)b;
    printf("server: rx_basic %" PRIu32 "\n", arg);
}

static void rx_str(struct xmplcaps_binding *b, uint32_t arg, const char *s)
{
    (void)b;
    printf("server: rx_str %" PRIu32 " '%s'\n", arg, s);
}

static void rx_one_cap(struct xmplcaps_binding *b, uint32_t arg, struct capref c)
{
    (void)b;
    printf("server: rx_one_cap %" PRIu32 " [%u]\n", arg, (unsigned)look_into(c));
    cap_destroy(c);
}

static void rx_caps(struct xmplcaps_binding *b, uint32_t arg, struct capref c1, struct capref c2)
{
    (void)b;
    printf("server: rx_caps %" PRIu32 " [%u] [%u]\n", arg, (unsigned)look_into(c1),
           (unsigned)look_into(c2));
    cap_destroy(c1);
    cap_destroy(c2);
}

static void rx_buf(struct xmplcaps_binding *b, const uint8_t *buf, size_t buflen)
{
    unsigned sum = 0;
    (void)b;
    for (size_t i = 0; i < buflen; i++)
        sum += buf[i];
    printf("server: rx_buf %u\n", sum);
}

static errval_t rx_basic_rpc(struct xmplcaps_binding *b, uint32_t arg, uint32_t *result)
{
    (void)b;
    *result = arg + 1;
    return SYS_ERR_OK;
}

static errval_t rx_swap(struct xmplcaps_binding *b, struct capref mine, errval_t *err,
                        struct capref *yours)
{
    (void)b;
    *yours = make_frame(look_into(mine) * 3);
    *err = cap_destroy(mine);
    return SYS_ERR_OK;
}

static struct xmplcaps_rx_vtbl rx_vtbl = {
    .basic = rx_basic,
    .str = rx_str,
    .one_cap = rx_one_cap,
    .caps = rx_caps,
    .buf = rx_buf,
};

static struct xmplcaps_rpc_rx_vtbl rpc_rx_vtbl = {
    .basic_rpc_call = rx_basic_rpc,
    .swap_call = rx_swap,
};

static errval_t connect_cb(void *st, struct xmplcaps_binding *b)
{
    (void)st;
    b->rx_vtbl = rx_vtbl;
    b->rpc_rx_vtbl = rpc_rx_vtbl;
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
        if (err_is_ok(err)) {
            err = xmplcaps_bind(iref, bind_cb, NULL, get_default_waitset(),
                                IDC_BIND_FLAG_RPC_CAP_TRANSFER);
        }
    } else {
        err = xmplcaps_export(NULL, export_cb, connect_cb, get_default_waitset(),
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
