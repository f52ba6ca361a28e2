/* SPDX-License-Identifier: MIT
 *
 * The parts of the monitor that decide: domains, binds, connections, parcels, cores.  What they say
 * they hand to the mouths; of doors they know nothing.  What concerns several of them at once, the
 * end of a domain, its part tells to whom main.c names.
 */
#ifndef MONITOR_PARTS_H
#define MONITOR_PARTS_H

#include "../base/monitor.h"

struct ump_offer;

/* ---- client.c: domains of this core ---- */

/* Handed in by main.c: what sets the handlers of a binding, and who is told of the end of a domain,
 * in this order; the last one is NULL. */
struct client_hooks {
    void (*link_opens)(struct link *link);
    void (*questions_open)(struct client *client);
    void (*const *exits)(const struct client *client);
};

void clients_init(const struct client_hooks *hooks);

/* A new domain, expected to say hello on the endpoint *ep (the caller copies it into the domain).
 * MON_ERR_TOO_MANY_DOMAINS, or the endpoint's errors. */
errval_t client_new(const char *name, struct client *parent, struct client **ret,
                    struct capref *ep);

/* A domain that could not be started after all; says this monitor, or its parent. */
void client_forget(struct client *client);
void client_not_started(const struct client *parent, domainid_t domain);

/* A further monitor binding, or the blocking one: the endpoint for its hello. */
/* The Domain capability, new, of a child of `parent` that lives.  MON_ERR_NOT_PERMITTED: it is
 * none. */
errval_t client_domain_cap(const struct client *parent, domainid_t domain, struct capref *ret);
errval_t client_new_link(struct client *client, struct capref *ep);
errval_t client_new_rpc(struct client *client, struct capref *ep);

/* The connected client of that domain; NULL: there is none. */
struct client *client_of_domain(domainid_t domain);

/* Notification id of the client's dispatcher. */
errval_t client_notify_id(struct client *client, uint32_t *ret);

/* What concerns the whole core or the machine is for the domains that the monitor started
 * itself. */
bool client_is_trusted(const struct client *client);

/* Calls the function for each client in state CLIENT_CONNECTED. */
void client_for_each(void (*function)(struct client *));

/* The client's domain has ended: parent told, irefs gone, pending binds answered. */
void client_exited(struct client *client, uint8_t status);

/* Ends all domains of this core, those last that the monitor started itself, but for the memory
 * server, which the monitor needs to its end. */
void clients_end(uint8_t status);

/* The CPU driver stopped the dispatcher of this domain; no effect if it is no client (any more). */
void client_stopped(domainid_t domain);

/* ---- stopped.c: domains that could not say goodbye ---- */

errval_t stopped_init(void);

/* ---- bind.c: binding inside the core and between cores ---- */

/* A domain offers a service.  layout: of the lines of its rings, line_bytes 0: those of UMP. */
void bind_export(struct link *link, uintptr_t service_id, const char *interface,
                 const struct abi_line_layout *layout);

/* A domain asks to be connected; a service answers.  The capability is taken over. */
void bind_lmp_asked(struct link *link, iref_t iref, uintptr_t conn_id, size_t buflen,
                    struct capref ep);
void bind_lmp_answered(struct link *link, errval_t err, uintptr_t mon_id, struct capref ep);
void bind_ump_asked(struct link *link, iref_t iref, uintptr_t conn_id, size_t inlen, size_t outlen,
                    bool checked);
void bind_ump_answered(struct link *link, uintptr_t mon_id, errval_t err);

/* Connects the monitor itself to a service of this core over LMP: `chan` has a local endpoint. */
typedef void bind_self_fn(void *st, errval_t err, struct capref remote_ep);
errval_t bind_self_lmp(iref_t iref, struct lmp_chan *chan, bind_self_fn *done,
                       void (*lost)(void *st), void *st);

/* From another monitor. */
void bind_ump_from_remote(coreid_t core, const struct ump_offer *offer);
void bind_ump_answer(coreid_t core, uint64_t mon_id, errval_t err, uint64_t peer_id,
                     uint32_t notify_id, const char *service);
/* Who asked with this offer is no more. */
void bind_ump_cancelled(coreid_t core, uint64_t mon_id);

