/* SPDX-License-Identifier: MIT
 *
 * The address space: regions and page tables (facts §2.2, §3.3).
 *
 * Regions are a list sorted by address.  Page tables made so far are a tree of nodes with their
 * capabilities; they are never given back.  A capability can be mapped once, into one page table,
 * so a region that spans several tables maps copies of the frame capability in the others.
 *
 * The heap grows through here and page tables need RAM, so the lock is never held while memory or
 * RAM could be asked for: bookkeeping nodes are put aside first, and RAM for tables is made sure
 * of.
 */
#include <barrelfish/vspace.h>

#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <barrelfish/dispatcher.h>
#include <string.h>

#include "../dispatch/heap.h"
#include "../dispatch/threads_priv.h"
#include "ram_priv.h"

#define VSPACE_BYTES (64ul << 30) /* of a dispatcher; behind the first one's the heap begins */
#define PTABLE_SPAN LARGE_PAGE_SIZE
#define TABLE_RAM_BYTES (12 * BASE_PAGE_SIZE) /* three tables and a CNode for slots, rounded up */

struct table {
    struct capref cap;
    struct capref mapping;
    struct table *sibling, *child;
    uint16_t entry; /* in its parent */
};

struct mapping_node {
    struct capref mapping;
    struct capref frame_copy; /* NULL_CAP: the frame capability itself */
    struct mapping_node *next;
};

union node {
    struct table table;
    struct mapping_node mapping;
    struct vregion region;
    union node *next_free;
};

#define STATIC_NODES 48

/* What one dispatcher maps.  Those of a domain on other cores have page tables of their own. */
struct vspace {
    struct thread_mutex mutex;
    union node *free_nodes;
    unsigned free_node_count;
    struct vregion *regions;
    struct table root;         /* the PML4; its capability is the spawner's */
    genvaddr_t low, fixed_low; /* where addresses are chosen; the lowest that may be asked for */
    genvaddr_t limit;
};

static union node static_nodes[STATIC_NODES];
static struct vspace first; /* of the dispatcher that the domain began with */

const struct vspace_sharing *vspace_sharing;

static struct vspace *here(void)
{
    struct vspace *own = get_core_state()->vspace;

    return own != NULL ? own : &first;
}

static void node_free(struct vspace *v, void *memory)
{
    union node *node = memory;

    node->next_free = v->free_nodes;
    v->free_nodes = node;
    v->free_node_count++;
}

static void *node_alloc(struct vspace *v)
{
    union node *node = v->free_nodes;

    assert(node != NULL);
    v->free_nodes = node->next_free;
    v->free_node_count--;
    memset(node, 0, sizeof(*node));
    return node;
}

/* Takes the lock with at least `count` nodes at hand. */
static errval_t lock_with_nodes(struct vspace *v, unsigned count)
{
    for (;;) {
        thread_mutex_lock(&v->mutex);
        if (v->free_node_count >= count)
            return SYS_ERR_OK;
        thread_mutex_unlock(&v->mutex);
        union node *node = malloc(sizeof(*node));
        if (node == NULL)
            return LIB_ERR_MALLOC_FAIL;
        thread_mutex_lock(&v->mutex);
        node_free(v, node);
        thread_mutex_unlock(&v->mutex);
    }
}

static void prepare(struct vspace *v, struct capref root, genvaddr_t low, genvaddr_t fixed_low)
{
    v->mutex = (struct thread_mutex)THREAD_MUTEX_INITIALIZER;
    v->root.cap = root;
    v->low = low;
    v->limit = low + VSPACE_BYTES;
    v->fixed_low = fixed_low;
}

struct vspace *vspace_new(struct capref root, genvaddr_t low, genvaddr_t fixed_low)
{
    struct vspace *v = calloc(1, sizeof(*v));

    if (v != NULL)
        prepare(v, root, low, fixed_low);
    return v;
}

/* ---- page tables ---- */

static errval_t map_into(struct capref table, struct capref what, unsigned entry, uint64_t attr,
                         uint64_t offset, uint64_t count, struct capref *mapping)
{
    errval_t err = slot_alloc(mapping);

    if (err_is_fail(err))
        return err_push(err, LIB_ERR_SLOT_ALLOC);
    err = vnode_map(table, what, entry, attr, offset, count, *mapping);
    if (err_is_fail(err))
        slot_free(*mapping);
    return err;
}

