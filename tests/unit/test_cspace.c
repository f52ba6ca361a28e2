/* SPDX-License-Identifier: MIT
 *
 * CSpace arithmetic and the slot allocator (facts §3.2).
 */
/* link: guest/user/lib/barrelfish/memory/slot_alloc.c */
/* link: guest/user/lib/barrelfish/memory/ram_holes.c */
#include "fake_dispatcher.h"

#include <barrelfish/capabilities.h>
#include <stdlib.h>

#include "../../guest/user/lib/barrelfish/dispatch/heap.h"
#include "../../guest/user/lib/barrelfish/memory/slot_bits.h"

/* ---- what the slot allocator calls ---- */

static unsigned cnodes_made;
static bool cnode_creation_fails;

static unsigned root_parts; /* made behind the first one */
static bool root_creation_fails;

void *heap_alloc_mapped(size_t bytes)
{
    return malloc(bytes);
}

/* Another part of the root CNode: in the last slot but for it, behind the parts there are. */
static errval_t make_root_part(struct capref dest)
{
    cr_assert_eq(dest.slot, root_parts * L2_CNODE_SLOTS + ROOTCN_SLOT_MORE);
    if (root_creation_fails)
        return LIB_ERR_RAM_ALLOC;
    root_parts++;
    return SYS_ERR_OK;
}

errval_t ram_create_object(struct capref dest, unsigned objtype, gensize_t bytes)
{
    struct capref slot;

    cr_assert_eq(bytes, OBJSIZE_L2CNODE);
    cr_assert_eq(dest.cnode.level, CNODE_TYPE_ROOT);
    if (objtype == ObjType_L1CNode)
        return make_root_part(dest);
    cr_assert_eq(objtype, ObjType_L2CNode);
    /* making a CNode takes slots itself */
    if (err_is_fail(slot_alloc(&slot)))
        return LIB_ERR_RAM_ALLOC;
    cnodes_made += !cnode_creation_fails;
    cr_assert(err_is_ok(slot_free(slot)));
    return cnode_creation_fails ? (errval_t)LIB_ERR_RAM_ALLOC : (errval_t)SYS_ERR_OK;
}

/* Deletes nothing: no capability is in the slots of this test. */
struct sysret sys_invoke_raw(uint64_t rsi, uint64_t rdx, const uintptr_t *words)
{
    (void)rsi, (void)rdx, (void)words;
    return SYSRET(SYS_ERR_OK);
}

/* Nothing is identified: there is no RAM of which objects are made. */
void *disp_kernel_buffer(dispatcher_handle_t handle)
{
    (void)handle;
    cr_assert_fail("there is nothing to identify");
    return NULL;
}

void thread_mutex_init(struct thread_mutex *mutex)
{
    mutex->locked = 0;
}

void thread_mutex_lock(struct thread_mutex *mutex)
{
    cr_assert_eq(mutex->locked, 0, "the lock is held while a CNode is made");
    mutex->locked = 1;
}

void thread_mutex_unlock(struct thread_mutex *mutex)
{
    cr_assert_eq(mutex->locked, 1);
    mutex->locked = 0;
}

static void set_up(void)
{
    fake_reset();
    cnodes_made = 0;
    cnode_creation_fails = false;
    cr_assert(err_is_ok(slot_alloc_init()));
}

TestSuite(cspace, .init = set_up, .timeout = 60);

Test(cspace, address_of_a_slot_in_an_l2_cnode)
{
    struct capref cap = { .cnode = CNODE_L2(5), .slot = 0x42 };

    cr_assert_eq(get_cap_addr(cap), 0x542);
    cr_assert_eq(get_cap_level(cap), 2);
    cr_assert_eq(get_cnode_addr(cap), 0x500);
    cr_assert_eq(get_cnode_level(cap), 1);
    cr_assert_eq(get_croot_addr(cap), KPI_CPTR(ROOTCN_SLOT_TASKCN, TASKCN_SLOT_ROOTCN));
    cr_assert(capref_is_own(cap));
    cap.cnode = CNODE_L2(0xabcdef);
    cr_assert_eq(get_cap_addr(cap), 0xabcdef42);
}

Test(cspace, address_of_a_slot_in_the_root_cnode)
{
    struct capref cap = { .cnode = cnode_root, .slot = 0x42 };

    cr_assert_eq(get_cap_addr(cap), 0x4200);
    cr_assert_eq(get_cap_level(cap), 1);
    cr_assert_eq(get_cnode_addr(cap), 0);
    cr_assert_eq(get_cnode_level(cap), 0);
}

