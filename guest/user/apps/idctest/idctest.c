/* SPDX-License-Identifier: MIT
 *
 * Everything a binding carries, in the guest: strings and arrays larger than a ring, calls with all
 * kinds of results, capabilities in both directions, and the end of a connection.
 *
 *   idctest server   serves idctest.if
 *   idctest client   tries it out, from whatever core it is on
 *                    (with `multihop` as second argument: through the monitors)
 *   idctest local    is both at once: the binding is local
 *   idctest quitter  makes one call and ends without closing the connection
 *
 * The client prints "idctest: all done" or says which step went wrong.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <if/idctest_defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *service_name = "idctest_service";

#define CHECK(condition)                                                        \
    do {                                                                        \
        if (!(condition))                                                       \
            USER_PANIC("idctest: line %d: not true: %s", __LINE__, #condition); \
    } while (0)

/* ---- pages ---- */

static uint64_t *map_page(struct capref frame)
{
    void *page;
    errval_t err = vspace_map_one_frame(&page, BASE_PAGE_SIZE, frame, NULL, NULL);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "mapping a page failed");
    return page;
}

static struct capref make_page(uint64_t value)
{
    struct capref frame;
    errval_t err = frame_alloc(&frame, BASE_PAGE_SIZE, NULL);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "allocating a page failed");
    struct capref copy;
    CHECK(err_is_ok(slot_alloc(&copy)) && err_is_ok(cap_copy(copy, frame)));
    map_page(copy)[0] = value; /* a copy for each mapping */
    return frame;
}

/* ---- server ---- */

static bool quits;
static idc_bind_flags_t bind_flags = IDC_BIND_FLAGS_DEFAULT;

/* What has come from one client. */
struct arrived {
    uint32_t messages;
    uint64_t sum;
};

static struct arrived *arrived(struct idctest_binding *b)
{
    struct arrived *a = b->st;
    a->messages++;
    return a;
}

static void text(struct idctest_binding *b, uint32_t n, const char *s)
{
    struct arrived *a = arrived(b);
    a->sum += n;
    for (; *s != '\0'; s++)
        a->sum += (uint8_t)*s;
}

static void items(struct idctest_binding *b, const idctest_item_t *list, size_t count)
{
    struct arrived *a = arrived(b);
    for (size_t i = 0; i < count; i++)
        a->sum += list[i].tag + list[i].value + (list[i].kind == idctest_something);
}

static void words(struct idctest_binding *b, uint64_t p, uint64_t q, uint64_t r, uint64_t s,
                  uint64_t t, uint64_t u, uint64_t v)
{
    arrived(b)->sum += p + q + r + s + t + u + v;
}

static void frames(struct idctest_binding *b, struct capref first, struct capref second)
{
    arrived(b)->sum += map_page(first)[0] + map_page(second)[0];
}

static errval_t add(struct idctest_binding *b, uint32_t x, uint32_t y, uint32_t *result)
{
    (void)b;
    *result = x + y;
    return SYS_ERR_OK;
}

static errval_t echo(struct idctest_binding *b, const char *s, char *t)
{
    (void)b;
    memcpy(t, s, strlen(s) + 1);
    return SYS_ERR_OK;
}

static errval_t make_frame(struct idctest_binding *b, uint64_t value, errval_t *err,
                           struct capref *frame)
{
    (void)b;
    *frame = make_page(value);
    *err = SYS_ERR_OK;
    return SYS_ERR_OK;
}

static errval_t report(struct idctest_binding *b, uint32_t *count, uint64_t *total)
{
    struct arrived *a = b->st;
    *count = a->messages;
    *total = a->sum;
    *a = (struct arrived){ 0, 0 };
    return SYS_ERR_OK;
}

static void client_left(struct idctest_binding *b, errval_t err)
{
    static unsigned left;
    if (err_no(err) != FLOUNDER_ERR_BINDING_CLOSED)
        printf("a client broke the protocol: %s\n", err_getstring(err));
    printf("%u clients have left\n", ++left);
    free(b->st);
    b->control(b, IDC_CONTROL_TEARDOWN);
}

static errval_t connected(void *st, struct idctest_binding *b)
{
    (void)st;
    b->st = calloc(1, sizeof(struct arrived));
    if (b->st == NULL)
        return LIB_ERR_MALLOC_FAIL;
    b->rx_vtbl = (struct idctest_rx_vtbl){
        .text = text,
        .items = items,
        .words = words,
        .frames = frames,
    };
    b->rpc_rx_vtbl = (struct idctest_rpc_rx_vtbl){
        .add_call = add,
        .echo_call = echo,
        .make_frame_call = make_frame,
        .report_call = report,
    };
    b->error_handler = client_left;
    return SYS_ERR_OK;
}

static void exported(void *st, errval_t err, iref_t iref)
{
    bool *ready = st;
    if (err_is_ok(err))
        err = nameservice_register(service_name, iref);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "exporting %s failed", service_name);
    *ready = true;
}

static void start_server(void)
{
    static bool ready;
    errval_t err = idctest_export(&ready, exported, connected, get_default_waitset(),
                                  IDC_EXPORT_FLAGS_DEFAULT);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "exporting %s failed", service_name);
    while (!ready)
        event_dispatch(get_default_waitset());
}

/* ---- client ---- */

static void expect_report(struct idctest_binding *b, uint32_t count, uint64_t total)
{
    uint32_t got_count = 0;
    uint64_t got_total = 0;
    CHECK(err_is_ok(b->rpc_tx_vtbl.report(b, &got_count, &got_total)));
    CHECK(got_count == count);
    CHECK(got_total == total);
}

