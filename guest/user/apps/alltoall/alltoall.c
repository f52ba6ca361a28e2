/* SPDX-License-Identifier: MIT
 *
 * Every core talks to every other.
 *
 *   alltoall CORES    one instance on each of the cores 0 .. CORES-1
 *
 * Each instance exports a service named after its core, binds to all the others one after another,
 * greets each and waits for the answer.  When all have answered it says so; it goes on answering
 * until the machine stops.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <if/alltoall_defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CORES_MAX 64

static unsigned core_count, answers;
static coreid_t me;
static iref_t my_iref;

static void service_name(char *name, size_t bytes, unsigned core)
{
    snprintf(name, bytes, "alltoall.%u", core);
}

/* ---- the answering side ---- */

static void answer_sent(void *arg)
{
    free(arg);
}

static void rx_greeting(struct alltoall_binding *b, coreid_t from, coreid_t to)
{
    if (to != me)
        USER_PANIC("greeting for core %u arrived on core %u", to, me);
    char *text = malloc(64);
    if (text == NULL)
        USER_PANIC("out of memory");
    snprintf(text, 64, "core %u greets core %u back", me, from);
    /* one greeting for each binding, so the binding is free to send */
    errval_t err = alltoall_answer__tx(b, MKCONT(answer_sent, text), me, from, text);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "answering core %u failed", from);
}

static const struct alltoall_rx_vtbl server_rx_vtbl = {
    .greeting = rx_greeting,
};

static errval_t connected(void *st, struct alltoall_binding *b)
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
    my_iref = iref;
}

/* ---- the greeting side ---- */

static void rx_answer(struct alltoall_binding *b, coreid_t from, coreid_t to, const char *text)
{
    (void)b;
    char expected[64];
    snprintf(expected, sizeof(expected), "core %u greets core %u back", from, me);
    if (to != me || strcmp(text, expected) != 0)
        USER_PANIC("wrong answer from core %u: \"%s\"", from, text);
    answers++;
    if (answers == core_count - 1)
        printf("all %u others reached\n", answers);
}

static const struct alltoall_rx_vtbl client_rx_vtbl = {
    .answer = rx_answer,
};

static void bound(void *st, errval_t err, struct alltoall_binding *b)
{
    unsigned core = (unsigned)(uintptr_t)st;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "binding to core %u failed", core);
    b->rx_vtbl = client_rx_vtbl;
    err = alltoall_greeting__tx(b, NOP_CONT, me, (coreid_t)core);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "greeting core %u failed", core);
}

static void dispatch_one(void)
{
    errval_t err = event_dispatch(get_default_waitset());
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "dispatching events failed");
}

static void reach(unsigned core)
{
    char name[32];
    iref_t iref;
    service_name(name, sizeof(name), core);
    errval_t err = nameservice_blocking_lookup(name, &iref);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "looking up %s failed", name);
    err = alltoall_bind(iref, bound, (void *)(uintptr_t)core, get_default_waitset(),
                        IDC_BIND_FLAGS_DEFAULT);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "binding to %s failed", name);
}

int main(int argc, char *argv[])
{
    core_count = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    me = disp_get_core_id();
    if (core_count < 2 || core_count > CORES_MAX || me >= core_count) {
        printf("usage: alltoall CORES   (2..%d, and run on one of the first CORES)\n", CORES_MAX);
        return 2;
    }
    errval_t err =
        alltoall_export(NULL, exported, connected, get_default_waitset(), IDC_EXPORT_FLAGS_DEFAULT);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "exporting the interface failed");
    while (my_iref == 0)
        dispatch_one();
    char name[32];
    service_name(name, sizeof(name), me);
    err = nameservice_register(name, my_iref);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "registering %s failed", name);

    for (unsigned i = 1; i < core_count; i++)
        reach((me + i) % core_count);
    for (;;)
        dispatch_one();
}
