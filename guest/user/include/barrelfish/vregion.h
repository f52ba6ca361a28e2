/* SPDX-License-Identifier: MIT
 *
 * Regions: where a memory object lies in the address space (facts §2.2).
 *
 * Whoever maps a region gives the struct and keeps it until vregion_destroy(); the members are read
 * through the functions here.  Sizes, offsets and addresses are in bytes and multiples of a page.
 * A region belongs to the whole domain, and to one of its dispatchers: threads there call its
 * functions and those of its object, which block.
 */
#ifndef BARRELFISH_VREGION_H
#define BARRELFISH_VREGION_H

#include <barrelfish/caddr.h>
#include <errors/errno.h>

typedef unsigned vregion_flags_t;
typedef vregion_flags_t vs_prot_flags_t;
#define VREGION_FLAGS_NONE 0x00 /* every access is a fault; of regions of memory objects */
#define VREGION_FLAGS_READ 0x01
#define VREGION_FLAGS_WRITE 0x02
#define VREGION_FLAGS_EXECUTE 0x04
#define VREGION_FLAGS_NOCACHE 0x08
#define VREGION_FLAGS_MPB 0x10             /* no effect on this machine */
#define VREGION_FLAGS_GUARD 0x20           /* a page before it and one behind it stay empty */
#define VREGION_FLAGS_WRITE_COMBINING 0x40 /* not together with NOCACHE */
#define VREGION_FLAGS_PRIVATE 0x80 /* only of this dispatcher: others of the domain do not map it */
#define VREGION_FLAGS_LARGE 0x100  /* anonymous memory comes in large pages */
#define VREGION_FLAGS_HUGE 0x200   /* pages of 1 GiB, if frame, address and processor have them */
#define VREGION_FLAGS_READ_WRITE (VREGION_FLAGS_READ | VREGION_FLAGS_WRITE)
#define VREGION_FLAGS_READ_EXECUTE (VREGION_FLAGS_READ | VREGION_FLAGS_EXECUTE)
#define VREGION_FLAGS_READ_WRITE_NOCACHE (VREGION_FLAGS_READ_WRITE | VREGION_FLAGS_NOCACHE)
#define VREGION_FLAGS_MASK 0x07 /* the rights among them */

struct memobj;
struct vspace;

struct vregion {
    struct vspace *vspace;
    struct memobj *memobj;
    genvaddr_t base;
    size_t offset, size; /* offset in the memory object */
    vregion_flags_t flags;
    coreid_t core;   /* of the dispatcher that maps what lies in it */
    bool of_library; /* made by vspace_map_*, and goes with vspace_unmap() */
};

/* The range [offset, offset + size) of the object, anywhere, at a multiple of `alignment` (a power
 * of two of at least a page), or at an address.  Nothing is mapped yet but what the object holds
 * (memobj.h).  An object is in one region at a time.  LIB_ERR_VREGION_MAP above
 * LIB_ERR_VSPACE_NO_SPACE, ERR_INVALID_ARGS, LIB_ERR_MALLOC_FAIL or
 * LIB_ERR_MEMOBJ_VREGION_ALREADY_MAPPED. */
errval_t vregion_map(struct vregion *vregion, struct vspace *vspace, struct memobj *memobj,
                     size_t offset, size_t size, vregion_flags_t flags);
errval_t vregion_map_aligned(struct vregion *vregion, struct vspace *vspace, struct memobj *memobj,
                             size_t offset, size_t size, vregion_flags_t flags, size_t alignment);
errval_t vregion_map_fixed(struct vregion *vregion, struct vspace *vspace, struct memobj *memobj,
                           size_t offset, size_t size, genvaddr_t address, vregion_flags_t flags);

/* Unmapped; the object keeps what it holds.  A region of vspace_map_* goes with its object. */
errval_t vregion_destroy(struct vregion *vregion);

static inline struct memobj *vregion_get_memobj(const struct vregion *vregion)
{
    return vregion->memobj;
}
static inline genvaddr_t vregion_get_base_addr(const struct vregion *vregion)
{
    return vregion->base;
}
static inline size_t vregion_get_size(const struct vregion *vregion)
{
    return vregion->size;
}

#endif
