/* SPDX-License-Identifier: MIT
 *
 * What a trace file is made of, whatever its format: tracks, and marks on them.  A format is a
 * table of functions that turn one mark into bytes; which marks there are is decided in tracer.c.
 */
#ifndef REPORT_TRACE_FORMAT_H
#define REPORT_TRACE_FORMAT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define TRACE_ARGS_MAX 16

/* A core, or (with a core as `parent`) what runs on it. */
struct trace_track {
    uint32_t id;     /* from 1 */
    uint32_t parent; /* its core's track; 0: it is a core */
    unsigned core;
    const char *name;
};

struct trace_arg {
    const char *name;
    const char *text; /* NULL: a number */
    uint64_t number;
};

enum trace_mark_kind { TRACE_BEGIN, TRACE_END, TRACE_INSTANT, TRACE_SLICE };

/* Texts are clean (text.h) and need not outlive the call. */
struct trace_mark {
    enum trace_mark_kind kind;
    const struct trace_track *track;
    uint64_t time_ns, duration_ns; /* the latter of a SLICE */
    const char *name, *category;   /* END needs none */
    uint64_t flow;                 /* joins two slices; 0: none */
    bool flow_ends;                /* this is the second of them */
    struct trace_arg arg[TRACE_ARGS_MAX];
    size_t arg_count;
};

/* Each returns how many bytes it has written. */
struct trace_format {
    size_t (*begin)(FILE *out);
    size_t (*track)(FILE *out, const struct trace_track *track);
    size_t (*mark)(FILE *out, const struct trace_mark *mark);
    /* `run` is what result files say of the run, or NULL. */
    size_t (*end)(FILE *out, const json_t *run);
};

extern const struct trace_format trace_chrome;   /* JSON, as chrome://tracing reads it */
extern const struct trace_format trace_perfetto; /* protobuf, as ui.perfetto.dev reads it */

#endif
