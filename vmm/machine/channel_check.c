/* SPDX-License-Identifier: MIT
 *
 * Do channels keep what they promise, as far as memory shows?
 *
 * The machine sees each line that is written and each acknowledgement in it.  So it knows, without
 * asking the guest, when a writer leaves its turn, when it writes over a line that its reader has
 * not yet read (that line is lost), when a reader acknowledges what was never written (something
 * came twice), and in the end whether the lines still lie there as their writer left them.  A
 * channel that a fault has touched is left alone from then on: what becomes of its lines is the
 * fault's doing.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "machine/fabric.h"
#include "machine/machine_private.h"

static void __attribute__((format(printf, 4, 5)))
found(struct fabric *f, const struct fabric_channel *c, unsigned side, const char *format, ...)
{
    char what[96];
    va_list args;
    if (f->check_problem[0])
        return;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    snprintf(f->check_problem, sizeof(f->check_problem), "core %u to %u: %s, %.60s",
             c->ring[side].core, c->ring[!side].core, what, c->name);
}

/* The writer of this line tells what it has read of the other ring. */
static void check_ack(struct fabric *f, struct fabric_channel *c, unsigned side, uint64_t ack_word)
{
    struct fabric_ring *read = &c->ring[!side];
    const uint64_t mask = (1ull << c->layout.ack_bits) - 1;
    const uint64_t ack = ack_word >> c->layout.ack_shift & mask;
    const uint64_t more = (ack - read->acked) & mask;
    if (c->layout.ack_bits == 0)
        return;
    if (read->acked + more > read->sent)
        found(f, c, side, "acknowledges line %" PRIu64 ", but %" PRIu64 " were written",
              read->acked + more, read->sent);
    else
        read->acked += more;
}

void fabric_check_line(struct fabric *f, struct fabric_channel *c, unsigned side,
                       const struct fault_line *line, const struct fault_message *message,
                       uint64_t ack_word, bool fired)
{
    struct fabric_ring *ring = &c->ring[side];
    c->disturbed |= fired || f->parted;
    if (c->disturbed)
        return;
    if (!message->known) {
        found(f, c, side, "a line in slot %u out of turn", line->slot);
        return;
    }
    if (message->attempt > 1)
        return;
    ring->sent = message->lines;
    if (c->layout.ack_bits > 0 && ring->sent - ring->acked > ring->lines)
        found(f, c, side, "line %" PRIu64 " is written over one that was not read", ring->sent);
    check_ack(f, c, side, ack_word);
}

static void check_content(struct machine *machine, const struct fabric_channel *c, unsigned side)
{
    const struct fabric_ring *ring = &c->ring[side];
    const unsigned bytes = c->layout.line_bytes;
    for (unsigned slot = 0; ring->history && slot < ring->lines && slot < ring->sent; slot++) {
        if (ring->open[slot])
            continue;
        const void *line = fabric_line(machine, c, side, slot, false); /* as its reader sees it */
        if (memcmp(line, fabric_last_written(c, side, slot), bytes) != 0)
            found(machine->fabric, c, side, "slot %u is not as its writer left it", slot);
    }
}

bool machine_check_channels(struct machine *machine, char *problem, size_t bytes)
{
    struct fabric *f = machine->fabric;
    for (size_t i = 0; f->check && i < f->channel_count; i++) {
        for (unsigned side = 0; side < 2; side++)
            if (f->channel[i].used && !f->channel[i].disturbed)
                check_content(machine, &f->channel[i], side);
    }
    snprintf(problem, bytes, "%s", f->check_problem);
    return f->check_problem[0] == 0;
}
