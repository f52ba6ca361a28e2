/* SPDX-License-Identifier: MIT
 *
 * Page tables as capabilities: map, unmap, change of rights (facts §3.3).
 *
 * A capability is mapped at most once; the mapping is a capability of its own, made by map.  The
 * two CTEs point at each other, and a mapping sorts in the database by the table entries it fills,
 * so deletion of the frame, of the mapping or of the table finds the others without search.  The
 * virtual address of an entry is not known here (a table may hang anywhere), so the whole address
 * space is flushed when rights shrink.
 */
#include "vnode.h"

#include "delete.h"
#include "objects.h"

#define HUGE_PAGE_BYTES ((uint64_t)ABI_LARGE_PAGE_BYTES * TABLE_ENTRIES)

#define PTE_DIRTY_BIT 6
#define PTE_LARGE_ATTR_INDEX (1ull << 12)

bool vnode_is_frame(unsigned type)
{
    return type == ObjType_Frame || type == ObjType_DevFrame || type == ObjType_EndPointUMP;
}

uint64_t *vnode_entries(const struct capability *vnode)
{
    return phys_to_mem(paddr(vnode->u.mem.base));
}

/* ---- page table entries, four at a time: 512 are nearly all that one call may do ---- */

bool vnode_are_empty(const uint64_t *entry, uint64_t count)
{
    LOOP_BOUND(looked_at, TABLE_ENTRIES);
    for (; count >= 4; count -= 4, entry += 4) {
        LOOP_ROUND(looked_at);
        if ((entry[0] | entry[1] | entry[2] | entry[3]) != 0)
            return false;
    }
    while (count > 0) /* the bound: 3 */
        if (entry[--count] != 0)
            return false;
    return true;
}

/* The first is `pte`, the others follow in steps of `step`. */
static void fill(uint64_t *entry, uint64_t count, uint64_t pte, uint64_t step)
{
    LOOP_BOUND(filled, TABLE_ENTRIES);
    for (; count >= 4; count -= 4, entry += 4) {
        LOOP_ROUND(filled);
        entry[0] = pte, pte += step;
        entry[1] = pte, pte += step;
        entry[2] = pte, pte += step;
        entry[3] = pte, pte += step;
    }
    for (; count > 0; count--, entry++, pte += step) /* the bound: 3 */
        *entry = pte;
}

/* `large`: the entries are of a directory, where another bit chooses the attribute. */
void vnode_set_flags(uint64_t *entry, uint64_t count, uint64_t flags, bool large)
{
    const uint64_t keep =
        large ? (PTE_ADDRESS & ~PTE_LARGE_ATTR_INDEX) | ABI_PTE_LARGE : PTE_ADDRESS;
    LOOP_BOUND(changed, TABLE_ENTRIES);
    for (; count >= 4; count -= 4, entry += 4) {
        LOOP_ROUND(changed);
        entry[0] = (entry[0] & keep) | flags;
        entry[1] = (entry[1] & keep) | flags;
        entry[2] = (entry[2] & keep) | flags;
        entry[3] = (entry[3] & keep) | flags;
    }
    for (; count > 0; count--, entry++) /* the bound: 3 */
        *entry = (*entry & keep) | flags;
}

/* How many entries of the table were dirty; none is then. */
static uint64_t clean(uint64_t *entry)
{
    const uint64_t mark = 1ull << PTE_DIRTY_BIT;
    uint64_t marks = 0;
    LOOP_BOUND(cleaned, TABLE_ENTRIES / 4);
    for (const uint64_t *end = entry + TABLE_ENTRIES; entry < end; entry += 4) {
        LOOP_ROUND(cleaned);
        marks += (entry[0] & mark) + (entry[1] & mark) + (entry[2] & mark) + (entry[3] & mark);
        entry[0] &= ~mark;
        entry[1] &= ~mark;
        entry[2] &= ~mark;
        entry[3] &= ~mark;
    }
    return marks / mark;
}

