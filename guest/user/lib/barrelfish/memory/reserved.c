/* SPDX-License-Identifier: MIT
 *
 * Ranges of the address space that belong to regions of memory objects.
 *
 * They are of the whole domain: a thread may touch a page on any of its dispatchers.  The list is
 * read in the page-fault upcall, where nothing can be waited for.  So its entries are never freed,
 * only used again, and an entry is valid while `end` is not 0, which is written last.
 */
#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <stdlib.h>

#include "vspace_priv.h"

struct range {
    genvaddr_t base, end; /* with its guard pages */
    genvaddr_t first, last_end;
    struct vregion *vregion;
    struct range *next;
};

static struct range *ranges;
static struct thread_mutex mutex = THREAD_MUTEX_INITIALIZER;

static genvaddr_t end_of(const struct range *range)
{
    return __atomic_load_n(&range->end, __ATOMIC_ACQUIRE);
}

static struct range *unused_range(void)
{
    for (struct range *range = ranges; range != NULL; range = range->next)
        if (end_of(range) == 0)
            return range;
    return NULL;
}

static genvaddr_t skip(genvaddr_t address, size_t bytes)
{
    bool moved;

    do {
        moved = false;
        for (const struct range *range = ranges; range != NULL; range = range->next) {
            if (end_of(range) != 0 && address < range->end && range->base < address + bytes) {
                address = range->end;
                moved = true;
            }
        }
    } while (moved);
    return address;
}

struct range *reserve_node(void)
{
    return calloc(1, sizeof(struct range));
}

errval_t reserve(struct range **node, struct vregion *vregion, genvaddr_t base, size_t bytes,
                 size_t guard)
{
    errval_t err = LIB_ERR_VSPACE_NO_SPACE;

    thread_mutex_lock(&mutex);
    struct range *range = unused_range();
    if (skip(base - guard, bytes + 2 * guard) == base - guard) {
        if (range == NULL) {
            range = *node;
            *node = NULL;
            range->next = ranges;
            __atomic_store_n(&ranges, range, __ATOMIC_RELEASE);
        }
        range->base = base - guard;
        range->first = base;
        range->last_end = base + bytes;
        range->vregion = vregion;
        __atomic_store_n(&range->end, base + bytes + guard, __ATOMIC_RELEASE);
        err = SYS_ERR_OK;
    }
    thread_mutex_unlock(&mutex);
    return err;
}

void reserve_end(const struct vregion *vregion)
{
    thread_mutex_lock(&mutex);
    for (struct range *range = ranges; range != NULL; range = range->next)
        if (end_of(range) != 0 && range->vregion == vregion)
            __atomic_store_n(&range->end, 0, __ATOMIC_RELEASE);
    thread_mutex_unlock(&mutex);
}

genvaddr_t reserved_skip(genvaddr_t address, size_t bytes)
{
    thread_mutex_lock(&mutex);
    address = skip(address, bytes);
    thread_mutex_unlock(&mutex);
    return address;
}

/* Also without the lock: then it may be one that is just going, or just coming. */
static const struct range *range_around(genvaddr_t address)
{
    const struct range *range = __atomic_load_n(&ranges, __ATOMIC_ACQUIRE);

    while (range != NULL &&
           (end_of(range) == 0 || address < range->first || address >= range->last_end))
        range = range->next;
    return range;
}

struct vregion *reserved_around(genvaddr_t address)
{
    const struct range *range = range_around(address);

    return range != NULL ? range->vregion : NULL;
}

struct vregion *reserved_at(genvaddr_t base)
{
    struct vregion *vregion = NULL;

    thread_mutex_lock(&mutex);
    const struct range *range = range_around(base);
    if (range != NULL && range->first == base)
        vregion = range->vregion;
    thread_mutex_unlock(&mutex);
    return vregion;
}
