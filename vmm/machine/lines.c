/* SPDX-License-Identifier: MIT
 *
 * The lines that cores write into watched rings.
 *
 * Stores arrive one by one.  Payload words are written through at once, after what the slot held
 * was kept: nobody looks at a line whose commit word is not written, so a run in which no rule
 * fires has the same memory at every moment as one without rules.  When the commit word comes, the
 * line is decided.  If it is not to be seen, or not yet, the slot gets back what it held.
 *
 * Where lines are committed by a head word beside them (ABI_COMMIT_HEAD), a store to that decides
 * the lines that it adds.  A line that is lost or late takes the store of the head with it that
 * counted it; a later one counts it all the same, and then the reader sees what the slot held.  The
 * head never goes back.
 *
 * Whoever shows a line late looks at the receiver's wake word afterwards and raises the
 * notification: the sender's own look is long over.
 */
#include "machine/line_words.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "machine/machine_private.h"

/* Which line, and when: what everything that decides about one needs. */
struct spot {
    struct machine *machine;
    struct fabric_channel *c;
    size_t channel; /* the number of `c` */
    unsigned side, slot;
    uint64_t now_ns;
};

static struct spot spot_of(struct machine *machine, size_t channel, unsigned side, unsigned slot,
                           uint64_t now_ns)
{
    struct fabric *f = machine->fabric;
    assert(channel < f->channel_count && side < 2);
    return (struct spot){ .machine = machine,
                          .c = &f->channel[channel],
                          .channel = channel,
                          .side = side,
                          .slot = slot,
                          .now_ns = now_ns };
}

/* ---- lines held back ---- */

static struct fabric_held *new_held(struct fabric *f)
{
    for (size_t i = 0; i < f->held_count; i++)
        if (!f->held[i].used)
            return &f->held[i];
    struct fabric_held *grown = machine_grow(f->held, f->held_count, sizeof(*grown));
    if (!grown)
        return NULL;
    f->held = grown;
    return &f->held[f->held_count++];
}

static void one_more_visible(struct machine *machine, size_t channel, unsigned side,
                             uint64_t now_ns);

/* ---- the last message of each core, for the report ---- */

static struct machine_message known_message(const struct fabric_channel *c, unsigned side,
                                            const struct fault_message *message, uint64_t now_ns)
{
    struct machine_message m = { .time_ns = now_ns,
                                 .from = c->ring[side].core,
                                 .to = c->ring[!side].core,
                                 .number = message->number,
                                 .any = message->any,
                                 .by_server = side == FAULT_SERVER };
    /* lines of the channel itself, and what is no part of the protocol, are no messages */
    if (!message->known || message->name[0] == '$' || message->line != 1)
        m.time_ns = 0;
    memcpy(m.name, message->name, sizeof(m.name));
    memcpy(m.channel, c->name, sizeof(m.channel));
    return m;
}

static void note_sent(struct fabric *f, const struct machine_message *message)
{
    if (message->time_ns != 0)
        f->last_sent[message->from] = *message;
}

static void note_shown(struct fabric *f, struct fabric_channel *c, unsigned side,
                       const struct machine_message *message, uint64_t now_ns)
{
    if (message->time_ns == 0)
        return;
    f->last_shown[message->to] = *message;
    f->last_shown[message->to].time_ns = now_ns;
    messages_shown(c, side, message->any, now_ns);
}

bool machine_last_message(const struct machine *machine, unsigned core, bool sent,
                          struct machine_message *message)
{
    const struct fabric *f = machine->fabric;
    *message = sent ? f->last_sent[core] : f->last_shown[core];
    return message->time_ns != 0;
}

/* ---- showing ---- */

/* The same line again in the next slot, with that slot's epoch. */
static void put_copies(struct machine *machine, const struct fabric_channel *c, unsigned side,
                       unsigned slot, const uint64_t *line, unsigned copies, uint64_t head)
{
    uint64_t word[FAULT_LINE_WORDS_MAX];
    memcpy(word, line, sizeof(word));
    for (unsigned i = 0; i < copies; i++) {
        if (++slot == c->ring[side].lines) {
            slot = 0;
            if (c->layout.commit == ABI_COMMIT_IN_LINE)
                word[c->layout.commit_offset / LINE_WORD_BYTES] ^= 1ull << c->layout.epoch_shift;
        }
        line_put(machine, c, side, slot, word, line_all_words(c), ++head);
        line_remember(c, side, slot, word);
    }
}

