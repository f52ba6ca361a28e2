/* SPDX-License-Identifier: MIT
 *
 * The memory server of a core (overview 1.6): serves RAM capabilities.
 *
 * It was given all RAM of its core in SUPERCN (slot 0 is its own, slots 1.. are for others) and
 * turns requests into capabilities by one retype of a part of these (ram.h).
 *
 * It serves its own core.  The server of core 0 had all of the machine's RAM at the start; the
 * others are caches of it.  A request that finds nothing there waits until core 0 has sent a block,
 * and a block is given back when all of it is free and as much again (supply.h).  Who waits is
 * answered in turn; one who can be served is not kept waiting by those who cannot.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/monitor_client.h>
#include <barrelfish/report.h>
#include <if/mem_defs.h>
#include <if/monitor_blocking_defs.h>
#include <if/monitor_defs.h>
#include <mm/mm.h>
#include <services/service.h>
#include <stdlib.h>
#include <string.h>

#include "ram.h"
#include "resources.h"
#include "supply.h"

static bool alone; /* core 0 is not asked */

static const struct account_kind kinds[] = { MEM_RESOURCES(ACCOUNT_KIND) };
static struct service service = { .client = "a client of mem_serv",
                                  .message_kind = ACCOUNT_MESSAGE };

/* One connection. */
struct client {
    struct service_client service; /* first */
    struct loan_list loans;
    bool elsewhere; /* it is another core's server */
    struct wish {
        bool waits;     /* for more RAM */
        bool for_other; /* it asked allocate_for, and the wish holds the payer's account */
        struct account *payer;
        uint8_t bits;
        genpaddr_t minbase, maxlimit;
    } wish;
    struct client *next_waiting;
};

static struct client *waiting;   /* in line for more RAM, by next_waiting */
static struct client *asked_for; /* the first, or NULL: core 0 is not asked now */

/* For whoever looks from outside: bytes; those that are free; those of which nothing is known. */
static uint64_t *total_gauge, *free_gauge, *lost_gauge;

SERVICE_CLIENTS(mem, broken)

static void report_memory(void)
{
    const struct ram_count count = ram_count();
    *total_gauge = count.total;
    *free_gauge = count.free;
    *lost_gauge = count.lost;
}

/* ---- mem.if ---- */

struct reply {
    struct send_item item;
    enum { REPLY_ALLOCATE, REPLY_ALLOCATE_FOR, REPLY_AVAILABLE, REPLY_FREE } kind;
    errval_t err;
    struct capref cap;
};

static errval_t send_reply(struct send_queue *queue, struct send_item *item,
                           struct event_closure cont)
{
    struct mem_binding *b = queue->binding;
    struct reply *reply = (struct reply *)item;
    switch (reply->kind) {
    case REPLY_ALLOCATE:
        return mem_allocate_response__tx(b, cont, reply->err, reply->cap);
    case REPLY_ALLOCATE_FOR:
        return mem_allocate_for_response__tx(b, cont, reply->err, reply->cap);
    case REPLY_AVAILABLE: {
        const struct ram_count count = ram_count();
        return mem_available_response__tx(b, cont, count.total, count.free);
    }
    default:
        return mem_free_monitor_response__tx(b, cont, reply->err);
    }
}

/* A capability given away leaves its slot empty. */
static void reply_done(struct send_item *item, errval_t err)
{
    struct reply *reply = (struct reply *)item;
    if (capref_is_null(reply->cap))
        return;
    if (err_is_ok(err))
        slot_free(reply->cap);
    else
        cap_destroy(reply->cap);
}

static void queue_reply(struct mem_binding *b, int kind, errval_t err, struct capref cap)
{
    struct reply *reply = malloc(sizeof(*reply));
    struct client *client = b->st;
    if (reply != NULL)
        *reply = (struct reply){
            .item = { .send = send_reply, .done = reply_done, .payer = client->service.account },
            .kind = kind,
            .err = err,
            .cap = cap
        };
    send_queue_add(&client->service.queue, reply != NULL ? &reply->item : NULL);
}

/* Is the request to fail, whatever there is?  A fault of the scenario. */
static bool is_refused(void)
{
    static uint64_t *refuse;
    if (refuse == NULL)
        refuse = report_fault(ABI_FAULT_NO_MEMORY);
    return report_take_fault(refuse);
}

static struct mem_binding *binding_of(const struct client *client)
{
    return client->service.queue.binding;
}

static void end_wish(const struct wish *wish)
{
    if (wish->for_other)
        account_close(wish->payer);
}

