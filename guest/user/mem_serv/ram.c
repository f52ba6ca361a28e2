/* SPDX-License-Identifier: MIT
 *
 * The RAM of a memory server: what it has, takes in, gives out and gets back (ram.h).
 *
 * Which parts are free is the memory manager's affair (mm.h).  RAM that comes back is revoked
 * first: whatever was made of it is gone before it is given to somebody else.
 *
 * RAM of a client that has ended comes back by itself when nobody holds a part of it any more: the
 * client may have given some away.  The CPU driver knows; it refuses to make RAM of a range in
 * which a capability lies.  So blocks of ended clients wait in a list, and are tried when RAM is
 * asked for.  If some remain, the monitor may hold them because they are in use on other cores: it
 * is asked to look.
 */
#include "ram.h"

#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <barrelfish/monitor_client.h>
#include <if/monitor_defs.h>
#include <mm/mm.h>
#include <stdlib.h>

#include "resources.h"

#define KEEP_BYTES (768ul << 10) /* half for the records of all loans; and for the manager: */
#define KEEP_FOR_BOOKKEEPING(bytes) ((bytes) / 8192)

static struct mm mm;
static struct {
    struct capref cap;
    void *bookkeeping;
} region[MM_MAX_REGIONS]; /* as the manager counts them */

/* Each is two regions. */
static struct ram_block supplied[MM_MAX_REGIONS / 2];
static unsigned supplied_count;

static struct account_book *book;
static struct loan_list orphans; /* of clients that have ended, oldest first */

/* ---- regions ---- */

