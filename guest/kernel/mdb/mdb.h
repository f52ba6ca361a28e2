/* SPDX-License-Identifier: MIT
 *
 * Mapping database: the ordered index of all capabilities of one core (facts §3.4).
 *
 * Every occupied CTE (capability table entry) of the core is a node of one AA tree; the links
 * lie in the CTE itself, so the database allocates nothing and no operation can run out of
 * memory.
 *
 * Order: type root, start address ascending, size descending, type, generation, the type's
 * equality fields, address of the CTE.  So copies are neighbours, and of two nested ranges the
 * outer comes first: ancestors before descendants.  Each node also holds the greatest end address
 * of its subtree, which makes "what lies around, in or across this range" a question of one walk
 * down the tree.
 *
 * What is relied on, because retype guarantees it:
 *   - the key of a capability (type, generation, range, equality fields) never changes while it is
 *     in the tree;
 *   - a type comes after all its ancestors in caps.def;
 *   - two ranges under one type root nest or are disjoint;
 *   - all capabilities of a type root have a range, or none has: then they lie in no range, and the
 *     first word of the name stands for the start address;
 *   - whether one capability is an ancestor of another depends on types, generations and
 *     ranges only.
 *
 * All functions are for one core, never block, never allocate, use less than 1 KiB of stack, and
 * take O(log n) steps unless they say otherwise.  CTEs belong to the caller and must stay where
 * they are from insert to remove.  node.level must be 0 before the first insert; node.owner and
 * node.bits belong to the caller and are carried along by mdb_replace() but never interpreted
 * here: relations of other cores (remote copies, ancestors, descendants) are the caller's to
 * add.
 */
#ifndef KERNEL_MDB_H
#define KERNEL_MDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capability.h"

/* One per kernel control block.  All zeroes is an empty database. */
struct mdb {
    struct cte *root; /* NULL: empty.  Written by insert, remove, replace only */
    uint64_t count;   /* of capabilities.  Written by insert and remove only */
};

/* How long a walk from the root to a leaf is at most, in steps: twice the level of the root, for
 * up to 2^level capabilities.  What it costs: mdb_cost_*(), in instructions, the dearest kind of
 * step. */
static inline unsigned mdb_height(const struct mdb *db)
{
    return db->root == NULL ? 0 : 2u * db->root->node.level;
}

static inline int mdb_cost_find(const struct mdb *db)
{
    return 60 + 20 * (int)mdb_height(db);
}

static inline int mdb_cost_insert(const struct mdb *db)
{
    return 100 + 50 * (int)mdb_height(db);
}

static inline int mdb_cost_remove(const struct mdb *db)
{
    return 100 + 45 * (int)mdb_height(db);
}

enum mdb_status {
    MDB_OK = 0,
    MDB_INSERTED_ALREADY, /* the CTE is in a database */
    MDB_NOT_INSERTED,     /* the CTE is not in this database */
    MDB_NO_CAPABILITY,    /* the CTE holds a Null capability */
    MDB_NOT_A_COPY,       /* replace: the two capabilities differ */
};

/* Answers of a range query, in the order of their precision (facts §3.4). */
enum mdb_range {
    MDB_RANGE_NOT_FOUND = 0,   /* nothing touches the range */
    MDB_RANGE_SURROUNDING = 1, /* a capability holds the whole range (or is equal to it) */
    MDB_RANGE_INNER = 2,       /* a capability lies in the range and is not equal to it */
    MDB_RANGE_PARTIAL = 3,     /* a capability holds one end of the range and reaches beyond it */
};

/* Makes `db` an empty database. */
void mdb_init(struct mdb *db);

/* True from mdb_insert() to mdb_remove(). */
static inline bool mdb_is_inserted(const struct cte *cte)
{
    return cte->node.level != 0;
}

/* Enters `cte`, whose capability must be complete.  node.owner and node.bits are left alone.
 * MDB_INSERTED_ALREADY, MDB_NO_CAPABILITY: nothing changed. */
enum mdb_status mdb_insert(struct mdb *db, struct cte *cte);

/* Takes `cte` out; its capability, owner and bits stay.  Call this before the capability is
 * cleared.  MDB_NOT_INSERTED: nothing changed. */
enum mdb_status mdb_remove(struct mdb *db, struct cte *cte);

/* Puts `replacement` in the place of `cte`: a capability moves to another slot.  `replacement` must
 * not be inserted and must already hold a copy (cap_is_copy()) of the capability; it takes over
 * owner and bits.  `cte` is out of the database afterwards.
 * MDB_NOT_INSERTED, MDB_INSERTED_ALREADY, MDB_NOT_A_COPY: nothing changed. */