uint64_t vnode_frame_flags(const struct capability *frame, uint64_t attr, bool large)
{
    uint64_t flags = ABI_PTE_PRESENT | ABI_PTE_USER;
    flags |= attr & (PTABLE_WRITE_THROUGH | PTABLE_CACHE_DISABLED);
    if (attr & PTABLE_ATTR_INDEX)
        flags |= large ? PTE_LARGE_ATTR_INDEX : PTABLE_ATTR_INDEX;
    if (attr & PTABLE_WRITE)
        flags |= ABI_PTE_WRITE;
    if (!(attr & PTABLE_EXECUTE) || !(frame->rights & CAPRIGHTS_EXECUTE))
        flags |= ABI_PTE_NX;
    return flags;
}

/* A present page can always be read.  Without the right to execute, it is mapped not executable. */
errval_t vnode_check_rights(const struct capability *frame, uint64_t attr)
{
    unsigned needed = attr & PTABLE_WRITE ? CAPRIGHTS_READ | CAPRIGHTS_WRITE : CAPRIGHTS_READ;
    return (frame->rights & needed) == needed ? SYS_ERR_OK : SYS_ERR_VM_MAP_RIGHTS;
}

/* What map fills in: `count` entries from `slot` of the table. */
struct map {
    struct cte *src;     /* a frame or the next lower table */
    struct cte *mapping; /* the empty slot for the mapping */
    struct cte *old;     /* CopyRemap: the mapping that has the entries so far */
    uint64_t slot, count;
    uint64_t page_bytes; /* from entry to entry; 0: a table */
    uint64_t pte;        /* the first entry */
};

/* What an entry of a table maps if a frame lies there; 0: nothing, as in a PML4. */
static uint64_t entry_bytes(unsigned table_type)
{
    switch (table_type) {
    case ObjType_VNode_x86_64_ptable:
        return ABI_PAGE_BYTES;
    case ObjType_VNode_x86_64_pdir:
        return ABI_LARGE_PAGE_BYTES;
    case ObjType_VNode_x86_64_pdpt:
        return HUGE_PAGE_BYTES;
    default:
        return 0;
    }
}

static errval_t decode_map_frame(const struct capability *table, uint64_t attr, uint64_t offset,
                                 struct map *m)
{
    const struct capability *frame = &m->src->cap;
    m->page_bytes = entry_bytes(table->type);
    if (m->page_bytes == 0)
        return SYS_ERR_WRONG_MAPPING;
    if (m->count == 0 || m->count > TABLE_ENTRIES - m->slot)
        return SYS_ERR_VM_MAP_SIZE;
    if (frame->u.mem.bytes < m->page_bytes)
        return SYS_ERR_VM_FRAME_TOO_SMALL;
    if (m->page_bytes == HUGE_PAGE_BYTES && !arch_has_huge_pages())
        return SYS_ERR_VM_NO_HUGE_PAGES;
    if (offset > frame->u.mem.bytes || m->count > (frame->u.mem.bytes - offset) / m->page_bytes)
        return SYS_ERR_FRAME_OFFSET_INVALID;
    if ((frame->u.mem.base + offset) % m->page_bytes != 0)
        return m->page_bytes == ABI_PAGE_BYTES ? SYS_ERR_FRAME_OFFSET_INVALID
                                               : SYS_ERR_VM_FRAME_UNALIGNED;
    const bool large = m->page_bytes != ABI_PAGE_BYTES;
    m->pte = plat_seen(frame->u.mem.base + offset) | vnode_frame_flags(frame, attr, large);
    if (large)
        m->pte |= ABI_PTE_LARGE;
    return vnode_check_rights(frame, attr);
}

/* A table goes one level below its parent: the type after a type is its mapping, then comes the
 * next lower table.  The upper half is not the domain's.  As a page, a table could be written by
 * its owner: that is a question of rights. */
static errval_t decode_map_table(const struct capability *table, uint64_t attr, struct map *m)
{
    if (table->type == ObjType_VNode_x86_64_ptable && (attr & PTABLE_WRITE))
        return SYS_ERR_VM_MAP_RIGHTS;
    if (table->type + 2 != m->src->cap.type)
        return SYS_ERR_WRONG_MAPPING;
    if (table->type == ObjType_VNode_x86_64_pml4 && m->slot >= TABLE_ENTRIES / 2)
        return SYS_ERR_VNODE_SLOT_RESERVED;
    if (m->count != 1)
        return SYS_ERR_VM_MAP_SIZE;
    m->pte = m->src->cap.u.mem.base | ABI_PTE_PRESENT | ABI_PTE_WRITE | ABI_PTE_USER;
    return SYS_ERR_OK;
}

