/* SPDX-License-Identifier: MIT
 *
 * What report.c counts, and how it is written.
 */
#ifndef TOOLS_NESTED_RESULTS_H
#define TOOLS_NESTED_RESULTS_H

#include <stdbool.h>
#include <stdint.h>

enum verdict { PASSED, FAILED, SKIPPED };

/* Adds one result; name and detail are copied.  A failure is printed. */
__attribute__((format(printf, 5, 6))) void add_result(enum verdict verdict, const char *name,
                                                      const char *place, uint64_t ms,
                                                      const char *format, ...);

/* Numbers so far. */
unsigned results_count(enum verdict verdict);

/* Writes all results as JUnit XML.  0, or -1 with errno set. */
int results_write_junit(const char *path);

#endif