void fabric_show(struct machine *machine, size_t index, uint64_t now_ns)
{
    struct fabric *f = machine->fabric;
    assert(index < f->held_count && f->held[index].used);
    struct fabric_held held = f->held[index];
    struct fabric_channel *c = &f->channel[held.channel];
    if (!held.parted && fabric_is_parted(f, c->ring[0].core, c->ring[1].core)) {
        f->held[index].parted = true; /* what is in flight stays there */
        f->held[index].event = 0;
        return;
    }
    event_queue_cancel(&f->queue, held.event);
    f->held[index].used = false;
    line_put(machine, c, held.side, held.slot, held.word, held.words, held.head);
    line_remember(c, held.side, held.slot, held.word);
    note_shown(f, c, held.side, &held.message, now_ns);
    put_copies(machine, c, held.side, held.slot, held.word, held.copies, held.head);
    line_wake_reader(machine, c, held.side);
    one_more_visible(machine, held.channel, held.side, now_ns);
}

void fabric_show_all(struct machine *machine, bool only_parted, uint64_t now_ns)
{
    struct fabric *f = machine->fabric;
    for (size_t i = 0; i < f->held_count; i++)
        if (f->held[i].used && (f->held[i].parted || !only_parted))
            fabric_show(machine, i, now_ns);
}

static void one_more_visible(struct machine *machine, size_t channel, unsigned side,
                             uint64_t now_ns)
{
    struct fabric *f = machine->fabric;
    for (size_t i = 0; i < f->held_count; i++) {
        struct fabric_held *held = &f->held[i];
        if (held->used && held->later > 0 && held->channel == channel && held->side == side &&
            --held->later == 0)
            fabric_show(machine, i, now_ns);
    }
}

static bool waits_for_later(const struct fabric *f, size_t channel, unsigned side)
{
    for (size_t i = 0; i < f->held_count; i++) {
        const struct fabric_held *held = &f->held[i];
        if (held->used && held->later > 0 && held->channel == channel && held->side == side)
            return true;
    }
    return false;
}

/* What becomes of a line. */
struct fate {
    bool drop, hold;
    uint64_t delay_ns;
    uint32_t later;
    uint32_t first_words; /* of a torn line: visible at once */
    uint64_t tear_ns;
    unsigned copies; /* in the slots behind it */
    bool changed;
    uint64_t head; /* 0, or with it so many lines are committed */
    uint64_t word[FAULT_LINE_WORDS_MAX];
    struct machine_message message;
};

/* Keeps these words of the line back for so long, or until what `fate` names. */
static void hold(const struct spot *at, const struct fate *fate, uint32_t words, uint64_t delay_ns)
{
    struct fabric *f = at->machine->fabric;
    struct fabric_held *held = new_held(f);
    if (!held) {
        line_put(at->machine, at->c, at->side, at->slot, fate->word, words, fate->head);
        return; /* the host has no memory: the line is not late */
    }
    *held = (struct fabric_held){ .used = true,
                                  .channel = (uint32_t)at->channel,
                                  .side = at->side,
                                  .slot = at->slot,
                                  .words = words,
                                  .message = fate->message,
                                  .copies = fate->copies,
                                  .head = fate->head };
    memcpy(held->word, fate->word, sizeof(held->word));
    if (delay_ns > 0)
        held->event = event_queue_push(&f->queue, at->now_ns + delay_ns,
                                       (enum event_kind)FABRIC_SHOW, 0, (uint64_t)(held - f->held));
    else if (fate->later > 0)
        held->later = fate->later;
    else
        held->parted = true;
    if (held->event == 0 && held->later == 0 && !held->parted)
        fabric_show(at->machine, (size_t)(held - f->held), at->now_ns); /* the queue is full */
}

/* A line that is written anew takes the place of what is still on its way to the same slot. */
static void overtake(const struct spot *at)
{
    struct fabric *f = at->machine->fabric;
    for (size_t i = 0; i < f->held_count; i++) {
        struct fabric_held *held = &f->held[i];
        if (!held->used || held->channel != at->channel || held->side != at->side ||
            held->slot != at->slot)
            continue;
        event_queue_cancel(&f->queue, held->event);
        held->used = false;
    }
}

/* ---- deciding a line ---- */

