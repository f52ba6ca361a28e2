/* SPDX-License-Identifier: MIT
 *
 * The table of exported services of this core.  The number of an entry is its place; places are
 * given out round the table, so that a stale iref meets an empty entry rather than a newer service.
 */
#include <assert.h>
#include <string.h>

#include "iref.h"

void iref_table_init(struct iref_table *table, coreid_t core, uint32_t incarnation)
{
    memset(table, 0, sizeof(*table));
    table->core = core;
    table->incarnation = incarnation & 0xffff;
}

errval_t iref_alloc(struct iref_table *table, void *owner, struct account_slip slip,
                    uintptr_t service_id, const char *interface, iref_t *ret)
{
    assert(owner != NULL);
    for (unsigned i = 0; i < IREFS_PER_CORE; i++) {
        unsigned slot = (table->next + i) % IREFS_PER_CORE;
        if (table->entry[slot].owner != NULL)
            continue;
        table->entry[slot] =
            (struct iref_entry){ .owner = owner, .service_id = service_id, .slip = slip };
        strncpy(table->entry[slot].interface, interface, sizeof(table->entry[slot].interface) - 1);
        table->next = (slot + 1) % IREFS_PER_CORE;
        *ret = table->incarnation << 16 | (IREFS_PER_CORE * (iref_t)table->core + slot + 1);
        return SYS_ERR_OK;
    }
    return MON_ERR_IREF_ALLOC;
}

struct iref_entry *iref_find(struct iref_table *table, iref_t iref)
{
    if (iref_core(iref) != table->core || iref_incarnation(iref) != table->incarnation)
        return NULL;
    struct iref_entry *entry = &table->entry[((iref & 0xffff) - 1) % IREFS_PER_CORE];
    return entry->owner != NULL ? entry : NULL;
}

void iref_free_owner(struct iref_table *table, const void *owner)
{
    for (unsigned i = 0; i < IREFS_PER_CORE; i++)
        if (table->entry[i].owner == owner) {
            account_refund(&table->entry[i].slip);
            table->entry[i] = (struct iref_entry){ 0 };
        }
}
