/* SPDX-License-Identifier: MIT
 *
 * Tables and pieces (facts §3.3).
 */
#include "page_tables.h"

#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <string.h>

#define ENTRIES PTABLE_SIZE
#define TABLE_RAM_BYTES (12 * BASE_PAGE_SIZE) /* three tables and a CNode for slots, rounded up */

void page_node_free(struct page_tables *t, void *memory)
{
    union node *node = memory;

    node->next_free = t->free_nodes;
    t->free_nodes = node;
    t->free_node_count++;
}

void *page_node_alloc(struct page_tables *t)
{
    union node *node = t->free_nodes;

    assert(node != NULL);
    t->free_nodes = node->next_free;
    t->free_node_count--;
    memset(node, 0, sizeof(*node));
    return node;
}

static uint64_t attributes(vregion_flags_t flags)
{
    uint64_t attr = PTABLE_READ_ONLY;

    attr |= flags & VREGION_FLAGS_WRITE ? PTABLE_WRITE : 0;
    attr |= flags & VREGION_FLAGS_EXECUTE ? PTABLE_EXECUTE : 0;
    attr |= flags & VREGION_FLAGS_NOCACHE ? PTABLE_CACHE_DISABLED | PTABLE_WRITE_THROUGH : 0;
    attr |= flags & VREGION_FLAGS_WRITE_COMBINING ? PTABLE_ATTR_INDEX : 0;
    return attr;
}

/* ---- sizes ---- */

/* From entry to entry of a table. */
static size_t entry_bytes(unsigned level)
{
    return BASE_PAGE_SIZE << 9 * level;
}

static unsigned level_of(size_t page_bytes)
{
    return page_bytes == HUGE_PAGE_SIZE ? 2 : page_bytes == LARGE_PAGE_SIZE ? 1 : 0;
}

static bool fits(const struct frame_identity *id, size_t bytes, size_t offset, genvaddr_t address,
                 size_t page_bytes)
{
    return bytes >= page_bytes &&
           (bytes | offset | address | (id->base + offset)) % page_bytes == 0 &&
           id->bytes >= offset + bytes;
}

size_t page_bytes_for(struct capref frame, size_t bytes, size_t offset, genvaddr_t address,
                      vregion_flags_t flags)
{
    struct frame_identity id;

    if (bytes < LARGE_PAGE_SIZE || err_is_fail(frame_identify(frame, &id)))
        return BASE_PAGE_SIZE;
    if ((flags & VREGION_FLAGS_HUGE) != 0 && fits(&id, bytes, offset, address, HUGE_PAGE_SIZE))
        return HUGE_PAGE_SIZE;
    return fits(&id, bytes, offset, address, LARGE_PAGE_SIZE) ? LARGE_PAGE_SIZE : BASE_PAGE_SIZE;
}

size_t page_bytes_of(const struct region *region)
{
    return entry_bytes(region->pieces->table->level);
}

static unsigned pieces_at_most(size_t bytes, size_t page_bytes)
{
    return (unsigned)(bytes / (page_bytes * ENTRIES)) + 2;
}

unsigned page_nodes_for(size_t bytes, size_t page_bytes)
{
    return 2 * pieces_at_most(bytes, page_bytes) + 4;
}

size_t page_ram_for(size_t bytes, size_t page_bytes)
{
    return TABLE_RAM_BYTES + (pieces_at_most(bytes, page_bytes) - 1) * BASE_PAGE_SIZE;
}

/* ---- tables ---- */

/* Of a mapping, or of a copy: no memory goes with it. */
static void forget(struct capref cap)
{
    cap_delete(cap);
    slot_free(cap);
}

static errval_t map_into(const struct table *table, struct capref what, unsigned entry,
                         uint64_t attr, uint64_t offset, uint64_t count, struct capref *mapping)
{
    errval_t err = slot_alloc(mapping);

    if (err_is_fail(err))
        return err_push(err, LIB_ERR_SLOT_ALLOC);
    err = vnode_map(table->cap, what, entry, attr, offset, count, *mapping);
    if (err_is_fail(err))
        slot_free(*mapping);
    return err;
}

static const enum objtype table_type[] = { ObjType_VNode_x86_64_ptable, ObjType_VNode_x86_64_pdir,
                                           ObjType_VNode_x86_64_pdpt };

static errval_t make_table(struct table *table)
{
    errval_t err = slot_alloc(&table->cap);

    if (err_is_fail(err))
        return err_push(err, LIB_ERR_SLOT_ALLOC);
    err = vnode_create(table->cap, table_type[table->level]);
    if (err_is_ok(err)) {
        err = map_into(table->parent, table->cap, table->entry, 0, 0, 1, &table->mapping);
        if (err_is_fail(err))
            cap_delete(table->cap);
    }
    if (err_is_fail(err))
        slot_free(table->cap);
    return err;
}

