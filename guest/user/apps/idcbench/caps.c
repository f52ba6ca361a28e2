/* SPDX-License-Identifier: MIT
 *
 * Instructions of the CPU driver for operations on capabilities: all that the call takes in ring 0,
 * however many entries it has.
 */
#include "idcbench.h"

#include <barrelfish/lmp_chan.h>
#include <barrelfish/ram_alloc.h>

#define ROUNDS 15
#define SHAPES 31        /* of the database's tree */
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

/* What an operation costs depends on where in the tree of the database its capability comes to
 * lie: 1,070 to 1,480 instructions to map a page, by the shape alone.  So a copy and a mapping more
 * stay at each round, and the median says what is usual. */
static void count_single(void)
{
    struct results copy = { 0 }, mint = { 0 }, map = { 0 }, unmap = { 0 };
    struct capref frame, to = new_slot(), table = new_slot(), mapping = new_slot();
    struct capref copies[SHAPES], mappings[SHAPES];

    must(frame_alloc(&frame, BASE_PAGE_SIZE, NULL), "a frame");
    must(vnode_create(table, ObjType_VNode_x86_64_ptable), "a page table");
    for (unsigned i = 0; i < SHAPES; i++) {
        COUNT(copy, cap_copy(to, frame));
        must(cap_delete(to), "deleting");
        COUNT(mint, cap_mint(to, frame, CAPRIGHTS_READ, 0));
        must(cap_delete(to), "deleting");
        COUNT(map, vnode_map(table, frame, 0, PTABLE_WRITE, 0, 1, mapping));
        COUNT(unmap, vnode_unmap(table, mapping));
        must(cap_delete(mapping), "deleting");
        copies[i] = new_slot();
        mappings[i] = new_slot();
        must(cap_copy(copies[i], frame), "copying");
        must(vnode_map(table, copies[i], 1 + i, PTABLE_WRITE, 0, 1, mappings[i]), "mapping");
    }
    results_print(&copy, "kernel.copy", 0);
    results_print(&mint, "kernel.mint", 0);
    results_print(&map, "kernel.map", 0);
    results_print(&unmap, "kernel.unmap", 0);
    for (unsigned i = 0; i < SHAPES; i++) {
        must(cap_destroy(mappings[i]), "deleting");
        must(cap_destroy(copies[i]), "deleting");
    }
    must(cap_destroy(table), "deleting");
    must(cap_destroy(frame), "deleting");
    slot_free(to);
    slot_free(mapping);
}

/* One mapping that goes over to another frame, and to another table. */
static void count_taking_over(void)
{
    struct results remap = { 0 }, inherit = { 0 };
    struct capref frame, other, table = new_slot(), heir = new_slot(), mapping = new_slot(),
                                next = new_slot();

    must(frame_alloc(&frame, BASE_PAGE_SIZE, NULL), "a frame");
    must(frame_alloc(&other, BASE_PAGE_SIZE, NULL), "a frame");
    must(vnode_create(table, ObjType_VNode_x86_64_ptable), "a page table");
    must(vnode_create(heir, ObjType_VNode_x86_64_ptable), "a page table");
    const struct capref slots = { .cnode = cnode_task, .slot = L2_CNODE_SLOTS - 2 };
    const struct capref second = { .cnode = cnode_task, .slot = L2_CNODE_SLOTS - 1 };
    for (unsigned i = 0; i < ROUNDS; i++) {
        cslot_t at = 0;

        must(vnode_map(table, frame, 0, PTABLE_WRITE, 0, 1, mapping), "mapping");
        COUNT(remap, vnode_copy_remap(table, other, 0, PTABLE_WRITE, 0, 1, next));
        COUNT(inherit, invoke_vnode_inherit(heir, table, &at, 1, INHERIT_ATTR_SAME, slots));
        must(cap_delete(second), "deleting");
        must(cap_delete(slots), "deleting");
        must(cap_delete(next), "deleting");
        must(cap_delete(mapping), "deleting");
    }
    results_print(&remap, "kernel.remap", 0);
    results_print(&inherit, "kernel.inherit", 0);
    must(cap_destroy(table), "deleting");
    must(cap_destroy(heir), "deleting");
    must(cap_destroy(frame), "deleting");
    must(cap_destroy(other), "deleting");
    slot_free(mapping);
    slot_free(next);
}

/* A message to oneself, which lies in the buffer then: nobody else runs. */
static void count_messages(void)
{
    static const unsigned lengths[] = { 1, 4, LMP_MSG_WORDS };
    static const char *const names[] = { "kernel.lmp.1", "kernel.lmp.4", "kernel.lmp.10" };
    static const uintptr_t words[LMP_MSG_WORDS] = { 0 };
    static struct lmp_chan chan;

    lmp_chan_init(&chan);
    must(lmp_chan_accept(&chan, DEFAULT_LMP_BUF_WORDS, NULL_CAP), "an endpoint");
    for (unsigned l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++) {
        struct results sent = { 0 };

        for (unsigned i = 0; i < ROUNDS; i++) {
            struct lmp_recv_msg message = LMP_RECV_MSG_INIT;
            const uint64_t header = invoke_header(get_cap_addr(chan.local_cap),
                                                  get_cap_level(chan.local_cap), 0, lengths[l], 0);

            COUNT(sent, sys_invoke_raw(header, 0, words).error);
            must(lmp_chan_recv(&chan, &message, NULL), "receiving");
        }
        results_print(&sent, names[l], 0);
    }
    lmp_chan_destroy(&chan);
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
    count_taking_over();
    count_messages();
    count_many();
}
