/* SPDX-License-Identifier: MIT
 *
 * Rings with head and tail words (bellring.h).  Nobody polls them: whoever has moved the head, or
 * the tail of a ring that was full, rings the other side's doorbell after it.
 */
#include <bellring/bellring.h>

#include <abi/ports.h>
#include <assert.h>
#include <barrelfish/barrelfish.h>

#define LINE_WORDS (BELLRING_LINE_BYTES / sizeof(uint64_t))

enum { HEAD, TAIL, WAKE }; /* words of the control line */

const struct abi_line_layout bellring_layout = {
    .line_bytes = BELLRING_LINE_BYTES,
    .commit = ABI_COMMIT_HEAD,
    .commit_offset = HEAD * sizeof(uint64_t),
    .tail_offset = TAIL * sizeof(uint64_t),
    .wake_offset = WAKE * sizeof(uint64_t),
    .type_offset = 0,
    .type_bits = 16,
    .ack_bits = 32,
};

errval_t bellring_open(struct bellring *ring, struct waitset *ws, struct event_closure arrived)
{
    const struct ump_chan *uc = &ring->channel;

    ring->in = (volatile uint64_t *)uc->ring.recv.buf;
    ring->out = (volatile uint64_t *)uc->ring.send.buf;
    ring->in_lines = uc->inlen / BELLRING_LINE_BYTES - 1;
    ring->out_lines = uc->outlen / BELLRING_LINE_BYTES - 1;
    ring->theirs = ring->in + ring->in_lines * LINE_WORDS;
    ring->mine = ring->out + ring->out_lines * LINE_WORDS;
    ring->head = ring->tail = 0;
    ring->mine[WAKE] = 1;
    return doorbell_hang(&ring->bell, ws, arrived);
}

void bellring_close(struct bellring *ring)
{
    errval_t err = doorbell_take_down(&ring->bell);

    assert(err_is_ok(err)); /* it was hung when the ring was opened */
    ump_chan_destroy(&ring->channel);
}

static void ring_bell(struct bellring *ring)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if ((ring->theirs[WAKE] & 1) != 0)
        invoke_notify_send(ring->channel.notify_cap);
}

bool bellring_has_room(const struct bellring *ring)
{
    return ring->head - __atomic_load_n(&ring->theirs[TAIL], __ATOMIC_ACQUIRE) < ring->out_lines;
}

errval_t bellring_send(struct bellring *ring, uint64_t type, const uint64_t word[BELLRING_WORDS])
{
    volatile uint64_t *line = ring->out + ring->head % ring->out_lines * LINE_WORDS;

    if (!bellring_has_room(ring))
        return LIB_ERR_UMP_CHAN_FULL;
    line[0] = type;
    for (unsigned i = 0; i < BELLRING_WORDS; i++)
        line[1 + i] = word[i];
    __atomic_store_n(&ring->mine[HEAD], ++ring->head, __ATOMIC_RELEASE);
    ring_bell(ring);
    return SYS_ERR_OK;
}

bool bellring_receive(struct bellring *ring, uint64_t *type, uint64_t word[BELLRING_WORDS])
{
    const uint64_t written = __atomic_load_n(&ring->theirs[HEAD], __ATOMIC_ACQUIRE);
    const volatile uint64_t *line = ring->in + ring->tail % ring->in_lines * LINE_WORDS;
    const bool was_full = written - ring->tail >= ring->in_lines;

    if (written == ring->tail)
        return false;
    *type = line[0];
    for (unsigned i = 0; i < BELLRING_WORDS; i++)
        word[i] = line[1 + i];
    __atomic_store_n(&ring->mine[TAIL], ++ring->tail, __ATOMIC_RELEASE);
    if (was_full)
        ring_bell(ring);
    return true;
}
