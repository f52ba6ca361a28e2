/* SPDX-License-Identifier: MIT
 *
 * What of a program's line must be the same on all engines: the text that stands for it where lines
 * of two runs are compared (report/transcript.h).
 */
#ifndef VMM_REPORT_COMPARABLE_H
#define VMM_REPORT_COMPARABLE_H

#include <stdbool.h>

/* `context` is the struct scenario.  A transcript_take. */
bool comparable_text(const void *context, const char *speaker, const char *text, char **counts);

#endif