static void answer_wish(struct client *client, const struct wish *wish, errval_t err,
                        struct capref cap)
{
    end_wish(wish);
    queue_reply(binding_of(client), wish->for_other ? REPLY_ALLOCATE_FOR : REPLY_ALLOCATE, err,
                cap);
}

/* More memory makes larger shares: who lacks a share of the pages waits for more, unless there is
 * none (`last`).  So it is not charged yet: a refusal is told on the console. */
static errval_t serve_wish(struct client *client, bool last, struct capref *cap)
{
    const struct wish *w = &client->wish;
    if (!last && w->payer != NULL && !account_has_room(w->payer, ACCOUNT_PAGE, loan_pages(w->bits)))
        return MM_ERR_NOT_FOUND;
    return ram_take(w->payer, w->bits, w->minbase, w->maxlimit, &client->loans, cap);
}

static bool is_shortage(errval_t err)
{
    return err_no(err) == MM_ERR_NOT_FOUND || err_no(err) == MM_ERR_OUT_OF_BOUNDS;
}

/* ---- more from core 0 ---- */

static void arrived(errval_t err, const struct ram_block *block);
static void returned(errval_t err, const struct ram_block *block);
static const struct supply_handlers supply = { arrived, returned };

static void join_line(struct client *client)
{
    struct client **link = &waiting;
    while (*link != NULL)
        link = &(*link)->next_waiting;
    client->next_waiting = NULL;
    *link = client;
}

static void leave_line(struct client *client)
{
    struct client **link = &waiting;
    while (*link != NULL && *link != client)
        link = &(*link)->next_waiting;
    if (*link != NULL)
        *link = client->next_waiting;
    if (asked_for == client)
        asked_for = NULL;
}

static bool ask_for(struct client *client)
{
    const struct wish *w = &client->wish;
    if (alone || !ram_may_add_block() ||
        !supply_ask(&(struct supply_wish){ w->bits, w->minbase, w->maxlimit }, &supply))
        return false;
    asked_for = client;
    return true;
}

static void serve_first(bool last)
{
    struct client *client = waiting;
    struct capref cap = NULL_CAP;
    errval_t err = serve_wish(client, last, &cap);
    if (!last && is_shortage(err)) {
        if (ask_for(client))
            return;
        err = serve_wish(client, true, &cap);
    }
    leave_line(client);
    client->wish.waits = false;
    answer_wish(client, &client->wish, err, cap);
}

/* Whom core 0 was asked for takes what there is now; the others may ask for more. */
static void serve_line(void)
{
    if (waiting != NULL && waiting == asked_for)
        serve_first(true);
    while (waiting != NULL && !supply_is_busy())
        serve_first(false);
}

static void arrived(errval_t err, const struct ram_block *block)
{
    if (err_is_ok(err)) {
        debug_trace("%" PRIu64 " KiB from core 0", (uint64_t)1 << block->bits >> 10);
        ram_add_block(block);
    }
    serve_line();
}

static void returned(errval_t err, const struct ram_block *block)
{
    struct capability identity;
    if (err_is_ok(err)) {
        debug_trace("%" PRIu64 " KiB back to core 0", (uint64_t)1 << block->bits >> 10);
    } else {
        DEBUG_ERR(err, "giving core 0 its memory back");
        if (err_is_ok(cap_direct_identify(block->cap, &identity)))
            ram_add_block(block);
    }
    serve_line();
}

static void give_surplus_back(void)
{
    struct ram_block block;
    while (waiting == NULL && !supply_is_busy() && ram_take_surplus(&block))
        if (!supply_give_back(&block)) {
            ram_add_block(&block);
            break;
        }
}

/* Other cores leave an eighth to the domains of this one, and to cores that start later. */
static bool may_lend(uint8_t bits)
{
    const struct ram_count count = ram_count();
    return bits <= MM_MAX_BITS && count.free >= (1ull << bits) + count.total / 8;
}

/* Why it is not even looked for. */
static errval_t refuse(const struct client *client, const struct wish *wish)
{
    if (client->wish.waits) /* one at a time */
        return MM_ERR_OVER_SHARE;
    if (is_refused())
        return MM_ERR_NOT_FOUND;
    return client->elsewhere && !may_lend(wish->bits) ? (errval_t)MM_ERR_OVER_SHARE : SYS_ERR_OK;
}

