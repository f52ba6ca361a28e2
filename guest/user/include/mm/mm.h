/* SPDX-License-Identifier: MIT
 *
 * Memory manager: which parts of some regions of physical memory are free.
 *
 * Regions come with a capability of the caller; an allocation is a naturally aligned block of
 * 2^bits bytes, turned into a capability of its own by one retype of a part of the region's
 * capability.  This part is plain bookkeeping: it makes no system call, so that it runs on the
 * host.  Source: overview 1.6; facts §3.3 (disjoint parts of one RAM capability may be retyped).
 */
#ifndef MM_MM_H
#define MM_MM_H

#include <barrelfish_kpi/types.h>
#include <errors/errno.h>

#define MM_MIN_BITS 12
#define MM_MAX_BITS 35 /* the machine ends below 64 GiB; a block is at most half of that */
#define MM_SIZES (MM_MAX_BITS - MM_MIN_BITS + 1)
#define MM_MAX_REGIONS 64
#define MM_SET_LEVELS 5 /* 64^5 numbers: more than the machine has pages */

/* A set of numbers below `count`.  A bit of level n + 1 says that a word of level n is not 0. */
struct mm_set {
    uint64_t *level[MM_SET_LEVELS];
    uint64_t count;
};

struct mm_region {
    genpaddr_t base;
    gensize_t bytes;
    genpaddr_t cap_base; /* where the capability's memory starts: at or below base */
    /* Free blocks of each size, by number; a block's number is its address in units of its size,
     * less that of `base`.  A block is in the set of its own size only. */
    struct mm_set free[MM_SIZES];
};

struct mm {
    unsigned region_count;
    struct mm_region region[MM_MAX_REGIONS];
    gensize_t total_bytes, free_bytes;
};

struct mm_block {
    genpaddr_t base;
    unsigned region;  /* as counted by mm_add */
    gensize_t offset; /* of the block in the region's capability */
};

/* An empty manager. */
void mm_init(struct mm *mm);

/* Bytes of bookkeeping that a region (not an empty one) wants, about 1/16,000 of it. */
size_t mm_bookkeeping_bytes(genpaddr_t base, gensize_t bytes);

/* Adds the free memory base .. base + bytes, part of a capability whose memory starts at cap_base.
 * Both are page aligned; the region's number is stored in *ret_region.  `bookkeeping` is memory of
 * mm_bookkeeping_bytes(base, bytes), aligned for uint64_t, that stays in use: from then on nothing
 * here can run out of it.
 * MM_ERR_ALIGN, MM_ERR_OUT_OF_BOUNDS (overlaps another region, or above the machine's end),
 * MM_ERR_MM_ADD (all MM_MAX_REGIONS in use). */
errval_t mm_add(struct mm *mm, genpaddr_t cap_base, genpaddr_t base, gensize_t bytes,
                void *bookkeeping, unsigned *ret_region);

/* Takes a free block of 2^bits bytes (MM_MIN_BITS..MM_MAX_BITS), naturally aligned, that lies
 * within minbase .. maxlimit (0: no limit).  Nothing changes on an error.  MM_ERR_ALIGN (bits),
 * MM_ERR_NOT_FOUND, MM_ERR_OUT_OF_BOUNDS (none within the limits, though there is one
 * elsewhere). */
errval_t mm_alloc(struct mm *mm, unsigned bits, genpaddr_t minbase, genpaddr_t maxlimit,
                  struct mm_block *ret);

/* Gives a block back, whole or in parts; buddies are joined.  Of a block that was given out it
 * cannot fail.  MM_ERR_ALIGN, MM_ERR_OUT_OF_BOUNDS (not of this manager, or free already). */
errval_t mm_free(struct mm *mm, genpaddr_t base, unsigned bits);

/* The number of the region in which the address lies; mm->region_count: there is none. */
unsigned mm_region_of(const struct mm *mm, genpaddr_t address);

/* Is all of this block free?  It lies in one region. */
bool mm_is_free(const struct mm *mm, genpaddr_t base, unsigned bits);

/* Takes a region out, of which all is free.  The last region has its number from then on.  Its
 * bookkeeping memory is the caller's again. */
void mm_remove(struct mm *mm, unsigned region);

/* Bits of the largest free block; 0 if there is none. */
unsigned mm_largest_bits(const struct mm *mm);

#endif
