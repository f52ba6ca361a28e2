/* SPDX-License-Identifier: MIT
 *
 * The client of core 0's memory server (supply.h).
 */
#include "supply.h"

#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/monitor_client.h>
#include <if/mem_defs.h>
#include <if/monitor_blocking_defs.h>
#include <mm/mm.h>

#define SUPPLY_BITS 22 /* what is asked for at least, if it can be had */

static enum { LINK_NONE, LINK_BINDING, LINK_READY, LINK_GONE } link;
static struct mem_binding *first_server;
static const struct supply_handlers *on;

/* What is under way. */
static enum { NOTHING, ASKING, RETURNING } doing;
static struct supply_wish attempt[3]; /* one after the other, until one succeeds */
static unsigned attempts, tried;
static struct ram_block leaving;

bool supply_is_busy(void)
{
    return doing != NOTHING;
}

static genpaddr_t near_base, near_limit;

void supply_prefer(genpaddr_t base, genpaddr_t limit)
{
    near_base = base;
    near_limit = limit;
}

/* ---- a wish ---- */

static void add_attempt(uint8_t bits, genpaddr_t minbase, genpaddr_t maxlimit)
{
    attempt[attempts++] = (struct supply_wish){ bits, minbase, maxlimit };
}

/* The block that comes is served in two halves, so it is twice as large as the wish at least. */
static void plan(const struct supply_wish *wish)
{
    const uint8_t least = (uint8_t)(wish->bits + 1);
    const uint8_t good = least > SUPPLY_BITS ? least : SUPPLY_BITS;

    attempts = tried = 0;
    if (wish->minbase != 0 || wish->maxlimit != 0) {
        add_attempt(least, wish->minbase, wish->maxlimit);
        return;
    }
    if (near_limit != 0)
        add_attempt(good, near_base, near_limit);
    add_attempt(good, 0, 0);
    if (least < good)
        add_attempt(least, 0, 0);
}

static void asked(errval_t err, struct capref ram)
{
    const uint8_t bits = tried > 0 ? attempt[tried - 1].bits : 0; /* 0: never asked */
    struct capability identity = { 0 };

    doing = NOTHING;
    if (err_is_ok(err))
        err = cap_direct_identify(ram, &identity);
    on->arrived(err, &(struct ram_block){ ram, identity.u.mem.base, bits });
}

static void ask_next(errval_t err)
{
    while (tried < attempts) {
        const struct supply_wish *a = &attempt[tried++];

        err = mem_allocate_call__tx(first_server, NOP_CONT, a->bits, a->minbase, a->maxlimit);
        if (err_is_ok(err))
            return;
    }
    asked(err, NULL_CAP);
}

static void allocate_response(struct mem_binding *b, errval_t err, struct capref ram)
{
    (void)b;
    assert(doing == ASKING);
    if (err_is_ok(err))
        asked(err, ram);
    else
        ask_next(err);
}

/* ---- a return ---- */

static void returned(errval_t err)
{
    doing = NOTHING;
    if (err_is_ok(err))
        slot_free(leaving.cap); /* what was given away has left it empty */
    on->returned(err, &leaving);
}

static void free_response(struct mem_binding *b, errval_t err)
{
    (void)b;
    assert(doing == RETURNING);
    returned(err);
}

bool supply_give_back(const struct ram_block *block)
{
    if (link != LINK_READY || doing != NOTHING ||
        err_is_fail(mem_free_monitor_call__tx(first_server, NOP_CONT, block->cap, block->base,
                                              block->bits)))
        return false;
    doing = RETURNING;
    leaving = *block;
    return true;
}

/* ---- the link ---- */

static void lost(errval_t err)
{
    link = LINK_GONE;
    if (doing == ASKING)
        asked(err, NULL_CAP);
    else if (doing == RETURNING)
        returned(err);
}

static void broken(struct mem_binding *b, errval_t err)
{
    b->control(b, IDC_CONTROL_TEARDOWN);
    lost(err);
}

static void bound(void *st, errval_t err, struct mem_binding *b)
{
    (void)st;
    if (err_is_fail(err)) {
        lost(err);
        return;
    }
    first_server = b;
    link = LINK_READY;
    b->rx_vtbl.allocate_response = allocate_response;
    b->rx_vtbl.free_monitor_response = free_response;
    b->error_handler = broken;
    ask_next(SYS_ERR_OK);
}

static errval_t connect(void)
{
    struct monitor_blocking_binding *monitor = get_monitor_blocking_binding();
    iref_t own, first;
    errval_t answer = SYS_ERR_OK;
    errval_t err = monitor->rpc_tx_vtbl.get_mem_iref(monitor, &own, &first, &answer);

    if (err_is_ok(err))
        err = answer;
    if (err_is_ok(err) && first == 0)
        err = MON_ERR_INVALID_IREF;
    if (err_is_ok(err))
        err = mem_bind(first, bound, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
    link = err_is_ok(err) ? LINK_BINDING : LINK_GONE;
    return err;
}

bool supply_ask(const struct supply_wish *wish, const struct supply_handlers *handlers)
{
    assert(doing == NOTHING);
    if (disp_get_core_id() == 0 || link == LINK_GONE || wish->bits >= MM_MAX_BITS)
        return false;
    on = handlers;
    plan(wish);
    if (link == LINK_NONE && err_is_fail(connect()))
        return false;
    doing = ASKING;
    if (link == LINK_READY)
        ask_next(SYS_ERR_OK);
    return true;
}
