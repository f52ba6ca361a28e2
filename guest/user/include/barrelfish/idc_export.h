/* SPDX-License-Identifier: MIT
 *
 * Exported services: what a generated IF_export hands to the library (facts §5.3-5.5).
 */
#ifndef BARRELFISH_IDC_EXPORT_H
#define BARRELFISH_IDC_EXPORT_H

#include <barrelfish/event_queue.h>
#include <barrelfish/idc.h>
#include <barrelfish/lmp_chan.h>
#include <barrelfish/multihop_chan.h>
#include <barrelfish/ump_chan.h>

struct abi_line_layout;

typedef void idc_export_callback_fn(void *st, errval_t err, iref_t iref);

/* A connection is asked for.  The stub allocates a binding, accepts the channel
 * (lmp_chan_accept / ump_chan_accept), asks the program's connect callback, starts receiving and
 * gives back the channel; or refuses with an error (MON_ERR_IDC_BIND_REFUSED), in which case it has
 * undone everything. export_st is the `st` of struct idc_export. */
typedef errval_t idc_lmp_connect_callback_fn(void *export_st, size_t buflen_words,
                                             struct capref remote_ep, struct lmp_chan **ret);
typedef errval_t idc_ump_connect_callback_fn(void *export_st, struct capref frame, size_t inlen,
                                             size_t outlen, struct capref notify,
                                             struct ump_chan **ret);
typedef errval_t idc_multihop_connect_callback_fn(void *export_st, struct capref remote_ep,
                                                  struct multihop_chan **ret);

/* Lives as long as the service.  Filled by the caller except for the private part. */
struct idc_export {
    idc_lmp_connect_callback_fn *lmp_connect_callback; /* NULL: not over LMP */
    idc_ump_connect_callback_fn *ump_connect_callback; /* NULL: not over UMP */
    idc_multihop_connect_callback_fn *multihop_connect_callback;
    idc_export_callback_fn *export_callback; /* given the iref, once */
    void *export_cb_st;                      /* its first argument */
    void *st;                                /* first argument of the connect callbacks */
    struct waitset *ws;
    const char *interface; /* its name, for people; NULL: none */
    /* How the lines lie in the rings of channels over UMP, if the service and its clients write
     * others than UMP's (abi/ports.h); NULL: those of UMP.  The machine is told when a client
     * binds.  It lives as long as the service. */
    const struct abi_line_layout *layout;

    /* private */
    iref_t iref;
    uintptr_t service_id;
    struct idc_export *next;
    struct event_queue_node event_qnode;
};

/* Whom the connect callback that runs is for. */
struct idc_client idc_connecting_client(void);

/* Asks the monitor for an iref.  Returns at once; export_callback is told the outcome. */
errval_t idc_export_service(struct idc_export *e);

#endif
