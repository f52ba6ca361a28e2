/* SPDX-License-Identifier: MIT
 *
 * What a run shows: the console of all cores in one stream, events, progress, the summary.
 *
 * One struct report for each run.  Everything that comes from the machine goes through
 * report_console / report_event / report_trace, which may be called from any thread, one at a time
 * or at once.  Whether expectations are met is decided here too (report_console returns it), since
 * it depends on nothing but the lines.
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "machine/machine.h"
#include "report/faults.h"
#include "report/result.h"
#include "scenario/matcher.h"
#include "scenario/scenario.h"

#define REPORT_LINES_MAX 200000           /* kept for JSON, with this many bytes of text; */
#define REPORT_KEEP_LIMIT (64ull << 20)   /* further ones are shown and counted */
#define REPORT_OUTPUT_LIMIT (64ull << 20) /* bytes of lines shown; further ones are counted */
#define REPORT_TRACE_LIMIT (1ull << 30)   /* the same for the trace file */
#define REPORT_LAST_LINES 8               /* shown of each core when a run fails */

struct report_options {
    int verbosity; /* -1 quiet, 0, 1 = -v, 2 = -vv */
    bool colour;   /* escape sequences allowed on `out` */
    bool full;     /* a failure with all that is known, not what fits a screen */
    bool progress; /* a status line on `out` while the run lasts; needs a terminal */
    FILE *out;     /* console lines and summary */
    FILE *trace;   /* NULL, or every event and trace record as one line */
    /* In bytes, 0: the usual ones. */
    uint64_t keep_limit;   /* of lines kept, instead of REPORT_KEEP_LIMIT */
    uint64_t output_limit; /* of lines on `out` and in `trace`, instead of REPORT_OUTPUT_LIMIT and
                            * REPORT_TRACE_LIMIT */
};

struct report;

/* A console line as kept. */
struct report_line {
    uint64_t time_ns;
    unsigned core;
    uint32_t kind;       /* ABI_CONSOLE_* */
    const char *speaker; /* "" for the CPU driver */
    const char *text;    /* clean */
};

/* `scenario` must outlive the report.  NULL when out of memory. */
struct report *report_create(const struct scenario *scenario, const struct report_options *options);
void report_destroy(struct report *report);

struct matcher *report_matcher(struct report *report);

/* Starts and ends the status line (if options.progress).  `engine` is static text. */
void report_begin(struct report *report, const char *engine);
void report_end(struct report *report);

/* Shows and keeps a line, and says what it means for the expectations. */
enum matcher_state report_console(struct report *report, const struct machine_console_line *line);

/* A rule of the scenario's faults has fired: shown, kept, and counted for the expectations. */
enum matcher_state report_fault(struct report *report, const struct fault_injection *injection);
const struct fault_log *report_faults(const struct report *report);

/* The databases of capabilities do not agree, in the middle of the run. */
enum matcher_state report_breach(struct report *report, uint64_t time_ns, const char *problem);

/* What programs report under a name has changed; `domain` is whose part of it. */
enum matcher_state report_value(struct report *report, unsigned core, const char *domain,
                                uint64_t time_ns, const struct machine_value *value);

/* A message that was asked for (--messages): shown in any case. */
void report_message(struct report *report, unsigned core, uint64_t time_ns, const char *text);

/* Something happened to the machine: shown with -v. */
void report_event(struct report *report, unsigned core, uint64_t time_ns, const char *text);

/* A trace record in words: shown with -vv. */
void report_trace(struct report *report, unsigned core, uint64_t time_ns, const char *text);

/* What the machine says about its threads, at the wish of the user. */
void report_explanation(struct report *report, const char *text);

/* A remark of the program itself ("engine kvm: ..."): shown with -v. */
void report_note(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Summary line, and unless it is PASS, what did not hold, the last lines of each core, the
 * post-mortem; with -v the numbers. */
void report_summary(struct report *report, const struct run_result *result);

/* Lines kept, the first in order of arrival, and how many there were in all. */
const struct report_line *report_lines(const struct report *report, size_t *count, uint64_t *all);

#endif
