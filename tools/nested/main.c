/* SPDX-License-Identifier: MIT
 *
 * nested: the table of sub-commands, and what they share.
 *
 * The rate of the time stamp counter is measured here, because the kernel inside QEMU has no way to:
 * a microvm has neither PIT nor HPET nor a CPUID leaf that tells, and without the number on its
 * command line it does not come up.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#include "nested.h"

#define TSC_NS 100000000ull /* how long to measure: 0.1 s gives 5 digits */

uint8_t *nested_read(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rbe");
    if (!file)
        return NULL;
    uint8_t *data = NULL;
    size_t have = 0, room = 0;
    for (;;) {
        if (room - have < 2) {
            room = room ? room * 2 : 65536;
            uint8_t *more = realloc(data, room);
            if (!more)
                break;
            data = more;
        }
        size_t got = fread(data + have, 1, room - have - 1, file);
        have += got;
        if (got == 0 && !ferror(file)) {
            fclose(file);
            data[have] = 0;
            *bytes = have;
            return data;
        }
        if (got == 0)
            break;
    }
    int saved = errno;
    fclose(file);
    free(data);
    errno = saved;
    return NULL;
}

int nested_write(const char *path, const void *data, size_t bytes)
{
    FILE *file = fopen(path, "wbe");
    if (!file)
        return -1;
    size_t written = fwrite(data, 1, bytes, file);
    int closed = fclose(file);
    return written == bytes && closed == 0 ? 0 : -1;
}

int nested_fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("nested: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    return 1;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int tsc(int argc, char **argv)
{
    (void)argv;
    if (argc != 1)
        return nested_fail("usage: nested tsc");
    uint64_t start_ns = now_ns(), start = __rdtsc(), end_ns;
    do {
        end_ns = now_ns();
    } while (end_ns - start_ns < TSC_NS);
    printf("%llu\n", (unsigned long long)((__rdtsc() - start) * 1000000 / (end_ns - start_ns)));
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {
        { "cpio", nested_cpio },     { "vmlinux", nested_vmlinux }, { "tsc", tsc },
        { "unpack", nested_unpack }, { "report", nested_report },
    };
    for (size_t i = 0; argc >= 2 && i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return nested_fail("usage: nested cpio|vmlinux|tsc|unpack|report ...");
}
