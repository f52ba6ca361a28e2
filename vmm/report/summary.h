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
    const struct fault_log *faults;
    const uint64_t *core_lines; /* how many each core printed, also those that are not here */
    const struct run_result *result;
    bool colour, full;
    int verbosity;
};

/* fault_summary.c: what a failing run with faults came from and how to see it again, in at most
 * FAULT_SUMMARY_LINES lines. */
#define FAULT_SUMMARY_LINES 20
void fault_summary_print(const struct summary *summary, FILE *out);

void summary_print(const struct summary *summary, FILE *out);

#endif
