/* SPDX-License-Identifier: MIT
 *
 * Several monitors in one process, and all they touch, simulated: capabilities, endpoints,
 * bindings, the UMP window, domains that live and die.  One random number after another decides
 * what happens next, so a seed is a run.
 *
 *   kernel.c     what the monitor asks of the CPU driver and the library: slots, capabilities,
 *                memory
 *   transport.c  bindings: messages that wait, continuations, refusals, breaking
 *   messages.c   the functions that send and deliver each message of the four interfaces
 *   cores.c      boot information, modules, starting a core
 *   domains.c    domains: what they do, and what they believe they are owed
 *   connections.c, circuits.c  their connections and multi-hop channels
 *   memory.c     memory servers, parcels
 *   agents.c     domains on several cores, and who fills their page tables
 *   hostile.c    domains that mean harm
 *   stopping.c   cores that are stopped, and timers
 *   world.c      what happens next
 *
 * What goes wrong ends the process with a line on standard error (world_fail).
 */
#ifndef TEST_MONITOR_WORLD_H
#define TEST_MONITOR_WORLD_H

#include <barrelfish/barrelfish.h>
#include <barrelfish/multihop_chan.h>
#include <if/intermon_defs.h>
#include <if/mem_defs.h>
#include <if/monitor_blocking_defs.h>
#include <if/monitor_defs.h>

#include <abi/boot.h>
#include <setjmp.h>

#include "instance.h"

#define WORLD_CORES 4
#define WORLD_WINDOW_PAGES 24 /* of each core, or a third of that: used up now and then */
#define SLOTS 16384           /* of a monitor's CSpace that are given out */
#define FIRST_SLOT 8192

struct domain;
struct wire;

/* ---- kernel.c ---- */

struct cap {
    struct cap *next, **link; /* all of all cores */
    unsigned core;
    struct domain *holder; /* NULL: the monitor, at cptr */
    unsigned cptr;
    unsigned owner; /* core */
    struct capability is;
    struct endpoint *endpoint;
    bool locked;                  /* kept for another core */
    bool witness;                 /* of what came with its ownership */
    struct capability claimed_of; /* witness: it is a piece of this; bytes 0: it is none */
};

/* Of memory, the word of the contents that says in which step somebody made it of a larger one, or
 * 0. It travels with the capability. */
#define CAP_WORLD_BORN 2

struct message {
    struct message *next;
    bool raw;
    unsigned count; /* raw: words */
    uint64_t word[LMP_MSG_WORDS];
    unsigned number; /* of the interface's message */
    union {
        union monitor_tx_arg_union monitor;
        union monitor_blocking_tx_arg_union monitor_blocking;
        union mem_tx_arg_union mem;
        union intermon_tx_arg_union intermon;
    } args;
    uint32_t token;
    char text[80];
    uint8_t *payload;
    struct capref from[2]; /* where the sender has the capabilities */
    struct cap *cap[2];    /* on the way: the receiver's already */
};

struct queue {
    struct message *first, **end;
    unsigned count;
};

enum role { ROLE_INIT, ROLE_MONITOR, ROLE_BLOCKING, ROLE_MEM, ROLE_CHANNEL, ROLE_CIRCUIT };

struct endpoint {
    struct endpoint *next, **link;
    unsigned core;
    struct domain *owner; /* NULL: the monitor */
    bool dead;
    struct queue queue;
    unsigned room; /* messages */
    /* the monitor's */
    struct lmp_endpoint *lib;
    struct event_closure listener;
    struct wire *wire;
    /* a domain's */
    enum role role;
    unsigned index;
};

struct core {
    unsigned id;
    const struct monitor_copy *copy;
    bool started, comes_up, stalled;
    bool off; /* it was stopped */
    struct abi_boot *boot;
    struct cap *slot[SLOTS + FIRST_SLOT];
    bool used[SLOTS + FIRST_SLOT];
    unsigned next_slot, slots_used;
    uint32_t stopped[256];
    unsigned stopped_count;
    struct endpoint *stopped_endpoint;
    uint64_t ram_base, ram_bytes; /* of its memory server */
    unsigned maps, blocks;        /* mapped frames, blocks of heap */
};

struct world {
    uint64_t seed, random;
    unsigned window_pages;
    unsigned cores, current;
    struct core core[WORLD_CORES];
    struct cap *caps;
    struct endpoint *endpoints;
    struct wire *wires;
    bool chaos;    /* refusals and delays of the transport; off: everything that can goes through */
    bool acts;     /* domains do new things; off: they only answer */
    bool hostile;  /* some domains do what they must not */
    bool share;    /* much memory is shared among cores, and revoked */
    bool circuits; /* much goes over multi-hop channels, and is read slowly */
    bool hold_boot;        /* nobody asks for cores yet */
    bool waits_for_ever;   /* a core was started that never reports */
    unsigned refuse_start; /* attempts to start a core that the power device refuses */
    bool refuse_ram;       /* the memory server of core 0 has none */
    bool stops;            /* cores are stopped in this run */
    uint64_t stop_mask;    /* which, as soon as the boot manager asks; 0: none any more */
    jmp_buf idle;
    struct {
        unsigned core;
        struct waitset_chanstate *chan;
    } event[64]; /* events that are queued by themselves */
    unsigned event_count;
    unsigned long steps;
    bool verbose;
};
extern struct world world;

void world_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
#define CHECK(condition, ...)        \
    do {                             \
        if (!(condition))            \
            world_fail(__VA_ARGS__); \
    } while (0)
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t random_below(uint64_t limit);
bool chance(unsigned of_100);

struct core *here(void);
struct cap *cap_new(unsigned core, struct domain *holder, const struct capability *is,
                    struct endpoint *endpoint);