Test(cspace, null_capability_is_no_slot)
{
    struct capref first = { .cnode = cnode_task, .slot = 0 };

    cr_assert(capref_is_null(NULL_CAP));
    cr_assert_eq(get_cap_level(NULL_CAP), 0);
    cr_assert(!capref_is_null(first));
    cr_assert(capcmp(first, TASK_CAP(TASKCN_SLOT_SELF)));
    cr_assert(!capcmp(first, TASK_CAP(TASKCN_SLOT_DISPATCHER)));
    cr_assert_eq(sizeof(struct cnoderef), 9, "packed");
}

Test(cspace, reference_to_an_l2_cnode_names_its_slots)
{
    struct capref cnode = { .cnode = cnode_root, .slot = 20 };
    struct capref in_it = { .cnode = build_cnoderef(cnode, CNODE_TYPE_OTHER), .slot = 3 };

    cr_assert_eq(get_cap_addr(in_it), 20 << 8 | 3);
    cr_assert(capref_is_own(in_it));
}

Test(cspace, reference_to_an_l1_cnode_is_another_cspace)
{
    struct capref root = { .cnode = CNODE_L2(7), .slot = 9 };
    struct cnoderef l1 = build_cnoderef(root, CNODE_TYPE_ROOT);
    struct capref l2 = { .cnode = l1, .slot = ROOTCN_SLOT_TASKCN };
    struct capref task = { .cnode = build_cnoderef(l2, CNODE_TYPE_OTHER), .slot = 4 };

    cr_assert_eq(get_croot_addr(l2), 0x709);
    cr_assert_eq(get_cap_addr(l2), 0);
    cr_assert_eq(get_croot_addr(task), 0x709);
    cr_assert_eq(get_cap_addr(task), 4);
    cr_assert(!capref_is_own(task));
}

Test(cspace, copies_are_invoked_on_the_cnode_that_receives)
{
    struct capref own = { .cnode = CNODE_L2(5), .slot = 0x42 };
    struct capref own_l1 = { .cnode = cnode_root, .slot = 20 };
    struct capref foreign = { .cnode = { .croot = 0x709, .cnode = 0x300, .level = 2 }, .slot = 1 };
    struct cnode_target t = cnode_target(own);

    cr_assert(t.cptr == 0x500 && t.level == 1 && t.slot == 0x42 && t.slot_level == 2);
    t = cnode_target(own_l1);
    cr_assert(t.cptr == 0 && t.level == 0 && t.slot == 20 && t.slot_level == 1);
    t = cnode_target(foreign);
    cr_assert(t.cptr == 0x709 && t.level == 2 && t.slot == 0x301 && t.slot_level == 2);
    foreign.cnode = (struct cnoderef){ .croot = 0x709, .level = CNODE_TYPE_ROOT };
    t = cnode_target(foreign);
    cr_assert(t.cptr == 0x709 && t.level == 2 && t.slot == 1 && t.slot_level == 1);
}

Test(cspace, header_of_an_invocation)
{
    cr_assert_eq(invoke_header(0x12345678, 2, 1, 10, 7), 0x1234567801020a07ull);
}

Test(cspace, slot_bits_take_every_slot_once)
{
    uint64_t used[SLOT_BITS_WORDS] = { 0 };
    bool seen[L2_CNODE_SLOTS] = { false };

    for (unsigned i = 0; i < L2_CNODE_SLOTS; i++) {
        int slot = slot_bits_take(used);

        cr_assert(slot >= 0 && slot < L2_CNODE_SLOTS && !seen[slot]);
        seen[slot] = true;
    }
    cr_assert_eq(slot_bits_take(used), -1);
    cr_assert(slot_bits_clear(used, 130));
    cr_assert(!slot_bits_clear(used, 130));
    cr_assert(!slot_bits_clear(used, 256));
    cr_assert_eq(slot_bits_take(used), 130);
}

Test(cspace, slots_come_from_the_first_allocation_cnode)
{
    struct capref cap;

    cr_assert(err_is_ok(slot_alloc(&cap)));
    cr_assert_eq(get_cap_addr(cap) >> 8, ROOTCN_SLOT_SLOT_ALLOC0);
    cr_assert(err_is_ok(slot_free(cap)));
    cr_assert_eq(err_no(slot_free(cap)), LIB_ERR_SLOT_FREE);
    cap.cnode = cnode_task;
    cr_assert_eq(err_no(slot_free(cap)), LIB_ERR_SLOT_FREE);
}

