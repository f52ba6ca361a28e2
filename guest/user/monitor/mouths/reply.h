/* SPDX-License-Identifier: MIT
 *
 * Answers to what domains ask and wait for (monitor_blocking.if), now or later, under the token of
 * the call.
 */
#ifndef MONITOR_REPLY_H
#define MONITOR_REPLY_H

#include "../base/monitor.h"

/* Each kind uses some of the fields. */
struct reply {
    enum {
        REPLY_MEM_IREF,
        REPLY_SET_MEM_IREF,
        REPLY_NAME_IREF,
        REPLY_SET_NAME_IREF,
        REPLY_MONITOR_EP,
        REPLY_BOOTINFO,
        REPLY_IO_CAP,
        REPLY_BOOT_CORES,
        REPLY_POWER_OFF,
        REPLY_STOP_CORES,
        REPLY_DEPOSIT,
        REPLY_COLLECT,
        REPLY_REVOKE,
        REPLY_RETYPE,
        REPLY_DOMAIN_CAP,
        REPLY_FILL_FOR,
        REPLY_SHOOTDOWN,
    } kind;
    uint32_t token;
    errval_t err;
    iref_t iref, first;
    domainid_t domain;
    struct capref cap; /* COLLECT, DOMAIN_CAP: taken over, and dropped when it has left */
    uint64_t value;
};

void reply_send(struct client *client, const struct reply *reply);

/* The parcel asked for, or why not. */
void reply_collect(struct client *client, uint32_t token, errval_t err, struct capref cap);
/* Nothing on other cores stands in the way of it, or why not. */
void reply_revoke(struct client *client, uint32_t token, errval_t err);
void reply_retype(struct client *client, uint32_t token, errval_t err);
/* All that were named have done it, or why not. */
void reply_shootdown(struct client *client, uint32_t token, errval_t err);
/* The cores asked for run, or not all; are off, or not as they should be. */
void reply_boot_cores(struct client *client, uint32_t token, errval_t err, uint64_t running);
void reply_stop_cores(struct client *client, uint32_t token, errval_t err, uint64_t running);

#endif
