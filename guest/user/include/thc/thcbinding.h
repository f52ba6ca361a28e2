/* SPDX-License-Identifier: MIT
 *
 * What the headers <if/X_thc.h> are made with: a binding whose messages are waited for by
 * activities.  Programs use those headers.
 *
 * Messages that arrive are copied and kept until somebody receives them, in the order of arrival.
 * When THC_PORT_KEEPS are kept, the binding takes no more until one is received; the sender then
 * waits, as for any receiver that is slow.
 */
#ifndef THC_THCBINDING_H
#define THC_THCBINDING_H

#include <thc/thcsync.h>

__BEGIN_DECLS

#define THC_PORT_KEEPS 64

struct flounder_binding;

/* A message that has arrived: behind it its arguments, then what they point to. */
struct thc_message {
    struct thc_message *next;
    uint16_t number;
    uint32_t token; /* of a call, for the response */
    char *free;     /* where the next copy goes */
    uint64_t arguments[];
};

struct thc_port {
    struct flounder_binding *binding;
    struct waitset *waitset, parked; /* parked: nobody dispatches it */
    struct thc_message *first, *last;
    unsigned kept;
    struct thc_waiters receivers;
    thc_lock_t sending, calling; /* one at a time */
    awe_t *sender;               /* waits until the message is out, or there is room */
    bool sent;                   /* it need not */
    errval_t broken;             /* why the binding is */
    struct thc_message *dropped; /* their numbers: of the next of each there is no use */
    struct thc_message *calls;   /* received and not answered: their tokens, in order */
};

/* Aborts if there is no memory. */
struct thc_port *thc_port_new(struct flounder_binding *binding, struct waitset *ws);
void thc_port_free(struct thc_port *port);
/* The binding has broken: who waits gets `err`. */
void thc_port_break(struct thc_port *port, errval_t err);

/* For the handler of a message: room for the arguments and for what they point to; copies of that;
 * and there it is.  (thc_message_copy: NULL stays NULL.) */
struct thc_message *thc_message_new(uint16_t number, size_t arguments, size_t more);
void *thc_message_copy(struct thc_message *message, const void *data, size_t bytes);
void thc_port_put(struct thc_port *port, struct thc_message *message);

/* The first message of this number, kept or to come, is thrown away: who waited for it is gone. */
void thc_port_drop_next(struct thc_port *port, uint16_t number);

/* A set of messages: numbers[i] is in it if wanted[i] is. */
struct thc_choice {
    const uint16_t *numbers;
    const bool *wanted;
    unsigned count;
};

/* Waits for the first message of the choice.  The caller frees it. */
errval_t thc_port_receive(struct thc_port *port, bool cancellable, const struct thc_choice *choice,
                          struct thc_message **ret);

/* What sends: begin; then again and again X__tx with the continuation thc_port_sent(), while
 * thc_port_again() says so; end.  The message is out afterwards. */
errval_t thc_port_send_begin(struct thc_port *port, bool cancellable);
struct event_closure thc_port_sent(struct thc_port *port);
bool thc_port_again(struct thc_port *port, errval_t *err);
errval_t thc_port_send_end(struct thc_port *port, errval_t err);

/* A call was received; its response is to have this token.  0: no call is open. */
void thc_port_keep_call(struct thc_port *port, struct thc_message *message);
uint32_t thc_port_take_call(struct thc_port *port, uint16_t number);

/* ---- making connections ---- */

/* Bindings that clients made, for who accepts them. */
struct thc_exporter {
    struct thc_accepted {
        struct thc_accepted *next;
        void *binding;
    } * first, *last;
    struct thc_waiters acceptors;
    awe_t *exports; /* waits for the iref */
    errval_t err;
    iref_t iref;
};

void thc_exporter_init(struct thc_exporter *exporter);
void thc_exporter_done(void *exporter, errval_t err, iref_t iref);
/* Waits for that, and registers the name, unless it is NULL. */
errval_t thc_exporter_wait(struct thc_exporter *exporter, const char *name, iref_t *iref);
void thc_exporter_add(struct thc_exporter *exporter, void *binding);
errval_t thc_exporter_accept(struct thc_exporter *exporter, bool cancellable, void **binding);

/* A bind under way. */
struct thc_binder {
    awe_t *binds;
    bool done;
    errval_t err;
    void *binding;
};
void thc_binder_done(void *binder, errval_t err, void *binding);
errval_t thc_binder_wait(struct thc_binder *binder, void **binding);

__END_DECLS

#endif
