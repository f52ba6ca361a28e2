/* SPDX-License-Identifier: MIT
 *
 * Source lines of ELF files on the host, for reports.  Not thread-safe; used when nothing runs.
 */
#ifndef VMM_MACHINE_SOURCE_LINES_H
#define VMM_MACHINE_SOURCE_LINES_H

#include <stdbool.h>
#include <stdint.h>

struct line_file;

/* The debug information of the file at `path`; NULL if it has none, is no regular file, or is
 * larger than any image of ours. */
struct line_file *line_file_open(const char *path);
void line_file_close(struct line_file *file);

/* Where the instruction at vaddr was written: the last component of the file's name, valid as
 * long as `file`, and the line.  False if that is not known. */
bool line_lookup(struct line_file *file, uint64_t vaddr, const char **source, int *line);

#endif
