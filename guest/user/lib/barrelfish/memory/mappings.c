/* SPDX-License-Identifier: MIT
 *
 * What is mapped: regions, each a part of a frame (facts §2.2, §3.3).
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

/* The next address from `at` on that is aligned.  A small region stays within one page table. */
static genvaddr_t next_place(genvaddr_t at, size_t bytes, size_t align)
{
    at = ROUND_UP(at, align);
    if (bytes <= PTABLE_SPAN && at / PTABLE_SPAN != (at + bytes - 1) / PTABLE_SPAN)
        at = ROUND_UP(at, PTABLE_SPAN);
    return at;
}

/* A gap of `bytes`, and an unmapped page behind it. */
errval_t vspace_find_gap(struct vspace *v, size_t bytes, size_t align, genvaddr_t *ret)
{
    const struct region *region = v->regions;
    genvaddr_t at = v->low;

    if (bytes > VSPACE_BYTES)
        return LIB_ERR_VSPACE_NO_SPACE;
    for (;;) {
        at = next_place(at, bytes, align);
        genvaddr_t end = region != NULL && region->base < v->limit ? region->base : v->limit;
        if (at + bytes + BASE_PAGE_SIZE <= end) {
            const genvaddr_t open = reserved_skip(at, bytes + BASE_PAGE_SIZE);
            if (open == at) {
                *ret = at;
                return SYS_ERR_OK;
            }
            at = open + BASE_PAGE_SIZE;
            continue;
        }
        if (end == v->limit)
            return LIB_ERR_VSPACE_NO_SPACE;
        if (at < region->base + region->bytes + BASE_PAGE_SIZE)
            at = region->base + region->bytes + BASE_PAGE_SIZE;
        region = region->next;
    }
}

bool vspace_is_free(const struct vspace *v, genvaddr_t base, size_t bytes)
{
    for (const struct region *region = v->regions; region != NULL; region = region->next)
        if (base < region->base + region->bytes && region->base < base + bytes)
            return false;
    return true;
}

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
                                  .frame = region->frame,
                                  .mapper = region->mapper };
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

errval_t vspace_map_shared(struct map_place place, struct region wanted, struct region **ret)
{
    *ret = NULL;
    wanted.mapper = disp_get_core_id();
    errval_t err = map_frame(vspace_here(), place, wanted, ret);
    if (err_is_ok(err)) {
        assert(*ret != NULL);
        err = share(*ret);
        if (err_is_fail(err))
            err = err_push(err, LIB_ERR_VSPACE_MAP);
    }
    return err;
}

errval_t vspace_map_in(struct vspace *v, const struct vspace_piece *piece)
{
    struct region *region;

    return map_frame(v != NULL ? v : vspace_here(),
                     (struct map_place){ .kind = PLACE_RESERVED, .address = piece->base },
                     (struct region){ .bytes = piece->bytes,
                                      .offset = piece->offset,
                                      .flags = piece->flags,
                                      .frame = piece->frame,
                                      .mapper = piece->mapper },
                     &region);
}

