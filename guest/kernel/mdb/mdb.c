/* SPDX-License-Identifier: MIT
 *
 * Mapping database: the tree and its order.
 *
 * An AA tree (Andersson 1993) is a red-black tree in which only right children may be red, told by
 * a level instead of a colour: a left child is one level below its parent, a right child one level
 * below or on the same level ("horizontal"), and never two horizontal links in a row.  Leaves have
 * level 1.  Two moves restore this: skew() turns a horizontal left link into a right one, split()
 * lifts the middle of two horizontal right links.  Nodes have no parent pointer (a CTE is 64 bytes
 * and full), so insert and remove remember the links they came down by in an array of bounded
 * length: no recursion, and the way up ends as soon as nothing above can have changed.
 *
 * node.end_root and node.end are the greatest (type root, end address) of the subtree; as the order
 * starts with the type root, the right subtree decides the root, and the left one can only add a
 * greater end under the node's own root.
 *
 * Ring 0 is slow on some hosts, so keys are computed once for a walk, and ends are maintained on
 * the way down where that is possible.  Nothing here may look at rights, owner or relation bits,
 * free or clear a CTE, or change the capability in it.
 */
#include "mdb_internal.h"

void mdb_init(struct mdb *db)
{
    *db = (struct mdb){ .root = NULL };
}

/* --- subtree ends and rotations --------------------------------------------------------------- */

static inline bool end_exceeds(uint8_t root_a, uint64_t end_a, uint8_t root_b, uint64_t end_b)
{
    return root_a != root_b ? root_a > root_b : end_a > end_b;
}

/* How far a capability or a subtree reaches, as node.end_root and node.end say it. */
struct reach {
    uint64_t end;
    uint8_t root;
};

/* Sets the subtree end of `cte` from its own range and its children's ends. */
static inline void update_end(struct cte *cte)
{
    uint8_t root = root_of(cte);
    uint64_t end = end_of(cte);
    const struct cte *left = cte->node.left;
    if (left != NULL && left->node.end_root == root && left->node.end > end)
        end = left->node.end;
    const struct cte *right = cte->node.right;
    if (right != NULL && end_exceeds(right->node.end_root, right->node.end, root, end)) {
        root = right->node.end_root;
        end = right->node.end;
    }
    cte->node.end_root = root;
    cte->node.end = end;
}

/* Both rotations keep the set of nodes of the subtree, so the new top inherits its end.  They are
 * called only when the link in question is horizontal. */
static inline struct cte *rotate_right(struct cte *top)
{
    struct cte *left = top->node.left;
    top->node.left = left->node.right;
    left->node.right = top;
    left->node.end = top->node.end;
    left->node.end_root = top->node.end_root;
    update_end(top);
    return left;
}

static inline struct cte *rotate_left(struct cte *top)
{
    struct cte *right = top->node.right;
    top->node.right = right->node.left;
    right->node.left = top;
    right->node.end = top->node.end;
    right->node.end_root = top->node.end_root;
    update_end(top);
    return right;
}

static inline struct cte *skew(struct cte *top)
{
    struct cte *left = top->node.left;
    if (left != NULL && left->node.level == top->node.level)
        return rotate_right(top);
    return top;
}

static inline struct cte *split(struct cte *top)
{
    struct cte *right = top->node.right;
    if (right != NULL && right->node.right != NULL &&
        right->node.right->node.level == top->node.level) {
        right->node.level++;
        return rotate_left(top);
    }
    return top;
}

/* --- insert ----------------------------------------------------------------------------------- */

enum mdb_status mdb_insert(struct mdb *db, struct cte *cte)
{
    if (mdb_is_inserted(cte))
        return MDB_INSERTED_ALREADY;
    if (cte->cap.type == ObjType_Null)
        return MDB_NO_CAPABILITY;
    assert(cte->cap.type < ObjType_Num);

