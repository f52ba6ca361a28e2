/* SPDX-License-Identifier: MIT
 *
 * Bindings as a whole: set-up, start, and the functions behind their members.
 *
 * Set-up is pure; start is the first moment at which events can come.  Must leave the channel
 * inside the binding to its owner: bind and export connect it themselves, other owners before
 * start.
 */
#include "flounder_priv.h"

#include <assert.h>
#include <barrelfish/dispatcher.h>
#include <stddef.h>

void flounder_binding_init(struct flounder_binding *c, const struct flounder_interface *interface,
                           const struct flounder_message_plan *plan, enum flounder_channel kind,
                           const struct flounder_transport *transport, void *binding, void *channel,
                           struct waitset *ws)
{
    assert(kind < FLOUNDER_CHANNELS && ws != NULL);
    c->interface = interface;
    c->plan = plan;
    c->messages = interface->messages;
    c->kind = kind;
    c->transport = transport;
    c->binding = binding;
    c->channel = channel;
    c->waitset = ws;
    c->depth = 1; /* the program's */
    c->lmp_flags = LMP_SEND_FLAGS_DEFAULT;
    waitset_chanstate_init(&c->tx_cont_chan, CHANTYPE_FLOUNDER);
    waitset_chanstate_init(&c->register_chan, CHANTYPE_FLOUNDER);
    waitset_chanstate_init(&c->reap_chan, CHANTYPE_FLOUNDER);
}

static bool receives_caps(const struct flounder_binding *c)
{
    for (unsigned i = 0; i < c->interface->messages; i++)
        if (c->plan[i].caps > 0)
            return true;
    return false;
}

#ifdef HOST_TEST
static void show_in_traces(const struct flounder_binding *c)
{
    (void)c;
}
#else
/* What the machine needs to name the messages that this binding receives. */
static void show_in_traces(const struct flounder_binding *c)
{
    struct abi_wait_table *table =
        (struct abi_wait_table *)(curdispatcher() + DISP_WAIT_TABLE_OFFSET);
    table->binding_channel = offsetof(struct flounder_binding, channel);
    table->channel_endpoint = offsetof(struct lmp_chan, endpoint);
    table->channel_ring = offsetof(struct ump_chan, ring.recv.buf);
    table->endpoint_kern = offsetof(struct lmp_endpoint, k);
    if (c->kind == FLOUNDER_LMP)
        ((struct lmp_chan *)c->channel)->endpoint->interface =
            (uint64_t)(uintptr_t)c->interface->name | (c->accepted ? ABI_ENDPOINT_SERVER : 0);
}
#endif

errval_t flounder_start(struct flounder_binding *c)
{
    if (c->kind == FLOUNDER_LOCAL)
        return SYS_ERR_OK;
    flounder_opened(c);
    show_in_traces(c);
    if (c->kind == FLOUNDER_LMP && receives_caps(c)) {
        errval_t err = lmp_chan_alloc_recv_slot(c->channel);
        if (err_is_fail(err))
            return err;
    }
    return flounder_transport(c)->listen(c);
}

/* ---- members ---- */

struct waitset_chanstate *flounder_receiving_chanstate(struct flounder_binding *c)
{
    if (c->kind == FLOUNDER_LOCAL || c->channel_closed)
        return NULL; /* nothing is received, over local bindings: handlers are called */
    return flounder_transport(c)->receiving(c);
}

errval_t flounder_change_waitset(struct flounder_binding *c, struct waitset *ws)
{
    if (c->kind != FLOUNDER_LOCAL && !c->channel_closed)
        flounder_transport(c)->migrate(c, ws);
    waitset_chan_migrate(&c->tx_cont_chan, ws);
    waitset_chan_migrate(&c->register_chan, ws);
    c->waitset = ws;
    return SYS_ERR_OK;
}

errval_t flounder_control(struct flounder_binding *c, idc_control_t control)
{
    switch (control) {
    case IDC_CONTROL_SET_SYNC:
        c->lmp_flags |= LMP_FLAG_SYNC;
        return SYS_ERR_OK;
    case IDC_CONTROL_CLEAR_SYNC:
        c->lmp_flags &= ~(lmp_send_flags_t)LMP_FLAG_SYNC;
        return SYS_ERR_OK;
    case IDC_CONTROL_TEARDOWN:
        return flounder_teardown(c);
    }
    return SYS_ERR_INVARGS_SYSCALL;
}