errval_t vspace_map_reserved(genvaddr_t address, size_t bytes, struct capref frame, size_t offset,
                             vregion_flags_t flags)
{
    struct region *region;

    return vspace_map_shared(
        (struct map_place){ .kind = PLACE_RESERVED, .address = address },
        (struct region){ .bytes = bytes, .offset = offset, .flags = flags, .frame = frame },
        &region);
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

/* Does the address lie in a region that others have mapped as well, or that only they know? */
static bool is_shared(struct vspace *v, genvaddr_t address)
{
    thread_mutex_lock(&v->mutex);
    const struct region *region = vspace_region_at(v, address);
    bool shared = region == NULL || (region->flags & VREGION_FLAGS_PRIVATE) == 0;
    thread_mutex_unlock(&v->mutex);
    return shared;
}

errval_t vspace_unmap_reserved(genvaddr_t address)
{
    if (vspace_sharing != NULL && is_shared(vspace_here(), address))
        return vspace_sharing->unmap(address);
    return vspace_unmap_in(vspace_here(), address, NULL);
}

/* ---- other rights ---- */

errval_t vspace_protect_in(struct vspace *v, struct vspace_rights *r)
{
    v = v != NULL ? v : vspace_here();
    errval_t err = lock_with_nodes(v, PAGE_NODES_TO_PROTECT);
    if (err_is_fail(err))
        return err;
    struct region *region = vspace_region_at(v, r->base);
    if (region == NULL)
        err = LIB_ERR_VREGION_NOT_FOUND;
    else if (r->bytes > region->base + region->bytes - r->base)
        err = SYS_ERR_VM_MAP_SIZE;
    else {
        if (r->rights_only)
            r->flags = (region->flags & ~VREGION_FLAGS_MASK) | (r->flags & VREGION_FLAGS_MASK);
        r->rights_only = false;
        err = page_tables_protect(&v->tables, region, r->base, r->bytes, r->flags);
    }
    thread_mutex_unlock(&v->mutex);
    return err;
}

errval_t vspace_mapper_of(genvaddr_t address, coreid_t *ret)
{
    struct vspace *v = vspace_here();

    thread_mutex_lock(&v->mutex);
    const struct region *region = vspace_region_at(v, address);
    if (region != NULL)
        *ret = region->mapper;
    thread_mutex_unlock(&v->mutex);
    return region != NULL ? SYS_ERR_OK : (errval_t)LIB_ERR_VREGION_NOT_FOUND;
}

static errval_t protect_everywhere(struct vspace_rights *r)
{
    if (vspace_sharing != NULL && is_shared(vspace_here(), r->base))
        return vspace_sharing->protect(r);
    return vspace_protect_in(NULL, r);
}

errval_t vspace_protect_mapped(genvaddr_t address, size_t bytes, vregion_flags_t flags)
{
    return protect_everywhere(
        &(struct vspace_rights){ .base = address, .bytes = bytes, .flags = flags });
}

errval_t vspace_protect_rights(genvaddr_t address, size_t bytes, vs_prot_flags_t rights)
{
    return protect_everywhere(&(struct vspace_rights){
        .base = address, .bytes = bytes, .flags = rights, .rights_only = true });
}

bool vspace_has(struct vspace *v, genvaddr_t base, size_t bytes)
{
    thread_mutex_lock(&v->mutex);
    const struct region *region = *region_link(v, base);
    bool there = region != NULL && region->base == base && region->bytes == bytes;
    thread_mutex_unlock(&v->mutex);
    return there;
}

static void list_region(struct vspace_list *list, const struct region *region)
{
    if (list->pieces < list->piece_room)
        list->piece[list->pieces] = piece_of(region);
    list->pieces++;
    for (const struct other_flags *o = region->other; o != NULL; o = o->next) {
        if (list->changes < list->change_room)
            list->change[list->changes] =
                (struct vspace_rights){ .base = o->base, .bytes = o->bytes, .flags = o->flags };
        list->changes++;
    }
}

bool vspace_list_shared(struct vspace_list *list)
{
    struct vspace *v = vspace_here();

    list->pieces = list->changes = 0;
    thread_mutex_lock(&v->mutex);
    for (const struct region *region = v->regions; region != NULL; region = region->next)
        if ((region->flags & VREGION_FLAGS_PRIVATE) == 0)
            list_region(list, region);
    thread_mutex_unlock(&v->mutex);
    return list->pieces <= list->piece_room && list->changes <= list->change_room;
}

void vspace_begin(void)
{
    struct core_state *state = get_core_state();

    if (state->vspace != NULL)
        return;
    state->vspace = &first;
    prepare(&first, cap_vroot, DOMAIN_OWN_VBASE, DOMAIN_OWN_VBASE);
    for (unsigned i = 0; i < STATIC_NODES; i++)
        page_node_free(&first.tables, &static_nodes[i]);
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
