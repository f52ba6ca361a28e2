/* SPDX-License-Identifier: MIT
 *
 * Bindings whose messages are waited for by activities (<thc/thcbinding.h>).
 *
 * A message that nobody waits for is kept; one that somebody waits for goes to him in the handler,
 * so a later receiver cannot take it away.  Who is given a message keeps it even if it is cancelled
 * in the same moment.
 *
 * A binding takes no messages while too many are kept: it is moved to a waitset that nobody
 * dispatches.
 */
#include <barrelfish/nameservice_client.h>
#include <flounder/flounder.h>
#include <stdlib.h>
#include <string.h>
#include <thc/thcbinding.h>

#include "thc_priv.h"

static void *allocate(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (memory == NULL)
        USER_PANIC("thc: no memory for a message");
    return memory;
}

struct thc_port *thc_port_new(struct flounder_binding *binding, struct waitset *ws)
{
    struct thc_port *port = allocate(sizeof(*port));
    port->binding = binding;
    port->waitset = ws;
    waitset_init(&port->parked);
    return port;
}

static void free_all(struct thc_message *message)
{
    while (message != NULL) {
        struct thc_message *next = message->next;
        free(message);
        message = next;
    }
}

void thc_port_free(struct thc_port *port)
{
    free_all(port->first);
    free_all(port->calls);
    free_all(port->dropped);
    free(port);
}

/* ---- receiving ---- */

struct thc_message *thc_message_new(uint16_t number, size_t arguments, size_t more)
{
    const size_t aligned = (arguments + 7) & ~7ul;
    struct thc_message *message = allocate(sizeof(*message) + aligned + more);
    message->number = number;
    message->free = (char *)message->arguments + aligned;
    return message;
}

void *thc_message_copy(struct thc_message *message, const void *data, size_t bytes)
{
    if (data == NULL)
        return NULL;
    void *copy = message->free;
    memcpy(copy, data, bytes);
    message->free += (bytes + 7) & ~7ul;
    return copy;
}

/* What somebody waits for, and gets. */
struct receiver {
    const struct thc_choice *choice;
    struct thc_message *message;
};

static bool is_wanted(const struct thc_choice *choice, uint16_t number)
{
    for (unsigned i = 0; i < choice->count; i++)
        if (choice->numbers[i] == number && choice->wanted[i])
            return true;
    return false;
}

static struct thc_message *take_out(struct thc_message **list, uint16_t number)
{
    for (struct thc_message **link = list; *link != NULL; link = &(*link)->next) {
        struct thc_message *message = *link;
        if (message->number != number)
            continue;
        *link = message->next;
        return message;
    }
    return NULL;
}

void thc_port_put(struct thc_port *port, struct thc_message *message)
{
    struct thc_message *dropped = take_out(&port->dropped, message->number);
    if (dropped != NULL) {
        free(dropped);
        free(message);
        return;
    }
    for (struct thc_waiter *w = port->receivers.first; w != NULL; w = w->next) {
        struct receiver *receiver = w->wants;
        if (!is_wanted(receiver->choice, message->number))
            continue;
        receiver->message = message;
        thc_wake(w);
        return;
    }
    if (port->first == NULL)
        port->first = message;
    else
        port->last->next = message;
    port->last = message;
    if (++port->kept == THC_PORT_KEEPS)
        flounder_change_waitset(port->binding, &port->parked);
}

static struct thc_message *take_kept(struct thc_port *port, const struct thc_choice *choice)
{
    struct thc_message **link = &port->first, *before = NULL;
    while (*link != NULL && !is_wanted(choice, (*link)->number)) {
        before = *link;
        link = &before->next;
    }
    struct thc_message *message = *link;
    if (message == NULL)
        return NULL;
    *link = message->next;
    message->next = NULL;
    if (port->last == message)
        port->last = before;
    if (port->kept-- == THC_PORT_KEEPS)
        flounder_change_waitset(port->binding, port->waitset);
    return message;
}

void thc_port_drop_next(struct thc_port *port, uint16_t number)
{
    const bool wanted = true;
    struct thc_message *message = take_kept(port, &(struct thc_choice){ &number, &wanted, 1 });
    if (message != NULL) {
        free(message); /* it was faster than the cancelling */
        return;
    }
    message = thc_message_new(number, 0, 0);
    message->next = port->dropped;
    port->dropped = message;
}

errval_t thc_port_receive(struct thc_port *port, bool cancellable, const struct thc_choice *choice,
                          struct thc_message **ret)
{
    struct receiver receiver = { .choice = choice };
    if (cancellable && THCIsCancelled())
        return THC_CANCELED;
    *ret = take_kept(port, choice);
    if (*ret != NULL)
        return SYS_ERR_OK;
    if (err_is_fail(port->broken))
        return port->broken;
    errval_t err = thc_wait(&port->receivers, cancellable, &receiver);
    *ret = receiver.message;
    if (*ret != NULL)
        return SYS_ERR_OK;
    return err_is_fail(err) ? err : port->broken;
}

