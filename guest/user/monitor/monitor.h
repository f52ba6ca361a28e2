/* SPDX-License-Identifier: MIT
 *
 * Inside the monitor: its parts and what they share.  The protocols and their states are drawn in
 * docs/monitor.md.  Everything runs in one thread that serves one waitset; no handler blocks.
 */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include <barrelfish/barrelfish.h>
#include <barrelfish/monitor_client.h>
#include <if/intermon_defs.h>
#include <if/monitor_blocking_defs.h>
#include <if/monitor_defs.h>
#include <services/send_queue.h>
#include <spawndomain/first_ram.h>

#include <abi/ports.h>
#include <stdio.h>

#include "iref.h"
#include "resources.h"

#define MONITOR_CLIENT_NAME_BYTES 32 /* of a client, as another monitor is told */
#define MONITOR_LMP_BUF_WORDS 28     /* of the endpoints handed out: two full messages */
#define MONITOR_MAX_BUF_WORDS 1024   /* of an endpoint that a bind may ask a service for */

extern const struct abi_boot *boot_info;
extern coreid_t my_core;
extern struct iref_table irefs;
extern struct spawn_modules modules;
extern uint32_t my_notify_id; /* wakes this monitor's dispatcher */

/* A core without its monitor is of no use, and it cannot be told to anybody: says what went wrong
 * and switches the machine off.  For start-up only. */
#define MONITOR_FAILED_STATUS 1
#define MUST(call, ...)                                                     \
    do {                                                                    \
        errval_t must_err = (call);                                         \
        if (err_is_fail(must_err)) {                                        \
            debug_err(__FILE__, __func__, __LINE__, must_err, __VA_ARGS__); \
            invoke_kernel_power_off(cap_kernel, MONITOR_FAILED_STATUS);     \
        }                                                                   \
    } while (0)

/* ---- client.c: domains of this core ---- */

enum client_state {
    CLIENT_FREE,
    CLIENT_EXPECTED,  /* endpoint handed out, no hello yet */
    CLIENT_CONNECTED, /* said hello, is served */
    CLIENT_EXITED,    /* ended; its connections are being closed */
};

struct hello;

/* One monitor binding of a client; most have one. */
struct link {
    struct client *client;
    struct monitor_lmp_binding *binding; /* frees itself at teardown */
    struct hello *hello;                 /* still expected, or NULL */
    struct send_queue queue;
    struct account_slip slip; /* of a further one */
    struct link *next;
};

struct client {
    enum client_state state;
    domainid_t domain;
    char name[64];
    struct client *parent; /* spawner, to be told of the end; NULL: the monitor itself */
    domainid_t parent_domain;
    struct link *link;                        /* the first one belongs to INITEP */
    struct monitor_blocking_lmp_binding *rpc; /* NULL until asked for */
    struct hello *rpc_hello;
    struct send_queue rpc_queue;
    struct account *account;      /* what it holds of this monitor's tables */
    struct account_slip slip;     /* its place in the table, which its spawner pays for */
    struct account_book services; /* what binds make it keep */
    unsigned open;                /* connections to the monitor not yet closed */
    struct connection_end *ends;  /* of connections that bind made (connection.c) */
    struct waitset_chanstate end; /* the event of its end: a binding has broken, or it is stopped */
    bool used_circuits;           /* frames of it may still be on their way when it has ended */
    unsigned last_words;          /* messages of it that may still be heard before */
    bool notify_known;
    uint32_t notify_id; /* wakes its dispatcher, for UMP */
    bool waits_for_name;
    uint32_t name_token; /* of its get_name_iref */
};

/* A new domain, expected to say hello on the endpoint *ep (the caller copies it into the domain).
 * MON_ERR_TOO_MANY_DOMAINS, or the endpoint's errors. */
errval_t client_new(const char *name, struct client *parent, struct client **ret,
                    struct capref *ep);

/* A domain that could not be started after all; says this monitor, or its parent. */
void client_forget(struct client *client);
void client_not_started(const struct client *parent, domainid_t domain);

/* A further monitor binding, or the blocking one: the endpoint for its hello. */
errval_t client_new_link(struct client *client, struct capref *ep);
errval_t client_new_rpc(struct client *client, struct capref *ep);

/* Notification id of the client's dispatcher. */
errval_t client_notify_id(struct client *client, uint32_t *ret);

/* Calls the function for each client in state CLIENT_CONNECTED. */
void client_for_each(void (*function)(struct client *));

/* The client's domain has ended: parent told, irefs gone, pending binds answered. */
void client_exited(struct client *client, uint8_t status);

/* The CPU driver stopped the dispatcher of this domain; no effect if it is no client (any more). */
void client_stopped(domainid_t domain);

/* ---- stopped.c: domains that could not say goodbye ---- */

