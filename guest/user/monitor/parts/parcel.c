/* SPDX-License-Identifier: MIT
 *
 * Parcels: capabilities on their way to another core (facts §5.6, as far as operations of one
 * core's kernel allow; drawn in docs/monitor.md).
 *
 * The sender deposits the capability here and puts the ticket into its message.  The receiver
 * gives the ticket to its own monitor, which fetches a description from the depositor's monitor
 * and makes the capability anew.  A ticket names the core and cannot be guessed; it is good for
 * one collection.  caps.def says which types travel.  When its sender ends, a parcel counts no
 * more, but stays as long as the message with the ticket may still be read: while a connection of
 * the sender is not closed at its other end. Over a circuit nobody says when it is read; then the
 * parcel has a while.  Of these there is a limited number, the oldest goes first.  What becomes of
 * memory that has left is in kept.c.
 */
#include "../mouths/peers.h"
#include "../mouths/reply.h"
#include "capops.h"
#include "kept.h"
#include "parts.h"

struct parcel {
    uint64_t ticket; /* 0: free */
    struct capref cap;
    domainid_t sender;
    struct account_slip slip; /* until the sender ends */
    uint64_t estate; /* of a sender that has ended: a number in the order of ends; else 0 */
    systime_t until; /* such a one stays at least so long */
};

#define LINGER_NS 1000000000ull

struct fetch {
    uint64_t ticket; /* 0: free */
    struct client *client;
    uint32_t token;
    struct account_slip slip;
};

static struct parcel parcels[MONITOR_MAX_PARCELS + MONITOR_MAX_ESTATE];
static unsigned estate_count; /* of senders that have ended */
static uint64_t last_estate;
static struct fetch fetches[MONITOR_MAX_FETCHES];

static bool may_travel(const struct capability *cap)
{
    return cap_travel(cap) != TRAVEL_STAYS;
}

static struct parcel *free_parcel(void)
{
    struct parcel *p = parcels, *end = parcels + sizeof(parcels) / sizeof(parcels[0]);
    while (p < end && p->ticket != 0)
        p++;
    assert(p < end); /* they are as many as can be charged, and the estate */
    return p;
}

static void parcel_free(struct parcel *p)
{
    p->ticket = 0;
    account_refund(&p->slip);
    if (p->estate != 0)
        estate_count--;
    p->estate = 0;
}

static void drop_parcel(struct parcel *p)
{
    drop_cap(p->cap);
    parcel_free(p);
}

static bool may_be_collected(const struct parcel *p)
{
    return account_holds(&accounts, p->sender, ACCOUNT_END) || get_system_time() < p->until;
}

/* What ended senders have left and nobody can ask for any more; the oldest, if they are too
 * many. */
static void clear_estate(void)
{
    struct parcel *oldest = NULL;
    for (struct parcel *p = parcels; p < parcels + sizeof(parcels) / sizeof(parcels[0]); p++) {
        if (p->ticket == 0 || p->estate == 0)
            continue;
        if (!may_be_collected(p))
            drop_parcel(p);
        else if (oldest == NULL || p->estate < oldest->estate)
            oldest = p;
    }
    if (estate_count > MONITOR_MAX_ESTATE)
        drop_parcel(oldest);
}

static void inherit(struct parcel *p, bool over_circuits)
{
    account_refund(&p->slip);
    p->until = over_circuits ? get_system_time() + LINGER_NS : 0;
    p->estate = ++last_estate;
    estate_count++;
    clear_estate();
}

/* What lies here for want of a receiver is the sender's: nobody else's parcel goes for it. */
errval_t parcel_deposit(const struct client *client, struct capref cap, uint64_t *ticket)
{
    struct account_slip slip;
    struct capability description;
    *ticket = 0;
    errval_t err = capref_is_null(cap) ? (errval_t)MON_ERR_WRONG_CAP_TYPE
                                       : cap_direct_identify(cap, &description);
    if (err_is_ok(err) && !may_travel(&description))
        err = MON_ERR_WRONG_CAP_TYPE;
    if (err_is_ok(err))
        err = account_charge(client->account, ACCOUNT_PARCEL, 1, &slip);
    if (err_is_fail(err)) {
        drop_cap(cap);
        return err;
    }
    if (estate_count > 0)
        clear_estate();
    struct parcel *p = free_parcel();
    *p = (struct parcel){
        .ticket = ticket_new(), .cap = cap, .sender = client->domain, .slip = slip
    };
    *ticket = p->ticket;
    return SYS_ERR_OK;
}

/* Takes a parcel out, for that core; the capability is the caller's then.  MON_ERR_INVALID_MON_ID
 * if there is none. */