void thc_port_keep_call(struct thc_port *port, struct thc_message *message)
{
    struct thc_message **link = &port->calls;
    while (*link != NULL)
        link = &(*link)->next;
    *link = message;
}

uint32_t thc_port_take_call(struct thc_port *port, uint16_t number)
{
    struct thc_message *call = take_out(&port->calls, number);
    const uint32_t token = call == NULL ? 0 : call->token;
    free(call);
    return token;
}

/* ---- sending ---- */

errval_t thc_port_send_begin(struct thc_port *port, bool cancellable)
{
    if (!cancellable) {
        thc_lock_acquire(&port->sending);
        return SYS_ERR_OK;
    }
    return THCIsCancelled() ? THC_CANCELED : thc_lock_acquire_x(&port->sending);
}

static void wake_sender(struct thc_port *port)
{
    awe_t *sender = port->sender;
    port->sender = NULL;
    if (sender != NULL)
        THCSchedule(sender);
}

static void sender_goes_on(void *arg)
{
    struct thc_port *port = arg;
    port->sent = true;
    wake_sender(port);
}

/* Until that has run; a local binding runs it inside X__tx.  What a broken binding owes may never
 * come: then why it is broken. */
static errval_t wait_until_sent(struct thc_port *port)
{
    if (!port->sent && err_is_ok(port->broken))
        THCSuspend(&port->sender);
    errval_t err = port->sent ? SYS_ERR_OK : port->broken;
    port->sent = false;
    return err;
}

struct event_closure thc_port_sent(struct thc_port *port)
{
    return MKCONT(sender_goes_on, port);
}

bool thc_port_again(struct thc_port *port, errval_t *err)
{
    if (err_no(*err) != FLOUNDER_ERR_TX_BUSY)
        return false;
    errval_t waits = flounder_register_send(port->binding, port->waitset, thc_port_sent(port));
    if (err_is_fail(waits)) {
        *err = waits;
        return false;
    }
    *err = wait_until_sent(port);
    return err_is_ok(*err);
}

errval_t thc_port_send_end(struct thc_port *port, errval_t err)
{
    if (err_is_ok(err))
        err = wait_until_sent(port);
    thc_lock_release(&port->sending);
    return err;
}

void thc_port_break(struct thc_port *port, errval_t err)
{
    if (err_is_fail(port->broken))
        return;
    port->broken = err;
    while (thc_wake_first(&port->receivers))
        ;
    if (!waitset_chan_is_registered(&port->binding->tx_cont_chan))
        wake_sender(port); /* else the message is out, and its continuation on its way */
}

/* ---- connections ---- */

void thc_exporter_init(struct thc_exporter *exporter)
{
    *exporter = (struct thc_exporter){ .iref = 0 };
}

void thc_exporter_done(void *arg, errval_t err, iref_t iref)
{
    struct thc_exporter *exporter = arg;
    awe_t *exports = exporter->exports;
    exporter->err = err;
    exporter->iref = iref;
    exporter->exports = NULL;
    if (exports != NULL)
        THCSchedule(exports);
}

errval_t thc_exporter_wait(struct thc_exporter *exporter, const char *name, iref_t *iref)
{
    if (exporter->iref == 0 && err_is_ok(exporter->err))
        THCSuspend(&exporter->exports);
    errval_t err = exporter->err;
    if (err_is_ok(err) && name != NULL)
        err = nameservice_register(name, exporter->iref);
    if (iref != NULL)
        *iref = exporter->iref;
    return err;
}

void thc_exporter_add(struct thc_exporter *exporter, void *binding)
{
    struct thc_accepted *accepted = allocate(sizeof(*accepted));
    accepted->binding = binding;
    if (exporter->first == NULL)
        exporter->first = accepted;
    else
        exporter->last->next = accepted;
    exporter->last = accepted;
    thc_wake_first(&exporter->acceptors);
}

errval_t thc_exporter_accept(struct thc_exporter *exporter, bool cancellable, void **binding)
{
    while (exporter->first == NULL) {
        errval_t err = thc_wait(&exporter->acceptors, cancellable, NULL);
        if (err_is_fail(err))
            return err;
    }
    struct thc_accepted *accepted = exporter->first;
    exporter->first = accepted->next;
    *binding = accepted->binding;
    free(accepted);
    return SYS_ERR_OK;
}

void thc_binder_done(void *arg, errval_t err, void *binding)
{
    struct thc_binder *binder = arg;
    binder->done = true;
    binder->err = err;
    binder->binding = binding;
    if (binder->binds != NULL)
        THCSchedule(binder->binds);
}

errval_t thc_binder_wait(struct thc_binder *binder, void **binding)
{
    if (!binder->done)
        THCSuspend(&binder->binds);
    *binding = binder->binding;
    return binder->err;
}
