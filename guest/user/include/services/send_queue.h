/* SPDX-License-Identifier: MIT
 *
 * Messages of a service that wait for their turn on a binding.
 *
 * A binding sends one message at a time (FLOUNDER_ERR_TX_BUSY otherwise), and a service must not
 * wait for a client.  So each binding of a service has a queue: an item is sent when the one before
 * it has left, and freed when it has left itself, so strings and capabilities in it live long
 * enough.
 */
#ifndef SERVICES_SEND_QUEUE_H
#define SERVICES_SEND_QUEUE_H

#include <barrelfish/barrelfish.h>
#include <services/account.h>

struct send_queue;
struct send_item;

/* Calls the generated ..__tx with the continuation given; returns its error. */
typedef errval_t send_item_fn(struct send_queue *queue, struct send_item *item,
                              struct event_closure cont);

/* A message is charged as one for its fixed part, and as one more for each so many bytes behind
 * that. */
#define SEND_ITEM_BYTES 256

/* The head of what a service queues; allocated with malloc(), freed by the queue. */
struct send_item {
    struct send_item *next, *before;
    struct send_queue *queue; /* in which it waits; NULL: none */
    send_item_fn *send;
    /* called once when the message has left or cannot be sent; may be NULL */
    void (*done)(struct send_item *item, errval_t err);
    struct account
        *payer;   /* who caused it; NULL: it is owed, and its number is bounded elsewhere */
    size_t bytes; /* of text and the like that it carries along; see SEND_ITEM_BYTES */
    struct account_slip slip; /* the queue's */
};

struct send_queue {
    void *binding;
    /* the binding's register_send, behind a wrapper that knows its type */
    errval_t (*register_send)(void *binding, struct waitset *ws, struct event_closure closure);
    const char *name; /* of the peer, for messages */
    unsigned kind;    /* of the account, under which messages that wait are charged */
    struct send_item *head, *tail;
    unsigned count;
    bool sending; /* head is handed to the binding */
    bool waiting; /* registered for the binding to become free */
    bool running; /* a function of the queue is at work on it, further down the stack */
    bool closed;
    void (*gone)(struct send_queue *queue); /* see send_queue_close */
};

void send_queue_init(struct send_queue *queue, void *binding, const char *name, unsigned kind,
                     errval_t (*register_send)(void *, struct waitset *, struct event_closure));

/* Appends the item and sends it as soon as possible, in order.  Takes the item over in any case; if
 * it is NULL (out of memory) says so on the console.  If its payer has as much waiting as he may,
 * which is so when answers are not read, it is dropped. */
void send_queue_add(struct send_queue *queue, struct send_item *item);

/* Takes a message back that waits, and drops it (done() hears of it, with
 * FLOUNDER_ERR_BINDING_CLOSED).  False: the binding has it already. */
bool send_queue_withdraw(struct send_item *item);

/* The binding is broken or about to be torn down: drops everything that has not been handed to it.
 * Calls gone(queue), at once or when the binding has run what it still owes to the queue; from then
 * on the queue's memory is the caller's again. */
void send_queue_close(struct send_queue *queue, void (*gone)(struct send_queue *queue));

/* For queues from malloc(): as `gone`. */
void send_queue_free(struct send_queue *queue);

/* Defines a wrapper for the binding type of an interface. */
#define SEND_QUEUE_REGISTER(interface)                                           \
    static errval_t interface##_register_send(void *binding, struct waitset *ws, \
                                              struct event_closure closure)      \
    {                                                                            \
        struct interface##_binding *b = binding;                                 \
        return b->register_send(b, ws, closure);                                 \
    }

#endif
