/* SPDX-License-Identifier: MIT
 *
 * What the files of the mapping database share: positions in the order and comparison with them.
 * Everything is inline, because it is the inner loop of every walk down the tree.
 */
#ifndef KERNEL_MDB_INTERNAL_H
#define KERNEL_MDB_INTERNAL_H

#include "mdb.h"

#ifdef HOST_TEST
#include "loop_bound.h"
#include <assert.h>
#else
#include "kernel.h" /* assert, bounds of loops */
#endif

/* For what is proven but would smash the stack if a CTE were overwritten: too dear for each step of
 * a walk outside of tests and debug builds. */
#if defined(HOST_TEST) || defined(KERNEL_DEBUG)
#define step_assert(condition) assert(condition)
#else
#define step_assert(condition) ((void)0)
#endif

/* A path from the root has at most 2 * log2(n + 1) nodes.  64 allow 2^32 - 1 capabilities, 256 GiB
 * of CTEs: more than the machine's memory (ABI_PHYS_LIMIT) can hold. */
#define MDB_MAX_DEPTH 64

#define MDB_LAST_KIND UINT16_MAX

/* A place in the order, behind all capabilities of this range and kind and before all later
 * ones. */
struct mdb_position {
    uint64_t base;
    uint64_t bytes;
    uint8_t root;
    uint16_t kind;
};

static inline uint8_t root_of(const struct cte *cte)
{
    return cap_type_root(cte->cap.type);
}

static inline uint64_t end_of(const struct cte *cte)
{
    return cap_base(&cte->cap) + cap_bytes(&cte->cap);
}

static inline unsigned level_of(const struct cte *cte)
{
    return cte != NULL ? cte->node.level : 0;
}

static inline struct mdb_position behind_group(const struct capability *cap)
{
    return (struct mdb_position){
        .base = cap_base(cap),
        .bytes = cap_bytes(cap),
        .root = cap_type_root(cap->type),
        .kind = cap_kind(cap),
    };
}

/* The place before all capabilities of the range and kind of `cap`; types start at 1. */
static inline struct mdb_position before_group(const struct capability *cap)
{
    struct mdb_position position = behind_group(cap);
    position.kind--;
    return position;
}

static inline bool lies_behind(const struct cte *cte, const struct mdb_position *position)
{
    uint8_t root = root_of(cte);
    if (root != position->root)
        return root > position->root;
    uint64_t base = cap_base(&cte->cap);
    if (base != position->base)
        return base > position->base;
    uint64_t bytes = cap_bytes(&cte->cap);
    if (bytes != position->bytes)
        return bytes < position->bytes;
    return cap_kind(&cte->cap) > position->kind;
}

/* Order without the addresses of the CTEs: negative, 0 (copies), positive.  `key` is
 * behind_group(cap), computed once for a walk. */
static inline int compare_key(const struct capability *cap, const struct mdb_position *key,
                              const struct cte *cte)
{
    uint8_t root = root_of(cte);
    if (key->root != root)
        return key->root < root ? -1 : 1;
    uint64_t base = cap_base(&cte->cap);
    if (key->base != base)
        return key->base < base ? -1 : 1;
    /* the shortest way to see that two are copies: all that the rest looks at lies in these */
    if (cap->u.word[1] == cte->cap.u.word[1] && key->kind == cap_kind(&cte->cap))
        return 0;
    uint64_t bytes = cap_bytes(&cte->cap);
    if (key->bytes != bytes)
        return key->bytes > bytes ? -1 : 1;
    if (key->kind != cap_kind(&cte->cap))
        return key->kind < cap_kind(&cte->cap) ? -1 : 1;
    return cap_compare_equality(cap, &cte->cap);
}

/* The whole order; 0 only for the CTE itself. */
static inline int compare_cte(const struct cte *a, const struct mdb_position *key,
                              const struct cte *b)
{
    int order = compare_key(&a->cap, key, b);
    if (order != 0)
        return order;
    return a == b ? 0 : ((uintptr_t)a < (uintptr_t)b ? -1 : 1);
}

static inline struct cte *leftmost(struct cte *cte)
{
    LOOP_BOUND(down, MDB_MAX_DEPTH);
    while (cte->node.left != NULL) {
        LOOP_ROUND(down);
        cte = cte->node.left;
    }
    return cte;
}

static inline struct cte *rightmost(struct cte *cte)
{
    LOOP_BOUND(down, MDB_MAX_DEPTH);
    while (cte->node.right != NULL) {
        LOOP_ROUND(down);
        cte = cte->node.right;
    }
    return cte;
}

/* First capability behind `position`, NULL if there is none. */
struct cte *mdb_first_behind(const struct mdb *db, const struct mdb_position *position);

#endif
