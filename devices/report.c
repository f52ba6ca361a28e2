/* SPDX-License-Identifier: MIT
 *
 * The report device: where a program keeps its counters.
 *
 * Only the place is checked, here and each time the machine looks: what stands there changes all
 * the time and is nobody's promise.
 */
#include "models.h"

#include "abi/report.h"

void report_out(struct device_state *state, const struct device_memory *memory,
                const struct device_access *access, struct device_reply *reply)
{
    (void)state;
    const uint64_t block = access->arg[0], speaker = access->arg[1];
    const struct device_range *range = device_memory_find(memory, block, sizeof(struct abi_report));
    const struct device_range *head =
        device_memory_find(memory, speaker, sizeof(struct abi_dcb_head));
    if (!range || range->kind != DEVICE_RANGE_RAM || block % 8 != 0 || !head ||
        head->kind != DEVICE_RANGE_RAM || speaker % 8 != 0) {
        reply->result = ABI_RESULT_BAD_ADDRESS;
        return;
    }
    struct device_effect *effect = device_add_effect(reply, DEVICE_REPORT, access->core);
    effect->report.block = block;
    effect->report.speaker = speaker;
}
