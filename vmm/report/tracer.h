/* SPDX-License-Identifier: MIT
 *
 * A run as a trace for viewers: a track for each core, one below it for each domain, messages as
 * slices joined by arrows, everything else as instants (docs/tracing.md).
 *
 * Called from the machine's sink, one call at a time.  `out` is a writer's stream (writer.h), so
 * nothing here waits for a disk.
 */
#ifndef REPORT_TRACER_H
#define REPORT_TRACER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "machine/machine.h"

enum tracer_format { TRACER_TEXT, TRACER_CHROME, TRACER_PERFETTO };

/* By the end of its name: .json, .pftrace, .perfetto-trace; anything else is text, which is no
 * matter of a tracer. */
enum tracer_format tracer_format_of(const char *path);

struct tracer;

/* After `limit` bytes what comes is counted, and left out; 0: REPORT_TRACE_LIMIT.  NULL: no
 * memory. */
struct tracer *tracer_create(FILE *out, enum tracer_format format, unsigned core_count,
                             uint64_t limit);
void tracer_destroy(struct tracer *tracer);

void tracer_console(struct tracer *tracer, const struct machine_console_line *line);

/* `who`: the dispatcher that the record names, "-" if none; `text`: the record in words. */
void tracer_record(struct tracer *tracer, unsigned core, uint64_t time_ns,
                   const struct abi_trace_record *record, const char *who, const char *text);
void tracer_event(struct tracer *tracer, unsigned core, uint64_t time_ns, const char *text);
void tracer_fault(struct tracer *tracer, const struct fault_injection *injection, const char *rule);
void tracer_message(struct tracer *tracer, enum machine_message_step step,
                    const struct machine_message *message);

/* Ends the trace; `run` is what result files say of the run (files.h), or NULL. */
void tracer_end(struct tracer *tracer, const json_t *run);

#endif
