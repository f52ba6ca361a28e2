/* SPDX-License-Identifier: MIT
 *
 * What kinds of channels have in common, a table for each: the rest of the library asks it and
 * knows of no kind; a kind that no binding of a program has is not linked.  Sending and receiving
 * themselves are in lmp.c, ump.c, multihop.c and local.c.  Must not touch the state of a message:
 * only its channel.
 */
#include "flounder_priv.h"

/* ---- LMP ---- */

static struct lmp_chan *lmp_of(struct flounder_binding *c)
{
    return c->channel;
}

static errval_t lmp_listen(struct flounder_binding *c)
{
    return lmp_chan_listen(lmp_of(c), c->waitset, MKCLOSURE(flounder_lmp_rx_handler, c));
}

static bool lmp_goodbye(struct flounder_binding *c)
{
    const uintptr_t word = FLOUNDER_GOODBYE;
    return !lmp_err_is_transient(lmp_chan_send(lmp_of(c), c->lmp_flags, NULL_CAP, 1, &word));
}

static errval_t lmp_register_send(struct flounder_binding *c, struct event_closure closure)
{
    return lmp_chan_register_send(lmp_of(c), c->waitset, closure);
}

static void lmp_deregister_send(struct flounder_binding *c)
{
    if (waitset_chan_is_registered(&lmp_of(c)->send_waitset))
        lmp_chan_deregister_send(lmp_of(c));
}

static struct waitset_chanstate *lmp_sending(struct flounder_binding *c)
{
    return &lmp_of(c)->send_waitset;
}

static struct waitset_chanstate *lmp_receiving(struct flounder_binding *c)
{
    struct lmp_endpoint *endpoint = lmp_of(c)->endpoint;
    return endpoint != NULL ? &endpoint->waitset_state : NULL; /* NULL: not connected */
}

static void lmp_migrate(struct flounder_binding *c, struct waitset *ws)
{
    lmp_chan_migrate_recv(lmp_of(c), ws);
    lmp_chan_migrate_send(lmp_of(c), ws);
}

static void lmp_close(struct flounder_binding *c)
{
    lmp_chan_destroy(lmp_of(c));
}

/* ---- UMP ---- */

static struct ump_chan *ump_of(struct flounder_binding *c)
{
    return c->channel;
}

static errval_t ump_listen(struct flounder_binding *c)
{
    return ump_chan_listen(ump_of(c), c->waitset, MKCLOSURE(flounder_ump_rx_handler, c));
}

static bool ump_goodbye(struct flounder_binding *c)
{
    struct ump_control control;
    volatile struct ump_message *line = ump_chan_get_next(ump_of(c), &control);
    if (line != NULL)
        ump_chan_commit(ump_of(c), line, control, FLOUNDER_GOODBYE);
    return line != NULL || ump_of(c)->connection.lost;
}

static errval_t ump_register_send(struct flounder_binding *c, struct event_closure closure)
{
    return ump_chan_register_send(ump_of(c), c->waitset, closure);
}

static void ump_deregister_send(struct flounder_binding *c)
{
    if (waitset_chan_is_registered(&ump_of(c)->send_waitset))
        ump_chan_deregister_send(ump_of(c));
}

static struct waitset_chanstate *ump_sending(struct flounder_binding *c)
{
    return &ump_of(c)->send_waitset;
}

static struct waitset_chanstate *ump_receiving(struct flounder_binding *c)
{
    return &ump_of(c)->recv_waitset;
}

static void ump_migrate(struct flounder_binding *c, struct waitset *ws)
{
    ump_chan_migrate_recv(ump_of(c), ws);
    ump_chan_migrate_send(ump_of(c), ws);
}

static void ump_close(struct flounder_binding *c)
{
    ump_chan_destroy(ump_of(c));
}

/* ---- through the monitors ---- */

static struct multihop_chan *multihop_of(struct flounder_binding *c)
{
    return c->channel;
}

static void multihop_unpin(void *owner)
{
    flounder_leave(owner);
}

static errval_t multihop_listen(struct flounder_binding *c)
{
    struct multihop_chan *chan = multihop_of(c);
    chan->pins = &c->depth;
    chan->unpin = multihop_unpin;
    chan->owner = c;
    return lmp_chan_listen(&multihop_of(c)->link.lmp, c->waitset,
                           MKCLOSURE(flounder_multihop_rx_handler, c));
}

static bool multihop_goodbye(struct flounder_binding *c)
{
    return multihop_chan_close(multihop_of(c));
}

static errval_t multihop_register_send(struct flounder_binding *c, struct event_closure closure)
{
    return multihop_chan_register_send(multihop_of(c), c->waitset, closure);
}

static void multihop_deregister_send(struct flounder_binding *c)
{
    multihop_chan_deregister_send(multihop_of(c));
}

static struct waitset_chanstate *multihop_sending(struct flounder_binding *c)
{
    return &multihop_of(c)->send_waitset;
}

static struct waitset_chanstate *multihop_receiving(struct flounder_binding *c)
{
    return multihop_of(c)->link.lmp.endpoint != NULL ? multihop_chan_receiving(multihop_of(c))
                                                     : NULL;
}

static void multihop_migrate(struct flounder_binding *c, struct waitset *ws)
{
    multihop_chan_migrate(multihop_of(c), ws);
}

static void multihop_close(struct flounder_binding *c)
{
    multihop_chan_destroy(multihop_of(c));
}

const struct flounder_transport flounder_lmp_transport = {
    .push = flounder_lmp_push,
    .listen = lmp_listen,
    .goodbye = lmp_goodbye,
    .register_send = lmp_register_send,
    .deregister_send = lmp_deregister_send,
    .sending = lmp_sending,
    .receiving = lmp_receiving,
    .migrate = lmp_migrate,
    .close = lmp_close,
};

const struct flounder_transport flounder_ump_transport = {
    .tickets = true,
    .push = flounder_ump_push,
    .listen = ump_listen,
    .goodbye = ump_goodbye,
    .register_send = ump_register_send,
    .deregister_send = ump_deregister_send,
    .sending = ump_sending,
    .receiving = ump_receiving,
    .migrate = ump_migrate,
    .close = ump_close,
};

const struct flounder_transport flounder_multihop_transport = {
    .tickets = true,
    .push = flounder_multihop_push,
    .listen = multihop_listen,
    .goodbye = multihop_goodbye,
    .register_send = multihop_register_send,
    .deregister_send = multihop_deregister_send,
    .sending = multihop_sending,
    .receiving = multihop_receiving,
    .migrate = multihop_migrate,
    .close = multihop_close,
};

const struct flounder_transport flounder_local_transport = { .close = flounder_local_close };
