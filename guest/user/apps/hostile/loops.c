/* SPDX-License-Identifier: MIT
 *
 * Calls that have much to do: the CPU driver must not do it all at once.  Between its pieces
 * others run, so whoever shares the core hardly notices; tests/scenario/bounded.sh counts the
 * instructions of each entry.
 *
 *   loops cnode BITS      deletes a CNode of 2^BITS bytes, full of nothing
 *   loops scan BITS       asks for more objects than one call may make
 *   loops endpoints N     deletes a dispatcher with N endpoints
 *   loops nested N        deletes N CNodes, each in the first slot of the one before
 *   loops tables N        deletes N page tables full of mappings
 *   loops frames N        makes and revokes N frames in one call each
 *   loops pages N         maps N pages with one call, changes their rights, unmaps; again, and
 *                         deletes
 *   loops dump N          has all it has said on the console, N times
 */
#include "hostile.h"

#include <barrelfish/barrelfish.h>
#include <barrelfish/ram_alloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(call)                                                \
    do {                                                          \
        errval_t must_err = (call);                               \
        if (err_is_fail(must_err))                                \
            USER_PANIC_ERR(must_err, "hostile loops: %s", #call); \
    } while (0)

static struct capref new_slot(void)
{
    struct capref slot;
    MUST(slot_alloc(&slot));
    return slot;
}

static void delete_cnode(unsigned long bits)
{
    struct capref ram, cnode = new_slot();
    MUST(ram_alloc(&ram, (uint8_t)bits));
    MUST(cap_retype(cnode, ram, 0, ObjType_L1CNode, 1ul << bits, 1));
    MUST(cap_delete(cnode));
}

static void scan(unsigned long bits)
{
    struct capref ram, cnode = new_slot();
    MUST(ram_alloc(&ram, (uint8_t)bits));
    MUST(cap_retype(cnode, ram, 0, ObjType_L1CNode, 1ul << bits, 1));
    struct sysret result = CAP_INVOKE_ADDR(0, 0, CNodeCmd_Retype,
                                           .retype = { .src_root = CPTR_ROOTCN,
                                                       .src = cap_place(ram),
                                                       .type = ObjType_L2CNode,
                                                       .count = (1ul << bits) / OBJSIZE_CTE,
                                                       .dest_root = CPTR_ROOTCN,
                                                       .dest_cnode = cap_place(cnode) });
    if (err_is_ok(result.error))
        printf("the retype was not refused\n");
    MUST(cap_delete(cnode));
}

static void delete_endpoints(unsigned long count)
{
    struct capref dispatcher = new_slot();
    MUST(dispatcher_create(dispatcher));
    for (unsigned long made = 0; made < count; made += L2_CNODE_SLOTS) {
        struct capref cnode;
        struct cnoderef slots;
        MUST(cnode_create_l2(&cnode, &slots));
        MUST(cap_retype((struct capref){ .cnode = slots, .slot = 0 }, dispatcher, 0,
                        ObjType_EndPointLMP, 0, L2_CNODE_SLOTS));
    }
    MUST(cap_delete(dispatcher));
}

static void delete_nested(unsigned long count)
{
    struct capref cnode;
    struct cnoderef slots;
    MUST(cnode_create_l2(&cnode, &slots));
    for (unsigned long i = 1; i < count; i++) {
        struct capref outer;
        MUST(cnode_create_l2(&outer, &slots));
        MUST(cap_copy((struct capref){ .cnode = slots, .slot = 0 }, cnode));
        MUST(cap_destroy(cnode));
        cnode = outer;
    }
    MUST(cap_delete(cnode));
}

static void delete_tables(unsigned long count)
{
    struct capref frame;
    MUST(frame_alloc(&frame, BASE_PAGE_SIZE, NULL));
    for (unsigned long i = 0; i < count; i++) {
        struct capref table = new_slot();
        MUST(vnode_create(table, ObjType_VNode_x86_64_ptable));
        for (unsigned entry = 0; entry < 100; entry++) {
            struct capref copy = new_slot();
            MUST(cap_copy(copy, frame));
            MUST(vnode_map(table, copy, entry, PTABLE_WRITE, 0, 1, new_slot()));
        }
        MUST(cap_delete(table));
    }
}

static void revoke_frames(unsigned long count)
{
    struct capref ram, cnode;
    struct cnoderef slots;
    MUST(ram_alloc(&ram, 20));
    MUST(cnode_create_l2(&cnode, &slots));
    MUST(cap_retype((struct capref){ .cnode = slots, .slot = 0 }, ram, 0, ObjType_Frame,
                    BASE_PAGE_SIZE, count));
    MUST(cap_revoke(ram));
}

static void map_pages(unsigned long count)
{
    struct capref frame, table = new_slot(), mapping = new_slot();
    MUST(frame_alloc(&frame, count * BASE_PAGE_SIZE, NULL));
    MUST(vnode_create(table, ObjType_VNode_x86_64_ptable));
    MUST(vnode_map(table, frame, 0, PTABLE_WRITE, 0, count, mapping));
    MUST(invoke_mapping_modify(mapping, 0, count, PTABLE_READ_ONLY));
    MUST(vnode_unmap(table, mapping));
    MUST(cap_delete(mapping));
    MUST(vnode_map(table, frame, 0, PTABLE_WRITE, 0, count, mapping));
    MUST(cap_delete(frame));
    MUST(cap_delete(table));
}

/* All entries of a table go over to another frame, and to another table. */
static void take_over(unsigned long count)
{
    struct capref frame, other, table = new_slot(), heir = new_slot(), mapping = new_slot(),
                                next = new_slot();
    MUST(frame_alloc(&frame, count * BASE_PAGE_SIZE, NULL));
    MUST(frame_alloc(&other, count * BASE_PAGE_SIZE, NULL));
    MUST(vnode_create(table, ObjType_VNode_x86_64_ptable));
    MUST(vnode_create(heir, ObjType_VNode_x86_64_ptable));
    MUST(vnode_map(table, frame, 0, PTABLE_WRITE, 0, count, mapping));
    MUST(vnode_copy_remap(table, other, 0, PTABLE_WRITE, 0, count, next));
    MUST(vnode_inherit(heir, table, 0, (cslot_t)count));
    MUST(vnode_modify_flags(heir, 0, 1, PTABLE_READ_ONLY));
    MUST(cap_delete(heir));
    MUST(vnode_create(heir, ObjType_VNode_x86_64_ptable));
    MUST(vnode_inherit_attr(heir, table, 0, (cslot_t)count, PTABLE_READ_ONLY));
    MUST(cap_revoke(other));
    MUST(cap_delete(heir));
    MUST(cap_delete(table));
}

static void dump(unsigned long times)
{
    while (times-- > 0) {
        debug_dump_hw_ptables();
        debug_my_cspace();
    }
}

bool hostile_loops(int argc, char **argv)
{
    static const struct {
        const char *what;
        void (*act)(unsigned long count);
    } loops[] = {
        { "cnode", delete_cnode },
        { "scan", scan },
        { "endpoints", delete_endpoints },
        { "nested", delete_nested },
        { "tables", delete_tables },
        { "frames", revoke_frames },
        { "pages", map_pages },
        { "heirs", take_over },
        { "dump", dump },
    };
    for (size_t i = 0; argc > 1 && i < sizeof(loops) / sizeof(loops[0]); i++)
        if (strcmp(argv[0], loops[i].what) == 0) {
            loops[i].act(strtoul(argv[1], NULL, 10));
            return true;
        }
    return false;
}