/* Served at once, or in line for more. */
static void wished(struct client *client, struct wish wish)
{
    struct capref cap = NULL_CAP;
    errval_t err = refuse(client, &wish);
    if (err_is_ok(err)) {
        client->wish = wish;
        err = serve_wish(client, false, &cap);
        if (is_shortage(err)) {
            if (waiting != NULL || supply_is_busy() || ask_for(client)) {
                client->wish.waits = true;
                join_line(client);
                return;
            }
            err = serve_wish(client, true, &cap);
        }
    }
    answer_wish(client, &wish, err, cap);
}

static void allocate_call(struct mem_binding *b, uint8_t bits, uint64_t minbase, uint64_t maxlimit)
{
    struct client *client = b->st;
    wished(client, (struct wish){ .payer = client->service.account,
                                  .bits = bits,
                                  .minbase = minbase,
                                  .maxlimit = maxlimit });
}

static void allocate_for_call(struct mem_binding *b, domainid_t domain, uint8_t bits)
{
    struct client *client = b->st;
    if (!client->service.account->trusted) {
        queue_reply(b, REPLY_ALLOCATE_FOR, MON_ERR_NOT_PERMITTED, NULL_CAP);
        return;
    }
    struct account *payer = account_open(
        &service.accounts, domain != 0 ? domain : client->service.account->domain, NULL);
    wished(client, (struct wish){ .for_other = true, .payer = payer, .bits = bits });
}

static void available_call(struct mem_binding *b)
{
    ram_reclaim();
    queue_reply(b, REPLY_AVAILABLE, SYS_ERR_OK, NULL_CAP);
}

static void free_call(struct mem_binding *b, struct capref cap, uint64_t base, uint8_t bits)
{
    errval_t err = ram_return(cap, base, bits);
    if (err_is_fail(err))
        (void)cap_delete(cap); /* if it is there: nothing else is done with it */
    slot_free(cap);
    queue_reply(b, REPLY_FREE, err, NULL_CAP);
}

/* The client has gone. */
static void broken(struct mem_binding *b, errval_t err)
{
    (void)err;
    struct client *client = b->st;
    if (client->wish.waits) {
        leave_line(client);
        end_wish(&client->wish);
    }
    ram_abandon(&client->loans);
    mem_client_close(b);
}

static errval_t connected(void *st, struct mem_binding *b)
{
    (void)st;
    errval_t err = mem_client_open(&service, b, sizeof(struct client));
    if (err_is_fail(err))
        return err;
    struct client *client = b->st;
    client->elsewhere = b->flounder.kind != FLOUNDER_LMP;
    if (client->elsewhere) /* it asks for all of its clients */
        client->service.account->trusted = false;
    b->rx_vtbl.allocate_call = allocate_call;
    b->rx_vtbl.allocate_for_call = allocate_for_call;
    b->rx_vtbl.available_call = available_call;
    b->rx_vtbl.free_monitor_call = free_call;
    return SYS_ERR_OK;
}

static void exported(void *st, errval_t err, iref_t iref)
{
    (void)st;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "exporting the memory service");
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    errval_t answer;
    err = b->rpc_tx_vtbl.set_mem_iref(b, iref, &answer);
    if (err_is_ok(err))
        err = answer;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "telling the monitor of the memory service");
}

static void read_arguments(int argc, char *argv[])
{
    genpaddr_t base = 0, limit = 0;
    for (int i = 1; i < argc; i++) {
        alone |= strcmp(argv[i], "alone") == 0;
        if (strncmp(argv[i], "near=", 5) == 0)
            base = strtoull(argv[i] + 5, NULL, 0);
        else if (strncmp(argv[i], "limit=", 6) == 0)
            limit = strtoull(argv[i] + 6, NULL, 0);
    }
    ram_prefer(base, limit);
    supply_prefer(base, limit);
}

int main(int argc, char *argv[])
{
    account_book_init(&service.accounts, kinds, ACCOUNT_KINDS, MM_ERR_OVER_SHARE);
    ram_find(&service.accounts);
    read_arguments(argc, argv);
    debug_trace("serves %" PRIu64 " KiB", ram_count().total >> 10);
    errval_t err =
        mem_export(NULL, exported, connected, get_default_waitset(), IDC_EXPORT_FLAGS_DEFAULT);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "exporting the memory service");
    free_gauge = report_gauge("mem.free");
    lost_gauge = report_gauge("mem.lost");
    total_gauge = report_gauge("mem.total");
    for (;;) {
        give_surplus_back();
        report_memory();
        err = event_dispatch(get_default_waitset());
        if (err_is_fail(err))
            DEBUG_ERR(err, "event_dispatch");
    }
}
