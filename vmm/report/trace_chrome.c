/* SPDX-License-Identifier: MIT
 *
 * Chrome's trace format: JSON, an object for each event, a core as a process, its domains as
 * threads.  Times are in microseconds, with three digits behind the point.
 *
 * `otherData` holds the run as --json has it, so that the file says all of a run that vmm report
 * and vmm diff need.
 */
#include "report/trace_format.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static size_t begin(FILE *out)
{
    return (size_t)fprintf(out, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n{\"ph\":\"M\","
                                "\"name\":\"vmm\",\"pid\":0,\"tid\":0,\"args\":{}}");
}

static size_t put_text(FILE *out, const char *text)
{
    json_t *string = json_string(text);
    char *written = string ? json_dumps(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
    size_t bytes = (size_t)fprintf(out, "%s", written ? written : "\"?\"");
    free(written);
    json_decref(string);
    return bytes;
}

static size_t put_head(FILE *out, const char *phase, const struct trace_track *track)
{
    return (size_t)fprintf(out, ",\n{\"ph\":\"%s\",\"pid\":%u,\"tid\":%u", phase, track->core,
                           track->parent ? track->id : 0);
}

static size_t put_meta(FILE *out, const struct trace_track *track, const char *what)
{
    size_t bytes = put_head(out, "M", track);
    bytes += (size_t)fprintf(out, ",\"name\":\"%s\",\"args\":{\"name\":", what);
    bytes += put_text(out, track->name);
    return bytes + (size_t)fprintf(out, "}}");
}

static size_t put_track(FILE *out, const struct trace_track *track)
{
    if (track->parent)
        return put_meta(out, track, "thread_name");
    size_t bytes = put_meta(out, track, "process_name");
    bytes += put_head(out, "M", track);
    bytes += (size_t)fprintf(out, ",\"name\":\"process_sort_index\",\"args\":{\"sort_index\":%u}}",
                             track->core);
    bytes += put_head(out, "M", track);
    return bytes +
           (size_t)fprintf(out, ",\"name\":\"thread_name\",\"args\":{\"name\":\"CPU driver\"}}");
}

static size_t put_time(FILE *out, const char *key, uint64_t ns)
{
    return (size_t)fprintf(out, ",\"%s\":%" PRIu64 ".%03u", key, ns / 1000, (unsigned)(ns % 1000));
}

static size_t put_args(FILE *out, const struct trace_mark *mark)
{
    size_t bytes = (size_t)fprintf(out, ",\"args\":{");
    for (size_t i = 0; i < mark->arg_count; i++) {
        const struct trace_arg *arg = &mark->arg[i];
        bytes += (size_t)fprintf(out, "%s\"%s\":", i ? "," : "", arg->name);
        bytes +=
            arg->text ? put_text(out, arg->text) : (size_t)fprintf(out, "%" PRIu64, arg->number);
    }
    return bytes + (size_t)fprintf(out, "}");
}

static size_t put_flow(FILE *out, const struct trace_mark *mark)
{
    size_t bytes = put_head(out, mark->flow_ends ? "f" : "s", mark->track);
    bytes += put_time(out, "ts", mark->time_ns);
    return bytes +
           (size_t)fprintf(out, ",\"name\":\"message\",\"cat\":\"message\",\"id\":%" PRIu64 "%s}",
                           mark->flow, mark->flow_ends ? ",\"bp\":\"e\"" : "");
}

static size_t put_mark(FILE *out, const struct trace_mark *mark)
{
    static const char *const phase[] = {
        [TRACE_BEGIN] = "B", [TRACE_END] = "E", [TRACE_INSTANT] = "i", [TRACE_SLICE] = "X"
    };
    size_t bytes = put_head(out, phase[mark->kind], mark->track);
    bytes += put_time(out, "ts", mark->time_ns);
    if (mark->kind == TRACE_SLICE)
        bytes += put_time(out, "dur", mark->duration_ns);
    if (mark->kind == TRACE_INSTANT)
        bytes += (size_t)fprintf(out, ",\"s\":\"t\"");
    if (mark->kind != TRACE_END) {
        bytes += (size_t)fprintf(out, ",\"name\":");
        bytes += put_text(out, mark->name);
        bytes += (size_t)fprintf(out, ",\"cat\":\"%s\"", mark->category);
    }
    if (mark->arg_count > 0)
        bytes += put_args(out, mark);
    bytes += (size_t)fprintf(out, "}");
    return mark->flow ? bytes + put_flow(out, mark) : bytes;
}

static size_t end(FILE *out, const json_t *run)
{
    size_t bytes = (size_t)fprintf(out, "\n],\n\"otherData\":");
    char *text = run ? json_dumps(run, JSON_ENSURE_ASCII) : NULL;
    bytes += (size_t)fprintf(out, "%s}\n", text ? text : "{}");
    free(text);
    return bytes;
}

const struct trace_format trace_chrome = { begin, put_track, put_mark, end };
