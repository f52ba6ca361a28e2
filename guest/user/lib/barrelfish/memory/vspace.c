/* SPDX-License-Identifier: MIT
 *
 * The address space as programs use it (facts §2.2): frames and memory by one call.
 */
#include <barrelfish/vspace.h>

#include <barrelfish/barrelfish.h>
#include <stdlib.h>

#include "../dispatch/heap.h"
#include "../dispatch/threads_priv.h"
#include "vspace_priv.h"

#define RAM_KEEP_BYTES (4ul << 20) /* of what was unmapped, for the next mapping */

struct vspace *get_current_vspace(void)
{
    return vspace_here();
}

/* What the program wants to see of a region: allocated, since few ask. */
static void show(const struct region *region)
{
    struct shown *shown = region->shown;

    memobj_create_one_frame(&shown->object, region->bytes, 0);
    shown->object.frame = region->frame;
    shown->object.offset = region->offset;
    shown->vregion = (struct vregion){ .vspace = vspace_here(),
                                       .memobj = &shown->object.m,
                                       .base = region->base,
                                       .size = region->bytes,
                                       .flags = region->flags,
                                       .core = disp_get_core_id(),
                                       .of_library = true };
    shown->object.m.vregion = &shown->vregion;
}

static errval_t map_and_return(void **ret, struct map_place place, struct region wanted,
                               struct memobj **memobj, struct vregion **vregion)
{
    struct shown *shown = NULL;
    struct region *region = NULL;

    if (memobj != NULL || vregion != NULL) {
        shown = malloc(sizeof(*shown));
        if (shown == NULL)
            return err_push(LIB_ERR_MALLOC_FAIL, LIB_ERR_VSPACE_MAP);
    }
    wanted.shown = shown;
    errval_t err = vspace_map_shared(place, wanted, &region);
    if (err_is_fail(err)) {
        free(shown);
        return err;
    }
    if (shown != NULL)
        show(region);
    if (ret != NULL)
        *ret = (void *)region->base;
    if (memobj != NULL)
        *memobj = &shown->object.m;
    if (vregion != NULL)
        *vregion = &shown->vregion;
    return SYS_ERR_OK;
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

errval_t vspace_unmap(const void *buf)
{
    struct vregion *vregion = reserved_at((genvaddr_t)buf);

    errval_t err =
        vregion != NULL ? vregion_destroy(vregion) : vspace_unmap_reserved((genvaddr_t)buf);
    ram_return_free(RAM_KEEP_BYTES);
    return err;
}

errval_t vspace_protect(const void *buf, size_t bytes, vs_prot_flags_t flags)
{
    const genvaddr_t address = (genvaddr_t)buf;
    struct vregion *vregion = reserved_around(address);

    bytes = ROUND_UP(bytes, BASE_PAGE_SIZE);
    if (address % BASE_PAGE_SIZE != 0 || bytes == 0)
        return SYS_ERR_VM_MAP_SIZE;
    if (vregion != NULL)
        return vregion->memobj->f.protect(vregion->memobj, vregion, address - vregion->base, bytes,
                                          flags);
    return vspace_protect_rights(address, bytes, flags);
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
    vspace_begin();
    paging_init();
    heap_set_source(map_heap);
    thread_set_memory(map_stack);
    return SYS_ERR_OK;
}
