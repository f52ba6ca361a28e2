/* SPDX-License-Identifier: MIT
 *
 * Mapping database: questions about equality, ranges and relations.
 *
 * All of them are built from two walks down the tree:
 *   mdb_first_behind()   first capability behind a position of the order;
 *   last_reaching()      last capability before a position whose range ends at or beyond an
 *                        address.
 * The second one is the interval query.  As ranges under one type root nest, all ranges around a
 * point form a chain, and the last of them in the order is the innermost.  If that one surrounds
 * the queried range, all the others do; if it does not, it overlaps partially.  So one walk
 * classifies all ranges that begin before the queried one, and a second walk those that begin in
 * it.
 *
 * For ancestors and descendants all capabilities of the same range and kind (type and
 * generation) are skipped at once: whether one capability descends from another is decided by these
 * alone.
 *
 * Nothing here may write to a node.
 */
#include "mdb_internal.h"

struct cte *mdb_first_behind(const struct mdb *db, const struct mdb_position *position)
{
    struct cte *behind = NULL;
    struct cte *at = db->root;
    LOOP_BOUND(down, MDB_MAX_DEPTH);
    while (at != NULL) {
        LOOP_ROUND(down);
        if (lies_behind(at, position)) {
            behind = at;
            at = at->node.left;
        } else {
            at = at->node.right;
        }
    }
    return behind;
}

static inline bool subtree_reaches(const struct cte *top, uint8_t root, uint64_t min_end)
{
    return top != NULL && top->node.end_root == root && top->node.end >= min_end;
}

/* Last capability under position->root that is not behind `position` and ends at or beyond
 * `min_end`, NULL if there is none.  In `*behind` what mdb_first_behind() would return. */
static struct cte *last_reaching(const struct mdb *db, const struct mdb_position *position,
                                 uint64_t min_end, struct cte **behind)
{
    const uint8_t root = position->root;
    struct cte *found = NULL;
    bool in_subtree = false; /* what is looked for is below `found` or `found` itself */
    *behind = NULL;
    struct cte *at = db->root;
    LOOP_BOUND(down, MDB_MAX_DEPTH);
    while (at != NULL) {
        LOOP_ROUND(down);
        if (lies_behind(at, position)) {
            *behind = at;
            at = at->node.left;
            continue;
        }
        /* Everything left of here is before the position, so subtree ends tell the truth. */
        if (root_of(at) == root) {
            if (end_of(at) >= min_end) {
                found = at;
                in_subtree = false;
            } else if (subtree_reaches(at->node.left, root, min_end)) {
                found = at->node.left;
                in_subtree = true;
            }
        }
        at = at->node.right;
    }
    LOOP_BOUND(below, MDB_MAX_DEPTH + 1);
    while (in_subtree) {
        LOOP_ROUND(below);
        if (subtree_reaches(found->node.right, root, min_end))
            found = found->node.right;
        else if (end_of(found) >= min_end)
            in_subtree = false;
        else
            found = found->node.left;
    }
    return found;
}

/* --- equality --------------------------------------------------------------------------------- */

struct cte *mdb_find_greater(const struct mdb *db, const struct capability *cap, bool or_equal)
{
    const struct mdb_position key = behind_group(cap);
    struct cte *greater = NULL;
    struct cte *at = db->root;
    LOOP_BOUND(down, MDB_MAX_DEPTH);
    while (at != NULL) {
        LOOP_ROUND(down);
        int order = compare_key(cap, &key, at);
        if (order < 0 || (order == 0 && or_equal)) {
            greater = at;
            at = at->node.left;
        } else {
            at = at->node.right;
        }
    }
    return greater;
}

struct cte *mdb_find_less(const struct mdb *db, const struct capability *cap, bool or_equal)
{
    const struct mdb_position key = behind_group(cap);
    struct cte *less = NULL;
    struct cte *at = db->root;
    LOOP_BOUND(down, MDB_MAX_DEPTH);
    while (at != NULL) {
        LOOP_ROUND(down);
        int order = compare_key(cap, &key, at);
        if (order > 0 || (order == 0 && or_equal)) {
            less = at;
            at = at->node.right;
        } else {
            at = at->node.left;
        }
    }
    return less;
}

struct cte *mdb_find_equal(const struct mdb *db, const struct capability *cap)
{
    struct cte *equal = mdb_find_greater(db, cap, true);
    return equal != NULL && cap_is_copy(cap, &equal->cap) ? equal : NULL;
}

struct cte *mdb_find_copy(const struct mdb *db, const struct cte *cte)
{
    assert(mdb_is_inserted(cte));
    const struct mdb_position key = behind_group(&cte->cap);
    struct cte *at = db->root;
    LOOP_BOUND(down, MDB_MAX_DEPTH);
    while (at != NULL) {
        LOOP_ROUND(down);
        int order = compare_key(&cte->cap, &key, at);
        if (order == 0)
            break;
        at = order < 0 ? at->node.left : at->node.right;
    }
    if (at == NULL || at != cte)
        return at;
    /* `cte` is the topmost of its copies, so they are below it, next to it in the order. */
    if (at->node.left != NULL) {
        struct cte *before = rightmost(at->node.left);
        if (cap_is_copy(&cte->cap, &before->cap))
            return before;
    }
    if (at->node.right != NULL) {
        struct cte *behind = leftmost(at->node.right);
        if (cap_is_copy(&cte->cap, &behind->cap))
            return behind;
    }
    return NULL;
}