/* The mapping that fills `entry` of a table. */
errval_t vnode_find_mapping(const struct capability *table, uint64_t entry, struct cte **mapping)
{
    static const uint8_t types[] = { ObjType_Frame_Mapping, ObjType_DevFrame_Mapping,
                                     ObjType_EndPointUMP_Mapping };
    for (unsigned t = 0; t < sizeof(types); t++) /* the bound */
        if (mdb_find_range(&kernel_mdb, types[t], table->u.mem.base + entry * 8, 8,
                           MDB_RANGE_SURROUNDING, mapping) != MDB_RANGE_NOT_FOUND)
            return SYS_ERR_OK;
    return SYS_ERR_VNODE_NOT_INSTALLED;
}

/* What one mapping of a frame fills goes over to another, the whole of it. */
static errval_t decode_remap(const struct capability *table, struct map *m)
{
    if (!vnode_is_frame(m->src->cap.type))
        return SYS_ERR_WRONG_MAPPING;
    errval_t err = vnode_find_mapping(table, m->slot, &m->old);
    if (err_is_fail(err))
        return err;
    const struct capability *old = &m->old->cap;
    return old->u.mapping.first == table->u.mem.base + m->slot * sizeof(uint64_t) &&
                   mapping_entries(old) == m->count
               ? SYS_ERR_OK
               : SYS_ERR_VM_MAP_SIZE;
}

static errval_t decode_map(const struct cte *table, const struct invocation *inv, struct map *m)
{
    struct capability *src_root;
    const __typeof__(inv->args->map) *a = &inv->args->map;
    *m = (struct map){ .slot = a->slot, .count = a->pte_count };
    errval_t err = invocation_root(inv, a->src_root, &src_root);
    if (err_is_fail(err))
        return err;
    err = cspace_lookup_to_change(src_root, (capaddr_t)a->src_cptr, a->src_level, &m->src);
    if (err_is_fail(err))
        return err_push(err, SYS_ERR_SOURCE_CAP_LOOKUP);
    struct capability *root = inv->root;
    if (a->mapping_root != 0) {
        err = invocation_root(inv, a->mapping_root, &root);
        if (err_is_fail(err))
            return err;
    }
    err = cspace_empty_slot(root, a->mapping_cnode.cptr, a->mapping_cnode.level, a->mapping_slot,
                            &m->mapping);
    if (err_is_fail(err))
        return err;
    if (m->slot >= TABLE_ENTRIES)
        return SYS_ERR_VNODE_SLOT_INVALID;
    const struct capability *src = &m->src->cap;
    if (!cap_types[src->type].mappable)
        return SYS_ERR_WRONG_MAPPING;
    if (m->src->node.bits & MDB_BIT_FOREIGN)
        return SYS_ERR_RETRY_THROUGH_MONITOR;

    err = vnode_is_frame(src->type) ? decode_map_frame(&table->cap, a->attr, a->offset, m)
                                    : decode_map_table(&table->cap, a->attr, m);
    if (err_is_fail(err))
        return err;
    /* Late: what can never be mapped so is said first, mapped already or not. */
    if (src->u.word[CAP_MAPPING_WORD] != 0)
        return SYS_ERR_VM_ALREADY_MAPPED;
    return inv->command == VNodeCmd_CopyRemap ? decode_remap(&table->cap, m)
           : vnode_are_empty(vnode_entries(&table->cap) + m->slot, m->count)
               ? SYS_ERR_OK
               : SYS_ERR_VNODE_SLOT_INUSE;
}

