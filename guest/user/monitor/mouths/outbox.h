/* SPDX-License-Identifier: MIT
 *
 * What the monitor says to domains over their monitor bindings: each message waits in the queue of
 * its link until it can leave, and what comes of that its sender is told.
 */
#ifndef MONITOR_OUTBOX_H
#define MONITOR_OUTBOX_H

#include "../base/monitor.h"

struct outbox_message;

/* It has left, or cannot (err), for good. */
typedef void outbox_left_fn(const struct outbox_message *message, errval_t err);

/* Each kind uses some of the fields. */
struct outbox_message {
    enum {
        OUTBOX_ALLOC_IREF_REPLY,
        OUTBOX_LMP_SERVICE_REQUEST,
        OUTBOX_LMP_REPLY_CLIENT,
        OUTBOX_UMP_SERVICE_REQUEST,
        OUTBOX_UMP_REPLY_CLIENT,
        OUTBOX_MULTIHOP_SERVICE_REQUEST,
        OUTBOX_MULTIHOP_REPLY_CLIENT,
        OUTBOX_CONNECTION_LOST,
        OUTBOX_CONNECTION_DEAD,
        OUTBOX_IREF_STATE,
        OUTBOX_NEW_BINDING_REPLY,
        OUTBOX_RPC_EP_REPLY,
        OUTBOX_CHANGE_REPLICA,
        OUTBOX_EXITED,
    } kind;
    errval_t err;
    uintptr_t id, mon_id; /* id: conn_id, service_id, st */
    uint64_t base, bytes; /* addresses, of what is to be changed */
    uint32_t flags;       /* which it is to have */
    size_t inlen, outlen; /* inlen: LMP's buflen too */
    iref_t iref;
    domainid_t domain;
    uint8_t status;
    bool exists, trusted, checked;
    struct capref cap, notify;
    bool keep_cap;               /* cap stays the sender's when the message has left */
    struct account_slip slip[2]; /* of a connection that was lost: given back when it has left */
    outbox_left_fn *left;        /* or NULL */
    /* Where it is known while it waits, or NULL; NULL is stored there when it waits no more. */
    struct send_item **waits;
};

/* Takes the capabilities over, unless keep_cap.  `payer` has caused it; NULL: the domain must be
 * told in any case. */
void outbox_send(struct link *link, struct account *payer, const struct outbox_message *message);
/* What a domain asked for itself. */
void outbox_answer(struct link *link, const struct outbox_message *message);

void outbox_tell_exit(struct client *parent, domainid_t domain, uint8_t status);
/* `slips` (may be NULL) are given back when the domain has been told; until then they count. */
void outbox_tell_connection_lost(struct link *link, struct account *payer, uintptr_t id,
                                 const struct account_slip slips[2]);
/* The same, since the core of the other end is dead. */
void outbox_tell_connection_dead(struct link *link, uintptr_t id);
void outbox_tell_iref_state(struct link *link, iref_t iref, uintptr_t st, bool exists);

#endif
