/* SPDX-License-Identifier: MIT
 *
 * The lines of watched rings where they lie in memory: their words, and who reads them.
 */
#include "machine/line_words.h"

#include <assert.h>
#include <string.h>

#include "machine/machine_private.h"
#include "machine/pump.h"

uint64_t *fabric_line(const struct machine *machine, const struct fabric_channel *c, unsigned side,
                      unsigned slot, bool writer)
{
    const uint64_t paddr = c->ring[side].base + (uint64_t)slot * c->layout.line_bytes;
    const unsigned bytes = c->layout.line_bytes;
    uint64_t *line = machine->pump ? pump_memory(machine, paddr, bytes,
                                                 c->split && (side == c->second) == writer)
                                   : machine_memory(machine, paddr, bytes);
    assert(line); /* the device has checked it */
    return line;
}

uint64_t *line_at(struct machine *machine, const struct fabric_channel *c, unsigned side,
                  unsigned slot)
{
    return fabric_line(machine, c, side, slot, false);
}

unsigned line_words(const struct fabric_channel *c)
{
    return c->layout.line_bytes / LINE_WORD_BYTES;
}

uint32_t line_commit_word(const struct fabric_channel *c)
{
    return c->layout.commit == ABI_COMMIT_IN_LINE ? 1u << c->layout.commit_offset / LINE_WORD_BYTES
                                                  : 0;
}

uint64_t *line_control_word(struct machine *machine, const struct fabric_channel *c, unsigned side,
                            unsigned offset)
{
    return line_at(machine, c, side, c->ring[side].lines) + offset / LINE_WORD_BYTES;
}

static void put_set(uint64_t *line, const uint64_t *word, uint32_t set)
{
    for (; set != 0; set &= set - 1) {
        const unsigned w = (unsigned)__builtin_ctz(set);
        __atomic_store_n(&line[w], word[w], __ATOMIC_RELEASE);
    }
}

void line_put(struct machine *machine, const struct fabric_channel *c, unsigned side, unsigned slot,
              const uint64_t *word, uint32_t set, uint64_t head)
{
    uint64_t *line = line_at(machine, c, side, slot);
    put_set(line, word, set & ~line_commit_word(c));
    put_set(line, word, set & line_commit_word(c));
    if (c->layout.commit != ABI_COMMIT_HEAD)
        return;
    uint64_t *shown = line_control_word(machine, c, side, c->layout.commit_offset);
    if (head > __atomic_load_n(shown, __ATOMIC_RELAXED))
        __atomic_store_n(shown, head, __ATOMIC_RELEASE);
}

uint32_t line_all_words(const struct fabric_channel *c)
{
    return (uint32_t)((1ull << line_words(c)) - 1);
}

/* Signals as core `from` would: its own way begins there, and the cores on it pass it on. */
static void notify_for(struct machine *machine, unsigned from, unsigned to, uint32_t id)
{
    const struct interconnect *net = machine->fabric->net;
    const unsigned next = net ? net->signal_next[from][to] : to;
    if (next == INTERCONNECT_UNREACHED)
        return;
    machine_notify(machine, next, ABI_CAUSE_NOTIFY, next == to ? id : abi_notify_pass(to, id));
}

void line_wake_reader(struct machine *machine, const struct fabric_channel *c, unsigned side)
{
    const struct fabric_ring *reader = &c->ring[!side];
    const uint64_t *word = fabric_line(machine, c, !side, reader->lines, true) +
                           c->layout.wake_offset / LINE_WORD_BYTES;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint64_t wake = __atomic_load_n(word, __ATOMIC_RELAXED);
    if ((wake & 1) && reader->notify_id != ABI_NOTIFY_UNKNOWN)
        notify_for(machine, c->ring[side].core, reader->core, reader->notify_id);
}

uint64_t *line_history(const struct fabric_channel *c, unsigned side, unsigned slot)
{
    return c->ring[side].history + (size_t)slot * FAULT_STALE_MAX * line_words(c);
}

const uint64_t *fabric_last_written(const struct fabric_channel *c, unsigned side, unsigned slot)
{
    return line_history(c, side, slot);
}

void line_remember(const struct fabric_channel *c, unsigned side, unsigned slot,
                   const uint64_t *word)
{
    if (!c->ring[side].history)
        return;
    uint64_t *past = line_history(c, side, slot);
    size_t words = line_words(c);
    memmove(past + words, past, (FAULT_STALE_MAX - 1) * words * LINE_WORD_BYTES);
    memcpy(past, word, words * LINE_WORD_BYTES);
}