static void try_calls(struct idctest_binding *b)
{
    static char s[2048], t[2048];
    for (uint32_t i = 0; i < 100; i++) {
        uint32_t result = 0;
        CHECK(err_is_ok(b->rpc_tx_vtbl.add(b, i, 5, &result)));
        CHECK(result == i + 5);
    }
    memset(s, 'm', sizeof(s) - 1);
    CHECK(err_is_ok(b->rpc_tx_vtbl.echo(b, s, t)));
    CHECK(strcmp(s, t) == 0);
    CHECK(err_is_ok(b->rpc_tx_vtbl.echo(b, "", t)));
    CHECK(t[0] == '\0');
}

static void try_messages(struct idctest_binding *b)
{
    static char s[2048];
    static idctest_item_t list[100];
    uint64_t total = 0;
    memset(s, 'a', sizeof(s) - 1);
    for (uint32_t n = 0; n < 20; n++) { /* each larger than a ring: the sender must wait */
        CHECK(err_is_ok(idctest_text__tx(b, BLOCKING_CONT, n, s)));
        total += n + 2047 * 'a';
    }
    for (unsigned i = 0; i < 100; i++) {
        list[i] = (idctest_item_t){ (uint8_t)i, i * 1000, idctest_something };
        total += i + i * 1000 + 1;
    }
    CHECK(err_is_ok(idctest_items__tx(b, BLOCKING_CONT, list, 100)));
    for (uint64_t n = 0; n < 200; n++) {
        CHECK(err_is_ok(idctest_words__tx(b, BLOCKING_CONT, n, 1, 2, 3, 4, 5, 6)));
        total += n + 21;
    }
    expect_report(b, 221, total);
    CHECK(err_no(idctest_items__tx(b, NOP_CONT, list, 101)) == FLOUNDER_ERR_TX_MSG_SIZE);
}

static void try_capabilities(struct idctest_binding *b)
{
    struct capref frame = NULL_CAP;
    errval_t err = LIB_ERR_SHOULD_NOT_GET_HERE;
    CHECK(err_is_ok(idctest_frames__tx(b, BLOCKING_CONT, make_page(1234), make_page(5000))));
    expect_report(b, 1, 6234);
    CHECK(err_is_ok(b->rpc_tx_vtbl.make_frame(b, 77, &err, &frame)));
    CHECK(err_is_ok(err));
    CHECK(map_page(frame)[0] == 77);
}

/* Several threads call over one binding; each serves the waitset while it waits. */
static int call_in_thread(void *arg)
{
    struct idctest_binding *b = arg;
    for (uint32_t i = 0; i < 50; i++) {
        uint32_t result = 0;
        CHECK(err_is_ok(b->rpc_tx_vtbl.add(b, i, 7, &result)));
        CHECK(result == i + 7);
        if (i % 5 == 0)
            thread_yield();
    }
    return 0;
}

static void try_threads(struct idctest_binding *b)
{
    struct thread *threads[4];
    for (unsigned i = 0; i < 4; i++) {
        threads[i] = thread_create(call_in_thread, b);
        CHECK(threads[i] != NULL);
    }
    for (unsigned i = 0; i < 4; i++)
        CHECK(err_is_ok(thread_join(threads[i], NULL)));
}

static void bound(void *st, errval_t err, struct idctest_binding *b)
{
    static const char *const kinds[] = { "LMP", "UMP", "multihop", "local" };
    bool *finished = st;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "binding to %s failed", service_name);
    idctest_rpc_client_init(b);
    if (quits) {
        uint32_t result;
        CHECK(err_is_ok(b->rpc_tx_vtbl.add(b, 1, 1, &result)));
        exit(0); /* the library says goodbye */
    }
    try_calls(b);
    try_messages(b);
    try_capabilities(b);
    try_threads(b);
    printf("idctest: all done over %s\n", kinds[b->flounder.kind]);
    CHECK(err_is_ok(b->control(b, IDC_CONTROL_TEARDOWN)));
    *finished = true;
}

static void run_client(void)
{
    static bool finished;
    iref_t iref;
    errval_t err = nameservice_blocking_lookup(service_name, &iref);
    if (err_is_ok(err))
        err = idctest_bind(iref, bound, &finished, get_default_waitset(), bind_flags);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "binding to %s failed", service_name);
    while (!finished)
        event_dispatch(get_default_waitset());
    while (err_is_ok(event_dispatch_non_block(get_default_waitset())))
        ; /* the goodbye, and the memory */
}

int main(int argc, char *argv[])
{
    const char *role = argc >= 2 ? argv[1] : "";
    if (argc == 3 && strcmp(argv[2], "multihop") == 0)
        bind_flags = IDC_BIND_FLAG_MULTIHOP;
    if (strcmp(role, "local") == 0)
        service_name = "idctest_local_service";
    if (strcmp(role, "server") == 0 || strcmp(role, "local") == 0)
        start_server();
    quits = strcmp(role, "quitter") == 0;
    if (strcmp(role, "client") == 0 || strcmp(role, "local") == 0 || quits) {
        run_client();
        return 0;
    }
    if (strcmp(role, "server") != 0) {
        printf("usage: idctest server | client [multihop] | local | quitter [multihop]\n");
        return 2;
    }
    for (;;)
        event_dispatch(get_default_waitset());
}
