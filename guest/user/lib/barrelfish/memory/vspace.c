/* SPDX-License-Identifier: MIT
 *
 * The address space: regions, each a part of a frame (facts §2.2, §3.3).
 *
 * Regions are a list sorted by address.  What memory objects map lies in ranges that are reserved
 * for them (reserved.c); each frame there is a region of its own here.
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
#include "vspace_priv.h"

#define VSPACE_BYTES (64ul << 30) /* of a dispatcher; behind the first one's the heap begins */
#define PTABLE_SPAN LARGE_PAGE_SIZE
#define STATIC_NODES 48

static union node static_nodes[STATIC_NODES];
static struct vspace first; /* of the dispatcher that the domain began with */

const struct vspace_sharing *vspace_sharing;

struct vspace *vspace_here(void)
{
    struct vspace *own = get_core_state()->vspace;

    return own != NULL ? own : &first;
}

struct vspace *get_current_vspace(void)
{
    return vspace_here();
}

/* Takes the lock with at least `count` nodes at hand. */
static errval_t lock_with_nodes(struct vspace *v, unsigned count)
{
    for (;;) {
        thread_mutex_lock(&v->mutex);
        if (v->tables.free_node_count >= count)
            return SYS_ERR_OK;
        thread_mutex_unlock(&v->mutex);
        union node *node = malloc(sizeof(*node));
        if (node == NULL)
            return LIB_ERR_MALLOC_FAIL;
        thread_mutex_lock(&v->mutex);
        page_node_free(&v->tables, node);
        thread_mutex_unlock(&v->mutex);
    }
}

static void prepare(struct vspace *v, struct capref root, genvaddr_t low, genvaddr_t fixed_low)
{
    v->mutex = (struct thread_mutex)THREAD_MUTEX_INITIALIZER;
    v->tables.root = (struct table){ .cap = root, .level = 3 };
    v->low = low;
    v->limit = low + VSPACE_BYTES;
    v->fixed_low = fixed_low;
    pmap_init(v);
}

struct vspace *vspace_new(struct capref root, genvaddr_t low, genvaddr_t fixed_low)
{
    struct vspace *v = calloc(1, sizeof(*v));

    if (v != NULL)
        prepare(v, root, low, fixed_low);
    return v;
}

/* ---- regions ---- */

static struct region **region_link(struct vspace *v, genvaddr_t base)
{
    struct region **link = &v->regions;

    while (*link != NULL && (*link)->base < base)
        link = &(*link)->next;
    return link;
}

struct region *vspace_region_at(const struct vspace *v, genvaddr_t address)
{
    struct region *region = v->regions;

    while (region != NULL && region->base + region->bytes <= address)
        region = region->next;
    return region != NULL && region->base <= address ? region : NULL;
}

/* The next address from `at` on that is aligned, and not in a reserved range. A small region stays
 * within one page table. */
static genvaddr_t next_place(genvaddr_t at, size_t bytes, size_t align)
{
    for (;;) {
        at = ROUND_UP(at, align);
        if (bytes <= PTABLE_SPAN && at / PTABLE_SPAN != (at + bytes - 1) / PTABLE_SPAN)
            at = ROUND_UP(at, PTABLE_SPAN);
        const genvaddr_t open = reserved_skip(at, bytes + BASE_PAGE_SIZE);
        if (open == at)
            return at;
        at = open + BASE_PAGE_SIZE;
    }
}

/* A gap of `bytes`, and an unmapped page behind it. */
errval_t vspace_find_gap(struct vspace *v, size_t bytes, size_t align, genvaddr_t *ret)
{
    genvaddr_t at = v->low;

    if (bytes > VSPACE_BYTES)
        return LIB_ERR_VSPACE_NO_SPACE;
    for (const struct region *region = v->regions;; region = region->next) {
        at = next_place(at, bytes, align);
        genvaddr_t end = region != NULL && region->base < v->limit ? region->base : v->limit;
        if (at + bytes + BASE_PAGE_SIZE <= end) {
            *ret = at;
            return SYS_ERR_OK;
        }
        if (end == v->limit)
            return LIB_ERR_VSPACE_NO_SPACE;
        if (at < region->base + region->bytes + BASE_PAGE_SIZE)
            at = region->base + region->bytes + BASE_PAGE_SIZE;
    }
}

