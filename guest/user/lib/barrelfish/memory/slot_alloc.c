/* SPDX-License-Identifier: MIT
 *
 * Slot allocator: bitmaps over the L2 CNodes of the own CSpace that are there for this purpose.
 *
 * CNodes with free slots form a list, of which the first one gives; a table over the L1 slots says
 * which CNode lies where, so neither taking nor freeing searches.  When fewer than SLOT_RESERVE
 * slots are left, another CNode is made: with the slots that are left, because allocating RAM from
 * mem_serv needs slots itself.  When few L1 slots are left, the root CNode gets another part in the
 * same way.
 *
 * No lock is held meanwhile.  But the caller may be the address space, in the middle of mapping: so
 * nothing here may let the heap grow, and what is made here is as small as ram_prepare() provides
 * for.
 */
#include <barrelfish/slot_alloc.h>

#include <assert.h>
#include <barrelfish/capabilities.h>
#include <barrelfish/core_state.h>
#include <barrelfish/dispatcher.h>
#include <stdlib.h>
#include <string.h>

#include "../dispatch/heap.h"
#include "ram_holes.h"
#include "slot_bits.h"

#define SLOT_RESERVE 32
#define ROOT_RESERVE 8
#define ROOT_PART_SLOTS (OBJSIZE_L2CNODE / OBJSIZE_CTE)

/* In the table of L1 slots: what is not a CNode of this allocator. */
static struct slot_cnode elsewhere;

static struct slot_alloc_state *state(void)
{
    return &get_core_state()->slot_alloc;
}

static uint32_t l1_slot(struct cnoderef cnode)
{
    return cnode.cnode >> L2_CNODE_BITS;
}

/* The mutex is held. */
static void add_cnode(struct slot_alloc_state *s, struct slot_cnode *entry, struct cnoderef cnode)
{
    *entry = (struct slot_cnode){ .next = s->with_free, .cnode = cnode, .free = L2_CNODE_SLOTS };
    s->with_free = entry;
    s->root[l1_slot(cnode)] = entry;
    s->free_slots += L2_CNODE_SLOTS;
}

errval_t slot_alloc_init(void)
{
    struct slot_alloc_state *s = state();

    thread_mutex_init(&s->mutex);
    s->root = s->first_root;
    s->root_slots = L2_CNODE_SLOTS;
    s->root_next = ROOTCN_SLOTS_USER;
    s->root_free = L2_CNODE_SLOTS - ROOTCN_SLOTS_USER;
    for (unsigned slot = 0; slot < ROOTCN_SLOTS_USER; slot++)
        s->root[slot] = &elsewhere;
    add_cnode(s, &s->first, CNODE_L2(ROOTCN_SLOT_SLOT_ALLOC0));
    return SYS_ERR_OK;
}

/* ---- the root CNode ---- */

/* The table of L1 slots for one more part; the mutex is held.  Returns the old table, or NULL. */
static struct slot_cnode **longer_table(struct slot_alloc_state *s, struct slot_cnode **table)
{
    struct slot_cnode **old = s->root == s->first_root ? NULL : s->root;

    memcpy(table, s->root, s->root_slots * sizeof(*table));
    memset(table + s->root_slots, 0, ROOT_PART_SLOTS * sizeof(*table));
    table[s->root_slots + ROOTCN_SLOT_MORE] = &elsewhere; /* for the part that follows this one */
    s->root = table;
    s->root_slots += ROOT_PART_SLOTS;
    s->root_free += ROOT_PART_SLOTS - 1;
    return old;
}

/* Hangs another part behind the last one.  Without memory for it: another time. */
static void grow_root(struct slot_alloc_state *s)
{
    const uint32_t slots = s->root_slots; /* nobody else grows it */
    struct slot_cnode **old = NULL, **table = heap_alloc_mapped((slots + ROOT_PART_SLOTS) *
                                                                sizeof(struct slot_cnode *));

    if (table != NULL) {
        struct capref part = { .cnode = cnode_root,
                               .slot = slots - ROOT_PART_SLOTS + ROOTCN_SLOT_MORE };
        errval_t err = ram_create_object(part, ObjType_L1CNode, OBJSIZE_L2CNODE);

        thread_mutex_lock(&s->mutex);
        old = err_is_ok(err) ? longer_table(s, table) : table;
        thread_mutex_unlock(&s->mutex);
    }
    free(old);
    thread_mutex_lock(&s->mutex);
    s->root_growing = false;
    thread_mutex_unlock(&s->mutex);
}

errval_t slot_alloc_root(struct capref *ret)
{
    struct slot_alloc_state *s = state();
    bool must_grow = false;
    errval_t err = LIB_ERR_SLOT_ALLOC_NO_SPACE;

    thread_mutex_lock(&s->mutex);
    while (s->root_next < s->root_slots && s->root[s->root_next] != NULL)
        s->root_next++;
    if (s->root_next < s->root_slots) {
        assert(s->root_free > 0);
        s->root[s->root_next] = &elsewhere;
        s->root_free--;
        *ret = (struct capref){ .cnode = cnode_root, .slot = s->root_next };
        err = SYS_ERR_OK;
    }
    if (s->root_free < ROOT_RESERVE && !s->root_growing &&
        s->root_slots < ROOTCN_MAX_PARTS * ROOT_PART_SLOTS)
        s->root_growing = must_grow = true;
    thread_mutex_unlock(&s->mutex);
    if (must_grow)
        grow_root(s);
    return err;
}

