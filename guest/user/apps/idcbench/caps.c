/* SPDX-License-Identifier: MIT
 *
 * Instructions of the CPU driver for operations on capabilities: all that the call takes in ring 0,
 * however many entries it has.
 */
#include "idcbench.h"

#include <barrelfish/ram_alloc.h>

#define ROUNDS 15
#define FRAMES 256       /* of one retype: as many as there may be */
#define DESCENDANTS 1000 /* of one revoke */
#define SLOTS 1024

static uint64_t begun_all, begun_user, overhead;

static void begin(void)
{
    begun_user = instructions(COUNT_USER);
    begun_all = instructions(COUNT_ALL);
}

static uint64_t ring0(void)
{
    const uint64_t all = instructions(COUNT_ALL), user = instructions(COUNT_USER);

    return (all - begun_all) - (user - begun_user) - overhead;
}

#define COUNT(results, call)              \
    do {                                  \
        begin();                          \
        must((call), #call);              \
        results_add(&(results), ring0()); \
    } while (0)

static struct capref new_slot(void)
{
    struct capref slot;

    must(slot_alloc(&slot), "a slot");
    return slot;
}

static void count_single(void)
{
    struct results copy = { 0 }, mint = { 0 }, map = { 0 }, unmap = { 0 };
    struct capref frame, to = new_slot(), table = new_slot(), mapping = new_slot();

    must(frame_alloc(&frame, BASE_PAGE_SIZE, NULL), "a frame");
    must(vnode_create(table, ObjType_VNode_x86_64_ptable), "a page table");
    for (unsigned i = 0; i < ROUNDS; i++) {
        COUNT(copy, cap_copy(to, frame));
        must(cap_delete(to), "deleting");
        COUNT(mint, cap_mint(to, frame, CAPRIGHTS_READ, 0));
        must(cap_delete(to), "deleting");
        COUNT(map, vnode_map(table, frame, 0, PTABLE_WRITE, 0, 1, mapping));
        COUNT(unmap, vnode_unmap(table, mapping));
        must(cap_delete(mapping), "deleting");
    }
    results_print(&copy, "kernel.copy", 0);
    results_print(&mint, "kernel.mint", 0);
    results_print(&map, "kernel.map", 0);
    results_print(&unmap, "kernel.unmap", 0);
}

/* As many frames as one call makes; then as many descendants as four calls made. */
static void count_many(void)
{
    struct results retype = { 0 }, revoke = { 0 };
    struct capref ram, cnode[SLOTS / L2_CNODE_SLOTS];
    struct cnoderef ref[SLOTS / L2_CNODE_SLOTS];

    must(ram_alloc(&ram, BASE_PAGE_BITS + 10), "memory");
    for (unsigned c = 0; c < SLOTS / L2_CNODE_SLOTS; c++)
        must(cnode_create_l2(&cnode[c], &ref[c]), "a CNode");
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned c = 0; c < SLOTS / L2_CNODE_SLOTS; c++) {
            const struct capref first = { .cnode = ref[c], .slot = 0 };
            const unsigned made = c * FRAMES,
                           count = DESCENDANTS - made < FRAMES ? DESCENDANTS - made : FRAMES;

            if (count < FRAMES) {
                must(cap_retype(first, ram, made * BASE_PAGE_SIZE, ObjType_Frame, BASE_PAGE_SIZE,
                                count),
                     "retyping");
            } else {
                COUNT(retype, cap_retype(first, ram, made * BASE_PAGE_SIZE, ObjType_Frame,
                                         BASE_PAGE_SIZE, FRAMES));
            }
        }
        COUNT(revoke, cap_revoke(ram));
    }
    results_print(&retype, "kernel.retype.256", 0);
    results_print(&revoke, "kernel.revoke.1000", 0);
    for (unsigned c = 0; c < SLOTS / L2_CNODE_SLOTS; c++)
        must(cap_destroy(cnode[c]), "deleting");
    must(cap_destroy(ram), "deleting");
}

void count_operations(void)
{
    begin();
    overhead = ring0(); /* of the readings */
    count_single();
    count_many();
}
