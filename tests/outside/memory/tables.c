/* Page tables of one's own, filled and emptied by hand. */
#include <barrelfish/barrelfish.h>
#include <stdio.h>

int main(void)
{
    struct capref pdir, ptable, frame, table_mapping, mapping;
    paging_x86_64_flags_t attr =
        PTABLE_USER_SUPERVISOR | PTABLE_EXECUTE_DISABLE | PTABLE_READ_WRITE;
    struct capref *slots[] = { &pdir, &ptable, &table_mapping, &mapping };

    for (int i = 0; i < 4; i++)
        assert(err_is_ok(slot_alloc(slots[i])));
    errval_t err = vnode_create(pdir, ObjType_VNode_x86_64_pdir);
    assert(err_is_ok(err));
    err = vnode_create(ptable, ObjType_VNode_x86_64_ptable);
    assert(err_is_ok(err));
    err = vnode_map(pdir, ptable, X86_64_PDIR_BASE(0x40200000), attr, 0, 1, table_mapping);
    assert(err_is_ok(err));
    err = frame_alloc(&frame, 8 * X86_64_BASE_PAGE_SIZE, NULL);
    assert(err_is_ok(err));
    err = vnode_map(ptable, frame, 100, PTABLE_ACCESS_DEFAULT, BASE_PAGE_SIZE, 4, mapping);
    assert(err_is_ok(err));
    err = vnode_modify_flags(ptable, 100, 2, PTABLE_ACCESS_READONLY);
    assert(err_is_ok(err));
    err = vnode_unmap(ptable, mapping);
    assert(err_is_ok(err));
    assert(err_is_ok(cap_destroy(mapping)));
    assert(X86_64_PTABLE_BASE(0x40203000) == 3 && X86_64_PML4_BASE(1ul << 39) == 1);
    assert(1ul << LARGE_PAGE_BITS == LARGE_PAGE_SIZE && PTABLE_SIZE == 512);
    printf("mem_tables: passed\n");
    return 0;
}