    const struct mdb_position key = behind_group(&cte->cap);
    const uint64_t end = key.base + key.bytes;
    struct cte **path[MDB_MAX_DEPTH];
    unsigned depth = 0;
    struct cte **link = &db->root;
    for (struct cte *at = *link; at != NULL; at = *link) { /* MDB_MAX_DEPTH rounds, as all walks */
        if (end_exceeds(key.root, end, at->node.end_root, at->node.end)) {
            at->node.end_root = key.root;
            at->node.end = end;
        }
        step_assert(depth < MDB_MAX_DEPTH);
        path[depth++] = link;
        link = compare_cte(cte, &key, at) < 0 ? &at->node.left : &at->node.right;
    }
    cte->node.left = NULL;
    cte->node.right = NULL;
    cte->node.end = end;
    cte->node.end_root = key.root;
    cte->node.level = 1;
    *link = cte;
    db->count++;

    /* Above a node that has grown to the level of its parent there may be something to restore;
     * above one that is lower there is nothing. */
    LOOP_BOUND(up, MDB_MAX_DEPTH);
    while (depth > 0) {
        LOOP_ROUND(up);
        const struct cte *grown = *link;
        link = path[--depth];
        struct cte *at = *link;
        if (grown->node.level < at->node.level)
            break;
        *link = split(skew(at));
    }
    return MDB_OK;
}

/* --- remove ----------------------------------------------------------------------------------- */

/* Lowers `top` after its subtrees have lost a level, and restores the shape below it. */
static struct cte *lower(struct cte *top, unsigned level)
{
    top->node.level = (uint8_t)level;
    struct cte *right = top->node.right;
    if (right != NULL && right->node.level > level)
        right->node.level = (uint8_t)level;
    top = skew(top);
    if (top->node.right != NULL) {
        top->node.right = skew(top->node.right);
        if (top->node.right->node.right != NULL)
            top->node.right->node.right = skew(top->node.right->node.right);
    }
    top = split(top);
    if (top->node.right != NULL)
        top->node.right = split(top->node.right);
    return top;
}

/* Walks up the path, at most to path[least], after a node below path[depth - 1] has been taken
 * out that reached to `lost`. */
static void restore_path(struct cte **path[], unsigned depth, unsigned least, struct reach lost,
                         bool *lowered)
{
    LOOP_BOUND(up, MDB_MAX_DEPTH);
    while (depth > least) {
        LOOP_ROUND(up);
        struct cte **link = path[--depth];
        struct cte *at = *link;
        /* a subtree that reaches further than what was taken out of it still does */
        bool end_changed = at->node.end == lost.end && at->node.end_root == lost.root;
        if (end_changed) {
            update_end(at);
            end_changed = at->node.end != lost.end || at->node.end_root != lost.root;
        }
        if (*lowered) {
            const unsigned left = level_of(at->node.left), right = level_of(at->node.right);
            const unsigned level = (left < right ? left : right) + 1, old_level = at->node.level;
            if (level < old_level) {
                at = lower(at, level);
                *link = at;
            }
            *lowered = at->node.level != old_level;
        }
        if (!*lowered && !end_changed)
            return;
    }
}

enum mdb_status mdb_remove(struct mdb *db, struct cte *cte)
{
    if (!mdb_is_inserted(cte))
        return MDB_NOT_INSERTED;

    const struct mdb_position key = behind_group(&cte->cap);
    struct cte **path[MDB_MAX_DEPTH];
    unsigned depth = 0;
    struct cte **link = &db->root;
    for (struct cte *at = *link; at != cte; at = *link) {
        if (at == NULL)
            return MDB_NOT_INSERTED;
        step_assert(depth < MDB_MAX_DEPTH);
        path[depth++] = link;
        link = compare_cte(cte, &key, at) < 0 ? &at->node.left : &at->node.right;
    }

    db->count--;
    const struct reach gone = { .end = key.base + key.bytes, .root = key.root };
    bool lowered = true;
    if (cte->node.left == NULL) { /* level 1: at most a horizontal right child, which moves up */
        *link = cte->node.right;
        assert(cte->node.level == 1);
        restore_path(path, depth, 0, gone, &lowered);
    } else { /* two children: the successor, a node of level 1, takes the place */
        unsigned place = depth;
        struct cte **place_link = link;
        assert(cte->node.right != NULL);
        step_assert(depth < MDB_MAX_DEPTH);
        path[depth++] = link;
        link = &cte->node.right;
        while ((*link)->node.left != NULL) {
            step_assert(depth < MDB_MAX_DEPTH);
            path[depth++] = link;
            link = &(*link)->node.left;
        }
        struct cte *successor = *link;
        *link = successor->node.right;
        successor->node.left = cte->node.left;
        successor->node.right = cte->node.right;
        successor->node.end = cte->node.end;
        successor->node.end_root = cte->node.end_root;
        successor->node.level = cte->node.level;
        *place_link = successor;
        if (depth > place + 1)
            path[place + 1] = &successor->node.right;
        const struct reach moved = { .end = end_of(successor), .root = root_of(successor) };
        restore_path(path, depth, place + 1, moved, &lowered);
        restore_path(path, place + 1, 0, gone, &lowered);
    }
    cte->node.left = NULL;
    cte->node.right = NULL;
    cte->node.end = 0;
    cte->node.end_root = 0;
    cte->node.level = 0;
    return MDB_OK;
}

