/* SPDX-License-Identifier: MIT
 *
 * A run that a command looks at: a trace that vmm run --trace FILE.json wrote, the folder of a
 * recorded run, or a scenario.  The latter two are run first, by the program itself.
 */
#ifndef VMM_CLI_RUN_SOURCE_H
#define VMM_CLI_RUN_SOURCE_H

#include "report/trace_read.h"

/* Reads the run named `what`; `seed` (NULL: its own) is for scenarios.  Returns 0, or an exit
 * status after a line on stderr. */
int run_source_read(struct trace_file *file, const char *what, const char *seed);

#endif
