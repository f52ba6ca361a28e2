/* SPDX-License-Identifier: MIT
 *
 * Results for programs: one JSON file and one JUnit XML file for all runs of a command.
 * The JSON format is described in docs/scenarios.md.
 */
#ifndef REPORT_FILES_H
#define REPORT_FILES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "report/report.h"
#include "scenario/diag.h"

#define REPORT_JSON_VERSION 1

/* Collects runs.  Zero-initialise. */
struct report_files {
    json_t *results; /* array, one object for each run */
    bool unfinished; /* the last one has only begun */
};

/* A run begins.  What is written from now on has it as unfinished, with engine and seed, until its
 * result is added.  Returns 0 or -ENOMEM. */
int report_files_begin(struct report_files *files, const struct scenario *scenario,
                       const char *engine, uint64_t seed);

/* Adds a run.  Returns 0 or -ENOMEM. */
int report_files_add(struct report_files *files, const struct scenario *scenario,
                     const struct report *report, const struct matcher *matcher,
                     const struct run_result *result);

/* Adds a scenario that could not be run: `message` says why. */
int report_files_add_error(struct report_files *files, const char *file, const char *name,
                           const char *message);

/* Adds a file that is no scenario; `diags` say what is wrong with it, one error at least. */
int report_files_add_invalid(struct report_files *files, const char *file,
                             const struct diags *diags);

/* Writes what was collected.  Return 0 or a negative errno. */
int report_files_write_json(const struct report_files *files, FILE *out);
int report_files_write_junit(const struct report_files *files, FILE *out);
int report_files_write_markdown(const struct report_files *files, FILE *out);

/* Each expectation that does not hold, and each mistake in a file, as a workflow command of GitHub
 * at its line. */
void report_files_annotate(const struct report_files *files, FILE *out);

void report_files_free(struct report_files *files);

#endif