static errval_t open_parcel(uint64_t ticket, struct capability *description, struct capref *cap,
                            domainid_t *sender)
{
    *cap = NULL_CAP;
    struct parcel *p = parcels, *end = parcels + sizeof(parcels) / sizeof(parcels[0]);
    while (p < end && p->ticket != ticket)
        p++;
    if (ticket == 0 || p == end)
        return MON_ERR_INVALID_MON_ID;
    *sender = p->sender;
    *cap = p->cap;
    parcel_free(p);
    return cap_direct_identify(*cap, description);
}

/* Who gets a copy may not take it away from others, the witness among them. */
static errval_t remote_copy(const struct capability *description, coreid_t owner,
                            struct capref *cap)
{
    struct capability copy = *description;
    copy.rights &= (uint8_t)~CAPRIGHTS_REVOKE;
    return remote_cap(&copy, owner, cap);
}

/* Who gets the only one may: there is nobody from whom it could be taken. */
static errval_t receive_only_one(uint64_t ticket, const struct capability *description,
                                 coreid_t from, domainid_t receiver, struct capref *cap)
{
    struct capability only = *description;
    only.rights |= CAPRIGHTS_REVOKE;
    errval_t err = kept_come_home(from, &only, capop_concerns(&only), cap);
    if (err_no(err) != MON_ERR_INVALID_MON_ID)
        return err;
    err = remote_cap(&only, my_core, cap);
    return err_is_ok(err) ? kept_witness(ticket, from, *cap, &only, receiver, true, NULL) : err;
}

/* A copy, of which its owner knows. */
static errval_t receive_copy(uint64_t ticket, const struct capability *description, coreid_t owner,
                             domainid_t receiver, struct capref *cap)
{
    const bool is_memory = kept_is_memory(description);
    if (is_memory && owner == my_core && capop_concerns(description))
        return MON_ERR_REMOTE_CAP_RETRY;
    errval_t err = remote_copy(description, owner, cap);
    if (err_is_ok(err) && is_memory && owner != my_core && ticket != 0)
        err = kept_witness(ticket, owner, *cap, description, receiver, false, NULL);
    return err;
}

/* Memory that this core owns has come back to where it is from: nobody else keeps it for us.
 * `ticket` 0: it has not left this core.  moved: `owner` was another core, and this one is now. */
static errval_t receive(const struct client *client, uint64_t ticket,
                        const struct capability *description, coreid_t owner, bool moved,
                        struct capref *cap)
{
    if (!may_travel(description))
        return MON_ERR_WRONG_CAP_TYPE;
    errval_t err = moved ? receive_only_one(ticket, description, owner, client->domain, cap)
                         : receive_copy(ticket, description, owner, client->domain, cap);
    if (err_is_fail(err)) { /* it could not be told when it is unused: not given */
        drop_cap(*cap);
        *cap = NULL_CAP;
    }
    return err;
}

static void deliver(struct client *client, uint32_t token, errval_t err, uint64_t ticket,
                    const struct capability *description, coreid_t owner, bool moved)
{
    struct capref cap = NULL_CAP;
    if (err_is_ok(err))
        err = receive(client, ticket, description, owner, moved, &cap);
    reply_collect(client, token, err, cap);
}

static errval_t owner_of(struct capref cap, coreid_t *owner)
{
    return invoke_kernel_get_cap_owner(cap_kernel, get_croot_addr(cap), get_cap_addr(cap),
                                       get_cap_level(cap), owner);
}

/* On one core: what the owner keeps for this core it keeps already, perhaps as a larger one, and
 * of this ticket it does not know.  So it must be witnessed, and not on its way out. */
static void collect_here(struct client *client, uint32_t token, uint64_t ticket)
{
    struct capability description = { 0 };
    struct capref cap;
    domainid_t sender;
    coreid_t owner = my_core;
    errval_t err = open_parcel(ticket, &description, &cap, &sender);
    if (err_is_ok(err))
        err = owner_of(cap, &owner);
    if (err_is_ok(err) && kept_is_memory(&description) && owner != my_core &&
        !kept_is_witnessed(owner, &description))
        err = MON_ERR_REMOTE_CAP_RETRY;
    deliver(client, token, err, 0, &description, owner, false);
    drop_cap(cap); /* the client has its own */
}

void parcel_collect(struct client *client, uint32_t token, uint64_t ticket)
{
    coreid_t from = ticket_core(ticket);
    if (ticket == 0) { /* means a free entry to both monitors, and no parcel ever has it */
        reply_collect(client, token, MON_ERR_INVALID_MON_ID, NULL_CAP);
        return;
    }
    if (from == my_core) {
        collect_here(client, token, ticket);
        return;
    }
    struct account_slip slip;
    errval_t err = MON_ERR_INVALID_CORE_ID;
    if (peer_is_connected(from))
        err = account_charge(client->account, ACCOUNT_FETCH, 1, &slip);
    if (err_is_fail(err)) {
        reply_collect(client, token, err, NULL_CAP);
        return;
    }
    struct fetch *fetch = fetches;
    while (fetch < fetches + MONITOR_MAX_FETCHES && fetch->ticket != 0)
        fetch++;
    assert(fetch < fetches + MONITOR_MAX_FETCHES); /* they are as many as can be charged */
    *fetch = (struct fetch){ ticket, client, token, slip };
    peer_send_fetch_cap_request(from, ticket);
}

