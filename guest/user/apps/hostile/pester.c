/* SPDX-License-Identifier: MIT
 *
 * Asking the monitor without a pause whether memory is in use on another core, by many at once, so
 * that whoever wants it back never finds a moment in which nobody asks.
 *
 *   pester owner      lends a page to a program of another core and revokes it, again and again
 *   pester borrower   that program
 *   pester asker      has the whole of which the page is a part, from the owner, and asks about it
 */
#include "hostile.h"

#include <barrelfish/barrelfish.h>
#include <barrelfish/monitor_client.h>
#include <barrelfish/ram_alloc.h>
#include <if/monitor_blocking_defs.h>
#include <stdio.h>
#include <string.h>

#define WHOLE "hostile.pester.whole"
#define PART "hostile.pester.part"
#define ASKERS 2
#define ROUNDS 3

/* The CSpace, as the monitor wants to be shown it. */
static struct capref root_of(struct capref cap)
{
    const capaddr_t croot = get_croot_addr(cap);
    return (struct capref){ .cnode = CNODE_L2(croot >> L2_CNODE_BITS),
                            .slot = croot & (L2_CNODE_SLOTS - 1) };
}

/* The monitor's answer to the first question, which cap_revoke() would repeat. */
static errval_t clear_the_way(struct capref cap)
{
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    errval_t answer, err = b->rpc_tx_vtbl.remote_cap_revoke(b, root_of(cap), get_cap_addr(cap),
                                                            get_cap_level(cap), &answer);
    return err_is_ok(err) ? answer : err;
}

static bool be_owner(void)
{
    struct capref ram, whole, part;
    if (err_is_fail(slot_alloc(&whole)) || err_is_fail(slot_alloc(&part)) ||
        err_is_fail(ram_alloc(&ram, BASE_PAGE_BITS + 1)) ||
        err_is_fail(cap_retype(whole, ram, 0, ObjType_Frame, 2 * BASE_PAGE_SIZE, 1)) ||
        err_is_fail(cap_retype(part, whole, 0, ObjType_Frame, BASE_PAGE_SIZE, 1)) ||
        !offer_frame(WHOLE, whole))
        return false;
    for (unsigned i = 1; i < ASKERS; i++)
        offer_again();
    unsigned put_off = 0;
    if (!offer_frame(PART, part))
        return false;
    for (unsigned i = 0; i < ROUNDS; i++) {
        offer_again(); /* who asks again has got the one before */
        errval_t err = clear_the_way(part);
        if (err_is_fail(err)) {
            printf("not yet: %s\n", err_getstring(err));
            put_off++;
        }
        err = cap_revoke(part);
        if (err_is_fail(err))
            printf("no revoke: %s\n", err_getstring(err));
    }
    printf("pestered: %u of %u revokes were put off\n", put_off, ROUNDS);
    return put_off == 0;
}

/* What it gets may be revoked on its way. */
static bool be_borrower(void)
{
    for (unsigned i = 0; i <= ROUNDS; i++) {
        struct capref frame;
        (void)borrow_frame(PART, &frame);
    }
    return true;
}

static bool be_asker(void)
{
    struct capref whole;
    errval_t err = borrow_frame(WHOLE, &whole), answer;
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    if (err_is_fail(err) || b == NULL)
        return false;
    printf("asking\n");
    while (err_is_ok(b->rpc_tx_vtbl.remote_cap_retype(
        b, root_of(whole), get_cap_addr(whole), get_cap_level(whole), 0, BASE_PAGE_SIZE, &answer)))
        continue;
    return false;
}

bool hostile_pester(int argc, char **argv)
{
    (void)argc;
    if (strcmp(argv[0], "owner") == 0)
        return be_owner();
    if (strcmp(argv[0], "borrower") == 0)
        return be_borrower();
    return strcmp(argv[0], "asker") == 0 && be_asker();
}
