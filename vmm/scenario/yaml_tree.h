/* SPDX-License-Identifier: MIT
 *
 * YAML text -> tree of nodes that remember where they stood.
 *
 * The tree is a deliberately small subset: one document, mappings with plain text keys, no anchors,
 * aliases, tags or merge keys, bounded depth and size.  A file outside of it is refused with its
 * place and the reason, so no later pass needs to defend itself.
 */
#ifndef SCENARIO_YAML_TREE_H
#define SCENARIO_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "scenario/arena.h"
#include "scenario/diag.h"

/* The log of a run is a scenario, too: as many rules as there may be, each with all it can say. */
#define YAML_FILE_MAX_BYTES (16 * 1024 * 1024)
#define YAML_DEPTH_MAX 16
#define YAML_NODES_MAX 20000
#define YAML_RULES_NODES_MAX 800000 /* below `faults`, which do not count above */
#define YAML_RULE_NODES_MAX 2000    /* of these in one rule */

enum ynode_kind { YNODE_SCALAR, YNODE_SEQUENCE, YNODE_MAPPING };

struct ynode;

struct ypair {
    struct ynode *key; /* always a scalar */
    struct ynode *value;
};

struct ynode {
    enum ynode_kind kind;
    struct place place;

    /* Scalar.  `text` is zero-terminated and holds no zero byte. */
    const char *text;
    bool plain;   /* neither quoted nor a block: an empty one means "nothing was written" */
    bool literal; /* a `|` block: its lines stand below the node's line, one for one */
    unsigned block_indent; /* of a `|` block: spaces before each of its lines in the file */

    /* Sequence. */
    struct ynode **items;
    size_t item_count, item_capacity;

    /* Mapping, in the order of the file; keys are distinct. */
    struct ypair *pairs;
    size_t pair_count, pair_capacity;
};

/* Parses `length` bytes of `text`, which `file` names in diagnostics (it must outlive the tree).
 * Returns the root, owned by `arena`, or NULL after at least one error. */
struct ynode *yaml_parse(struct arena *arena, const char *file, const char *text, size_t length,
                         struct diags *diags);

/* True for `key:` with nothing behind it (or ~, null). */
bool ynode_is_empty(const struct ynode *node);

/* "a mapping", "a list", "nothing" or "text": for "expected ..., found ...". */
const char *ynode_what(const struct ynode *node);

/* The value of `key` in a mapping, or NULL. */
struct ynode *ynode_get(const struct ynode *mapping, const char *key);

/* Applies `assignment`, "machine.cores=4" or "expect.0.core=1": the value is parsed as YAML and put
 * into the tree, replacing what was there or adding a key.  Nodes added carry the place
 * "--set machine.cores=4".  Errors (syntax, a list index beyond the end) go to `diags`. */
void yaml_override(struct arena *arena, struct ynode *root, const char *assignment,
                   struct diags *diags);

#endif