static errval_t child_table(struct vspace *v, struct table *parent, unsigned entry,
                            enum objtype type, struct table **ret)
{
    struct table *table;

    for (table = parent->child; table != NULL; table = table->sibling) {
        if (table->entry == entry) {
            *ret = table;
            return SYS_ERR_OK;
        }
    }
    table = node_alloc(v);
    table->entry = (uint16_t)entry;
    errval_t err = slot_alloc(&table->cap);
    if (err_is_ok(err)) {
        err = vnode_create(table->cap, type);
        if (err_is_ok(err)) {
            err = map_into(parent->cap, table->cap, entry, 0, 0, 1, &table->mapping);
            if (err_is_fail(err))
                cap_delete(table->cap);
        }
        if (err_is_fail(err))
            slot_free(table->cap);
    }
    if (err_is_fail(err)) {
        node_free(v, table);
        return err;
    }
    table->sibling = parent->child;
    parent->child = table;
    *ret = table;
    return SYS_ERR_OK;
}

/* The table whose entries map `page_bytes` each, for this address. */
static errval_t find_table(struct vspace *v, genvaddr_t address, size_t page_bytes,
                           struct table **ret)
{
    struct table *table;
    errval_t err =
        child_table(v, &v->root, (address >> 39) & 511, ObjType_VNode_x86_64_pdpt, &table);

    if (err_is_ok(err))
        err = child_table(v, table, (address >> 30) & 511, ObjType_VNode_x86_64_pdir, &table);
    if (err_is_ok(err) && page_bytes == BASE_PAGE_SIZE)
        err = child_table(v, table, (address >> 21) & 511, ObjType_VNode_x86_64_ptable, &table);
    *ret = table;
    return err;
}

/* ---- regions ---- */

static struct vregion **region_link(struct vspace *v, genvaddr_t base)
{
    struct vregion **link = &v->regions;

    while (*link != NULL && (*link)->base < base)
        link = &(*link)->next;
    return link;
}

/* A gap of `bytes`, and an unmapped page behind it. A small region stays within one page table. */
static errval_t find_gap(struct vspace *v, size_t bytes, size_t align, genvaddr_t *ret)
{
    genvaddr_t at = v->low;

    for (struct vregion *region = v->regions;; region = region->next) {
        at = ROUND_UP(at, align);
        if (bytes <= PTABLE_SPAN && at / PTABLE_SPAN != (at + bytes - 1) / PTABLE_SPAN)
            at = ROUND_UP(at, PTABLE_SPAN);
        genvaddr_t end = region != NULL && region->base < v->limit ? region->base : v->limit;
        if (at + bytes + BASE_PAGE_SIZE <= end) {
            *ret = at;
            return SYS_ERR_OK;
        }
        if (end == v->limit)
            return LIB_ERR_VSPACE_NO_SPACE;
        at = region->base + region->bytes + BASE_PAGE_SIZE;
    }
}

static bool is_free(struct vspace *v, genvaddr_t base, size_t bytes)
{
    for (struct vregion *region = v->regions; region != NULL; region = region->next)
        if (base < region->base + region->bytes && region->base < base + bytes)
            return false;
    return true;
}