errval_t stopped_init(void);

/* Words of a service's dispatcher frame that an endpoint takes. */
uint32_t endpoint_words(size_t buf_words);

/* ---- bind.c: binding inside the core and between cores ---- */

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

void bind_set_handlers(struct link *link);

/* Connects the monitor itself to a service of this core over LMP: `chan` has a local endpoint. */
typedef void bind_self_fn(void *st, errval_t err, struct capref remote_ep);
errval_t bind_self_lmp(iref_t iref, struct lmp_chan *chan, bind_self_fn *done,
                       void (*lost)(void *st), void *st);

/* From intermon.c. */
void bind_ump_from_remote(coreid_t core, const struct ump_offer *offer);
void bind_ump_answer(coreid_t core, uint64_t mon_id, errval_t err, uint64_t peer_id,
                     uint32_t notify_id, const char *service);
/* Who asked with this offer is no more. */
void bind_ump_cancelled(coreid_t core, uint64_t mon_id);

/* Ends the requests in which this client takes part. */
void bind_client_exited(struct client *client);
void bind_tell_exit(struct client *parent, domainid_t domain, uint8_t status);
/* `slips` (may be NULL) are given back when the domain has been told; until then they count. */
void bind_tell_connection_lost(struct link *link, uintptr_t id, struct account_slip slips[2]);
void bind_tell_iref_state(struct link *link, iref_t iref, uintptr_t st, bool exists);

/* ---- iref_state.c: whether a service still exists ---- */

/* A domain asks; the answer comes at once or when the service's monitor has answered. */
void iref_state_asked(struct link *link, iref_t iref, uintptr_t st);
void iref_state_answered(coreid_t core, uint64_t id, bool exists);
void iref_state_client_exited(const struct client *client);

/* ---- connection.c: what bind made, until its end ---- */

struct connection;

/* Room for one that the domain (0: this monitor) asks for; or MON_ERR_OVER_SHARE. */
errval_t connection_new(domainid_t asker, struct connection **ret);
/* It will lead to this service, whose library makes an endpoint of so many words for it (0:
 * none). */
errval_t connection_reaches(struct connection *c, domainid_t asker, struct client *service,
                            size_t buf_words);
/* It takes so many bytes of this core's share of the window. */
errval_t connection_needs_pages(struct connection *c, domainid_t asker, size_t bytes);
/* From now on this one pays for what the asker has caused; or MON_ERR_OVER_SHARE. */
errval_t connection_pays(struct connection *c, struct account *who);
/* It was not made after all. */
void connection_drop(struct connection *c);

/* Inside the core; with this monitor as the client; with another core.  In the last case takes the
 * capability over and the channel's name (or 0), and `end` may be NULL: the domain has gone
 * already. */
void connection_made(struct connection *c, uintptr_t id, struct link *client, struct link *service);
void connection_made_to_self(struct connection *c, uintptr_t id, struct link *service,
                             void (*lost)(void *st), void *st);
void connection_made_between(struct connection *c, uintptr_t id, struct link *end,
                             coreid_t remote_core, uint64_t remote_id, bool own_page,
                             genpaddr_t base, uint32_t bytes, struct capref frame,
                             genpaddr_t record);

/* The client has closed its end; the other monitor says so of the end there; the client has ended
 * and runs no more. */
void connection_closed_by(const struct client *client, uintptr_t id);
void connection_closed_by_remote(coreid_t core, uint64_t id);
void connection_client_exited(const struct client *client);

/* Deletes a window frame's capability and everything on this core that was made of it. */
void revoke_frame(struct capref frame);

/* ---- blocking.c: what clients ask ---- */

void blocking_set_handlers(struct client *client);

extern iref_t mem_iref, name_iref;

/* The name service is known (from a client here, or from another monitor). */
void name_iref_known(iref_t iref);
/* The cores asked for run: answers boot_cores. */
void boot_cores_answer(struct client *client, uint32_t token, errval_t err, uint64_t running);
/* The client has ended: nobody to answer. */
void boot_cores_forget(const struct client *client);

/* The parcel asked for, or why not; drops the capability when it has been sent. */
void blocking_answer_collect(struct client *client, uint32_t token, errval_t err,
                             struct capref cap);

/* ---- parcel.c: capabilities on their way to other cores ---- */

/* Takes the capability over. */
errval_t parcel_deposit(const struct client *client, struct capref cap, uint64_t *ticket);
/* Answers the client, now or when the other monitor has. */
void parcel_collect(struct client *client, uint32_t token, uint64_t ticket);
/* From intermon.c: another monitor asks, or answers. */
void parcel_fetch(coreid_t core, uint64_t ticket);
void parcel_fetched(coreid_t core, uint64_t ticket, errval_t err,
                    const struct capability *description);
