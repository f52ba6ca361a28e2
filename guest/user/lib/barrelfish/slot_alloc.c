/* SPDX-License-Identifier: MIT
 *
 * Slot allocator: bitmaps over the L2 CNodes of the own CSpace that are there for this purpose.
 *
 * When fewer than SLOT_RESERVE slots are left, another CNode is made: with the slots that are left,
 * because allocating RAM from mem_serv needs slots itself.  The lock is not held meanwhile.
 */
#include <barrelfish/slot_alloc.h>

#include <assert.h>
#include <barrelfish/capabilities.h>
#include <barrelfish/core_state.h>
#include <barrelfish/dispatcher.h>

#include "slot_bits.h"

#define SLOT_RESERVE 32

static struct slot_alloc_state *state(void)
{
    return &get_core_state()->slot_alloc;
}

static void add_cnode(struct slot_alloc_state *s, struct cnoderef cnode)
{
    assert(s->cnode_count < SLOT_ALLOC_MAX_CNODES);
    struct slot_cnode *entry = &s->cnodes[s->cnode_count++];

    *entry = (struct slot_cnode){ .cnode = cnode, .free = L2_CNODE_SLOTS };
    s->free_slots += L2_CNODE_SLOTS;
}

errval_t slot_alloc_init(void)
{
    struct slot_alloc_state *s = state();

    thread_mutex_init(&s->mutex);
    for (unsigned slot = 0; slot < ROOTCN_SLOTS_USER; slot++) {
        slot_bits_set(s->root_used, slot);
    }
    add_cnode(s, CNODE_L2(ROOTCN_SLOT_SLOT_ALLOC0));
    return SYS_ERR_OK;
}

static void grow(struct slot_alloc_state *s)
{
    struct capref cap;
    struct cnoderef cnode;
    errval_t err = cnode_create_l2(&cap, &cnode);

    thread_mutex_lock(&s->mutex);
    if (err_is_ok(err)) {
        add_cnode(s, cnode);
    }
    s->growing = false;
    thread_mutex_unlock(&s->mutex);
}

errval_t slot_alloc(struct capref *ret)
{
    struct slot_alloc_state *s = state();
    bool must_grow = false;
    errval_t err = LIB_ERR_SLOT_ALLOC_NO_SPACE;

    thread_mutex_lock(&s->mutex);
    for (unsigned i = s->cnode_count; i-- > 0;) {
        struct slot_cnode *entry = &s->cnodes[i];
        int slot = entry->free == 0 ? -1 : slot_bits_take(entry->used);

        if (slot >= 0) {
            entry->free--;
            s->free_slots--;
            ret->cnode = entry->cnode;
            ret->slot = (cslot_t)slot;
            err = SYS_ERR_OK;
            break;
        }
    }
    if (s->free_slots < SLOT_RESERVE && !s->growing && s->cnode_count < SLOT_ALLOC_MAX_CNODES) {
        s->growing = must_grow = true;
    }
    thread_mutex_unlock(&s->mutex);
    if (must_grow) {
        grow(s);
    }
    return err;
}

errval_t slot_free(struct capref cap)
{
    struct slot_alloc_state *s = state();
    errval_t err = LIB_ERR_SLOT_FREE;

    thread_mutex_lock(&s->mutex);
    for (unsigned i = 0; i < s->cnode_count; i++) {
        struct slot_cnode *entry = &s->cnodes[i];

        if (cnodecmp(entry->cnode, cap.cnode) && slot_bits_clear(entry->used, cap.slot)) {
            entry->free++;
            s->free_slots++;
            err = SYS_ERR_OK;
            break;
        }
    }
    thread_mutex_unlock(&s->mutex);
    return err;
}

errval_t slot_alloc_root(struct capref *ret)
{
    struct slot_alloc_state *s = state();

    thread_mutex_lock(&s->mutex);
    int slot = slot_bits_take(s->root_used);
    thread_mutex_unlock(&s->mutex);
    if (slot < 0) {
        return LIB_ERR_SLOT_ALLOC_NO_SPACE;
    }
    ret->cnode = cnode_root;
    ret->slot = (cslot_t)slot;
    return SYS_ERR_OK;
}

errval_t slot_free_root(struct capref cap)
{
    struct slot_alloc_state *s = state();
    bool was_used;

    thread_mutex_lock(&s->mutex);
    was_used = cap.slot >= ROOTCN_SLOTS_USER && slot_bits_clear(s->root_used, cap.slot);
    thread_mutex_unlock(&s->mutex);
    return was_used ? SYS_ERR_OK : LIB_ERR_SLOT_FREE;
}
