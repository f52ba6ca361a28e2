/* SPDX-License-Identifier: MIT
 *
 * Exporting, and binding by LMP and UMP (facts §5.3-5.5), as seen from a domain (docs/monitor.md
 * has the other sides):
 *   LMP client   LMP_BIND_WAIT --bind_lmp_reply_client--> LMP_CONNECTED, or LMP_DISCONNECTED +
 *                error
 *   UMP client   UMP_BIND_WAIT --bind_ump_reply_client--> UMP_CONNECTED, or UMP_DISCONNECTED +
 *                error
 *   service      bind_*_service_request --connect callback--> bind_*_reply_monitor
 */
#include <abi/ports.h>
#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <barrelfish/core_state.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/monitor_client.h>
#include <if/monitor_defs.h>
#include <string.h>

#include "../dispatch/wait_note.h"
#include "monitor_request.h"

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
    if (mon == NULL)
        return LIB_ERR_BIND_LMP_REQ;
    errval_t err = lmp_chan_accept(lc, buflen_words, NULL_CAP);
    if (err_is_fail(err))
        return err_push(err, LIB_ERR_BIND_LMP_REQ);
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
    if (mon == NULL)
        return LIB_ERR_BIND_UMP_REQ;
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
    if (recheck_ns != 0)
        ump_channels_set_recheck(recheck_ns);
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
            if (err_is_fail(err))
                ump_chan_unmap(uc);
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
    uint64_t layout[2] = { 0, 0 };

    _Static_assert(sizeof(layout) == sizeof(*e->layout), "a layout is two words");
    if (e->layout != NULL)
        memcpy(layout, e->layout, sizeof(layout));
    return monitor_alloc_iref_request__tx(r->mon, done, (uintptr_t)e, layout[0], layout[1],
                                          e->interface != NULL ? e->interface : "");
}

errval_t idc_export_service(struct idc_export *e)
{
    struct monitor_binding *mon = get_monitor_binding();
    struct core_state *state = get_core_state();

    if (mon == NULL)
        return LIB_ERR_EXPORT;
    e->iref = 0;
    e->service_id = (uintptr_t)e;
    dispatcher_handle_t handle = disp_disable();
    e->next = state->exports;
    state->exports = e;
    disp_enable(handle);
    errval_t err = monitor_queue_request(
        (struct monitor_request){ .mon = mon, .send = send_alloc_iref, .object = e });
    if (err_is_ok(err))
        return SYS_ERR_OK;
    handle = disp_disable();
    struct idc_export **link = &state->exports;
    while (*link != e)
        link = &(*link)->next;
    *link = e->next;
    disp_enable(handle);
    return err_push(err, LIB_ERR_EXPORT);
}

struct idc_export *idc_find_export(uintptr_t service_id)
{
    struct idc_export *e = get_core_state()->exports;

    while (e != NULL && e->service_id != service_id)
        e = e->next;
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
    if (err_is_ok(err))
        idc_connection_open(&lc->connection, mon_id, &lc->endpoint->waitset_state);
    err = monitor_queue_request(
        (struct monitor_request){ .mon = mon,
                                  .send = send_lmp_reply,
                                  .object = lc,
                                  .id = mon_id,
                                  .err = err,
                                  .cap = err_is_ok(err) ? lc->local_cap : NULL_CAP });
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "answering a bind request");
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
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "answering a bind request");
}

void monitor_client_set_bind_handlers(struct monitor_binding *b)
{
    b->rx_vtbl.alloc_iref_reply = alloc_iref_reply;
    b->rx_vtbl.bind_lmp_reply_client = bind_lmp_reply_client;
    b->rx_vtbl.bind_lmp_service_request = bind_lmp_service_request;
    b->rx_vtbl.bind_ump_reply_client = bind_ump_reply_client;
    b->rx_vtbl.bind_ump_service_request = bind_ump_service_request;
}
