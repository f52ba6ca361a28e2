/* SPDX-License-Identifier: MIT
 *
 * The clients of a service: what every service does when one connects and when one has gone.
 *
 * A client is a binding with an account in the service's book (account.h) and a queue of messages
 * to it (send_queue.h).  A service that keeps more of a client puts struct service_client first in
 * a struct of its own.
 */
#ifndef SERVICES_SERVICE_H
#define SERVICES_SERVICE_H

#include <barrelfish/waitset_chan.h>
#include <services/send_queue.h>

/* Filled by the service, except for the book: account_book_init(). */
struct service {
    const char *client;    /* what one of them is called in messages */
    unsigned message_kind; /* of the account, under which messages that wait are charged */
    struct account_book accounts;
};

/* The binding's `st`. */
struct service_client {
    struct send_queue queue; /* first: the memory is freed with it */
    struct account *account;
    struct waitset_chanstate ended; /* its end is told by an event of its own */
    errval_t end;                   /* why */
};

/* In a connect callback: a client of `bytes` bytes of memory, zeroed behind its head.  Trusted as
 * the monitor says.  NULL: out of memory.  Called through ..._client_open(). */
void *service_client_open(struct service *service, void *binding, size_t bytes,
                          errval_t (*register_send)(void *, struct waitset *,
                                                    struct event_closure));
/* The error handler of a client's binding.  A binding may break under a message that is sent to it,
 * in the middle of anything: so the service hears of it, by `told`, when it does nothing else. */
void service_client_ended(struct service_client *client, errval_t err, struct event_closure told);

/* Its account is closed, its messages are dropped.  The memory goes when the binding owes nothing
 * more to the queue.  Called through ..._client_close(). */
void service_client_close(struct service_client *client);

/* Defines for an interface's type of binding:
 *
 *   IF_client_open(service, b, bytes)  to be called in the connect callback, whose answer it is:
 *       sets `st` and the error handler.  LIB_ERR_MALLOC_FAIL: nothing was changed
 *   IF_client_close(b)  to be called last in `broken`: tears the binding down
 *
 * `broken` is the service's: what it does when a client has gone, in an event of its own.
 */
#define SERVICE_CLIENTS(interface, broken)                                                \
    SEND_QUEUE_REGISTER(interface)                                                        \
    static void broken(struct interface##_binding *b, errval_t err);                      \
    static void interface##_client_tell(void *arg)                                        \
    {                                                                                     \
        struct interface##_binding *b = arg;                                              \
        broken(b, ((struct service_client *)b->st)->end);                                 \
    }                                                                                     \
    static void interface##_client_ended(struct interface##_binding *b, errval_t err)     \
    {                                                                                     \
        service_client_ended(b->st, err, MKCLOSURE(interface##_client_tell, b));          \
    }                                                                                     \
    static errval_t interface##_client_open(struct service *service,                      \
                                            struct interface##_binding *b, size_t bytes)  \
    {                                                                                     \
        void *client = service_client_open(service, b, bytes, interface##_register_send); \
        if (client == NULL)                                                               \
            return LIB_ERR_MALLOC_FAIL;                                                   \
        b->st = client;                                                                   \
        b->error_handler = interface##_client_ended;                                      \
        return SYS_ERR_OK;                                                                \
    }                                                                                     \
    static void interface##_client_close(struct interface##_binding *b)                   \
    {                                                                                     \
        service_client_close(b->st);                                                      \
        b->control(b, IDC_CONTROL_TEARDOWN);                                              \
    }

#endif
