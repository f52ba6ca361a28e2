/* SPDX-License-Identifier: MIT
 *
 * The domain's side of monitor.if: connecting to the monitor.  Its parts are request.c (messages to
 * the monitor), bind.c and multihop_bind.c (exporting and binding through it).
 *
 * A domain knows one endpoint of its monitor, in the task CNode.  It sends a raw hello with an
 * endpoint of its own, and from then on the two carry a monitor binding.  The blocking binding
 * comes by asking for another endpoint, when it is first needed.
 */
#include <barrelfish/monitor_client.h>

#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <barrelfish/core_state.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/domain_dispatchers.h>
#include <barrelfish/wait_list.h>
#include <if/monitor_blocking_defs.h>
#include <if/monitor_defs.h>

#include "../dispatch/exit.h"
#include "hello.h"
#include "monitor_request.h"

struct monitor_blocking_binding *get_monitor_blocking_binding(void)
{
    struct core_state *state = get_core_state();

    if (state->monitor_blocking_binding == NULL && state->monitor_binding != NULL) {
        errval_t err = monitor_client_blocking_rpc_init();

        if (err_is_fail(err))
            DEBUG_ERR(err, "connecting to the monitor's questions");
    }
    return state->monitor_blocking_binding;
}

/* ---- hello ---- */

errval_t monitor_hello(struct lmp_chan *chan)
{
    for (;;) {
        errval_t err = lmp_chan_send2(chan, LMP_SEND_FLAGS_DEFAULT, chan->local_cap, MONITOR_HELLO,
                                      chan->buflen_words);

        if (!lmp_err_is_transient(err))
            return err;
        /* The monitor has no room or no receive slot: it needs the core to make some. */
        thread_yield_dispatcher(NULL_CAP);
    }
}

/* What the monitor says is handled in turn, by whoever dispatches the binding's waitset.  That a
 * peer is lost is noticed here and now: a thread may wait for it elsewhere, and dispatch nothing
 * else. */
static void notice(struct lmp_endpoint *ep, dispatcher_handle_t handle, size_t length,
                   const uint64_t words[LMP_ARRIVAL_WORDS])
{
    const struct flounder_binding *c = &get_monitor_binding()->flounder;
    const unsigned number = words[0] & 0xffff;

    if (ep->ahead_rest > 0) {
        ep->ahead_rest--; /* a later fragment of the last message */
        return;
    }
    const bool dead = number == monitor_connection_dead__msgnum;
    if ((number == monitor_connection_lost__msgnum || dead) && length == 2) {
        idc_connection_lost_disabled(words[1], dead, handle);
    } else if (number >= FLOUNDER_FIRST_MESSAGE && number - FLOUNDER_FIRST_MESSAGE < c->messages) {
        const struct flounder_message_plan *plan = &c->plan[number - FLOUNDER_FIRST_MESSAGE];

        assert(plan->streams == 0); /* their fragments could not be told from messages */
        ep->ahead_rest = plan->fragments - 1u;
    }
}

static errval_t connect(struct monitor_lmp_binding *b, struct waitset *ws, struct capref remote,
                        size_t buflen_words)
{
    monitor_lmp_init(b, ws);
    errval_t err = lmp_chan_accept(&b->chan, buflen_words, remote);
    if (err_is_ok(err)) {
        monitor_client_set_handlers(&b->b);
        err = monitor_lmp_start(b);
    }
    if (err_is_ok(err))
        err = monitor_hello(&b->chan);
    return err;
}

errval_t monitor_client_init(void)
{
    struct monitor_lmp_binding *b = malloc(sizeof(*b));
    errval_t err = LIB_ERR_MALLOC_FAIL;

    if (b != NULL)
        err = connect(b, get_default_waitset(), cap_monitorep, DEFAULT_LMP_BUF_WORDS);
    if (err_is_fail(err))
        return err_push(err, LIB_ERR_MONITOR_CLIENT_BIND);
    dispatcher_handle_t handle = disp_disable(); /* nothing has been received: no handler has run */
    set_monitor_binding(&b->b);
    b->chan.endpoint->arrived = notice;
    get_core_state()->connections.closed = monitor_client_connection_closed;
    disp_enable(handle);
    monitor_caps_init();
    domain_on_exit(monitor_client_exit);
    return SYS_ERR_OK;
}

/* ---- further bindings to the monitor ---- */

