/* SPDX-License-Identifier: MIT
 *
 * Circuits: what the monitor's two files about them share (circuit.c moves frames, multihop.c makes
 * circuits).  States and messages are drawn in docs/monitor.md.
 */
#ifndef MONITOR_CIRCUIT_H
#define MONITOR_CIRCUIT_H

#include <barrelfish/multihop_chan.h>

#include "../base/monitor.h"

#define CIRCUIT_CREDIT 4 /* frames that may wait here to leave over one end */

enum circuit_state {
    CIRCUIT_FREE,
    CIRCUIT_REMOTE_WAIT,  /* the next monitor was asked */
    CIRCUIT_SERVICE_WAIT, /* the service here was asked */
    CIRCUIT_OPEN,
    CIRCUIT_CLOSING, /* one end is gone; what waits for the other still leaves */
};

enum end_kind { END_DOMAIN, END_MONITOR };

struct waiting_frame {
    struct waiting_frame *next;
    struct multihop_frame frame;
    uint64_t payload[];
};

struct circuit_end {
    enum end_kind kind;
    bool gone;      /* takes nothing more, and nothing more comes from it */
    bool close_due; /* the other is gone: when no frame is left, this one is told */
    bool ready;     /* in the list of its neighbour */
    struct waiting_frame *first, *last;
    unsigned count;

    /* END_DOMAIN */
    struct client *client; /* NULL: it has ended */
    struct multihop_link *link;
    struct account_slip slip; /* the asker's */
    bool leaving;             /* cannot be reached any more, but what it sent is still read */
    bool paused;              /* not read, since the other end has enough waiting */
    bool unannounced; /* the bind reply with its endpoint is still on its way: nothing leaves */

    /* END_MONITOR */
    coreid_t core;
    uint32_t vci;    /* its number for this circuit */
    unsigned credit; /* frames it still takes */
    unsigned owed;   /* frames of it that have left, and that it does not know of */
    enum { BIND_NONE_DUE, BIND_REQUEST_DUE, BIND_REPLY_DUE, BIND_CANCEL_DUE } bind_due;
    struct circuit_end *next_ready;
};

enum { NEAR, FAR }; /* towards the client, towards the service */

struct circuit {
    enum circuit_state state;
    uint16_t generation;
    iref_t iref;
    uint8_t hops;        /* monitors the request had passed; then of the whole way */
    errval_t err;        /* of the bind reply that is due */
    struct link *domain; /* the client or service that takes part in the bind; NULL: it has ended */
    struct send_item *request; /* to the service, while it waits in its queue; else NULL */
    uintptr_t conn_id;         /* the client's */
    domainid_t asker;          /* the client, on any core */
    struct account_slip slip,
        words; /* its place in the table; what it makes the service here keep */
    struct circuit_end end[2];
};

/* A fresh circuit without ends, for a domain of any core; or MON_ERR_OVER_SHARE. */
errval_t circuit_new(enum circuit_state state, domainid_t asker, struct circuit **ret);
/* Nothing is owed to anybody: ends its parts and frees it. */
void circuit_free(struct circuit *c);

/* Its number, by which neighbours and services name it. */
uint32_t circuit_vci(const struct circuit *c);
/* NULL: there is none of this number in this state (any more). */
struct circuit *circuit_find(uint32_t vci, enum circuit_state state);
/* Calls the function for each circuit in use. */
void circuit_for_each(void (*function)(struct circuit *c, const struct client *client),
                      const struct client *client);

/* The same for what concerns a core. */
void circuit_for_each_core(void (*function)(struct circuit *c, coreid_t core), coreid_t core);
/* Is it an end towards the monitor of this core? */
bool circuit_leads_to(const struct circuit_end *end, coreid_t core);

/* Makes an end; MON_ERR_OVER_SHARE, or the errors of endpoints.  A domain's has an LMP channel with
 * the domain's endpoint `ep` (or NULL_CAP, to be set before the circuit opens), which the circuit
 * owns from now on, also if this fails. */
errval_t circuit_domain_end(struct circuit *c, unsigned which, struct client *client,
                            struct capref ep);
void circuit_monitor_end(struct circuit *c, unsigned which, coreid_t core, uint32_t vci);

/* Both ends are connected: frames may come and go. */
void circuit_open(struct circuit *c);

/* The end has something for its neighbour. */
void circuit_schedule(struct circuit_end *end);

/* The end is no more: the other is told when it has got what waits for it.  The circuit may be free
 * afterwards. */
void circuit_end_gone(struct circuit_end *end);

/* Nobody waits for the answer to its request: the next monitor is told, if it has been asked. */
void circuit_cancel(struct circuit *c);
/* The end is no more, while the circuit goes on waiting for the service's answer. */
void circuit_end_lost(struct circuit_end *end);
/* The other end is no more: this one is told. */
void circuit_close(struct circuit_end *end);
/* From now on this one pays for its place; or MON_ERR_OVER_SHARE. */
errval_t circuit_pays(struct circuit *c, struct account *who);
/* The circuit that this neighbour calls `vci`; NULL: there is none (any more). */
struct circuit *circuit_from(coreid_t core, uint32_t vci);

/* Answers a request for which there is no circuit. */
void circuit_refuse(coreid_t core, uint32_t vci, errval_t err);

/* The client knows of its end. */
void circuit_announced(uint32_t vci);

/* From a neighbour: a frame; places for more. */
void circuit_frame(coreid_t core, uint32_t vci, uint8_t kind, uint16_t ack, const uint8_t *payload,
                   size_t size);
void circuit_credit(coreid_t core, uint32_t vci, uint16_t frames);

/* Called from now on when one has been freed, by whoever frees it; NULL: nobody waits. */
void circuit_on_free(void (*function)(void));

/* The client has ended: what it has sent still leaves. */
void circuit_client_left(struct circuit *c, const struct client *client);

#endif
