/* SPDX-License-Identifier: MIT
 *
 * Interface references (facts 5.3): 256 for each core, iref = 256 * core + slot + 1, 0 is none.
 * Above them, in bits 16 and up, is the life of the core: what a dead one offered is not taken for
 * what there is when it has come back.  The owner is an opaque pointer.
 */
#ifndef MONITOR_IREF_H
#define MONITOR_IREF_H

#include <abi/ports.h>
#include <barrelfish_kpi/types.h>
#include <errors/errno.h>
#include <services/account.h>

#define IREFS_PER_CORE 256

struct iref_entry {
    void *owner; /* who exported it; NULL: free */
    uintptr_t service_id;
    char interface[48];            /* what it says that it speaks; "" if nothing */
    struct abi_line_layout layout; /* of its rings; line_bytes 0: those of UMP */
    struct account_slip slip;
};

struct iref_table {
    coreid_t core;
    uint32_t incarnation; /* of the core */
    unsigned next;        /* where the search starts: a number is not used again soon */
    struct iref_entry entry[IREFS_PER_CORE];
};

void iref_table_init(struct iref_table *table, coreid_t core, uint32_t incarnation);

/* Keeps the slip with it, unless it fails.  MON_ERR_IREF_ALLOC: all in use. */
errval_t iref_alloc(struct iref_table *table, void *owner, struct account_slip slip,
                    uintptr_t service_id, const char *interface, iref_t *ret);

/* The entry of an iref of this core, or NULL. */
struct iref_entry *iref_find(struct iref_table *table, iref_t iref);

/* Forgets all irefs of an owner. */
void iref_free_owner(struct iref_table *table, const void *owner);

/* The core an iref belongs to; ABI_MAX_CORES or more for what cannot be an iref. */
static inline unsigned iref_core(iref_t iref)
{
    return (iref & 0xffff) == 0 ? UINT32_MAX : ((iref & 0xffff) - 1) / IREFS_PER_CORE;
}

/* The life of its core (modulo 2^16) of which it is. */
static inline uint32_t iref_incarnation(iref_t iref)
{
    return iref >> 16;
}

#endif
