/* SPDX-License-Identifier: MIT
 *
 * Taking from everybody what many have: the boot information, the programs of the menu, memory that
 * another core uses.  Each attempt must be refused with a reason; what comes out wrong is said.
 *
 *   authority bootinfo   gets the boot information from the monitor
 *   authority modules    holds MODULECN, so it must be a boot program
 *   authority owner      lends memory to a program of another core and wants to make a CNode of it
 *   authority borrower   that program: writes into the memory what would be a capability
 */
#include "hostile.h"

#include <barrelfish/barrelfish.h>
#include <barrelfish/monitor_client.h>
#include <barrelfish/ram_alloc.h>
#include <if/monitor_blocking_defs.h>
#include <stdio.h>
#include <string.h>

#define SERVICE "hostile.authority"
#define LENT_BYTES OBJSIZE_L2CNODE
#define MARK 0x1234567812345678ull
#define FORGED_SLOT 5

static unsigned allowed;

static void refused(const char *what, errval_t err)
{
    if (err_is_ok(err)) {
        printf("allowed: %s\n", what);
        allowed++;
    }
}
#define REFUSED(call) refused(#call, (call))

static struct capref empty_slot(void)
{
    struct capref slot = NULL_CAP;
    if (err_is_fail(slot_alloc(&slot)))
        printf("no slot\n");
    return slot;
}

static bool verdict(const char *what)
{
    if (allowed == 0)
        printf("%s: kept\n", what);
    return true;
}

/* ---- what many have ---- */

static bool take_bootinfo(void)
{
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    struct capref frame = NULL_CAP;
    uint64_t bytes;
    errval_t answer, err = b->rpc_tx_vtbl.get_bootinfo(b, &answer, &frame, &bytes);
    if (err_is_fail(err) || err_is_fail(answer))
        return false;
    struct capref copy = empty_slot(), part = empty_slot();
    REFUSED(cap_revoke(frame));
    if (err_is_fail(cap_copy(copy, frame)))
        return false;
    REFUSED(cap_revoke(copy));
    if (err_is_ok(cap_mint(part, frame, CAPRIGHTS_ALLRIGHTS, 0)))
        REFUSED(cap_revoke(part));
    REFUSED(cap_retype(empty_slot(), frame, 0, ObjType_L2CNode, 0, 1));
    void *address;
    REFUSED(vspace_map_one_frame_attr(&address, BASE_PAGE_SIZE, copy, VREGION_FLAGS_READ_WRITE,
                                      NULL, NULL));
    return verdict("boot information");
}

static bool take_modules(void)
{
    const struct capref cnode = { .cnode = cnode_root, .slot = ROOTCN_SLOT_MODULECN };
    const struct capref first = { .cnode = cnode_module, .slot = 0 };
    const struct capref unused = { .cnode = cnode_module, .slot = L2_CNODE_SLOTS - 1 };
    struct capref ram, table = empty_slot(), mine = empty_slot();
    if (err_is_fail(ram_alloc(&ram, 12)) ||
        err_is_fail(vnode_create(table, ObjType_VNode_x86_64_ptable)))
        return false;
    REFUSED(cap_delete(first));
    REFUSED(cap_revoke(first));
    REFUSED(cap_revoke(cnode));
    REFUSED(cap_copy(unused, ram));
    REFUSED(cap_mint(unused, ram, CAPRIGHTS_READ, 0));
    REFUSED(cap_retype(unused, ram, 0, ObjType_Frame, BASE_PAGE_SIZE, 1));
    REFUSED(vnode_map(table, first, 0, PTABLE_READ_ONLY, 0, 1, mine));
    struct capref copy = empty_slot();
    if (err_is_fail(cap_copy(copy, first))) /* what it is there for */
        return false;
    REFUSED(vnode_map(table, copy, 0, PTABLE_READ_ONLY, 0, 1, unused));
    REFUSED(vnode_map(table, copy, 0, PTABLE_WRITE, 0, 1, mine));
    return verdict("modules");
}

/* ---- memory that another core has ---- */

static bool be_owner(void)
{
    struct capref ram, lent = empty_slot(), mine = empty_slot();
    void *address;
    if (err_is_fail(ram_alloc(&ram, 14)) ||
        err_is_fail(cap_retype(lent, ram, 0, ObjType_Frame, LENT_BYTES, 1)) ||
        err_is_fail(cap_copy(mine, lent)) ||
        err_is_fail(vspace_map_one_frame(&address, LENT_BYTES, mine, NULL, NULL)))
        return false;
    if (!offer_frame(SERVICE, lent))
        printf("no name\n");
    volatile uint64_t *memory = address;
    while (memory[0] != MARK) {
        event_dispatch_non_block(get_default_waitset());
        thread_yield_dispatcher(NULL_CAP);
    }
    /* it is all his own, as he sees it, and yet: nothing else is made of it, in part or as a
     * whole */
    REFUSED(cap_retype(empty_slot(), ram, 0, ObjType_L2CNode, 0, 1));
    REFUSED(cap_retype(empty_slot(), ram, BASE_PAGE_SIZE, ObjType_Frame, BASE_PAGE_SIZE, 2));
    REFUSED(cap_retype(empty_slot(), ram, 0, ObjType_Dispatcher, 0, 1));
    cap_delete(lent);
    REFUSED(cap_retype(empty_slot(), ram, 0, ObjType_L2CNode, 0, 1));
    /* it takes the memory back from everybody, and the borrower, who still writes, faults */
    struct capref cnode = empty_slot();
    if (err_is_fail(cap_revoke(ram)) ||
        err_is_fail(cap_retype(cnode, ram, 0, ObjType_L2CNode, 0, 1)))
        return false;
    return verdict("lent memory");
}

static bool be_borrower(void)
{
    struct capref frame;
    void *address;
    if (err_is_fail(borrow_frame(SERVICE, &frame)) ||
        err_is_fail(vspace_map_one_frame(&address, LENT_BYTES, frame, NULL, NULL)))
        return false;
    struct capability *forged = (void *)((char *)address + FORGED_SLOT * OBJSIZE_CTE);
    *forged = (struct capability){ .type = ObjType_Kernel, .rights = CAPRIGHTS_ALLRIGHTS };
    for (;;) { /* until it is taken away */
        *(volatile uint64_t *)address = MARK;
        thread_yield_dispatcher(NULL_CAP);
    }
}

bool hostile_authority(int argc, char **argv)
{
    (void)argc;
    if (strcmp(argv[0], "bootinfo") == 0)
        return take_bootinfo();
    if (strcmp(argv[0], "modules") == 0)
        return take_modules();
    if (strcmp(argv[0], "owner") == 0)
        return be_owner();
    return strcmp(argv[0], "borrower") == 0 && be_borrower();
}
