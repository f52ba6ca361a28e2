/* SPDX-License-Identifier: MIT
 *
 * The scrub device zeroes guest memory from outside: where ring 0 is emulated instruction by
 * instruction, clearing a page in the CPU driver costs hundreds of microseconds.
 *
 * The range must be whole lines of one RAM or window range.  No bytes is a request for nothing and
 * succeeds.
 */
#include <stddef.h>

#include "models.h"

void scrub_out(struct device_state *state, const struct device_memory *memory,
               const struct device_access *access, struct device_reply *reply)
{
    (void)state;
    uint64_t paddr = access->arg[0], bytes = access->arg[1];
    if (paddr % ABI_SCRUB_ALIGN != 0 || bytes % ABI_SCRUB_ALIGN != 0) {
        reply->result = ABI_RESULT_BAD_REQUEST;
        return;
    }
    if (bytes == 0)
        return;
    void *host = device_memory_at(memory, paddr, bytes);
    if (!host) {
        reply->result = ABI_RESULT_BAD_ADDRESS;
        return;
    }
    struct device_effect *effect = device_add_effect(reply, DEVICE_SCRUB, access->core);
    effect->scrub.host = host;
    effect->scrub.paddr = paddr;
    effect->scrub.bytes = bytes;
}
