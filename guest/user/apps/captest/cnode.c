/* SPDX-License-Identifier: MIT
 *
 * Retype, copy, mint, delete, revoke and identify: the invocations of CNodes.
 */
#include "captest.h"

#define PAGE BASE_PAGE_SIZE
#define RAM_BITS 21
#define RAM_BYTES (1ul << RAM_BITS)

static void retype_sizes(struct capref ram)
{
    struct capref to = new_slot();

    EXPECT(cap_retype, "an offset that is not page aligned", SYS_ERR_RETYPE_INVALID_OFFSET,
           cap_retype(to, ram, 1024, ObjType_Frame, 32 * PAGE, 1));
    EXPECT(cap_retype, "an offset at the end", SYS_ERR_RETYPE_INVALID_OFFSET,
           cap_retype(to, ram, RAM_BYTES, ObjType_Frame, 32 * PAGE, 1));
    EXPECT(cap_retype, "an offset beyond the end", SYS_ERR_RETYPE_INVALID_OFFSET,
           cap_retype(to, ram, 2 * RAM_BYTES, ObjType_Frame, 32 * PAGE, 1));
    EXPECT(cap_retype, "an object that leaves the source", SYS_ERR_RETYPE_INVALID_OFFSET,
           cap_retype(to, ram, RAM_BYTES - 31 * PAGE, ObjType_Frame, 32 * PAGE, 1));
    EXPECT(cap_retype, "a size that is no multiple of a page", SYS_ERR_INVALID_SIZE,
           cap_retype(to, ram, 0, ObjType_Frame, 6144, 1));
    EXPECT(cap_retype, "objects of no size", SYS_ERR_INVALID_SIZE,
           cap_retype(to, ram, 0, ObjType_Frame, 0, 1));
    EXPECT(cap_retype, "an object larger than the source", SYS_ERR_INVALID_SIZE,
           cap_retype(to, ram, 0, ObjType_Frame, RAM_BYTES + PAGE, 1));
    EXPECT(cap_retype, "a root CNode of half a size", SYS_ERR_INVALID_SIZE,
           cap_retype(to, ram, 0, ObjType_L1CNode, OBJSIZE_L2CNODE / 2, 1));
    EXPECT(cap_retype, "more objects than fit the source", SYS_ERR_RETYPE_INVALID_COUNT,
           cap_retype(to, ram, 0, ObjType_Frame, PAGE, RAM_BYTES / PAGE + 1));
    EXPECT(cap_retype, "no object", SYS_ERR_RETYPE_INVALID_COUNT,
           cap_retype(to, ram, 0, ObjType_Frame, PAGE, 0));
    slot_free(to);
}

static void retype_types(struct capref ram)
{
    struct capref to = new_slot(), frame;

    MUST(frame_alloc(&frame, PAGE, NULL));
    EXPECT(cap_retype, "RAM to a Kernel capability", SYS_ERR_INVALID_RETYPE,
           cap_retype(to, ram, 0, ObjType_Kernel, 0, 1));
    EXPECT(cap_retype, "a frame to RAM", SYS_ERR_INVALID_RETYPE,
           cap_retype(to, frame, 0, ObjType_RAM, PAGE, 1));
    EXPECT(cap_retype, "a type that does not exist", SYS_ERR_INVALID_RETYPE,
           cap_retype(to, ram, 0, ObjType_Num, PAGE, 1));
    EXPECT(cap_retype, "RAM to a table of the fifth level", SYS_ERR_VM_NO_FIVE_LEVELS,
           cap_retype(to, ram, 0, ObjType_VNode_x86_64_pml5, 0, 1));
    EXPECT(cap_retype, "RAM to a mapping", SYS_ERR_RETYPE_MAPPING_EXPLICIT,
           cap_retype(to, ram, 0, ObjType_Frame_Mapping, PAGE, 1));
    MUST(cap_destroy(frame));
    slot_free(to);
}

