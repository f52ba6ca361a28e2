/* SPDX-License-Identifier: MIT
 *
 * The notification interrupt: one core sets a notification bit of another (or of itself) and
 * interrupts it.
 *
 * A core that was not started yet keeps its bits and finds them when it starts; to a core that
 * switched itself off the bits are set as well, and nobody looks.  Neither is an error, because the
 * sender cannot know better.  A core that has no way to the target is told so.
 */
#include "models.h"

void ipi_out(struct device_state *state, const struct device_memory *memory,
             const struct device_access *access, struct device_reply *reply)
{
    (void)memory;
    uint32_t target = access->value >> 16, id = access->value & 0xffff;
    if (target >= state->core_count) {
        reply->result = ABI_RESULT_NO_SUCH_CORE;
        return;
    }
    if (id >= ABI_NOTIFY_IDS) {
        reply->result = ABI_RESULT_BAD_REQUEST;
        return;
    }
    if (state->unsignalled[access->core] >> target & 1) {
        reply->result = ABI_RESULT_NO_WAY;
        return;
    }
    struct device_effect *effect = device_add_effect(reply, DEVICE_SET_CAUSE, target);
    effect->cause.bits = ABI_CAUSE_NOTIFY;
    effect->cause.notify_id = id;
}