struct cap *cap_copy_to(const struct cap *cap, struct domain *holder);
void cap_gone(struct cap *cap);
struct cap *cap_at(const struct core *core, struct capref ref);
/* Into a new slot of this core's monitor. */
struct capref cap_to_monitor(struct cap *cap);
struct capref slot_ref(unsigned cptr);
void cap_revoke_all(const struct cap *cap);
/* Does the CPU driver of this core keep it, or a part of it, for others? */
bool cap_is_remote(const struct cap *cap);
/* Another core has a copy of it, or will have one that is under way. */
bool cap_is_elsewhere(const struct cap *cap, uint64_t before);
/* What retype makes of a Frame. */
struct cap *cap_make_part(const struct cap *whole, uint64_t offset, uint64_t bytes);
/* What retype makes of RAM that this core owns: a frame, or smaller RAM.  NULL: it is in use. */
struct cap *cap_make_of_ram(const struct cap *ram, unsigned type, uint64_t offset, uint64_t bytes);
/* What this core has claimed of RAM of another one, a page of it; NULL: it has not. */
struct cap *cap_claim_of(const struct cap *lent, uint64_t offset, uint64_t bytes);
/* Somebody has some of this memory, on whatever core, or it is on its way. */
bool memory_is_in_use(const struct capability *range);
void caps_check(void);
void caps_of_domain_gone(struct domain *d);
void caps_of_core_gone(unsigned core);
struct endpoint *endpoint_new(unsigned core, struct domain *owner, unsigned room);
/* Nobody has a capability to it any more, and what lies in it is lost. */
void endpoint_gone(struct endpoint *e);
struct endpoint *endpoint_of(const struct lmp_chan *chan);
void *world_malloc(size_t bytes);
void *world_calloc(size_t count, size_t bytes);
void world_free(void *memory);
uint8_t *window_memory(genpaddr_t base);
void *mapped_memory(genpaddr_t paddr);
unsigned window_caps(genpaddr_t base);

void queue_add(struct queue *q, struct message *m);
struct message *queue_take(struct queue *q);
void message_free(struct message *m);
struct message *message_new(unsigned number);

/* ---- transport.c ---- */

/* Is a copy of it on its way from one monitor to another? */
bool wire_carries(const struct capability *is, uint64_t before);

#define WORLD_CPTR 1 /* in the CSpace of a domain that asks for a revoke (kernel.c) */

enum wire_kind { WIRE_MONITOR, WIRE_BLOCKING, WIRE_MEM, WIRE_INTERMON };

struct ring {
    struct ring *next;
    const volatile void *at;
    struct queue queue;
};

struct wire {
    struct wire *next;
    enum wire_kind kind;
    unsigned core;
    void *binding;
    struct lmp_chan *chan;
    struct ring *in, *out;
    bool started, torn, on_heap;
    errval_t closed;
    struct message *tx; /* being sent */
    struct event_closure cont;
    bool cont_due;
    struct event_closure registered;
    bool lost; /* breaks when what the peer had sent is read */
};

struct wire *wire_new(enum wire_kind kind, void *binding, struct lmp_chan *chan);
struct wire *wire_of(const void *binding);
errval_t wire_send(const void *binding, struct message *m, struct event_closure cont);
errval_t wire_register_send(const void *binding, struct event_closure closure);
errval_t wire_teardown(const void *binding);
/* What can happen to a wire, as a number of choices, and the choice done. */
unsigned wire_choices(struct wire *w);
void wire_do(struct wire *w, unsigned choice);
/* What the monitor sends to the domain, and has not come yet. */
const struct message *message_on_its_way(const struct domain *d);

/* ---- messages.c ---- */

void binding_setup(struct wire *w);
void binding_deliver(struct wire *w, struct message *m);
void binding_break(struct wire *w, errval_t err);

/* ---- cores.c ---- */

void cores_power_on(void);
void core_run(struct core *core);
errval_t core_power(struct core *by, unsigned core, genpaddr_t boot);
void init_received(struct message *m);

/* ---- stopping.c ---- */

/* The earliest timer goes off; idle: nothing else can happen.  False: none, or not now. */
bool timer_fires(bool idle);
errval_t core_retire(struct core *by, unsigned core);

/* ---- world.c ---- */

/* What one core's monitor holds. */
struct holdings {
    struct monitor_census census;
    unsigned slots, maps, caps, blocks;
};

void holdings_look(struct holdings *h, unsigned core);
void holdings_compare(const struct holdings *before, unsigned core);
struct domain *world_manager(void);
/* From power-on until all cores run and wait. */
void world_start(uint64_t seed, unsigned cores);
/* Those that answer nothing end, and nobody waits for them any more. */
void world_end_mutes(void);
void world_end_programs(void);

/* ---- domains.c ---- */

struct domain *domain_new(unsigned core, const char *name, uint32_t id, struct domain *parent);
/* Does the domain look at this endpoint (yet)? */
bool domain_listens(const struct endpoint *e);
void domain_received(struct endpoint *e, struct message *m);
void domain_give_initep(struct domain *d, struct cap *ep);
/* Called before a capability of the domain is deleted. */
void domain_forget_cap(struct domain *d, const struct cap *cap);
bool domain_is_running(const struct domain *d);
const char *domain_name(const struct domain *d);
uint32_t domain_id(const struct domain *d);
bool domain_is_hostile(const struct domain *d);
void domain_stopped_by_monitor(struct domain *d);
/* Its core is off. */
void domain_is_off(struct domain *d);
unsigned domain_choices(struct domain *d);
void domain_do(struct domain *d, unsigned choice);
extern struct domain *domains;

#endif
