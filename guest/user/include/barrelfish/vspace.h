/* SPDX-License-Identifier: MIT
 *
 * The address space (facts §2.2).  A domain manages PML4 entries 1..255 itself; entry 0 (image,
 * dispatcher frame, arguments) was built by its spawner and is left alone.  Sizes and addresses in
 * bytes.  Mapped frames stay mapped until vspace_unmap or until the frame capability is deleted.
 * A mapping takes the capability given (one copy of a capability can be mapped once).
 */
#ifndef BARRELFISH_VSPACE_H
#define BARRELFISH_VSPACE_H

#include <barrelfish/caddr.h>
#include <errors/errno.h>

typedef unsigned vregion_flags_t;
typedef vregion_flags_t vs_prot_flags_t;
#define VREGION_FLAGS_READ 0x01
#define VREGION_FLAGS_WRITE 0x02
#define VREGION_FLAGS_EXECUTE 0x04
#define VREGION_FLAGS_NOCACHE 0x08
#define VREGION_FLAGS_MPB 0x10 /* no effect on this machine */
#define VREGION_FLAGS_GUARD 0x20
#define VREGION_FLAGS_WRITE_COMBINING 0x40 /* not together with NOCACHE */
#define VREGION_FLAGS_PRIVATE 0x80 /* only of this dispatcher: others of the domain do not map it */
#define VREGION_FLAGS_LARGE 0x100
#define VREGION_FLAGS_HUGE 0x200 /* large pages at most */
#define VREGION_FLAGS_READ_WRITE (VREGION_FLAGS_READ | VREGION_FLAGS_WRITE)
#define VREGION_FLAGS_READ_EXECUTE (VREGION_FLAGS_READ | VREGION_FLAGS_EXECUTE)
#define VREGION_FLAGS_READ_WRITE_NOCACHE (VREGION_FLAGS_READ_WRITE | VREGION_FLAGS_NOCACHE)

/* What is mapped: for now always one frame. */
struct memobj {
    struct capref frame;
    size_t bytes;
    bool
        /* the frame was allocated by vspace_map_anon_attr and is freed with the region */
        anonymous;
};

struct vregion {
    genvaddr_t base;
    size_t bytes;
    size_t offset; /* in the memobj */
    vregion_flags_t flags;
    struct memobj memobj;
    struct vregion *next; /* by base */
    struct mapping_node *mappings;
};

/* LIB_ERR_VSPACE_MAP, LIB_ERR_VSPACE_NO_SPACE.  bytes is rounded up to pages; memobj and vregion
 * may be NULL. */
errval_t vspace_map_one_frame(void **ret, size_t bytes, struct capref frame, struct memobj **memobj,
                              struct vregion **vregion);
errval_t vspace_map_one_frame_attr(void **ret, size_t bytes, struct capref frame,
                                   vregion_flags_t flags, struct memobj **memobj,
                                   struct vregion **vregion);
errval_t vspace_map_one_frame_fixed(lvaddr_t address, size_t bytes, struct capref frame,
                                    struct memobj **memobj, struct vregion **vregion);
errval_t vspace_map_one_frame_fixed_attr(lvaddr_t address, size_t bytes, struct capref frame,
                                         vregion_flags_t flags, struct memobj **memobj,
                                         struct vregion **vregion);
/* A part of a frame; offset page aligned. */
errval_t vspace_map_frame_offset_attr(void **ret, size_t bytes, struct capref frame, size_t offset,
                                      vregion_flags_t flags, struct vregion **vregion);

/* At a multiple of `alignment`, a power of two of at least a page. */
errval_t vspace_map_one_frame_attr_aligned(void **ret, size_t bytes, struct capref frame,
                                           vregion_flags_t flags, size_t alignment,
                                           struct memobj **memobj, struct vregion **vregion);

/* Memory of this domain, zeroed. */
errval_t vspace_map_anon_attr(void **ret, struct memobj **memobj, struct vregion **vregion,
                              size_t bytes, size_t *retbytes, vregion_flags_t flags);

/* buf: the start of a region.  LIB_ERR_VREGION_NOT_FOUND. */
errval_t vspace_unmap(const void *buf);
errval_t vregion_destroy(struct vregion *vregion);

static inline struct memobj *vregion_get_memobj(struct vregion *vregion)
{
    return &vregion->memobj;
}
static inline genvaddr_t vregion_get_base_addr(const struct vregion *vregion)
{
    return vregion->base;
}
static inline size_t vregion_get_size(const struct vregion *vregion)
{
    return vregion->bytes;
}

/* --- for the library ------------------------------------------------------------------------- */

/* Start-up only: makes the address space that core_state names, or a first one. */
errval_t vspace_init(void);

/* A piece of a frame at an address. */
struct vspace_piece {
    genvaddr_t base;
    size_t bytes, offset;
    vregion_flags_t flags;
    struct capref frame;
};

/* Page tables below `root`, a PML4: addresses are chosen from `low` on, in one PML4 entry, and may
 * be asked for from `fixed_low` on.  NULL: out of memory. */
struct vspace *vspace_new(struct capref root, genvaddr_t low, genvaddr_t fixed_low);
/* There, and nowhere else; v NULL: this dispatcher's.  The frame stays the caller's.  *frame (may
 * be NULL): what was mapped, even if it had been allocated with the region. */
errval_t vspace_map_in(struct vspace *v, const struct vspace_piece *piece);
errval_t vspace_unmap_in(struct vspace *v, genvaddr_t base, struct capref *frame);

/* Exactly this region is there. */
bool vspace_has(struct vspace *v, genvaddr_t base, size_t bytes);

/* Lists what this dispatcher has mapped for all of the domain; returns how many there are. */
size_t vspace_list_shared(struct vspace_piece *list, size_t room);

/* Set while the domain has several dispatchers: each has page tables of its own, and what one maps
 * the others map at the same address.  Both block. */
struct vspace_sharing {
    errval_t (*mapped)(const struct vspace_piece *piece); /* the others are to map it */
    errval_t (*unmap)(genvaddr_t base);                   /* everybody is to unmap it */
};
extern const struct vspace_sharing *vspace_sharing;

#endif
