/* SPDX-License-Identifier: MIT
 *
 * The domain's side of monitor.if: connecting to the monitor, binding and exporting through it
 * (facts §5.3-5.5).
 *
 * A domain knows one endpoint of its monitor, in the task CNode.  It sends a raw hello with an
 * endpoint of its own, and from then on the two carry a monitor binding.  The blocking binding
 * comes by asking for another endpoint, when it is first needed.
 *
 * Bind, as seen from here (docs/monitor.md has the other sides):
 *   LMP client   LMP_BIND_WAIT --bind_lmp_reply_client--> LMP_CONNECTED, or LMP_DISCONNECTED +
 *                error
 *   UMP client   UMP_BIND_WAIT --bind_ump_reply_client--> UMP_CONNECTED, or UMP_DISCONNECTED +
 *                error
 *   service      bind_*_service_request --connect callback--> bind_*_reply_monitor
 *
 * Everything sent on the binding takes its mutex first, so that sends queue up instead of failing.
 */
#include <barrelfish/monitor_client.h>

#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <barrelfish/core_state.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/wait_list.h>
#include <if/monitor_blocking_defs.h>
#include <if/monitor_defs.h>

#include "../../posix/newlib_priv.h"
#include "../dispatch/wait_note.h"
#include "hello.h"
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

struct monitor_blocking_binding *get_monitor_blocking_binding(void)
{
    struct core_state *state = get_core_state();

    if (state->monitor_blocking_binding == NULL && state->monitor_binding != NULL) {
        errval_t err = monitor_client_blocking_rpc_init();

        if (err_is_fail(err)) {
            DEBUG_ERR(err, "connecting to the monitor's questions");
        }
    }
    return state->monitor_blocking_binding;
}

/* ---- sending one message when the binding is free ---- */

static void request_done(void *arg)
{
    struct monitor_request *request = arg;

    event_mutex_unlock(&request->mon->mutex);
    if (request->allocated) {
        free(request);
    }
}

/* The domain is ending: its last message is not sent in turn, and no other one matters. */
static bool exiting;

static void request_send(void *arg)
{
    struct monitor_request *request = arg;

    if (exiting) {
        return;
    }
    errval_t err = request->send(request, MKCONT(request_done, request));

    if (err_is_fail(err)) {
        USER_PANIC_ERR(err, "sending to the monitor");
    }
}

errval_t monitor_queue_request(struct monitor_request template)
{
    struct monitor_request *request = malloc(sizeof(*request));

    if (request == NULL) {
        return LIB_ERR_MALLOC_FAIL;
    }
    *request = template;
    request->allocated = true;
    event_mutex_enqueue_lock(&request->mon->mutex, &request->qnode,
                             MKCLOSURE(request_send, request));
    return SYS_ERR_OK;
}

/* ---- hello ---- */

