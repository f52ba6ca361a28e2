/* SPDX-License-Identifier: MIT
 *
 * What the user library adds: operations of several steps return a stack of codes, the newest of
 * them named after the step that failed and the oldest what the kernel said.
 */
#include "captest.h"

/* A stack of codes, newest first, ended by SYS_ERR_OK. */
static void expect_stack(const char *operation, const char *when, errval_t err,
                         const enum err_code *codes)
{
    for (; *codes != SYS_ERR_OK; codes++, err = err_pop(err))
        expect(operation, when, err, *codes);
    expect(operation, when, err, SYS_ERR_OK);
}
#define EXPECT_STACK(operation, when, call, ...) \
    expect_stack(#operation, (when), (call), (enum err_code[]){ __VA_ARGS__, SYS_ERR_OK })

static void identify_frames(void)
{
    struct capref ram, table = new_slot();
    struct frame_identity identity;
    struct capability contents;

    MUST(ram_alloc(&ram, BASE_PAGE_BITS));
    EXPECT(frame_identify, "of RAM", LIB_ERR_CAP_NOT_MAPPABLE, frame_identify(ram, &identity));
    EXPECT(frame_identify, "of a dispatcher", LIB_ERR_CAP_NOT_MAPPABLE,
           frame_identify(cap_dispatcher, &identity));
    EXPECT(frame_identify, "of an empty slot", SYS_ERR_CAP_NOT_FOUND,
           frame_identify(table, &identity));
    MUST(vnode_create(table, ObjType_VNode_x86_64_ptable));
    EXPECT(frame_identify, "of a page table", SYS_ERR_OK, frame_identify(table, &identity));
    MUST(cap_direct_identify(table, &contents));
    if (identity.base != contents.u.mem.base || identity.bytes != OBJSIZE_VNODE)
        must(LIB_ERR_SHOULD_NOT_GET_HERE, "identity of a page table");
    MUST(cap_destroy(table));
    MUST(cap_destroy(ram));
}

static void refuse_sizes(void)
{
    struct capref cap;
    struct cnoderef ref;

    EXPECT_STACK(frame_alloc, "no byte", frame_alloc(&cap, 0, NULL), LIB_ERR_FRAME_ALLOC,
                 LIB_ERR_FRAME_CREATE, SYS_ERR_INVALID_SIZE);
    EXPECT_STACK(frame_alloc, "more than any machine has", frame_alloc(&cap, 1ul << 50, NULL),
                 LIB_ERR_FRAME_ALLOC, LIB_ERR_FRAME_CREATE, LIB_ERR_RAM_ALLOC,
                 LIB_ERR_RAM_ALLOC_WRONG_SIZE);
    EXPECT_STACK(frame_alloc, "more than this machine has", frame_alloc(&cap, 1ul << 34, NULL),
                 LIB_ERR_FRAME_ALLOC, LIB_ERR_FRAME_CREATE, LIB_ERR_RAM_ALLOC, MM_ERR_NOT_FOUND);
    EXPECT(ram_alloc, "less than a page", LIB_ERR_RAM_ALLOC_WRONG_SIZE,
           ram_alloc(&cap, BASE_PAGE_BITS - 1));
    EXPECT_STACK(cnode_create, "more than 256 slots", cnode_create(&cap, &ref, 257, NULL),
                 LIB_ERR_CNODE_CREATE, SYS_ERR_SLOTS_INVALID);
    EXPECT(cnode_create_from_mem, "a type that is no CNode", LIB_ERR_CNODE_TYPE,
           cnode_create_from_mem(NULL_CAP, NULL_CAP, ObjType_Frame, NULL, 256));
}

static void refuse_slots_and_addresses(void)
{
    struct capref slot = new_slot(), frame;
    void *memory;

    MUST(slot_free(slot));
    EXPECT(slot_free, "twice", LIB_ERR_SLOT_FREE, slot_free(slot));
    EXPECT(slot_free, "of a slot that the spawner made", LIB_ERR_SLOT_FREE,
           slot_free(cap_dispatcher));
    EXPECT(slot_free_root, "of a slot that the spawner made", LIB_ERR_SLOT_FREE,
           slot_free_root((struct capref){ .cnode = cnode_root, .slot = ROOTCN_SLOT_TASKCN }));

    MUST(frame_alloc(&frame, BASE_PAGE_SIZE, NULL));
    MUST(vspace_map_one_frame(&memory, BASE_PAGE_SIZE, frame, NULL, NULL));
    EXPECT_STACK(vspace_map_one_frame_fixed, "an address that is in use",
                 vspace_map_one_frame_fixed((lvaddr_t)memory, BASE_PAGE_SIZE, frame, NULL, NULL),
                 LIB_ERR_VSPACE_MAP, LIB_ERR_VSPACE_NO_SPACE);
    EXPECT_STACK(vspace_map_one_frame, "a capability that is mapped",
                 vspace_map_one_frame(&memory, BASE_PAGE_SIZE, frame, NULL, NULL),
                 LIB_ERR_VSPACE_MAP, SYS_ERR_VM_ALREADY_MAPPED);
    EXPECT(vspace_unmap, "an address where nothing is", LIB_ERR_VREGION_NOT_FOUND,
           vspace_unmap((char *)memory + BASE_PAGE_SIZE));
    MUST(vspace_unmap(memory));
    EXPECT(vspace_unmap, "twice", LIB_ERR_VREGION_NOT_FOUND, vspace_unmap(memory));
    MUST(cap_destroy(frame));
}

/* What else the library makes, each once. */
static void make_each(void)
{
    struct capref cap = new_slot(), id, root;
    struct cnoderef far;
    void *memory;
    struct vregion *region;
    char text[64];

    EXPECT(cap_create, "a frame", SYS_ERR_OK, cap_create(cap, ObjType_Frame, BASE_PAGE_SIZE));
    EXPECT(idcap_alloc, "an identity", SYS_ERR_OK, idcap_alloc(&id));
    EXPECT(cnode_create_l1, "another CSpace's root", SYS_ERR_OK, cnode_create_l1(&root, NULL));
    EXPECT(cnode_create_foreign_l2, "a CNode there", SYS_ERR_OK,
           cnode_create_foreign_l2(root, 3, &far));
    EXPECT(cap_copy, "into another CSpace", SYS_ERR_OK,
           cap_copy((struct capref){ .cnode = far, .slot = 5 }, cap));
    EXPECT(cap_copy, "into a slot of another CSpace that is in use", SYS_ERR_SLOT_IN_USE,
           cap_copy((struct capref){ .cnode = far, .slot = 5 }, cap));
    if (debug_print_capref(text, sizeof(text), cap) <= 0)
        must(LIB_ERR_SHOULD_NOT_GET_HERE, "printing a reference");
    MUST(vspace_map_one_frame(&memory, BASE_PAGE_SIZE, cap, NULL, &region));
    if (vregion_get_size(region) != BASE_PAGE_SIZE ||
        !capcmp(((struct memobj_one_frame *)vregion_get_memobj(region))->frame, cap))
        must(LIB_ERR_SHOULD_NOT_GET_HERE, "a region knows its frame");
    EXPECT(vregion_destroy, "a region", SYS_ERR_OK, vregion_destroy(region));
    MUST(cap_destroy(root));
    MUST(cap_destroy(id));
    MUST(cap_destroy(cap));
}

void test_library(void)
{
    make_each();
    identify_frames();
    refuse_sizes();
    refuse_slots_and_addresses();
}
