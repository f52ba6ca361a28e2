/* SPDX-License-Identifier: MIT
 *
 * Names and what was first declared under each: interfaces with thousands of declarations are
 * checked in one pass.
 */
#ifndef IDL_TABLE_H
#define IDL_TABLE_H

#include <stddef.h>

#include "arena.h"

/* Zeroed: empty. */
struct idl_table {
    struct idl_table_entry *entries;
    size_t count, size;
};

/* What is there under the name; NULL if nothing is. */
void *idl_table_find(const struct idl_table *table, const char *name);

/* The same for the `length` bytes at `name`. */
void *idl_table_find_part(const struct idl_table *table, const char *name, size_t length);

/* What was there under the name before; NULL: nothing, and `value` is there now.  The name is not
 * copied. */
void *idl_table_add(struct idl_table *table, struct idl_arena *arena, const char *name,
                    void *value);

#endif
