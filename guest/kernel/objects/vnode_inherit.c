/* SPDX-License-Identifier: MIT
 *
 * Inherit: a page table takes over what another one of its level has.
 *
 * An entry without a capability that is mapped there would outlive its frame.  So each mapping of
 * the other table makes two capabilities: a copy of what is mapped, good for mapping and nothing
 * else, and the mapping of this copy.  Revoke of the frame finds them like all others.  An entry
 * into the CPU driver takes over a part of one mapping.
 */
#include "delete.h"
#include "objects.h"
#include "vnode.h"

#define ENTRIES_MAX 128 /* of one mapping, and empty ones that one entry looks at */
#define PTE_MARKS 0x60  /* accessed, dirty */

struct inherit {
    const struct capability *from, *cnode;
    uint64_t end;
    uint64_t at, used; /* the entry that comes next, and the slots that are filled */
    /* what this entry makes */
    const struct cte *mapping; /* in the other table */
    const struct cte *mapped;
    uint64_t count; /* 0: it is done */
    struct cte *slot;
};

static errval_t decode_cnode(const struct invocation *inv, const struct capability **cnode)
{
    const __typeof__(inv->args->inherit) *a = &inv->args->inherit;
    struct capability *root = inv->root;
    struct cte *cte;
    errval_t err = a->slots_root == 0 ? SYS_ERR_OK : invocation_root(inv, a->slots_root, &root);
    if (err_is_fail(err))
        return err;
    err = cspace_lookup_object(root, a->slots_cnode.cptr, a->slots_cnode.level, &cte);
    if (err_is_fail(err))
        return err_push(err, SYS_ERR_DEST_CNODE_LOOKUP);
    *cnode = &cte->cap;
    return cte->cap.type == ObjType_L2CNode ? SYS_ERR_OK : SYS_ERR_DEST_CNODE_INVALID;
}

/* What is the same in each entry of the call.  How far it has got its caller says: if it is not
 * true, he leaves entries out and no more. */
static errval_t decode_call(const struct cte *table, const struct invocation *inv,
                            struct inherit *h)
{
    const __typeof__(inv->args->inherit) *a = &inv->args->inherit;
    struct capability *root;
    struct cte *from;
    *h = (struct inherit){ .end = a->end, .at = a->first };
    errval_t err = invocation_root(inv, a->src_root, &root);
    if (err_is_fail(err))
        return err;
    err = cspace_lookup_object(root, a->src.cptr, a->src.level, &from);
    if (err_is_fail(err))
        return err_push(err, SYS_ERR_SOURCE_CAP_LOOKUP);
    h->from = &from->cap;
    if (from->cap.type != table->cap.type)
        return SYS_ERR_WRONG_MAPPING;
    if (inv->again) {
        h->at = inv->progress & UINT32_MAX;
        h->used = inv->progress >> 32;
    }
    if (h->at < a->first || h->at > h->end || h->end > TABLE_ENTRIES)
        return SYS_ERR_VNODE_SLOT_INVALID;
    if (table->cap.type == ObjType_VNode_x86_64_pml4 && h->end > TABLE_ENTRIES / 2)
        return SYS_ERR_VNODE_SLOT_RESERVED;
    return decode_cnode(inv, &h->cnode);
}

/* The mapping of a lower table; the type after a type is its mapping, then comes the lower one. */
static errval_t find_mapping(const struct capability *table, uint64_t entry, struct cte **mapping)
{
    if (table->type != ObjType_VNode_x86_64_ptable &&
        mdb_find_range(&kernel_mdb, (uint8_t)(table->type + 3), table->u.mem.base + entry * 8, 8,
                       MDB_RANGE_SURROUNDING, mapping) != MDB_RANGE_NOT_FOUND)
        return SYS_ERR_OK;
    return vnode_find_mapping(table, entry, mapping);
}

/* The next part of a mapping; count 0: none of the entries looked at has one.  What the first
 * domain was born with (startup.c) has entries, but no mappings: SYS_ERR_VNODE_NOT_INSTALLED. */