static void retype_places(struct capref ram)
{
    struct capref a = new_slot(), b = new_slot(), cnode;
    struct cnoderef ref;

    MUST(cap_retype(a, ram, 0, ObjType_Frame, 32 * PAGE, 1));
    EXPECT(cap_retype, "a part that is in use", SYS_ERR_REVOKE_FIRST,
           cap_retype(b, ram, 16 * PAGE, ObjType_Frame, 16 * PAGE, 1));
    EXPECT(cap_retype, "a range around what is in use", SYS_ERR_REVOKE_FIRST,
           cap_retype(b, ram, 0, ObjType_RAM, 64 * PAGE, 1));
    EXPECT(cap_retype, "into a slot that is in use", SYS_ERR_SLOT_IN_USE,
           cap_retype(a, ram, 32 * PAGE, ObjType_Frame, PAGE, 1));
    EXPECT(cap_retype, "of an empty slot", SYS_ERR_SOURCE_CAP_LOOKUP,
           cap_retype(b, b, 0, ObjType_Frame, PAGE, 1));

    MUST(cnode_create_l2(&cnode, &ref));
    struct capref last = { .cnode = ref, .slot = L2_CNODE_SLOTS - 1 };
    EXPECT(cap_retype, "into more slots than there are", SYS_ERR_SLOTS_INVALID,
           cap_retype(last, ram, 32 * PAGE, ObjType_Frame, PAGE, 2));
    EXPECT(cap_retype, "a frame into the root CNode", SYS_ERR_DEST_TYPE_INVALID,
           cap_retype((struct capref){ .cnode = cnode_root, .slot = 200 }, ram, 32 * PAGE,
                      ObjType_Frame, PAGE, 1));
    MUST(cap_delete(cnode));
    EXPECT(cap_retype, "into a CNode that is not there", SYS_ERR_DEST_CNODE_LOOKUP,
           cap_retype(last, ram, 32 * PAGE, ObjType_Frame, PAGE, 1));
    slot_free_root(cnode);
    MUST(cap_destroy(a));
    slot_free(b);
}

static void copy_and_mint(void)
{
    struct capref frame, to = new_slot(), empty = new_slot(), ep = new_slot();

    MUST(frame_alloc(&frame, PAGE, NULL));
    MUST(cap_copy(to, frame));
    EXPECT(cap_copy, "into a slot that is in use", SYS_ERR_SLOT_IN_USE, cap_copy(to, frame));
    EXPECT(cap_copy, "of an empty slot", SYS_ERR_SOURCE_CAP_LOOKUP, cap_copy(ep, empty));
    EXPECT(cap_copy, "a frame into the root CNode", SYS_ERR_DEST_TYPE_INVALID,
           cap_copy((struct capref){ .cnode = cnode_root, .slot = 200 }, frame));
    EXPECT(cap_copy, "a root CNode into a root CNode", SYS_ERR_DEST_TYPE_INVALID,
           cap_copy((struct capref){ .cnode = cnode_root, .slot = ROOTCN_SLOT_MORE }, cap_root));
    EXPECT(cap_mint, "into a slot that is in use", SYS_ERR_SLOT_IN_USE,
           cap_mint(to, frame, CAPRIGHTS_READ, 0));
    EXPECT(cap_mint, "of an empty slot", SYS_ERR_SOURCE_CAP_LOOKUP, cap_mint(ep, empty, 0, 0));
    MUST(cap_retype(ep, cap_dispatcher, 0, ObjType_EndPointLMP, 0, 1));
    EXPECT(cap_mint, "an endpoint outside of the frame", SYS_ERR_MINT_INVALID,
           cap_mint(empty, ep, DISPATCHER_FRAME_BYTES, LMP_ENDPOINT_MIN_WORDS));
    MUST(cap_destroy(ep));
    MUST(cap_destroy(to));
    MUST(cap_destroy(frame));
    slot_free(empty);
}

static void delete_and_identify(void)
{
    struct capref frame, blind = new_slot(), empty = new_slot();
    struct capref nowhere = { .cnode = CNODE_L2(250), .slot = 0 };
    struct capability contents;

    MUST(frame_alloc(&frame, PAGE, NULL));
    MUST(cap_mint(blind, frame, CAPRIGHTS_READ, 0));
    EXPECT(cap_delete, "of an empty slot", SYS_ERR_CAP_NOT_FOUND, cap_delete(empty));
    EXPECT(cap_delete, "in a CNode that is not there", SYS_ERR_CNODE_NOT_FOUND,
           cap_delete(nowhere));
    EXPECT(cap_destroy, "of an empty slot", SYS_ERR_CAP_NOT_FOUND, cap_destroy(empty));
    EXPECT(cap_revoke, "of an empty slot", SYS_ERR_CAP_NOT_FOUND, cap_revoke(empty));
    EXPECT(cap_direct_identify, "of an empty slot", SYS_ERR_CAP_NOT_FOUND,
           cap_direct_identify(empty, &contents));
    EXPECT(cap_direct_identify, "without the right", SYS_ERR_CAP_IDENTIFY,
           cap_direct_identify(blind, &contents));
    MUST(cap_destroy(blind));
    MUST(cap_destroy(frame));
    slot_free(empty);
}

void test_cnode(void)
{
    struct capref ram;

    MUST(ram_alloc(&ram, RAM_BITS));
    retype_sizes(ram);
    retype_types(ram);
    retype_places(ram);
    copy_and_mint();
    delete_and_identify();
    MUST(cap_destroy(ram));
}
