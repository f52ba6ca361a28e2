/* SPDX-License-Identifier: MIT
 *
 * How a domain comes by a multi-hop channel: the messages of monitor.if (facts §1.5;
 * docs/monitor.md has the other sides).
 *
 *   client    MULTIHOP_BIND_WAIT --bind_multihop_reply_client--> MULTIHOP_CONNECTED, or
 *             MULTIHOP_DISCONNECTED + error
 *   service   bind_multihop_service_request --connect callback--> bind_multihop_reply_monitor
 *
 * Each side makes the endpoint on which it receives and is given that of its monitor.
 */
#include <assert.h>
#include <barrelfish/core_state.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/monitor_client.h>
#include <barrelfish/multihop_chan.h>
#include <if/monitor_defs.h>

#include "monitor_request.h"

/* ---- client ---- */

static errval_t send_bind(struct monitor_request *r, struct event_closure done)
{
    struct multihop_chan *chan = r->object;

    return monitor_bind_multihop_client_request__tx(r->mon, done, chan->iref, (uintptr_t)chan,
                                                    chan->link.lmp.local_cap);
}

errval_t multihop_chan_bind(struct multihop_chan *chan, multihop_bind_continuation_fn *cont,
                            void *st, iref_t iref)
{
    struct monitor_binding *mon = get_monitor_binding();

    if (mon == NULL)
        return LIB_ERR_BIND_MULTIHOP_REQ;
    errval_t err = lmp_chan_accept(&chan->link.lmp, DEFAULT_LMP_BUF_WORDS, NULL_CAP);
    if (err_is_ok(err)) {
        chan->connstate = MULTIHOP_BIND_WAIT;
        chan->iref = iref;
        chan->bind_continuation = cont;
        chan->bind_st = st;
        err = monitor_queue_request(
            (struct monitor_request){ .mon = mon, .send = send_bind, .object = chan });
    }
    return err_is_fail(err) ? err_push(err, LIB_ERR_BIND_MULTIHOP_REQ) : err;
}

static void bind_reply_client(struct monitor_binding *mon, uintptr_t conn_id, errval_t err,
                              struct capref ep)
{
    struct multihop_chan *chan = (struct multihop_chan *)conn_id;

    (void)mon;
    assert(chan->connstate == MULTIHOP_BIND_WAIT);
    if (err_is_ok(err) && capref_is_null(ep)) {
        err =
            /* the circuit ended, and its endpoint, while the reply waited */
            LIB_ERR_CHAN_PEER_GONE;
    }
    chan->connstate = err_is_ok(err) ? MULTIHOP_CONNECTED : MULTIHOP_DISCONNECTED;
    chan->link.lmp.remote_cap = ep;
    chan->bind_continuation(chan->bind_st, err, chan);
}

/* ---- service ---- */

errval_t multihop_chan_accept(struct multihop_chan *chan, struct capref remote)
{
    errval_t err = lmp_chan_accept(&chan->link.lmp, DEFAULT_LMP_BUF_WORDS, remote);

    if (err_is_ok(err))
        chan->connstate = MULTIHOP_CONNECTED;
    return err;
}

static errval_t send_reply(struct monitor_request *r, struct event_closure done)
{
    return monitor_bind_multihop_reply_monitor__tx(r->mon, done, r->id, r->err, r->cap);
}

static void bind_service_request(struct monitor_binding *mon, uintptr_t service_id,
                                 uintptr_t mon_id, domainid_t client, struct capref ep)
{
    struct idc_export *e = idc_find_export(service_id);
    struct multihop_chan *chan = NULL;
    errval_t err = MON_ERR_INVALID_IREF;

    if (capref_is_null(ep)) {
        err = LIB_ERR_CHAN_PEER_GONE; /* the client ended while the request waited */
    } else if (e != NULL && e->multihop_connect_callback != NULL) {
        get_core_state()->connecting = (struct idc_client){ client, false, false };
        err = e->multihop_connect_callback(e->st, ep, &chan);
    }
    err = monitor_queue_request(
        (struct monitor_request){ .mon = mon,
                                  .send = send_reply,
                                  .id = mon_id,
                                  .err = err,
                                  .cap = err_is_ok(err) ? chan->link.lmp.local_cap : NULL_CAP });
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "answering a bind request");
}

void monitor_client_set_multihop_handlers(struct monitor_binding *b)
{
    b->rx_vtbl.bind_multihop_reply_client = bind_reply_client;
    b->rx_vtbl.bind_multihop_service_request = bind_service_request;
}
