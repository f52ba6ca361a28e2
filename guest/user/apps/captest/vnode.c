/* SPDX-License-Identifier: MIT
 *
 * Page tables: map, unmap, change of rights.  The tables hang nowhere, so nothing here is ever seen
 * by a processor.
 */
#include "captest.h"

#define PAGE BASE_PAGE_SIZE
#define ENTRIES 512

static struct capref pml4, pdpt, pdir, ptable; /* one of each level */
static struct capref frame;                    /* two pages */
static struct capref mapping;                  /* an empty slot */

static struct capref new_table(enum objtype type)
{
    struct capref table = new_slot();

    MUST(vnode_create(table, type));
    return table;
}

static void map_levels(void)
{
    struct capref ram;

    EXPECT(vnode_map, "a PML4 into a PML4", SYS_ERR_WRONG_MAPPING,
           vnode_map(pml4, pml4, 0, 0, 0, 1, mapping));
    EXPECT(vnode_map, "a page table into a PML4", SYS_ERR_WRONG_MAPPING,
           vnode_map(pml4, ptable, 0, 0, 0, 1, mapping));
    EXPECT(vnode_map, "a frame into a PML4", SYS_ERR_WRONG_MAPPING,
           vnode_map(pml4, frame, 0, 0, 0, 1, mapping));
    MUST(ram_alloc(&ram, BASE_PAGE_BITS));
    EXPECT(vnode_map, "RAM", SYS_ERR_WRONG_MAPPING, vnode_map(ptable, ram, 0, 0, 0, 1, mapping));
    MUST(cap_destroy(ram));
    EXPECT(vnode_map, "a page table into a page table, writable", SYS_ERR_VM_MAP_RIGHTS,
           vnode_map(ptable, ptable, 3, PTABLE_WRITE, 0, 1, mapping));
    EXPECT(vnode_map, "a small frame into a PDPT", SYS_ERR_VM_FRAME_TOO_SMALL,
           vnode_map(pdpt, frame, 0, 0, 0, 1, mapping));
    EXPECT(vnode_map, "a small frame into a page directory", SYS_ERR_VM_FRAME_TOO_SMALL,
           vnode_map(pdir, frame, 0, 0, 0, 1, mapping));
    EXPECT(vnode_map, "into the CPU driver's half", SYS_ERR_VNODE_SLOT_RESERVED,
           vnode_map(pml4, pdpt, ENTRIES / 2, 0, 0, 1, mapping));
    EXPECT(vnode_map, "a table into two entries", SYS_ERR_VM_MAP_SIZE,
           vnode_map(pml4, pdpt, 0, 0, 0, 2, mapping));
}

static void map_large_pages(void)
{
    struct capref ram, large = new_slot();

    MUST(ram_alloc(&ram, 22 /* two of them */));
    MUST(cap_retype(large, ram, PAGE, ObjType_Frame, LARGE_PAGE_SIZE, 1));
    EXPECT(vnode_map, "a frame that lies across large pages", SYS_ERR_VM_FRAME_UNALIGNED,
           vnode_map(pdir, large, 0, 0, 0, 1, mapping));
    MUST(cap_destroy(large));
    MUST(cap_destroy(ram));
}