enum mdb_status mdb_replace(struct mdb *db, struct cte *cte, struct cte *replacement);

/* First capability of the database, NULL when it is empty. */
struct cte *mdb_first(const struct mdb *db);

/* Neighbour of `cte` in the order; NULL at the end or when `cte` is not in the database. */
struct cte *mdb_predecessor(const struct mdb *db, const struct cte *cte);
struct cte *mdb_successor(const struct mdb *db, const struct cte *cte);

/* First capability that sorts after `cap`, or (`or_equal`) a copy of it; last capability that sorts
 * before `cap`, or a copy.  `cap` need not be in the database; CTE addresses are not compared.
 * NULL: there is none. */
struct cte *mdb_find_greater(const struct mdb *db, const struct capability *cap, bool or_equal);
struct cte *mdb_find_less(const struct mdb *db, const struct capability *cap, bool or_equal);

/* A capability that is equal to `cap` (a copy, the first in the order), NULL if there is none. */
struct cte *mdb_find_equal(const struct mdb *db, const struct capability *cap);

/* Another CTE with a copy of the capability in `cte`, which is in the database; NULL: it is the
 * only one on this core. */
struct cte *mdb_find_copy(const struct mdb *db, const struct cte *cte);

/* Smallest capability of the type root whose range holds `address`, NULL if there is none. */
struct cte *mdb_find_cap_for_address(const struct mdb *db, uint8_t type_root, uint64_t address);

/* First capability of the type root that begins at `address` or behind it; of those that begin at
 * the same place the outermost.  NULL if there is none. */
struct cte *mdb_find_from(const struct mdb *db, uint8_t type_root, uint64_t address);

/* First capability behind all that begin before `cap`, or with it and are larger, or were made
 * before: if it lies in the range, it is a copy of `cap` or descends from it.  Unlike
 * mdb_first_descendant() this holds where others reach across the end of the range.  NULL: none. */
struct cte *mdb_find_inside(const struct mdb *db, const struct capability *cap);

/* What lies around, in or across [base, base + bytes) among the capabilities of `type_root`.
 * bytes >= 1, and the range does not wrap.
 *
 * The answer is the greatest one that applies, but the search ends as soon as it knows an answer of
 * at least `max_precision`: with MDB_RANGE_PARTIAL it is exact; retype asks for MDB_RANGE_INNER,
 * because inner and partial overlaps forbid it alike; MDB_RANGE_SURROUNDING only asks whether
 * anything touches the range.  In `*found` (may be NULL), by answer:
 *   not found    NULL
 *   surrounding  the last one in the order, that is the innermost, and of equal ranges the one
 *                derived last: if it is no copy of the retyped capability, the range is in use
 *   inner        the first one in the order
 *   partial      one of them */
enum mdb_range mdb_find_range(const struct mdb *db, uint8_t type_root, uint64_t base,
                              uint64_t bytes, enum mdb_range max_precision, struct cte **found);

/* Relations on this core.  `cap` need not be in the database (the monitor asks for capabilities of
 * other cores). */
static inline bool mdb_has_copies(const struct mdb *db, const struct cte *cte)
{
    return mdb_find_copy(db, cte) != NULL;
}

/* Nearest ancestor of `cap`, NULL if there is none.  O(d log n) for d ranges around it. */
struct cte *mdb_find_ancestor(const struct mdb *db, const struct capability *cap);

static inline bool mdb_has_ancestors(const struct mdb *db, const struct capability *cap)
{
    return mdb_find_ancestor(db, cap) != NULL;
}

/* Descendants of `cap` in the order, outer before inner, copies of descendants included, copies of
 * `cap` itself not: the first one, and the one after `after`, which must be in the database.
 * NULL: there is none.  To revoke, take the first one until there is none; to mark, step
 * through. */
struct cte *mdb_first_descendant(const struct mdb *db, const struct capability *cap);
struct cte *mdb_next_descendant(const struct mdb *db, const struct capability *cap,
                                const struct cte *after);

static inline bool mdb_has_descendants(const struct mdb *db, const struct capability *cap)
{
    return mdb_first_descendant(db, cap) != NULL;
}

/* --- checks, for tests and debug builds: O(n) ------------------------------------------------- */

/* The first broken rule that a check has met; `rule` is NULL when all hold. */
struct mdb_violation {
    const char *rule;      /* the rule in words */
    const struct cte *cte; /* where */
};

/* Links, levels, order and subtree ends.  `*count` (may be NULL): nodes seen.  True: all is
 * well. */
bool mdb_check_invariants(const struct mdb *db, size_t *count, struct mdb_violation *violation);

/* Ranges under one type root nest or are disjoint. */
bool mdb_check_nesting(const struct mdb *db, struct mdb_violation *violation);

#endif
