/* SPDX-License-Identifier: MIT
 *
 * The door for the other monitors: what they say (intermon.if), and which part decides about it.
 * What makes channels between monitors is decided here (docs/monitor.md, channels between
 * monitors); the channels themselves are peers.c's.
 */
#include <stdio.h>
#include <string.h>

#include "../mouths/peers.h"
#include "../parts/circuit.h"
#include "../parts/parts.h"
#include "doors.h"

static void monitor_initialized(struct intermon_binding *b, coreid_t core, uint32_t notify_id)
{
    if (core != peer_of(b) || peer_state(core) != PEER_BOOTING)
        return;
    errval_t err = peer_has_spoken(core, notify_id);
    if (err_is_fail(err)) {
        DEBUG_ERR(err, "connecting to the monitor of core %u", core);
        return;
    }
    debug_trace("core %u is up", core);
    const uint32_t epoch = death_next_epoch(), incarnation = boot_core_incarnation(core);
    death_joins(core, epoch, incarnation);
    death_linked(core);
    peer_say(core, &(struct peer_message){ .kind = PEER_WELCOME,
                                           .first_mem_iref = first_mem_iref,
                                           .epoch = epoch,
                                           .members = death_members() });
    unsigned links = 0;
    for (unsigned other = 0; other < ABI_MAX_CORES; other++) {
        if (other == core || !peer_is_connected(other))
            continue;
        peer_say((coreid_t)other, &(struct peer_message){ .kind = PEER_NEW_MONITOR,
                                                          .core = core,
                                                          .epoch = epoch,
                                                          .incarnation = incarnation });
        links++;
    }
    boot_core_initialized(core, links);
}

static void monitor_welcome(struct intermon_binding *b, iref_t first_mem, uint32_t epoch,
                            uint64_t members)
{
    first_mem_iref = first_mem;
    death_welcomed(epoch, members);
    death_linked(peer_of(b));
}

static void new_monitor_notify(struct intermon_binding *b, coreid_t core, uint32_t epoch,
                               uint32_t incarnation)
{
    genpaddr_t base = 0;
    uint32_t bytes = 0;
    if (core < boot_info->topology.core_count && core != my_core)
        death_joins(core, epoch, incarnation);
    errval_t err = core < boot_info->topology.core_count
                       ? peer_make_channel(core, PEER_BIND_WAIT, &base, &bytes)
                       : MON_ERR_INVALID_CORE_ID;
    if (err_is_fail(err)) {
        DEBUG_ERR(err, "connecting to core %u", core);
        peer_say(peer_of(b), &(struct peer_message){
                                 .kind = PEER_LINKED, .core = my_core, .peer = core, .err = err });
        return;
    }
    peer_say(peer_of(b), &(struct peer_message){ .kind = PEER_PROXY,
                                                 .core = core,
                                                 .base = base,
                                                 .bytes = bytes,
                                                 .notify_id = my_notify_id });
}

static void bind_monitor_proxy(struct intermon_binding *b, coreid_t dst, genpaddr_t base,
                               uint32_t bytes, uint32_t notify_id)
{
    if (!peer_is_connected(dst))
        return;
    peer_say(dst, &(struct peer_message){ .kind = PEER_BIND_MONITOR,
                                          .core = peer_of(b),
                                          .base = base,
                                          .bytes = bytes,
                                          .notify_id = notify_id });
}

static void bind_monitor_request(struct intermon_binding *b, coreid_t src, genpaddr_t base,
                                 uint32_t bytes, uint32_t notify_id)
{
    (void)b;
    errval_t err = peer_join_channel(src, base, bytes, notify_id);
    if (err_is_fail(err)) {
        DEBUG_ERR(err, "connecting to the monitor of core %u", src);
        return;
    }
    death_linked(src);
    peer_say(src, &(struct peer_message){ .kind = PEER_BIND_MONITOR_REPLY,
                                          .core = my_core,
                                          .err = SYS_ERR_OK,
                                          .notify_id = my_notify_id });
}

static void bind_monitor_reply(struct intermon_binding *b, coreid_t src, errval_t err,
                               uint32_t notify_id)
{
    if (src != peer_of(b) || peer_state(src) != PEER_BIND_WAIT)
        return;
    if (err_is_ok(err))
        err = peer_has_spoken(src, notify_id);
    debug_trace("core %u and core %u are connected", my_core, src);
    if (err_is_ok(err))
        death_linked(src);
    peer_say(
        boot_info->boot_core,
        &(struct peer_message){ .kind = PEER_LINKED, .core = my_core, .peer = src, .err = err });
}

static void monitor_linked(struct intermon_binding *b, coreid_t core, coreid_t peer, errval_t err)
{
    (void)b;
    boot_core_linked(core, peer, err);
}

