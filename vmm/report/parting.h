/* SPDX-License-Identifier: MIT
 *
 * Where two runs part: the first message, console line, fault or event that is not the same in
 * both, and the first system call.
 *
 * Times may differ, and so may the order of what happens in different places.  Each place is
 * compared with itself: what one domain on one core sent, what it read, what it said, and so on.
 * Of all places where the runs differ, the earliest counts.
 */
#ifndef REPORT_PARTING_H
#define REPORT_PARTING_H

#include <stdint.h>
#include <stdio.h>

#include "report/trace_read.h"

/* Writes it in words.  *part_ns: when they part; UINT64_MAX: they do not.  0 or -ENOMEM. */
int parting_write(const struct trace_file *a, const struct trace_file *b, FILE *out,
                  uint64_t *part_ns);

#endif
