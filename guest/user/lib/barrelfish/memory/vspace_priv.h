/* SPDX-License-Identifier: MIT
 *
 * The address space as the files of this folder share it.
 */
#ifndef VSPACE_PRIV_H
#define VSPACE_PRIV_H

#include "page_tables.h"

/* What one dispatcher maps.  Those of a domain on other cores have page tables of their own. */
struct vspace {
    struct pmap pmap; /* first: what programs see */
    struct thread_mutex mutex;
    struct page_tables tables;
    struct region *regions;
    genvaddr_t low, fixed_low; /* where addresses are chosen; the lowest that may be asked for */
    genvaddr_t limit;
};

/* What a program sees of a frame that vspace_map_* has mapped. */
struct shown {
    struct vregion vregion;
    struct memobj_one_frame object;
};

struct vspace *vspace_here(void);

/* A free range, while the lock is held that `v->mutex` is.  LIB_ERR_VSPACE_NO_SPACE. */
errval_t vspace_find_gap(struct vspace *v, size_t bytes, size_t align, genvaddr_t *ret);
bool vspace_is_free(const struct vspace *v, genvaddr_t base, size_t bytes);
/* The region in which an address lies, or NULL; under the same lock. */
struct region *vspace_region_at(const struct vspace *v, genvaddr_t address);

/* Where a mapping is to be. */
struct map_place {
    enum { PLACE_ANYWHERE, PLACE_FIXED, PLACE_RESERVED } kind;
    genvaddr_t address; /* unless anywhere: there */
    size_t alignment;   /* else at a multiple of it; 0: of the page */
};
/* Maps what is wanted, of which all but the base is set, in all dispatchers. */
errval_t vspace_map_shared(struct map_place place, struct region wanted, struct region **ret);

/* A part of a frame at an address in a range that is reserved for it, in all dispatchers. */
/* Zeroed memory that can be mapped as the flags say, in a new slot. */
errval_t vspace_frame_alloc(struct capref *frame, size_t bytes, vregion_flags_t flags,
                            size_t *retbytes);

errval_t vspace_map_reserved(genvaddr_t address, size_t bytes, struct capref frame, size_t offset,
                             vregion_flags_t flags);
/* Exactly this region, whose capabilities are the caller's. */
errval_t vspace_unmap_reserved(genvaddr_t address);
/* Other flags for a part of what is mapped there, in all dispatchers; or other rights alone. */
errval_t vspace_protect_mapped(genvaddr_t address, size_t bytes, vregion_flags_t flags);
errval_t vspace_protect_rights(genvaddr_t address, size_t bytes, vs_prot_flags_t rights);

/* ---- reserved ranges (reserved.c): of the whole domain, whoever maps in them ---- */

/* Takes [base - guard, base + bytes + guard) for a region.  `node` was allocated before the lock
 * was taken, and is the caller's to free if it was not used.  LIB_ERR_VSPACE_NO_SPACE. */
struct range *reserve_node(void);
errval_t reserve(struct range **node, struct vregion *vregion, genvaddr_t base, size_t bytes,
                 size_t guard);
void reserve_end(const struct vregion *vregion);
/* How far an address must go up so that `bytes` from it on touch nothing that is reserved. */
genvaddr_t reserved_skip(genvaddr_t address, size_t bytes);
/* The region that begins at an address, or in which one lies; NULL: none. */
struct vregion *reserved_at(genvaddr_t base);
struct vregion *reserved_around(genvaddr_t address);

/* Lets page faults be served (paging.c). */
void paging_init(void);

/* Start-up: makes the address space that core_state names, or a first one. */
void vspace_begin(void);

#endif
