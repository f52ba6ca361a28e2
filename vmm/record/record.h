/* SPDX-License-Identifier: MIT
 *
 * Recorded runs: a folder with everything a run depended on and what it did, slice by slice, so
 * that `vmm replay` can run it again and name the first difference.
 *
 *   scenario.yaml   the scenario, self-contained
 *   guest/          the images it booted
 *   slices.bin      what each slice of each core did (struct engine_slice behind a header); of a
 *                   long run the first ones, with a limit
 *   input.bin       of an interactive run: what was typed, by turns of the engine
 *   record.json     seed; hashes of scenario, images, program and library.  When the run has ended:
 *                   how, and the hash of the final state
 *
 * Only for engines in virtual time.  Format and promise: docs/determinism.md.
 */
#ifndef VMM_RECORD_H
#define VMM_RECORD_H

#include <stdbool.h>

#include "run/run.h"

struct recorder;

/* What a recording has to know of the run to come. */
struct recorder_run {
    const struct engine_ops *ops; /* with observe */
    const struct engine_capability *capability;
    const char *images;
    uint64_t seed;
    bool trap_window;
    const struct machine_input_source *input; /* of the run; NULL: none */
    uint64_t slices_limit;                    /* most bytes of slices.bin, 0: RECORD_SLICES_LIMIT */
};

#define RECORD_SLICES_LIMIT (1ull << 30)

/* Makes the folder (which may exist if it is empty, or holds a recording that never began), copies
 * the images and writes down the seed.  Returns NULL after one line on stderr; *status is then the
 * exit status. */
struct recorder *recorder_create(const char *dir, const struct scenario *scenario,
                                 const struct recorder_run *run, int *status);

/* Hooks for struct run_settings, with the recorder as context. */
void recorder_before_run(void *context, struct machine *machine, struct engine *engine);
void recorder_after_run(void *context, struct machine *machine, struct engine *engine,
                        struct run_result *result);

/* What the run is to take its input from: that of recorder_run, written down as it is taken; NULL
 * where there is none. */
const struct machine_input_source *recorder_source(struct recorder *recorder);

/* Closes all; says on stderr what went wrong while recording.  Returns false if something did. */
bool recorder_close(struct recorder *recorder);

/* What a recorded run says about itself. */
struct recorded {
    uint64_t seed;
    char engine[32], engine_version[64];
    char verdict[16], reason[24];
    char state_hash[40];
    uint64_t slices, machine_ns;
    uint64_t slices_left_out; /* that happened after the last one written */
    bool trap_window;
    bool finished; /* else the recording broke off: `slices` is what there is, the rest is empty */
    bool complete; /* ended by itself, not by Ctrl-C or a limit of real time */
};

struct comparer;

/* Opens a recorded run and checks its scenario and images against their hashes; says on stderr if
 * program or library are others than recorded.  As recorder_create(). */
struct comparer *comparer_create(const char *dir, struct recorded *recorded, int *status);

/* The input that was recorded, to be taken from; NULL: nobody typed. */
const struct machine_input_source *comparer_source(struct comparer *comparer);
void comparer_before_run(void *context, struct machine *machine, struct engine *engine);

/* Turns the result into "is it the same run?": PASS or FAIL with the first difference. */
void comparer_after_run(void *context, struct machine *machine, struct engine *engine,
                        struct run_result *result);
void comparer_close(struct comparer *comparer);

#endif
