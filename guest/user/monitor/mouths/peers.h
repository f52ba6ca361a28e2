/* SPDX-License-Identifier: MIT
 *
 * The other monitors: the channels to them, and what is said there.  What they say comes in by a
 * door (doors/monitors.c).
 */
#ifndef MONITOR_PEERS_H
#define MONITOR_PEERS_H

#include "../base/monitor.h"

/* What the monitor of a client offers to that of a service. */
struct ump_offer {
    iref_t iref;
    uint64_t mon_id; /* the offering monitor's */
    genpaddr_t base; /* the frame, of its share of the window */
    uint32_t bytes, inlen, outlen;
    uint32_t notify_id; /* wakes the client */
    domainid_t client;
    bool trusted;
    bool checked;                                /* the channel will be */
    char client_name[MONITOR_CLIENT_NAME_BYTES]; /* for people */
};

enum peer_state {
    PEER_NONE,
    PEER_BOOTING,   /* core started by us, no word from it yet */
    PEER_BIND_WAIT, /* frame sent, its first message expected */
    PEER_CONNECTED,
    PEER_DEAD, /* its core is: nothing is said any more, and the channel is about to go */
};

/* What the monitors say to each other; each kind uses some of the fields. */
struct peer_message {
    enum {
        PEER_INITIALIZED,
        PEER_WELCOME,
        PEER_NEW_MONITOR,
        PEER_PROXY,
        PEER_BIND_MONITOR,
        PEER_BIND_MONITOR_REPLY,
        PEER_LINKED,
        PEER_UMP_REQUEST,
        PEER_UMP_REPLY,
        PEER_UMP_CANCEL,
        PEER_CONNECTION_CLOSED,
        PEER_IREF_STATE_REQUEST,
        PEER_IREF_STATE_REPLY,
        PEER_RELEASE,
        PEER_RELEASED,
        PEER_NAME_IREF,
        PEER_FETCH,
        PEER_FETCHED,
        PEER_REQUEST_COPY,
        PEER_REQUEST_RETYPE,
        PEER_RETYPE_RESPONSE,
        PEER_REVOKE_MARK,
        PEER_REVOKE_DONE,
        PEER_GIVEN_UP,
        PEER_STOP,
        PEER_LEAVES,
        PEER_HAS_LEFT,
    } kind;
    coreid_t core, peer;
    genpaddr_t base;
    gensize_t range_bytes;
    uint32_t bytes, notify_id;
    uint64_t id, peer_id;
    uint64_t members;
    uint32_t epoch, incarnation;
    iref_t iref, first_mem_iref;
    errval_t err;
    struct ump_offer offer;
    bool exists;
    uint8_t outcome;
    char name[64]; /* of the service, or of the client */
    struct capability cap;
};

/* `opens` is called for each channel, to set the handlers of what comes. */
void peers_init(void (*opens)(struct intermon_binding *b));

/* A channel to this core, in a frame of this core's share: the other side finds it there. */
errval_t peer_make_channel(coreid_t core, enum peer_state state, genpaddr_t *base, uint32_t *bytes);
/* A channel in a frame of the other core's share. */
errval_t peer_join_channel(coreid_t core, genpaddr_t base, uint32_t bytes, uint32_t notify_id);
/* The other side of such a channel has spoken for the first time and said how to wake it. */
errval_t peer_has_spoken(coreid_t core, uint32_t notify_id);
enum peer_state peer_state(coreid_t core);
/* The core could not be started after all: as if it had never been tried. */
void peer_forget(coreid_t core);
/* The core has died: nothing is sent to it from now on.  Then its channel goes; not to be called
 * from a handler of it. */
void peer_falls_silent(coreid_t core);
void peer_lost(coreid_t core);
/* Channel of a new core to its starter. */
void peer_connect_starter(coreid_t core, struct capref frame, uint32_t notify_id);
bool peer_is_connected(unsigned core);
uint64_t peers_running(void); /* bit for each core with a monitor, this one included */

void peer_send_bind_ump_request(coreid_t core, const struct ump_offer *offer);
void peer_send_bind_ump_reply(coreid_t core, uint64_t mon_id, errval_t err, uint64_t peer_id,
                              uint32_t notify_id, const char *service);
void peer_send_bind_ump_cancel(coreid_t core, uint64_t mon_id);
void peer_send_connection_closed(coreid_t core, uint64_t id);
void peer_send_iref_state_request(coreid_t core, iref_t iref, uint64_t id);
void peers_send_name_iref(iref_t iref);
/* A message in the caller's own form; the peer is connected. */
void peer_send(coreid_t core, struct send_item *item);
void peer_say(coreid_t core, const struct peer_message *message);
coreid_t peer_of(const struct intermon_binding *b);
void peer_send_fetch_cap_request(coreid_t core, uint64_t ticket);
void peer_send_release_cap_request(coreid_t core, uint64_t ticket);
void peer_send_release_cap_reply(coreid_t core, uint64_t ticket, bool unused);
void peer_send_fetch_cap_reply(coreid_t core, uint64_t ticket, errval_t err,
                               const struct capability *cap, coreid_t owner, bool moved);
void peer_send_request_copy(coreid_t owner, coreid_t to, uint64_t ticket,
                            const struct capability *cap);
void peer_send_request_retype(coreid_t owner, uint64_t ticket, const struct capability *source,
                              genpaddr_t base, gensize_t bytes);
void peer_send_retype_response(coreid_t core, uint64_t ticket, errval_t err,
                               const struct capability *piece);
void peer_send_revoke_mark(coreid_t core, uint64_t ticket, const struct capability *range);
void peer_send_revoke_done(coreid_t core, uint64_t ticket, enum revoke_outcome outcome);

#endif
