/* SPDX-License-Identifier: MIT
 *
 * The C library's stdout and stderr become streams into writers; both into one where they are the
 * same file, so that what was said stays in order.  Messages go out at once while nothing else
 * waits, so that an assertion's is seen, too.
 */
#include "report/output.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/writer.h"

static struct {
    struct writer *out, *err; /* NULL: the stream is as it was */
    FILE *out_was, *err_was;
    atomic_bool hurry;
} output;

static bool same_file(int a, int b)
{
    struct stat one, other;
    return fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

void output_start(void)
{
    signal(SIGPIPE, SIG_IGN);
    output.out_was = stdout;
    output.err_was = stderr;
    output.out = writer_create(STDOUT_FILENO);
    if (!output.out)
        return;
    output.err =
        same_file(STDOUT_FILENO, STDERR_FILENO) ? output.out : writer_create(STDERR_FILENO);
    FILE *out = writer_stream(output.out, false);
    FILE *err = output.err ? writer_stream(output.err, true) : NULL;
    if (out)
        stdout = out;
    if (err)
        stderr = err;
}

void output_hurry(void)
{
    atomic_store(&output.hurry, true);
}

bool output_is_behind(void)
{
    return output.out && writer_pending(output.out) > 0;
}

static bool is_hurried(void *context)
{
    (void)context;
    return atomic_load(&output.hurry);
}

int output_finish(uint64_t *lost)
{
    int error = fflush(stdout) != 0 || ferror(stdout) ? -errno : 0;
    bool patient = isatty(STDERR_FILENO);
    *lost = 0;
    if (output.err && output.err != output.out)
        writer_drain(output.err, patient, is_hurried, NULL, NULL);
    if (output.out)
        error = writer_drain(output.out, patient, is_hurried, NULL, lost);
    FILE *out = stdout, *err = stderr;
    stdout = output.out_was;
    stderr = output.err_was;
    if (out != stdout)
        fclose(out);
    if (err != stderr)
        fclose(err);
    if (output.err != output.out)
        writer_destroy(output.err);
    writer_destroy(output.out);
    output.out = output.err = NULL;
    return error;
}

void output_warn(const char *format, ...)
{
    char text[256];
    struct pollfd poller = { .fd = STDERR_FILENO, .events = POLLOUT };
    va_list list;
    va_start(list, format);
    int bytes = vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    if (bytes < 0 || poll(&poller, 1, 0) != 1)
        return;
    size_t shown = (size_t)bytes < sizeof(text) ? (size_t)bytes : sizeof(text) - 1;
    if (write(STDERR_FILENO, text, shown) < 0)
        return; /* there is nobody else to tell */
}
