/* SPDX-License-Identifier: MIT
 *
 * The console: a whole line for each request, because an exit costs as much as thousands of
 * instructions.
 *
 * The text and the speaker's dcb head are named by guest-physical address and must lie in RAM or
 * window; the effect points into guest memory, and the machine copies before it looks.  This model
 * must never follow the addresses further than the bounds it checked.
 */
#include <stddef.h>

#include "models.h"

void console_out(struct device_state *state, const struct device_memory *memory,
                 const struct device_access *access, struct device_reply *reply)
{
    (void)state;
    uint32_t kind = access->value >> 16, bytes = access->value & 0xffff;
    if (kind > ABI_CONSOLE_TRACE || bytes > ABI_CONSOLE_MAX) {
        reply->result = ABI_RESULT_BAD_REQUEST;
        return;
    }
    const char *text = "";
    if (bytes > 0)
        text = device_memory_at(memory, access->arg[0], bytes);
    const struct abi_dcb_head *speaker = NULL;
    if (access->arg[1] != 0 && access->arg[1] % _Alignof(struct abi_dcb_head) == 0)
        speaker = device_memory_at(memory, access->arg[1], sizeof(*speaker));
    if (!text || (access->arg[1] != 0 && !speaker)) {
        reply->result = ABI_RESULT_BAD_ADDRESS;
        return;
    }
    struct device_effect *effect = device_add_effect(reply, DEVICE_CONSOLE, access->core);
    effect->console.text = text;
    effect->console.bytes = bytes;
    effect->console.kind = kind;
    effect->console.speaker = speaker;
}