static errval_t add_part(struct capref cap, genpaddr_t cap_base, genpaddr_t base, gensize_t bytes)
{
    void *bookkeeping = malloc(mm_bookkeeping_bytes(base, bytes));
    if (bookkeeping == NULL)
        return LIB_ERR_MALLOC_FAIL;
    unsigned number;
    errval_t err = mm_add(&mm, cap_base, base, bytes, bookkeeping, &number);
    if (err_is_fail(err)) {
        free(bookkeeping);
        return err;
    }
    region[number].cap = cap;
    region[number].bookkeeping = bookkeeping;
    book->capacity[ACCOUNT_PAGE] = (uint32_t)(mm.total_bytes / BASE_PAGE_SIZE);
    return SYS_ERR_OK;
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

void ram_find(struct account_book *accounts)
{
    mm_init(&mm);
    book = accounts;
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

static unsigned region_of(genpaddr_t base)
{
    const unsigned number = mm_region_of(&mm, base);
    assert(number < mm.region_count); /* a loan lies in one */
    return number;
}

/* Has nobody a part of it any more?  Through an empty slot. */
static bool is_unused(genpaddr_t base, uint8_t bits, struct capref slot)
{
    const unsigned number = region_of(base);
    return err_is_ok(invoke_cnode_retype(slot, region[number].cap,
                                         base - mm.region[number].cap_base, ObjType_RAM,
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
        if (reclaim(loan, slot))
            loan_free(loan);
        else
            loan_move(loan, &orphans);
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

/* Another core uses a part of it still; it is free when that core says so. */
static errval_t keep_as_orphan(genpaddr_t base, uint8_t bits)
{
    struct loan *loan = loan_find(base, bits);
    if (loan == NULL)
        return MM_ERR_OUT_OF_BOUNDS;
    loan_move(loan, &orphans);
    ask_monitor_to_release();
    return SYS_ERR_OK;
}

/* Memory of the own node; limit 0: the machine has one. */
static genpaddr_t near_base, near_limit;

void ram_prefer(genpaddr_t base, genpaddr_t limit)
{
    near_base = base;
    near_limit = limit;
}

static errval_t find_block(uint8_t bits, genpaddr_t minbase, genpaddr_t maxlimit,
                           struct mm_block *block)
{
    if (near_limit != 0 && minbase == 0 && maxlimit == 0 &&
        err_is_ok(mm_alloc(&mm, bits, near_base, near_limit, block)))
        return SYS_ERR_OK;
    return mm_alloc(&mm, bits, minbase, maxlimit, block);
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
        err = find_block(bits, minbase, maxlimit, &block);
        if (err_is_fail(err))
            break;
        err = invoke_cnode_retype(slot, region[block.region].cap, block.offset, ObjType_RAM,
                                  1ull << bits, 1);
        if (err_is_ok(err)) {
            *ret = slot;
            return SYS_ERR_OK;
        }
        /* Somebody gave a part of its RAM back and kept the whole: that part is lost, try
         * another. */
        if (err_no(err) != SYS_ERR_REVOKE_FIRST && err_no(err) != SYS_ERR_RETRY_THROUGH_MONITOR) {
            mm_free(&mm, block.base, bits);
            break;
        }
    }
    slot_free(slot);
    return err;
}

#define RECLAIM_AT_ONCE 4 /* at each request, so that none takes long */

void ram_reclaim(void)
{
    struct capref slot;
    if (err_is_ok(slot_alloc(&slot))) {
        reclaim_orphans(orphan_count(), slot);
        slot_free(slot);
        ask_monitor_to_release();
    }
}

errval_t ram_take(struct account *payer, uint8_t bits, genpaddr_t minbase, genpaddr_t maxlimit,
                  struct loan_list *list, struct capref *ret)
{
    struct capref slot;
    errval_t err;
    /* What this machine does not have is nobody's share. */
    if (bits <= MM_MAX_BITS && (1ull << bits) > mm.total_bytes)
        return MM_ERR_NOT_FOUND;
    struct loan *loan = loan_new(payer, bits, &err);
    if (loan == NULL && orphans.first != NULL) { /* some may be the payer's */
        ram_reclaim();
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
    loan_made(loan, identity.u.mem.base, list);
    return SYS_ERR_OK;
}

/* What comes back may be a part, or a child of full size, of what the client keeps: then it stays
 * lent, and charged. */
static bool nobody_has(genpaddr_t base, uint8_t bits)
{
    struct capref slot;
    if (mm_region_of(&mm, base) == mm.region_count)
        return true; /* it is no RAM of this server's: mm_free() will say so */
    if (err_is_fail(slot_alloc(&slot)))
        return false;
    const bool unused = is_unused(base, bits, slot);
    slot_free(slot);
    return unused;
}

errval_t ram_return(struct capref cap, genpaddr_t base, uint8_t bits)
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

void ram_add_block(const struct ram_block *block)
{
    errval_t err = add_region(block->cap, 0, 0);
    if (err_is_fail(err)) {
        DEBUG_ERR(err, "%" PRIu64 " KiB from core 0 cannot be served",
                  (uint64_t)1 << block->bits >> 10);
        return;
    }
    supplied[supplied_count++] = *block;
}

static void remove_half(genpaddr_t base)
{
    const unsigned number = region_of(base);
    mm_remove(&mm, number);
    free(region[number].bookkeeping);
    region[number] = region[mm.region_count];
    book->capacity[ACCOUNT_PAGE] = (uint32_t)(mm.total_bytes / BASE_PAGE_SIZE);
}

/* All of it is free, and enough is left for as much again and for a share of four fifths. */
static bool is_surplus(const struct ram_block *block)
{
    const unsigned half = block->bits - 1u;
    const gensize_t bytes = 1ull << block->bits;
    return mm.free_bytes >= 2 * bytes + loans_bytes() / 4 && mm_is_free(&mm, block->base, half) &&
           mm_is_free(&mm, block->base + bytes / 2, half);
}

bool ram_take_surplus(struct ram_block *ret)
{
    for (unsigned i = 0; i < supplied_count; i++)
        if (is_surplus(&supplied[i])) {
            *ret = supplied[i];
            supplied[i] = supplied[--supplied_count];
            remove_half(ret->base);
            remove_half(ret->base + (1ull << (ret->bits - 1)));
            return true;
        }
    return false;
}

bool ram_may_add_block(void)
{
    return mm.region_count + 2 <= MM_MAX_REGIONS;
}

void ram_abandon(struct loan_list *list)
{
    while (list->first != NULL)
        loan_move(list->first, &orphans);
}

struct ram_count ram_count(void)
{
    const gensize_t known = mm.free_bytes + loans_bytes();
    return (struct ram_count){ .total = mm.total_bytes,
                               .free = mm.free_bytes,
                               .lost = mm.total_bytes > known ? mm.total_bytes - known
                                                              : known - mm.total_bytes };
}
