/* SPDX-License-Identifier: MIT
 *
 * The fabric device: the guest names a cross-core channel, so that the machine can tell whose lines
 * it sees in the window.
 *
 * The structure is copied before it is checked (another core could change it in between) and the
 * checked copy is the effect.  A channel must lie in one node's window, whole lines, and join two
 * cores that exist.
 */
#include <string.h>

#include "models.h"

#define LINE_BYTES 64

void fabric_out(struct device_state *state, const struct device_memory *memory,
                const struct device_access *access, struct device_reply *reply)
{
    const void *guest = device_memory_at(memory, access->arg[0], sizeof(struct abi_channel));
    if (!guest) {
        reply->result = ABI_RESULT_BAD_ADDRESS;
        return;
    }
    struct abi_channel channel;
    memcpy(&channel, guest, sizeof channel);
    if (channel.core_a >= state->core_count || channel.core_b >= state->core_count) {
        reply->result = ABI_RESULT_NO_SUCH_CORE;
        return;
    }
    if (memchr(channel.name, 0, sizeof channel.name) == NULL || channel.flags != 0 ||
        channel.bytes_per_ring == 0 || channel.bytes_per_ring % LINE_BYTES != 0 ||
        channel.base % LINE_BYTES != 0) {
        reply->result = ABI_RESULT_BAD_REQUEST;
        return;
    }
    const struct device_range *range =
        device_memory_find(memory, channel.base, 2 * (uint64_t)channel.bytes_per_ring);
    if (!range || range->kind != DEVICE_RANGE_WINDOW) {
        reply->result = ABI_RESULT_BAD_ADDRESS;
        return;
    }
    state->channels++;
    device_add_effect(reply, DEVICE_CHANNEL, access->core)->channel = channel;
}
