/* SPDX-License-Identifier: MIT
 *
 * Page tables as capabilities: map, unmap, change of rights (facts §3.3).
 *
 * A capability is mapped at most once; the mapping is a capability of its own, made by map.  The two
 * CTEs point at each other, and a mapping sorts in the database by the table entries it fills, so
 * deletion of the frame, of the mapping or of the table finds the others without search.  The virtual
 * address of an entry is not known here (a table may hang anywhere), so the whole address space is
 * flushed when rights shrink.
 */
#include "objects.h"

#define PTE_ADDRESS 0x000ffffffffff000ull
#define TABLE_ENTRIES 512

/* Types by level, top first; the type after a type is its mapping, then the next lower table. */
static bool is_vnode(unsigned type)
{
    return type == ObjType_VNode_x86_64_pml4 || type == ObjType_VNode_x86_64_pdpt ||
           type == ObjType_VNode_x86_64_pdir || type == ObjType_VNode_x86_64_ptable;
}

static bool is_frame(unsigned type)
{
    return type == ObjType_Frame || type == ObjType_DevFrame || type == ObjType_EndPointUMP;
}

static uint64_t *table_of(const struct capability *vnode)
{
    return phys_to_mem(paddr(vnode->u.mem.base));
}

static uint64_t frame_flags(const struct capability *frame, uint64_t attr)
{
    uint64_t flags = ABI_PTE_PRESENT | ABI_PTE_USER;
    if (attr & PTABLE_WRITE)
        flags |= ABI_PTE_WRITE;
    if (!(attr & PTABLE_EXECUTE) || !(frame->rights & CAPRIGHTS_EXECUTE))
        flags |= ABI_PTE_NX;
    return flags;
}

/* A present page can always be read.  Without the right to execute, it is mapped not executable. */
static errval_t check_rights(const struct capability *frame, uint64_t attr)
{
    unsigned needed = attr & PTABLE_WRITE ? CAPRIGHTS_READ | CAPRIGHTS_WRITE : CAPRIGHTS_READ;
    return (frame->rights & needed) == needed ? SYS_ERR_OK : SYS_ERR_VM_MAP_RIGHTS;
}

static errval_t decode_frame(const struct capability *table, const struct capability *frame,
                             uint64_t slot, uint64_t attr, uint64_t offset, uint64_t count,
                             uint64_t *page_bytes)
{
    if (table->type == ObjType_VNode_x86_64_ptable)
        *page_bytes = ABI_PAGE_BYTES;
    else if (table->type == ObjType_VNode_x86_64_pdir)
        *page_bytes = ABI_LARGE_PAGE_BYTES;
    else
        return SYS_ERR_VNODE_TYPE;
    if (count == 0 || count > TABLE_ENTRIES - slot)
        return SYS_ERR_VM_MAP_SIZE;
    if ((frame->u.mem.base + offset) % *page_bytes != 0 || offset > frame->u.mem.bytes ||
        count > (frame->u.mem.bytes - offset) / *page_bytes)
        return SYS_ERR_VM_MAP_OFFSET;
    return check_rights(frame, attr);
}

static struct sysret map(struct cte *table, struct invocation *inv)
{
    struct cte *src, *mapping;
    struct capability *src_root;
    uint64_t slot = inv->arg[2] >> 32, attr = inv->arg[3], offset = inv->arg[4];
    uint64_t count = inv->arg[5], page_bytes = 0;
    errval_t err = invocation_root(inv, inv->arg[0], &src_root);
    if (err_is_fail(err))
        return SYSRET(err);
    err = cspace_lookup(src_root, (capaddr_t)inv->arg[1], inv->arg[2] & 0xff, &src);
    if (err_is_fail(err))
        return SYSRET(err_push(err, SYS_ERR_SOURCE_CAP_LOOKUP));
    err = cspace_lookup_slot(
        inv->root, (capaddr_t)((inv->arg[6] & 0xffffff00) | (inv->arg[7] & 0xff)), 2, &mapping);
    if (err_is_fail(err))
        return SYSRET(err_push(err, SYS_ERR_DEST_CNODE_LOOKUP));
    if (mapping->cap.type != ObjType_Null)
        return SYSRET(SYS_ERR_SLOT_IN_USE);
    if (slot >= TABLE_ENTRIES)
        return SYSRET(SYS_ERR_VNODE_SLOT_INVALID);
    if (!cap_types[src->cap.type].mappable || src->cap.type == ObjType_VNode_x86_64_pml4)
        return SYSRET(SYS_ERR_VNODE_TYPE);
    if (src->cap.u.word[CAP_MAPPING_WORD] != 0)
        return SYSRET(SYS_ERR_VM_ALREADY_MAPPED);