/* Ends the requests in which this client takes part. */
void bind_client_exited(const struct client *client);

/* Requests from and to a core that has died; may a service be at work on a page of it? */
void bind_core_died(coreid_t core);
void bind_core_cut(coreid_t core);
bool bind_holds_of(coreid_t core);

/* ---- iref_state.c: whether a service still exists ---- */

/* A domain asks; the answer comes at once or when the service's monitor has answered. */
void iref_state_asked(struct link *link, iref_t iref, uintptr_t st);
void iref_state_answered(coreid_t core, uint64_t id, bool exists);
void iref_state_client_exited(const struct client *client);
void iref_state_core_died(coreid_t core);
void iref_state_core_cut(coreid_t core);

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

/* The other end of a connection between cores, and its memory. */
struct connection_across {
    coreid_t core;
    uint64_t id;   /* there */
    bool own_page; /* the memory comes from this monitor's part of the window */
    genpaddr_t base;
    uint32_t bytes;
    struct capref frame; /* the connection's from now on */
    genpaddr_t record;   /* the channel's name, the connection's as well; 0: none */
};

/* Inside the core; with this monitor as the client; with another core, where `end` may be NULL: the
 * domain has gone already. */
void connection_made(struct connection *c, uintptr_t id, struct link *client, struct link *service);
void connection_made_to_self(struct connection *c, uintptr_t id, struct link *service,
                             void (*lost)(void *st), void *st);
void connection_made_between(struct connection *c, uintptr_t id, struct link *end,
                             const struct connection_across *across);

/* The client has closed its end; the other monitor says so of the end there; the client has ended
 * and runs no more. */
void connection_closed_by(const struct client *client, uintptr_t id);
void connection_closed_by_remote(coreid_t core, uint64_t id);
void connection_client_exited(const struct client *client);

/* Those with another core that has died; are pages of it still in use? */
void connection_core_died(coreid_t core);
void connection_core_cut(coreid_t core);
void connection_peer_died(uintptr_t id);
bool connection_holds_of(coreid_t core);

/* ---- names.c: the services that everybody finds ---- */

extern iref_t mem_iref, first_mem_iref, name_iref;

/* The memory server says where it is; or MON_ERR_NOT_PERMITTED. */
errval_t names_set_mem(const struct client *client, iref_t iref);
/* A domain asks for the name service: it is answered, now or when there is one. */
void names_asked(struct client *client, uint32_t token);
/* The name service is known (from a client here, or from another monitor). */
void names_known(iref_t iref);
/* The name service itself says where it is: may it?  If so, all monitors are told. */
errval_t names_may_set(const struct client *client, iref_t iref);
void names_set(iref_t iref);
/* Tells all connected monitors, if it is known; who knows already hears nothing new. */
void names_tell_others(void);

/* ---- parcel.c: capabilities on their way to other cores ---- */

/* Takes the capability over. */
errval_t parcel_deposit(const struct client *client, struct capref cap, uint64_t *ticket);
/* Answers the client, now or when the other monitor has. */
void parcel_collect(struct client *client, uint32_t token, uint64_t ticket);
/* Another monitor asks, or answers. */
void parcel_fetch(coreid_t core, uint64_t ticket);
void parcel_fetched(uint64_t ticket, errval_t err, const struct capability *description,
                    coreid_t owner, bool moved);
/* A core that has memory of ours lets another one have it, too. */
void parcel_copy_requested(coreid_t from, coreid_t to, uint64_t ticket,
                           const struct capability *description);
void parcel_client_exited(const struct client *client);
void parcel_core_died(coreid_t core);
void parcel_core_cut(coreid_t core);
/* Asks the other monitors whether memory that has left is still in use there. */
void parcel_release_unused(void);

/* ---- kept.c: memory that cores share ---- */

void kept_release_unused(void);
/* Another monitor answers, that it is unused or not, or that it is deleted; and it asks. */
void kept_released(coreid_t core, uint64_t ticket, bool unused);
void kept_revoked(coreid_t core, uint64_t ticket, enum revoke_outcome outcome);
void kept_release_asked(coreid_t core, uint64_t ticket);
/* Has somebody here memory that this core owns, which has died? */
bool kept_holds_of(coreid_t core);
void kept_core_given_up(coreid_t core);

