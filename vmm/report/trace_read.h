/* SPDX-License-Identifier: MIT
 *
 * Reading a trace of ours back: the JSON that tracer.h writes (trace_chrome.c).  Files of others
 * are refused, or read as far as they make sense.
 */
#ifndef REPORT_TRACE_READ_H
#define REPORT_TRACE_READ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trace_file {
    json_t *root;
    const json_t *events; /* array */
    const json_t *run;    /* as --json has it; an object, maybe empty */
    json_t *names;        /* of tracks: "PID/TID" to a string */
    unsigned cores;
};

/* False, with one line in problem[]: it cannot be read, or is no trace. */
bool trace_file_read(struct trace_file *file, const char *path, char *problem, size_t bytes);
void trace_file_free(struct trace_file *file);

/* Parts of an event; "" and 0 if they are not there. */
const char *trace_event_text(const json_t *event, const char *key);
uint64_t trace_event_ns(const json_t *event);
unsigned trace_event_core(const json_t *event);
const char *trace_arg_text(const json_t *event, const char *key);
uint64_t trace_arg(const json_t *event, const char *key);

/* "myapp", or "CPU driver". */
const char *trace_event_track(const struct trace_file *file, const json_t *event);

#endif