static void bind_ump_request(struct intermon_binding *b, iref_t iref, uint64_t mon_id,
                             genpaddr_t base, uint32_t bytes, uint32_t inlen, uint32_t outlen,
                             uint32_t notify_id, domainid_t asker, bool trusted, bool checked,
                             const char *client)
{
    struct ump_offer offer = { .iref = iref,
                               .mon_id = mon_id,
                               .base = base,
                               .bytes = bytes,
                               .inlen = inlen,
                               .outlen = outlen,
                               .notify_id = notify_id,
                               .client = asker,
                               .trusted = trusted,
                               .checked = checked };
    snprintf(offer.client_name, sizeof(offer.client_name), "%s", client);
    bind_ump_from_remote(peer_of(b), &offer);
}

static void bind_ump_reply(struct intermon_binding *b, uint64_t mon_id, errval_t err,
                           uint64_t peer_id, uint32_t notify_id, const char *service)
{
    bind_ump_answer(peer_of(b), mon_id, err, peer_id, notify_id, service);
}

static void bind_ump_cancel(struct intermon_binding *b, uint64_t mon_id)
{
    bind_ump_cancelled(peer_of(b), mon_id);
}

static void connection_closed(struct intermon_binding *b, uint64_t id)
{
    connection_closed_by_remote(peer_of(b), id);
}

static void iref_state_request(struct intermon_binding *b, iref_t iref, uint64_t st)
{
    peer_say(peer_of(b), &(struct peer_message){ .kind = PEER_IREF_STATE_REPLY,
                                                 .iref = iref,
                                                 .id = st,
                                                 .exists = iref_find(&irefs, iref) != NULL });
}

static void iref_state_reply(struct intermon_binding *b, iref_t iref, uint64_t st, bool exists)
{
    (void)iref;
    iref_state_answered(peer_of(b), st, exists);
}

static void set_name_iref(struct intermon_binding *b, iref_t iref)
{
    (void)b;
    names_known(iref);
}

static void fetch_cap_request(struct intermon_binding *b, uint64_t ticket)
{
    parcel_fetch(peer_of(b), ticket);
}

static void release_cap_request(struct intermon_binding *b, uint64_t ticket)
{
    kept_release_asked(peer_of(b), ticket);
}

static void release_cap_reply(struct intermon_binding *b, uint64_t ticket, bool unused)
{
    kept_released(peer_of(b), ticket, unused);
}

static struct capability capability_of(uint64_t head, uint64_t word0, uint64_t word1,
                                       uint64_t word2)
{
    struct capability cap = { .u.word = { word0, word1, word2 } };
    memcpy(&cap, &head, sizeof(head));
    return cap;
}

static void fetch_cap_reply(struct intermon_binding *b, uint64_t ticket, errval_t err,
                            uint64_t head, uint64_t word0, uint64_t word1, uint64_t word2,
                            coreid_t owner, bool moved)
{
    /* the ticket cannot be guessed, and the owner may answer for the depositor */
    const struct capability cap = capability_of(head, word0, word1, word2);
    parcel_fetched(ticket, err, &cap, moved ? peer_of(b) : owner, moved);
}

static void capops_request_copy(struct intermon_binding *b, coreid_t to, uint64_t ticket,
                                uint64_t head, uint64_t word0, uint64_t word1, uint64_t word2)
{
    const struct capability cap = capability_of(head, word0, word1, word2);
    parcel_copy_requested(peer_of(b), to, ticket, &cap);
}

static void capops_request_retype(struct intermon_binding *b, uint64_t ticket, uint64_t head,
                                  uint64_t word0, uint64_t word1, uint64_t word2, uint64_t base,
                                  uint64_t bytes)
{
    const struct capability source = capability_of(head, word0, word1, word2);
    capop_claim_requested(peer_of(b), ticket, &source, base, bytes);
}

static void capops_retype_response(struct intermon_binding *b, uint64_t ticket, errval_t err,
                                   uint64_t head, uint64_t word0, uint64_t word1, uint64_t word2)
{
    const struct capability piece = capability_of(head, word0, word1, word2);
    capop_claim_answered(peer_of(b), ticket, err, &piece);
}

static void capops_revoke_mark(struct intermon_binding *b, uint64_t ticket, uint16_t kind,
                               uint64_t base, uint64_t bytes)
{
    struct capability range = { .type = (uint8_t)(kind >> 8), .generation = (uint8_t)kind };
    range.u.mem.base = base;
    range.u.mem.bytes = bytes;
    capop_revoke_marked(peer_of(b), ticket, &range);
}

static void capops_revoke_done(struct intermon_binding *b, uint64_t ticket, uint8_t outcome)
{
    kept_revoked(peer_of(b), ticket, (enum revoke_outcome)outcome);
}

static void shootdown(struct intermon_binding *b, coreid_t root, uint64_t id, domainid_t home,
                      uint64_t base, uint64_t bytes, uint32_t flags, domainid_t agent)
{
    shootdown_told(peer_of(b), &(struct shootdown_order){ root, id, home, { base, bytes, flags } },
                   agent, NULL, 0);
}