/* ---- capops.c: operations on it ---- */

/* For the capability at this place of the CSpace with that root, a copy of which is taken over.
 * The client is answered when no other core has anything that stands in the way. */
void capop_revoke(struct client *client, uint32_t token, struct capref root, capaddr_t cptr,
                  uint8_t level);
void capop_retype(struct client *client, uint32_t token, struct capref root, capaddr_t cptr,
                  uint8_t level, gensize_t offset, gensize_t bytes);
/* The owner of memory that this core has decides that it goes. */
void capop_revoke_marked(coreid_t core, uint64_t ticket, const struct capability *range);
/* Another core wants to make something of RAM that this one owns; the owner has answered. */
void capop_claim_requested(coreid_t from, uint64_t ticket, const struct capability *source,
                           genpaddr_t base, gensize_t bytes);
void capop_claim_answered(coreid_t owner, uint64_t ticket, errval_t err,
                          const struct capability *piece);
void capop_client_exited(const struct client *client);
/* The owner that was asked for a claim never answers. */
void capop_core_gone(coreid_t core, errval_t err);

/* ---- shootdown.c: unmapping, or other flags, on all cores of a domain ---- */

struct shootdown_change {
    uint64_t base, bytes; /* bytes 0: what begins at base is to be unmapped */
    uint32_t flags;       /* vregion_flags_t */
};

struct shootdown_order {
    coreid_t root;
    uint64_t id; /* the root's number */
    domainid_t home;
    struct shootdown_change change;
};

/* A domain asks; it is answered when each of these agents, on its own core, has done it. */
void shootdown_init(void);
void shootdown_asked(struct client *client, uint32_t token, const struct shootdown_change *change,
                     uint8_t protocol, const domainid_t *agents, size_t count);
/* Another monitor says so to the agent here, and to those below; or answers. */
void shootdown_told(coreid_t from, const struct shootdown_order *order, domainid_t agent,
                    const domainid_t *below, size_t count);
void shootdown_answered(coreid_t from, coreid_t root, uint64_t id, errval_t err);
/* The agent answers. */
void shootdown_changed(const struct client *agent, uintptr_t number, errval_t err);
void shootdown_client_exited(const struct client *client);
void shootdown_core_died(coreid_t core);
void shootdown_core_cut(coreid_t core);

/* ---- multihop.c: binding through the monitors; circuit.h has what comes of it ---- */

void multihop_init(void);
/* A domain asks; a service answers. */
void multihop_asked(struct link *link, iref_t iref, uintptr_t conn_id, struct capref ep);
void multihop_answered(const struct link *link, uintptr_t mon_id, errval_t err, struct capref ep);
/* From a neighbour: its request, its answer, and that nobody waits for ours. */
void multihop_requested(coreid_t from, iref_t iref, uint32_t own_vci, uint8_t hops,
                        domainid_t asker);
void multihop_replied(coreid_t from, uint32_t vci, uint32_t own_vci, uint8_t hops, errval_t err);
void multihop_cancelled(coreid_t from, uint32_t vci);
/* Ends the requests in which this client takes part, and its circuits. */
void multihop_client_exited(const struct client *client);
/* The same for circuits over a core, which has died or cannot be reached. */
void multihop_core_died(coreid_t core);
/* circuits_ended.c: calls it once, in an event of its own, when all that the domains of this core
 * have sent over circuits has left. */
void circuits_when_ended(void (*then)(void));

/* ---- death.c: cores that die, and come back (docs/agreement.md) ---- */

typedef void core_hook(coreid_t core);
typedef bool core_question(coreid_t core);

/* Handed in by main.c: who is told, in this order; the last one of each list is NULL.
 *   died   the core is fenced and changes no byte any more.  Nothing more comes from its monitor,
 *          and what is said to it is dropped; what it was asked is never answered.
 *   holds  has this part still something of what the dead core had, its memory or pages of its part
 *          of the window?  Asked until all say no: only then the core's memory is used again, and
 *          the core may come back.
 *   cut    the core cannot be reached any more, and may be alive: who waits is told, but nothing is
 *          let go.  It may still be declared dead, or declare us dead.
 *   back   the core has joined again, in another life: nothing of the last one is left.
 *   given_up  no core has anything of this dead one any more.
 * And by the starter alone, one each:
 *   free   nobody has anything of this dead core any more.
 *   tick   a heartbeat has passed, and these cores are dead. */
