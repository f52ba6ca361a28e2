/* SPDX-License-Identifier: MIT
 *
 * Receiving: what is the same for all kinds of channels.
 *
 * A message is delivered to its generated function, which takes the arguments out, arms the channel
 * again and calls the handler.  A peer that breaks the protocol (an unknown number, a length that
 * does not fit) is told to the error handler once, and nothing more is received from it: where one
 * message ends and the next begins cannot be known any more.
 */
#include "flounder_priv.h"

#include <assert.h>
#include <barrelfish/debug.h>
#include <stdlib.h>

const struct flounder_message_plan *flounder_rx_plan(struct flounder_binding *c, unsigned number)
{
    assert(c->rx_plan == NULL);
    if (number == FLOUNDER_GOODBYE) {
        flounder_rx_break(c, FLOUNDER_ERR_BINDING_CLOSED);
        return NULL;
    }
    if (number < FLOUNDER_FIRST_MESSAGE || number - FLOUNDER_FIRST_MESSAGE >= c->messages) {
        flounder_rx_break(c, FLOUNDER_ERR_RX_INVALID_MSGNUM);
        return NULL;
    }
    c->rx_at = (struct flounder_position){ 0, 0, 0 };
    return &c->plan[number - FLOUNDER_FIRST_MESSAGE];
}

/* A capability that does not make it appears as NULL_CAP. */
static void collect_caps(struct flounder_binding *c, const struct flounder_message_plan *plan)
{
    const uint64_t *tickets = c->rx_words + plan->words - plan->caps;
    assert(plan->caps == 0 || flounder_parcel_collect != NULL);
    for (unsigned i = 0; i < plan->caps; i++) {
        c->rx_cap[i] = NULL_CAP;
        if (tickets[i] == 0)
            continue;
        errval_t err = flounder_parcel_collect(tickets[i], &c->rx_cap[i]);
        if (err_is_fail(err)) {
            c->rx_cap[i] = NULL_CAP;
            debug_printf("capability %u of message %s is lost: %s: %s\n", i, plan->name,
                         err_getcode(err), err_getstring(err));
        }
    }
}

void flounder_deliver_assembled(struct flounder_binding *c)
{
    const struct flounder_message_plan *plan = c->rx_plan;
    if (flounder_transport(c)->tickets)
        collect_caps(c, plan);
    /* the streams are the deliver function's from now on */
    c->rx_plan = NULL;
    c->rx_at = (struct flounder_position){ 0, 0, 0 };
    flounder_deliver(c, plan, c->rx_words);
}

void flounder_listen_anew(struct flounder_binding *c)
{
    if (c->closed != SYS_ERR_OK) {
        flounder_rx_over(c);
        return;
    }
    /* the program took the channel from under the stubs and gives it back */
    errval_t err = flounder_transport(c)->listen(c);
    if (err_is_fail(err)) {
        flounder_break(c, err_push(err, LIB_ERR_CHAN_REGISTER_RECV));
        return;
    }
    dispatcher_handle_t handle = disp_disable();
    struct waitset_chanstate *chan = flounder_receiving_chanstate(c);
    if (c->closed != SYS_ERR_OK && waitset_chan_is_registered(chan) &&
        !waitset_chan_is_taken_disabled(chan, handle))
        (void)waitset_chan_deregister_disabled(chan, handle); /* closed in between */
    disp_enable(handle);
}

void flounder_rx_free(void *data)
{
    free(data);
}

void flounder_no_handler(struct flounder_binding *c, const char *message)
{
    if (c->closed != SYS_ERR_OK)
        return; /* a reply that was taken out, and its call ended, before they met */
    debug_printf("no handler for message %s\n", message);
    if (c->accepted)
        flounder_break(c, FLOUNDER_ERR_NO_HANDLER); /* a client that asks for what there is not */
    else
        flounder_fail(c, FLOUNDER_ERR_NO_HANDLER);
}
