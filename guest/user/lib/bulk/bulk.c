/* SPDX-License-Identifier: MIT
 *
 * Blocks of a shared frame (bulk_transfer.h).
 *
 * An id is the offset of the block in the frame plus the logarithm of its length: offsets are
 * multiples of at least 64, so six bits are free, and the slave need not be told the length.  What
 * the master knows of its blocks lies in its own memory, where the slave cannot change it.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/bulk_transfer.h>
#include <stdlib.h>

#define ID_BITS_MASK (BULK_BLOCK_BYTES_MIN - 1)

static uint32_t bits_of(size_t bytes)
{
    uint32_t bits = 0;
    while (1ul << bits < bytes)
        bits++;
    return bits;
}

errval_t bulk_create(size_t size, size_t block_size, struct capref *shared_mem,
                     struct bulk_transfer *bt)
{
    void *mem;
    if (block_size < BULK_BLOCK_BYTES_MIN || (block_size & (block_size - 1)) != 0 || size == 0 ||
        size % block_size != 0 || size / block_size > UINT32_MAX)
        return ERR_INVALID_ARGS;
    *bt = (struct bulk_transfer){ .block_bytes = block_size,
                                  .block_bits = bits_of(block_size),
                                  .blocks = size / block_size };
    bt->bufs = calloc(bt->blocks, sizeof(*bt->bufs));
    errval_t err = LIB_ERR_MALLOC_FAIL;
    if (bt->bufs != NULL)
        err = frame_alloc(shared_mem, size, NULL);
    if (err_is_ok(err)) {
        err = vspace_map_one_frame(&mem, size, *shared_mem, NULL, NULL);
        if (err_is_fail(err))
            cap_destroy(*shared_mem);
    }
    if (err_is_fail(err)) {
        free(bt->bufs);
        return err;
    }
    bt->mem = mem;
    for (size_t i = bt->blocks; i-- > 0;) {
        bt->bufs[i] =
            (struct bulk_buf){ .next = bt->first_free, .owner = bt, .index = (uint32_t)i };
        bt->first_free = &bt->bufs[i];
    }
    return SYS_ERR_OK;
}

errval_t bulk_destroy(struct bulk_transfer *bt)
{
    errval_t err = vspace_unmap(bt->mem);
    free(bt->bufs);
    *bt = (struct bulk_transfer){ .mem = NULL };
    return err;
}

struct bulk_buf *bulk_alloc(struct bulk_transfer *bt)
{
    struct bulk_buf *buf = bt->first_free;
    if (buf != NULL) {
        bt->first_free = buf->next;
        buf->taken = true;
    }
    return buf;
}

errval_t bulk_free(struct bulk_transfer *bt, uintptr_t id)
{
    const uintptr_t index = id >> bt->block_bits;
    if ((id & (bt->block_bytes - 1)) != bt->block_bits || index >= bt->blocks ||
        !bt->bufs[index].taken)
        return ERR_INVALID_ARGS;
    struct bulk_buf *buf = &bt->bufs[index];
    buf->taken = false;
    buf->next = bt->first_free;
    bt->first_free = buf;
    return SYS_ERR_OK;
}

void *bulk_buf_get_mem(struct bulk_buf *buf)
{
    return buf->owner->mem + ((size_t)buf->index << buf->owner->block_bits);
}

size_t bulk_buf_get_size(struct bulk_buf *buf)
{
    return buf->owner->block_bytes;
}

uintptr_t bulk_prepare_send(struct bulk_buf *buf)
{
    assert(buf->taken);
    return ((uintptr_t)buf->index << buf->owner->block_bits) + buf->owner->block_bits;
}

errval_t bulk_slave_init(void *mem, size_t size, struct bulk_transfer_slave *bt)
{
    if (mem == NULL || size < BULK_BLOCK_BYTES_MIN)
        return ERR_INVALID_ARGS;
    *bt = (struct bulk_transfer_slave){ .mem = mem, .bytes = size };
    return SYS_ERR_OK;
}

void *bulk_slave_buf_get_mem(struct bulk_transfer_slave *bt, uintptr_t id, size_t *size)
{
    const unsigned bits = id & ID_BITS_MASK;
    const uintptr_t offset = id - bits, bytes = 1ul << bits;
    if (bytes < BULK_BLOCK_BYTES_MIN || (offset & (bytes - 1)) != 0 || bytes > bt->bytes ||
        offset > bt->bytes - bytes)
        return NULL;
    if (size != NULL)
        *size = bytes;
    return bt->mem + offset;
}
