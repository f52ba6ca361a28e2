/* SPDX-License-Identifier: MIT
 *
 * Root CNodes that grow by hand, rights of CNodes, endpoints of shared memory.
 */
#include "captest.h"

static void test_resize(void)
{
    struct capref root, more, frame;
    size_t before, after;

    MUST(cnode_create_l1(&root, NULL));
    MUST(cnode_create_l1(&more, NULL));
    MUST(frame_alloc(&frame, BASE_PAGE_SIZE, NULL));
    MUST(invoke_cnode_get_size(root, &before));
    EXPECT(invoke_cnode_get_size, "of a CNode that is no root", SYS_ERR_CNODE_TYPE,
           CAP_INVOKE_ADDR(cnode_task.cnode, 1, CNodeCmd_GetSize, { 0 }).error);
    EXPECT(invoke_cnode_resize, "by itself", SYS_ERR_CNODE_IN_USE, invoke_cnode_resize(root, root));
    EXPECT(invoke_cnode_resize, "by a frame", SYS_ERR_CNODE_TYPE, invoke_cnode_resize(root, frame));
    EXPECT(root_cnode_resize, "by the root that is in use", SYS_ERR_CNODE_IN_USE,
           root_cnode_resize(cap_root, NULL_CAP));
    EXPECT(invoke_cnode_resize, "by another", SYS_ERR_OK, invoke_cnode_resize(root, more));
    EXPECT(invoke_cnode_resize, "by one that has gone there", SYS_ERR_SOURCE_CAP_LOOKUP,
           invoke_cnode_resize(root, more));
    MUST(invoke_cnode_get_size(root, &after));
    if (after != 2 * before)
        must(LIB_ERR_SHOULD_NOT_GET_HERE, "a root is as long as its parts");
    for (unsigned parts = 2; parts < ROOTCN_MAX_PARTS; parts++) {
        MUST(cap_create(more, ObjType_L1CNode, OBJSIZE_L2CNODE));
        MUST(invoke_cnode_resize(root, more));
    }
    MUST(cap_create(more, ObjType_L1CNode, OBJSIZE_L2CNODE));
    EXPECT(invoke_cnode_resize, "by one part too many", SYS_ERR_SLOTS_INVALID,
           invoke_cnode_resize(root, more));
    MUST(cap_destroy(more));
    MUST(cap_destroy(root));
    MUST(cap_destroy(frame));
}

/* What a capability without GRANT, and a CNode without WRITE, are good for. */
static void test_rights(void)
{
    struct capref ram, mine = new_slot(), to = new_slot(), cnode, read_only;
    struct cnoderef ref;

    MUST(ram_alloc(&ram, BASE_PAGE_BITS));
    MUST(cap_mint(mine, ram, CAPRIGHTS_ALLRIGHTS & ~(CAPRIGHTS_GRANT | CAPRIGHTS_REVOKE), 0));
    EXPECT(cap_copy, "without the right", SYS_ERR_CAP_RIGHTS, cap_copy(to, mine));
    EXPECT(cap_mint, "without the right", SYS_ERR_CAP_RIGHTS, cap_mint(to, mine, 0, 0));
    EXPECT(cap_retype, "without the right", SYS_ERR_CAP_RIGHTS,
           cap_retype(to, mine, 0, ObjType_Frame, BASE_PAGE_SIZE, 1));
    EXPECT(cap_revoke, "without the right", SYS_ERR_CAP_RIGHTS, cap_revoke(mine));
    MUST(cnode_create_l2(&cnode, &ref));
    MUST(slot_alloc_root(&read_only));
    MUST(cap_mint(read_only, cnode, CAPRIGHTS_ALLRIGHTS & ~CAPRIGHTS_WRITE, 0));
    MUST(cap_copy((struct capref){ .cnode = ref, .slot = 1 }, ram));
    struct capref through = { .cnode = build_cnoderef(read_only, CNODE_TYPE_OTHER), .slot = 1 };
    EXPECT(cap_delete, "from a CNode that is read-only", SYS_ERR_CAP_RIGHTS, cap_delete(through));
    through.slot = 2;
    EXPECT(cap_copy, "into a CNode that is read-only", SYS_ERR_CAP_RIGHTS, cap_copy(through, ram));
    MUST(cap_destroy(read_only));
    MUST(cap_destroy(cnode));
    MUST(cap_destroy(mine));
    MUST(cap_destroy(ram));
    slot_free(to);
}

static void test_ump_endpoint(void)
{
    struct capref endpoint, other = new_slot();
    struct capability contents;

    MUST(ump_endpoint_create(&endpoint, 2 * BASE_PAGE_SIZE, 7));
    MUST(cap_direct_identify(endpoint, &contents));
    if (contents.type != ObjType_EndPointUMP || contents.flags != 7 ||
        contents.u.mem.bytes != 2 * BASE_PAGE_SIZE)
        must(LIB_ERR_SHOULD_NOT_GET_HERE, "an endpoint knows its interface");
    EXPECT(cap_mint, "an endpoint of memory again", SYS_ERR_MINT_INVALID,
           cap_mint(other, endpoint, 8, 0));
    MUST(cap_destroy(endpoint));
    slot_free(other);
}

void test_roots(void)
{
    test_resize();
    test_rights();
    test_ump_endpoint();
}
