/* SPDX-License-Identifier: MIT
 *
 * Where the file of this program lies.
 */
#include "engine/program.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

bool program_path(char *path, size_t bytes)
{
    ssize_t length = readlink("/proc/self/exe", path, bytes);
    if (length > 0 && (size_t)length < bytes) {
        path[length] = '\0';
        return true;
    }
    /* What the kernel was asked to execute; relative to the folder we were started in. */
    const char *started = (const char *)getauxval(AT_EXECFN);
    char resolved[PATH_MAX];
    return started && realpath(started, resolved) &&
           (size_t)snprintf(path, bytes, "%s", resolved) < bytes;
}

bool program_folder(char *path, size_t bytes)
{
    if (!program_path(path, bytes))
        return false;
    char *slash = strrchr(path, '/');
    if (!slash)
        return false;
    *(slash == path ? slash + 1 : slash) = '\0';
    return true;
}
