/* SPDX-License-Identifier: MIT
 *
 * The words of lines in watched rings, for what decides about lines (lines.c).  A line is named by
 * its channel, the side that writes it and its slot; sets of words have a bit for each.
 */
#ifndef VMM_MACHINE_LINE_WORDS_H
#define VMM_MACHINE_LINE_WORDS_H

#include "machine/fabric.h"

#define LINE_WORD_BYTES 8

/* The line as its reader sees it; slot = lines of the ring: the control line. */
uint64_t *line_at(struct machine *machine, const struct fabric_channel *c, unsigned side,
                  unsigned slot);

/* The word at this offset in the control line. */
uint64_t *line_control_word(struct machine *machine, const struct fabric_channel *c, unsigned side,
                            unsigned offset);

/* How many words a line has, and the set of them. */
unsigned line_words(const struct fabric_channel *c);
uint32_t line_all_words(const struct fabric_channel *c);

/* The set with the commit word; with a head it is none of the line's. */
uint32_t line_commit_word(const struct fabric_channel *c);

/* Stores the words of the set, and what commits them last: payload must be there when it is seen.
 * head: the lines that are committed then; 0: no more than before. */
void line_put(struct machine *machine, const struct fabric_channel *c, unsigned side, unsigned slot,
              const uint64_t *word, uint32_t set, uint64_t head);

/* The sender looked at the wake word when it wrote the line; now that it is visible, we must. */
void line_wake_reader(struct machine *machine, const struct fabric_channel *c, unsigned side);

/* FAULT_STALE_MAX contents of the slot, latest first; only if the ring has a history. */
uint64_t *line_history(const struct fabric_channel *c, unsigned side, unsigned slot);

/* This is what the slot holds from now on. */
void line_remember(const struct fabric_channel *c, unsigned side, unsigned slot,
                   const uint64_t *word);

#endif
