/* SPDX-License-Identifier: MIT
 *
 * nested unpack RECORDS DIR: what init (tests/nested/init.c) sent through the debug port.
 *
 * Files become DIR/STEP/FILE; the step records become lines "NAME STATUS MILLISECONDS" of DIR/steps, in
 * which a step that began and did not end is left out.  A file that was cut short, because the machine
 * was stopped, is kept as far as it goes.  Names come from a guest: anything that could lead out of DIR
 * is refused.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "nested.h"

#define MAX_NAME 200

static int good_name(const char *name)
{
    return name[0] != '/' && name[0] != '.' && !strstr(name, "/.");
}

static int write_file(const char *dir, const char *name, const uint8_t *data, size_t bytes)
{
    char path[2 * MAX_NAME + 512];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    char *slash = strrchr(path, '/');
    *slash = 0;
    if (mkdir(path, 0777) < 0 && errno != EEXIST)
        return nested_fail("unpack: %s: %s", path, strerror(errno));
    *slash = '/';
    if (nested_write(path, data, bytes) < 0)
        return nested_fail("unpack: %s: %s", path, strerror(errno));
    return 0;
}

static int unpack(const uint8_t *data, size_t bytes, const char *dir, FILE *steps)
{
    size_t at = 0;
    while (at < bytes) {
        const uint8_t *end = memchr(data + at, '\n', bytes - at);
        if (!end)
            return 0; /* cut short */
        char line[2 * MAX_NAME + 64], name[MAX_NAME + 1];
        snprintf(line, sizeof(line), "%.*s", (int)(end - (data + at)), (const char *)data + at);
        at = (size_t)(end - data) + 1;
        size_t length;
        unsigned long long ms;
        int status;
        if (sscanf(line, "file %200s %zu", name, &length) == 2 && good_name(name)) {
            size_t have = length < bytes - at ? length : bytes - at;
            if (write_file(dir, name, data + at, have) != 0)
                return 1;
            at += have + 1; /* the newline behind it */
        } else if (sscanf(line, "step %200s %d %llu", name, &status, &ms) == 3) {
            fprintf(steps, "%s %d %llu\n", name, status, ms);
        } else if (strncmp(line, "step ", 5) != 0 && strcmp(line, "end") != 0) {
            return nested_fail("unpack: damaged record \"%s\"", line);
        }
    }
    return 0;
}

int nested_unpack(int argc, char **argv)
{
    if (argc != 3)
        return nested_fail("usage: nested unpack RECORDS DIR");
    size_t bytes;
    uint8_t *data = nested_read(argv[1], &bytes);
    if (!data)
        return nested_fail("unpack: %s: %s", argv[1], strerror(errno));
    char path[512];
    snprintf(path, sizeof(path), "%.500s/steps", argv[2]);
    FILE *steps = fopen(path, "we");
    int r = steps ? unpack(data, bytes, argv[2], steps)
                  : nested_fail("unpack: %s: %s", path, strerror(errno));
    if (steps && fclose(steps) != 0)
        r = nested_fail("unpack: cannot write %s", path);
    free(data);
    return r;
}