static void unmap_pieces(struct vspace *v, struct vregion *region)
{
    while (region->mappings != NULL) {
        struct mapping_node *piece = region->mappings;

        region->mappings = piece->next;
        cap_destroy(piece->mapping);
        if (!capref_is_null(piece->frame_copy))
            cap_destroy(piece->frame_copy);
        node_free(v, piece);
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

/* Maps [offset, offset + bytes) of the frame at the region's address, table by table. */
static errval_t map_pieces(struct vspace *v, struct vregion *region, struct capref frame,
                           uint64_t attr, size_t page_bytes)
{
    size_t span = page_bytes * 512, done = 0;

    while (done < region->bytes) {
        genvaddr_t at = region->base + done;
        size_t piece_bytes = ROUND_DOWN(at, span) + span - at;
        struct mapping_node *piece = node_alloc(v);
        struct capref source = frame;
        struct table *table = NULL;
        errval_t err = SYS_ERR_OK;

        if (piece_bytes > region->bytes - done)
            piece_bytes = region->bytes - done;
        if (done > 0) {
            err = copy_frame(frame, &piece->frame_copy);
            source = piece->frame_copy;
        }
        if (err_is_ok(err))
            err = find_table(v, at, page_bytes, &table);
        if (err_is_ok(err)) {
            err = map_into(table->cap, source, (unsigned)(at / page_bytes) & 511, attr,
                           region->offset + done, piece_bytes / page_bytes, &piece->mapping);
        }
        if (err_is_fail(err)) {
            if (!capref_is_null(piece->frame_copy))
                cap_destroy(piece->frame_copy);
            node_free(v, piece);
            unmap_pieces(v, region);
            return err;
        }
        piece->next = region->mappings;
        region->mappings = piece;
        done += piece_bytes;
    }
    return SYS_ERR_OK;
}

/* 2 MiB pages need a frame of whole ones, aligned physically. */
static size_t choose_page_bytes(struct capref frame, size_t bytes, size_t offset,
                                genvaddr_t address)
{
    struct frame_identity id;

    if (bytes < LARGE_PAGE_SIZE || bytes % LARGE_PAGE_SIZE != 0 || offset % LARGE_PAGE_SIZE != 0 ||
        address % LARGE_PAGE_SIZE != 0 || err_is_fail(frame_identify(frame, &id)) ||
        id.base % LARGE_PAGE_SIZE != 0 || id.bytes < offset + bytes)
        return BASE_PAGE_SIZE;
    return LARGE_PAGE_SIZE;
}

/* Where a mapping is to be. */
struct map_place {
    bool fixed;
    genvaddr_t address; /* fixed: there */
    size_t alignment;   /* else at a multiple of it; 0: of the page */
};

static errval_t map_frame(struct vspace *v, struct map_place place, genvaddr_t *address,
                          size_t bytes, struct capref frame, size_t offset, vregion_flags_t flags,
                          struct vregion **ret)
{
    uint64_t attr = PTABLE_READ_ONLY;
    const bool fixed = place.fixed;

    *address = place.address;
    bytes = ROUND_UP(bytes, BASE_PAGE_SIZE);
    if (bytes == 0 || offset % BASE_PAGE_SIZE != 0 ||
        (fixed && (*address % BASE_PAGE_SIZE != 0 || *address < v->fixed_low)))
        return err_push(SYS_ERR_VM_MAP_OFFSET, LIB_ERR_VSPACE_MAP);
    attr |= flags & VREGION_FLAGS_WRITE ? PTABLE_WRITE : 0;
    attr |= flags & VREGION_FLAGS_EXECUTE ? PTABLE_EXECUTE : 0;
    attr |= flags & VREGION_FLAGS_NOCACHE ? PTABLE_CACHE_DISABLED | PTABLE_WRITE_THROUGH : 0;
    attr |= flags & VREGION_FLAGS_WRITE_COMBINING ? PTABLE_ATTR_INDEX : 0;

    size_t page_bytes = choose_page_bytes(frame, bytes, offset, fixed ? *address : 0);
    unsigned pieces = (unsigned)(bytes / (page_bytes * 512)) + 2;

    errval_t err = ram_prepare(TABLE_RAM_BYTES + (pieces - 1) * BASE_PAGE_SIZE);
    if (err_is_ok(err))
        err = lock_with_nodes(v, 1 + 2 * pieces + 4);
    if (err_is_fail(err))
        return err_push(err, LIB_ERR_VSPACE_MAP);
    if (!fixed) {
        err = find_gap(v, bytes, place.alignment > page_bytes ? place.alignment : page_bytes,
                       address);
    } else if (!is_free(v, *address, bytes)) {
        err = LIB_ERR_VSPACE_NO_SPACE;
    }
    if (err_is_ok(err)) {
        struct vregion *region = node_alloc(v);

        region->base = *address;
        region->bytes = bytes;
        region->offset = offset;
        region->flags = flags;
        region->memobj.frame = frame;
        region->memobj.bytes = bytes;
        err = map_pieces(v, region, frame, attr, page_bytes);
        if (err_is_fail(err)) {
            node_free(v, region);
        } else {
            struct vregion **link = region_link(v, region->base);

            assert(*link == NULL || (*link)->base >= region->base + region->bytes);
            region->next = *link;
            *link = region;
            *ret = region;
        }
    }
    thread_mutex_unlock(&v->mutex);
    return err_is_fail(err) ? err_push(err, LIB_ERR_VSPACE_MAP) : SYS_ERR_OK;
}

static struct vspace_piece piece_of(const struct vregion *region)
{
    return (struct vspace_piece){ .base = region->base,
                                  .bytes = region->bytes,
                                  .offset = region->offset,
                                  .flags = region->flags,
                                  .frame = region->memobj.frame };
}

/* The other dispatchers of the domain map it, too. */
static errval_t share(const struct vregion *region)
{
    if (vspace_sharing == NULL || (region->flags & VREGION_FLAGS_PRIVATE) != 0)
        return SYS_ERR_OK;
    const struct vspace_piece piece = piece_of(region);
    errval_t err = vspace_sharing->mapped(&piece);

    if (err_is_fail(err))
        vspace_unmap_in(here(), piece.base, NULL);
    return err;
}

static errval_t map_and_return(void **ret, struct map_place place, size_t bytes,
                               struct capref frame, size_t offset, vregion_flags_t flags,
                               struct memobj **memobj, struct vregion **vregion)
{
    struct vregion *region = NULL;
    genvaddr_t address;
    errval_t err = map_frame(here(), place, &address, bytes, frame, offset, flags, &region);

    if (err_is_fail(err))
        return err;
    assert(region != NULL);
    err = share(region);
    if (err_is_fail(err))
        return err_push(err, LIB_ERR_VSPACE_MAP);
    if (ret != NULL)
        *ret = (void *)address;
    if (memobj != NULL)
        *memobj = &region->memobj;
    if (vregion != NULL)
        *vregion = region;
    return SYS_ERR_OK;
}

errval_t vspace_map_in(struct vspace *v, const struct vspace_piece *piece)
{
    struct vregion *region;
    genvaddr_t address;

    return map_frame(v != NULL ? v : here(),
                     (struct map_place){ .fixed = true, .address = piece->base }, &address,
                     piece->bytes, piece->frame, piece->offset, piece->flags, &region);
}

static const struct map_place anywhere;

errval_t vspace_map_one_frame_attr_aligned(void **ret, size_t bytes, struct capref frame,
                                           vregion_flags_t flags, size_t alignment,
                                           struct memobj **memobj, struct vregion **vregion)
{
    if (alignment < BASE_PAGE_SIZE || (alignment & (alignment - 1)) != 0)
        return err_push(ERR_INVALID_ARGS, LIB_ERR_VSPACE_MAP);
    return map_and_return(ret, (struct map_place){ .alignment = alignment }, bytes, frame, 0, flags,
                          memobj, vregion);
}

errval_t vspace_map_one_frame_attr(void **ret, size_t bytes, struct capref frame,
                                   vregion_flags_t flags, struct memobj **memobj,
                                   struct vregion **vregion)
{
    return map_and_return(ret, anywhere, bytes, frame, 0, flags, memobj, vregion);
}

errval_t vspace_map_one_frame(void **ret, size_t bytes, struct capref frame, struct memobj **memobj,
                              struct vregion **vregion)
{
    return map_and_return(ret, anywhere, bytes, frame, 0, VREGION_FLAGS_READ_WRITE, memobj,
                          vregion);
}

errval_t vspace_map_one_frame_fixed_attr(lvaddr_t address, size_t bytes, struct capref frame,
                                         vregion_flags_t flags, struct memobj **memobj,
                                         struct vregion **vregion)
{
    return map_and_return(NULL, (struct map_place){ .fixed = true, .address = address }, bytes,
                          frame, 0, flags, memobj, vregion);
}

errval_t vspace_map_one_frame_fixed(lvaddr_t address, size_t bytes, struct capref frame,
                                    struct memobj **memobj, struct vregion **vregion)
{
    return vspace_map_one_frame_fixed_attr(address, bytes, frame, VREGION_FLAGS_READ_WRITE, memobj,
                                           vregion);
}

errval_t vspace_map_frame_offset_attr(void **ret, size_t bytes, struct capref frame, size_t offset,
                                      vregion_flags_t flags, struct vregion **vregion)
{
    return map_and_return(ret, anywhere, bytes, frame, offset, flags, NULL, vregion);
}

errval_t vspace_map_anon_attr(void **ret, struct memobj **memobj, struct vregion **vregion,
                              size_t bytes, size_t *retbytes, vregion_flags_t flags)
{
    struct vregion *region = NULL;
    struct capref frame = NULL_CAP;
    size_t whole = 0;
    errval_t err = frame_alloc(&frame, bytes, &whole);

    if (err_is_fail(err))
        return err;
    err = map_and_return(ret, anywhere, whole, frame, 0, flags, memobj, &region);
    if (err_is_fail(err)) {
        cap_destroy(frame);
        return err;
    }
    assert(region != NULL);
    region->memobj.anonymous = true;
    if (vregion != NULL)
        *vregion = region;
    if (retbytes != NULL)
        *retbytes = whole;
    return SYS_ERR_OK;
}

errval_t vspace_unmap_in(struct vspace *v, genvaddr_t base, struct capref *frame)
{
    v = v != NULL ? v : here();
    thread_mutex_lock(&v->mutex);
    struct vregion **link = region_link(v, base), *region = *link;
    if (region == NULL || region->base != base) {
        thread_mutex_unlock(&v->mutex);
        return LIB_ERR_VREGION_NOT_FOUND;
    }
    *link = region->next;
    unmap_pieces(v, region);
    if (frame != NULL)
        *frame = region->memobj.frame;
    else if (region->memobj.anonymous)
        cap_destroy(region->memobj.frame);
    node_free(v, region);
    thread_mutex_unlock(&v->mutex);
    return SYS_ERR_OK;
}

/* Is there a region at this address that others have mapped as well? */
static bool is_shared(struct vspace *v, genvaddr_t base)
{
    thread_mutex_lock(&v->mutex);
    const struct vregion *region = *region_link(v, base);
    bool shared =
        region == NULL || region->base != base || (region->flags & VREGION_FLAGS_PRIVATE) == 0;
    thread_mutex_unlock(&v->mutex);
    return shared;
}

errval_t vspace_unmap(const void *buf)
{
    if (vspace_sharing != NULL && is_shared(here(), (genvaddr_t)buf))
        return vspace_sharing->unmap((genvaddr_t)buf);
    return vspace_unmap_in(here(), (genvaddr_t)buf, NULL);
}

bool vspace_has(struct vspace *v, genvaddr_t base, size_t bytes)
{
    thread_mutex_lock(&v->mutex);
    const struct vregion *region = *region_link(v, base);
    bool there = region != NULL && region->base == base && region->bytes == bytes;
    thread_mutex_unlock(&v->mutex);
    return there;
}

size_t vspace_list_shared(struct vspace_piece *list, size_t room)
{
    struct vspace *v = here();
    size_t count = 0;

    thread_mutex_lock(&v->mutex);
    for (const struct vregion *region = v->regions; region != NULL; region = region->next) {
        if ((region->flags & VREGION_FLAGS_PRIVATE) == 0) {
            if (count < room)
                list[count] = piece_of(region);
            count++;
        }
    }
    thread_mutex_unlock(&v->mutex);
    return count;
}

errval_t vregion_destroy(struct vregion *vregion)
{
    return vspace_unmap((void *)vregion->base);
}

/* ---- for the layers below ---- */

static errval_t map_heap(lvaddr_t address, size_t bytes)
{
    struct capref frame;
    errval_t err = frame_alloc(&frame, bytes, NULL);

    if (err_is_fail(err))
        return err;
    err = vspace_map_one_frame_fixed(address, bytes, frame, NULL, NULL);
    if (err_is_fail(err))
        cap_destroy(frame);
    return err;
}

static errval_t map_stack(void **ret, size_t bytes, size_t *got)
{
    return vspace_map_anon_attr(ret, NULL, NULL, bytes, got, VREGION_FLAGS_READ_WRITE);
}

errval_t vspace_init(void)
{
    struct core_state *state = get_core_state();

    if (state->vspace == NULL) {
        state->vspace = &first;
        prepare(&first, cap_vroot, DOMAIN_OWN_VBASE, DOMAIN_OWN_VBASE);
        for (unsigned i = 0; i < STATIC_NODES; i++)
            node_free(&first, &static_nodes[i]);
    }
    heap_set_source(map_heap);
    thread_set_memory(map_stack);
    return SYS_ERR_OK;
}