static errval_t send_get_rpc_ep(struct monitor_request *r, struct event_closure done)
{
    return monitor_get_monitor_rpc_ep_request__tx(r->mon, done, (uintptr_t)r->object);
}

/* Connects with the monitor's endpoint for questions. */
static errval_t open_blocking_binding(struct capref endpoint)
{
    struct core_state *state = get_core_state();
    struct monitor_blocking_lmp_binding *b = malloc(sizeof(*b));

    if (b == NULL)
        return LIB_ERR_MALLOC_FAIL;
    waitset_init(&state->monitor_blocking_waitset);
    monitor_blocking_lmp_init(b, &state->monitor_blocking_waitset);
    errval_t err = lmp_chan_accept(&b->chan, DEFAULT_LMP_BUF_WORDS, endpoint);
    if (err_is_ok(err))
        err = monitor_blocking_lmp_start(b);
    if (err_is_ok(err))
        err = monitor_hello(&b->chan);
    if (err_is_fail(err))
        return err_push(err, LIB_ERR_MONITOR_RPC_BIND);
    monitor_blocking_rpc_client_init(&b->b);
    set_monitor_blocking_binding(&b->b);
    return SYS_ERR_OK;
}

static void rpc_ep_reply(struct monitor_binding *mon, errval_t err, struct capref ep, uintptr_t st)
{
    (void)mon, (void)st;
    if (err_is_ok(err))
        err = open_blocking_binding(ep);
    wait_list_tell(&get_core_state()->monitor_rpc_waiting, err);
}

static errval_t ask_for_rpc_ep(void)
{
    return monitor_queue_request(
        (struct monitor_request){ .mon = get_monitor_binding(), .send = send_get_rpc_ep });
}

static bool has_blocking_binding(void)
{
    return get_core_state()->monitor_blocking_binding != NULL;
}

errval_t monitor_client_blocking_rpc_init(void)
{
    return wait_list_join(&get_core_state()->monitor_rpc_waiting, get_monitor_binding()->waitset,
                          has_blocking_binding, ask_for_rpc_ep);
}

struct new_binding {
    monitor_bind_cont_fn *cont;
    void *st;
    struct waitset *ws;
    size_t buflen_words;
};

static errval_t send_new_binding(struct monitor_request *r, struct event_closure done)
{
    return monitor_new_monitor_binding_request__tx(r->mon, done, (uintptr_t)r->object);
}

static void new_binding_reply(struct monitor_binding *mon, errval_t err, struct capref ep,
                              uintptr_t st)
{
    struct new_binding *n = (struct new_binding *)st;
    struct monitor_lmp_binding *b = NULL;

    (void)mon;
    if (err_is_ok(err)) {
        b = malloc(sizeof(*b));
        err = b == NULL ? (errval_t)LIB_ERR_MALLOC_FAIL : connect(b, n->ws, ep, n->buflen_words);
    }
    n->cont(n->st, err, err_is_ok(err) ? &b->b : NULL);
    free(n);
}

errval_t monitor_client_new_binding(monitor_bind_cont_fn *cont, void *st, struct waitset *ws,
                                    size_t lmp_buflen_words)
{
    struct monitor_binding *mon = get_monitor_binding();
    struct new_binding *n = malloc(sizeof(*n));

    if (n == NULL || mon == NULL) {
        free(n);
        return LIB_ERR_MONITOR_CLIENT_BIND;
    }
    *n = (struct new_binding){ cont, st, ws, lmp_buflen_words };
    errval_t err = monitor_queue_request(
        (struct monitor_request){ .mon = mon, .send = send_new_binding, .object = n });
    if (err_is_fail(err))
        free(n);
    return err;
}

static void connection_lost(struct monitor_binding *mon, uintptr_t mon_id)
{
    (void)mon;
    idc_connection_lost(mon_id, false);
}

static void connection_dead(struct monitor_binding *mon, uintptr_t mon_id)
{
    (void)mon;
    idc_connection_lost(mon_id, true);
}

void monitor_client_set_handlers(struct monitor_binding *b)
{
    b->rx_vtbl.connection_lost = connection_lost;
    b->rx_vtbl.connection_dead = connection_dead;
    b->rx_vtbl.get_monitor_rpc_ep_reply = rpc_ep_reply;
    b->rx_vtbl.new_monitor_binding_reply = new_binding_reply;
    monitor_client_set_bind_handlers(b);
    monitor_client_set_multihop_handlers(b);
}