bool vspace_is_free(const struct vspace *v, genvaddr_t base, size_t bytes)
{
    for (const struct region *region = v->regions; region != NULL; region = region->next)
        if (base < region->base + region->bytes && region->base < base + bytes)
            return false;
    return true;
}

/* Where a mapping is to be. */
struct map_place {
    enum { PLACE_ANYWHERE, PLACE_FIXED, PLACE_RESERVED } kind;
    genvaddr_t address; /* unless anywhere: there */
    size_t alignment;   /* else at a multiple of it; 0: of the page */
};

/* The lock is held, and there are nodes.  Finds the place and maps there. */
static errval_t map_at(struct vspace *v, struct map_place place, size_t page_bytes,
                       struct region *region)
{
    const size_t align = place.alignment > page_bytes ? place.alignment : page_bytes;
    errval_t err = SYS_ERR_OK;

    region->base = place.address;
    if (place.kind == PLACE_ANYWHERE)
        err = vspace_find_gap(v, region->bytes, align, &region->base);
    else if (!vspace_is_free(v, region->base, region->bytes) ||
             (place.kind == PLACE_FIXED &&
              reserved_skip(region->base, region->bytes) != region->base))
        err = LIB_ERR_VSPACE_NO_SPACE;
    if (err_is_ok(err))
        err = page_tables_map(&v->tables, region, page_bytes);
    if (err_no(err) == SYS_ERR_VM_NO_HUGE_PAGES)
        err = page_tables_map(&v->tables, region, LARGE_PAGE_SIZE);
    if (err_is_ok(err)) {
        struct region **link = region_link(v, region->base);

        assert(*link == NULL || (*link)->base >= region->base + region->bytes);
        region->next = *link;
        *link = region;
    }
    return err;
}

/* *ret: the region that was made. */
static errval_t map_frame(struct vspace *v, struct map_place place, struct region wanted,
                          struct region **ret)
{
    const bool fixed = place.kind != PLACE_ANYWHERE;

    wanted.bytes = ROUND_UP(wanted.bytes, BASE_PAGE_SIZE);
    if (wanted.bytes == 0 || wanted.offset % BASE_PAGE_SIZE != 0 ||
        (fixed && (place.address % BASE_PAGE_SIZE != 0 || place.address < v->fixed_low)))
        return err_push(SYS_ERR_VM_MAP_OFFSET, LIB_ERR_VSPACE_MAP);

    const size_t page_bytes =
        page_bytes_for(wanted.frame, wanted.bytes, wanted.offset, place.address, wanted.flags);
    const size_t smallest = page_bytes < LARGE_PAGE_SIZE ? page_bytes : LARGE_PAGE_SIZE;

    errval_t err = ram_prepare(page_ram_for(wanted.bytes, smallest));
    if (err_is_ok(err))
        err = lock_with_nodes(v, 1 + page_nodes_for(wanted.bytes, smallest));
    if (err_is_fail(err))
        return err_push(err, LIB_ERR_VSPACE_MAP);
    struct region *region = page_node_alloc(&v->tables);
    *region = wanted;
    err = map_at(v, place, page_bytes, region);
    if (err_is_fail(err))
        page_node_free(&v->tables, region);
    else
        *ret = region;
    thread_mutex_unlock(&v->mutex);
    return err_is_fail(err) ? err_push(err, LIB_ERR_VSPACE_MAP) : SYS_ERR_OK;
}

