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

/* From lines as vmm run shows them ("[    0.541943 0] myapp: server ready"); others are left out.
 * `counts` (NULL: all do) says whose lines are taken.  `means` (NULL: no line does) gives what
 * stands for a line that need not be the same, or NULL.  NULL: no memory. */
typedef bool transcript_counts(const void *context, const char *speaker);
typedef const char *transcript_means(const void *context, const char *text);
struct transcript *transcript_read(FILE *shown, transcript_counts *counts, transcript_means *means,
                                   const void *context);

void transcript_free(struct transcript *transcript);

size_t transcript_lines(const struct transcript *transcript);

/* Do both say the same?  `whole`: both ran to the end of the guest, so neither may have more lines;
 * else each program's lines count as far as both have them.  Writes the first difference as one
 * line, and how many lines were compared. */
bool transcript_same(const struct transcript *a, const struct transcript *b, bool whole,
                     char *difference, size_t bytes, size_t *compared);

#endif
