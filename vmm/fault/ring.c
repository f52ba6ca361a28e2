/* SPDX-License-Identifier: MIT
 *
 * Numbers of messages in one direction of a channel.
 *
 * Slots are written in turn, and the epoch flips with each pass, so the line that is expected next
 * is known: that one is a first transmission and gets the next numbers.  A line for a slot that was
 * written already in the present pass is written again, and keeps its numbers.  Anything else is no
 * part of the protocol and is left alone.
 *
 * All lines of a long message have its type, and two such messages may follow each other; where one
 * ends is known from its fixed lines and from the lengths in front of its strings and arrays.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault/fault_private.h"

#define WORD_BYTES 8

static uint64_t count_type(struct fault_ring *ring, uint32_t type)
{
    for (size_t i = 0; i < ring->type_count; i++)
        if (ring->type[i].type == type)
            return ++ring->type[i].count;
    if ((ring->type_count & (ring->type_count - 1)) == 0) {
        size_t room = ring->type_count ? 2 * ring->type_count : 1;
        struct fault_type_count *grown = realloc(ring->type, room * sizeof(*grown));
        if (!grown)
            return 0; /* no rule has a number 0 */
        ring->type = grown;
    }
    ring->type[ring->type_count++] = (struct fault_type_count){ type, 1 };
    return 1;
}

static bool is_message(uint32_t type)
{
    return type >= FAULT_TYPE_FIRST_MESSAGE && type < FAULT_TYPE_GOODBYE;
}

static void begin_message(struct fault_ring *ring, uint32_t type)
{
    ring->within = true;
    ring->current = type;
    ring->line = 0;
    ring->stream = 0;
    ring->words_left = 0;
    ring->message = fault_names_type(ring->interface, type);
    ring->fixed_left = ring->message ? ring->message->lines : 1;
}

static uint64_t stream_words(const struct fault_stream *stream, uint64_t length)
{
    const uint64_t bound = 1u << 24; /* a length that nobody meant */
    if (length > bound)
        length = bound;
    switch (stream->kind) {
    case 'e':
        return (length * stream->size + WORD_BYTES - 1) / WORD_BYTES;
    case 'p':
        return length * stream->size;
    default:
        return (length + WORD_BYTES - 1) / WORD_BYTES;
    }
}

static void take_stream_line(struct fault_ring *ring, const struct fault_line *line)
{
    uint64_t room = line->words - 1; /* without the commit word */
    if (ring->words_left == 0)
        ring->words_left = 1 + stream_words(&ring->message->stream[ring->stream], line->word[0]);
    ring->words_left -= ring->words_left < room ? ring->words_left : room;
    if (ring->words_left == 0)
        ring->stream++;
}

/* One more line of the message under way; does it end it? */
static void take_line(struct fault_ring *ring, const struct fault_line *line)
{
    ring->line++;
    if (ring->fixed_left > 0)
        ring->fixed_left--;
    else
        take_stream_line(ring, line);
    ring->within =
        ring->fixed_left > 0 || (ring->message && ring->stream < ring->message->stream_count);
}

static void number(struct fault_ring *ring, const struct fault_line *line, struct fault_slot *slot)
{
    *slot = (struct fault_slot){ .used = true,
                                 .epoch = (uint8_t)line->epoch,
                                 .type = (uint16_t)line->type,
                                 .line = 1,
                                 .attempt = 1,
                                 .lines = ++ring->lines };
    if (!is_message(line->type)) {
        if (line->type == FAULT_TYPE_GOODBYE)
            ring->within = false; /* it may come in the middle of a message */
        slot->number = count_type(ring, line->type);
        slot->any = ring->any;
        return;
    }
    if (!ring->within || ring->current != line->type)
        begin_message(ring, line->type);
    take_line(ring, line);
    slot->line = ring->line;
    if (slot->line == 1) {
        slot->any = ++ring->any;
        slot->number = count_type(ring, line->type);
        return;
    }
    slot->any = ring->any;
    for (size_t i = 0; i < ring->type_count; i++)
        if (ring->type[i].type == line->type)
            slot->number = ring->type[i].count;
}

static void name_message(const struct fault_ring *ring, uint32_t type, struct fault_message *m)
{
    const struct fault_message_name *known = fault_names_type(ring->interface, type);
    const char *name = known ? known->name : fault_line_type_name(type);
    if (name)
        snprintf(m->name, sizeof(m->name), "%s", name);
    else
        snprintf(m->name, sizeof(m->name), "type %u", type);
}

void fault_ring_identify(struct fault_ring *ring, const struct fault_line *line,
                         struct fault_message *message)
{
    *message = (struct fault_message){ 0 };
    name_message(ring, line->type, message);
    if (line->slot >= ring->slots)
        return;
    struct fault_slot *slot = &ring->slot[line->slot];
    bool again = slot->used && slot->epoch == line->epoch && slot->type == line->type;
    if (line->slot == ring->next && line->epoch == ring->epoch) {
        number(ring, line, slot);
        message->last = !ring->within;
        if (++ring->next == ring->slots) {
            ring->next = 0;
            ring->epoch ^= 1;
        }
    } else if (again) {
        slot->attempt++;
    } else {
        return;
    }
    message->known = true;
    message->number = slot->number;
    message->any = slot->any;
    message->lines = slot->lines;
    message->line = slot->line;
    message->attempt = slot->attempt;
}
