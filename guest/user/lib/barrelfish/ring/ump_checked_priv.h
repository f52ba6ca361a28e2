/* SPDX-License-Identifier: MIT
 *
 * Checked channels: the copy and the check, inline for the short way of a message (waitset.c).
 */
#ifndef BARRELFISH_UMP_CHECKED_PRIV_H
#define BARRELFISH_UMP_CHECKED_PRIV_H

#include <barrelfish/dispatcher.h>
#include <barrelfish/ump_chan.h>

#include "crc32c.h"

#define UMP_CHECK_BEGIN 0xffffffffu
#define UMP_CHECK_SHIFT 2 /* bits of the code that are not compared */

/* A rule that a test leaves out to see that it is missed. */
#ifndef UMP_LEAVES_OUT
#define UMP_LEAVES_OUT(rule) false
#endif

static inline uint64_t ump_checked_add(uint64_t check, uint64_t word, bool in_hardware)
{
    return in_hardware ? crc32c_instruction(check, word) : crc32c_from_table(check, word);
}

/* Copies the payload and returns the check, 30 bits, of the line with that sequence number and
 * control word. `to` may be NULL. */
static inline __attribute__((always_inline)) uint64_t
ump_checked_copy_with(const volatile struct ump_message *from, volatile struct ump_message *to,
                      uint64_t sequence, uint64_t control, bool in_hardware)
{
    uint64_t check =
        ump_checked_add(UMP_CHECK_BEGIN, UMP_LEAVES_OUT(SEQUENCE) ? 0 : sequence, in_hardware);

#pragma GCC unroll 7
    for (unsigned i = 0; i < UMP_PAYLOAD_WORDS; i++) {
        const uint64_t word = from->data[i];

        if (to != NULL)
            to->data[i] = word;
        check = ump_checked_add(check, word, in_hardware);
    }
    return ump_checked_add(check, (uint32_t)control, in_hardware) >> UMP_CHECK_SHIFT;
}

uint64_t ump_checked_copy_with_table(const volatile struct ump_message *from,
                                     volatile struct ump_message *to, uint64_t sequence,
                                     uint64_t control) __attribute__((cold));

static inline __attribute__((always_inline)) uint64_t
ump_checked_copy(const volatile struct ump_message *from, volatile struct ump_message *to,
                 uint64_t sequence, uint64_t control)
{
    return __builtin_expect(crc32c_in_hardware, 1)
               ? ump_checked_copy_with(from, to, sequence, control, true)
               : ump_checked_copy_with_table(from, to, sequence, control);
}

/* Was the next line copied already? */
static inline bool ump_checked_has_taken(const struct ump_ring_pair *ring)
{
    return UMP_CONTROL_EPOCH(ring->recv.mine->control) == ring->recv.epoch;
}

/* ump_checked_take of a line that has our epoch and was not copied yet: its control word, which is
 * not 0, or 0.  (Whatever passes has our epoch: the control word is checked, too.) */
static inline __attribute__((always_inline)) uint64_t ump_checked_take_line(struct ump_chan *uc,
                                                                            bool in_hardware)
{
    struct ump_checked *checked = uc->checked;
    const volatile struct ump_message *line = uc->ring.recv.next;
    volatile struct ump_message *mine = uc->ring.recv.mine;
    const uint64_t control = __atomic_load_n(&line->control, __ATOMIC_ACQUIRE);
    const uint64_t sequence = checked->taken + 1;
    const uint64_t check = in_hardware ? ump_checked_copy_with(line, mine, sequence, control, true)
                                       : ump_checked_copy_with_table(line, mine, sequence, control);

    if (check != control >> 34 && !UMP_LEAVES_OUT(CHECK)) {
        disp_count(curdispatcher(), DISP_UMP_DAMAGED);
        return 0;
    }
    mine->control = control;
    checked->taken = sequence;
    return control;
}

#endif