static void apply_to_line(const struct spot *at, struct fault_fire *fire, struct fate *fate)
{
    const struct fabric_channel *c = at->c;
    const struct fault_action *action = &fire->action;
    switch (action->kind) {
    case FAULT_DROP:
        fate->drop = true;
        return;
    case FAULT_DELAY:
        fate->delay_ns += action->min_ns;
        return;
    case FAULT_REORDER:
        fate->later += action->count;
        return;
    case FAULT_DUPLICATE:
        fate->copies++;
        return;
    case FAULT_CORRUPT:
        fire->action.in_vain = "the line has no such word";
        for (unsigned w = 0; w < line_words(c); w++) {
            fate->word[w] ^= action->flip[w];
            if (action->flip[w] != 0)
                fire->action.in_vain = NULL;
        }
        fate->changed = true;
        return;
    case FAULT_TEAR:
        fate->first_words = action->words & line_all_words(c);
        fate->tear_ns += action->min_ns;
        return;
    case FAULT_STALE:
        if (c->ring[at->side].history && action->count <= FAULT_STALE_MAX) {
            memcpy(fate->word,
                   line_history(c, at->side, at->slot) +
                       (size_t)(action->count - 1) * line_words(c),
                   c->layout.line_bytes);
            fate->changed = true;
        }
        return;
    default:
        fabric_act(at->machine, fire, at->now_ns);
        return;
    }
}

/* The line was not to be seen as it stands in memory: makes of it what is to be seen. */
static void carry_out(const struct spot *at, const struct fate *fate, const uint64_t *old)
{
    struct machine *machine = at->machine;
    struct fabric_channel *c = at->c;
    const unsigned side = at->side, slot = at->slot;
    const uint32_t all = line_all_words(c);
    line_put(machine, c, side, slot, old, all & ~line_commit_word(c), 0);
    if (fate->drop)
        return;
    if (fate->tear_ns > 0 && !fate->hold && fate->later == 0) {
        if (fate->delay_ns > 0)
            hold(at, fate, fate->first_words, fate->delay_ns);
        else
            line_put(machine, c, side, slot, fate->word, fate->first_words, fate->head);
        hold(at, fate, all & ~fate->first_words, fate->delay_ns + fate->tear_ns);
    } else if (fate->hold || fate->delay_ns > 0 || fate->later > 0) {
        hold(at, fate, all, fate->delay_ns);
    } else {
        line_put(machine, c, side, slot, fate->word, all, fate->head);
        line_remember(c, side, slot, fate->word);
        note_shown(machine->fabric, c, side, &fate->message, at->now_ns);
        put_copies(machine, c, side, slot, fate->word, fate->copies, fate->head);
        one_more_visible(machine, at->channel, side, at->now_ns);
    }
}

static void tell_line(const struct spot *at, const struct fault_decision *decision,
                      const uint64_t *before, const struct fate *fate,
                      const struct fault_message *message)
{
    const struct fabric_channel *c = at->c;
    struct fault_injection injection = {
        .trigger = FAULT_ON_MESSAGE,
        .channel = c->name,
        .message = message,
        .from = c->ring[at->side].core,
        .to = c->ring[!at->side].core,
        .words = line_words(c),
        .before = before,
        .after = fate->word,
    };
    for (size_t i = 0; i < decision->count; i++)
        fabric_tell(at->machine, &injection, &decision->fire[i], at->now_ns);
}

/* The event of a run that lists its messages. */
static void tell_message(const struct spot *at, const struct machine_message *message)
{
    if (at->machine->config.messages && message->time_ns != 0)
        machine_tell(at->machine, MACHINE_EVENT_MESSAGE, message->from, at->now_ns,
                     "%.*s.%s #%" PRIu64 " to core %u, %s", (int)strcspn(at->c->name, ":"),
                     at->c->name, message->name, message->number, message->to, at->c->name);
}

/* Whether the line is seen at once and as it was written. */
static bool is_untouched(const struct fate *fate)
{
    return !fate->drop && !fate->hold && !fate->changed && fate->delay_ns == 0 &&
           fate->later == 0 && fate->tear_ns == 0 && fate->copies == 0;
}

/* What a line says of itself; epochs of slots are those of UMP where the head counts passes. */
static struct fault_line read_line(const struct fabric_channel *c, unsigned side, unsigned slot,
                                   const uint64_t *line, uint64_t head)
{
    const struct abi_line_layout *l = &c->layout;
    uint64_t epoch = line[l->commit_offset / LINE_WORD_BYTES] >> l->epoch_shift & 1;
    if (l->commit == ABI_COMMIT_HEAD)
        epoch = ((head - 1) / c->ring[side].lines + 1) & 1;
    return (struct fault_line){
        .slot = slot,
        .epoch = (unsigned)epoch,
        .type = (unsigned)(line[l->type_offset / LINE_WORD_BYTES] >> l->type_shift &
                           ((1ull << l->type_bits) - 1)),
        .word = line,
        .words = line_words(c),
    };
}

