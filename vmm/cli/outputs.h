/* SPDX-License-Identifier: MIT
 *
 * The result files of vmm run: opened before anything runs, so that a typo costs no run, and
 * written so that a run that is killed leaves what is known of it.
 */
#ifndef VMM_CLI_OUTPUTS_H
#define VMM_CLI_OUTPUTS_H

#include "cli/options.h"
#include "report/files.h"
#include "report/out_file.h"
#include "scenario/scenario.h"

struct output {
    const char *option, *path; /* "--json" and what was given for it, or NULL */
    struct out_file file;
};

struct outputs {
    struct output json, junit, markdown, trace, faults;
    struct report_files files;
    int trace_error; /* what could not be written of the trace, 0 or a negative errno */
};

/* What a run reads, and so must not be written. */
struct inputs {
    char *const *paths;                /* as they were given */
    struct scenario *const *scenarios; /* NULL: that path is no scenario */
    int count;
    const char *images;
};

/* Do both names lead to one file that is there?  Then writing to the one destroys the other. */
bool outputs_same_file(const char *one, const char *other);

/* Would writing there destroy something that is read? */
bool outputs_is_input(const char *path, const struct inputs *inputs);

/* Opens what was asked for.  Returns false after one line on stderr, with nothing left open: a file
 * that cannot be written, one name for two results, or a name that is an input of the run. */
bool outputs_open(struct outputs *outputs, const struct options *options,
                  const struct inputs *inputs);

/* A run begins: JSON and JUnit say so, with engine and seed, before the first instruction. */
void outputs_begin(struct outputs *outputs, const struct scenario *scenario, const char *engine,
                   uint64_t seed);

/* Writes all results and closes.  Returns false after a line on stderr if something was not
 * written. */
bool outputs_close(struct outputs *outputs);

#endif
