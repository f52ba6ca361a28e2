/* SPDX-License-Identifier: MIT
 *
 * The command line that repeats a run: the same on the console, in result files and on pages.
 */
#ifndef REPORT_AGAIN_H
#define REPORT_AGAIN_H

#include <stdio.h>

#include "report/result.h"
#include "scenario/scenario.h"

/* "vmm run FILE --engine E --seed N", values that were set, and other options that were given.
 * What a shell would take for more than text is in quotes; no newline. */
void again_write(FILE *out, const struct scenario *scenario, const struct run_result *result);

/* One word of a command line, in quotes if it needs them. */
void again_write_word(FILE *out, const char *word);

#endif