static void invoke_map(struct cte *table, const struct map *m)
{
    assert(m->src->cap.u.word[CAP_MAPPING_WORD] == 0 && m->slot + m->count <= TABLE_ENTRIES);
    fill(vnode_entries(&table->cap) + m->slot, m->count, m->pte, m->page_bytes);
    struct capability cap = { .type = m->src->cap.type + 1, .rights = CAPRIGHTS_ALLRIGHTS };
    cap.flags = m->page_bytes > ABI_PAGE_BYTES ? MAPPING_LARGE : 0;
    cap.u.mapping.cap = (uint64_t)m->src;
    cap.u.mapping.first = table->cap.u.mem.base + m->slot * sizeof(uint64_t);
    cap.u.mapping.bytes = m->count * sizeof(uint64_t);
    cap_insert_new(m->mapping, &cap, m->src->node.owner);
    m->src->cap.u.word[CAP_MAPPING_WORD] = (uint64_t)m->mapping;
}

static struct sysret map(struct cte *table, const struct invocation *inv)
{
    struct map m;
    errval_t err = decode_map(table, inv, &m);
    if (err_is_ok(err))
        invoke_map(table, &m);
    return SYSRET(err);
}

/* What is mapped may be mapped elsewhere. */
static void let_go(struct cte *mapping)
{
    struct cte *mapped = (struct cte *)mapping->cap.u.mapping.cap;
    assert(mapped->cap.u.word[CAP_MAPPING_WORD] == (uint64_t)mapping);
    mapped->cap.u.word[CAP_MAPPING_WORD] = 0;
    mapping->cap.u.mapping.cap = 0;
}

static void unmap_mapping(struct cte *mapping)
{
    struct capability *cap = &mapping->cap;
    if (cap->u.mapping.cap == 0) /* taken out of its table by VNodeCmd_Unmap */
        return;
    fill(mapping_entry(cap), mapping_entries(cap), 0, 0);
    arch_flush_tlb();
    let_go(mapping);
}

void vnode_init_root(uint64_t base)
{
    const uint64_t *boot = phys_to_mem(paddr(boot_info->pml4));
    uint64_t *table = phys_to_mem(paddr(base));
    table[(ABI_PHYSMAP_BASE >> 39) & 511] = boot[(ABI_PHYSMAP_BASE >> 39) & 511];
    table[(ABI_KERNEL_BASE >> 39) & 511] = boot[(ABI_KERNEL_BASE >> 39) & 511];
}

/* A table that ceases to exist takes the mappings in it along.  node.step: the type looked for. */
static void delete_step(struct cte *record, struct work *work)
{
    static const uint8_t mapping_types[] = {
        ObjType_EndPointUMP_Mapping,       ObjType_Frame_Mapping,
        ObjType_DevFrame_Mapping,          ObjType_VNode_x86_64_pdpt_Mapping,
        ObjType_VNode_x86_64_pdir_Mapping, ObjType_VNode_x86_64_ptable_Mapping,
    };
    LOOP_BOUND(rounds, WORK_OF_A_CALL / 60);
    while (record->node.step < sizeof(mapping_types)) {
        LOOP_ROUND(rounds);
        struct cte *found;
        if (!work_looks(work, 2 * mdb_cost_find(&kernel_mdb)))
            return;
        if (mdb_find_range(&kernel_mdb, mapping_types[record->node.step], record->cap.u.mem.base,
                           OBJSIZE_VNODE, MDB_RANGE_SURROUNDING, &found) == MDB_RANGE_NOT_FOUND) {
            record->node.step++;
            work_advances(work);
            continue;
        }
        if (!work_affords(work, mdb_cost_remove(&kernel_mdb)))
            return;
        if (found->cap.u.mapping.cap != 0)
            let_go(found);
        enum mdb_status status = mdb_remove(&kernel_mdb, found);
        assert(status == MDB_OK);
        *found = (struct cte){ 0 };
    }
    if (!work_affords(work, mdb_cost_remove(&kernel_mdb)))
        return;
    if (record->cap.type == ObjType_VNode_x86_64_pml4)
        dispatch_unload(record->cap.u.mem.base);
    else
        arch_flush_tlb();
    delete_finish(record);
}

/* A mapping without entries belongs to its owner until he deletes it.  Nobody may find it by its
 * table any more, so its place in the database becomes one that nothing else has: behind all
 * memory. */