/* The word that says how much the writer of this line has read. */
static uint64_t ack_word(struct machine *machine, const struct fabric_channel *c, unsigned side,
                         const uint64_t *line)
{
    if (c->layout.commit == ABI_COMMIT_HEAD)
        return *line_control_word(machine, c, side, c->layout.tail_offset);
    return line[c->layout.commit_offset / LINE_WORD_BYTES];
}

/* Nothing becomes of the line, except that others may wait for it.  False: the store goes its way. */
static bool leave_untouched(const struct spot *at, const struct fate *fate, const uint64_t *line)
{
    struct fabric *f = at->machine->fabric;
    line_remember(at->c, at->side, at->slot, line);
    note_shown(f, at->c, at->side, &fate->message, at->now_ns);
    if (!waits_for_later(f, at->channel, at->side))
        return false;
    line_put(at->machine, at->c, at->side, at->slot, line, line_all_words(at->c), fate->head);
    one_more_visible(at->machine, at->channel, at->side, at->now_ns);
    return true;
}

/* `line` is being committed, with a head by that: decides.  False: nothing is to be changed, and
 * the store goes its way. */
static bool decide(const struct spot *at, const uint64_t *line, const uint64_t *old, uint64_t head)
{
    struct fabric *f = at->machine->fabric;
    struct fabric_channel *c = at->c;
    const struct fabric_ring *ring = &c->ring[at->side];
    const struct fault_line event = read_line(c, at->side, at->slot, line, head);
    const uint64_t ack = ack_word(at->machine, c, at->side, line);
    struct fault_message message;
    struct fault_decision decision;
    struct fate fate = { .head = head };
    memcpy(fate.word, line, c->layout.line_bytes);
    fault_on_line(f->faults, ring->count, &event, at->now_ns, &message, &decision);
    fate.message = known_message(c, at->side, &message, at->now_ns);
    note_sent(f, &fate.message);
    messages_line(at->machine, c, at->side, &message, &fate.message, ack, at->now_ns);
    tell_message(at, &fate.message);
    if (f->check)
        fabric_check_line(f, c, at->side, &event, &message, ack, decision.count > 0);
    overtake(at);
    for (size_t i = 0; i < decision.count; i++)
        apply_to_line(at, &decision.fire[i], &fate);
    fate.delay_ns +=
        fabric_latency(f, ring->core, c->ring[!at->side].core, c->layout.line_bytes, at->now_ns);
    fate.hold = !fate.drop && fabric_is_parted(f, c->ring[0].core, c->ring[1].core);
    if (decision.count > 0)
        tell_line(at, &decision, line, &fate, &message);
    if (is_untouched(&fate))
        return leave_untouched(at, &fate, line);
    carry_out(at, &fate, old);
    return true;
}

void fabric_carry(struct machine *machine, size_t channel, unsigned side, unsigned slot,
                  const uint64_t *line, uint64_t head, uint64_t now_ns)
{
    const struct spot at = spot_of(machine, channel, side, slot, now_ns);
    const struct fabric_channel *c = at.c;
    const bool by_head = c->layout.commit == ABI_COMMIT_HEAD;
    const uint64_t *shown =
        by_head ? line_control_word(machine, c, side, c->layout.commit_offset)
                : line_at(machine, c, side, slot) + c->layout.commit_offset / LINE_WORD_BYTES;
    const uint64_t before = *shown;
    uint64_t old[FAULT_LINE_WORDS_MAX];
    memcpy(old, line_at(machine, c, side, slot), c->layout.line_bytes);
    if (!decide(&at, line, old, head))
        line_put(machine, c, side, slot, line, line_all_words(c), head);
    if (*shown != before)
        line_wake_reader(machine, c, side);
}

/* ---- stores ---- */