/* A parcel of memory that a third core owns leaves through the owner, who answers in our place; the
 * owner itself gets its own back. */
static bool leaves_through_owner(const struct capability *description, coreid_t owner,
                                 coreid_t receiver)
{
    return kept_is_memory(description) && owner != my_core && owner != receiver;
}

void parcel_fetch(coreid_t core, uint64_t ticket)
{
    struct capability description = { 0 };
    struct capref cap;
    domainid_t sender;
    coreid_t owner = my_core;
    errval_t err = open_parcel(ticket, &description, &cap, &sender);
    if (err_is_ok(err))
        err = owner_of(cap, &owner);
    if (err_is_ok(err) && leaves_through_owner(&description, owner, core)) {
        if (peer_is_connected(owner)) {
            peer_send_request_copy(owner, core, ticket, &description);
            drop_cap(cap);
            return;
        }
        err = MON_ERR_INVALID_CORE_ID;
    }
    bool moved = true;
    const bool stays = err_is_ok(err) && kept_is_memory(&description) && owner == my_core;
    if (stays && capop_concerns(&description)) {
        err = MON_ERR_REMOTE_CAP_RETRY;
    } else if (stays && kept_give_back(core, cap, &description, &owner)) {
        peer_send_request_copy(owner, core, ticket, &description);
        drop_cap(cap);
        return;
    } else if (stays)
        err = kept_let_go(ticket, core, cap, &description, sender, &moved);
    if (!stays || err_is_fail(err))
        drop_cap(cap);
    peer_send_fetch_cap_reply(core, ticket, err, &description, owner, stays && moved);
}

void parcel_copy_requested(coreid_t from, coreid_t to, uint64_t ticket,
                           const struct capability *description)
{
    bool moved;
    const bool goes = capop_concerns(description);
    errval_t err = kept_give_on(ticket, from, to, description, goes, &moved);
    if (err_no(err) == MON_ERR_INVALID_MON_ID) { /* it is lent */
        moved = false;
        err =
            goes ? (errval_t)MON_ERR_REMOTE_CAP_RETRY : kept_pass_on(ticket, from, to, description);
    }
    if (peer_is_connected(to))
        peer_send_fetch_cap_reply(to, ticket, err, description, my_core, err_is_ok(err) && moved);
}

/* The answer comes from the depositor's monitor, or from that of the owner. */
void parcel_fetched(uint64_t ticket, errval_t err, const struct capability *description,
                    coreid_t owner, bool moved)
{
    for (unsigned i = 0; i < MONITOR_MAX_FETCHES; i++) {
        struct fetch *f = &fetches[i];
        if (f->ticket == 0 || f->ticket != ticket)
            continue;
        struct fetch done = *f;
        account_refund(&f->slip);
        *f = (struct fetch){ 0 };
        if (done.client != NULL)
            deliver(done.client, done.token, err, ticket, description, owner, moved);
        return;
    }
}

void parcel_client_exited(const struct client *client)
{
    for (unsigned i = 0; i < MONITOR_MAX_FETCHES; i++)
        if (fetches[i].client == client)
            fetches[i].client = NULL;
    for (struct parcel *p = parcels; p < parcels + sizeof(parcels) / sizeof(parcels[0]); p++)
        if (p->ticket != 0 && p->estate == 0 && p->sender == client->domain)
            inherit(p, client->used_circuits);
    clear_estate();
}

/* ---- cores that die ---- */

/* What was fetched from there never comes; what the owner was to send for somebody else may not
 * come either. */
static void end_fetches(coreid_t core, errval_t err)
{
    for (unsigned i = 0; i < MONITOR_MAX_FETCHES; i++)
        if (fetches[i].ticket != 0)
            parcel_fetched(
                fetches[i].ticket,
                ticket_core(fetches[i].ticket) == core ? err : (errval_t)MON_ERR_REMOTE_CAP_RETRY,
                &(struct capability){ .type = ObjType_Null }, my_core, false);
}

void parcel_core_cut(coreid_t core)
{
    end_fetches(core, MON_ERR_NO_MONITOR_FOR_CORE);
    capop_core_gone(core, MON_ERR_NO_MONITOR_FOR_CORE);
    kept_core_cut(core);
}

void parcel_core_died(coreid_t core)
{
    end_fetches(core, MON_ERR_CORE_DEAD);
    capop_core_gone(core, MON_ERR_CORE_DEAD);
    kept_core_died(core);
}

void parcel_release_unused(void)
{
    clear_estate(); /* what lies there is memory, too */
    kept_release_unused();
}
