/* SPDX-License-Identifier: MIT
 *
 * The parts of the spawn service.
 *
 *   main.c     its interface: clients, the queue of requests
 *   replies.c  what it sends
 *   domains.c  blocks of RAM and the domains made of them
 *   names.c    domains by their capabilities: wait, kill, list
 *   staged.c   capabilities that clients hand to domains to come
 */
#ifndef SPAWND_H
#define SPAWND_H

#include <barrelfish/barrelfish.h>
#include <if/spawn_defs.h>
#include <services/service.h>
#include <spawndomain/spawndomain.h>

#include "resources.h"

#define SPAWND_TEXT_BYTES 2048 /* of the interface */

/* One connection. */
struct client {
    struct service_client client; /* first: the memory is freed with it */
    struct staged *staged;
};

/* Strings one after the other. */
struct text {
    size_t bytes;
    char text[SPAWND_TEXT_BYTES];
};

struct request {
    struct request *next;
    struct spawn_binding *client; /* NULL: it has gone */
    struct account_slip request_slip, domain_slip;
    uint32_t token, ticket;
    uint8_t flags;
    bool program; /* spawn_program, else spawn_domain */
    bool named;
    char path[256];
    struct text argv, envp;
};

/* Somebody who waits for a domain's end. */
struct waiter {
    struct waiter *next;
    struct spawn_binding *client;
    uint32_t token;
    uint8_t status;
    struct account_slip slip;
};

/* A domain, and the block of RAM it is made of. */
struct block {
    struct block *next;
    struct capref ram;        /* NULL_CAP: given back */
    struct capref dispatcher; /* the slot stays when its capability goes with the memory */
    domainid_t domain;        /* 0: none yet */
    bool killed, ended;
    bool tells; /* domain_exited when it ends */
    uint8_t status;
    struct spawn_binding *client; /* who had it spawned; NULL: gone */
    struct account *account;      /* the domain's own */
    struct account_slip slip;     /* its spawner's */
    uint64_t name;                /* of its ID capability; 0: it has none */
    struct waiter *waiters;
    size_t argv_bytes;
    char *argv;
};

/* ---- replies.c ---- */

struct reply {
    struct send_item item;
    enum {
        REPLY_SPAWN,
        REPLY_KILL,
        REPLY_PROGRAM,
        REPLY_STAGE,
        REPLY_WAIT,
        REPLY_KILL_NAMED,
        REPLY_DOMAIN_OF,
        REPLY_EXITED
    } kind;
    uint32_t token;
    errval_t err;
    domainid_t domain;
    uint8_t status;
    struct capref name; /* moved to the client, or deleted; NULL_CAP: none */
    /* of a domain that has ended: it counts until its spawner reads that */
    struct account_slip slip;
};

/* client: NULL has no effect but to free what the reply holds. */
void send_to(struct spawn_binding *client, struct reply contents);
/* Answers list_domains and domain_status (block: NULL, there is none). */
void send_list(struct spawn_binding *client);
void send_status(struct spawn_binding *client, const struct block *block);

/* ---- domains.c ---- */

extern struct service service;
extern struct block *blocks;

void domains_init(const struct abi_boot *boot);
/* Makes a domain; on success *ret names it. */
errval_t domain_spawn(struct request *request, struct block **ret);
/* Forgets a domain that has ended. */
void domain_forget(struct block *block);
errval_t domain_kill(struct block *block);
/* The client has gone. */
void domains_disown(const struct spawn_binding *client);

/* ---- names.c ---- */

/* A name for the domain: an ID capability in a slot of the caller's. */
errval_t name_make(struct block *block, struct capref *ret);
/* All who wait for it will be told by waiters_tell; true: there was somebody. */
bool waiters_leave(struct block *block);
void waiters_tell(void);
void names_serve(struct spawn_binding *b);
void names_disown(const struct spawn_binding *client);

/* ---- staged.c ---- */

void staged_serve(struct spawn_binding *b);
/* Does the client hand over capabilities for an ARGCN under this ticket? */
bool staged_arguments(const struct client *client, uint32_t ticket);
/* Copies what was staged into the domain. */
errval_t staged_give(const struct client *client, uint32_t ticket, struct spawn_domain *d);
/* ticket 0: all of the client's. */
void staged_drop(struct client *client, uint32_t ticket);

#endif
