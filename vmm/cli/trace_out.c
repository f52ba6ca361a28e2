/* SPDX-License-Identifier: MIT
 *
 * The trace of a run on its way to a file (trace_out.h).
 */
#include "cli/trace_out.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool trace_out_begin(struct run_settings *settings, FILE *file, const char *path,
                     struct writer **writer)
{
    if (!file)
        return true;
    *writer = writer_create(fileno(file));
    FILE *stream = *writer ? writer_stream(*writer, false) : NULL;
    if (!stream)
        fprintf(stderr, "vmm: --trace: %s\n", strerror(errno));
    settings->trace_format = tracer_format_of(path);
    if (settings->trace_format == TRACER_TEXT)
        settings->report.trace = stream;
    else
        settings->trace = stream;
    return stream != NULL;
}

int trace_out_end(struct run_settings *settings, struct writer *writer)
{
    FILE *stream = settings->trace ? settings->trace : settings->report.trace;
    if (stream)
        fclose(stream);
    settings->trace = settings->report.trace = NULL;
    int error = writer ? writer_drain(writer, false, NULL, NULL, NULL) : 0;
    writer_destroy(writer);
    return error;
}
