/* SPDX-License-Identifier: MIT
 *
 * The memory server of a core (overview 1.6): serves RAM capabilities.
 *
 * It was given all RAM of its core in SUPERCN (slot 0 is its own, slots 1.. are for others) and
 * turns requests into capabilities by one retype of a part of these.  Which parts are free is the
 * memory manager's affair (mm.h).  RAM that comes back is revoked first: whatever was made of it is
 * gone before it is given to somebody else.
 *
 * RAM of a client that has ended comes back by itself when nobody holds a part of it any more: the
 * client may have given some away.  The CPU driver knows; it refuses to make RAM of a range in
 * which a capability lies.  So blocks of ended clients wait in a list, and are tried when RAM is
 * asked for.  If some remain, the monitor may hold them because they are in use on other cores: it
 * is asked to look.
 *
 * It serves its own core only; when its memory ends it says so, it never asks another core.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/monitor_client.h>
#include <barrelfish/report.h>
#include <if/mem_defs.h>
#include <if/monitor_blocking_defs.h>
#include <if/monitor_defs.h>
#include <mm/mm.h>
#include <services/service.h>

#include "resources.h"

#define KEEP_BYTES (768ul << 10) /* half for the records of all loans; and for the manager: */
#define KEEP_FOR_BOOKKEEPING(bytes) ((bytes) / 8192)

static struct mm mm;
static struct capref region_cap[MM_MAX_REGIONS];

static const struct account_kind kinds[] = { MEM_RESOURCES(ACCOUNT_KIND) };
static struct service service = { .client = "a client of mem_serv",
                                  .message_kind = ACCOUNT_MESSAGE };

/* RAM that was given out; it is charged until it comes back. */
struct loan {
    struct loan *next, *before;  /* of its list */
    struct loan *next_in_bucket; /* of `loans` */
    struct loan_list *list;
    genpaddr_t base;
    struct account *account;
    uint8_t bits;
};

struct loan_list {
    struct loan *first, *last;
};

/* One connection. */
struct client {
    struct service_client service; /* first */
    struct loan_list loans;
};

/* For whoever looks from outside: bytes that are free, and those of which nothing is known. */
static uint64_t *free_gauge, *lost_gauge;
static gensize_t lent_bytes;

static struct loan_list orphans; /* of clients that have ended, oldest first */

#define BUCKETS 2048 /* for as many loans as can be charged, a few each */
static struct loan *loans[BUCKETS];

SERVICE_CLIENTS(mem, broken)

/* ---- RAM ---- */

static errval_t add_part(struct capref cap, genpaddr_t cap_base, genpaddr_t base, gensize_t bytes)
{
    void *bookkeeping = malloc(mm_bookkeeping_bytes(base, bytes));
    if (bookkeeping == NULL)
        return LIB_ERR_MALLOC_FAIL;
    unsigned region;
    errval_t err = mm_add(&mm, cap_base, base, bytes, bookkeeping, &region);
    if (err_is_ok(err))
        region_cap[region] = cap;
    else
        free(bookkeeping);
    return err;
}

/* Could all that the capability stands for be given away as one block?  The CPU driver would take
 * the two for copies of each other, and whoever revokes his would take ours. */
static bool is_one_block(const struct capability *cap)
{
    const gensize_t bytes = cap->u.mem.bytes;
    return (bytes & (bytes - 1)) == 0 && cap->u.mem.base % bytes == 0;
}

static errval_t add_region(struct capref cap, gensize_t offset, gensize_t bytes)
{
    struct capability identity;
    errval_t err = cap_direct_identify(cap, &identity);
    if (err_is_fail(err))
        return err;
    if (bytes == 0)
        bytes = identity.u.mem.bytes;
    const genpaddr_t cap_base = identity.u.mem.base, base = cap_base + offset;
    if (!is_one_block(&identity) || bytes < identity.u.mem.bytes)
        return add_part(cap, cap_base, base, bytes);
    const gensize_t half = bytes / 2;
    if (half < BASE_PAGE_SIZE)
        return MM_ERR_ALIGN;
    err = add_part(cap, cap_base, base, half); /* which never join */
    return err_is_ok(err) ? add_part(cap, cap_base, base + half, half) : err;
}

static struct capref super_slot(cslot_t slot)
{
    return (struct capref){ .cnode = cnode_super, .slot = slot };
}

/* All RAM there is, the own included. */
static gensize_t ram_there_is(void)
{
    struct capability identity;
    gensize_t bytes = 0;
    for (cslot_t slot = 0; slot < MM_MAX_REGIONS; slot++)
        if (err_is_ok(cap_direct_identify(super_slot(slot), &identity)))
            bytes += identity.u.mem.bytes;
    return bytes;
}

