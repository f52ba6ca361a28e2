/* SPDX-License-Identifier: MIT
 *
 * What a run said, as far as it must be the same wherever the machine runs: each program's lines on
 * each core, in their order.  Between programs and cores any order will do; times are left out, as
 * a number with a unit of time behind it.
 */
#ifndef VMM_REPORT_TRANSCRIPT_H
#define VMM_REPORT_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct transcript;

/* What of a line must be the same: `*counts` is a malloc'ed text that stands for it, or NULL if the
 * line is left out.  False: no memory. */
typedef bool transcript_take(const void *context, const char *speaker, const char *text,
                             char **counts);

/* From lines as vmm run shows them ("[    0.541943 0] myapp: server ready"); others are left out.
 * NULL: no memory. */
struct transcript *transcript_read(FILE *shown, transcript_take *take, const void *context);

void transcript_free(struct transcript *transcript);

size_t transcript_lines(const struct transcript *transcript);

/* Do both say the same?  `whole`: both ran to the end of the guest, so neither may have more lines;
 * else each program's lines count as far as both have them.  Writes the first difference as one
 * line, and how many lines were compared. */
bool transcript_same(const struct transcript *a, const struct transcript *b, bool whole,
                     char *difference, size_t bytes, size_t *compared);

#endif