static struct table *table_at(const struct table *parent, unsigned entry)
{
    struct table *table = parent->child;

    while (table != NULL && table->entry != entry)
        table = table->sibling;
    return table;
}

static errval_t child_table(struct page_tables *t, struct table *parent, unsigned entry,
                            struct table **ret)
{
    struct table *table = *ret = table_at(parent, entry);

    if (table != NULL)
        return SYS_ERR_OK;
    table = page_node_alloc(t);
    table->entry = (uint16_t)entry;
    table->level = parent->level - 1;
    table->parent = parent;
    errval_t err = make_table(table);
    if (err_is_fail(err)) {
        page_node_free(t, table);
        return err_push(err, LIB_ERR_PMAP_ALLOC_VNODE);
    }
    table->sibling = parent->child;
    parent->child = table;
    parent->used++;
    *ret = table;
    return SYS_ERR_OK;
}

static void remove_table(struct page_tables *t, struct table *table)
{
    struct table **link = &table->parent->child;

    assert(table->used == 0 && table->child == NULL && table->parent->used > 0);
    while (*link != table)
        link = &(*link)->sibling;
    *link = table->sibling;
    table->parent->used--;
    forget(table->mapping);
    cap_destroy(table->cap);
    page_node_free(t, table);
}

/* Gives back a table in which nothing is, and those above it that it leaves empty. */
static void remove_empty(struct page_tables *t, struct table *table)
{
    while (table != NULL && table->parent != NULL && table->used == 0) {
        struct table *parent = table->parent;

        remove_table(t, table);
        table = parent;
    }
}

/* Nothing is mapped in it now: it is kept in place of the one that was kept before. */
static void keep_as_spare(struct page_tables *t, struct table *table)
{
    struct table *before = t->spare;

    if (before == table || table->used > 0 || table->parent == NULL)
        return;
    t->spare = table;
    remove_empty(t, before);
}

static void give_up_spare(struct page_tables *t)
{
    struct table *spare = t->spare;

    t->spare = NULL;
    remove_empty(t, spare);
}

/* The table whose entries map `page_bytes` each, for this address. */
static errval_t find_table(struct page_tables *t, genvaddr_t address, size_t page_bytes,
                           struct table **ret)
{
    struct table *table = &t->root;

    *ret = NULL;
    while (table->level > level_of(page_bytes)) {
        const unsigned entry = (unsigned)(address / entry_bytes(table->level)) % ENTRIES;
        struct table *parent = table;
        errval_t err = child_table(t, parent, entry, &table);

        if (err_is_fail(err)) {
            keep_as_spare(t, parent);
            return err;
        }
        if (table == t->spare)
            t->spare = NULL;
    }
    *ret = table;
    return SYS_ERR_OK;
}

/* ---- regions ---- */

static void unmap_piece(struct page_tables *t, struct piece *piece)
{
    struct table *table = piece->table;

    assert(table->used > 0);
    forget(piece->mapping);
    if (!capref_is_null(piece->frame_copy))
        forget(piece->frame_copy);
    page_node_free(t, piece);
    table->used--;
    keep_as_spare(t, table);
}

void page_tables_unmap(struct page_tables *t, struct region *region)
{
    while (region->pieces != NULL) {
        struct piece *piece = region->pieces;

        region->pieces = piece->next;
        unmap_piece(t, piece);
    }
    while (region->other != NULL) {
        struct other_flags *o = region->other;

        region->other = o->next;
        page_node_free(t, o);
    }
}

/* A copy in a new slot; NULL_CAP if that fails. */
static errval_t copy_frame(struct capref frame, struct capref *ret)
{
    errval_t err = slot_alloc(ret);

    if (err_is_ok(err)) {
        err = cap_copy(*ret, frame);
        if (err_is_fail(err))
            slot_free(*ret);
    }
    if (err_is_fail(err))
        *ret = NULL_CAP;
    return err;
}

/* `piece` has its place; so much of the region is mapped before it. */
static errval_t map_piece(struct page_tables *t, const struct region *region, size_t page_bytes,
                          size_t done, struct piece *piece)
{
    struct capref source = region->frame;
    errval_t err = SYS_ERR_OK;

    if (done > 0) {
        err = copy_frame(region->frame, &piece->frame_copy);
        source = piece->frame_copy;
    }
    if (err_is_ok(err))
        err = find_table(t, piece->base, page_bytes, &piece->table);
    if (err_is_ok(err)) {
        err = map_into(piece->table, source, (unsigned)(piece->base / page_bytes) % ENTRIES,
                       attributes(region->flags), region->offset + done, piece->bytes / page_bytes,
                       &piece->mapping);
        if (err_is_fail(err))
            keep_as_spare(t, piece->table);
    }
    if (err_is_fail(err) && !capref_is_null(piece->frame_copy))
        forget(piece->frame_copy);
    return err;
}