static void map_ranges(void)
{
    struct capref read_only = new_slot();

    EXPECT(vnode_map, "an entry that does not exist", SYS_ERR_VNODE_SLOT_INVALID,
           vnode_map(ptable, frame, ENTRIES, 0, 0, 1, mapping));
    EXPECT(vnode_map, "no page", SYS_ERR_VM_MAP_SIZE,
           vnode_map(ptable, frame, 0, 0, 0, 0, mapping));
    EXPECT(vnode_map, "beyond the table", SYS_ERR_VM_MAP_SIZE,
           vnode_map(ptable, frame, ENTRIES - 1, 0, 0, 2, mapping));
    EXPECT(vnode_map, "an offset at the end of the frame", SYS_ERR_FRAME_OFFSET_INVALID,
           vnode_map(ptable, frame, 5, PTABLE_WRITE, 2 * PAGE, 1, mapping));
    EXPECT(vnode_map, "more pages than the frame has", SYS_ERR_FRAME_OFFSET_INVALID,
           vnode_map(ptable, frame, 5, PTABLE_WRITE, PAGE, 2, mapping));
    EXPECT(vnode_map, "an offset that is not page aligned", SYS_ERR_FRAME_OFFSET_INVALID,
           vnode_map(ptable, frame, 5, 0, 17, 1, mapping));
    EXPECT(vnode_map, "a frame that is not there", SYS_ERR_SOURCE_CAP_LOOKUP,
           vnode_map(ptable, read_only, 5, 0, 0, 1, mapping));
    MUST(cap_mint(read_only, frame, CAPRIGHTS_READ | CAPRIGHTS_IDENTIFY, 0));
    EXPECT(vnode_map, "a read-only frame, writable", SYS_ERR_VM_MAP_RIGHTS,
           vnode_map(ptable, read_only, 5, PTABLE_WRITE, 0, 1, mapping));
    MUST(cap_destroy(read_only));
}

static void map_twice_and_unmap(void)
{
    struct capref second = new_slot(), copy = new_slot(),
                  other = new_table(ObjType_VNode_x86_64_ptable);

    MUST(cap_copy(copy, frame));
    MUST(vnode_map(ptable, frame, 0, PTABLE_WRITE, 0, 1, mapping));
    EXPECT(vnode_map, "the same capability again", SYS_ERR_VM_ALREADY_MAPPED,
           vnode_map(ptable, frame, 1, PTABLE_WRITE, 0, 1, second));
    EXPECT(vnode_map, "a frame that is mapped, into a PML4", SYS_ERR_WRONG_MAPPING,
           vnode_map(pml4, frame, 0, 0, 0, 1, second));
    EXPECT(vnode_map, "a small frame that is mapped, into a PDPT", SYS_ERR_VM_FRAME_TOO_SMALL,
           vnode_map(pdpt, frame, 0, 0, 0, 1, second));
    EXPECT(vnode_map, "beyond the end of a frame that is mapped", SYS_ERR_FRAME_OFFSET_INVALID,
           vnode_map(ptable, frame, 5, PTABLE_WRITE, 2 * PAGE, 1, second));
    EXPECT(vnode_map, "an entry that is in use", SYS_ERR_VNODE_SLOT_INUSE,
           vnode_map(ptable, copy, 0, PTABLE_WRITE, 0, 1, second));
    EXPECT(vnode_map, "with a mapping slot that is in use", SYS_ERR_SLOT_IN_USE,
           vnode_map(ptable, copy, 1, PTABLE_WRITE, 0, 1, mapping));
    EXPECT(cap_copy, "of a mapping", SYS_ERR_DEST_TYPE_INVALID, cap_copy(second, mapping));

    EXPECT(vnode_modify_flags, "an entry that is not mapped", SYS_ERR_VNODE_NOT_INSTALLED,
           vnode_modify_flags(ptable, 7, 1, 0));
    EXPECT(vnode_modify_flags, "an entry that does not exist", SYS_ERR_VNODE_SLOT_INVALID,
           vnode_modify_flags(ptable, ENTRIES, 1, 0));
    EXPECT(vnode_modify_flags, "more pages than are mapped", SYS_ERR_VM_MAP_SIZE,
           vnode_modify_flags(ptable, 0, 2, 0));
    EXPECT(invoke_mapping_modify, "more pages than are mapped", SYS_ERR_VM_MAP_SIZE,
           invoke_mapping_modify(mapping, 1, 1, 0));

    EXPECT(vnode_unmap, "from another table", SYS_ERR_VNODE_NOT_INSTALLED,
           vnode_unmap(other, mapping));
    EXPECT(vnode_unmap, "what is no mapping", SYS_ERR_WRONG_MAPPING, vnode_unmap(ptable, frame));
    EXPECT(vnode_unmap, "an empty slot", SYS_ERR_CAP_NOT_FOUND, vnode_unmap(ptable, second));
    EXPECT(vnode_unmap, "a mapping", SYS_ERR_OK, vnode_unmap(ptable, mapping));
    EXPECT(vnode_unmap, "a mapping again", SYS_ERR_VNODE_NOT_INSTALLED,
           vnode_unmap(ptable, mapping));
    EXPECT(invoke_mapping_modify, "after unmap", SYS_ERR_WRONG_MAPPING,
           invoke_mapping_modify(mapping, 0, 1, 0));
    EXPECT(vnode_map, "with the slot of a mapping that was unmapped", SYS_ERR_SLOT_IN_USE,
           vnode_map(ptable, frame, 0, 0, 0, 1, mapping));
    EXPECT(cap_delete, "of a mapping, after unmap", SYS_ERR_OK, cap_delete(mapping));
    MUST(vnode_map(ptable, frame, 0, 0, 0, 1, mapping));
    EXPECT(cap_delete, "of a mapping that is in its table", SYS_ERR_OK, cap_delete(mapping));
    MUST(vnode_map(ptable, frame, 0, 0, 0, 1, mapping));
    EXPECT(invoke_mapping_destroy, "a mapping", SYS_ERR_OK, invoke_mapping_destroy(mapping));
    EXPECT(invoke_mapping_destroy, "twice", SYS_ERR_CAP_NOT_FOUND, invoke_mapping_destroy(mapping));
    EXPECT(vnode_clean_dirty_bits, "of a PML4", SYS_ERR_WRONG_MAPPING,
           vnode_clean_dirty_bits(pml4, NULL));
    EXPECT(vnode_clean_dirty_bits, "of a page table", SYS_ERR_OK,
           vnode_clean_dirty_bits(ptable, NULL));
    MUST(cap_destroy(copy));
    MUST(cap_destroy(other));
    slot_free(second);
}

