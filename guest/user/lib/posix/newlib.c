/* SPDX-License-Identifier: MIT
 *
 * The system layer under newlib: files, which do not exist here and say so through errno, time, and
 * the end.  Output is the dispatcher's console (dispatch/console.c), the heap is dispatch/heap.c.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/system_layer.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/times.h>

#include "../barrelfish/dispatch/console.h"

/* newlib's headers declare these, too, only for the target they were made for. */
int _kill(int pid, int signal);
int _getpid(void);
void _exit(int status);
int _link(const char *old, const char *new);
clock_t _times(struct tms *buffer);

int _write(int fd, const char *text, int length)
{
    if (fd != 1 && fd != 2) {
        errno = EBADF;
        return -1;
    }
    if (length > 0)
        console_write(text, (size_t)length);
    return length;
}

int (*system_read_console)(char *buffer, int length);

int _read(int fd, char *buffer, int length)
{
    if (fd == 0 && length > 0)
        return system_read_console != NULL ? system_read_console(buffer, length) : 0;
    if (fd == 0)
        return 0;
    errno = EBADF;
    return -1;
}

int _close(int fd)
{
    (void)fd;
    return 0;
}

int _lseek(int fd, int offset, int whence)
{
    (void)fd, (void)offset, (void)whence;
    errno = ESPIPE;
    return -1;
}

int _fstat(int fd, struct stat *st)
{
    if (fd < 0 || fd > 2) {
        errno = EBADF;
        return -1;
    }
    memset(st, 0, sizeof(*st));
    st->st_mode = S_IFCHR;
    return 0;
}

int _isatty(int fd)
{
    return fd >= 0 && fd <= 2;
}

int _open(const char *name, int flags, ...)
{
    (void)name, (void)flags;
    errno = ENOENT;
    return -1;
}

int _unlink(const char *name)
{
    (void)name;
    errno = ENOENT;
    return -1;
}

int _link(const char *old, const char *new)
{
    (void)old, (void)new;
    errno = ENOENT;
    return -1;
}

int _getpid(void)
{
    return (int)disp_get_domain_id();
}

/* raise() and abort() end here. */
int _kill(int pid, int signal)
{
    (void)pid;
    debug_printf("ended by signal %d", signal);
    domain_exit(128 + signal);
}

int _gettimeofday(struct timeval *tv, void *zone)
{
    systime_t now = get_system_time();

    (void)zone;
    tv->tv_sec = (time_t)(now / 1000000000);
    tv->tv_usec = (suseconds_t)(now % 1000000000 / 1000);
    return 0;
}

clock_t _times(struct tms *buffer)
{
    (void)buffer;
    errno = ENOSYS;
    return (clock_t)-1;
}

void _exit(int status)
{
    domain_exit(status);
}
