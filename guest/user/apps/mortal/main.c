/* SPDX-License-Identifier: MIT
 *
 * mortal: what is told when the domain at the other end dies, and that all of it comes back.
 *
 *   mortal tester CORE...          starts the others there, one after the other, and checks
 *   mortal server NAME             dies when it is told to
 *   mortal server-in-bind NAME     dies when somebody connects
 *   mortal client NAME MOMENT WAY  connects, and dies: MOMENT is idle, sending, binding or calling
 *   mortal opener NAME COUNT       opens and closes a connection COUNT times
 *   mortal sender NAME             shows it 2 MiB of memory of the memory server, and ends
 *
 * With the word `multihop` behind these, all binds go through the monitors.
 * The tester prints "mortal: all as expected" or says which line was not.
 */
#include <barrelfish/monitor_client.h>

#include "mortal.h"

idc_bind_flags_t bind_flags = IDC_BIND_FLAGS_DEFAULT;

static void bound(void *st, errval_t err, struct mortal_binding *b)
{
    struct attempt *attempt = st;
    attempt->done = true;
    attempt->err = err;
    attempt->binding = b;
}

void begin_bind(struct attempt *attempt, iref_t iref)
{
    *attempt = (struct attempt){ .done = false };
    errval_t err = mortal_bind(iref, bound, attempt, get_default_waitset(), bind_flags);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "beginning to bind");
}

struct mortal_binding *bind_to(const char *name, iref_t *iref)
{
    struct attempt attempt;
    errval_t err = nameservice_blocking_lookup(name, iref);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "looking up '%s'", name);
    begin_bind(&attempt, *iref);
    WAIT_FOR(attempt.done);
    if (err_is_fail(attempt.err))
        USER_PANIC_ERR(attempt.err, "binding to '%s'", name);
    mortal_rpc_client_init(attempt.binding);
    return attempt.binding;
}

/* Each connection takes a page of the UMP window if the server is on another core, and there are
 * fewer pages than COUNT. */
static int open_and_close(const char *name, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        iref_t iref;
        uint32_t y = 0;
        struct mortal_binding *b = bind_to(name, &iref);
        CHECK(err_is_ok(b->rpc_tx_vtbl.ping(b, i, &y)) && y == i + 1);
        CHECK(err_is_ok(b->control(b, IDC_CONTROL_TEARDOWN)));
        drain_events();
    }
    printf("mortal: %u connections opened and closed\n", count);
    return 0;
}

#define FRAME_BYTES (2u << 20)

/* The frame is not made of what the domain was started with: that goes with the domain in any
 * case. */
static int show_memory(const char *name)
{
    iref_t iref;
    struct capref frame, copy;
    void *memory;
    uint64_t value = 0;
    struct mortal_binding *b = bind_to(name, &iref);
    do
        CHECK(err_is_ok(frame_alloc(&frame, FRAME_BYTES, NULL)));
    while (get_mem_binding() == NULL);
    CHECK(err_is_ok(frame_alloc(&frame, FRAME_BYTES, NULL)));
    CHECK(err_is_ok(slot_alloc(&copy)) && err_is_ok(cap_copy(copy, frame)));
    CHECK(err_is_ok(vspace_map_one_frame(&memory, BASE_PAGE_SIZE, copy, NULL, NULL)));
    *(volatile uint64_t *)memory = 4711;
    CHECK(err_is_ok(b->rpc_tx_vtbl.look(b, frame, &value)) && value == 4711);
    return 0;
}

int main(int argc, char *argv[])
{
    if (argc > 2 && strcmp(argv[argc - 1], "multihop") == 0) {
        bind_flags = IDC_BIND_FLAG_MULTIHOP;
        argv[--argc] = NULL;
    }
    const char *role = argc > 2 ? argv[1] : "";
    if (strcmp(role, "tester") == 0)
        return be_tester(argv + 2);
    if (strcmp(role, "server") == 0 || strcmp(role, "server-in-bind") == 0)
        return be_server(argv[2], strcmp(role, "server") != 0);
    if (strcmp(role, "sender") == 0)
        return show_memory(argv[2]);
    if (strcmp(role, "client") == 0 && argc == 5)
        return be_client(argv[2], argv[3], way_of(argv[4]));
    if (strcmp(role, "opener") == 0 && argc == 4)
        return open_and_close(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
    printf("usage: mortal tester CORE... | server NAME | client NAME MOMENT WAY | sender NAME | "
           "opener NAME COUNT\n");
    return 2;
}
