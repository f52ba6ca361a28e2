/* SPDX-License-Identifier: MIT
 *
 * Capabilities for programs (facts §2.2, §3).  Destination slots are empty and owned by the caller
 * (slot_alloc).  What is one invocation returns the kernel's code as it is, so that a caller can
 * ask err_no(err) == SYS_ERR_REVOKE_FIRST; what takes several steps pushes the step's LIB_ERR_* on
 * top.
 */
#ifndef BARRELFISH_CAPABILITIES_H
#define BARRELFISH_CAPABILITIES_H

#include <barrelfish/invocations.h>
#include <barrelfish/slot_alloc.h>

struct lmp_endpoint;

/* A second reference to the same object.  Destination first. */
static inline errval_t cap_copy(struct capref dest, struct capref src)
{
    return invoke_cnode_copy(dest, src);
}

/* A copy with changed parameters (rights mask; endpoint offset and length; port range). */
static inline errval_t cap_mint(struct capref dest, struct capref src, uint64_t p1, uint64_t p2)
{
    return invoke_cnode_mint(dest, src, p1, p2);
}

/* `count` objects of `objsize` bytes (ignored for types of fixed size), made from `src` from byte
 * `offset` on, into consecutive slots starting with dest_start.  If another core once got some of
 * that memory, the monitor asks there whether it is in use (blocks): SYS_ERR_REVOKE_FIRST if so,
 * MON_ERR_REMOTE_CAP_RETRY if it is shared anew each time. */
errval_t cap_retype(struct capref dest_start, struct capref src, gensize_t offset,
                    enum objtype type, gensize_t objsize, size_t count);

/* Empties the slot. */
static inline errval_t cap_delete(struct capref cap)
{
    return invoke_cnode_delete(cap);
}

/* Deletes all copies and descendants, on all cores; the capability itself stays.  If another core
 * has some, the monitors delete them there (docs/capabilities.md), and this blocks.
 * MON_ERR_REMOTE_CAP_RETRY: it is shared anew each time. */
errval_t cap_revoke(struct capref cap);

/* cap_delete and slot_free. */
errval_t cap_destroy(struct capref cap);

/* RAM of `bytes` is allocated and retyped into one object of the type. */
errval_t cap_create(struct capref dest, enum objtype type, size_t bytes);

/* An L2 CNode in an L1 slot of this CSpace. *ret_dest names the slot, *cnoderef the CNode;
 * retslots (may be NULL) gets 256.  slots: at most 256. */
errval_t cnode_create(struct capref *ret_dest, struct cnoderef *cnoderef, cslot_t slots,
                      cslot_t *retslots);
errval_t cnode_create_l2(struct capref *ret_dest, struct cnoderef *cnoderef);
/* A root CNode for another CSpace, in a new slot here; *cnoderef names its L1 slots. */
errval_t cnode_create_l1(struct capref *ret_dest, struct cnoderef *cnoderef);
/* An L2 CNode made from own RAM in L1 slot `dest_slot` of the CSpace whose L1CNode capability
 * `dest_l1` is here.  *ret names its slots, and can be used as destination (cap_copy,
 * cap_retype). */
errval_t cnode_create_foreign_l2(struct capref dest_l1, cslot_t dest_slot, struct cnoderef *ret);
/* From RAM that the caller has, at least 16 KiB: type L1CNode or L2CNode into `dest`, of 256 slots.
 * LIB_ERR_CNODE_SLOTS: more are wanted. */
errval_t cnode_create_from_mem(struct capref dest, struct capref ram, enum objtype type,
                               struct cnoderef *cnoderef, size_t slots);

/* The root CNode of this CSpace goes on with the slots of `new_cnode`, an L1CNode in a slot of an
 * L2CNode that has no copy: it leaves that slot.  Nothing moves and the old root stays what it was,
 * so `ret`, which names a slot for it elsewhere, is not filled.  SYS_ERR_CNODE_IN_USE,
 * SYS_ERR_CNODE_TYPE, SYS_ERR_SLOTS_INVALID: it has as many parts as it can have.
 * slot_alloc_root() grows the root by itself: who does it himself hands out these slots himself. */
errval_t root_cnode_resize(struct capref new_cnode, struct capref ret);

/* A piece of memory for messages that names the interface spoken through it; in a new slot. */
errval_t ump_endpoint_create(struct capref *dest, size_t bytes, uint16_t iftype);

