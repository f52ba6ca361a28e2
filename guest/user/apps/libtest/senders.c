/* SPDX-License-Identifier: MIT
 *
 * libtest: several threads send on one binding, each with continuations of its own.  The binding's
 * two ends are both here, with a frame between them.  With short slices threads are interrupted
 * between a message's being out and its continuation's being queued.
 */
#include <if/myappif_defs.h>

#include "libtest.h"

#define SENDERS 3
#define MESSAGES 100

static struct myappif_binding *client, *server;
static unsigned received, continued;

static void hello(struct myappif_binding *b)
{
    (void)b;
    received++;
}

static void out(void *arg)
{
    continued++;
    *(bool *)arg = true;
}

static void bound(void *st, errval_t err, struct myappif_binding *b)
{
    CHECK_OK(err);
    *(struct myappif_binding **)st = b;
    b->rx_vtbl.hello = hello;
}

static int sends(void *arg)
{
    struct waitset *ws = arg;

    for (unsigned i = 0; i < MESSAGES; i++) {
        bool sent = false;
        errval_t err;

        while (err_no(err = myappif_hello__tx(client, MKCONT(out, &sent))) ==
               FLOUNDER_ERR_TX_BUSY) {
            event_dispatch_non_block(ws);
            thread_yield();
        }
        CHECK_OK(err);
        while (!*(volatile bool *)&sent) {
            event_dispatch_non_block(ws);
            thread_yield();
        }
    }
    return 0;
}

void test_senders(void)
{
    struct thread *thread[SENDERS];
    struct waitset ws;
    struct capref frame;
    void *memory;

    waitset_init(&ws);
    CHECK_OK(frame_alloc(&frame, 4096, NULL));
    CHECK_OK(vspace_map_one_frame(&memory, 4096, frame, NULL, NULL));
    struct myappif_frameinfo ours = { 0, memory, 2048, (char *)memory + 2048, 2048 };
    struct myappif_frameinfo theirs = { 0, (char *)memory + 2048, 2048, memory, 2048 };
    CHECK_OK(myappif_accept(&ours, &server, bound, &ws, IDC_EXPORT_FLAGS_DEFAULT));
    CHECK_OK(myappif_connect(&theirs, bound, &client, &ws, IDC_BIND_FLAGS_DEFAULT));
    while (client == NULL || server == NULL)
        CHECK_OK(event_dispatch(&ws));
    for (unsigned i = 0; i < SENDERS; i++) {
        thread[i] = thread_create(sends, &ws);
        CHECK(thread[i] != NULL);
    }
    for (unsigned i = 0; i < SENDERS; i++)
        CHECK_OK(thread_join(thread[i], NULL));
    while (received < SENDERS * MESSAGES)
        CHECK_OK(event_dispatch(&ws));
    CHECK(continued == SENDERS * MESSAGES);
    CHECK_OK(client->control(client, IDC_CONTROL_TEARDOWN));
    while (err_is_ok(event_dispatch_non_block(&ws))) {
    } /* the server closes, too */
    CHECK_OK(waitset_destroy(&ws));
    CHECK_OK(vspace_unmap(memory));
    CHECK_OK(cap_destroy(frame));
}