void parcel_client_exited(const struct client *client);
/* Asks the other monitors whether memory that has left is still in use there; and their answers. */
void parcel_release_unused(void);
void parcel_release_asked(coreid_t core, uint64_t ticket);
void parcel_released(coreid_t core, uint64_t ticket, bool unused);

/* ---- multihop.c: binding through the monitors; circuit.c: what comes of it ---- */

void multihop_init(void);
void multihop_set_handlers(struct link *link);
void multihop_set_peer_handlers(struct intermon_binding *b);
/* Ends the requests in which this client takes part, and its circuits. */
void multihop_client_exited(const struct client *client);

/* ---- window.c: frames of the UMP window ---- */

void window_init(void);
/* Of this core's share. */
uint32_t window_pages(void);
/* A frame of `bytes` (rounded up to pages) of this core's share.  MON_ERR_WINDOW_EXHAUSTED. */
errval_t window_alloc(size_t bytes, struct capref *frame, genpaddr_t *base, uint32_t *ret_bytes);
/* Nobody has a capability to the frame any more, on any core. */
void window_free(genpaddr_t base, uint32_t bytes);
/* The part of its node's window that belongs to a core. */
void window_share(coreid_t core, genpaddr_t *base, gensize_t *bytes);

/* Capabilities made from what another monitor told. */
errval_t remote_frame(genpaddr_t base, gensize_t bytes, struct capref *ret);
errval_t remote_notify(coreid_t core, uint32_t notify_id, struct capref *ret);
errval_t remote_cap(const struct capability *cap, coreid_t owner, struct capref *ret);
/* A copy in a slot of its own.  A message that waits carries one, of what may be gone before it
 * leaves: a domain can guess numbers, and end what it was not told of yet. */
errval_t copy_cap(struct capref cap, struct capref *ret);
/* cap_destroy() for capabilities that may be NULL_CAP. */
void drop_cap(struct capref cap);

/* ---- intermon.c: the other monitors ---- */

enum peer_state {
    PEER_NONE,
    PEER_BOOTING,   /* core started by us, no word from it yet */
    PEER_BIND_WAIT, /* frame sent, its first message expected */
    PEER_CONNECTED,
};

/* Channel to a new core that this monitor starts; the frame goes into its boot information. */
errval_t peer_start_booting(coreid_t core, genpaddr_t *base, uint32_t *bytes);
/* The core could not be started after all: as if it had never been tried. */
void peer_forget(coreid_t core);
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
/* A message of another part of the monitor; the peer is connected. */
void peer_send(coreid_t core, struct send_item *item);
coreid_t peer_of(const struct intermon_binding *b);
void peer_send_fetch_cap_request(coreid_t core, uint64_t ticket);
void peer_send_release_cap_request(coreid_t core, uint64_t ticket);
void peer_send_release_cap_reply(coreid_t core, uint64_t ticket, bool unused);
void peer_send_fetch_cap_reply(coreid_t core, uint64_t ticket, errval_t err,
                               const struct capability *cap);

/* ---- fabric.c: names of channels, for the machine ---- */

struct fabric_channel {
    const char *interface, *server, *client; /* names of the interface and of the domains */
    coreid_t server_core, client_core;
    uint32_t server_notify_id, client_notify_id; /* ABI_NOTIFY_UNKNOWN: not known yet */
    genpaddr_t base;
    uint32_t inlen, outlen; /* the client's: the server writes the first ring */
};

void fabric_init(void);
/* To be called before either end maps the rings; 0: there was no room for a name. */
genpaddr_t fabric_name(const struct fabric_channel *channel);
void fabric_server_notify(genpaddr_t record, uint32_t notify_id);
void fabric_forget(genpaddr_t record);

/* ---- boot_core.c: starting cores ---- */

/* Starts the cores of the mask one after the other and answers the client when all monitors are
 * connected with each other. */
void boot_cores(uint64_t mask, struct client *client, uint32_t token);
void boot_core_initialized(coreid_t core, unsigned links);
void boot_core_linked(coreid_t core, coreid_t peer, errval_t err);

/* ---- ram.c: RAM of this core's memory server ---- */

typedef void ram_fn(void *st, errval_t err, struct capref ram);
/* Asks for 2^bits bytes within the limits; answers in order. */
void ram_request(uint8_t bits, genpaddr_t minbase, genpaddr_t maxlimit, ram_fn *done, void *st);
/* Gives such a block back, when nothing that was made of it is in use any more. */
void ram_give_back(struct capref ram, genpaddr_t base, uint8_t bits);
/* The memory server runs: connects to it. */
void ram_connect(iref_t iref);

/* ---- spawn.c: domains the monitor starts itself ---- */

/* Queues the start of a menu line's domain; they start one after the other. */
void spawn_boot_domain(struct spawn_module *module);

#endif
