/* SPDX-License-Identifier: MIT
 *
 * The stubs of the four interfaces that the monitor speaks, as the interface compiler makes them,
 * but for the simulated transport: for each message of the monitor's a function that keeps the
 * arguments, and for each message to it a call of its handler.  Strings and arrays are copied,
 * capabilities are named until the message leaves.
 */
#include "world.h"

#include <if/intermon_ump_defs.h>
#include <if/mem_lmp_defs.h>
#include <if/monitor_blocking_lmp_defs.h>
#include <if/monitor_lmp_defs.h>
#include <string.h>

/* ---- sending ---- */

/* SEND(interface, message, (parameters), (their names), further statements) */
#define EXPAND(...) , ##__VA_ARGS__
#define BRACES(...) \
    {               \
        __VA_ARGS__ \
    }
#define SEND(interface, message_, parameters, names, ...)                                    \
    static errval_t interface##_##message_##_tx(struct interface##_binding *b,               \
                                                struct event_closure cont EXPAND parameters) \
    {                                                                                        \
        struct message *m = message_new(interface##_##message_##__msgnum);                   \
        m->args.interface.message_ = (struct interface##_##message_##__tx_args)BRACES names; \
        __VA_ARGS__;                                                                         \
        return wire_send(b, m, cont);                                                        \
    }
#define CARRY(cap) m->from[0] = (cap)

SEND(monitor, alloc_iref_reply, (uintptr_t id, iref_t iref, errval_t err), (id, iref, err))
SEND(monitor, iref_state, (iref_t iref, uintptr_t st, bool exists), (iref, st, exists))
SEND(monitor, bind_lmp_service_request,
     (uintptr_t id, uintptr_t mon_id, size_t buflen, uint32_t client, bool trusted,
      struct capref ep),
     (id, mon_id, buflen, client, trusted, ep), CARRY(ep))
SEND(monitor, bind_lmp_reply_client,
     (errval_t err, uintptr_t mon_id, uintptr_t conn_id, struct capref ep),
     (err, mon_id, conn_id, ep), CARRY(ep))
SEND(monitor, bind_ump_service_request,
     (uintptr_t id, uintptr_t mon_id, size_t inlen, size_t outlen, uint32_t client, bool trusted,
      bool checked, uint64_t recheck_ns, struct capref frame, struct capref notify),
     (id, mon_id, inlen, outlen, client, trusted, checked, recheck_ns, frame, notify), CARRY(frame),
     m->from[1] = notify)
SEND(monitor, bind_ump_reply_client,
     (uintptr_t mon_id, uintptr_t conn_id, errval_t err, bool checked, uint64_t recheck_ns,
      struct capref frame, struct capref notify),
     (mon_id, conn_id, err, checked, recheck_ns, frame, notify), CARRY(frame), m->from[1] = notify)
SEND(monitor, bind_multihop_service_request,
     (uintptr_t id, uintptr_t mon_id, uint32_t client, struct capref ep), (id, mon_id, client, ep),
     CARRY(ep))
SEND(monitor, bind_multihop_reply_client, (uintptr_t conn_id, errval_t err, struct capref ep),
     (conn_id, err, ep), CARRY(ep))
SEND(monitor, connection_lost, (uintptr_t mon_id), (mon_id))
SEND(monitor, connection_dead, (uintptr_t mon_id), (mon_id))
SEND(monitor, new_monitor_binding_reply, (errval_t err, struct capref ep, uintptr_t st),
     (err, ep, st), CARRY(ep))
SEND(monitor, get_monitor_rpc_ep_reply, (errval_t err, struct capref ep, uintptr_t st),
     (err, ep, st), CARRY(ep))
SEND(monitor, change_replica, (uintptr_t id, uint64_t base, uint64_t bytes, uint32_t flags),
     (id, base, bytes, flags))
SEND(monitor, domain_exited, (uint32_t domain, uint8_t status), (domain, status))

static errval_t intermon_stop_core_tx(struct intermon_binding *b, struct event_closure cont)
{
    return wire_send(b, message_new(intermon_stop_core__msgnum), cont);
}

static errval_t intermon_core_leaves_tx(struct intermon_binding *b, struct event_closure cont)
{
    return wire_send(b, message_new(intermon_core_leaves__msgnum), cont);
}

#define TOKEN m->token = b->incoming_token
SEND(monitor_blocking, get_mem_iref_response, (iref_t iref, iref_t first, errval_t err),
     (iref, first, err), TOKEN)
SEND(monitor_blocking, set_mem_iref_response, (errval_t err), (err), TOKEN)
SEND(monitor_blocking, get_name_iref_response, (iref_t iref, errval_t err), (iref, err), TOKEN)
SEND(monitor_blocking, set_name_iref_response, (errval_t err), (err), TOKEN)
SEND(monitor_blocking, alloc_monitor_ep_response, (errval_t err, uint32_t domain, struct capref ep),
     (err, domain, ep), TOKEN, CARRY(ep))
SEND(monitor_blocking, boot_cores_response, (errval_t err, uint64_t running), (err, running), TOKEN)
SEND(monitor_blocking, stop_cores_response, (errval_t err, uint64_t running), (err, running), TOKEN)
SEND(monitor_blocking, deposit_cap_response, (errval_t err, uint64_t ticket), (err, ticket), TOKEN)
SEND(monitor_blocking, collect_cap_response, (errval_t err, struct capref parcel), (err, parcel),
     TOKEN, CARRY(parcel))
SEND(monitor_blocking, remote_cap_revoke_response, (errval_t err), (err), TOKEN)
SEND(monitor_blocking, remote_cap_retype_response, (errval_t err), (err), TOKEN)

SEND(monitor_blocking, fill_for_response, (errval_t err), (err), TOKEN)
SEND(monitor_blocking, shootdown_response, (errval_t err), (err), TOKEN)

SEND(mem, allocate_call, (uint8_t bits, uint64_t minbase, uint64_t maxlimit),
     (bits, minbase, maxlimit))
SEND(mem, free_monitor_call, (struct capref ram, uint64_t base, uint8_t bits), (ram, base, bits),
     CARRY(ram))

SEND(intermon, monitor_initialized, (uint8_t core, uint32_t notify_id), (core, notify_id))
SEND(intermon, monitor_welcome, (iref_t first_mem_iref, uint32_t epoch, uint64_t members),
     (first_mem_iref, epoch, members))
SEND(intermon, new_monitor_notify, (uint8_t core, uint32_t epoch, uint32_t incarnation),
     (core, epoch, incarnation))
SEND(intermon, alive,
     (uint32_t epoch, uint64_t members, uint64_t suspects, uint64_t view, bool busy),
     (epoch, members, suspects, view, busy))
SEND(intermon, core_given_up, (uint8_t core, uint32_t incarnation), (core, incarnation))
SEND(intermon, core_has_left, (uint8_t core), (core))
SEND(intermon, bind_monitor_proxy, (uint8_t dst, uint64_t base, uint32_t bytes, uint32_t notify_id),
     (dst, base, bytes, notify_id))
SEND(intermon, bind_monitor_request,
     (uint8_t src, uint64_t base, uint32_t bytes, uint32_t notify_id),
     (src, base, bytes, notify_id))
SEND(intermon, bind_monitor_reply, (uint8_t src, errval_t err, uint32_t notify_id),
     (src, err, notify_id))
SEND(intermon, monitor_linked, (uint8_t core, uint8_t peer, errval_t err), (core, peer, err))
SEND(intermon, bind_ump_request,
     (iref_t iref, uint64_t mon_id, uint64_t base, uint32_t bytes, uint32_t inlen, uint32_t outlen,
      uint32_t notify_id, uint32_t asker, bool trusted, bool checked, const char *client),
     (iref, mon_id, base, bytes, inlen, outlen, notify_id, asker, trusted, checked, m->text),
     strncpy(m->text, client, sizeof(m->text) - 1))
SEND(intermon, bind_ump_reply,
     (uint64_t mon_id, errval_t err, uint64_t peer_id, uint32_t notify_id, const char *service),
     (mon_id, err, peer_id, notify_id, m->text), strncpy(m->text, service, sizeof(m->text) - 1))
SEND(intermon, bind_ump_cancel, (uint64_t mon_id), (mon_id))
SEND(intermon, connection_closed, (uint64_t id), (id))
SEND(intermon, iref_state_request, (iref_t iref, uint64_t st), (iref, st))
SEND(intermon, iref_state_reply, (iref_t iref, uint64_t st, bool exists), (iref, st, exists))
SEND(intermon, bind_multihop_request, (iref_t iref, uint32_t own_vci, uint8_t hops, uint32_t asker),
     (iref, own_vci, hops, asker))
SEND(intermon, bind_multihop_reply, (uint32_t vci, uint32_t own_vci, uint8_t hops, errval_t err),
     (vci, own_vci, hops, err))
/* room for one byte more: an empty payload has an address, too */
SEND(intermon, bind_multihop_cancel, (uint32_t own_vci), (own_vci))
SEND(intermon, multihop_message,
     (uint32_t vci, uint8_t kind, uint16_t ack, const uint8_t *payload, size_t size),
     (vci, kind, ack, m->payload = malloc(size + 1), size),
     if (size > 0) memcpy(m->payload, payload, size))
SEND(intermon, multihop_credit, (uint32_t vci, uint16_t frames), (vci, frames))
SEND(intermon, shootdown,
     (uint8_t root, uint64_t id, uint32_t home, uint64_t base, uint64_t bytes, uint32_t flags,
      uint32_t agent),
     (root, id, home, base, bytes, flags, agent))
SEND(intermon, shootdown_tree,
     (uint8_t root, uint64_t id, uint32_t home, uint64_t base, uint64_t bytes, uint32_t flags,
      uint32_t agent, const uint32_t *below, size_t count),
     (root, id, home, base, bytes, flags, agent,
      (const uint32_t *)(m->payload = malloc(count * sizeof(*below))), count),
     memcpy(m->payload, below, count * sizeof(*below)))
SEND(intermon, shootdown_done, (uint8_t root, uint64_t id, errval_t err), (root, id, err))
SEND(intermon, set_name_iref, (iref_t iref), (iref))
SEND(intermon, fetch_cap_request, (uint64_t ticket), (ticket))
SEND(intermon, release_cap_request, (uint64_t ticket), (ticket))
SEND(intermon, release_cap_reply, (uint64_t ticket, bool unused), (ticket, unused))
SEND(intermon, fetch_cap_reply,
     (uint64_t ticket, errval_t err, uint64_t head, uint64_t word0, uint64_t word1, uint64_t word2,
      uint8_t owner, bool moved),
     (ticket, err, head, word0, word1, word2, owner, moved))
SEND(intermon, capops_request_copy,
     (uint8_t to, uint64_t ticket, uint64_t head, uint64_t word0, uint64_t word1, uint64_t word2),
     (to, ticket, head, word0, word1, word2))
SEND(intermon, capops_request_retype,
     (uint64_t ticket, uint64_t head, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t base,
      uint64_t bytes),
     (ticket, head, word0, word1, word2, base, bytes))
SEND(intermon, capops_retype_response,
     (uint64_t ticket, errval_t err, uint64_t head, uint64_t word0, uint64_t word1, uint64_t word2),
     (ticket, err, head, word0, word1, word2))
SEND(intermon, capops_revoke_mark, (uint64_t ticket, uint16_t kind, uint64_t base, uint64_t bytes),
     (ticket, kind, base, bytes))
SEND(intermon, capops_revoke_done, (uint64_t ticket, uint8_t outcome), (ticket, outcome))

/* ---- bindings ---- */

#define FUNCTIONS(interface)                                                                  \
    static errval_t interface##_register(struct interface##_binding *b, struct waitset *ws,   \
                                         struct event_closure closure)                        \
    {                                                                                         \
        (void)ws;                                                                             \
        return wire_register_send(b, closure);                                                \
    }                                                                                         \
    static errval_t interface##_control(struct interface##_binding *b, idc_control_t control) \
    {                                                                                         \
        CHECK(control == IDC_CONTROL_TEARDOWN, "control %d", (int)control);                   \
        return wire_teardown(b);                                                              \
    }
FUNCTIONS(monitor)
FUNCTIONS(monitor_blocking)
FUNCTIONS(mem)
FUNCTIONS(intermon)

static errval_t start(const void *binding)
{
    struct wire *w = wire_of(binding);
    w->started = true;
    if (w->chan != NULL)
        endpoint_of(w->chan)->wire = w;
    return SYS_ERR_OK;
}

void monitor_lmp_init(struct monitor_lmp_binding *b, struct waitset *ws)
{
    (void)ws;
    memset(b, 0, sizeof(*b));
    lmp_chan_init(&b->chan);
    b->b.register_send = monitor_register;
    b->b.control = monitor_control;
    b->b.tx_vtbl = (struct monitor_tx_vtbl){
        .alloc_iref_reply = monitor_alloc_iref_reply_tx,
        .iref_state = monitor_iref_state_tx,
        .bind_lmp_service_request = monitor_bind_lmp_service_request_tx,
        .bind_lmp_reply_client = monitor_bind_lmp_reply_client_tx,
        .bind_ump_service_request = monitor_bind_ump_service_request_tx,
        .bind_ump_reply_client = monitor_bind_ump_reply_client_tx,
        .bind_multihop_service_request = monitor_bind_multihop_service_request_tx,
        .bind_multihop_reply_client = monitor_bind_multihop_reply_client_tx,
        .connection_lost = monitor_connection_lost_tx,
        .connection_dead = monitor_connection_dead_tx,
        .new_monitor_binding_reply = monitor_new_monitor_binding_reply_tx,
        .get_monitor_rpc_ep_reply = monitor_get_monitor_rpc_ep_reply_tx,
        .change_replica = monitor_change_replica_tx,
        .domain_exited = monitor_domain_exited_tx,
    };
}

errval_t monitor_lmp_start(struct monitor_lmp_binding *b)
{
    wire_new(WIRE_MONITOR, &b->b, &b->chan)->on_heap = true;
    return start(&b->b);
}

void monitor_blocking_lmp_init(struct monitor_blocking_lmp_binding *b, struct waitset *ws)
{
    (void)ws;
    memset(b, 0, sizeof(*b));
    lmp_chan_init(&b->chan);
    b->b.register_send = monitor_blocking_register;
    b->b.control = monitor_blocking_control;
    b->b.tx_vtbl = (struct monitor_blocking_tx_vtbl){
        .get_mem_iref_response = monitor_blocking_get_mem_iref_response_tx,
        .set_mem_iref_response = monitor_blocking_set_mem_iref_response_tx,
        .get_name_iref_response = monitor_blocking_get_name_iref_response_tx,
        .set_name_iref_response = monitor_blocking_set_name_iref_response_tx,
        .alloc_monitor_ep_response = monitor_blocking_alloc_monitor_ep_response_tx,
        .boot_cores_response = monitor_blocking_boot_cores_response_tx,
        .stop_cores_response = monitor_blocking_stop_cores_response_tx,
        .deposit_cap_response = monitor_blocking_deposit_cap_response_tx,
        .collect_cap_response = monitor_blocking_collect_cap_response_tx,
        .remote_cap_revoke_response = monitor_blocking_remote_cap_revoke_response_tx,
        .remote_cap_retype_response = monitor_blocking_remote_cap_retype_response_tx,
        .fill_for_response = monitor_blocking_fill_for_response_tx,
        .shootdown_response = monitor_blocking_shootdown_response_tx,
    };
}

errval_t monitor_blocking_lmp_start(struct monitor_blocking_lmp_binding *b)
{
    wire_new(WIRE_BLOCKING, &b->b, &b->chan)->on_heap = true;
    return start(&b->b);
}

void mem_lmp_init(struct mem_lmp_binding *b, struct waitset *ws)
{
    (void)ws;
    memset(b, 0, sizeof(*b));
    lmp_chan_init(&b->chan);
    b->b.register_send = mem_register;
    b->b.control = mem_control;
    b->b.tx_vtbl = (struct mem_tx_vtbl){ .allocate_call = mem_allocate_call_tx,
                                         .free_monitor_call = mem_free_monitor_call_tx };
}

errval_t mem_lmp_start(struct mem_lmp_binding *b)
{
    wire_new(WIRE_MEM, &b->b, &b->chan);
    return start(&b->b);
}

static struct ring *ring_at(const volatile void *at)
{
    static struct ring *rings;
    struct ring *r = rings;
    while (r != NULL && r->at != at)
        r = r->next;
    if (r == NULL) {
        r = calloc(1, sizeof(*r));
        *r = (struct ring){ .next = rings, .at = at };
        rings = r;
    }
    return r;
}

errval_t intermon_ump_init(struct intermon_ump_binding *b, struct waitset *ws, volatile void *inbuf,
                           size_t inlen, volatile void *outbuf, size_t outlen, struct capref notify)
{
    (void)ws, (void)inlen, (void)outlen;
    memset(b, 0, sizeof(*b));
    b->chan.notify_cap = notify;
    b->b.register_send = intermon_register;
    b->b.control = intermon_control;
    b->b.tx_vtbl = (struct intermon_tx_vtbl){
        .monitor_initialized = intermon_monitor_initialized_tx,
        .alive = intermon_alive_tx,
        .core_given_up = intermon_core_given_up_tx,
        .stop_core = intermon_stop_core_tx,
        .core_leaves = intermon_core_leaves_tx,
        .core_has_left = intermon_core_has_left_tx,
        .monitor_welcome = intermon_monitor_welcome_tx,
        .new_monitor_notify = intermon_new_monitor_notify_tx,
        .bind_monitor_proxy = intermon_bind_monitor_proxy_tx,
        .bind_monitor_request = intermon_bind_monitor_request_tx,
        .bind_monitor_reply = intermon_bind_monitor_reply_tx,
        .monitor_linked = intermon_monitor_linked_tx,
        .bind_ump_request = intermon_bind_ump_request_tx,
        .bind_ump_reply = intermon_bind_ump_reply_tx,
        .bind_ump_cancel = intermon_bind_ump_cancel_tx,
        .bind_multihop_cancel = intermon_bind_multihop_cancel_tx,
        .connection_closed = intermon_connection_closed_tx,
        .iref_state_request = intermon_iref_state_request_tx,
        .iref_state_reply = intermon_iref_state_reply_tx,
        .bind_multihop_request = intermon_bind_multihop_request_tx,
        .bind_multihop_reply = intermon_bind_multihop_reply_tx,
        .multihop_message = intermon_multihop_message_tx,
        .multihop_credit = intermon_multihop_credit_tx,
        .set_name_iref = intermon_set_name_iref_tx,
        .fetch_cap_request = intermon_fetch_cap_request_tx,
        .release_cap_request = intermon_release_cap_request_tx,
        .release_cap_reply = intermon_release_cap_reply_tx,
        .fetch_cap_reply = intermon_fetch_cap_reply_tx,
        .capops_request_copy = intermon_capops_request_copy_tx,
        .capops_request_retype = intermon_capops_request_retype_tx,
        .capops_retype_response = intermon_capops_retype_response_tx,
        .capops_revoke_mark = intermon_capops_revoke_mark_tx,
        .capops_revoke_done = intermon_capops_revoke_done_tx,
        .shootdown = intermon_shootdown_tx,
        .shootdown_tree = intermon_shootdown_tree_tx,
        .shootdown_done = intermon_shootdown_done_tx,
    };
    struct wire *w = wire_new(WIRE_INTERMON, &b->b, NULL);
    w->in = ring_at(inbuf);
    w->out = ring_at(outbuf);
    w->on_heap = true;
    return SYS_ERR_OK;
}

errval_t intermon_ump_start(struct intermon_ump_binding *b)
{
    return start(&b->b);
}

void binding_break(struct wire *w, errval_t err)
{
    struct monitor_binding *monitor = w->binding;
    struct monitor_blocking_binding *blocking = w->binding;
    struct mem_binding *mem = w->binding;
    if (w->kind == WIRE_MONITOR)
        monitor->error_handler(monitor, err);
    else if (w->kind == WIRE_BLOCKING)
        blocking->error_handler(blocking, err);
    else if (w->kind == WIRE_MEM)
        mem->error_handler(mem, err);
}

/* ---- receiving ---- */

#define CASE(interface, message_, ...)                                                   \
    case interface##_##message_##__msgnum: {                                             \
        const struct interface##_##message_##__tx_args *a = &m->args.interface.message_; \
        (void)a;                                                                         \
        b->rx_vtbl.message_(b, ##__VA_ARGS__);                                           \
        return;                                                                          \
    }

/* A hostile domain may have the monitor send to itself; the stubs drop what has no handler. */
static void to_monitor(struct monitor_binding *b, const struct message *m, struct capref cap)
{
    switch (m->number) {
        CASE(monitor, alloc_iref_request, a->service_id, a->layout0, a->layout1, m->text)
        CASE(monitor, get_iref_state, a->iref, a->st)
        CASE(monitor, bind_lmp_client_request, a->iref, a->conn_id, a->buflen, cap)
        CASE(monitor, bind_lmp_reply_monitor, a->err, a->mon_id, a->conn_id, cap)
        CASE(monitor, bind_ump_client_request, a->iref, a->conn_id, a->inlen, a->outlen, a->checked)
        CASE(monitor, bind_ump_reply_monitor, a->mon_id, a->conn_id, a->err)
        CASE(monitor, bind_multihop_client_request, a->iref, a->conn_id, cap)
        CASE(monitor, bind_multihop_reply_monitor, a->mon_id, a->err, cap)
        CASE(monitor, connection_closed, a->mon_id)
        CASE(monitor, new_monitor_binding_request, a->st)
        CASE(monitor, get_monitor_rpc_ep_request, a->st)
        CASE(monitor, replica_changed, a->id, a->err)
        CASE(monitor, domain_exited, a->domain, a->status)
    case monitor_release_unused__msgnum:
        b->rx_vtbl.release_unused(b);
        return;
    default:
        CHECK(world.hostile, "message %u to a monitor", m->number);
    }
}

static void to_blocking(struct monitor_blocking_binding *b, const struct message *m,
                        struct capref cap)
{
    b->incoming_token = m->token;
    switch (m->number) {
    case monitor_blocking_get_mem_iref_call__msgnum:
        b->rx_vtbl.get_mem_iref_call(b);
        return;
    case monitor_blocking_get_name_iref_call__msgnum:
        b->rx_vtbl.get_name_iref_call(b);
        return;
        CASE(monitor_blocking, set_mem_iref_call, a->iref)
        CASE(monitor_blocking, set_name_iref_call, a->iref)
        CASE(monitor_blocking, alloc_monitor_ep_call, m->text)
        CASE(monitor_blocking, boot_cores_call, a->mask)
        CASE(monitor_blocking, stop_cores_call, a->mask)
        CASE(monitor_blocking, deposit_cap_call, cap)
        CASE(monitor_blocking, collect_cap_call, a->ticket)
        CASE(monitor_blocking, remote_cap_revoke_call, cap, a->cptr, a->level)
        CASE(monitor_blocking, remote_cap_retype_call, cap, a->cptr, a->level, a->offset, a->bytes)
        CASE(monitor_blocking, fill_for_call, a->home)
        CASE(monitor_blocking, shootdown_call, a->base, a->bytes, a->flags, a->protocol,
             (const uint32_t *)m->payload, a->count)
    default:
        CHECK(world.hostile, "message %u to a monitor's blocking binding", m->number);
    }
}

static void to_mem(struct mem_binding *b, const struct message *m, struct capref cap)
{
    switch (m->number) {
        CASE(mem, allocate_response, a->err, cap)
        CASE(mem, free_monitor_response, a->err)
    default:
        world_fail("message %u from a memory server", m->number);
    }
}

static void to_intermon(struct intermon_binding *b, const struct message *m)
{
    switch (m->number) {
        CASE(intermon, monitor_initialized, a->core, a->notify_id)
        CASE(intermon, monitor_welcome, a->first_mem_iref, a->epoch, a->members)
        CASE(intermon, new_monitor_notify, a->core, a->epoch, a->incarnation)
        CASE(intermon, alive, a->epoch, a->members, a->suspects, a->view, a->busy)
        CASE(intermon, core_given_up, a->core, a->incarnation)
        CASE(intermon, core_has_left, a->core)
    case intermon_stop_core__msgnum:
        b->rx_vtbl.stop_core(b);
        return;
    case intermon_core_leaves__msgnum:
        b->rx_vtbl.core_leaves(b);
        return;
        CASE(intermon, bind_monitor_proxy, a->dst, a->base, a->bytes, a->notify_id)
        CASE(intermon, bind_monitor_request, a->src, a->base, a->bytes, a->notify_id)
        CASE(intermon, bind_monitor_reply, a->src, a->err, a->notify_id)
        CASE(intermon, monitor_linked, a->core, a->peer, a->err)
        CASE(intermon, bind_ump_request, a->iref, a->mon_id, a->base, a->bytes, a->inlen, a->outlen,
             a->notify_id, a->asker, a->trusted, a->checked, m->text)
        CASE(intermon, bind_ump_reply, a->mon_id, a->err, a->peer_id, a->notify_id, m->text)
        CASE(intermon, bind_ump_cancel, a->mon_id)
        CASE(intermon, bind_multihop_cancel, a->own_vci)
        CASE(intermon, connection_closed, a->id)
        CASE(intermon, iref_state_request, a->iref, a->st)
        CASE(intermon, iref_state_reply, a->iref, a->st, a->exists)
        CASE(intermon, bind_multihop_request, a->iref, a->own_vci, a->hops, a->asker)
        CASE(intermon, bind_multihop_reply, a->vci, a->own_vci, a->hops, a->err)
        CASE(intermon, multihop_message, a->vci, a->kind, a->ack, m->payload, a->size)
        CASE(intermon, multihop_credit, a->vci, a->frames)
        CASE(intermon, set_name_iref, a->name_iref)
        CASE(intermon, fetch_cap_request, a->ticket)
        CASE(intermon, release_cap_request, a->ticket)
        CASE(intermon, release_cap_reply, a->ticket, a->unused)
        CASE(intermon, fetch_cap_reply, a->ticket, a->err, a->head, a->word0, a->word1, a->word2,
             a->owner, a->moved)
        CASE(intermon, capops_request_copy, a->to, a->ticket, a->head, a->word0, a->word1, a->word2)
        CASE(intermon, capops_request_retype, a->ticket, a->head, a->word0, a->word1, a->word2,
             a->base, a->bytes)
        CASE(intermon, capops_retype_response, a->ticket, a->err, a->head, a->word0, a->word1,
             a->word2)
        CASE(intermon, capops_revoke_mark, a->ticket, a->kind, a->base, a->bytes)
        CASE(intermon, capops_revoke_done, a->ticket, a->outcome)
        CASE(intermon, shootdown, a->root, a->id, a->home, a->base, a->bytes, a->flags, a->agent)
        CASE(intermon, shootdown_tree, a->root, a->id, a->home, a->base, a->bytes, a->flags,
             a->agent, (const uint32_t *)m->payload, a->count)
        CASE(intermon, shootdown_done, a->root, a->id, a->err)
    default:
        world_fail("message %u between monitors", m->number);
    }
}

/* The stubs drop a capability that nobody asked for. */
static bool has_cap(const struct wire *w, const struct message *m)
{
    if (w->kind == WIRE_MONITOR)
        return m->number == monitor_bind_lmp_client_request__msgnum ||
               m->number == monitor_bind_lmp_reply_monitor__msgnum ||
               m->number == monitor_bind_multihop_client_request__msgnum ||
               m->number == monitor_bind_multihop_reply_monitor__msgnum;
    return w->kind == WIRE_BLOCKING
               ? m->number == monitor_blocking_deposit_cap_call__msgnum ||
                     m->number == monitor_blocking_remote_cap_revoke_call__msgnum ||
                     m->number == monitor_blocking_remote_cap_retype_call__msgnum
               : m->number == mem_allocate_response__msgnum;
}

void binding_deliver(struct wire *w, struct message *m)
{
    struct capref cap = NULL_CAP;
    if (m->cap[0] != NULL && has_cap(w, m)) {
        cap = cap_to_monitor(m->cap[0]);
        m->cap[0] = NULL;
    }
    if (w->kind == WIRE_MONITOR)
        to_monitor(w->binding, m, cap);
    else if (w->kind == WIRE_BLOCKING)
        to_blocking(w->binding, m, cap);
    else if (w->kind == WIRE_MEM)
        to_mem(w->binding, m, cap);
    else
        to_intermon(w->binding, m);
}
