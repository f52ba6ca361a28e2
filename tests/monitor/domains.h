/* SPDX-License-Identifier: MIT
 *
 * What the domains of the simulated world know: shared by the files that play them, and by the one
 * that asks in the end whether everybody got what was owed.
 */
#ifndef TEST_MONITOR_DOMAINS_H
#define TEST_MONITOR_DOMAINS_H

#include "world.h"

#define MAX_REQUESTS 64
#define MAX_BINDS 4000
#define MAX_SERVICES 400

enum domain_kind { KIND_INIT, KIND_MEM_SERV, KIND_CHIPS, KIND_SPAWND, KIND_MANAGER, KIND_APP };
enum bind_kind { BIND_LMP, BIND_UMP, BIND_MULTIHOP };

/* A service that was asked to accept a connection. */
struct request {
    enum bind_kind kind;
    uintptr_t mon_id;
    struct cap *cap[2];
    struct circuit_side *side; /* multi-hop: the client's, as far as known */
};

struct domain {
    struct domain *next;
    enum domain_kind kind;
    char name[32];
    unsigned core;
    uint32_t id;
    bool running, exiting, reaped, hostile;
    bool mute, deaf; /* hostile: answers no bind; does not even read */
    uint8_t status;  /* what it said when it exited */
    struct domain *parent;
    unsigned told_parent; /* times its parent heard of its end */
    struct cap *monitor;  /* its end of the monitor binding */
    bool greeted;
    enum { RPC_NONE, RPC_ASKED, RPC_HELLO, RPC_READY } rpc_state;
    struct cap *rpc;
    bool rpc_busy;
    uint32_t rpc_token;
    unsigned steps; /* of its start that are done */
    struct request request[MAX_REQUESTS];
    unsigned request_count, requests_read;
    uintptr_t last_mon_id;       /* of a request */
    unsigned questions, answers; /* get_iref_state */
    struct cap *parcel;          /* collected */
    uint64_t revoked_from;       /* the step in which its revoke began */
    struct cap *target;          /* being revoked */
    uint64_t wanted;             /* offset of the page of its parcel that it makes a frame of */
    /* shootdown: whose page tables it fills; what it is to change, and has changed */
    uint32_t will_fill_for, fills_for; /* as it has said; as its monitor knows */
    uintptr_t change_id;               /* 0: nothing */
    uint64_t changed;
    uint64_t shot_base, named_base; /* what it wants changed, and is to change */
    /* memory server: what the monitor asked for */
    struct cap *mem_client;
    struct message *mem_request;
    /* manager */
    unsigned boot_answers;
    errval_t boot_err;
    uint64_t running_cores;
    unsigned stop_answers;
    errval_t stop_err;
};

struct service {
    struct domain *d;
    iref_t iref;               /* 0: not yet known */
    struct circuit_side *asks; /* a multi-hop bind under way: one at a time */
};

/* What a client asked for. */
struct bind {
    enum bind_kind kind;
    struct domain *d;
    iref_t iref;
    unsigned answers;
    errval_t err;
    struct circuit_side *side;
};

/* A connection over LMP or UMP: [0] the client's end, [1] the service's. */
struct conn {
    bool forged; /* the service spoke too early: nothing is known of its end */
    bool newest; /* of those over the same page */
    struct conn *next;
    enum bind_kind kind;
    genpaddr_t base;
    struct conn_end {
        struct domain *d; /* NULL: not known yet */
        uintptr_t mon_id;
        struct cap *frame, *notify;
        struct endpoint *ep;
        bool open;
        unsigned lost; /* times it was told */
    } end[2];
};

extern struct bind binds[MAX_BINDS];
extern unsigned bind_count;
extern struct service services[MAX_SERVICES];
extern unsigned service_count;
extern struct conn *conns;

struct message *monitor_message(unsigned number);
/* Into the endpoint that `via` names; `give` (may be NULL) goes along as a copy.  False: no room;
 * the message is freed then. */
bool domain_send(struct domain *d, const struct cap *via, struct message *m,
                 const struct cap *give);
/* A fresh endpoint of the domain, and a capability to it. */
struct cap *domain_endpoint(struct domain *d, enum role role, unsigned index, unsigned room,
                            struct endpoint **ret);
void domain_die(struct domain *d);
void domain_reap(struct domain *d);

/* connections.c */
bool act_bind(struct domain *d);
bool act_close(struct domain *d);
bool answer_request(struct domain *d, bool accept);
void bind_answered(struct domain *d, const struct message *m);
void request_received(struct domain *d, struct message *m);
void connection_lost_received(struct domain *d, uintptr_t mon_id);
void conn_cap_deleted(struct domain *d, const struct cap *cap);
bool conns_have_duty(const struct domain *d);
bool close_lost(struct domain *d);
void conns_domain_gone(struct domain *d);
void conns_check(void);

/* hostile.c */
void act_hostile(struct domain *d);

/* agents.c */
bool act_agent(struct domain *d);
/* The agent's answer to its monitor. */
bool answer_change(struct domain *d);
void change_received(struct domain *d, uintptr_t id, uint64_t base, uint64_t bytes, uint32_t flags);
void shootdown_answered_to(const struct domain *d, errval_t err);

/* circuits.c */
bool break_frame(struct domain *d);

struct circuit_side *side_new(struct domain *client);
struct cap *side_endpoint(struct circuit_side *s);
void side_opened(struct circuit_side *s, struct cap *to_monitor);
struct circuit_side *side_accepted(struct domain *service, struct circuit_side *client,
                                   struct cap *to_monitor);
void side_refused(struct circuit_side *s);
bool side_listens(const struct endpoint *e);
void side_received(struct endpoint *e, struct message *m);
bool act_circuit(struct domain *d);
void circuits_cap_deleted(struct domain *d, const struct cap *cap);
void circuits_domain_gone(struct domain *d);
bool circuits_have_duty(const struct domain *d);
void circuits_check(void);

/* memory.c */
bool act_parcel(struct domain *d);
void revoke_answered(struct domain *d, errval_t err);
void retype_answered(struct domain *d, errval_t err);
void parcel_deposited(uint64_t ticket);
/* The memory server answers its monitor. */
bool serve_memory(struct domain *d);
/* Blocks that the memory server of a core has given away. */
unsigned ram_given(unsigned core);

/* domains.c */
/* A procedure call to the monitor; one at a time. */
bool domain_call(struct domain *d, struct message *m, const struct cap *give);
bool domain_hello(struct domain *d, const struct cap *via, enum role role);
void domains_check(void);
/* Of those that do not answer. */
#define DEAF_READS 6 /* what an endpoint holds, and the one on its way */
void mutes_check(unsigned binds_under_way);
void mutes_end(void);

#endif
