/* SPDX-License-Identifier: MIT
 *
 * The form of a recorded run, shared by those who write it (record.c) and read it (comparer.c).
 */
#ifndef VMM_RECORD_PRIVATE_H
#define VMM_RECORD_PRIVATE_H

#include <assert.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/engine.h"
#include "machine/machine.h"

#define RECORD_VERSION 4
#define RECORD_SCENARIO "scenario.yaml"
#define RECORD_IMAGES "guest"
#define RECORD_SLICES "slices.bin"
#define RECORD_INDEX "record.json" /* a folder without it is no record */

#define RECORD_INPUT "input.bin"

/* In input.bin: that many bytes follow, taken at that turn. */
struct input_entry {
    uint64_t turn;
    uint32_t bytes, end;
};

#define SLICES_MAGIC 0x534c5331 /* "1SLS" */

/* At the beginning of slices.bin; the entries follow. */
struct slices_header {
    uint32_t magic, entry_bytes;
};

static_assert(sizeof(struct engine_slice) == 32, "entries have no padding");

#define HASH_TEXT_BYTES 17

/* input.c: the source of a run that repeats a recorded one, from its input.bin; freed with
 * input_replay_free().  NULL: no memory. */
struct input_replay;
struct input_replay *input_replay_new(FILE *entries);
const struct machine_input_source *input_replay_source(struct input_replay *replay);
void input_replay_free(struct input_replay *replay);

/* "DIR/NAME", opened as by fopen(); for reading, only a regular file, so that nothing can hold us
 * up. NULL with errno set. */
FILE *record_open(const char *dir, const char *name, const char *mode);

/* Reads the file at `from`, and writes it to `to` if that is not NULL.  Its hash goes to `hash`, as
 * text, its size to *bytes unless NULL.  0 or a negative errno. */
int record_hash(const char *from, const char *to, char hash[HASH_TEXT_BYTES], uint64_t *bytes);

/* Hashes of the two files that a repetition needs to be the same beside what the record holds: this
 * program, and the library of the engine ("" for what cannot be read). */
void record_hash_build(const struct engine_ops *ops, char program[HASH_TEXT_BYTES],
                       char library[HASH_TEXT_BYTES]);

#endif