errval_t slot_free_root(struct capref cap)
{
    struct slot_alloc_state *s = state();
    errval_t err = LIB_ERR_SLOT_FREE;

    thread_mutex_lock(&s->mutex);
    if (cap.slot >= ROOTCN_SLOTS_USER && cap.slot < s->root_slots &&
        cap.slot % ROOT_PART_SLOTS != ROOTCN_SLOT_MORE && s->root[cap.slot] == &elsewhere) {
        s->root[cap.slot] = NULL;
        s->root_free++;
        assert(s->root_free < s->root_slots);
        if (cap.slot < s->root_next)
            s->root_next = cap.slot;
        err = SYS_ERR_OK;
    }
    thread_mutex_unlock(&s->mutex);
    return err;
}

/* ---- slots of L2 CNodes ---- */

static void grow(struct slot_alloc_state *s)
{
    struct capref cap;
    struct slot_cnode *entry = heap_alloc_mapped(sizeof(*entry));
    errval_t err = entry != NULL ? slot_alloc_root(&cap) : (errval_t)LIB_ERR_MALLOC_FAIL;

    if (err_is_ok(err)) {
        err = ram_create_object(cap, ObjType_L2CNode, OBJSIZE_L2CNODE);
        if (err_is_fail(err))
            slot_free_root(cap);
    }
    if (err_is_fail(err))
        free(entry);
    thread_mutex_lock(&s->mutex);
    if (err_is_ok(err))
        add_cnode(s, entry, build_cnoderef(cap, CNODE_TYPE_OTHER));
    s->growing = false;
    thread_mutex_unlock(&s->mutex);
}

/* The mutex is held, and there is a free slot. */
static struct capref take_slot(struct slot_alloc_state *s)
{
    struct slot_cnode *entry = s->with_free;
    int slot = slot_bits_take(entry->used);

    assert(slot >= 0 && entry->free > 0); /* or it would not be in the list */
    s->free_slots--;
    if (--entry->free == 0)
        s->with_free = entry->next;
    return (struct capref){ .cnode = entry->cnode, .slot = (cslot_t)slot };
}

errval_t slot_alloc(struct capref *ret)
{
    struct slot_alloc_state *s = state();
    bool must_grow = false;
    errval_t err = LIB_ERR_SLOT_ALLOC_NO_SPACE;

    thread_mutex_lock(&s->mutex);
    if (s->with_free != NULL) {
        *ret = take_slot(s);
        err = SYS_ERR_OK;
    }
    if (s->free_slots < SLOT_RESERVE && !s->growing)
        s->growing = must_grow = true;
    thread_mutex_unlock(&s->mutex);
    if (must_grow)
        grow(s);
    return err;
}

/* The CNode of this allocator at a reference, or NULL; the mutex is held. */
static struct slot_cnode *find_cnode(const struct slot_alloc_state *s, struct cnoderef cnode)
{
    if (cnode.croot != CPTR_ROOTCN || cnode.level != CNODE_TYPE_OTHER ||
        l1_slot(cnode) >= s->root_slots || s->root[l1_slot(cnode)] == &elsewhere)
        return NULL;
    return s->root[l1_slot(cnode)];
}

errval_t slot_free(struct capref cap)
{
    struct slot_alloc_state *s = state();
    errval_t err = LIB_ERR_SLOT_FREE;

    thread_mutex_lock(&s->mutex);
    struct slot_cnode *entry = find_cnode(s, cap.cnode);
    if (entry != NULL && slot_bits_clear(entry->used, cap.slot)) {
        if (entry->free++ == 0) {
            entry->next = s->with_free;
            s->with_free = entry;
        }
        s->free_slots++;
        assert(entry->free <= L2_CNODE_SLOTS);
        err = SYS_ERR_OK;
    }
    thread_mutex_unlock(&s->mutex);
    return err;
}

static const bool is_memory[] = {
#define CAP_TYPE(name, memory, object_bytes, mapping, always_copy) (memory) == 1,
#include <barrelfish_kpi/caps.def>
};

errval_t cap_destroy(struct capref cap)
{
    struct capability contents = { .type = ObjType_Null };

    if (get_core_state()->ram_alloc.pieces != NULL)
        (void)cap_direct_identify(cap, &contents); /* without that right, nothing is noted */
    errval_t err = cap_delete(cap);
    if (err_is_fail(err))
        return err;
    err = cap.cnode.level == CNODE_TYPE_OTHER ? slot_free(cap) : slot_free_root(cap);
    if (is_memory[contents.type])
        ram_hole_add(contents.u.mem.base, contents.u.mem.bytes);
    return err;
}
