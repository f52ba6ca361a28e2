/* SPDX-License-Identifier: MIT
 *
 * Input of the console: bytes that somebody typed, or a scenario has, until the guest takes them.
 *
 * They lie in a ring.  A request takes what is there and lies in one piece; the rest is for the
 * next.  Who finds nothing is notified once when that changes, so a driver asks until it finds
 * nothing, and sleeps.  Nothing is lost: whoever has more than there is room for keeps it.
 */
#include <assert.h>
#include <string.h>

#include "models.h"

unsigned device_input_room(const struct device_state *state)
{
    return state->input.ended ? 0 : DEVICE_INPUT_BYTES - state->input.count;
}

static void tell(struct device_state *state, struct device_reply *reply)
{
    memset(reply, 0, sizeof(*reply));
    if (!state->input.waits)
        return;
    state->input.waits = false;
    struct device_effect *effect = device_add_effect(reply, DEVICE_SET_CAUSE, state->input.core);
    effect->cause.bits = ABI_CAUSE_NOTIFY;
    effect->cause.notify_id = state->input.notify_id;
}

void device_input(struct device_state *state, const char *text, unsigned bytes,
                  struct device_reply *reply)
{
    struct device_input *input = &state->input;
    assert(bytes <= device_input_room(state));
    for (unsigned i = 0; i < bytes; i++)
        input->byte[(input->head + input->count++) % DEVICE_INPUT_BYTES] = text[i];
    tell(state, reply);
}

void device_input_end(struct device_state *state, struct device_reply *reply)
{
    state->input.ended = true;
    tell(state, reply);
}

unsigned device_input_take(struct device_state *state, char *to, unsigned most)
{
    struct device_input *input = &state->input;
    unsigned bytes = 0;
    for (; bytes < most && input->count > 0; bytes++, input->count--) {
        to[bytes] = input->byte[input->head];
        input->head = (input->head + 1) % DEVICE_INPUT_BYTES;
    }
    return bytes;
}

void input_out(struct device_state *state, const struct device_memory *memory,
               const struct device_access *access, struct device_reply *reply)
{
    struct device_input *input = &state->input;
    const uint32_t most = access->value & 0xffff, id = access->value >> 16;
    if (most == 0 || most > ABI_INPUT_MAX || id >= ABI_NOTIFY_IDS) {
        reply->result = ABI_RESULT_BAD_REQUEST;
        return;
    }
    const struct device_range *range = device_memory_find(memory, access->arg[0], most);
    if (!range || range->kind != DEVICE_RANGE_RAM) {
        reply->result = ABI_RESULT_BAD_ADDRESS;
        return;
    }
    struct device_effect *effect = device_add_effect(reply, DEVICE_INPUT, access->core);
    uint32_t bytes = DEVICE_INPUT_BYTES - input->head; /* to the end of the ring */
    if (bytes > input->count)
        bytes = input->count;
    if (bytes > most)
        bytes = most;
    effect->input.to = (uint8_t *)range->host + (access->arg[0] - range->base);
    effect->input.from = &input->byte[input->head];
    effect->input.bytes = bytes;
    effect->input.answer = bytes == 0 && input->ended ? ABI_INPUT_END : bytes;
    input->head = (input->head + bytes) % DEVICE_INPUT_BYTES;
    input->count -= bytes;
    input->waits = bytes == 0 && !input->ended;
    input->core = access->core;
    input->notify_id = id;
}