/* --- replace ---------------------------------------------------------------------------------- */

enum mdb_status mdb_replace(struct mdb *db, struct cte *cte, struct cte *replacement)
{
    if (!mdb_is_inserted(cte))
        return MDB_NOT_INSERTED;
    if (mdb_is_inserted(replacement))
        return MDB_INSERTED_ALREADY;
    if (!cap_is_copy(&cte->cap, &replacement->cap))
        return MDB_NOT_A_COPY;

    const struct mdb_position key = behind_group(&cte->cap);
    const struct cte *before = NULL;
    const struct cte *behind = NULL;
    struct cte **link = &db->root;
    LOOP_BOUND(down, MDB_MAX_DEPTH);
    for (struct cte *at = *link; at != cte; at = *link) {
        LOOP_ROUND(down);
        if (at == NULL)
            return MDB_NOT_INSERTED;
        if (compare_cte(cte, &key, at) < 0) {
            behind = at;
            link = &at->node.left;
        } else {
            before = at;
            link = &at->node.right;
        }
    }
    if (cte->node.left != NULL)
        before = rightmost(cte->node.left);
    if (cte->node.right != NULL)
        behind = leftmost(cte->node.right);

    replacement->node.owner = cte->node.owner;
    replacement->node.bits = cte->node.bits;
    /* Among copies the addresses of the CTEs decide, so that it may belong elsewhere. */
    if ((before != NULL && compare_cte(replacement, &key, before) < 0) ||
        (behind != NULL && compare_cte(replacement, &key, behind) > 0)) {
        (void)mdb_remove(db, cte);
        return mdb_insert(db, replacement);
    }
    replacement->node = cte->node;
    *link = replacement;
    cte->node.left = NULL;
    cte->node.right = NULL;
    cte->node.end = 0;
    cte->node.end_root = 0;
    cte->node.level = 0;
    return MDB_OK;
}

/* --- neighbours ------------------------------------------------------------------------------- */

struct cte *mdb_first(const struct mdb *db)
{
    return db->root != NULL ? leftmost(db->root) : NULL;
}

struct cte *mdb_predecessor(const struct mdb *db, const struct cte *cte)
{
    if (!mdb_is_inserted(cte))
        return NULL;
    if (cte->node.left != NULL)
        return rightmost(cte->node.left);
    const struct mdb_position key = behind_group(&cte->cap);
    struct cte *before = NULL;
    struct cte *at = db->root;
    LOOP_BOUND(down, MDB_MAX_DEPTH);
    while (at != NULL && at != cte) {
        LOOP_ROUND(down);
        if (compare_cte(cte, &key, at) < 0) {
            at = at->node.left;
        } else {
            before = at;
            at = at->node.right;
        }
    }
    return at != NULL ? before : NULL;
}

struct cte *mdb_successor(const struct mdb *db, const struct cte *cte)
{
    if (!mdb_is_inserted(cte))
        return NULL;
    if (cte->node.right != NULL)
        return leftmost(cte->node.right);
    const struct mdb_position key = behind_group(&cte->cap);
    struct cte *behind = NULL;
    struct cte *at = db->root;
    LOOP_BOUND(down, MDB_MAX_DEPTH);
    while (at != NULL && at != cte) {
        LOOP_ROUND(down);
        if (compare_cte(cte, &key, at) < 0) {
            behind = at;
            at = at->node.left;
        } else {
            at = at->node.right;
        }
    }
    return at != NULL ? behind : NULL;
}
