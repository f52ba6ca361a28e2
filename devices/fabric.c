/* SPDX-License-Identifier: MIT
 *
 * The fabric device: the guest names a cross-core channel, or takes the name back, so that the
 * machine can tell whose lines it sees in the window.
 *
 * The record is copied before it is checked (another core could change it in between) and the
 * checked copy is the effect.  Rings must lie in a node's window, whole lines, one beside the
 * other, and join two cores that exist.
 */
#include <string.h>

#include "models.h"

#define LINE_BYTES_MIN 16
#define LINE_BYTES_MAX 128
#define WORD_BYTES 8
#define WORD_BITS 64
#define RING_LINES_MIN 2
#define RING_LINES_MAX 32768

static bool is_text(const char *text, size_t bytes)
{
    return memchr(text, 0, bytes) != NULL;
}

/* A word of a line, or of the control line. */
static bool is_word(const struct abi_line_layout *l, unsigned offset)
{
    return offset % WORD_BYTES == 0 && offset + WORD_BYTES <= l->line_bytes;
}

/* Those of the control line that have a meaning of their own are apart. */
static bool control_words_differ(const struct abi_line_layout *l)
{
    if (l->commit != ABI_COMMIT_HEAD)
        return true;
    return l->commit_offset != l->wake_offset &&
           (l->ack_bits == 0 ||
            (l->tail_offset != l->commit_offset && l->tail_offset != l->wake_offset));
}

static bool layout_makes_sense(const struct abi_line_layout *l)
{
    return l->line_bytes >= LINE_BYTES_MIN && l->line_bytes <= LINE_BYTES_MAX &&
           (l->line_bytes & (l->line_bytes - 1)) == 0 && is_word(l, l->commit_offset) &&
           is_word(l, l->wake_offset) && is_word(l, l->type_offset) && is_word(l, l->tail_offset) &&
           l->commit <= ABI_COMMIT_HEAD && control_words_differ(l) && l->epoch_shift < WORD_BITS &&
           l->type_bits >= 1 && l->type_bits <= 16 && l->type_shift + l->type_bits <= WORD_BITS &&
           l->ack_bits <= 32 && l->ack_shift + l->ack_bits <= WORD_BITS;
}

static bool ring_makes_sense(const struct abi_ring *ring, unsigned line_bytes)
{
    return ring->base % line_bytes == 0 && ring->bytes % line_bytes == 0 &&
           ring->bytes / line_bytes >= RING_LINES_MIN &&
           ring->bytes / line_bytes <= RING_LINES_MAX && ring->reserved == 0 &&
           (ring->notify_id < ABI_NOTIFY_IDS || ring->notify_id == ABI_NOTIFY_UNKNOWN);
}

static bool in_window(const struct device_memory *memory, uint64_t paddr, uint64_t bytes)
{
    const struct device_range *range = device_memory_find(memory, paddr, bytes);
    return range && range->kind == DEVICE_RANGE_WINDOW;
}

static bool overlap(const struct abi_ring *a, const struct abi_ring *b)
{
    return a->base < b->base + b->bytes && b->base < a->base + a->bytes;
}

/* ABI_RESULT_* for a record that names a channel. */
static uint64_t check(const struct device_state *state, const struct device_memory *memory,
                      const struct abi_channel *c)
{
    const struct abi_ring *a = &c->ring[0], *b = &c->ring[1];
    if (!is_text(c->interface, sizeof(c->interface)) || !is_text(c->server, sizeof(c->server)) ||
        !is_text(c->client, sizeof(c->client)) || !layout_makes_sense(&c->layout) ||
        !ring_makes_sense(a, c->layout.line_bytes) || !ring_makes_sense(b, c->layout.line_bytes))
        return ABI_RESULT_BAD_REQUEST;
    if (a->core >= state->core_count || b->core >= state->core_count)
        return ABI_RESULT_NO_SUCH_CORE;
    if (!in_window(memory, a->base, a->bytes) || !in_window(memory, b->base, b->bytes))
        return ABI_RESULT_BAD_ADDRESS;
    return overlap(a, b) ? ABI_RESULT_BAD_REQUEST : ABI_RESULT_OK;
}

void fabric_out(struct device_state *state, const struct device_memory *memory,
                const struct device_access *access, struct device_reply *reply)
{
    const struct device_range *range =
        device_memory_find(memory, access->arg[0], sizeof(struct abi_channel));
    if (!range || range->kind != DEVICE_RANGE_WINDOW || access->arg[0] % WORD_BYTES != 0) {
        reply->result = ABI_RESULT_BAD_ADDRESS;
        return;
    }
    struct abi_channel channel;
    memcpy(&channel, (const uint8_t *)range->host + (access->arg[0] - range->base),
           sizeof(channel));
    if (channel.magic != ABI_CHANNEL_MAGIC || channel.state > ABI_CHANNEL_NAMED)
        reply->result = ABI_RESULT_BAD_REQUEST;
    else if (channel.state == ABI_CHANNEL_NAMED)
        reply->result = check(state, memory, &channel);
    if (reply->result != ABI_RESULT_OK)
        return;
    state->channels++;
    struct device_effect *effect = device_add_effect(reply, DEVICE_CHANNEL, access->core);
    effect->channel.is = channel;
    effect->channel.record = access->arg[0];
}