/* Two pages that go over to another frame. */
static void remap(void)
{
    struct capref other, next = new_slot();

    MUST(frame_alloc(&other, 2 * PAGE, NULL));
    MUST(vnode_map(ptable, frame, 0, PTABLE_WRITE, 0, 2, mapping));
    EXPECT(vnode_copy_remap, "entries that are empty", SYS_ERR_VNODE_NOT_INSTALLED,
           vnode_copy_remap(ptable, other, 7, 0, 0, 1, next));
    EXPECT(vnode_copy_remap, "a part of a mapping", SYS_ERR_VM_MAP_SIZE,
           vnode_copy_remap(ptable, other, 1, 0, 0, 1, next));
    EXPECT(vnode_copy_remap, "an entry that does not exist", SYS_ERR_VNODE_SLOT_INVALID,
           vnode_copy_remap(ptable, other, ENTRIES, 0, 0, 1, next));
    EXPECT(vnode_copy_remap, "to the frame that is there", SYS_ERR_VM_ALREADY_MAPPED,
           vnode_copy_remap(ptable, frame, 0, 0, 0, 2, next));
    EXPECT(vnode_copy_remap, "to a page table", SYS_ERR_WRONG_MAPPING,
           vnode_copy_remap(pdir, ptable, 0, 0, 0, 1, next));
    EXPECT(vnode_copy_remap, "to a table, writable", SYS_ERR_VM_MAP_RIGHTS,
           vnode_copy_remap(ptable, ptable, 0, PTABLE_WRITE, 0, 1, next));
    EXPECT(vnode_copy_remap, "with a mapping slot that is in use", SYS_ERR_SLOT_IN_USE,
           vnode_copy_remap(ptable, other, 0, 0, 0, 2, mapping));
    EXPECT(vnode_copy_remap, "to another frame", SYS_ERR_OK,
           vnode_copy_remap(ptable, other, 0, PTABLE_WRITE, 0, 2, next));
    EXPECT(vnode_unmap, "a mapping whose entries have gone over", SYS_ERR_VNODE_NOT_INSTALLED,
           vnode_unmap(ptable, mapping));
    MUST(cap_delete(mapping));
    MUST(cap_destroy(next));
    MUST(cap_destroy(other));
}

