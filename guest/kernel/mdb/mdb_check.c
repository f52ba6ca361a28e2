/* SPDX-License-Identifier: MIT
 *
 * Mapping database: checks of everything the other files rely on, for tests and debug builds.
 *
 * One walk in order with a stack of bounded length.  Every rule is local, so a node is judged by
 * looking at itself, its children and its predecessor only: levels (a left child one below, a right
 * child one below or equal, never two equal in a row), strictly ascending order, and the subtree
 * end as the greatest of its own and its children's.  Together they prove the whole tree.  A
 * damaged tree must not hang or crash the checker: a path longer than the greatest possible one
 * ends it, and so does a node that comes after itself, as a cycle would make it.
 *
 * Nothing here may write to a node.
 */
#include "mdb_internal.h"

static const char *broken_level_rule(const struct cte *cte)
{
    const struct cte *left = cte->node.left;
    const struct cte *right = cte->node.right;
    unsigned level = cte->node.level;
    if (level == 0)
        return "a node of the tree has a level of at least 1";
    if (level_of(left) != level - 1)
        return "a left child is one level below its parent";
    if (level_of(right) != level && level_of(right) != level - 1)
        return "a right child is on the level of its parent or one below";
    if (right != NULL && level_of(right->node.right) >= level)
        return "no two horizontal links follow each other";
    return NULL;
}

static const char *broken_end_rule(const struct cte *cte)
{
    uint8_t root = root_of(cte);
    uint64_t end = end_of(cte);
    const struct cte *children[] = { cte->node.left, cte->node.right };
    for (unsigned i = 0; i < 2; i++) {
        const struct cte *child = children[i];
        if (child == NULL)
            continue;
        if (child->node.end_root > root ||
            (child->node.end_root == root && child->node.end > end)) {
            root = child->node.end_root;
            end = child->node.end;
        }
    }
    if (cte->node.end_root != root || cte->node.end != end)
        return "end_root and end are the greatest of the subtree";
    return NULL;
}

static const char *broken_order_rule(const struct cte *before, const struct cte *cte)
{
    if (before == NULL)
        return NULL;
    const struct mdb_position key = behind_group(&before->cap);
    if (compare_cte(before, &key, cte) >= 0)
        return "capabilities ascend in the order";
    return NULL;
}

bool mdb_check_invariants(const struct mdb *db, size_t *count, struct mdb_violation *violation)
{
    const struct cte *stack[MDB_MAX_DEPTH];
    unsigned depth = 0;
    size_t seen = 0;
    const char *rule = NULL;
    const struct cte *before = NULL;
    const struct cte *at = db->root;
    while (rule == NULL && (at != NULL || depth > 0)) {
        if (at != NULL) {
            if (depth == MDB_MAX_DEPTH) {
                rule = "the tree is no deeper than MDB_MAX_DEPTH";
                before = at;
                break;
            }
            stack[depth++] = at;
            at = at->node.left;
            continue;
        }
        const struct cte *cte = stack[--depth];
        if (cte->cap.type == ObjType_Null || cte->cap.type >= ObjType_Num)
            rule = "a capability in the database has a type";
        rule = rule != NULL ? rule : broken_level_rule(cte);
        rule = rule != NULL ? rule : broken_end_rule(cte);
        rule = rule != NULL ? rule : broken_order_rule(before, cte);
        seen++;
        before = cte;
        at = cte->node.right;
    }
    if (rule == NULL && seen != db->count)
        rule = "the database knows how many capabilities it has";
    if (count != NULL)
        *count = seen;
    if (violation != NULL) {
        violation->rule = rule;
        violation->cte = rule != NULL ? before : NULL;
    }
    return rule == NULL;
}

bool mdb_check_nesting(const struct mdb *db, struct mdb_violation *violation)
{
    /* Ends of the distinct ranges around the current one, outermost first.  Ranges nested deeper
     * than this are compared with the ones that fit. */
    uint64_t ends[MDB_MAX_DEPTH];
    unsigned depth = 0;
    const struct cte *before = NULL;
    const char *rule = NULL;
    const struct cte *at = mdb_first(db);
    for (; at != NULL; before = at, at = mdb_successor(db, at)) {
        if (before == NULL || root_of(before) != root_of(at))
            depth = 0;
        if (cap_bytes(&at->cap) == 0)
            continue;
        uint64_t base = cap_base(&at->cap);
        uint64_t end = end_of(at);
        while (depth > 0 && ends[depth - 1] <= base)
            depth--;
        if (depth > 0 && ends[depth - 1] < end) {
            rule = "ranges under one type root nest or are disjoint";
            break;
        }
        if (depth < MDB_MAX_DEPTH && (depth == 0 || ends[depth - 1] != end))
            ends[depth++] = end;
    }
    if (violation != NULL) {
        violation->rule = rule;
        violation->cte = rule != NULL ? at : NULL;
    }
    return rule == NULL;
}
