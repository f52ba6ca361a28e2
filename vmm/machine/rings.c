/* SPDX-License-Identifier: MIT
 *
 * Rings in which something is stuck, read out of memory when a hang is explained: full ones, whose
 * writers cannot go on, and those with lines that their reader cannot have read.
 *
 * Nothing here needs a ring to be watched.  How many lines were written is known from where the
 * epoch changes, modulo two passes; how many were acknowledged from the last line that the other
 * side has written.  The latter wraps at another number, so in a machine that has carried so many
 * messages that it may have, nothing is said.  A reader acknowledges at the latest when it has read
 * half of a ring (barrelfish/ump_impl.h): what goes beyond that, it has not read.  Rings with head
 * and tail words say it at once.
 */
#include <inttypes.h>
#include <string.h>

#include "machine/fabric.h"
#include "machine/machine_private.h"

#define WORD_BYTES 8
#define SHOWN 8

static uint64_t commit_at(const struct machine *machine, const struct fabric_channel *c,
                          unsigned side, unsigned slot)
{
    const uint64_t *line = fabric_line(machine, c, side, slot, false);
    return __atomic_load_n(&line[c->layout.commit_offset / WORD_BYTES], __ATOMIC_ACQUIRE);
}

static unsigned epoch_at(const struct machine *machine, const struct fabric_channel *c,
                         unsigned side, unsigned slot)
{
    return commit_at(machine, c, side, slot) >> c->layout.epoch_shift & 1;
}

static uint64_t control_at(const struct machine *machine, const struct fabric_channel *c,
                           unsigned side, unsigned offset)
{
    const uint64_t *line = fabric_line(machine, c, side, c->ring[side].lines, false);
    return __atomic_load_n(&line[offset / WORD_BYTES], __ATOMIC_ACQUIRE);
}

/* How many lines were not read, where heads and tails say it. */
static unsigned unread_by_head(const struct machine *machine, const struct fabric_channel *c,
                               unsigned side)
{
    const uint64_t mask = (1ull << c->layout.ack_bits) - 1;
    const uint64_t head = control_at(machine, c, side, c->layout.commit_offset);
    const uint64_t tail = control_at(machine, c, !side, c->layout.tail_offset);
    const uint64_t open = (head - (tail >> c->layout.ack_shift)) & mask;
    return open <= c->ring[side].lines ? (unsigned)open : 0;
}

/* Lines ever written, modulo those of two passes. */
static unsigned written(const struct machine *machine, const struct fabric_channel *c,
                        unsigned side)
{
    const unsigned lines = c->ring[side].lines, epoch = epoch_at(machine, c, side, 0);
    unsigned n = 1;
    while (n < lines && epoch_at(machine, c, side, n) == epoch)
        n++;
    return epoch ? n : (lines + n) % (2 * lines);
}

/* How many lines of the ring its reader has not acknowledged; 0 also if that is not known. */
static unsigned unacknowledged(const struct machine *machine, const struct fabric_channel *c,
                               unsigned side)
{
    const unsigned lines = c->ring[side].lines, back = c->ring[!side].lines;
    if (c->layout.commit == ABI_COMMIT_HEAD)
        return unread_by_head(machine, c, side);
    const unsigned last = (written(machine, c, !side) + back - 1) % back;
    const uint64_t ack = commit_at(machine, c, !side, last) >> c->layout.ack_shift &
                         ((1ull << c->layout.ack_bits) - 1);
    const unsigned open =
        (unsigned)((written(machine, c, side) + 2ull * lines - ack % (2 * lines)) % (2 * lines));
    return open < lines ? open : 0;
}

/* May the number that acknowledges have come round? */
static bool may_have_wrapped(const struct machine *machine, const struct fabric_channel *c)
{
    uint64_t lines = 0;
    struct machine_value value;
    for (size_t i = 0; machine_value_at(machine, i, &value); i++)
        if (strcmp(value.name, "ump.messages") == 0 || strcmp(value.name, "ump.acks") == 0)
            lines += value.value;
    return lines >> c->layout.ack_bits != 0;
}

static bool is_known(const struct machine *machine, const struct fabric_channel *c)
{
    return c->used && !c->disturbed && c->layout.ack_bits > 0 && c->ring[0].lines > 2 &&
           c->ring[1].lines > 2 && !may_have_wrapped(machine, c);
}

/* True: there is something to say of it. */
static bool print_ring(const struct machine *machine, const struct fabric_channel *c, unsigned side,
                       FILE *out)
{
    const struct fabric_ring *ring = &c->ring[side];
    const unsigned open = unacknowledged(machine, c, side);
    const unsigned half = c->layout.commit == ABI_COMMIT_HEAD ? 1 : ring->lines / 2;
    if (open < half)
        return false;
    if (out)
        fprintf(out,
                "ring from core %u to %u of %s: %u of %u lines not acknowledged%s, at least "
                "%u not read\n",
                ring->core, c->ring[!side].core, c->name, open, ring->lines,
                open + 2 >= ring->lines ? ": it is full" : "", open - half + 1);
    return true;
}

void machine_print_rings(const struct machine *machine, FILE *out)
{
    const struct fabric *f = machine->fabric;
    unsigned found = 0;
    for (size_t i = 0; i < f->channel_count; i++) {
        const struct fabric_channel *c = &f->channel[i];
        for (unsigned side = 0; side < 2 && is_known(machine, c); side++)
            found += print_ring(machine, c, side, found < SHOWN ? out : NULL);
    }
    if (found > SHOWN)
        fprintf(out, "and %u more rings with lines that were not read\n", found - SHOWN);
}
