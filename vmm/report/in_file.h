/* SPDX-License-Identifier: MIT
 *
 * Files of the host that were written by somebody: traces and recordings.
 */
#ifndef VMM_REPORT_IN_FILE_H
#define VMM_REPORT_IN_FILE_H

#include <stdio.h>

/* Opens a regular file for reading; never waits, also where the name is a pipe.  NULL with errno:
 * EISDIR for a folder, ESPIPE for whatever else is no regular file. */
FILE *in_file_open(const char *path);

/* An open descriptor as a file, unless `error` (an errno) forbids it: then, or if that fails, the
 * descriptor is closed.  NULL with errno. */
FILE *file_of(int fd, int error, const char *mode);

#endif
