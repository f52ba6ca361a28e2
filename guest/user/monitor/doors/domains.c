/* SPDX-License-Identifier: MIT
 *
 * The door for the domains of this core: what they say over their monitor bindings (monitor.if),
 * and which part decides about it. Must not let a domain speak for another one: each is known by
 * its link.
 */
#include "../mouths/outbox.h"
#include "../parts/parts.h"
#include "doors.h"

static void alloc_iref_request(struct monitor_binding *b, uintptr_t service_id, uint64_t layout0,
                               uint64_t layout1, const char *interface)
{
    const uint64_t word[2] = { layout0, layout1 };
    struct abi_line_layout layout;
    memcpy(&layout, word, sizeof(layout));
    bind_export(b->st, service_id, interface, &layout);
}

static void bind_lmp_client_request(struct monitor_binding *b, iref_t iref, uintptr_t conn_id,
                                    size_t buflen, struct capref ep)
{
    bind_lmp_asked(b->st, iref, conn_id, buflen, ep);
}

static void bind_lmp_reply_monitor(struct monitor_binding *b, errval_t err, uintptr_t mon_id,
                                   uintptr_t conn_id, struct capref ep)
{
    (void)conn_id;
    bind_lmp_answered(b->st, err, mon_id, ep);
}

static void bind_ump_client_request(struct monitor_binding *b, iref_t iref, uintptr_t conn_id,
                                    size_t inlen, size_t outlen, bool checked)
{
    bind_ump_asked(b->st, iref, conn_id, inlen, outlen, checked);
}

static void bind_ump_reply_monitor(struct monitor_binding *b, uintptr_t mon_id, uintptr_t conn_id,
                                   errval_t err)
{
    (void)conn_id;
    bind_ump_answered(b->st, mon_id, err);
}

static void bind_multihop_client_request(struct monitor_binding *b, iref_t iref, uintptr_t conn_id,
                                         struct capref ep)
{
    multihop_asked(b->st, iref, conn_id, ep);
}

static void bind_multihop_reply_monitor(struct monitor_binding *b, uintptr_t mon_id, errval_t err,
                                        struct capref ep)
{
    multihop_answered(b->st, mon_id, err, ep);
}

static void new_monitor_binding_request(struct monitor_binding *b, uintptr_t st)
{
    struct link *link = b->st;
    struct outbox_message m = { .kind = OUTBOX_NEW_BINDING_REPLY, .id = st, .keep_cap = true };
    m.err = client_new_link(link->client, &m.cap);
    outbox_answer(link, &m);
}

static void get_monitor_rpc_ep_request(struct monitor_binding *b, uintptr_t st)
{
    struct link *link = b->st;
    struct outbox_message m = { .kind = OUTBOX_RPC_EP_REPLY, .id = st, .keep_cap = true };
    m.err = client_new_rpc(link->client, &m.cap);
    outbox_answer(link, &m);
}

static void get_iref_state(struct monitor_binding *b, iref_t iref, uintptr_t st)
{
    iref_state_asked(b->st, iref, st);
}

static void connection_closed(struct monitor_binding *b, uintptr_t mon_id)
{
    struct link *link = b->st;
    connection_closed_by(link->client, mon_id);
}

static void replica_changed(struct monitor_binding *b, uintptr_t id, errval_t err)
{
    struct link *link = b->st;
    shootdown_changed(link->client, id, err);
}

static void release_unused(struct monitor_binding *b)
{
    (void)b;
    parcel_release_unused();
}

static void domain_exited(struct monitor_binding *b, domainid_t domain, uint8_t status)
{
    struct link *link = b->st;
    if (domain == link->client->domain)
        client_exited(link->client, status);
    else
        client_not_started(link->client, domain);
}

void door_of_domain(struct link *link)
{
    struct monitor_binding *b = &link->binding->b;
    b->rx_vtbl.alloc_iref_request = alloc_iref_request;
    b->rx_vtbl.bind_lmp_client_request = bind_lmp_client_request;
    b->rx_vtbl.bind_lmp_reply_monitor = bind_lmp_reply_monitor;
    b->rx_vtbl.bind_ump_client_request = bind_ump_client_request;
    b->rx_vtbl.bind_ump_reply_monitor = bind_ump_reply_monitor;
    b->rx_vtbl.bind_multihop_client_request = bind_multihop_client_request;
    b->rx_vtbl.bind_multihop_reply_monitor = bind_multihop_reply_monitor;
    b->rx_vtbl.new_monitor_binding_request = new_monitor_binding_request;
    b->rx_vtbl.get_monitor_rpc_ep_request = get_monitor_rpc_ep_request;
    b->rx_vtbl.get_iref_state = get_iref_state;
    b->rx_vtbl.connection_closed = connection_closed;
    b->rx_vtbl.replica_changed = replica_changed;
    b->rx_vtbl.release_unused = release_unused;
    b->rx_vtbl.domain_exited = domain_exited;
}
