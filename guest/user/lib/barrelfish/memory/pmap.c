/* SPDX-License-Identifier: MIT
 *
 * The address space by its addresses: functions over its regions.
 */
#include <barrelfish/pmap.h>

#include <barrelfish/barrelfish.h>

#include "vspace_priv.h"

static errval_t determine_addr_raw(struct pmap *pmap, size_t bytes, size_t alignment,
                                   genvaddr_t *ret)
{
    struct vspace *v = pmap->vspace;

    if (alignment < BASE_PAGE_SIZE)
        alignment = BASE_PAGE_SIZE;
    if (bytes == 0 || (alignment & (alignment - 1)) != 0)
        return err_push(ERR_INVALID_ARGS, LIB_ERR_PMAP_DETERMINE_ADDR);
    thread_mutex_lock(&v->mutex);
    errval_t err = vspace_find_gap(v, ROUND_UP(bytes, BASE_PAGE_SIZE), alignment, ret);
    thread_mutex_unlock(&v->mutex);
    return err_is_fail(err) ? err_push(err, LIB_ERR_PMAP_DETERMINE_ADDR) : err;
}

static errval_t determine_addr(struct pmap *pmap, struct memobj *memobj, size_t alignment,
                               genvaddr_t *ret)
{
    return determine_addr_raw(pmap, memobj->size, alignment, ret);
}

static errval_t map(struct pmap *pmap, genvaddr_t address, struct capref frame, size_t offset,
                    size_t bytes, vregion_flags_t flags, size_t *ret_offset, size_t *ret_bytes)
{
    if (pmap->vspace != vspace_here())
        return err_push(ERR_INVALID_ARGS, LIB_ERR_PMAP_MAP);
    errval_t err = vspace_map_reserved(address, bytes, frame, offset, flags);
    if (err_is_fail(err))
        return err_push(err, LIB_ERR_PMAP_MAP);
    if (ret_offset != NULL)
        *ret_offset = offset;
    if (ret_bytes != NULL)
        *ret_bytes = ROUND_UP(bytes, BASE_PAGE_SIZE);
    return SYS_ERR_OK;
}

/* The next mapping that lies in [address, end) as a whole, or reaches into it. */
static bool next_mapping(struct vspace *v, genvaddr_t address, genvaddr_t end, bool whole,
                         struct region *ret)
{
    const struct region *region;

    thread_mutex_lock(&v->mutex);
    for (region = v->regions; region != NULL; region = region->next) {
        const genvaddr_t region_end = region->base + region->bytes;

        if (whole ? address <= region->base && region_end <= end
                  : address < region_end && region->base < end)
            break;
    }
    if (region != NULL)
        *ret = *region;
    thread_mutex_unlock(&v->mutex);
    return region != NULL;
}

static errval_t unmap(struct pmap *pmap, genvaddr_t address, size_t bytes, size_t *ret_bytes)
{
    struct region region;
    size_t done = 0;
    errval_t err = SYS_ERR_OK;

    if (pmap->vspace != vspace_here())
        return err_push(ERR_INVALID_ARGS, LIB_ERR_PMAP_UNMAP);
    while (err_is_ok(err) && next_mapping(pmap->vspace, address, address + bytes, true, &region)) {
        err = vspace_unmap_reserved(region.base);
        done += region.bytes;
    }
    if (done == 0)
        err = LIB_ERR_VREGION_NOT_FOUND;
    if (ret_bytes != NULL)
        *ret_bytes = done;
    return err_is_fail(err) ? err_push(err, LIB_ERR_PMAP_UNMAP) : err;
}

static errval_t modify_flags(struct pmap *pmap, genvaddr_t address, size_t bytes,
                             vregion_flags_t flags, size_t *ret_bytes)
{
    const genvaddr_t end = address + ROUND_UP(bytes, BASE_PAGE_SIZE);
    struct region region;
    size_t done = 0;
    errval_t err = address % BASE_PAGE_SIZE == 0 ? SYS_ERR_OK : ERR_INVALID_ARGS;

    for (genvaddr_t at = address;
         err_is_ok(err) && next_mapping(pmap->vspace, at, end, false, &region);
         at = region.base + region.bytes) {
        const genvaddr_t first = region.base > at ? region.base : at;
        const genvaddr_t last = region.base + region.bytes < end ? region.base + region.bytes : end;

        err = vspace_protect_mapped(first, last - first, flags);
        done += last - first;
    }
    if (err_is_ok(err) && done == 0)
        err = LIB_ERR_VREGION_NOT_FOUND;
    if (ret_bytes != NULL)
        *ret_bytes = done;
    return err_is_fail(err) ? err_push(err, LIB_ERR_PMAP_MODIFY_FLAGS) : err;
}

static errval_t lookup(struct pmap *pmap, genvaddr_t address, struct pmap_mapping_info *info)
{
    struct vspace *v = pmap->vspace;
    errval_t err = LIB_ERR_PMAP_FIND_VNODE;

    thread_mutex_lock(&v->mutex);
    const struct region *region = vspace_region_at(v, address);
    if (region != NULL) {
        *info = (struct pmap_mapping_info){ .cap = region->frame,
                                            .offset = region->offset,
                                            .base = region->base,
                                            .size = region->bytes,
                                            .flags = page_flags_at(region, address),
                                            .page_size = page_bytes_of(region) };
        err = SYS_ERR_OK;
    }
    thread_mutex_unlock(&v->mutex);
    return err;
}

static void pmap_init(struct vspace *v)
{
    v->pmap = (struct pmap){ .f = { .determine_addr = determine_addr,
                                    .determine_addr_raw = determine_addr_raw,
                                    .map = map,
                                    .unmap = unmap,
                                    .modify_flags = modify_flags,
                                    .lookup = lookup },
                             .vspace = v };
}

struct pmap *get_current_pmap(void)
{
    struct vspace *v = vspace_here();

    if (v->pmap.vspace == NULL) /* the first call */
        pmap_init(v);
    return &v->pmap;
}
