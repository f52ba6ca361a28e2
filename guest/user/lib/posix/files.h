/* SPDX-License-Identifier: MIT
 *
 * Between the standard streams (newlib.c), which each program has, and files (files.c), which only
 * those have that open one: they are linked, and set this, by the first open.
 */
#ifndef POSIX_FILES_H
#define POSIX_FILES_H

#include <sys/stat.h>
#include <sys/types.h>

/* For file descriptors above 2.  As POSIX has them, errno included. */
struct file_calls {
    int (*close)(int fd);
    int (*read)(int fd, void *buffer, size_t bytes);
    int (*write)(int fd, const void *buffer, size_t bytes);
    off_t (*seek)(int fd, off_t offset, int whence);
    int (*stat)(int fd, struct stat *ret);
};

extern const struct file_calls *file_calls; /* NULL: no file was ever opened */

/* Sets errno; -1. */
int file_error(errval_t err);

#endif