static bool find_ring(struct fabric *f, uint64_t paddr, size_t *channel, unsigned *side)
{
    for (size_t n = 0; n < f->channel_count; n++) {
        size_t i = (f->last_hit + n) % f->channel_count;
        const struct fabric_channel *c = &f->channel[i];
        for (unsigned s = 0; c->used && s < 2; s++) {
            const struct fabric_ring *ring = &c->ring[s];
            if (ring->count && paddr >= ring->base &&
                paddr - ring->base < (uint64_t)(ring->lines + 1) * c->layout.line_bytes) {
                f->last_hit = *channel = i;
                *side = s;
                return true;
            }
        }
    }
    return false;
}

static uint64_t *old_of(const struct fabric_channel *c, unsigned side, unsigned slot)
{
    return c->ring[side].old + (size_t)slot * line_words(c);
}

/* The slot is about to change; what it holds may have to come back. */
static void open_slot(struct machine *machine, const struct fabric_channel *c, unsigned side,
                      unsigned slot)
{
    bool *open = &c->ring[side].open[slot];
    if (!*open)
        memcpy(old_of(c, side, slot), line_at(machine, c, side, slot), c->layout.line_bytes);
    *open = true;
}

/* The head is being stored, and counts lines that it did not count before.  True: it is done. */
static bool commit_up_to(struct machine *machine, size_t channel, unsigned side, uint64_t head,
                         uint64_t now_ns)
{
    const struct fabric_channel *c = &machine->fabric->channel[channel];
    struct fabric_ring *ring = &machine->fabric->channel[channel].ring[side];
    uint64_t line[FAULT_LINE_WORDS_MAX], shown = 0;
    bool done = false;
    if (head <= ring->head || head - ring->head > ring->lines) {
        ring->head = head > ring->head ? head : ring->head;
        return false; /* no part of the protocol */
    }
    while (ring->head < head) {
        const unsigned slot = (unsigned)(ring->head++ % ring->lines);
        open_slot(machine, c, side, slot);
        memcpy(line, line_at(machine, c, side, slot), c->layout.line_bytes);
        ring->open[slot] = false;
        const struct spot at = spot_of(machine, channel, side, slot, now_ns);
        if (decide(&at, line, old_of(c, side, slot), ring->head))
            done = true;
        else
            shown = ring->head;
    }
    if (done)
        line_put(machine, c, side, 0, line, 0, shown);
    return done;
}

static bool covers(unsigned offset, unsigned bytes, unsigned word)
{
    return offset + bytes > word && offset < word + LINE_WORD_BYTES;
}

/* A store to a line or the control line, whose words are then those of `line`. */
static bool take_store(struct machine *machine, size_t channel, unsigned side, unsigned slot,
                       const uint64_t *line, bool commits, uint64_t now_ns)
{
    const struct fabric_channel *c = &machine->fabric->channel[channel];
    const bool control = slot == c->ring[side].lines, by_head = c->layout.commit == ABI_COMMIT_HEAD;
    if (!control)
        open_slot(machine, c, side, slot);
    if (control != by_head || !commits)
        return false;
    if (by_head)
        return commit_up_to(machine, channel, side, line[c->layout.commit_offset / LINE_WORD_BYTES],
                            now_ns);
    c->ring[side].open[slot] = false;
    const struct spot at = spot_of(machine, channel, side, slot, now_ns);
    return decide(&at, line, old_of(c, side, slot), 0);
}

bool fabric_store(struct machine *machine, unsigned core, uint64_t paddr, const void *data,
                  unsigned bytes, uint64_t now_ns)
{
    struct fabric *f = machine->fabric;
    size_t channel;
    unsigned side;
    if (!f->faults || !find_ring(f, paddr, &channel, &side))
        return false;
    const struct fabric_channel *c = &f->channel[channel];
    const struct fabric_ring *ring = &c->ring[side];
    unsigned slot = (unsigned)((paddr - ring->base) / c->layout.line_bytes);
    unsigned offset = (unsigned)((paddr - ring->base) % c->layout.line_bytes);
    if (core != ring->core || offset + bytes > c->layout.line_bytes)
        return false; /* not this ring's writer: no message */
    uint64_t line[FAULT_LINE_WORDS_MAX];
    memcpy(line, line_at(machine, c, side, slot), c->layout.line_bytes);
    memcpy((uint8_t *)line + offset, data, bytes);
    bool commits = covers(offset, bytes, c->layout.commit_offset);
    bool done = take_store(machine, channel, side, slot, line, commits, now_ns);
    if (commits &&
        !f->see_all) /* else only when the faults have ended: a partition may still come */
        fabric_retire(f, &f->channel[channel], now_ns);
    return done;
}
