/* SPDX-License-Identifier: MIT
 *
 * Regions of memory objects: a reserved range of addresses, and an object that fills it.
 */
#include <barrelfish/vregion.h>

#include <barrelfish/barrelfish.h>
#include <stdlib.h>

#include "../dispatch/threads_priv.h"
#include "vspace_priv.h"

static bool are_pages(size_t bytes)
{
    return bytes % BASE_PAGE_SIZE == 0;
}

/* Chooses the address if `fixed` is 0, and reserves it while nobody else can. */
static errval_t take_place(struct vspace *v, struct vregion *vregion, genvaddr_t fixed,
                           size_t align)
{
    const size_t guard = vregion->flags & VREGION_FLAGS_GUARD ? BASE_PAGE_SIZE : 0;
    struct range *node = reserve_node();
    genvaddr_t base = fixed;
    errval_t err = SYS_ERR_OK;

    if (node == NULL)
        return LIB_ERR_MALLOC_FAIL;
    thread_mutex_lock(&v->mutex);
    if (fixed == 0) {
        err = vspace_find_gap(v, vregion->size + (guard > 0 ? guard + align : 0), align, &base);
        base = ROUND_UP(base + guard, align);
    } else if (fixed < v->fixed_low + guard ||
               !vspace_is_free(v, fixed - guard, vregion->size + 2 * guard)) {
        err = LIB_ERR_VSPACE_NO_SPACE;
    }
    vregion->base = base;
    if (err_is_ok(err))
        err = reserve(&node, vregion, base, vregion->size, guard);
    thread_mutex_unlock(&v->mutex);
    free(node);
    return err;
}

static errval_t map(struct vregion *vregion, struct vspace *vspace, struct memobj *memobj,
                    size_t offset, size_t size, genvaddr_t fixed, vregion_flags_t flags,
                    size_t align)
{
    struct vspace *v = vspace_here();

    size = ROUND_UP(size, BASE_PAGE_SIZE);
    if ((vspace != NULL && vspace != v) || size == 0 || !are_pages(offset) || !are_pages(fixed) ||
        offset > memobj->size || size > memobj->size - offset || align < BASE_PAGE_SIZE ||
        (align & (align - 1)) != 0)
        return err_push(ERR_INVALID_ARGS, LIB_ERR_VREGION_MAP);
    if ((flags & VREGION_FLAGS_LARGE) != 0 && align < LARGE_PAGE_SIZE)
        align = LARGE_PAGE_SIZE;
    *vregion = (struct vregion){ .vspace = v,
                                 .memobj = memobj,
                                 .offset = offset,
                                 .size = size,
                                 .flags = flags,
                                 .core = disp_get_core_id() };
    errval_t err = take_place(v, vregion, fixed, align);
    if (err_is_ok(err)) {
        err = memobj->f.map_region(memobj, vregion);
        if (err_is_fail(err))
            reserve_end(vregion);
    }
    return err_is_fail(err) ? err_push(err, LIB_ERR_VREGION_MAP) : err;
}

errval_t vregion_map(struct vregion *vregion, struct vspace *vspace, struct memobj *memobj,
                     size_t offset, size_t size, vregion_flags_t flags)
{
    return map(vregion, vspace, memobj, offset, size, 0, flags, BASE_PAGE_SIZE);
}

errval_t vregion_map_aligned(struct vregion *vregion, struct vspace *vspace, struct memobj *memobj,
                             size_t offset, size_t size, vregion_flags_t flags, size_t alignment)
{
    return map(vregion, vspace, memobj, offset, size, 0, flags, alignment);
}

errval_t vregion_map_fixed(struct vregion *vregion, struct vspace *vspace, struct memobj *memobj,
                           size_t offset, size_t size, genvaddr_t address, vregion_flags_t flags)
{
    if (address == 0)
        return err_push(ERR_INVALID_ARGS, LIB_ERR_VREGION_MAP);
    return map(vregion, vspace, memobj, offset, size, address, flags, BASE_PAGE_SIZE);
}

static errval_t destroy_here(struct vregion *vregion)
{
    if (vregion->of_library)
        return vspace_unmap_reserved(vregion->base);
    errval_t err = vregion->memobj->f.unmap_region(vregion->memobj, vregion);
    reserve_end(vregion);
    return err_is_fail(err) ? err_push(err, LIB_ERR_VREGION_DESTROY) : err;
}

errval_t vregion_destroy(struct vregion *vregion)
{
    /* One dispatcher has mapped it for all, and only that one may unmap it: the thread goes there,
     * and comes back. */
    const coreid_t here = disp_get_core_id();
    const bool elsewhere = here != vregion->core && (vregion->flags & VREGION_FLAGS_PRIVATE) == 0;
    errval_t err = elsewhere ? thread_move_to(thread_self(), vregion->core) : SYS_ERR_OK;
    if (err_is_fail(err))
        return err;
    err = destroy_here(vregion);
    errval_t back = elsewhere ? thread_move_to(thread_self(), here) : SYS_ERR_OK;
    return err_is_fail(err) ? err : back;
}