static void retire_mapping(struct cte *mapping)
{
    static uint64_t retired;
    struct capability cap = mapping->cap;
    const coreid_t owner = mapping->node.owner;
    enum mdb_status status = mdb_remove(&kernel_mdb, mapping);
    assert(status == MDB_OK);
    *mapping = (struct cte){ 0 };
    cap.u.mapping.first = ABI_PHYS_LIMIT + sizeof(uint64_t) * ++retired;
    cap.u.mapping.bytes = sizeof(uint64_t);
    cap_insert_new(mapping, &cap, owner);
}

/* At no moment is nothing mapped: programs that run in these pages see the one or the other. */
static struct sysret copy_remap(struct cte *table, const struct invocation *inv)
{
    struct map m;
    errval_t err = decode_map(table, inv, &m);
    if (err_is_fail(err))
        return SYSRET(err);
    let_go(m.old);
    retire_mapping(m.old);
    invoke_map(table, &m);
    arch_flush_tlb();
    return SYSRET(SYS_ERR_OK);
}

static struct sysret unmap(struct cte *table, const struct invocation *inv)
{
    struct cte *mapping;
    errval_t err = cspace_lookup(inv->root, (capaddr_t)inv->args->unmap.cptr,
                                 (unsigned)inv->args->unmap.level, &mapping);
    if (err_is_fail(err))
        return SYSRET(err);
    if (!cap_is_mapping(mapping->cap.type))
        return SYSRET(SYS_ERR_WRONG_MAPPING);
    if ((mapping->cap.u.mapping.first & PTE_ADDRESS) != table->cap.u.mem.base)
        return SYSRET(SYS_ERR_VNODE_NOT_INSTALLED);
    unmap_mapping(mapping);
    retire_mapping(mapping);
    return SYSRET(SYS_ERR_OK);
}

static errval_t decode_change_rights(const struct cte *mapping, uint64_t offset, uint64_t pages,
                                     uint64_t attr)
{
    const struct capability *cap = &mapping->cap;
    const struct cte *frame = (const struct cte *)cap->u.mapping.cap;
    if (frame == NULL || !vnode_is_frame(frame->cap.type))
        return SYS_ERR_WRONG_MAPPING;
    if (offset > mapping_entries(cap) || pages > mapping_entries(cap) - offset)
        return SYS_ERR_VM_MAP_SIZE;
    return vnode_check_rights(&frame->cap, attr);
}

static void invoke_change_rights(struct cte *mapping, uint64_t offset, uint64_t pages,
                                 uint64_t attr)
{
    const struct capability *cap = &mapping->cap;
    uint64_t *const entry = mapping_entry(cap) + offset;
    const struct cte *frame = (const struct cte *)cap->u.mapping.cap;
    const bool large = cap->flags & MAPPING_LARGE;
    vnode_set_flags(entry, pages, vnode_frame_flags(&frame->cap, attr, large), large);
    arch_flush_tlb();
}

static struct sysret change_rights(struct cte *mapping, uint64_t offset, uint64_t pages,
                                   uint64_t attr)
{
    errval_t err = decode_change_rights(mapping, offset, pages, attr);
    if (err_is_ok(err))
        invoke_change_rights(mapping, offset, pages, attr);
    return SYSRET(err);
}

static struct sysret modify_flags(struct cte *table, const struct invocation *inv)
{
    const uint64_t entry = inv->args->modify.first, pages = inv->args->modify.pages;
    struct cte *mapping;
    if (entry >= TABLE_ENTRIES || pages == 0 || pages > TABLE_ENTRIES - entry)
        return SYSRET(SYS_ERR_VNODE_SLOT_INVALID);
    errval_t err = vnode_find_mapping(&table->cap, entry, &mapping);
    if (err_is_fail(err))
        return SYSRET(err);
    const uint64_t first = mapping->cap.u.mapping.first % OBJSIZE_VNODE / sizeof(uint64_t);
    return change_rights(mapping, entry - first, pages, inv->args->modify.attr);
}

static struct sysret clean_dirty_bits(struct cte *table)
{
    if (entry_bytes(table->cap.type) == 0)
        return SYSRET(SYS_ERR_WRONG_MAPPING);
    const uint64_t dirty = clean(vnode_entries(&table->cap));
    arch_flush_tlb();
    return SYSRET_VALUE(dirty);
}