static void find_ram(void)
{
    mm_init(&mm);
    struct capref own;
    gensize_t offset, bytes;
    errval_t err =
        ram_own_give_up(KEEP_BYTES + KEEP_FOR_BOOKKEEPING(ram_there_is()), &own, &offset, &bytes);
    if (err_is_ok(err) && bytes > 0)
        err = add_region(own, offset, bytes);
    if (err_is_fail(err))
        DEBUG_ERR(err, "sharing the own RAM");
    for (cslot_t slot = 1; slot < MM_MAX_REGIONS; slot++) {
        err = add_region(super_slot(slot), 0, 0);
        if (err_no(err) == SYS_ERR_CAP_NOT_FOUND)
            break;
        if (err_is_fail(err))
            DEBUG_ERR(err, "RAM capability in slot %u is not served", (unsigned)slot);
    }
}

/* mm.region_count: there is none. */
static unsigned find_region(genpaddr_t base)
{
    unsigned i = 0;
    while (i < mm.region_count &&
           (base < mm.region[i].base || base - mm.region[i].base >= mm.region[i].bytes))
        i++;
    return i;
}

static unsigned region_of(genpaddr_t base)
{
    unsigned region = find_region(base);
    assert(region < mm.region_count); /* a loan lies in one */
    return region;
}

static uint32_t pages_of(uint8_t bits)
{
    return bits < MM_MIN_BITS || bits > MM_MAX_BITS ? 0 : 1u << (bits - BASE_PAGE_BITS);
}

static struct loan *loan_new(struct account *account, uint8_t bits, errval_t *err)
{
    struct account_slip pages, record;
    struct loan *loan = NULL;
    *err = account_charge(account, ACCOUNT_PAGE, pages_of(bits), &pages);
    if (err_is_ok(*err)) {
        *err = account_charge(account, ACCOUNT_LOAN, 1, &record);
        if (err_is_ok(*err)) {
            loan = calloc(1, sizeof(*loan));
            if (loan == NULL) {
                *err = LIB_ERR_MALLOC_FAIL;
                account_refund(&record);
            }
        }
        if (loan == NULL)
            account_refund(&pages);
    }
    if (loan != NULL)
        *loan = (struct loan){ .account = account, .bits = bits };
    return loan;
}

/* ---- where loans are found ---- */

static struct loan **bucket_of(genpaddr_t base)
{
    return &loans[base / BASE_PAGE_SIZE % BUCKETS];
}

static void join(struct loan_list *list, struct loan *loan)
{
    loan->list = list;
    loan->next = NULL;
    loan->before = list->last;
    if (list->last != NULL)
        list->last->next = loan;
    else
        list->first = loan;
    list->last = loan;
}

static void leave(struct loan *loan)
{
    if (loan->next != NULL)
        loan->next->before = loan->before;
    else
        loan->list->last = loan->before;
    if (loan->before != NULL)
        loan->before->next = loan->next;
    else
        loan->list->first = loan->next;
    loan->list = NULL;
}

static void loan_made(struct loan *loan, genpaddr_t base, struct loan_list *list)
{
    struct loan **bucket = bucket_of(base);
    loan->base = base;
    loan->next_in_bucket = *bucket;
    *bucket = loan;
    lent_bytes += 1ull << loan->bits;
    join(list, loan);
}

/* NULL: there is none of these bytes. */
static struct loan *loan_find(genpaddr_t base, uint8_t bits)
{
    struct loan *loan = *bucket_of(base);
    while (loan != NULL && (loan->base != base || loan->bits != bits))
        loan = loan->next_in_bucket;
    return loan;
}

/* It has come back, or was not made after all. */
static void loan_free(struct loan *loan)
{
    struct account_slip record = { .account = loan->account, .kind = ACCOUNT_LOAN, .units = 1 };
    struct account_slip pages = { .account = loan->account,
                                  .kind = ACCOUNT_PAGE,
                                  .units = pages_of(loan->bits) };
    account_refund(&pages);
    account_refund(&record);
    if (loan->list != NULL) {
        lent_bytes -= 1ull << loan->bits;
        leave(loan);
        struct loan **link = bucket_of(loan->base);
        while (*link != loan)
            link = &(*link)->next_in_bucket;
        *link = loan->next_in_bucket;
    }
    free(loan);
}

static void report_memory(void)
{
    const gensize_t known = mm.free_bytes + lent_bytes;
    *free_gauge = mm.free_bytes;
    *lost_gauge = mm.total_bytes > known ? mm.total_bytes - known : known - mm.total_bytes;
}

/* Has nobody a part of it any more?  Through an empty slot. */
static bool is_unused(genpaddr_t base, uint8_t bits, struct capref slot)
{
    unsigned region = region_of(base);
    return err_is_ok(invoke_cnode_retype(slot, region_cap[region],
                                         base - mm.region[region].cap_base, ObjType_RAM,
                                         1ull << bits, 1)) &&
           err_is_ok(cap_delete(slot));
}

