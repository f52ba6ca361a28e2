/* SPDX-License-Identifier: MIT
 *
 * What is mapped where, without regions and objects (facts §2.2): for programs that do the paging
 * themselves.  Reached as get_current_pmap()->f.*, with the pmap itself as first argument.
 *
 * Everything is of the calling thread's dispatcher and, as all mappings, of the domain's other
 * dispatchers.  Sizes and addresses in bytes, multiples of a page.  The functions block.
 */
#ifndef BARRELFISH_PMAP_H
#define BARRELFISH_PMAP_H

#include <barrelfish/vregion.h>

/* One mapping. */
struct pmap_mapping_info {
    struct capref cap;     /* what is mapped */
    size_t offset;         /* in it */
    genvaddr_t base;       /* where the mapping begins */
    size_t size;           /* of the mapping */
    vregion_flags_t flags; /* as it was mapped, or protected as a whole */
    size_t page_size;      /* of the pages by which it is mapped */
};

struct pmap {
    struct pmap_funcs {
        /* Where an object, or so many bytes, could be mapped at a multiple of `alignment` (0: of a
         * page).  Nothing is reserved.  LIB_ERR_PMAP_DETERMINE_ADDR. */
        errval_t (*determine_addr)(struct pmap *pmap, struct memobj *memobj, size_t alignment,
                                   genvaddr_t *ret);
        errval_t (*determine_addr_raw)(struct pmap *pmap, size_t bytes, size_t alignment,
                                       genvaddr_t *ret);
        /* ret_offset, ret_bytes (may be NULL): what was mapped; here always all.
         * LIB_ERR_PMAP_MAP. */
        errval_t (*map)(struct pmap *pmap, genvaddr_t address, struct capref frame, size_t offset,
                        size_t bytes, vregion_flags_t flags, size_t *ret_offset, size_t *ret_bytes);
        /* All mappings that lie in the range; those that reach out of it stay.  ret_bytes (may be
         * NULL): how much they were.  LIB_ERR_PMAP_UNMAP above LIB_ERR_VREGION_NOT_FOUND: none. */
        errval_t (*unmap)(struct pmap *pmap, genvaddr_t address, size_t bytes, size_t *ret_bytes);
        /* Other flags for what is mapped in the range. LIB_ERR_PMAP_MODIFY_FLAGS. */
        errval_t (*modify_flags)(struct pmap *pmap, genvaddr_t address, size_t bytes,
                                 vregion_flags_t flags, size_t *ret_bytes);
        /* LIB_ERR_PMAP_FIND_VNODE: nothing is mapped there. */
        errval_t (*lookup)(struct pmap *pmap, genvaddr_t address, struct pmap_mapping_info *info);
    } f;
    struct vspace *vspace;
};

/* Of the calling thread's dispatcher. */
struct pmap *get_current_pmap(void);

#endif