Test(cspace, slot_allocator_grows_before_it_is_exhausted)
{
    static bool seen[0x10000];
    struct capref cap;

    for (unsigned i = 0; i < 5000; i++) {
        cr_assert(err_is_ok(slot_alloc(&cap)));
        cr_assert(!seen[get_cap_addr(cap)], "slot 0x%x given twice", get_cap_addr(cap));
        seen[get_cap_addr(cap)] = true;
        cr_assert(get_cap_addr(cap) >> 8 == ROOTCN_SLOT_SLOT_ALLOC0 ||
                  get_cap_addr(cap) >> 8 >= ROOTCN_SLOTS_USER);
    }
    cr_assert_eq(cnodes_made, 19); /* 256 * 20 >= 5000 + reserve */
}

Test(cspace, slot_allocator_goes_on_with_what_it_has_when_it_cannot_grow)
{
    struct capref cap;
    unsigned got = 0;

    cnode_creation_fails = true;
    while (err_is_ok(slot_alloc(&cap))) {
        got++;
        cr_assert(got <= L2_CNODE_SLOTS);
    }
    cr_assert_geq(got, L2_CNODE_SLOTS - 1);
    cr_assert(err_is_ok(slot_free(cap)));
    cr_assert(err_is_ok(slot_alloc(&cap)));
}

Test(cspace, root_slots_spare_the_well_known_ones)
{
    struct capref cap;
    unsigned got = 0;

    root_creation_fails = true;
    while (err_is_ok(slot_alloc_root(&cap))) {
        cr_assert(cap.slot >= ROOTCN_SLOTS_USER && cap.cnode.level == CNODE_TYPE_ROOT);
        got++;
    }
    cr_assert_eq(got, L2_CNODE_SLOTS - ROOTCN_SLOTS_USER);
    cap = (struct capref){ .cnode = cnode_root, .slot = ROOTCN_SLOT_TASKCN };
    cr_assert_eq(err_no(slot_free_root(cap)), LIB_ERR_SLOT_FREE);
    /* the first that comes back is the next; then the root can grow again */
    cap.slot = 100;
    cr_assert(err_is_ok(slot_free_root(cap)));
    cr_assert_eq(err_no(slot_free_root(cap)), LIB_ERR_SLOT_FREE);
    root_creation_fails = false;
    cr_assert(err_is_ok(slot_alloc_root(&cap)));
    cr_assert_eq(cap.slot, 100);
    cr_assert(err_is_ok(slot_alloc_root(&cap)));
    cr_assert_eq(cap.slot, L2_CNODE_SLOTS);
}

Test(cspace, the_root_grows_by_parts_to_its_limit)
{
    static bool seen[ROOTCN_MAX_PARTS * L2_CNODE_SLOTS];
    struct capref cap;
    unsigned got = 0;

    while (err_is_ok(slot_alloc_root(&cap))) {
        cr_assert(cap.slot < ROOTCN_MAX_PARTS * L2_CNODE_SLOTS && !seen[cap.slot]);
        cr_assert_neq(cap.slot % L2_CNODE_SLOTS, ROOTCN_SLOT_MORE, "kept for the next part");
        seen[cap.slot] = true;
        got++;
    }
    cr_assert_eq(root_parts, ROOTCN_MAX_PARTS - 1);
    cr_assert_eq(got,
                 ROOTCN_MAX_PARTS * L2_CNODE_SLOTS - ROOTCN_SLOTS_USER - (ROOTCN_MAX_PARTS - 1));
}

Test(cspace, slots_of_many_cnodes_come_back)
{
    enum { COUNT = 100000 };
    static struct capref cap[COUNT];

    for (unsigned i = 0; i < COUNT; i++)
        cr_assert(err_is_ok(slot_alloc(&cap[i])));
    cr_assert_geq(root_parts, 1);
    unsigned made = cnodes_made;
    for (unsigned i = 0; i < COUNT; i++) {
        cr_assert(err_is_ok(slot_free(cap[i])));
        cr_assert_eq(err_no(slot_free(cap[i])), LIB_ERR_SLOT_FREE);
    }
    for (unsigned i = 0; i < COUNT; i++)
        cr_assert(err_is_ok(slot_alloc(&cap[i])));
    cr_assert_eq(cnodes_made, made, "no more than there were");
}
