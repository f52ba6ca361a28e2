/* SPDX-License-Identifier: MIT
 *
 * Naive model of the mapping database for test_mdb_property.c: an array of slots, of which some are
 * in the database.  Every answer is computed by looking at all of them, with a comparison written
 * down once more from facts §3.4 and not shared with the kernel.
 */
#ifndef TEST_MDB_MODEL_H
#define TEST_MDB_MODEL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/kernel/mdb/mdb.h"

#define MODEL_SLOTS 160

static struct cte slots[MODEL_SLOTS];
static bool present[MODEL_SLOTS];
/* Two databases, as on each core: one of its own, one of what is kept for other cores.  A slot
 * that is present lies in one of them. */
enum { OWN, REMOTE, DATABASES };
static uint8_t lies_in[MODEL_SLOTS];
static size_t present_count[DATABASES];
static struct mdb databases[DATABASES];

/* The database that the functions of the model speak of. */
static uint8_t asked;

static void model_reset(void)
{
    memset(slots, 0, sizeof(slots));
    memset(present, 0, sizeof(present));
    memset(lies_in, OWN, sizeof(lies_in));
    memset(present_count, 0, sizeof(present_count));
    for (unsigned i = 0; i < DATABASES; i++)
        mdb_init(&databases[i]);
    asked = OWN;
}

static bool is_in(int slot)
{
    return present[slot] && lies_in[slot] == asked;
}

static int ascending(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Order of facts §3.4 without the address of the CTE. */
static int model_compare(const struct capability *a, const struct capability *b)
{
    int order = ascending(cap_type_root(a->type), cap_type_root(b->type));
    order = order != 0 ? order : ascending(cap_base(a), cap_base(b));
    order = order != 0 ? order : ascending(cap_bytes(b), cap_bytes(a));
    order = order != 0 ? order : ascending(a->type, b->type);
    order = order != 0 ? order : ascending(a->generation, b->generation);
    return order != 0 ? order : cap_compare_equality(a, b);
}

static int model_compare_slots(int a, int b)
{
    int order = model_compare(&slots[a].cap, &slots[b].cap);
    return order != 0 ? order : (a > b) - (a < b);
}

static int slot_of(const struct cte *cte)
{
    return cte != NULL ? (int)(cte - slots) : -1;
}

/* Neighbours of a slot in the order, -1 for none. */
static int model_predecessor(int slot)
{
    int best = -1;
    for (int i = 0; i < MODEL_SLOTS; i++)
        if (is_in(i) && model_compare_slots(i, slot) < 0 &&
            (best < 0 || model_compare_slots(i, best) > 0))
            best = i;
    return best;
}

static int model_successor(int slot)
{
    int best = -1;
    for (int i = 0; i < MODEL_SLOTS; i++)
        if (is_in(i) && model_compare_slots(i, slot) > 0 &&
            (best < 0 || model_compare_slots(i, best) < 0))
            best = i;
    return best;
}

/* Last slot that sorts before `cap` (or is a copy), first slot that sorts after it (or is a
 * copy). */
static int model_less(const struct capability *cap, bool or_equal)
{
    int best = -1;
    for (int i = 0; i < MODEL_SLOTS; i++)
        if (is_in(i) && model_compare(&slots[i].cap, cap) < (or_equal ? 1 : 0) &&
            (best < 0 || model_compare_slots(i, best) > 0))
            best = i;
    return best;
}

static int model_greater(const struct capability *cap, bool or_equal)
{
    int best = -1;
    for (int i = 0; i < MODEL_SLOTS; i++)
        if (is_in(i) && model_compare(&slots[i].cap, cap) > (or_equal ? -1 : 0) &&
            (best < 0 || model_compare_slots(i, best) < 0))
            best = i;
    return best;
}

static int model_equal(const struct capability *cap)
{
    int first = model_greater(cap, true);
    return first >= 0 && cap_is_copy(&slots[first].cap, cap) ? first : -1;
}

static bool model_has_copies(int slot)
{
    for (int i = 0; i < MODEL_SLOTS; i++)
        if (is_in(i) && i != slot && cap_is_copy(&slots[i].cap, &slots[slot].cap))
            return true;
    return false;
}

static enum mdb_range model_classify(const struct capability *cap, uint8_t root, uint64_t base,
                                     uint64_t bytes)
{
    uint64_t cap_start = cap_base(cap);
    uint64_t cap_end = cap_start + cap_bytes(cap);
    uint64_t end = base + bytes;
    if (cap_type_root(cap->type) != root || cap_bytes(cap) == 0 || cap_start >= end ||
        cap_end <= base)
        return MDB_RANGE_NOT_FOUND;
    if (cap_start <= base && cap_end >= end)
        return MDB_RANGE_SURROUNDING;
    return cap_start >= base && cap_end <= end ? MDB_RANGE_INNER : MDB_RANGE_PARTIAL;
}

/* The greatest answer, and the slot that mdb.h promises with it (-1: any of that answer). */
static enum mdb_range model_range(uint8_t root, uint64_t base, uint64_t bytes, int *slot)
{
    enum mdb_range best = MDB_RANGE_NOT_FOUND;
    *slot = -1;
    for (int i = 0; i < MODEL_SLOTS; i++) {
        if (!is_in(i))
            continue;
        enum mdb_range answer = model_classify(&slots[i].cap, root, base, bytes);
        if (answer == MDB_RANGE_NOT_FOUND || answer < best)
            continue;
        bool better = answer > best;
        best = answer;
        if (best == MDB_RANGE_SURROUNDING)
            better = better || model_compare_slots(i, *slot) > 0;
        else if (best == MDB_RANGE_INNER)
            better = better || model_compare_slots(i, *slot) < 0;
        *slot = better ? i : *slot;
    }
    return best;
}

/* First slot that begins at the address or behind it. */
static int model_from(uint8_t root, uint64_t address)
{
    int best = -1;
    for (int i = 0; i < MODEL_SLOTS; i++)
        if (is_in(i) && cap_type_root(slots[i].cap.type) == root &&
            cap_base(&slots[i].cap) >= address && (best < 0 || model_compare_slots(i, best) < 0))
            best = i;
    return best;
}

static int model_for_address(uint8_t root, uint64_t address)
{
    int slot;
    return model_range(root, address, 1, &slot) == MDB_RANGE_SURROUNDING ? slot : -1;
}

/* The last ancestor in the order. */
static int model_ancestor(const struct capability *cap)
{
    int best = -1;
    for (int i = 0; i < MODEL_SLOTS; i++)
        if (is_in(i) && cap_is_ancestor(cap, &slots[i].cap) &&
            (best < 0 || model_compare_slots(i, best) > 0))
            best = i;
    return best;
}

/* First descendant, or first one after slot `after` (-1: none). */
static int model_descendant(const struct capability *cap, int after)
{
    int best = -1;
    for (int i = 0; i < MODEL_SLOTS; i++)
        if (is_in(i) && cap_is_ancestor(&slots[i].cap, cap) &&
            (after < 0 || model_compare_slots(i, after) > 0) &&
            (best < 0 || model_compare_slots(i, best) < 0))
            best = i;
    return best;
}

#endif
