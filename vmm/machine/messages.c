/* SPDX-License-Identifier: MIT
 *
 * The way of each message through its ring, for those who want to see all of them: when its first
 * line was written, when that became visible to the reader, and when the reader had read the last.
 *
 * Nobody traps reads.  An engine that tells of blocks shows when a handler begins (handlers.c).
 * That a message was read is known from the acknowledgement that the reader puts into each line it
 * writes; so the time is that of the reader's next line in the channel: of its answer, if there is
 * one.  Only what is on its way is kept, which is never more than the ring has lines.
 */
#include <stdlib.h>
#include <string.h>

#include "machine/fabric.h"
#include "machine/machine_private.h"

#define WORD_BYTES 8

struct fabric_journey {
    struct machine_message message;
    uint64_t last_line; /* of those written so far; counted as fault_message.lines */
    bool whole;
};

void messages_watch(struct fabric_ring *ring)
{
    ring->journey = calloc(ring->lines, sizeof(*ring->journey));
}

static struct fabric_journey *journey_at(const struct fabric_ring *ring, unsigned i)
{
    return &ring->journey[(ring->journey_first + i) % ring->lines];
}

static void tell(struct machine *machine, enum machine_message_step step,
                 const struct machine_message *message)
{
    const struct machine_sink *sink = &machine->config.sink;
    if (sink->message)
        sink->message(sink->context, step, message);
}

void messages_forget(struct machine *machine, struct fabric_ring *ring)
{
    for (unsigned i = 0; ring->journey && i < ring->journey_count; i++)
        tell(machine, MACHINE_MESSAGE_LEFT, &journey_at(ring, i)->message);
    free(ring->journey);
    ring->journey = NULL;
}

/* The writer of this line tells what it has read of the other ring. */
static void take_ack(struct machine *machine, struct fabric_channel *c, unsigned side,
                     uint64_t ack_word, uint64_t now_ns)
{
    struct fabric_ring *read = &c->ring[!side];
    const uint64_t mask = (1ull << c->layout.ack_bits) - 1;
    const uint64_t more = ((ack_word >> c->layout.ack_shift & mask) - read->lines_read) & mask;
    if (!read->journey || c->layout.ack_bits == 0 || read->lines_read + more > read->lines_written)
        return;
    read->lines_read += more;
    while (read->journey_count > 0) {
        struct fabric_journey *first = journey_at(read, 0);
        if (!first->whole || first->last_line > read->lines_read)
            return;
        first->message.read_ns = now_ns;
        tell(machine, MACHINE_MESSAGE_READ, &first->message);
        read->journey_first = (read->journey_first + 1) % read->lines;
        read->journey_count--;
    }
}

void messages_line(struct machine *machine, struct fabric_channel *c, unsigned side,
                   const struct fault_message *line, const struct machine_message *message,
                   uint64_t ack_word, uint64_t now_ns)
{
    struct fabric_ring *ring = &c->ring[side];
    take_ack(machine, c, side, ack_word, now_ns);
    if (!ring->journey || !line->known || line->attempt > 1)
        return;
    ring->lines_written = line->lines;
    if (line->name[0] == '$')
        return;
    if (line->line == 1) {
        tell(machine, MACHINE_MESSAGE_SENT, message);
        if (ring->journey_count == ring->lines) /* it writes over what was not read */
            ring->journey_first = (ring->journey_first + 1) % ring->lines;
        else
            ring->journey_count++;
        *journey_at(ring, ring->journey_count - 1) = (struct fabric_journey){ .message = *message };
    }
    if (ring->journey_count == 0)
        return;
    struct fabric_journey *journey = journey_at(ring, ring->journey_count - 1);
    journey->message.bytes += c->layout.line_bytes - WORD_BYTES;
    journey->last_line = line->lines;
    journey->whole = line->last;
}

void messages_shown(struct fabric_channel *c, unsigned side, uint64_t any, uint64_t now_ns)
{
    struct fabric_ring *ring = &c->ring[side];
    for (unsigned i = 0; ring->journey && i < ring->journey_count; i++) {
        struct machine_message *message = &journey_at(ring, i)->message;
        if (message->any == any && message->shown_ns == 0)
            message->shown_ns = now_ns;
    }
}

void messages_handled(struct fabric *f, uint64_t ring_base, const char *message, uint64_t now_ns)
{
    struct fabric_ring *ring = NULL;
    for (size_t i = 0; i < f->channel_count && !ring; i++)
        for (unsigned side = 0; side < 2; side++)
            if (f->channel[i].used && f->channel[i].ring[side].base == ring_base)
                ring = &f->channel[i].ring[side];
    for (unsigned i = 0; ring && ring->journey && i < ring->journey_count; i++) {
        struct machine_message *m = &journey_at(ring, i)->message;
        if (m->shown_ns == 0 || m->handled_ns != 0 || strcmp(m->name, message) != 0)
            continue;
        m->handled_ns = now_ns;
        return;
    }
}
