/* SPDX-License-Identifier: MIT
 *
 * The check of a line (docs/ump-checked.md) on processors without an instruction for it.
 */
#include "ump_checked_priv.h"

uint64_t ump_checked_copy_with_table(const volatile struct ump_message *from,
                                     volatile struct ump_message *to, uint64_t sequence,
                                     uint64_t control)
{
    return ump_checked_copy_with(from, to, sequence, control, false);
}
