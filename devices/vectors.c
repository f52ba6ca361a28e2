/* SPDX-License-Identifier: MIT
 *
 * The vectors device clears registers that the CPU driver cannot save: on software KVM, ring 3 runs
 * with the host's CR4 and XCR0 and so can use AVX, while ring 0 is interpreted and has neither
 * XSAVE nor AVX.  Without it one domain could read what another left there.
 *
 * There is no state and nothing to check: whether there is anything to clear is the engine's
 * business.
 */
#include "models.h"

void vectors_out(struct device_state *state, const struct device_memory *memory,
                 const struct device_access *access, struct device_reply *reply)
{
    (void)state;
    (void)memory;
    device_add_effect(reply, DEVICE_VECTORS, access->core);
}