    uint64_t *entry = table_of(&table->cap) + slot;
    uint64_t pte;
    if (is_frame(src->cap.type)) {
        err = decode_frame(&table->cap, &src->cap, slot, attr, offset, count, &page_bytes);
        if (err_is_fail(err))
            return SYSRET(err);
        pte = (src->cap.u.mem.base + offset) | frame_flags(&src->cap, attr);
        if (page_bytes != ABI_PAGE_BYTES)
            pte |= ABI_PTE_LARGE;
    } else {
        /* a table goes one level below its parent; the upper half is not the domain's */
        if (table->cap.type + 2 != src->cap.type)
            return SYSRET(SYS_ERR_VNODE_TYPE);
        if (table->cap.type == ObjType_VNode_x86_64_pml4 && slot >= TABLE_ENTRIES / 2)
            return SYSRET(SYS_ERR_VNODE_SLOT_INVALID);
        count = 1;
        pte = src->cap.u.mem.base | ABI_PTE_PRESENT | ABI_PTE_WRITE | ABI_PTE_USER;
    }
    for (uint64_t i = 0; i < count; i++)
        if (entry[i] != 0)
            return SYSRET(SYS_ERR_VNODE_SLOT_INUSE);

    for (uint64_t i = 0; i < count; i++, pte += page_bytes)
        entry[i] = pte;
    struct capability cap = { .type = src->cap.type + 1, .rights = CAPRIGHTS_ALLRIGHTS };
    cap.u.mapping.cap = (uint64_t)src;
    cap.u.mapping.ptable = table->cap.u.mem.base;
    cap.u.mapping.entry = (uint16_t)slot;
    cap.u.mapping.pte_count = (uint16_t)count;
    cap.u.mapping.large = page_bytes == ABI_LARGE_PAGE_BYTES;
    cap_insert_new(mapping, &cap, src->node.owner);
    src->cap.u.word[CAP_MAPPING_WORD] = (uint64_t)mapping;
    return SYSRET(SYS_ERR_OK);
}

void vnode_unmap_mapping(struct cte *mapping)
{
    struct capability *cap = &mapping->cap;
    assert(cap->u.mapping.cap != 0); /* with the table or the mapped, the mapping goes as well */
    uint64_t *entry = (uint64_t *)phys_to_mem(paddr(cap->u.mapping.ptable)) + cap->u.mapping.entry;
    for (unsigned i = 0; i < cap->u.mapping.pte_count; i++)
        entry[i] = 0;
    arch_flush_tlb();
    ((struct cte *)cap->u.mapping.cap)->cap.u.word[CAP_MAPPING_WORD] = 0;
    cap->u.mapping.cap = 0;
}

void vnode_destroy(struct capability *vnode)
{
    static const uint8_t mapping_types[] = {
        ObjType_EndPointUMP_Mapping,       ObjType_Frame_Mapping,
        ObjType_DevFrame_Mapping,          ObjType_VNode_x86_64_pdpt_Mapping,
        ObjType_VNode_x86_64_pdir_Mapping, ObjType_VNode_x86_64_ptable_Mapping,
    };
    for (unsigned t = 0; t < sizeof(mapping_types); t++) {
        struct cte *found;
        while (mdb_find_range(&kernel_mdb, mapping_types[t], vnode->u.mem.base, OBJSIZE_VNODE,
                              MDB_RANGE_SURROUNDING, &found) != MDB_RANGE_NOT_FOUND) {
            if (found->cap.u.mapping.cap != 0)
                ((struct cte *)found->cap.u.mapping.cap)->cap.u.word[CAP_MAPPING_WORD] = 0;
            enum mdb_status status = mdb_remove(&kernel_mdb, found);
            assert(status == MDB_OK);
            *found = (struct cte){ 0 };
        }
    }
    if (vnode->type == ObjType_VNode_x86_64_pml4)
        dispatch_unload(vnode->u.mem.base);
    else
        arch_flush_tlb();
}

