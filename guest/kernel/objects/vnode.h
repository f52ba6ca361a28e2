/* SPDX-License-Identifier: MIT
 *
 * What the files about page tables share (vnode.c, vnode_inherit.c).
 */
#ifndef KERNEL_OBJECTS_VNODE_H
#define KERNEL_OBJECTS_VNODE_H

#include "objects.h"

#define TABLE_ENTRIES 512

#define MAPPING_LARGE 1 /* flag of a mapping: of pages in a directory, another bit there */

/* Of a type that is mapped by pages? */
bool vnode_is_frame(unsigned type);

/* The entries of a page table. */
uint64_t *vnode_entries(const struct capability *vnode);

/* At most TABLE_ENTRIES of them: are they empty?  Changes their flags; `large`: they are of a
 * directory, where another bit chooses the attribute. */
bool vnode_are_empty(const uint64_t *entry, uint64_t count);
void vnode_set_flags(uint64_t *entry, uint64_t count, uint64_t flags, bool large);

/* The flags of pages of a frame with these attributes; SYS_ERR_VM_MAP_RIGHTS: it may not be mapped
 * so. */
uint64_t vnode_frame_flags(const struct capability *frame, uint64_t attr, bool large);
errval_t vnode_check_rights(const struct capability *frame, uint64_t attr);

/* The mapping of a frame that fills `entry` of a table; SYS_ERR_VNODE_NOT_INSTALLED: there is
 * none. */
errval_t vnode_find_mapping(const struct capability *table, uint64_t entry, struct cte **mapping);

/* VNodeCmd_Inherit (vnode_inherit.c). */
struct sysret vnode_inherit(struct cte *table, const struct invocation *inv);

#endif