errval_t monitor_hello(struct lmp_chan *chan)
{
    for (;;) {
        errval_t err = lmp_chan_send2(chan, LMP_SEND_FLAGS_DEFAULT, chan->local_cap, MONITOR_HELLO,
                                      chan->buflen_words);

        if (!lmp_err_is_transient(err)) {
            return err;
        }
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
    if (number == monitor_connection_lost__msgnum && length == 2) {
        idc_connection_lost_disabled(words[1], handle);
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
    if (err_is_ok(err)) {
        err = monitor_hello(&b->chan);
    }
    return err;
}

errval_t monitor_client_init(void)
{
    struct monitor_lmp_binding *b = malloc(sizeof(*b));
    errval_t err = LIB_ERR_MALLOC_FAIL;

    if (b != NULL) {
        err = connect(b, get_default_waitset(), cap_monitorep, DEFAULT_LMP_BUF_WORDS);
    }
    if (err_is_fail(err)) {
        return err_push(err, LIB_ERR_MONITOR_CLIENT_BIND);
    }
    dispatcher_handle_t handle = disp_disable(); /* nothing has been received: no handler has run */
    set_monitor_binding(&b->b);
    b->chan.endpoint->arrived = notice;
    disp_enable(handle);
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

    if (b == NULL) {
        return LIB_ERR_MALLOC_FAIL;
    }
    waitset_init(&state->monitor_blocking_waitset);
    monitor_blocking_lmp_init(b, &state->monitor_blocking_waitset);
    errval_t err = lmp_chan_accept(&b->chan, DEFAULT_LMP_BUF_WORDS, endpoint);
    if (err_is_ok(err)) {
        err = monitor_blocking_lmp_start(b);
    }
    if (err_is_ok(err)) {
        err = monitor_hello(&b->chan);
    }
    if (err_is_fail(err)) {
        return err_push(err, LIB_ERR_MONITOR_RPC_BIND);
    }
    monitor_blocking_rpc_client_init(&b->b);
    set_monitor_blocking_binding(&b->b);
    return SYS_ERR_OK;
}

static struct wait_list rpc_waiting;

static void rpc_ep_reply(struct monitor_binding *mon, errval_t err, struct capref ep, uintptr_t st)
{
    (void)mon, (void)st;
    if (err_is_ok(err)) {
        err = open_blocking_binding(ep);
    }
    wait_list_tell(&rpc_waiting, err);
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
    return wait_list_join(&rpc_waiting, get_monitor_binding()->waitset, has_blocking_binding,
                          ask_for_rpc_ep);
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
    if (err_is_fail(err)) {
        free(n);
    }
    return err;
}

/* ---- bind: client ---- */

static errval_t send_lmp_bind(struct monitor_request *r, struct event_closure done)
{
    struct lmp_chan *lc = r->object;

    return monitor_bind_lmp_client_request__tx(r->mon, done, lc->iref, (uintptr_t)lc,
                                               lc->buflen_words, lc->local_cap);
}

errval_t lmp_chan_bind(struct lmp_chan *lc, lmp_bind_continuation_fn *cont, void *st,
                       struct event_queue_node *qnode, iref_t iref, size_t buflen_words)
{
    struct monitor_binding *mon = get_monitor_binding();

    (void)qnode; /* the request brings its own */
    if (mon == NULL) {
        return LIB_ERR_BIND_LMP_REQ;
    }
    errval_t err = lmp_chan_accept(lc, buflen_words, NULL_CAP);
    if (err_is_fail(err)) {
        return err_push(err, LIB_ERR_BIND_LMP_REQ);
    }
    /* The service may answer before we hear of it. */
    err = lmp_chan_alloc_recv_slot(lc);
    if (err_is_ok(err)) {
        lc->connstate = LMP_BIND_WAIT;
        lc->iref = iref;
        lc->bind_continuation = cont;
        lc->bind_st = st;
        err = monitor_queue_request(
            (struct monitor_request){ .mon = mon, .send = send_lmp_bind, .object = lc });
    }
    return err_is_fail(err) ? err_push(err, LIB_ERR_BIND_LMP_REQ) : err;
}

static void bind_lmp_reply_client(struct monitor_binding *mon, errval_t err, uintptr_t mon_id,
                                  uintptr_t conn_id, struct capref ep)
{
    struct lmp_chan *lc = (struct lmp_chan *)conn_id;

    (void)mon;
    assert(lc->connstate == LMP_BIND_WAIT);
    if (err_is_ok(err) && capref_is_null(ep)) {
        err =
            LIB_ERR_CHAN_PEER_GONE; /* it ended, and its endpoint with it, while the reply waited */
        monitor_client_connection_closed(mon_id);
    }
    if (err_is_ok(err)) {
        lc->remote_cap = ep;
        lc->connstate = LMP_CONNECTED;
        idc_connection_open(&lc->connection, mon_id, &lc->endpoint->waitset_state);
    } else {
        lc->connstate = LMP_DISCONNECTED;
    }
    lc->bind_continuation(lc->bind_st, err, lc);
}

static errval_t send_ump_bind(struct monitor_request *r, struct event_closure done)
{
    struct ump_chan *uc = r->object;

    return monitor_bind_ump_client_request__tx(r->mon, done, uc->iref, (uintptr_t)uc, uc->inlen,
                                               uc->outlen, uc->wants_check);
}

errval_t ump_chan_bind(struct ump_chan *uc, ump_bind_continuation_fn *cont, void *st,
                       struct event_queue_node *qnode, iref_t iref, size_t inlen, size_t outlen,
                       idc_bind_flags_t flags)
{
    struct monitor_binding *mon = get_monitor_binding();

    (void)qnode;
    if (mon == NULL) {
        return LIB_ERR_BIND_UMP_REQ;
    }
    *uc = (struct ump_chan){ .connstate = UMP_BIND_WAIT,
                             .iref = iref,
                             .bind_continuation = cont,
                             .bind_st = st,
                             .inlen = inlen,
                             .outlen = outlen,
                             .wants_check = (flags & IDC_BIND_FLAG_CHECKED) != 0 };
    errval_t err = monitor_queue_request(
        (struct monitor_request){ .mon = mon, .send = send_ump_bind, .object = uc });
    return err_is_fail(err) ? err_push(err, LIB_ERR_BIND_UMP_REQ) : err;
}

/* The machine may lose notifications: from the first UMP channel on, this dispatcher looks again.
 * */
static void hear_recheck(uint64_t recheck_ns)
{
    if (recheck_ns != 0) {
        ump_channels_set_recheck(recheck_ns);
    }
}

static void bind_ump_reply_client(struct monitor_binding *mon, uintptr_t mon_id, uintptr_t conn_id,
                                  errval_t err, bool checked, uint64_t recheck_ns,
                                  struct capref frame, struct capref notify)
{
    struct ump_chan *uc = (struct ump_chan *)conn_id;
    ump_bind_continuation_fn *cont = uc->bind_continuation;
    void *st = uc->bind_st;

    (void)mon;
    assert(uc->connstate == UMP_BIND_WAIT);
    uc->connstate = UMP_DISCONNECTED;
    if (err_is_ok(err)) {
        err = ump_chan_map(uc, frame, uc->inlen, uc->outlen, notify, true);
        if (err_is_ok(err) && checked) {
            err = ump_chan_make_checked(uc, UMP_TRIES);
            if (err_is_fail(err)) {
                ump_chan_unmap(uc);
            }
        }
    }
    if (err_is_ok(err)) {
        idc_connection_open(&uc->connection, mon_id, &uc->recv_waitset);
        hear_recheck(recheck_ns);
    } else if (!capref_is_null(frame)) {
        cap_destroy(frame); /* it could not be mapped here: as if closed at once */
        cap_destroy(notify);
        monitor_client_connection_closed(mon_id);
    }
    cont(st, err, uc, notify);
}

/* ---- export and bind: service ---- */

static errval_t send_alloc_iref(struct monitor_request *r, struct event_closure done)
{
    const struct idc_export *e = r->object;

    return monitor_alloc_iref_request__tx(r->mon, done, (uintptr_t)e,
                                          e->interface != NULL ? e->interface : "");
}

errval_t idc_export_service(struct idc_export *e)
{
    struct monitor_binding *mon = get_monitor_binding();
    struct core_state *state = get_core_state();

    if (mon == NULL) {
        return LIB_ERR_EXPORT;
    }
    e->iref = 0;
    e->service_id = (uintptr_t)e;
    dispatcher_handle_t handle = disp_disable();
    e->next = state->exports;
    state->exports = e;
    disp_enable(handle);
    errval_t err = monitor_queue_request(
        (struct monitor_request){ .mon = mon, .send = send_alloc_iref, .object = e });
    if (err_is_ok(err)) {
        return SYS_ERR_OK;
    }
    handle = disp_disable();
    struct idc_export **link = &state->exports;
    while (*link != e) {
        link = &(*link)->next;
    }
    *link = e->next;
    disp_enable(handle);
    return err_push(err, LIB_ERR_EXPORT);
}

struct idc_export *idc_find_export(uintptr_t service_id)
{
    struct idc_export *e = get_core_state()->exports;

    while (e != NULL && e->service_id != service_id) {
        e = e->next;
    }
    return e;
}

static void alloc_iref_reply(struct monitor_binding *mon, uintptr_t service_id, iref_t iref,
                             errval_t err)
{
    struct idc_export *e = idc_find_export(service_id);

    (void)mon;
    if (e == NULL) {
        debug_printf("the monitor named a service that does not exist\n");
        return;
    }
    e->iref = iref;
    if (err_is_ok(err)) {
        dispatcher_handle_t handle = disp_disable();
        wait_note_export(handle, iref, e->interface);
        disp_enable(handle);
    }
    e->export_callback(e->export_cb_st, err, iref);
}

struct idc_client idc_connecting_client(void)
{
    return get_core_state()->connecting;
}

static errval_t send_lmp_reply(struct monitor_request *r, struct event_closure done)
{
    return monitor_bind_lmp_reply_monitor__tx(r->mon, done, r->err, r->id, (uintptr_t)r->object,
                                              r->cap);
}

static void bind_lmp_service_request(struct monitor_binding *mon, uintptr_t service_id,
                                     uintptr_t mon_id, size_t buflen, domainid_t client,
                                     bool trusted, struct capref ep)
{
    struct idc_export *e = idc_find_export(service_id);
    struct lmp_chan *lc = NULL;
    errval_t err = MON_ERR_INVALID_IREF;

    if (capref_is_null(ep)) {
        err = LIB_ERR_CHAN_PEER_GONE; /* the client ended while the request waited */
    } else if (e != NULL && e->lmp_connect_callback != NULL) {
        get_core_state()->connecting = (struct idc_client){ client, trusted, false };
        err = e->lmp_connect_callback(e->st, buflen, ep, &lc);
    }
    if (err_is_ok(err)) {
        idc_connection_open(&lc->connection, mon_id, &lc->endpoint->waitset_state);
    }
    err = monitor_queue_request(
        (struct monitor_request){ .mon = mon,
                                  .send = send_lmp_reply,
                                  .object = lc,
                                  .id = mon_id,
                                  .err = err,
                                  .cap = err_is_ok(err) ? lc->local_cap : NULL_CAP });
    if (err_is_fail(err)) {
        USER_PANIC_ERR(err, "answering a bind request");
    }
}

static errval_t send_ump_reply(struct monitor_request *r, struct event_closure done)
{
    return monitor_bind_ump_reply_monitor__tx(r->mon, done, r->id, (uintptr_t)r->object, r->err);
}

static void bind_ump_service_request(struct monitor_binding *mon, uintptr_t service_id,
                                     uintptr_t mon_id, size_t inlen, size_t outlen,
                                     domainid_t client, bool trusted, bool checked,
                                     uint64_t recheck_ns, struct capref frame, struct capref notify)
{
    struct idc_export *e = idc_find_export(service_id);
    struct ump_chan *uc = NULL;
    errval_t err = MON_ERR_INVALID_IREF;

    if (e != NULL && e->ump_connect_callback != NULL) {
        get_core_state()->connecting = (struct idc_client){ client, trusted, checked };
        err = e->ump_connect_callback(e->st, frame, inlen, outlen, notify, &uc);
    }
    if (err_is_ok(err)) {
        idc_connection_open(&uc->connection, mon_id, &uc->recv_waitset);
        hear_recheck(recheck_ns);
    }
    err = monitor_queue_request((struct monitor_request){
        .mon = mon, .send = send_ump_reply, .object = uc, .id = mon_id, .err = err });
    if (err_is_fail(err)) {
        USER_PANIC_ERR(err, "answering a bind request");
    }
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

static void connection_lost(struct monitor_binding *mon, uintptr_t mon_id)
{
    (void)mon;
    idc_connection_lost(mon_id);
}

void monitor_client_set_handlers(struct monitor_binding *b)
{
    b->rx_vtbl.alloc_iref_reply = alloc_iref_reply;
    b->rx_vtbl.bind_lmp_reply_client = bind_lmp_reply_client;
    b->rx_vtbl.bind_lmp_service_request = bind_lmp_service_request;
    b->rx_vtbl.bind_ump_reply_client = bind_ump_reply_client;
    b->rx_vtbl.bind_ump_service_request = bind_ump_service_request;
    b->rx_vtbl.connection_lost = connection_lost;
    b->rx_vtbl.get_monitor_rpc_ep_reply = rpc_ep_reply;
    b->rx_vtbl.new_monitor_binding_reply = new_binding_reply;
    monitor_client_set_multihop_handlers(b);
}

/* ---- the end ---- */

/* A message that cannot be sent after this many events is not sent. */
#define EXIT_EVENTS_MAX 64

static void exit_told(void *arg)
{
    *(bool *)arg = true;
}

void domain_exit(int status)
{
    struct monitor_binding *mon = get_monitor_binding();
    bool told = false;

    newlib_flush_console();
    if (mon != NULL && !exiting) {
        exiting = true;
        errval_t err = FLOUNDER_ERR_TX_BUSY;

        for (int i = 0; i < EXIT_EVENTS_MAX && !told; i++) {
            if (err_no(err) == FLOUNDER_ERR_TX_BUSY) {
                err = monitor_domain_exited__tx(mon, MKCONT(exit_told, &told), disp_get_domain_id(),
                                                (uint8_t)status);
            }
            if (err_is_fail(event_dispatch_non_block(mon->waitset))) {
                thread_yield_dispatcher(NULL_CAP);
            }
        }
    }
    disp_stop();
}