errval_t page_tables_map(struct page_tables *t, struct region *region, size_t page_bytes)
{
    const size_t span = page_bytes * ENTRIES;

    assert(region->pieces == NULL); /* else what is mapped would never be unmapped */
    assert((region->base | region->bytes) % page_bytes == 0);
    if (page_bytes != BASE_PAGE_SIZE) /* it may be where a page is to be */
        give_up_spare(t);
    for (size_t done = 0; done < region->bytes;) {
        struct piece *piece = page_node_alloc(t);

        piece->base = region->base + done;
        piece->bytes = ROUND_DOWN(piece->base, span) + span - piece->base;
        if (piece->bytes > region->bytes - done)
            piece->bytes = region->bytes - done;
        errval_t err = map_piece(t, region, page_bytes, done, piece);
        if (err_is_fail(err)) {
            page_node_free(t, piece);
            page_tables_unmap(t, region);
            return err;
        }
        done += piece->bytes;
        piece->table->used++;
        piece->next = region->pieces;
        region->pieces = piece;
    }
    return SYS_ERR_OK;
}

/* ---- other flags ---- */

vregion_flags_t page_flags_at(const struct region *region, genvaddr_t address)
{
    for (const struct other_flags *o = region->other; o != NULL; o = o->next)
        if (address >= o->base && address - o->base < o->bytes)
            return o->flags;
    return region->flags;
}

/* [base, end) has the flags of its region; at most one node is needed. */
static void forget_flags(struct page_tables *t, struct region *region, genvaddr_t base,
                         genvaddr_t end)
{
    for (struct other_flags **link = &region->other, *o; (o = *link) != NULL && o->base < end;) {
        const genvaddr_t o_end = o->base + o->bytes;

        if (o->base >= base && o_end <= end) {
            *link = o->next;
            page_node_free(t, o);
            continue;
        }
        if (o_end > end) {
            struct other_flags *behind = o;

            if (o->base < base) {
                behind = page_node_alloc(t);
                *behind = *o;
                o->next = behind;
            }
            behind->bytes = o_end - end;
            behind->base = end;
        }
        if (o->base < base && o_end > base)
            o->bytes = base - o->base;
        link = &o->next;
    }
}

static void note_flags(struct page_tables *t, struct region *region, genvaddr_t base, size_t bytes,
                       vregion_flags_t flags)
{
    struct other_flags **link = &region->other;

    forget_flags(t, region, base, base + bytes);
    if (bytes == region->bytes)
        region->flags = flags;
    if (flags == region->flags)
        return;
    while (*link != NULL && (*link)->base < base)
        link = &(*link)->next;
    struct other_flags *o = page_node_alloc(t);
    *o = (struct other_flags){ *link, base, bytes, flags };
    *link = o;
}

struct part {
    genvaddr_t first, end;
};

/* What of [base, base + bytes) lies in the piece; false: nothing. */
static bool part_of(const struct piece *piece, genvaddr_t base, size_t bytes, struct part *part)
{
    const genvaddr_t end = base + bytes, piece_end = piece->base + piece->bytes;

    *part = (struct part){ .first = base > piece->base ? base : piece->base,
                           .end = end < piece_end ? end : piece_end };
    return part->first < part->end;
}

errval_t page_tables_protect(struct page_tables *t, struct region *region, genvaddr_t base,
                             size_t bytes, vregion_flags_t flags)
{
    struct part part;

    assert(base >= region->base && bytes <= region->base + region->bytes - base);
    for (const struct piece *piece = region->pieces; piece != NULL; piece = piece->next)
        if (part_of(piece, base, bytes, &part) &&
            (part.first | part.end) % entry_bytes(piece->table->level) != 0)
            return SYS_ERR_VM_MAP_SIZE;
    for (const struct piece *piece = region->pieces; piece != NULL; piece = piece->next) {
        const size_t page_bytes = entry_bytes(piece->table->level);

        if (!part_of(piece, base, bytes, &part))
            continue;
        errval_t err =
            invoke_mapping_modify(piece->mapping, (part.first - piece->base) / page_bytes,
                                  (part.end - part.first) / page_bytes, attributes(flags));
        if (err_is_fail(err))
            return err;
    }
    note_flags(t, region, base, bytes, flags);
    return SYS_ERR_OK;
}
