/* SPDX-License-Identifier: MIT
 *
 * The end of a run as text: "PASS two-core-idc  1.84 s  kvm  2 cores", and what a reader needs when
 * it does not say PASS.
 */
#ifndef REPORT_SUMMARY_H
#define REPORT_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "report/report.h"

struct summary {
    const struct scenario *scenario;
    const struct matcher *matcher;
    const struct report_line *lines;
    size_t line_count;
    const uint64_t *core_lines; /* how many each core printed, also those that are not here */
    const struct run_result *result;
    bool colour, full;
    int verbosity;
};

void summary_print(const struct summary *summary, FILE *out);

#endif
