/* SPDX-License-Identifier: MIT
 *
 * The functions under newlib that have POSIX names elsewhere (facts §2.2): newlib calls them, and
 * <unistd.h> and its relatives give them to programs.  newlib's headers declare them only for the
 * target they were made for.  Errors are -1 with errno, as POSIX has it; newlib.c says what there
 * is not.
 */
#ifndef BARRELFISH_SYSTEM_LAYER_H
#define BARRELFISH_SYSTEM_LAYER_H

#include <sys/stat.h>
#include <sys/time.h>

int _write(int fd, const char *text, int length);
int _read(int fd, char *buffer, int length);
int _close(int fd);
off_t _lseek(int fd, off_t offset, int whence);
int _fstat(int fd, struct stat *st);
int _isatty(int fd);
int _open(const char *name, int flags, ...);
int _unlink(const char *name);
int _kill(int pid, int signal);
int _gettimeofday(struct timeval *tv, void *zone);

/* What reads the console for _read(0, ...), with its results.  NULL while nothing has been linked
 * in that reads: then there is the end of the file. */
extern int (*system_read_console)(char *buffer, int length);

#endif