static struct vspace_piece piece_of(const struct region *region)
{
    return (struct vspace_piece){ .base = region->base,
                                  .bytes = region->bytes,
                                  .offset = region->offset,
                                  .flags = region->flags,
                                  .frame = region->frame };
}

/* The other dispatchers of the domain map it, too. */
static errval_t share(const struct region *region)
{
    if (vspace_sharing == NULL || (region->flags & VREGION_FLAGS_PRIVATE) != 0)
        return SYS_ERR_OK;
    const struct vspace_piece piece = piece_of(region);
    struct capref kept;
    errval_t err = vspace_sharing->mapped(&piece);

    if (err_is_fail(err))
        vspace_unmap_in(vspace_here(), piece.base, &kept);
    return err;
}

/* What the program wants to see of a region: allocated, since few ask. */
static errval_t show(struct region *region, struct memobj **memobj, struct vregion **vregion)
{
    if (memobj == NULL && vregion == NULL)
        return SYS_ERR_OK;
    struct shown *shown = malloc(sizeof(*shown));
    if (shown == NULL)
        return LIB_ERR_MALLOC_FAIL;
    memobj_create_one_frame(&shown->object, region->bytes, 0);
    shown->object.frame = region->frame;
    shown->object.offset = region->offset;
    shown->vregion = (struct vregion){ .vspace = vspace_here(),
                                       .memobj = &shown->object.m,
                                       .base = region->base,
                                       .size = region->bytes,
                                       .flags = region->flags,
                                       .of_library = true };
    shown->object.m.vregion = &shown->vregion;
    region->shown = shown;
    if (memobj != NULL)
        *memobj = &shown->object.m;
    if (vregion != NULL)
        *vregion = &shown->vregion;
    return SYS_ERR_OK;
}

static errval_t map_and_return(void **ret, struct map_place place, struct region wanted,
                               struct memobj **memobj, struct vregion **vregion)
{
    struct region *region = NULL;
    struct vspace *v = vspace_here();
    errval_t err = map_frame(v, place, wanted, &region);

    if (err_is_fail(err))
        return err;
    assert(region != NULL);
    err = show(region, memobj, vregion);
    if (err_is_fail(err))
        vspace_unmap_in(v, region->base, &wanted.frame);
    else
        err = share(region);
    if (err_is_fail(err))
        return err_push(err, LIB_ERR_VSPACE_MAP);
    if (ret != NULL)
        *ret = (void *)region->base;
    return SYS_ERR_OK;
}

errval_t vspace_map_in(struct vspace *v, const struct vspace_piece *piece)
{
    struct region *region;

    return map_frame(v != NULL ? v : vspace_here(),
                     (struct map_place){ .kind = PLACE_RESERVED, .address = piece->base },
                     (struct region){ .bytes = piece->bytes,
                                      .offset = piece->offset,
                                      .flags = piece->flags,
                                      .frame = piece->frame },
                     &region);
}

errval_t vspace_map_reserved(genvaddr_t address, size_t bytes, struct capref frame, size_t offset,
                             vregion_flags_t flags)
{
    return map_and_return(
        NULL, (struct map_place){ .kind = PLACE_RESERVED, .address = address },
        (struct region){ .bytes = bytes, .offset = offset, .flags = flags, .frame = frame }, NULL,
        NULL);
}

static const struct map_place anywhere;

errval_t vspace_map_one_frame_attr_aligned(void **ret, size_t bytes, struct capref frame,
                                           vregion_flags_t flags, size_t alignment,
                                           struct memobj **memobj, struct vregion **vregion)
{
    if (alignment < BASE_PAGE_SIZE || (alignment & (alignment - 1)) != 0)
        return err_push(ERR_INVALID_ARGS, LIB_ERR_VSPACE_MAP);
    return map_and_return(ret, (struct map_place){ .alignment = alignment },
                          (struct region){ .bytes = bytes, .frame = frame, .flags = flags }, memobj,
                          vregion);
}

