/* SPDX-License-Identifier: MIT
 *
 * The trace of a run on its way to a file: through a writer, since a full pipe or a slow disk must
 * not hold up the machine.
 */
#ifndef VMM_CLI_TRACE_OUT_H
#define VMM_CLI_TRACE_OUT_H

#include "report/writer.h"
#include "run/run.h"

/* Lets the run write its trace to `file`, in the format that `path` ends with; NULL: there is none.
 * False after a line on stderr. */
bool trace_out_begin(struct run_settings *settings, FILE *file, const char *path,
                     struct writer **writer);

/* Returns 0 or a negative errno: what could not be written. */
int trace_out_end(struct run_settings *settings, struct writer *writer);

#endif
