/* SPDX-License-Identifier: MIT
 *
 * A run as one page for a browser, which needs no network (docs/tracing.md).
 */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include <stdio.h>

#include "report/trace_read.h"

/* Returns 0, -ENOMEM, or what the stream says. */
int page_write(const struct trace_file *file, FILE *out);

#endif