errval_t vspace_map_one_frame_attr(void **ret, size_t bytes, struct capref frame,
                                   vregion_flags_t flags, struct memobj **memobj,
                                   struct vregion **vregion)
{
    return map_and_return(ret, anywhere,
                          (struct region){ .bytes = bytes, .frame = frame, .flags = flags }, memobj,
                          vregion);
}

errval_t vspace_map_one_frame(void **ret, size_t bytes, struct capref frame, struct memobj **memobj,
                              struct vregion **vregion)
{
    return vspace_map_one_frame_attr(ret, bytes, frame, VREGION_FLAGS_READ_WRITE, memobj, vregion);
}

errval_t vspace_map_one_frame_fixed_attr(lvaddr_t address, size_t bytes, struct capref frame,
                                         vregion_flags_t flags, struct memobj **memobj,
                                         struct vregion **vregion)
{
    return map_and_return(NULL, (struct map_place){ .kind = PLACE_FIXED, .address = address },
                          (struct region){ .bytes = bytes, .frame = frame, .flags = flags }, memobj,
                          vregion);
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
    return map_and_return(
        ret, anywhere,
        (struct region){ .bytes = bytes, .offset = offset, .frame = frame, .flags = flags }, NULL,
        vregion);
}

/* A frame of whole large pages, so that it can be mapped by them. */
static errval_t alloc_large(struct capref *frame, size_t bytes)
{
    struct capref ram;
    uint8_t bits = LARGE_PAGE_BITS;

    while (1ul << bits < bytes)
        bits++;
    errval_t err = ram_alloc(&ram, bits);
    if (err_is_fail(err))
        return err;
    err = slot_alloc(frame);
    if (err_is_ok(err)) {
        err = cap_retype(*frame, ram, 0, ObjType_Frame, bytes, 1);
        if (err_is_fail(err))
            slot_free(*frame);
    }
    cap_destroy(ram);
    return err;
}

errval_t vspace_frame_alloc(struct capref *frame, size_t bytes, vregion_flags_t flags,
                            size_t *retbytes)
{
    if ((flags & VREGION_FLAGS_LARGE) == 0)
        return frame_alloc(frame, bytes, retbytes);
    *retbytes = ROUND_UP(bytes, LARGE_PAGE_SIZE);
    return alloc_large(frame, *retbytes);
}

errval_t vspace_map_anon_attr(void **ret, struct memobj **memobj, struct vregion **vregion,
                              size_t bytes, size_t *retbytes, vregion_flags_t flags)
{
    struct capref frame = NULL_CAP;
    size_t whole = 0;
    errval_t err = vspace_frame_alloc(&frame, bytes, flags, &whole);

    if (err_is_fail(err))
        return err;
    err = map_and_return(
        ret, anywhere,
        (struct region){ .bytes = whole, .frame = frame, .flags = flags, .owns_frame = true },
        memobj, vregion);
    if (err_is_fail(err)) {
        cap_destroy(frame);
        return err;
    }
    if (retbytes != NULL)
        *retbytes = whole;
    return SYS_ERR_OK;
}

errval_t vspace_unmap_in(struct vspace *v, genvaddr_t base, struct capref *frame)
{
    v = v != NULL ? v : vspace_here();
    thread_mutex_lock(&v->mutex);
    struct region **link = region_link(v, base), *region = *link;
    if (region == NULL || region->base != base) {
        thread_mutex_unlock(&v->mutex);
        return LIB_ERR_VREGION_NOT_FOUND;
    }
    *link = region->next;
    page_tables_unmap(&v->tables, region);
    struct shown *shown = region->shown;
    if (frame != NULL)
        *frame = region->frame;
    else if (region->owns_frame)
        cap_destroy(region->frame);
    page_node_free(&v->tables, region);
    thread_mutex_unlock(&v->mutex);
    free(shown);
    return SYS_ERR_OK;
}