static struct sysret vnode_invoke(struct cte *cte, const struct invocation *inv)
{
    assert(cap_is_vnode(cte->cap.type));
    switch (inv->command) {
    case VNodeCmd_Map:
        return map(cte, inv);
    case VNodeCmd_Unmap:
        return unmap(cte, inv);
    case VNodeCmd_ModifyFlags:
        return modify_flags(cte, inv);
    case VNodeCmd_CleanDirtyBits:
        return clean_dirty_bits(cte);
    case VNodeCmd_CopyRemap:
        return copy_remap(cte, inv);
    case VNodeCmd_Inherit:
        return vnode_inherit(cte, inv);
    default:
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    }
}

/* Also of one that has no entries any more.  The caller says where it lies, since a slot may be
 * emptied through some CNodes only. */
static struct sysret destroy(struct cte *mapping, const struct invocation *inv)
{
    struct cte *cte;
    errval_t err = cspace_lookup_to_change(inv->root, (capaddr_t)inv->args->unmap.cptr,
                                           (unsigned)inv->args->unmap.level, &cte);
    if (err_is_ok(err) && cte != mapping)
        err = SYS_ERR_WRONG_MAPPING;
    if (err_is_ok(err))
        cap_delete_now(mapping);
    return SYSRET(err);
}

static struct sysret table_mapping_invoke(struct cte *cte, const struct invocation *inv)
{
    return inv->command == MappingCmd_Destroy ? destroy(cte, inv)
                                              : SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
}

static struct sysret mapping_invoke(struct cte *cte, const struct invocation *inv)
{
    if (inv->command == MappingCmd_Destroy)
        return destroy(cte, inv);
    if (inv->command != MappingCmd_Modify)
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    return change_rights(cte, inv->args->modify.first, inv->args->modify.pages,
                         inv->args->modify.attr);
}

/* ---- links between a mapping and what is mapped ---- */

void mappable_moved(struct cte *cte)
{
    struct cte *mapping = (struct cte *)cte->cap.u.word[CAP_MAPPING_WORD];
    if (mapping != NULL)
        mapping->cap.u.mapping.cap = (uint64_t)cte;
}

static void mapping_moved(struct cte *mapping)
{
    struct cte *mapped = (struct cte *)mapping->cap.u.mapping.cap;
    if (mapped != NULL)
        mapped->cap.u.word[CAP_MAPPING_WORD] = (uint64_t)mapping;
}

void mappable_release(struct cte *cte)
{
    struct cte *mapping = (struct cte *)cte->cap.u.word[CAP_MAPPING_WORD];
    if (mapping != NULL) {
        unmap_mapping(mapping);
        enum mdb_status status = mdb_remove(&kernel_mdb, mapping);
        assert(status == MDB_OK);
        *mapping = (struct cte){ 0 };
    }
    if (cte->node.bits & MDB_BIT_IN_DCB)
        dispatcher_abandon(cte);
}

void mappable_identify(struct capability *cap)
{
    cap->u.word[CAP_MAPPING_WORD] = 0;
}

static void mapping_identify(struct capability *mapping)
{
    mapping->u.mapping.cap = 0;
    mapping->u.mapping.first %= OBJSIZE_VNODE;
}

static void init_root(struct capability *cap, const struct capability *ram)
{
    (void)ram;
    vnode_init_root(cap->u.mem.base);
}

const struct cap_ops root_table_ops = { .invoke = vnode_invoke,
                                        .retype_init = init_root,
                                        .moved = mappable_moved,
                                        .release = mappable_release,
                                        .delete_step = delete_step,
                                        .identify = mappable_identify,
                                        .check_wire = object_check_wire };
const struct cap_ops table_ops = { .invoke = vnode_invoke,
                                   .moved = mappable_moved,
                                   .release = mappable_release,
                                   .delete_step = delete_step,
                                   .identify = mappable_identify,
                                   .check_wire = object_check_wire };
const struct cap_ops table_mapping_ops = { .invoke = table_mapping_invoke,
                                           .moved = mapping_moved,
                                           .release = unmap_mapping,
                                           .identify = mapping_identify };
const struct cap_ops mapping_ops = { .invoke = mapping_invoke,
                                     .moved = mapping_moved,
                                     .release = unmap_mapping,
                                     .identify = mapping_identify };
