/* SPDX-License-Identifier: MIT
 *
 * Functions of <unistd.h>, <fcntl.h> and <sys/time.h> under their POSIX names; what they do is the
 * system layer's under newlib (newlib.c), which also says what there is not.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/system_layer.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define TRANSFER_MAX 0x40000000

pid_t getpid(void)
{
    return (pid_t)disp_get_domain_id();
}

unsigned sleep(unsigned seconds)
{
    errval_t err = barrelfish_usleep((delayus_t)seconds * 1000000);

    return err_is_ok(err) ? 0 : seconds;
}

int usleep(useconds_t us)
{
    if (err_is_fail(barrelfish_usleep(us))) {
        errno = EINTR;
        return -1;
    }
    return 0;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    return _gettimeofday(tv, zone);
}

int open(const char *name, int flags, ...)
{
    return _open(name, flags);
}

int close(int fd)
{
    return _close(fd);
}

_READ_WRITE_RETURN_TYPE write(int fd, const void *buffer, size_t bytes)
{
    return _write(fd, buffer, (int)(bytes < TRANSFER_MAX ? bytes : TRANSFER_MAX));
}

off_t lseek(int fd, off_t offset, int whence)
{
    return _lseek(fd, offset, whence);
}

int fstat(int fd, struct stat *st)
{
    return _fstat(fd, st);
}

int isatty(int fd)
{
    return _isatty(fd);
}

int kill(pid_t pid, int number)
{
    return _kill(pid, number);
}

int unlink(const char *name)
{
    return _unlink(name);
}
