/* SPDX-License-Identifier: MIT
 *
 * Files that appear whole or not at all.
 *
 * What is written goes to a new file beside the one that was named, which has no name itself where
 * the host can do that, and takes its place by a rename when all of it is there.  So whoever reads
 * the name finds the old contents or the new ones: not an empty file after a kill, half of one on a
 * full disk, or the mixture of two runs.  A name that is no regular file (a pipe, a terminal,
 * /dev/stdout) is written to directly.
 */
#ifndef VMM_REPORT_OUT_FILE_H
#define VMM_REPORT_OUT_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

struct out_file {
    FILE *stream;              /* to write to */
    char target[PATH_MAX];     /* what is replaced, links resolved; "" where written to directly */
    char beside[PATH_MAX + 8]; /* what is written to; "" while that has no name */
};

/* Opens a file of a folder that may have been prepared by somebody: empties what is there, but does
 * not follow a link, which may lead to what somebody wants to keep, and does not wait for the other
 * end of a pipe.  NULL with errno. */
FILE *out_file_create(const char *path);

/* The same for a folder in it: makes it, or finds it there.  0 or a negative errno. */
int out_folder_create(const char *path);

/* Begins a file; "-" is standard output.  0 or a negative errno; then nothing has changed. */
int out_file_open(struct out_file *file, const char *path);

/* Ends it: if `keep` and all could be written, the file takes its place, else what was written is
 * removed.  Returns 0 (also after !keep) or a negative errno. */
int out_file_close(struct out_file *file, bool keep);

/* Would it be written directly?  Then there is one chance, and no looking at what was there. */
bool out_file_is_direct(const struct out_file *file);

#endif
