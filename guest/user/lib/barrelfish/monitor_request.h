/* SPDX-License-Identifier: MIT
 *
 * Messages to the monitor of this core: one after the other (monitor_client.c).
 */
#ifndef MONITOR_REQUEST_H
#define MONITOR_REQUEST_H

#include <barrelfish/barrelfish.h>
#include <barrelfish/idc_export.h>

struct monitor_binding;

struct monitor_request {
    struct event_queue_node qnode;
    struct monitor_binding *mon;
    errval_t (*send)(struct monitor_request *request, struct event_closure done);
    void *object; /* a channel or struct idc_export */
    uintptr_t id;
    errval_t err;
    struct capref cap;
    bool allocated;
};

/* Sends the message when it is its turn; a copy of the request is kept until then.
 * LIB_ERR_MALLOC_FAIL. */
errval_t monitor_queue_request(struct monitor_request request);

/* The service behind a number that the monitor was given, or NULL. */
struct idc_export *idc_find_export(uintptr_t service_id);

/* multihop_bind.c */
void monitor_client_set_multihop_handlers(struct monitor_binding *b);

#endif
