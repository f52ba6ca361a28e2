/* SPDX-License-Identifier: MIT
 *
 * Example: bulk data (docs/examples.md).
 *
 *   bulk server    sums bytes
 *   bulk client    sends the same bytes in messages, and in blocks of a shared frame, and compares
 *
 * A message carries a block's id only; the data stays where the client wrote it.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/bulk_transfer.h>
#include <barrelfish/nameservice_client.h>
#include <bench/bench.h>
#include <if/bulkdemo_defs.h>
#include <stdio.h>
#include <string.h>

#define SERVICE "bulkdemo"
#define BLOCK_BYTES 16384u
#define BLOCKS 4u
#define MESSAGE_BYTES 4096u
#define TOTAL_BYTES (BLOCK_BYTES * BLOCKS * 4)

static uint64_t sum_of(const uint8_t *data, size_t bytes)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < bytes; i++)
        sum += data[i];
    return sum;
}

/* ---- server ---- */

static struct bulk_transfer_slave slave;

static errval_t share(struct bulkdemo_binding *b, struct capref frame, uint64_t bytes,
                      errval_t *err)
{
    void *memory;
    (void)b;
    *err = vspace_map_one_frame(&memory, bytes, frame, NULL, NULL);
    if (err_is_ok(*err))
        *err = bulk_slave_init(memory, bytes, &slave);
    return SYS_ERR_OK;
}

static errval_t sum_block(struct bulkdemo_binding *b, uint64_t id, uint32_t bytes, errval_t *err,
                          uint64_t *sum)
{
    size_t room;
    const uint8_t *data = bulk_slave_buf_get_mem(&slave, id, &room);
    (void)b;
    *err = data != NULL && bytes <= room ? SYS_ERR_OK : (errval_t)ERR_INVALID_ARGS;
    *sum = err_is_ok(*err) ? sum_of(data, bytes) : 0;
    return SYS_ERR_OK;
}

static errval_t sum_message(struct bulkdemo_binding *b, const uint8_t *data, size_t bytes,
                            uint64_t *sum)
{
    (void)b;
    *sum = sum_of(data, bytes);
    return SYS_ERR_OK;
}

static bool client_gone;

static void broken(struct bulkdemo_binding *b, errval_t err)
{
    (void)err;
    client_gone = true;
    b->control(b, IDC_CONTROL_TEARDOWN);
}

static errval_t connected(void *st, struct bulkdemo_binding *b)
{
    (void)st;
    b->rpc_rx_vtbl.share_call = share;
    b->rpc_rx_vtbl.sum_block_call = sum_block;
    b->rpc_rx_vtbl.sum_message_call = sum_message;
    b->error_handler = broken;
    return SYS_ERR_OK;
}

static void serve(void)
{
    static char name[] = SERVICE;
    errval_t err = bulkdemo_export(name, nameservice_offer, connected, get_default_waitset(),
                                   IDC_EXPORT_FLAGS_DEFAULT);
    while (err_is_ok(err) && !client_gone)
        err = event_dispatch(get_default_waitset());
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "serving");
}

/* ---- client ---- */

static struct bulkdemo_binding *server;

static void bound(void *st, errval_t err, struct bulkdemo_binding *b)
{
    (void)st;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "binding to " SERVICE);
    bulkdemo_rpc_client_init(b);
    server = b;
}

static void connect_to_server(void)
{
    iref_t iref;
    errval_t err = nameservice_blocking_lookup(SERVICE, &iref);
    if (err_is_ok(err))
        err = bulkdemo_bind(iref, bound, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
    while (err_is_ok(err) && server == NULL)
        err = event_dispatch(get_default_waitset());
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "connecting to " SERVICE);
}

/* Byte i of the data. */
static void fill(uint8_t *data, size_t from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        data[i] = (uint8_t)((from + i) * 31);
}

static uint64_t in_messages(cycles_t *cycles)
{
    static uint8_t data[MESSAGE_BYTES];
    uint64_t sum = 0, part = 0;
    *cycles = 0;
    for (size_t at = 0; at < TOTAL_BYTES; at += MESSAGE_BYTES) {
        fill(data, at, MESSAGE_BYTES);
        const cycles_t start = bench_tsc();
        errval_t err = server->rpc_tx_vtbl.sum_message(server, data, MESSAGE_BYTES, &part);
        *cycles += bench_tsc() - start;
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "sending a message");
        sum += part;
    }
    return sum;
}

static uint64_t in_blocks(struct bulk_transfer *bt, cycles_t *cycles)
{
    uint64_t sum = 0, part = 0;
    *cycles = 0;
    for (size_t at = 0; at < TOTAL_BYTES; at += BLOCK_BYTES) {
        errval_t answer;
        struct bulk_buf *buf = bulk_alloc(bt);
        fill(bulk_buf_get_mem(buf), at, bulk_buf_get_size(buf));
        const cycles_t start = bench_tsc();
        const uintptr_t id = bulk_prepare_send(buf);
        errval_t err = server->rpc_tx_vtbl.sum_block(server, id, BLOCK_BYTES, &answer, &part);
        *cycles += bench_tsc() - start;
        err = err_is_ok(err) ? answer : err;
        if (err_is_ok(err))
            err = bulk_free(bt, id);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "sending a block");
        sum += part;
    }
    return sum;
}

int main(int argc, char *argv[])
{
    struct bulk_transfer bt;
    struct capref frame;
    cycles_t message_cycles, block_cycles;
    errval_t answer = SYS_ERR_OK;
    uint64_t sum = 0;

    if (argc != 2 || strcmp(argv[1], "client") != 0) {
        serve();
        return 0;
    }
    connect_to_server();
    errval_t err = bulk_create(BLOCK_BYTES * BLOCKS, BLOCK_BYTES, &frame, &bt);
    if (err_is_ok(err))
        err = server->rpc_tx_vtbl.share(server, frame, BLOCK_BYTES * BLOCKS, &answer);
    if (err_is_fail(err) || err_is_fail(answer))
        USER_PANIC_ERR(err_is_fail(err) ? err : answer, "sharing a frame");

    const uint64_t of_messages = in_messages(&message_cycles);
    const uint64_t of_blocks = in_blocks(&bt, &block_cycles);
    if (of_messages != of_blocks)
        USER_PANIC("sums differ: %" PRIu64 " and %" PRIu64, of_messages, of_blocks);
    printf("bulk: %u bytes, sum %" PRIu64 "\n", TOTAL_BYTES, of_blocks);
    printf("bench: bulk.message %" PRIuCYCLES " cycles/KiB\n",
           message_cycles / (TOTAL_BYTES / 1024));
    printf("bench: bulk.block %" PRIuCYCLES " cycles/KiB\n", block_cycles / (TOTAL_BYTES / 1024));

    /* What is no block of ours is refused, on both sides. */
    err = server->rpc_tx_vtbl.sum_block(server, (BLOCKS * BLOCK_BYTES) | 14, 1, &answer, &sum);
    if (err_is_fail(err) || err_no(answer) != ERR_INVALID_ARGS ||
        err_no(bulk_free(&bt, 14)) != ERR_INVALID_ARGS)
        USER_PANIC("a strange block was accepted");
    err = bulk_destroy(&bt);
    if (err_is_ok(err))
        err = cap_destroy(frame);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "giving the frame back");
    printf("bulk: done\n");
    return 0;
}
