/* SPDX-License-Identifier: MIT
 *
 * The address space (facts §2.2).  A domain manages PML4 entries 1..255 itself; entry 0 (image,
 * dispatcher frame, arguments) was built by its spawner and is left alone.  Sizes and addresses in
 * bytes.  Mapped frames stay mapped until vspace_unmap or until the frame capability is deleted.
 * A mapping takes the capability given (one copy of a capability can be mapped once).
 */
#ifndef BARRELFISH_VSPACE_H
#define BARRELFISH_VSPACE_H

#include <barrelfish/memobj.h>
#include <barrelfish/pmap.h>
#include <barrelfish/vregion.h>

/* Of the calling thread's dispatcher. */
struct vspace *get_current_vspace(void);

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

/* Memory of this domain, zeroed, and mapped at once.  VREGION_FLAGS_LARGE: bytes are rounded up to
 * large pages.  What is to be mapped only when it is touched is a memobj_anon (memobj.h). */
errval_t vspace_map_anon_attr(void **ret, struct memobj **memobj, struct vregion **vregion,
                              size_t bytes, size_t *retbytes, vregion_flags_t flags);

/* buf: the start of a region.  LIB_ERR_VREGION_NOT_FOUND.  In a domain on several cores no core has
 * it when it returns (docs/spanning.md); LIB_ERR_VSPACE_PROTECT: another dispatcher than the home
 * has mapped it, and only that one may unmap it.  MON_ERR_NO_MONITOR_FOR_CORE: as below. */
errval_t vspace_unmap(const void *buf);

/* Other rights (VREGION_FLAGS_READ, WRITE, EXECUTE) for the pages [buf, buf + bytes), which lie in
 * one region.  LIB_ERR_VREGION_NOT_FOUND, SYS_ERR_VM_MAP_SIZE: it cuts a region or a large page,
 * SYS_ERR_VM_MAP_RIGHTS: the frame lacks the right.  In a domain on several cores no core has the
 * old rights when it returns (docs/spanning.md); LIB_ERR_VSPACE_PROTECT: another dispatcher than
 * the home has mapped it, and only that one may.  MON_ERR_NO_MONITOR_FOR_CORE: a core cannot be
 * reached, and may have them still. */
errval_t vspace_protect(const void *buf, size_t bytes, vs_prot_flags_t flags);

/* --- for the library ------------------------------------------------------------------------- */

/* Start-up only: makes the address space that core_state names, or a first one. */
errval_t vspace_init(void);

/* A piece of a frame at an address. */
struct vspace_piece {
    genvaddr_t base;
    size_t bytes, offset;
    vregion_flags_t flags;
    struct capref frame;
    coreid_t mapper; /* the core whose dispatcher has mapped it, for all */
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

/* Flags for [base, base + bytes), which lies in one region. */
struct vspace_rights {
    genvaddr_t base;
    size_t bytes;
    vregion_flags_t flags;
    bool rights_only; /* the region's other flags stay as they are */
};
/* There, and nowhere else; v NULL: this dispatcher's.  r->flags: then all of them. */
errval_t vspace_protect_in(struct vspace *v, struct vspace_rights *r);
/* Who has mapped what lies at an address for all of the domain.  LIB_ERR_VREGION_NOT_FOUND. */
errval_t vspace_mapper_of(genvaddr_t address, coreid_t *ret);

/* What this dispatcher has mapped for all of the domain, and the parts of it that have other flags
 * than the rest.  The caller owns the arrays; counts are of what there is.  False: it has no room.
 */
struct vspace_list {
    struct vspace_piece *piece;
    struct vspace_rights *change;
    size_t pieces, piece_room, changes, change_room;
};
bool vspace_list_shared(struct vspace_list *list);

/* Set while the domain has several dispatchers: each has page tables of its own, and what one maps
 * the others map at the same address.  All block. */
struct vspace_sharing {
    errval_t (*mapped)(const struct vspace_piece *piece); /* the others are to map it */
    errval_t (*unmap)(genvaddr_t base);                   /* everybody is to unmap it */
    errval_t (*protect)(struct vspace_rights *r);         /* everybody is to change them */
};
extern const struct vspace_sharing *vspace_sharing;

#endif
