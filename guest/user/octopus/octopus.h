/* SPDX-License-Identifier: MIT
 *
 * Between the files of octopus.
 */
#ifndef OCTOPUS_SERVER_H
#define OCTOPUS_SERVER_H

#include <barrelfish/barrelfish.h>
#include <if/octopus_defs.h>
#include <octopus/definitions.h>
#include <octopus/record.h>
#include <services/service.h>

#include "resources.h"

static inline struct account *payer(const struct octopus_binding *b)
{
    return ((struct service_client *)b->st)->account;
}

/* ---- answers.c ---- */

enum reply_kind {
    REPLY_GET,
    REPLY_SET,
    REPLY_DEL,
    REPLY_NAMES,
    REPLY_WAIT_FOR,
    REPLY_WAIT_GONE,
    REPLY_WATCH,
    REPLY_UNWATCH,
    REPLY_PUBLISH,
    REPLY_LOCK,
    REPLY_UNLOCK,
    REPLY_BARRIER,
    REPLY_SEM_NEW,
    REPLY_SEM_POST,
    REPLY_SEM_WAIT,
    REPLY_PUT_CAP,
    REPLY_GET_CAP,
    REPLY_REMOVE_CAP,
    REPLY_EVENT,
};

struct reply {
    enum reply_kind kind;
    uint32_t token, mode;
    uint64_t value;
    errval_t err;
    struct capref cap; /* NULL_CAP: none; the reply's, which deletes it when it has left */
    const char *text;  /* NULL: none */
};

/* Copies the reply, its text too, and sends it when its turn comes. */
void answer(struct octopus_binding *b, struct reply reply);
/* The same to the call being served. */
void answer_now(struct octopus_binding *b, enum reply_kind kind, errval_t err);

/* ---- records.c ---- */

void records_serve(struct octopus_binding *b);
/* The client has gone: its records and waits, too. */
void records_forget(struct octopus_binding *b);

/* ---- syncs.c, caps.c ---- */

void syncs_serve(struct octopus_binding *b);
void syncs_forget(struct octopus_binding *b);
void caps_serve(struct octopus_binding *b);
void caps_forget(struct octopus_binding *b);

#endif
