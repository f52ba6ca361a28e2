/* SPDX-License-Identifier: MIT
 *
 * Parcels: capabilities on their way to another core (facts §5.6, as far as operations of one
 * core's kernel allow; drawn in docs/monitor.md).
 *
 * The sender deposits the capability here and puts the ticket into its message.  The receiver gives
 * the ticket to its own monitor, which fetches a description from the depositor's monitor and makes
 * the capability anew.  A ticket names the core and cannot be guessed; it is good for one
 * collection.  Only types that mean the same on every core travel, and no RAM: both sides could
 * retype it.  When its sender ends, a parcel counts no more, but stays as long as the message with
 * the ticket may still be read: while a connection of the sender is not closed at its other end.
 * Over a circuit nobody says when it is read; then the parcel has a while.  Of these there is a
 * limited number, the oldest goes first.  Memory that has left is kept here as a locked copy while
 * it may be in use there: so nobody on this core can take it back, or make something else of it.
 * The receiver's monitor keeps a witness of it; when it is asked, and its own core has no other
 * copy of the witness and nothing made of it, it drops the witness and says so, and the copy here
 * goes, too.  Asked is when the memory server misses memory, so nothing is ever polled.  (A
 * capability that has come back to a core where it was is kept by its own witness: breaking such
 * rings needs agreement about deletion among all cores.)
 */
#include "../mouths/peers.h"
#include "../mouths/reply.h"
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

/* Memory of this core that is in use on another (list `away`); memory of another core that is in
 * use on this one (list `witnesses`). */
struct kept {
    struct kept *next;
    uint64_t ticket;
    coreid_t core; /* the other one */
    bool asked;
    struct capref cap;
    struct account_slip slip;
};

static struct kept *away, *witnesses;
static unsigned kept_count;
static struct parcel parcels[MONITOR_MAX_PARCELS + MONITOR_MAX_ESTATE];
static unsigned estate_count; /* of senders that have ended */
static uint64_t last_estate;
static struct fetch fetches[MONITOR_MAX_FETCHES];
static uint64_t random_state;

static coreid_t core_of(uint64_t ticket)
{
    return (coreid_t)(ticket >> 56);
}

static uint64_t new_ticket(void)
{
    if (random_state == 0)
        random_state = boot_info->seed * 0x9e3779b97f4a7c15u + boot_info->kernel_paddr + my_core +
                       ((uint64_t)my_incarnation << 32) + 1;
    random_state += 0x9e3779b97f4a7c15u;
    uint64_t z = random_state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (uint64_t)my_core << 56 | (z & 0xffffffffffffff) | 1;
}

/* Types with memory: their description lives on elsewhere. */
static bool is_memory(const struct capability *cap)
{
    return cap->type == ObjType_Frame || cap->type == ObjType_DevFrame;
}

static bool may_travel(const struct capability *cap)
{
    return is_memory(cap) || cap->type == ObjType_Notify_IPI || cap->type == ObjType_ID ||
           cap->type == ObjType_IO;
}

static struct parcel *free_parcel(void)
{
    struct parcel *p = parcels;
    while (p->ticket != 0)
        p++; /* there is one: they are as many as can be charged */
    assert(p < parcels + MONITOR_MAX_PARCELS + MONITOR_MAX_ESTATE);
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
        .ticket = new_ticket(), .cap = cap, .sender = client->domain, .slip = slip
    };
    *ticket = p->ticket;
    return SYS_ERR_OK;
}

/* Takes the capability over if it can be kept, at the cost of this domain. */
static errval_t keep(struct kept **list, uint64_t ticket, coreid_t core, struct capref cap,
                     domainid_t domain)
{
    struct account_slip slip;
    errval_t err = accounts_charge(domain, ACCOUNT_KEPT, 1, &slip);
    struct kept *kept = err_is_ok(err) ? malloc(sizeof(*kept)) : NULL;
    if (kept == NULL) {
        account_refund(&slip);
        return err_is_fail(err) ? err : (errval_t)LIB_ERR_MALLOC_FAIL;
    }
    *kept =
        (struct kept){ .next = *list, .ticket = ticket, .core = core, .cap = cap, .slip = slip };
    *list = kept;
    kept_count++;
    return SYS_ERR_OK;
}

/* Locked first: whatever happens until the other core says that it is unused, it stays. */
static errval_t keep_away(uint64_t ticket, coreid_t core, struct capref cap, domainid_t sender)
{
    errval_t err = invoke_kernel_lock_cap(cap_kernel, cap);
    if (err_is_fail(err))
        return err;
    err = keep(&away, ticket, core, cap, sender);
    if (err_is_fail(err))
        (void)invoke_kernel_unlock_cap(cap_kernel, cap);
    return err;
}

static struct kept **find_kept(struct kept **list, uint64_t ticket, coreid_t core)
{
    while (*list != NULL && ((*list)->ticket != ticket || (*list)->core != core))
        list = &(*list)->next;
    return list;
}

static void drop_kept(struct kept **link)
{
    struct kept *kept = *link;
    *link = kept->next;
    drop_cap(kept->cap);
    account_refund(&kept->slip);
    free(kept);
    kept_count--;
}

/* The other core has no use for it any more. */
static void give_back(struct kept **link)
{
    errval_t err = invoke_kernel_unlock_cap(cap_kernel, (*link)->cap);
    if (err_is_fail(err))
        DEBUG_ERR(err, "unlocking what came back");
    drop_kept(link);
}

