/* SPDX-License-Identifier: MIT
 *
 * Bulk data through a shared frame: blocks that a message only names.
 *
 * The master makes the frame and hands its capability to the slave, in whatever message.  Then it
 * fills a block, sends the id of the block, and the slave finds the data where it maps the frame.
 * A block belongs to whoever had its id last: the slave sends the id back, and the master frees it.
 * Nothing is copied, so above some kilobytes this is what a message should do.
 *
 * The order of memory is that of the message that carries the id.  A master or slave is not locked:
 * threads that share one take turns.  Whatever the peer writes, ids are checked: nobody is led
 * outside the frame.
 */
#ifndef BARRELFISH_BULK_TRANSFER_H
#define BARRELFISH_BULK_TRANSFER_H

#include <barrelfish/caddr.h>
#include <errors/errno.h>
#include <stddef.h>
#include <stdint.h>

#define BULK_BLOCK_BYTES_MIN 64

struct bulk_transfer;

struct bulk_buf {
    struct bulk_buf *next; /* free: the next free one */
    struct bulk_transfer *owner;
    uint32_t index;
    bool taken;
};

/* Of the master. */
struct bulk_transfer {
    uint8_t *mem;
    size_t block_bytes;
    uint32_t block_bits;
    size_t blocks;
    struct bulk_buf *bufs, *first_free;
};

/* Of the slave. */
struct bulk_transfer_slave {
    uint8_t *mem;
    size_t bytes;
};

/* Makes a frame of `size` bytes, a multiple of block_size, which is a power of two of at least
 * BULK_BLOCK_BYTES_MIN (else ERR_INVALID_ARGS), and maps it.  *shared_mem is the caller's: to send,
 * and to destroy after bulk_destroy.  LIB_ERR_MALLOC_FAIL, those of frame_alloc and mapping. */
errval_t bulk_create(size_t size, size_t block_size, struct capref *shared_mem,
                     struct bulk_transfer *bt);
/* Unmaps it; whatever the slave still has, it keeps. */
errval_t bulk_destroy(struct bulk_transfer *bt);

/* A block; NULL: all are out. */
struct bulk_buf *bulk_alloc(struct bulk_transfer *bt);
/* The block of this id is free again.  ERR_INVALID_ARGS: it is no id of a block that was out. */
errval_t bulk_free(struct bulk_transfer *bt, uintptr_t id);

/* Where the master has the block's data, and how many bytes it holds. */
void *bulk_buf_get_mem(struct bulk_buf *buf);
size_t bulk_buf_get_size(struct bulk_buf *buf);
/* What to send: after that the block is the slave's. */
uintptr_t bulk_prepare_send(struct bulk_buf *buf);

/* mem: where the slave has mapped the frame. */
errval_t bulk_slave_init(void *mem, size_t size, struct bulk_transfer_slave *bt);
/* The data of a block, and how many bytes it holds (size may be NULL).  NULL: not an id. */
void *bulk_slave_buf_get_mem(struct bulk_transfer_slave *bt, uintptr_t id, size_t *size);

#endif