/* Is there a region at this address that others have mapped as well? */
static bool is_shared(struct vspace *v, genvaddr_t base)
{
    thread_mutex_lock(&v->mutex);
    const struct region *region = *region_link(v, base);
    bool shared =
        region == NULL || region->base != base || (region->flags & VREGION_FLAGS_PRIVATE) == 0;
    thread_mutex_unlock(&v->mutex);
    return shared;
}

errval_t vspace_unmap_reserved(genvaddr_t address)
{
    if (vspace_sharing != NULL && is_shared(vspace_here(), address))
        return vspace_sharing->unmap(address);
    return vspace_unmap_in(vspace_here(), address, NULL);
}

errval_t vspace_unmap(const void *buf)
{
    struct vregion *vregion = reserved_at((genvaddr_t)buf);

    return vregion != NULL ? vregion_destroy(vregion) : vspace_unmap_reserved((genvaddr_t)buf);
}

/* ---- other rights ---- */

errval_t vspace_protect_mapped(genvaddr_t address, size_t bytes, vregion_flags_t flags)
{
    struct vspace *v = vspace_here();
    errval_t err = LIB_ERR_VREGION_NOT_FOUND;

    thread_mutex_lock(&v->mutex);
    struct region *region = vspace_region_at(v, address);
    const bool all = region != NULL && region->base == address && region->bytes == bytes;
    if (region != NULL && bytes > region->base + region->bytes - address)
        err = SYS_ERR_VM_MAP_SIZE;
    else if (region != NULL && vspace_sharing != NULL &&
             (region->flags & VREGION_FLAGS_PRIVATE) == 0)
        err = LIB_ERR_VSPACE_PROTECT;
    else if (region != NULL) {
        err = page_tables_protect(region, address, bytes, flags);
        if (err_is_ok(err) && all)
            region->flags = flags;
    }
    thread_mutex_unlock(&v->mutex);
    return err;
}

errval_t vspace_protect(const void *buf, size_t bytes, vs_prot_flags_t flags)
{
    const genvaddr_t address = (genvaddr_t)buf;
    struct vregion *vregion = reserved_around(address);
    struct vspace *v = vspace_here();

    bytes = ROUND_UP(bytes, BASE_PAGE_SIZE);
    if (address % BASE_PAGE_SIZE != 0 || bytes == 0)
        return SYS_ERR_VM_MAP_SIZE;
    if (vregion != NULL)
        return vregion->memobj->f.protect(vregion->memobj, vregion, address - vregion->base, bytes,
                                          flags);
    thread_mutex_lock(&v->mutex);
    const struct region *region = vspace_region_at(v, address);
    const vregion_flags_t kept = region != NULL ? region->flags & ~VREGION_FLAGS_MASK : 0;
    thread_mutex_unlock(&v->mutex);
    return vspace_protect_mapped(address, bytes, kept | (flags & VREGION_FLAGS_MASK));
}

bool vspace_has(struct vspace *v, genvaddr_t base, size_t bytes)
{
    thread_mutex_lock(&v->mutex);
    const struct region *region = *region_link(v, base);
    bool there = region != NULL && region->base == base && region->bytes == bytes;
    thread_mutex_unlock(&v->mutex);
    return there;
}

size_t vspace_list_shared(struct vspace_piece *list, size_t room)
{
    struct vspace *v = vspace_here();
    size_t count = 0;

    thread_mutex_lock(&v->mutex);
    for (const struct region *region = v->regions; region != NULL; region = region->next) {
        if ((region->flags & VREGION_FLAGS_PRIVATE) == 0) {
            if (count < room)
                list[count] = piece_of(region);
            count++;
        }
    }
    thread_mutex_unlock(&v->mutex);
    return count;
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
            page_node_free(&first.tables, &static_nodes[i]);
    }
    paging_init();
    heap_set_source(map_heap);
    thread_set_memory(map_stack);
    return SYS_ERR_OK;
}