/* True if it is free now. */
static bool reclaim(const struct loan *loan, struct capref slot)
{
    if (!is_unused(loan->base, loan->bits, slot))
        return false;
    errval_t err = mm_free(&mm, loan->base, loan->bits);
    if (err_is_fail(err))
        DEBUG_ERR(err, "RAM of an ended domain is lost");
    return true;
}

/* Tries the `count` oldest orphans; those that are still in use go to the end of the line. */
static void reclaim_orphans(unsigned count, struct capref slot)
{
    for (; count > 0 && orphans.first != NULL; count--) {
        struct loan *loan = orphans.first;
        if (reclaim(loan, slot)) {
            loan_free(loan);
        } else {
            leave(loan);
            join(&orphans, loan);
        }
    }
}

/* Messages to the monitor take turns with those of the library, by the binding's mutex. */
static struct event_queue_node release_node;
static bool releasing;

static void release_sent(void *arg)
{
    (void)arg;
    event_mutex_unlock(&get_monitor_binding()->mutex);
    releasing = false;
}

static void send_release(void *arg)
{
    (void)arg;
    errval_t err = monitor_release_unused__tx(get_monitor_binding(), MKCONT(release_sent, NULL));
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "asking the monitor for unused memory");
}

static void ask_monitor_to_release(void)
{
    if (orphans.first == NULL || releasing)
        return;
    releasing = true;
    event_mutex_enqueue_lock(&get_monitor_binding()->mutex, &release_node,
                             MKCLOSURE(send_release, NULL));
}

static unsigned orphan_count(void)
{
    unsigned count = 0;
    for (const struct loan *loan = orphans.first; loan != NULL; loan = loan->next)
        count++;
    return count;
}

static void make_orphan(struct loan *loan)
{
    leave(loan);
    join(&orphans, loan);
}

/* Another core uses a part of it still; it is free when that core says so. */
static errval_t keep_as_orphan(genpaddr_t base, uint8_t bits)
{
    struct loan *loan = loan_find(base, bits);
    if (loan == NULL)
        return MM_ERR_OUT_OF_BOUNDS;
    make_orphan(loan);
    ask_monitor_to_release();
    return SYS_ERR_OK;
}

static errval_t take_block(uint8_t bits, genpaddr_t minbase, genpaddr_t maxlimit,
                           struct capref *ret)
{
    *ret = NULL_CAP;
    struct capref slot;
    errval_t err = slot_alloc(&slot);
    if (err_is_fail(err))
        return err;
    for (;;) {
        struct mm_block block;
        err = mm_alloc(&mm, bits, minbase, maxlimit, &block);
        if (err_is_fail(err))
            break;
        struct capref region = region_cap[block.region];
        err = invoke_cnode_retype(slot, region, block.offset, ObjType_RAM, 1ull << bits, 1);
        if (err_is_ok(err)) {
            *ret = slot;
            return SYS_ERR_OK;
        }
        /* Somebody has what nobody should have: it is lost, try another. */
        if (err_no(err) != SYS_ERR_REVOKE_FIRST && err_no(err) != SYS_ERR_RETRY_THROUGH_MONITOR) {
            mm_free(&mm, block.base, bits);
            break;
        }
    }
    slot_free(slot);
    return err;
}

#define RECLAIM_AT_ONCE 4 /* at each request, so that none takes long */

static void reclaim_all(void)
{
    struct capref slot;
    if (err_is_ok(slot_alloc(&slot))) {
        reclaim_orphans(orphan_count(), slot);
        slot_free(slot);
        ask_monitor_to_release();
    }
}

static errval_t take_ram(struct client *client, struct account *payer, uint8_t bits,
                         genpaddr_t minbase, genpaddr_t maxlimit, struct capref *ret)
{
    static uint64_t *refuse;
    struct capref slot;
    errval_t err;
    if (refuse == NULL)
        refuse = report_fault(ABI_FAULT_NO_MEMORY);
    if (report_take_fault(refuse))
        return MM_ERR_NOT_FOUND;
    /* What this machine does not have is nobody's share. */
    if (bits <= MM_MAX_BITS && (1ull << bits) > mm.total_bytes)
        return MM_ERR_NOT_FOUND;
    struct loan *loan = loan_new(payer, bits, &err);
    if (loan == NULL && orphans.first != NULL) { /* some may be the payer's */
        reclaim_all();
        loan = loan_new(payer, bits, &err);
    }
    if (loan == NULL)
        return err;
    err = slot_alloc(&slot);
    if (err_is_ok(err)) {
        reclaim_orphans(RECLAIM_AT_ONCE, slot);
        err = take_block(bits, minbase, maxlimit, ret);
        if (err_is_fail(err) && orphans.first != NULL) {
            reclaim_orphans(orphan_count(), slot);
            err = take_block(bits, minbase, maxlimit, ret);
        }
        slot_free(slot);
        ask_monitor_to_release();
    }
    struct capability identity;
    if (err_is_ok(err)) {
        err = cap_direct_identify(*ret, &identity);
        if (err_is_fail(err)) {
            cap_destroy(*ret);
            *ret = NULL_CAP;
        }
    }
    if (err_is_fail(err)) {
        loan_free(loan);
        return err;
    }
    loan_made(loan, identity.u.mem.base, &client->loans);
    return SYS_ERR_OK;
}