/* Does somebody here have what this witness stands for? */
static bool is_in_use(const struct kept *witness)
{
    bool shared;
    errval_t err = invoke_kernel_is_shared(cap_kernel, witness->cap, &shared);
    return err_is_fail(err) ? err_no(err) != SYS_ERR_CAP_NOT_FOUND : shared;
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

/* A copy of what the client is about to get, by which we shall know when it is in use no more. */
static errval_t make_witness(uint64_t ticket, coreid_t from, struct capref cap, domainid_t receiver)
{
    struct capref copy;
    errval_t err = copy_cap(cap, &copy);
    if (err_is_fail(err))
        return err;
    err = keep(&witnesses, ticket, from, copy, receiver);
    if (err_is_fail(err))
        drop_cap(copy);
    return err;
}

/* Who gets a copy may not take it away from others, the witness among them. */
static errval_t remote_copy(const struct capability *description, coreid_t from, struct capref *cap)
{
    struct capability copy = *description;
    copy.rights &= (uint8_t)~CAPRIGHTS_REVOKE;
    return remote_cap(&copy, from, cap);
}

static void deliver(struct client *client, uint32_t token, errval_t err, uint64_t ticket,
                    const struct capability *description)
{
    struct capref cap = NULL_CAP;
    coreid_t from = core_of(ticket);
    if (err_is_ok(err) && !may_travel(description))
        err = MON_ERR_WRONG_CAP_TYPE;
    if (err_is_ok(err))
        err = remote_copy(description, from, &cap);
    if (err_is_ok(err) && from != my_core && is_memory(description)) {
        err = make_witness(ticket, from, cap, client->domain);
        if (err_is_fail(err)) { /* it could not be told when it is unused: not given */
            drop_cap(cap);
            cap = NULL_CAP;
        }
    }
    reply_collect(client, token, err, cap);
}

void parcel_collect(struct client *client, uint32_t token, uint64_t ticket)
{
    struct capability description = { 0 };
    coreid_t from = core_of(ticket);
    if (ticket == 0) { /* means a free entry to both monitors, and no parcel ever has it */
        reply_collect(client, token, MON_ERR_INVALID_MON_ID, NULL_CAP);
        return;
    }
    if (from == my_core) {
        struct capref cap;
        domainid_t sender;
        errval_t err = open_parcel(ticket, &description, &cap, &sender);
        deliver(client, token, err, ticket, &description);
        drop_cap(cap); /* the client has its own */
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
    while (fetch->ticket != 0)
        fetch++; /* there is one: they are as many as can be charged */
    assert(fetch < fetches + MONITOR_MAX_FETCHES);
    *fetch = (struct fetch){ ticket, client, token, slip };
    peer_send_fetch_cap_request(from, ticket);
}

void parcel_fetch(coreid_t core, uint64_t ticket)
{
    struct capability description = { 0 };
    struct capref cap;
    domainid_t sender;
    errval_t err = open_parcel(ticket, &description, &cap, &sender);
    const bool stays = err_is_ok(err) && is_memory(&description);
    if (stays)
        err = keep_away(ticket, core, cap, sender);
    if (!stays || err_is_fail(err))
        drop_cap(cap);
    peer_send_fetch_cap_reply(core, ticket, err, &description);
}

void parcel_fetched(coreid_t core, uint64_t ticket, errval_t err,
                    const struct capability *description)
{
    for (unsigned i = 0; i < MONITOR_MAX_FETCHES; i++) {
        struct fetch *f = &fetches[i];
        if (f->ticket == 0 || f->ticket != ticket || core_of(ticket) != core)
            continue;
        struct fetch done = *f;
        account_refund(&f->slip);
        *f = (struct fetch){ 0 };
        if (done.client != NULL)
            deliver(done.client, done.token, err, ticket, description);
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

/* What was fetched from there never comes. */
static void end_fetches(coreid_t core, errval_t err)
{
    for (unsigned i = 0; i < MONITOR_MAX_FETCHES; i++)
        if (fetches[i].ticket != 0 && core_of(fetches[i].ticket) == core)
            parcel_fetched(core, fetches[i].ticket, err,
                           &(struct capability){ .type = ObjType_Null });
}

void parcel_core_cut(coreid_t core)
{
    end_fetches(core, MON_ERR_NO_MONITOR_FOR_CORE);
}

/* What went there is in use there no more. */
void parcel_core_died(coreid_t core)
{
    end_fetches(core, MON_ERR_CORE_DEAD);
    for (struct kept **link = &away; *link != NULL;) {
        if ((*link)->core == core)
            give_back(link);
        else
            link = &(*link)->next;
    }
}

bool parcel_holds_of(coreid_t core)
{
    bool holds = false;
    for (struct kept **link = &witnesses; *link != NULL;) {
        if ((*link)->core == core && !is_in_use(*link)) {
            drop_kept(link);
            continue;
        }
        holds |= (*link)->core == core;
        link = &(*link)->next;
    }
    return holds;
}

/* ---- when it is in use no more ---- */

void parcel_release_unused(void)
{
    clear_estate(); /* what lies there is memory, too */
    for (struct kept *kept = away; kept != NULL; kept = kept->next) {
        if (kept->asked)
            continue; /* the answer is on its way */
        kept->asked = true;
        peer_send_release_cap_request(kept->core, kept->ticket);
    }
}

void parcel_release_asked(coreid_t core, uint64_t ticket)
{
    struct kept **witness = find_kept(&witnesses, ticket, core);
    bool shared = false;
    if (*witness != NULL) {
        shared = is_in_use(*witness);
        if (!shared)
            drop_kept(witness);
    } /* no witness: it was not delivered, its client had ended */
    peer_send_release_cap_reply(core, ticket, !shared);
}

void parcel_released(coreid_t core, uint64_t ticket, bool unused)
{
    struct kept **link = find_kept(&away, ticket, core);
    if (*link == NULL || !(*link)->asked)
        return;
    (*link)->asked = false;
    if (unused)
        give_back(link);
}