static void shootdown_tree(struct intermon_binding *b, coreid_t root, uint64_t id, domainid_t home,
                           uint64_t base, uint64_t bytes, uint32_t flags, domainid_t agent,
                           const domainid_t *below, size_t count)
{
    shootdown_told(peer_of(b), &(struct shootdown_order){ root, id, home, { base, bytes, flags } },
                   agent, below, count);
}

static void shootdown_done(struct intermon_binding *b, coreid_t root, uint64_t id, errval_t err)
{
    shootdown_answered(peer_of(b), root, id, err);
}

static void bind_multihop_request(struct intermon_binding *b, iref_t iref, uint32_t own_vci,
                                  uint8_t hops, domainid_t asker)
{
    multihop_requested(peer_of(b), iref, own_vci, hops, asker);
}

static void bind_multihop_reply(struct intermon_binding *b, uint32_t vci, uint32_t own_vci,
                                uint8_t hops, errval_t err)
{
    multihop_replied(peer_of(b), vci, own_vci, hops, err);
}

static void bind_multihop_cancel(struct intermon_binding *b, uint32_t own_vci)
{
    multihop_cancelled(peer_of(b), own_vci);
}

static void multihop_message(struct intermon_binding *b, uint32_t vci, uint8_t kind, uint16_t ack,
                             const uint8_t *payload, size_t size)
{
    circuit_frame(peer_of(b), vci, kind, ack, payload, size);
}

static void multihop_credit(struct intermon_binding *b, uint32_t vci, uint16_t frames)
{
    circuit_credit(peer_of(b), vci, frames);
}

static void alive(struct intermon_binding *b, uint32_t epoch, uint64_t members, uint64_t suspects,
                  uint64_t view, bool busy)
{
    death_heard(peer_of(b), epoch, members, suspects, view, busy);
}

static void core_given_up(struct intermon_binding *b, coreid_t core, uint32_t incarnation)
{
    death_given_up(peer_of(b), core, incarnation);
}

static void stop_core(struct intermon_binding *b)
{
    stop_own_core(peer_of(b));
}

static void core_leaves(struct intermon_binding *b)
{
    stop_core_leaves(peer_of(b));
}

static void core_has_left(struct intermon_binding *b, coreid_t core)
{
    stop_core_heard(peer_of(b), core);
}

/* It acknowledges nothing: it is dead, or we are cut off. */
static void broken(struct intermon_binding *b, errval_t err)
{
    (void)err;
    death_unreachable(peer_of(b));
}

void door_of_monitor(struct intermon_binding *b)
{
    b->error_handler = broken;
    b->rx_vtbl.alive = alive;
    b->rx_vtbl.core_given_up = core_given_up;
    b->rx_vtbl.stop_core = stop_core;
    b->rx_vtbl.core_leaves = core_leaves;
    b->rx_vtbl.core_has_left = core_has_left;
    b->rx_vtbl.monitor_initialized = monitor_initialized;
    b->rx_vtbl.monitor_welcome = monitor_welcome;
    b->rx_vtbl.new_monitor_notify = new_monitor_notify;
    b->rx_vtbl.bind_monitor_proxy = bind_monitor_proxy;
    b->rx_vtbl.bind_monitor_request = bind_monitor_request;
    b->rx_vtbl.bind_monitor_reply = bind_monitor_reply;
    b->rx_vtbl.monitor_linked = monitor_linked;
    b->rx_vtbl.bind_ump_request = bind_ump_request;
    b->rx_vtbl.bind_ump_reply = bind_ump_reply;
    b->rx_vtbl.bind_ump_cancel = bind_ump_cancel;
    b->rx_vtbl.connection_closed = connection_closed;
    b->rx_vtbl.iref_state_request = iref_state_request;
    b->rx_vtbl.iref_state_reply = iref_state_reply;
    b->rx_vtbl.set_name_iref = set_name_iref;
    b->rx_vtbl.fetch_cap_request = fetch_cap_request;
    b->rx_vtbl.fetch_cap_reply = fetch_cap_reply;
    b->rx_vtbl.capops_request_copy = capops_request_copy;
    b->rx_vtbl.capops_request_retype = capops_request_retype;
    b->rx_vtbl.capops_retype_response = capops_retype_response;
    b->rx_vtbl.capops_revoke_mark = capops_revoke_mark;
    b->rx_vtbl.capops_revoke_done = capops_revoke_done;
    b->rx_vtbl.release_cap_request = release_cap_request;
    b->rx_vtbl.release_cap_reply = release_cap_reply;
    b->rx_vtbl.shootdown = shootdown;
    b->rx_vtbl.shootdown_tree = shootdown_tree;
    b->rx_vtbl.shootdown_done = shootdown_done;
    b->rx_vtbl.bind_multihop_request = bind_multihop_request;
    b->rx_vtbl.bind_multihop_reply = bind_multihop_reply;
    b->rx_vtbl.bind_multihop_cancel = bind_multihop_cancel;
    b->rx_vtbl.multihop_message = multihop_message;
    b->rx_vtbl.multihop_credit = multihop_credit;
}