/* What comes back may be a part, or a child of full size, of what the client keeps: then it stays
 * lent, and charged. */
static bool nobody_has(genpaddr_t base, uint8_t bits)
{
    struct capref slot;
    if (find_region(base) == mm.region_count)
        return true; /* it is no RAM of this server's: mm_free() will say so */
    if (err_is_fail(slot_alloc(&slot)))
        return false;
    const bool unused = is_unused(base, bits, slot);
    slot_free(slot);
    return unused;
}

static errval_t return_ram(struct capref cap, genpaddr_t base, uint8_t bits)
{
    struct capability identity;
    errval_t err = cap_direct_identify(cap, &identity);
    if (err_is_fail(err))
        return err;
    if (identity.type != ObjType_RAM || identity.u.mem.base != base || bits > MM_MAX_BITS ||
        identity.u.mem.bytes != 1ull << bits)
        return MM_ERR_OUT_OF_BOUNDS;
    /* here only: what another core still uses of it stays there, and we wait for it */
    err = invoke_cnode_revoke(cap);
    const bool lent = err_no(err) == SYS_ERR_RETRY_THROUGH_MONITOR;
    if (err_is_ok(err) || lent)
        err = cap_delete(cap);
    if (err_is_fail(err))
        return err;
    if (lent)
        return keep_as_orphan(base, bits);
    if (!nobody_has(base, bits))
        return SYS_ERR_REVOKE_FIRST;
    err = mm_free(&mm, base, bits);
    struct loan *loan = err_is_ok(err) ? loan_find(base, bits) : NULL;
    if (loan != NULL)
        loan_free(loan);
    return err;
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
    case REPLY_AVAILABLE:
        return mem_available_response__tx(b, cont, mm.total_bytes, mm.free_bytes);
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

static void allocate_call(struct mem_binding *b, uint8_t bits, uint64_t minbase, uint64_t maxlimit)
{
    struct capref cap = NULL_CAP;
    struct client *client = b->st;
    errval_t err = take_ram(client, client->service.account, bits, minbase, maxlimit, &cap);
    queue_reply(b, REPLY_ALLOCATE, err, cap);
}

static void allocate_for_call(struct mem_binding *b, domainid_t domain, uint8_t bits)
{
    struct capref cap = NULL_CAP;
    struct client *client = b->st;
    struct account *payer = account_open(
        &service.accounts, domain != 0 ? domain : client->service.account->domain, NULL);
    errval_t err = MON_ERR_NOT_PERMITTED;
    if (client->service.account->trusted)
        err = take_ram(client, payer, bits, 0, 0, &cap);
    account_close(payer);
    queue_reply(b, REPLY_ALLOCATE_FOR, err, cap);
}

static void available_call(struct mem_binding *b)
{
    reclaim_all();
    queue_reply(b, REPLY_AVAILABLE, SYS_ERR_OK, NULL_CAP);
}

static void free_call(struct mem_binding *b, struct capref cap, uint64_t base, uint8_t bits)
{
    errval_t err = return_ram(cap, base, bits);
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
    while (client->loans.first != NULL)
        make_orphan(client->loans.first);
    mem_client_close(b);
}

static errval_t connected(void *st, struct mem_binding *b)
{
    (void)st;
    errval_t err = mem_client_open(&service, b, sizeof(struct client));
    if (err_is_fail(err))
        return err;
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

int main(void)
{
    find_ram();
    account_book_init(&service.accounts, kinds, ACCOUNT_KINDS, MM_ERR_OVER_SHARE);
    service.accounts.capacity[ACCOUNT_PAGE] = (uint32_t)(mm.total_bytes / BASE_PAGE_SIZE);
    debug_trace("serves %" PRIu64 " KiB in %u regions", mm.total_bytes >> 10, mm.region_count);
    errval_t err =
        mem_export(NULL, exported, connected, get_default_waitset(), IDC_EXPORT_FLAGS_DEFAULT);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "exporting the memory service");
    free_gauge = report_gauge("mem.free");
    lost_gauge = report_gauge("mem.lost");
    *report_gauge("mem.total") = mm.total_bytes;
    for (;;) {
        report_memory();
        err = event_dispatch(get_default_waitset());
        if (err_is_fail(err))
            DEBUG_ERR(err, "event_dispatch");
    }
}