static errval_t find_next(struct inherit *h)
{
    const uint64_t *entries = vnode_entries(h->from);
    uint64_t looked = 0;
    struct cte *mapping;
    LOOP_BOUND(looks, ENTRIES_MAX);
    while (h->at < h->end && entries[h->at] == 0 && looked < ENTRIES_MAX) {
        LOOP_ROUND(looks);
        h->at++;
        looked++;
    }
    if (h->at == h->end || entries[h->at] == 0)
        return SYS_ERR_OK;
    errval_t err = find_mapping(h->from, h->at, &mapping);
    if (err_is_fail(err))
        return err;
    const uint64_t first = mapping->cap.u.mapping.first % OBJSIZE_VNODE / sizeof(uint64_t);
    const uint64_t left = first + mapping_entries(&mapping->cap) - h->at;
    h->mapping = mapping;
    h->mapped = (const struct cte *)mapping->cap.u.mapping.cap;
    h->count = left < h->end - h->at ? left : h->end - h->at;
    if (h->count > ENTRIES_MAX)
        h->count = ENTRIES_MAX;
    return SYS_ERR_OK;
}

static errval_t decode_part(const struct cte *table, const struct invocation *inv,
                            struct inherit *h)
{
    const __typeof__(inv->args->inherit) *a = &inv->args->inherit;
    errval_t err = cap_may_copy(h->mapped);
    if (err_is_ok(err) && a->attr != INHERIT_ATTR_SAME && vnode_is_frame(h->mapped->cap.type))
        err = vnode_check_rights(&h->mapped->cap, a->attr);
    if (err_is_fail(err))
        return err;
    if (!vnode_are_empty(vnode_entries(&table->cap) + h->at, h->count))
        return SYS_ERR_VNODE_SLOT_INUSE;
    return cnode_empty_slots(h->cnode, a->slots_first + h->used, 2, &h->slot);
}

static void invoke_part(struct cte *table, uint64_t attr, struct inherit *h)
{
    uint64_t *to = vnode_entries(&table->cap) + h->at;
    const uint64_t *from = vnode_entries(h->from) + h->at;
    const bool large = h->mapping->cap.flags & MAPPING_LARGE;
    LOOP_BOUND(copied, ENTRIES_MAX);
    for (uint64_t i = 0; i < h->count; i++) {
        LOOP_ROUND(copied);
        to[i] = from[i] & ~(uint64_t)PTE_MARKS;
    }
    if (attr != INHERIT_ATTR_SAME && vnode_is_frame(h->mapped->cap.type))
        vnode_set_flags(to, h->count, vnode_frame_flags(&h->mapped->cap, attr, large), large);

    struct capability copy = h->mapped->cap, mapping = h->mapping->cap;
    copy.rights &= (uint8_t) ~(CAPRIGHTS_GRANT | CAPRIGHTS_REVOKE);
    copy.u.word[CAP_MAPPING_WORD] = (uint64_t)&h->slot[1];
    mapping.u.mapping.first = table->cap.u.mem.base + h->at * sizeof(uint64_t);
    mapping.u.mapping.bytes = h->count * sizeof(uint64_t);
    mapping.u.mapping.cap = (uint64_t)&h->slot[0];
    const coreid_t owner = h->mapped->node.owner;
    cap_insert_new(&h->slot[0], &copy, owner);
    cap_insert_new(&h->slot[1], &mapping, owner);
    h->at += h->count;
    h->used += 2;
}

static struct sysret so_far(errval_t err, const struct inherit *h)
{
    return (struct sysret){ .error = err, .value = h->at | h->used << 32 };
}

struct sysret vnode_inherit(struct cte *table, const struct invocation *inv)
{
    struct inherit h;
    errval_t err = decode_call(table, inv, &h);
    if (err_is_fail(err))
        return SYSRET(err);
    assert(h.from != NULL && h.cnode != NULL && h.at <= h.end);
    if (!inv->again) /* that is enough for one entry */
        return vnode_are_empty(vnode_entries(&table->cap) + h.at, h.end - h.at)
                   ? so_far(KERNEL_AGAIN, &h)
                   : SYSRET(SYS_ERR_VNODE_SLOT_INUSE);
    err = find_next(&h);
    if (err_is_ok(err) && h.count == 0)
        return so_far(h.at < h.end ? KERNEL_AGAIN : SYS_ERR_OK, &h);
    if (err_is_ok(err))
        err = decode_part(table, inv, &h);
    if (err_no(err) == SYS_ERR_SLOTS_INVALID && h.used != 0)
        return so_far(SYS_ERR_OK, &h); /* the caller has more slots */
    if (err_is_fail(err))
        return so_far(err, &h);
    invoke_part(table, inv->args->inherit.attr, &h);
    return so_far(h.at < h.end ? KERNEL_AGAIN : SYS_ERR_OK, &h);
}