errval_t vnode_create(struct capref dest, enum objtype type);

/* Of a table: takes the marks of written pages away and says how many there were.  dirty may be
 * NULL. */
static inline errval_t vnode_clean_dirty_bits(struct capref vnode, size_t *dirty)
{
    return invoke_clean_dirty_bits(vnode, dirty);
}

/* Fills `pte_count` entries of table `dest` from `slot` on with pages of the frame `src`, from byte
 * `off` of it; or one entry with the table `src`.  `mapping` is an empty slot. */
static inline errval_t vnode_map(struct capref dest, struct capref src, capaddr_t slot,
                                 uint64_t attr, uint64_t off, uint64_t pte_count,
                                 struct capref mapping)
{
    return invoke_vnode_map(dest, src, slot, attr, off, pte_count, mapping);
}

/* Takes the mapping's entries out of the table.  The mapping's slot stays with its owner, who
 * deletes the capability (cap_destroy). */
static inline errval_t vnode_unmap(struct capref pgtl, struct capref mapping)
{
    return invoke_vnode_unmap(pgtl, mapping);
}

/* As vnode_map() of a frame, where one mapping of another frame fills these entries: at no moment
 * is nothing mapped.  What the new frame has to hold its owner writes there first.  The old mapping
 * is as after vnode_unmap().  As all calls on tables it is about this core: tables of the domain's
 * other cores are others, and map the old frame still. */
static inline errval_t vnode_copy_remap(struct capref dest, struct capref src, capaddr_t slot,
                                        uint64_t attr, uint64_t off, uint64_t pte_count,
                                        struct capref mapping)
{
    return invoke_vnode_copy_remap(dest, src, slot, attr, off, pte_count, mapping);
}

/* The table `dest` maps what the entries [start, end) of `src` map, a table of the same level: as
 * they are, or frames with the attributes `attr`.  Copies of what is mapped and their mappings lie
 * in CNodes of the library, until they are revoked or the domain ends.  An error may come after a
 * part of the entries. */
errval_t vnode_inherit(struct capref dest, struct capref src, cslot_t start, cslot_t end);
errval_t vnode_inherit_attr(struct capref dest, struct capref src, cslot_t start, cslot_t end,
                            uint64_t attr);

static inline errval_t vnode_modify_flags(struct capref pgtl, size_t entry, size_t pages,
                                          uint64_t attr)
{
    return invoke_vnode_modify_flags(pgtl, entry, pages, attr);
}

/* A Frame of at least `bytes`, in a new slot (frame_alloc) or in `dest` (frame_create).  retbytes
 * may be NULL.  LIB_ERR_FRAME_ALLOC, LIB_ERR_FRAME_CREATE. */
errval_t frame_alloc(struct capref *dest, size_t bytes, size_t *retbytes);
errval_t frame_create(struct capref dest, size_t bytes, size_t *retbytes);

/* Type and parameters of any capability of the own CSpace. */
static inline errval_t cap_direct_identify(struct capref cap, struct capability *ret)
{
    return invoke_cnode_cap_identify(cap, ret);
}
#define debug_cap_identify cap_direct_identify

/* Can capabilities of the type be mapped into a page table?  How large is a page table of that
 * type, as a power of two (0: it is none)?  The address space of physical addresses that the memory
 * is in: there is one, 0. */
bool type_is_mappable(enum objtype type);
size_t vnode_objbits(enum objtype type);
uint32_t get_pasid(const struct capability *cap);

/* Where the memory of a mappable capability (a frame, a page table) lies.  LIB_ERR_CAP_NOT_MAPPABLE
 * for other types, RAM among them. */
errval_t cap_identify_mappable(struct capref cap, struct frame_identity *ret);
#define frame_identify cap_identify_mappable

errval_t dispatcher_create(struct capref dest);

/* A capability of type ID in a new slot. */
errval_t idcap_alloc(struct capref *dest);
errval_t idcap_create(struct capref dest);

/* "Frame cap (0x..-0x..)" into buf; returns snprintf's result. */
int debug_print_cap(char *buf, size_t len, const struct capability *cap);
int debug_print_cap_at_capref(char *buf, size_t len, struct capref cap);
int debug_print_capref(char *buf, size_t len, struct capref cap);

#endif
