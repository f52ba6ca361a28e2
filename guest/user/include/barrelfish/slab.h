/* SPDX-License-Identifier: MIT
 *
 * Blocks of one size, out of memory that the caller gives.  Not locked.
 */
#ifndef BARRELFISH_SLAB_H
#define BARRELFISH_SLAB_H

#include <barrelfish_kpi/types.h>
#include <errors/errno.h>

struct slab_allocator;
typedef errval_t (*slab_refill_func_t)(struct slab_allocator *slabs);

/* The least size of a block, and bytes of memory for that many blocks. */
#define SLAB_BLOCK_BYTES(bytes) (((bytes) + sizeof(void *) - 1) / sizeof(void *) * sizeof(void *))
#define SLAB_STATIC_SIZE(blocks, bytes) ((blocks)*SLAB_BLOCK_BYTES(bytes))

struct slab_allocator {
    void *free; /* list through the first word of each */
    size_t block_bytes, free_blocks;
    slab_refill_func_t refill;
};

/* refill is called when nothing is left; NULL: then there is nothing. */
void slab_init(struct slab_allocator *slabs, size_t block_bytes, slab_refill_func_t refill);

/* Gives the allocator memory, aligned to a word, as long as blocks are taken from it. */
void slab_grow(struct slab_allocator *slabs, void *memory, size_t bytes);

/* NULL: nothing is left, and refilling has not helped. */
void *slab_alloc(struct slab_allocator *slabs);
void slab_free(struct slab_allocator *slabs, void *block);
size_t slab_freecount(const struct slab_allocator *slabs);

/* A refill function: pages from the heap. */
errval_t slab_default_refill(struct slab_allocator *slabs);

#endif
