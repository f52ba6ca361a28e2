/* SPDX-License-Identifier: MIT
 *
 * <err.h>.
 */
#include <err.h>

#include <barrelfish/barrelfish.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void __attribute__((format(printf, 2, 0))) say(int error, const char *fmt, va_list args)
{
    fprintf(stderr, "%.16s: ", disp_name());
    vfprintf(stderr, fmt, args);
    if (error != 0)
        fprintf(stderr, ": %s", strerror(error));
    fputc('\n', stderr);
}

void err(int status, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(errno, fmt, args);
    va_end(args);
    exit(status);
}

void errx(int status, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(0, fmt, args);
    va_end(args);
    exit(status);
}

void warn(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(errno, fmt, args);
    va_end(args);
}

void warnx(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(0, fmt, args);
    va_end(args);
}
