/* SPDX-License-Identifier: MIT
 *
 * Memory objects: what lies in a region (facts §2.2).
 *
 * An object holds frames, each from an offset on.  Its functions are reached as memobj->f.*, with
 * the object itself as first argument.  Sizes and offsets in bytes, multiples of a page.
 *
 * | kind      | is filled                  | is mapped                         |
 * |-----------|----------------------------|-----------------------------------|
 * | one frame | once, from offset 0 on     | when it is touched, or f.pagefault |
 * | anonymous | when it is touched, zeroed | then                              |
 * | pinned    | by f.fill                  | by f.fill, if it is in a region   |
 * | fixed     | by f.fill, chunk by chunk  | when it is touched, or f.pagefault |
 *
 * A thread that touches a page of a region which is not mapped enters the page-fault upcall; the
 * library maps what the object has there, on the thread's own stack, and the thread goes on.  Only
 * if the object has nothing there, or the region's rights forbid it, its exception handler is
 * called or the domain ends.  What a domain hands to the CPU driver or to a call of this library
 * must be mapped before: touch it, or f.pin.
 *
 * All functions block, and are for threads of the core on which the region was mapped; touching
 * pages is for all.  A frame that was given to an object belongs to it until f.unfill, or until the
 * object is destroyed, which deletes it.
 */
#ifndef BARRELFISH_MEMOBJ_H
#define BARRELFISH_MEMOBJ_H

#include <barrelfish/threads.h>
#include <barrelfish/vregion.h>

typedef unsigned memobj_flags_t; /* none yet */
typedef unsigned vm_fault_type_t;
#define VM_FAULT_ANY 0 /* as a program that wants the page */
#define VM_FAULT_READ VREGION_FLAGS_READ
#define VM_FAULT_WRITE VREGION_FLAGS_WRITE
#define VM_FAULT_EXECUTE VREGION_FLAGS_EXECUTE

enum memobj_type { MEMOBJ_ONE_FRAME, MEMOBJ_ANON, MEMOBJ_PINNED, MEMOBJ_FIXED };

struct memobj_funcs {
    /* Told by vregion_map* and vregion_destroy. */
    errval_t (*map_region)(struct memobj *memobj, struct vregion *vregion);
    errval_t (*unmap_region)(struct memobj *memobj, struct vregion *vregion);

    /* Other rights for [offset, offset + range) of the region: VREGION_FLAGS_READ, WRITE, EXECUTE,
     * or none.  LIB_ERR_MEMOBJ_PROTECT above the errors of vspace_protect(). */
    errval_t (*protect)(struct memobj *memobj, struct vregion *vregion, genvaddr_t offset,
                        size_t range, vs_prot_flags_t flags);

    /* Maps all of the range now; it stays filled until it is unpinned as often. */
    errval_t (*pin)(struct memobj *memobj, struct vregion *vregion, genvaddr_t offset,
                    size_t range);
    errval_t (*unpin)(struct memobj *memobj, struct vregion *vregion, genvaddr_t offset,
                      size_t range);

    /* Gives the object a frame.  `bytes` of it, or as many as the object has room for, from its
     * beginning or from byte `frame_offset` on.  LIB_ERR_MEMOBJ_WRONG_OFFSET: out of range, or
     * something lies there. */
    errval_t (*fill)(struct memobj *memobj, genvaddr_t offset, struct capref frame, size_t bytes);
    errval_t (*fill_foff)(struct memobj *memobj, genvaddr_t offset, struct capref frame,
                          size_t bytes, genpaddr_t frame_offset);

    /* Takes the frame back that lies at the offset, unmapped; ret_offset (may be NULL): where it
     * began.  LIB_ERR_MEMOBJ_UNFILL_TOO_HIGH: nothing lies there.  LIB_ERR_MEMOBJ_PINNED. */
    errval_t (*unfill)(struct memobj *memobj, genvaddr_t offset, struct capref *ret_frame,
                       genvaddr_t *ret_offset);

    /* Maps what lies at an offset of the region.  LIB_ERR_MEMOBJ_NOT_FILLED,
     * LIB_ERR_MEMOBJ_PROTECT: the rights forbid it. */
    errval_t (*pagefault)(struct memobj *memobj, struct vregion *vregion, genvaddr_t offset,
                          vm_fault_type_t type);

    /* Takes up to `count` frames out of an object that are not pinned, until they have `bytes`;
     * *ret_count: how many. */
    errval_t (*pager_free)(struct memobj *memobj, size_t bytes, struct capref *frames, size_t count,
                           size_t *ret_count);
};

struct memobj_piece; /* of the library */
struct memobj_rights;

struct memobj {
    struct memobj_funcs f;
    size_t size;
    memobj_flags_t flags;
    enum memobj_type type;
    /* of the library: */
    struct thread_mutex mutex;
    struct vregion *vregion;      /* in which it is */
    size_t chunk;                 /* of a fixed object */
    struct memobj_piece *pieces;  /* by offset */
    struct memobj_rights *rights; /* of ranges that were protected, newest first */
};

struct memobj_one_frame {
    struct memobj m;
    struct capref frame; /* what it was filled with */
    size_t offset;       /* in the frame */
};
struct memobj_anon {
    struct memobj m;
};
struct memobj_pinned {
    struct memobj m;
};
struct memobj_fixed {
    struct memobj m;
    size_t count, chunk_size;
};

/* An empty object in the caller's memory.  ERR_INVALID_ARGS: no size, or not of pages. */
errval_t memobj_create_one_frame(struct memobj_one_frame *one, size_t size, memobj_flags_t flags);
errval_t memobj_create_anon(struct memobj_anon *anon, size_t size, memobj_flags_t flags);
errval_t memobj_create_pinned(struct memobj_pinned *pinned, size_t size, memobj_flags_t flags);
/* `count` chunks of `chunk_size` bytes each; size is their product. */
errval_t memobj_create_fixed(struct memobj_fixed *fixed, size_t size, memobj_flags_t flags,
                             size_t count, size_t chunk_size);

/* Deletes what it holds.  LIB_ERR_MEMOBJ_VREGION_ALREADY_MAPPED: it is in a region. */
errval_t memobj_destroy_one_frame(struct memobj *memobj);
errval_t memobj_destroy_anon(struct memobj *memobj);
errval_t memobj_destroy_pinned(struct memobj *memobj);
errval_t memobj_destroy_fixed(struct memobj *memobj);

#endif
