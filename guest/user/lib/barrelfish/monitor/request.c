/* SPDX-License-Identifier: MIT
 *
 * The connections to the services that every domain knows, and messages to the monitor, which take
 * turns by its binding's mutex: so sends queue up instead of failing.  The last message is that the
 * domain has ended, and no other one matters then.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/core_state.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/monitor_client.h>
#include <if/monitor_defs.h>

#include "monitor_request.h"

struct monitor_binding *get_monitor_binding(void)
{
    return get_core_state()->monitor_binding;
}

void set_monitor_binding(struct monitor_binding *b)
{
    get_core_state()->monitor_binding = b;
}

struct mem_binding *get_mem_binding(void)
{
    return get_core_state()->mem_binding;
}

void set_mem_binding(struct mem_binding *b)
{
    get_core_state()->mem_binding = b;
}

struct nameservice_binding *get_nameservice_binding(void)
{
    return get_core_state()->nameservice_binding;
}

void set_nameservice_binding(struct nameservice_binding *b)
{
    get_core_state()->nameservice_binding = b;
}

void set_monitor_blocking_binding(struct monitor_blocking_binding *b)
{
    get_core_state()->monitor_blocking_binding = b;
}

/* ---- sending one message when the binding is free ---- */

static void request_done(void *arg)
{
    struct monitor_request *request = arg;

    event_mutex_unlock(&request->mon->mutex);
    if (request->allocated)
        free(request);
}

/* The domain is ending: its last message is not sent in turn, and no other one matters. */
static bool exiting;

static void request_send(void *arg)
{
    struct monitor_request *request = arg;

    if (exiting)
        return;
    errval_t err = request->send(request, MKCONT(request_done, request));

    if (err_is_fail(err))
        USER_PANIC_ERR(err, "sending to the monitor");
}

errval_t monitor_queue_request(struct monitor_request template)
{
    struct monitor_request *request = malloc(sizeof(*request));

    if (request == NULL)
        return LIB_ERR_MALLOC_FAIL;
    *request = template;
    request->allocated = true;
    event_mutex_enqueue_lock(&request->mon->mutex, &request->qnode,
                             MKCLOSURE(request_send, request));
    return SYS_ERR_OK;
}

/* ---- the end of connections ---- */

static errval_t send_connection_closed(struct monitor_request *r, struct event_closure done)
{
    return monitor_connection_closed__tx(r->mon, done, r->id);
}

void monitor_client_connection_closed(uintptr_t monitor_id)
{
    struct monitor_binding *mon = get_monitor_binding();
    errval_t err = LIB_ERR_MONITOR_CLIENT_BIND;

    if (mon != NULL) {
        err = monitor_queue_request((struct monitor_request){
            .mon = mon, .send = send_connection_closed, .id = monitor_id });
    }
    if (err_is_fail(err)) {
        /* its memory is not used again before this domain ends; nothing else is wrong */
        DEBUG_ERR(err, "telling the monitor that a connection is closed");
    }
}

/* ---- the end ---- */

/* A message that cannot be sent after this many events is not sent. */
#define EXIT_EVENTS_MAX 64

static void exit_told(void *arg)
{
    *(bool *)arg = true;
}

/* A fault or a panic on the way comes here again: then nothing more is said. */
void monitor_client_exit(int status)
{
    struct monitor_binding *mon = get_monitor_binding();
    errval_t err = FLOUNDER_ERR_TX_BUSY;
    bool told = false;

    if (mon == NULL || exiting)
        return;
    exiting = true;
    for (int i = 0; i < EXIT_EVENTS_MAX && !told; i++) {
        if (err_no(err) == FLOUNDER_ERR_TX_BUSY) {
            err = monitor_domain_exited__tx(mon, MKCONT(exit_told, &told), disp_get_domain_id(),
                                            (uint8_t)status);
        }
        if (err_is_fail(event_dispatch_non_block(mon->waitset)))
            thread_yield_dispatcher(NULL_CAP);
    }
}
