/* SPDX-License-Identifier: MIT
 *
 * The watch device: a domain makes a system call that somebody looks for.
 */
#include "models.h"

void watch_out(struct device_state *state, const struct device_memory *memory,
               const struct device_access *access, struct device_reply *reply)
{
    (void)state;
    const uint64_t speaker = access->arg[0];
    const struct device_range *head =
        device_memory_find(memory, speaker, sizeof(struct abi_dcb_head));
    if (!head || head->kind != DEVICE_RANGE_RAM || speaker % 8 != 0 || access->value >= 64) {
        reply->result = ABI_RESULT_BAD_ADDRESS;
        return;
    }
    struct device_effect *effect = device_add_effect(reply, DEVICE_SYSCALL, access->core);
    effect->syscall.number = access->value;
    effect->syscall.speaker = speaker;
}
