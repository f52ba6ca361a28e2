/* SPDX-License-Identifier: MIT
 *
 * Blocks of one size: a list of free ones, each of which holds the link to the next.
 */
#include <barrelfish/slab.h>

#include <assert.h>
#include <barrelfish/barrelfish.h>

void slab_init(struct slab_allocator *slabs, size_t block_bytes, slab_refill_func_t refill)
{
    slabs->free = NULL;
    slabs->free_blocks = 0;
    slabs->block_bytes = SLAB_BLOCK_BYTES(block_bytes);
    slabs->refill = refill;
}

void slab_free(struct slab_allocator *slabs, void *block)
{
    if (block == NULL)
        return;
    assert((uintptr_t)block % sizeof(void *) == 0 && block != slabs->free);
    *(void **)block = slabs->free;
    slabs->free = block;
    slabs->free_blocks++;
}

void slab_grow(struct slab_allocator *slabs, void *memory, size_t bytes)
{
    assert((uintptr_t)memory % sizeof(void *) == 0);
    for (size_t at = bytes / slabs->block_bytes; at > 0; at--)
        slab_free(slabs, (char *)memory + (at - 1) * slabs->block_bytes);
}

void *slab_alloc(struct slab_allocator *slabs)
{
    if (slabs->free == NULL && slabs->refill != NULL && err_is_fail(slabs->refill(slabs)))
        return NULL;
    void *block = slabs->free;
    if (block != NULL) {
        slabs->free = *(void **)block;
        slabs->free_blocks--;
    }
    return block;
}

size_t slab_freecount(const struct slab_allocator *slabs)
{
    return slabs->free_blocks;
}

errval_t slab_default_refill(struct slab_allocator *slabs)
{
    size_t bytes = slabs->block_bytes > BASE_PAGE_SIZE ? slabs->block_bytes : BASE_PAGE_SIZE;
    void *memory = malloc(bytes);

    if (memory == NULL)
        return err_push(LIB_ERR_MALLOC_FAIL, LIB_ERR_SLAB_REFILL);
    slab_grow(slabs, memory, bytes);
    return SYS_ERR_OK;
}