static void inherit(void)
{
    struct capref heir = new_table(ObjType_VNode_x86_64_ptable),
                  heirs = new_table(ObjType_VNode_x86_64_pml4), empty = new_slot(),
                  read_only = new_slot(), other = new_slot(), copy = new_slot();

    MUST(vnode_map(ptable, frame, 1, PTABLE_WRITE, 0, 2, mapping));
    EXPECT(vnode_inherit, "of what is no table", SYS_ERR_SOURCE_CAP_LOOKUP,
           vnode_inherit(heir, empty, 0, ENTRIES));
    EXPECT(vnode_inherit, "of a table of another level", SYS_ERR_WRONG_MAPPING,
           vnode_inherit(heir, pdir, 0, ENTRIES));
    EXPECT(vnode_inherit, "more entries than there are", SYS_ERR_VNODE_SLOT_INVALID,
           vnode_inherit(heir, ptable, 0, ENTRIES + 1));
    EXPECT(vnode_inherit, "the CPU driver's half", SYS_ERR_VNODE_SLOT_RESERVED,
           vnode_inherit(heirs, pml4, 0, ENTRIES));
    EXPECT(vnode_inherit, "its own entries", SYS_ERR_VNODE_SLOT_INUSE,
           vnode_inherit(ptable, ptable, 0, ENTRIES));
    MUST(cap_mint(read_only, frame, CAPRIGHTS_ALLRIGHTS & ~CAPRIGHTS_WRITE, 0));
    MUST(vnode_map(ptable, read_only, 9, 0, 0, 1, other));
    EXPECT(vnode_inherit_attr, "a read-only frame, writable", SYS_ERR_VM_MAP_RIGHTS,
           vnode_inherit_attr(heir, ptable, 9, 10, PTABLE_WRITE));
    EXPECT(vnode_inherit, "a whole table", SYS_ERR_OK, vnode_inherit(heir, ptable, 0, ENTRIES));
    MUST(cap_copy(copy, frame));
    EXPECT(vnode_map, "an entry that was taken over", SYS_ERR_VNODE_SLOT_INUSE,
           vnode_map(heir, copy, 2, 0, 0, 1, empty));
    EXPECT(vnode_modify_flags, "of an entry that was taken over", SYS_ERR_OK,
           vnode_modify_flags(heir, 2, 1, 0));
    EXPECT(cap_revoke, "of a frame that was taken over", SYS_ERR_OK, cap_revoke(frame));
    EXPECT(vnode_modify_flags, "of an entry whose frame was revoked", SYS_ERR_VNODE_NOT_INSTALLED,
           vnode_modify_flags(heir, 9, 1, 0));
    MUST(cap_delete(mapping));
    MUST(cap_destroy(heir));
    MUST(cap_destroy(heirs));
    slot_free(empty);
    slot_free(read_only);
    slot_free(other);
    slot_free(copy);
}

void test_vnode(void)
{
    pml4 = new_table(ObjType_VNode_x86_64_pml4);
    pdpt = new_table(ObjType_VNode_x86_64_pdpt);
    pdir = new_table(ObjType_VNode_x86_64_pdir);
    ptable = new_table(ObjType_VNode_x86_64_ptable);
    mapping = new_slot();
    MUST(frame_alloc(&frame, 2 * PAGE, NULL));
    map_levels();
    map_large_pages();
    map_ranges();
    map_twice_and_unmap();
    remap();
    inherit();
    MUST(cap_destroy(frame));
    slot_free(mapping);
}
