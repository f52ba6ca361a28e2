/* SPDX-License-Identifier: MIT
 *
 * The system layer under newlib: the standard streams, time, and the end.  Files are files.c, which
 * only programs have that open one.  Output is the dispatcher's console (dispatch/console.c), the
 * heap is dispatch/heap.c.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/system_layer.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>

#include "../barrelfish/dispatch/console.h"
#include "files.h"

const struct file_calls *file_calls;

/* newlib's headers declare these, too, only for the target they were made for. */
int _getpid(void);
void _exit(int status);
int _link(const char *old, const char *new);
clock_t _times(struct tms *buffer);

int _write(int fd, const char *text, int length)
{
    if (fd > 2 && file_calls != NULL)
        return length > 0 ? file_calls->write(fd, text, (size_t)length) : 0;
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
    if (fd > 2 && file_calls != NULL)
        return length > 0 ? file_calls->read(fd, buffer, (size_t)length) : 0;
    if (fd == 0 && length > 0)
        return system_read_console != NULL ? system_read_console(buffer, length) : 0;
    if (fd == 0)
        return 0;
    errno = EBADF;
    return -1;
}

int _close(int fd)
{
    return fd > 2 && file_calls != NULL ? file_calls->close(fd) : 0;
}

off_t _lseek(int fd, off_t offset, int whence)
{
    if (fd > 2 && file_calls != NULL)
        return file_calls->seek(fd, offset, whence);
    errno = ESPIPE;
    return -1;
}

int _fstat(int fd, struct stat *st)
{
    if (fd > 2 && file_calls != NULL)
        return file_calls->stat(fd, st);
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

/* A file has one name. */
int _link(const char *old, const char *new)
{
    (void)old, (void)new;
    errno = EMLINK;
    return -1;
}

int _getpid(void)
{
    return (int)disp_get_domain_id();
}

/* raise() and abort() end here.  There are no signals between domains. */
int _kill(int pid, int signal)
{
    if (pid != _getpid()) {
        errno = ESRCH;
        return -1;
    }
    if (signal == 0)
        return 0;
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

/* What a domain has used is not counted: the machine's time. */
clock_t _times(struct tms *buffer)
{
    const clock_t now = (clock_t)(get_system_time() / (1000000000 / CLOCKS_PER_SEC));

    *buffer = (struct tms){ .tms_utime = now };
    return now;
}

void _exit(int status)
{
    domain_exit(status);
}