static struct sysret unmap(struct cte *table, struct invocation *inv)
{
    struct cte *mapping;
    errval_t err =
        cspace_lookup(inv->root, (capaddr_t)inv->arg[0], (unsigned)inv->arg[1], &mapping);
    if (err_is_fail(err))
        return SYSRET(err);
    if (!cap_is_mapping(mapping->cap.type))
        return SYSRET(SYS_ERR_WRONG_MAPPING);
    if (mapping->cap.u.mapping.ptable != table->cap.u.mem.base)
        return SYSRET(SYS_ERR_VNODE_NOT_INSTALLED);
    return SYSRET(cap_delete(mapping));
}

static struct sysret change_rights(struct cte *mapping, uint64_t offset, uint64_t pages,
                                   uint64_t attr)
{
    struct capability *cap = &mapping->cap;
    struct cte *frame = (struct cte *)cap->u.mapping.cap;
    if (frame == NULL || !is_frame(frame->cap.type))
        return SYSRET(SYS_ERR_WRONG_MAPPING);
    if (offset > cap->u.mapping.pte_count || pages > cap->u.mapping.pte_count - offset)
        return SYSRET(SYS_ERR_VM_MAP_SIZE);
    errval_t err = check_rights(&frame->cap, attr);
    if (err_is_fail(err))
        return SYSRET(err);
    uint64_t *entry =
        (uint64_t *)phys_to_mem(paddr(cap->u.mapping.ptable)) + cap->u.mapping.entry + offset;
    uint64_t flags = frame_flags(&frame->cap, attr);
    if (cap->u.mapping.large)
        flags |= ABI_PTE_LARGE;
    for (uint64_t i = 0; i < pages; i++)
        entry[i] = (entry[i] & PTE_ADDRESS) | flags;
    arch_flush_tlb();
    return SYSRET(SYS_ERR_OK);
}

static struct sysret modify_flags(struct cte *table, struct invocation *inv)
{
    uint64_t entry = inv->arg[0], pages = inv->arg[1];
    if (entry >= TABLE_ENTRIES || pages == 0 || pages > TABLE_ENTRIES - entry)
        return SYSRET(SYS_ERR_VNODE_SLOT_INVALID);
    static const uint8_t types[] = { ObjType_Frame_Mapping, ObjType_DevFrame_Mapping,
                                     ObjType_EndPointUMP_Mapping };
    for (unsigned t = 0; t < sizeof(types); t++) {
        struct cte *mapping;
        enum mdb_range range =
            mdb_find_range(&kernel_mdb, types[t], table->cap.u.mem.base + entry * 8, 8,
                           MDB_RANGE_SURROUNDING, &mapping);
        if (range != MDB_RANGE_NOT_FOUND)
            return change_rights(mapping, entry - mapping->cap.u.mapping.entry, pages, inv->arg[2]);
    }
    return SYSRET(SYS_ERR_VNODE_NOT_INSTALLED);
}

struct sysret vnode_invoke(struct cte *cte, struct invocation *inv)
{
    assert(is_vnode(cte->cap.type));
    switch (inv->command) {
    case VNodeCmd_Map:
        return map(cte, inv);
    case VNodeCmd_Unmap:
        return unmap(cte, inv);
    case VNodeCmd_ModifyFlags:
        return modify_flags(cte, inv);
    default:
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    }
}

struct sysret mapping_invoke(struct cte *cte, struct invocation *inv)
{
    if (inv->command != MappingCmd_Modify)
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    return change_rights(cte, inv->arg[0], inv->arg[1], inv->arg[2]);
}
