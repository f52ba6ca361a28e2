/* SPDX-License-Identifier: MIT
 *
 * Parcels: capabilities on their way to another core (facts §5.6, as far as operations of one core's
 * kernel allow; drawn in docs/monitor.md).
 *
 * The sender deposits the capability here and puts the ticket into its message.  The receiver gives the
 * ticket to its own monitor, which fetches a description from the depositor's monitor and makes the
 * capability anew.  A ticket names the core and cannot be guessed; it is good for one collection.
 * Only types that mean the same on every core travel, and no RAM: both sides could retype it.
 * Must keep the copy of memory that has left: without it the memory would count as unused here.
 */
#include "monitor.h"

#define MAX_PARCELS 128 /* deposited and not yet collected; the oldest goes when there are more */
#define MAX_FETCHES 64  /* asked of other monitors */

struct parcel {
    uint64_t ticket; /* 0: free */
    struct capref cap;
};

struct fetch {
    uint64_t ticket; /* 0: free */
    struct client *client;
    uint32_t token;
};

static struct parcel parcels[MAX_PARCELS];
static struct fetch fetches[MAX_FETCHES];
static unsigned next_parcel;
static uint64_t random_state;

static coreid_t core_of(uint64_t ticket)
{
    return (coreid_t)(ticket >> 56);
}

static uint64_t new_ticket(void)
{
    if (random_state == 0)
        random_state =
            boot_info->seed * 0x9e3779b97f4a7c15u + boot_info->kernel_paddr + my_core + 1;
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

errval_t parcel_deposit(struct capref cap, uint64_t *ticket)
{
    struct capability description;
    *ticket = 0;
    errval_t err = capref_is_null(cap) ? (errval_t)MON_ERR_WRONG_CAP_TYPE
                                       : cap_direct_identify(cap, &description);
    if (err_is_ok(err) && !may_travel(&description))
        err = MON_ERR_WRONG_CAP_TYPE;
    if (err_is_fail(err)) {
        drop_cap(cap);
        return err;
    }
    struct parcel *p = &parcels[next_parcel++ % MAX_PARCELS];
    if (p->ticket != 0)
        drop_cap(p->cap); /* nobody came for it */
    *p = (struct parcel){ .ticket = new_ticket(), .cap = cap };
    *ticket = p->ticket;
    return SYS_ERR_OK;
}

/* Takes a parcel out; MON_ERR_INVALID_MON_ID if there is none. */
static errval_t open_parcel(uint64_t ticket, struct capability *description)
{
    for (unsigned i = 0; i < MAX_PARCELS; i++) {
        struct parcel *p = &parcels[i];
        if (ticket == 0 || p->ticket != ticket)
            continue;
        p->ticket = 0;
        errval_t err = cap_direct_identify(p->cap, description);
        if (err_is_fail(err) || !is_memory(description))
            drop_cap(p->cap);
        return err;
    }
    return MON_ERR_INVALID_MON_ID;
}

static void deliver(struct client *client, uint32_t token, errval_t err, coreid_t from,
                    const struct capability *description)
{
    struct capref cap = NULL_CAP;
    if (err_is_ok(err) && !may_travel(description))
        err = MON_ERR_WRONG_CAP_TYPE;
    if (err_is_ok(err))
        err = remote_cap(description, from, &cap);
    blocking_answer_collect(client, token, err, cap);
}

void parcel_collect(struct client *client, uint32_t token, uint64_t ticket)
{
    struct capability description;
    coreid_t from = core_of(ticket);
    if (from == my_core) {
        errval_t err = open_parcel(ticket, &description);
        deliver(client, token, err, from, &description);
        return;
    }
    errval_t err = MON_ERR_INVALID_CORE_ID;
    for (unsigned i = 0; i < MAX_FETCHES && peer_is_connected(from); i++) {
        if (fetches[i].ticket != 0) {
            err = MON_ERR_REMOTE_CAP_RETRY;
            continue;
        }
        fetches[i] = (struct fetch){ ticket, client, token };
        peer_send_fetch_cap_request(from, ticket);
        return;
    }
    blocking_answer_collect(client, token, err, NULL_CAP);
}

void parcel_fetch(coreid_t core, uint64_t ticket)
{
    struct capability description = { 0 };
    errval_t err = open_parcel(ticket, &description);
    peer_send_fetch_cap_reply(core, ticket, err, &description);
}

void parcel_fetched(coreid_t core, uint64_t ticket, errval_t err,
                    const struct capability *description)
{
    for (unsigned i = 0; i < MAX_FETCHES; i++) {
        struct fetch *f = &fetches[i];
        if (f->ticket != ticket || core_of(ticket) != core)
            continue;
        struct fetch done = *f;
        f->ticket = 0;
        if (done.client != NULL)
            deliver(done.client, done.token, err, core, description);
        return;
    }
}

void parcel_client_exited(const struct client *client)
{
    for (unsigned i = 0; i < MAX_FETCHES; i++)
        if (fetches[i].client == client)
            fetches[i].client = NULL;
}
