/* SPDX-License-Identifier: MIT
 *
 * Inside the monitor: what all of it stands on.  The storeys above, and the protocols and their
 * states, are in docs/monitor.md.  Everything runs in one thread that serves one waitset; no
 * handler blocks.
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
extern uint32_t my_incarnation; /* this core's life: 0, one more each time that it comes back */
extern struct iref_table irefs;
extern struct spawn_modules modules;
extern uint32_t my_notify_id; /* wakes this monitor's dispatcher */

/* Identifiers of domains name the life of the core that made them, and the core; number 0 is its
 * monitor's, in whatever life. */
static inline domainid_t domain_id(uint32_t incarnation, unsigned core, uint16_t number)
{
    return incarnation % 256 << 24 | (domainid_t)(core + 1) << 16 | number;
}

static inline unsigned domain_core(domainid_t domain)
{
    return (domain >> 16 & 0xff) - 1;
}

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

/* ---- domains of this core (parts/client.c) ---- */

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
    domainid_t
        fills_for; /* the domain whose page tables it fills on this core, as an agent; or 0 */
    bool waits_for_name;
    uint32_t name_token; /* of its get_name_iref */
};

/* Words of a service's dispatcher frame that an endpoint takes. */
uint32_t endpoint_words(size_t buf_words);

/* ---- window.c: frames of the UMP window ---- */

/* was_used: by an earlier life of this core, so no page is clean. */
void window_init(bool was_used);
/* Of this core's share. */
uint32_t window_pages(void);
/* A frame of `bytes` (rounded up to pages) of this core's share.  MON_ERR_WINDOW_EXHAUSTED. */
errval_t window_alloc(size_t bytes, struct capref *frame, genpaddr_t *base, uint32_t *ret_bytes);
/* Nobody has a capability to the frame any more, on any core. */
void window_free(genpaddr_t base, uint32_t bytes);
/* The part of its node's window that belongs to a core. */
void window_share(coreid_t core, genpaddr_t *base, gensize_t *bytes);

/* A number that nobody can guess, never 0, and the core that has made it. */
uint64_t ticket_new(void);
coreid_t ticket_core(uint64_t ticket);

/* What a monitor says of a revoke; the numbers are those of the message. */
enum revoke_outcome { REVOKE_GONE = 0, REVOKE_CLEARED = 1, REVOKE_LOST = 2 };

/* How a type crosses to other cores (caps.def, CAP_TRAVEL); from TRAVEL_COPY on its owner knows of
 * it. */
enum cap_travel { TRAVEL_STAYS, TRAVEL_NAME, TRAVEL_COPY, TRAVEL_OBJECT, TRAVEL_MOVE };
enum cap_travel cap_travel(const struct capability *cap);

/* Does it name a range of memory, of whatever type? */
bool names_memory(const struct capability *cap);
/* Capabilities made from what another monitor told. */
errval_t remote_frame(genpaddr_t base, gensize_t bytes, struct capref *ret);
errval_t remote_notify(coreid_t core, uint32_t notify_id, struct capref *ret);
errval_t remote_cap(const struct capability *cap, coreid_t owner, struct capref *ret);
/* A copy in a slot of its own.  A message that waits carries one, of what may be gone before it
 * leaves: a domain can guess numbers, and end what it was not told of yet. */
errval_t copy_cap(struct capref cap, struct capref *ret);
/* cap_destroy() for capabilities that may be NULL_CAP. */
void drop_cap(struct capref cap);
/* Deletes a window frame's capability and everything on this core that was made of it. */
void revoke_frame(struct capref frame);

/* ---- fabric.c: names of channels, for the machine ---- */

struct fabric_channel {
    const char *interface, *server, *client; /* names of the interface and of the domains */
    coreid_t server_core, client_core;
    uint32_t server_notify_id, client_notify_id; /* ABI_NOTIFY_UNKNOWN: not known yet */
    genpaddr_t base;
    uint32_t inlen, outlen;        /* the client's: the server writes the first ring */
    struct abi_line_layout layout; /* of another protocol than UMP; line_bytes 0: UMP */
};

void fabric_init(void);
/* To be called before either end maps the rings; 0: there was no room for a name. */
genpaddr_t fabric_name(const struct fabric_channel *channel);
void fabric_server_notify(genpaddr_t record, uint32_t notify_id);
void fabric_forget(genpaddr_t record);

#endif