/* --- ranges ----------------------------------------------------------------------------------- */

struct cte *mdb_find_cap_for_address(const struct mdb *db, uint8_t type_root, uint64_t address)
{
    assert(address != UINT64_MAX);
    const struct mdb_position position = {
        .root = type_root, .base = address, .bytes = 1, .kind = MDB_LAST_KIND
    };
    struct cte *behind;
    return last_reaching(db, &position, address + 1, &behind);
}

struct cte *mdb_find_from(const struct mdb *db, uint8_t type_root, uint64_t address)
{
    const struct mdb_position position = {
        .root = type_root, .base = address, .bytes = UINT64_MAX, .kind = 0
    };
    struct cte *found = mdb_first_behind(db, &position);
    return found != NULL && root_of(found) == type_root ? found : NULL;
}

struct cte *mdb_find_inside(const struct mdb *db, const struct capability *cap)
{
    const struct mdb_position position = before_group(cap);
    struct cte *found = mdb_first_behind(db, &position);
    return found != NULL && root_of(found) == position.root ? found : NULL;
}

enum mdb_range mdb_find_range(const struct mdb *db, uint8_t type_root, uint64_t base,
                              uint64_t bytes, enum mdb_range max_precision, struct cte **found)
{
    struct cte *ignored;
    if (found == NULL)
        found = &ignored;
    const uint64_t end = base + bytes;
    assert(end > base);

    /* Not behind `from`: ranges that begin before `base`, or at `base` and are no smaller. */
    const struct mdb_position from = {
        .root = type_root, .base = base, .bytes = bytes, .kind = MDB_LAST_KIND
    };
    struct cte *inner;
    struct cte *around = last_reaching(db, &from, base + 1, &inner);
    enum mdb_range answer = MDB_RANGE_NOT_FOUND;
    if (around != NULL)
        answer = end_of(around) >= end ? MDB_RANGE_SURROUNDING : MDB_RANGE_PARTIAL;
    *found = around;
    if (answer == MDB_RANGE_PARTIAL || (answer != MDB_RANGE_NOT_FOUND && answer >= max_precision))
        return answer;

    if (inner == NULL || root_of(inner) != type_root || cap_base(&inner->cap) >= end ||
        cap_bytes(&inner->cap) == 0) /* under such a root nothing has a range */
        return answer;
    *found = inner;
    if (end_of(inner) > end)
        return MDB_RANGE_PARTIAL;
    if (max_precision <= MDB_RANGE_INNER)
        return MDB_RANGE_INNER;

    /* Of all ranges around the end, the last one begins last. */
    const struct mdb_position last = {
        .root = type_root, .base = end - 1, .bytes = 0, .kind = MDB_LAST_KIND
    };
    struct cte *behind;
    struct cte *across = last_reaching(db, &last, end + 1, &behind);
    if (across != NULL && cap_base(&across->cap) > base) {
        *found = across;
        return MDB_RANGE_PARTIAL;
    }
    return MDB_RANGE_INNER;
}

/* --- relations -------------------------------------------------------------------------------- */

struct cte *mdb_find_ancestor(const struct mdb *db, const struct capability *cap)
{
    struct mdb_position position = before_group(cap);
    const uint64_t min_end = position.base + position.bytes;
    struct cte *behind;
    struct cte *at = last_reaching(db, &position, min_end, &behind);
    /* no bound but that of the database; one round, unless a monitor asks for what cannot be there:
     * what lies around `cap` and before it, where ranges nest, is what it was made of */
    while (at != NULL && !cap_is_ancestor(cap, &at->cap)) {
        position = before_group(&at->cap);
        at = last_reaching(db, &position, min_end, &behind);
    }
    return at;
}

/* Ranges nest and ancestors come first, so what lies in the range of `cap`, behind its copies,
 * descends from it, and behind the first capability that does not there is none that does. */
static inline struct cte *if_descendant(const struct capability *cap, struct cte *cte)
{
    return cte != NULL && cap_is_ancestor(&cte->cap, cap) ? cte : NULL;
}

struct cte *mdb_first_descendant(const struct mdb *db, const struct capability *cap)
{
    const struct mdb_position position = behind_group(cap);
    return if_descendant(cap, mdb_first_behind(db, &position));
}

struct cte *mdb_next_descendant(const struct mdb *db, const struct capability *cap,
                                const struct cte *after)
{
    assert(mdb_is_inserted(after));
    return if_descendant(cap, mdb_successor(db, after));
}