struct death_hooks {
    core_hook *const *died;
    core_question *const *holds;
    core_hook *const *cut;
    void (*const *back)(coreid_t core, uint32_t incarnation);
    core_hook *const *given_up;
    void (*free)(coreid_t core);
    void (*tick)(uint64_t dead);
};

void death_init(const struct death_hooks *hooks);

/* The core's life as far as known here: 0, and one more each time that it comes back. */
uint32_t core_incarnation(coreid_t core);
bool core_is_dead(coreid_t core);

/* From the other monitors. */
void death_heard(coreid_t from, uint32_t epoch, uint64_t members, uint64_t suspects, uint64_t view,
                 bool is_busy);
void death_unreachable(coreid_t core);
void death_given_up(coreid_t by, coreid_t core, uint32_t incarnation);

/* Who there is.  This core is new, and these were there; a core joins; there is a channel to it. */
void death_welcomed(uint32_t epoch, uint64_t members);
void death_joins(coreid_t core, uint32_t epoch, uint32_t incarnation);
void death_linked(coreid_t core);
/* For the starter, who says so to the others. */
uint32_t death_next_epoch(void);
uint64_t death_members(void);
/* For the starter: it has stopped this core, which is fenced.  All others are told. */
void death_stopped(coreid_t core);
/* This monitor may be silent for long, from now on, or no more. */
void death_busy(bool now);

/* ---- signals.c: ways of notifications, where cores cannot all signal each other ---- */

/* Once; the cores that were dead when this one was started. */
void signals_init(uint64_t dead);
/* These are dead and pass nothing on; the core passes on again, in another life. */
void signals_gone(uint64_t cores);
void signals_back(coreid_t core);
/* A heartbeat has passed.  If one of the members cannot notify this core any more, its dispatchers
 * look for messages now. */
void signals_tick(uint64_t members);
/* All cores that are dead now. */
uint64_t signals_lost(void);
/* The next core on the way to another one; WAYS_NONE: there is no way. */
coreid_t signals_next(coreid_t core);

/* ---- boot_core.c: starting cores ---- */

/* Starts the cores of the mask one after the other and answers the client when all monitors are
 * connected with each other. */
void boot_cores(uint64_t mask, struct client *client, uint32_t token);
/* The client has ended: nobody to answer. */
void boot_cores_forget(const struct client *client);
/* The life in which a core was started last. */
uint32_t boot_core_incarnation(coreid_t core);
/* A dead core: nobody has anything of it any more.  Which of these can be started again? */
void boot_core_is_free(coreid_t core);
void boot_core_look_for_returns(uint64_t dead);
/* Of a dead core nothing more is expected. */
void boot_core_died(coreid_t core);
void boot_core_initialized(coreid_t core, unsigned links);
void boot_core_linked(coreid_t core, coreid_t peer, errval_t err);

/* No core is started from now on, or again.  False: cores are being started, or it was so already.
 */
bool boot_cores_hold(bool hold);
/* The core was stopped on purpose: it comes back only when it is asked for. */
void boot_core_retired(coreid_t core);

/* ---- stop_core.c: stopping them ---- */

/* For the starter: stops the cores of the mask one after the other and answers the client when all
 * are off. */
void stop_cores(uint64_t mask, struct client *client, uint32_t token);
void stop_cores_forget(const struct client *client);
/* Another monitor (or this one) has got all that the leaving core had to say. */
void stop_core_heard(coreid_t by, coreid_t core);
/* A core has died; nobody has anything of a dead one any more. */
void stop_core_died(coreid_t core);
void stop_core_is_free(coreid_t core);
/* For the others.  The starter wants this core to stop; another core has said all. */
void stop_own_core(coreid_t by);
void stop_core_leaves(coreid_t core);

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
