/* SPDX-License-Identifier: MIT
 *
 * A run as one page for a browser, which needs no network (docs/tracing.md).
 */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include <stdio.h>

#include "report/trace_read.h"

/* A run that is shown beside the first. */
struct page_other {
    const struct trace_file *file;
    const char *parting; /* where they part, in words */
    uint64_t part_ns;    /* UINT64_MAX: they do not */
};

/* `other` may be NULL.  Returns 0, -ENOMEM, or what the stream says. */
int page_write(const struct trace_file *file, const struct page_other *other, FILE *out);

#endif
