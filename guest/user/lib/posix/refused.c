/* SPDX-License-Identifier: MIT
 *
 * What POSIX programs may ask for and there is not: refused with the errno that such programs look
 * at, so that they can say so or do without.
 *
 * There are no processes that have a parent's memory and files, hence no fork, pipe or shared
 * memory of System V; no network; and one directory to begin paths in, the root.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <unistd.h>

static int refused(int number)
{
    errno = number;
    return -1;
}

/* ---- processes, descriptors ---- */

pid_t fork(void)
{
    return refused(ENOSYS);
}

int pipe(int ends[2])
{
    (void)ends;
    return refused(ENOSYS);
}

int dup(int fd)
{
    (void)fd;
    return refused(ENOSYS);
}

int dup2(int fd, int wanted)
{
    return fd == wanted ? fd : refused(ENOSYS);
}

/* ---- directories: paths that do not begin with / begin at the root ---- */

int chdir(const char *path)
{
    return strcmp(path, "/") == 0 ? 0 : refused(ENOSYS);
}

char *getcwd(char *buffer, size_t bytes)
{
    if (buffer == NULL)
        return strdup("/"); /* as many systems have it */
    if (bytes < 2) {
        errno = bytes == 0 ? EINVAL : ERANGE;
        return NULL;
    }
    return memcpy(buffer, "/", 2);
}

/* ---- signals: those that a program raises itself ---- */

int sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    if (number <= 0 || number >= NSIG || number == SIGKILL || number == SIGSTOP)
        return refused(EINVAL);
    if (action != NULL && (action->sa_flags & ~SA_NOCLDSTOP) != 0)
        return refused(ENOTSUP);
    _sig_func_ptr before = signal(number, action == NULL ? SIG_DFL : action->sa_handler);
    if (action == NULL)
        signal(number, before);
    if (old != NULL) {
        memset(old, 0, sizeof(*old));
        old->sa_handler = before;
    }
    return 0;
}

/* Nothing comes from outside, so there is nothing to hold back. */
int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    if (set != NULL && how != SIG_BLOCK && how != SIG_UNBLOCK && how != SIG_SETMASK)
        return refused(EINVAL);
    if (set != NULL && *set != 0 && how != SIG_UNBLOCK)
        return refused(ENOTSUP);
    if (old != NULL)
        *old = 0;
    return 0;
}

/* ---- memory ---- */

int shmget(key_t key, size_t bytes, int flags)
{
    (void)key, (void)bytes, (void)flags;
    return refused(ENOSYS);
}

void *shmat(int id, const void *address, int flags)
{
    (void)id, (void)address, (void)flags;
    errno = ENOSYS;
    return (void *)-1;
}

int shmdt(const void *address)
{
    (void)address;
    return refused(ENOSYS);
}

int shmctl(int id, int command, struct shmid_ds *ds)
{
    (void)id, (void)command, (void)ds;
    return refused(ENOSYS);
}

/* ---- sockets ---- */

int socket(int domain, int type, int protocol)
{
    (void)domain, (void)type, (void)protocol;
    return refused(EAFNOSUPPORT);
}

int socketpair(int domain, int type, int protocol, int sockets[2])
{
    (void)domain, (void)type, (void)protocol, (void)sockets;
    return refused(EAFNOSUPPORT);
}

static int no_socket(int fd)
{
    return refused(fd < 0 ? EBADF : ENOTSOCK);
}

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
    (void)address, (void)length;
    return no_socket(fd);
}

int listen(int fd, int backlog)
{
    (void)backlog;
    return no_socket(fd);
}

int accept(int fd, struct sockaddr *address, socklen_t *length)
{
    (void)address, (void)length;
    return no_socket(fd);
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    (void)address, (void)length;
    return no_socket(fd);
}

int shutdown(int fd, int how)
{
    (void)how;
    return no_socket(fd);
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *length)
{
    (void)level, (void)option, (void)value, (void)length;
    return no_socket(fd);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
    (void)level, (void)option, (void)value, (void)length;
    return no_socket(fd);
}

ssize_t send(int fd, const void *data, size_t bytes, int flags)
{
    (void)data, (void)bytes, (void)flags;
    return no_socket(fd);
}

ssize_t recv(int fd, void *data, size_t bytes, int flags)
{
    (void)data, (void)bytes, (void)flags;
    return no_socket(fd);
}
