/* SPDX-License-Identifier: MIT
 *
 * Files of the host that were written by somebody (in_file.h).  O_NONBLOCK: opening a pipe must not
 * hang; it is refused afterwards.
 */
#include "report/in_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

FILE *file_of(int fd, int error, const char *mode)
{
    FILE *file = error ? NULL : fdopen(fd, mode);
    if (file)
        return file;
    if (!error)
        error = errno;
    close(fd);
    errno = error;
    return NULL;
}

FILE *in_file_open(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    if (fd < 0)
        return NULL;
    int error = fstat(fd, &info) < 0 ? errno : S_ISDIR(info.st_mode) ? EISDIR : 0;
    if (!error && !S_ISREG(info.st_mode))
        error = ESPIPE;
    return file_of(fd, error, "rb");
}
