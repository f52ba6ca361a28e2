/* SPDX-License-Identifier: MIT
 *
 * Tables of names (table.h): open addressing, linear probing, at most half full, FNV-1a.
 *
 * Old halves stay in the arena when a table grows: together they are smaller than the table.
 * Must never be asked to forget a name: probing relies on it.
 */
#include "table.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct idl_table_entry {
    const char *name; /* NULL: free */
    size_t length;
    void *value;
};

static struct idl_table_entry *place_of(const struct idl_table *table, const char *name,
                                        size_t length)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)name[i]) * 0x100000001b3u;
    assert(table->count < table->size);
    for (size_t at = hash % table->size;; at = (at + 1) % table->size) {
        struct idl_table_entry *entry = &table->entries[at];
        if (entry->name == NULL ||
            (entry->length == length && memcmp(entry->name, name, length) == 0))
            return entry;
    }
}

void *idl_table_find_part(const struct idl_table *table, const char *name, size_t length)
{
    return table->count == 0 ? NULL : place_of(table, name, length)->value;
}

void *idl_table_find(const struct idl_table *table, const char *name)
{
    return idl_table_find_part(table, name, strlen(name));
}

static void grow(struct idl_table *table, struct idl_arena *arena)
{
    struct idl_table old = *table;
    table->size = old.size == 0 ? 32 : old.size * 2;
    table->entries = idl_arena_alloc(arena, table->size * sizeof(*table->entries));
    for (size_t i = 0; i < old.size; i++)
        if (old.entries[i].name != NULL)
            *place_of(table, old.entries[i].name, old.entries[i].length) = old.entries[i];
}

void *idl_table_add(struct idl_table *table, struct idl_arena *arena, const char *name, void *value)
{
    assert(value != NULL);
    if (table->count >= table->size / 2)
        grow(table, arena);
    struct idl_table_entry *entry = place_of(table, name, strlen(name));
    if (entry->name == NULL) {
        *entry = (struct idl_table_entry){ name, strlen(name), value };
        table->count++;
        return NULL;
    }
    return entry->value;
}
