/* SPDX-License-Identifier: MIT
 *
 * The domain's connections to its monitor and memory server (facts §2.2).  Made during start-up of
 * a spawned domain; NULL in a first domain until its own code sets them.
 */
#ifndef BARRELFISH_MONITOR_CLIENT_H
#define BARRELFISH_MONITOR_CLIENT_H

#include <barrelfish/idc_export.h>
#include <barrelfish/lmp_chan.h>

struct monitor_binding;
struct monitor_blocking_binding;
struct mem_binding;
struct nameservice_binding;

/* First message of a spawned domain through INITEP: {MONITOR_HELLO, buflen words} and the
 * capability of its own endpoint.  From then on the pair carries monitor.if. */
#define MONITOR_HELLO 0xC0DE0001ul

struct monitor_binding *get_monitor_binding(void);
struct monitor_blocking_binding *get_monitor_blocking_binding(void);
struct mem_binding *get_mem_binding(void);
struct nameservice_binding *get_nameservice_binding(void);
void set_monitor_binding(struct monitor_binding *b);
void set_monitor_blocking_binding(struct monitor_blocking_binding *b);
void set_mem_binding(struct mem_binding *b);
void set_nameservice_binding(struct nameservice_binding *b);

/* Start-up: connects to the monitor through INITEP (blocks until the hello is accepted), then the
 * blocking one.  LIB_ERR_MONITOR_CLIENT_BIND. */
errval_t monitor_client_init(void);
errval_t monitor_client_blocking_rpc_init(void);

/* A further connection to the monitor; the continuation gets the binding. */
typedef void monitor_bind_cont_fn(void *st, errval_t err, struct monitor_binding *b);
errval_t monitor_client_new_binding(monitor_bind_cont_fn *cont, void *st, struct waitset *ws,
                                    size_t lmp_buflen_words);

/* The connection's channel is closed on this side (connection.h). */
void monitor_client_connection_closed(uintptr_t monitor_id);

/* Installs the handlers of bind and export messages in a binding to a monitor. */
void monitor_client_set_handlers(struct monitor_binding *b);

/* A message to the monitor of this core; they take turns, by the binding's mutex. */
struct monitor_request {
    struct event_queue_node qnode;
    struct monitor_binding *mon;
    errval_t (*send)(struct monitor_request *request, struct event_closure done);
    void *object; /* this and what follows: the sender's */
    uintptr_t id;
    errval_t err;
    struct capref cap;
    bool allocated;
};

/* Sends the message when it is its turn; a copy of the request is kept until then.
 * LIB_ERR_MALLOC_FAIL. */
errval_t monitor_queue_request(struct monitor_request request);

#endif
