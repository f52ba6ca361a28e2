/* What POSIX programs ask for and do not get must be refused with an errno that says why. */
#include <assert.h>
#include <errno.h>
#include <pthread_np.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REFUSED(call, number)                                                                 \
    do {                                                                                      \
        errno = 0;                                                                            \
        if ((long)(call) != -1 || errno != (number)) {                                        \
            printf("px_refused: %s: %s, not %s\n", #call, strerror(errno), strerror(number)); \
            exit(1);                                                                          \
        }                                                                                     \
    } while (0)

static int got;

static void on_signal(int number)
{
    got = number;
}

static void sockets(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int pair[2];
    char byte = 0;
    REFUSED(socket(AF_INET, SOCK_STREAM, 0), EAFNOSUPPORT);
    REFUSED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), EAFNOSUPPORT);
    REFUSED(bind(-1, (struct sockaddr *)&address, sizeof(address)), EBADF);
    REFUSED(connect(1, (struct sockaddr *)&address, sizeof(address)), ENOTSOCK);
    REFUSED(listen(1, SOMAXCONN), ENOTSOCK);
    REFUSED(accept(1, NULL, NULL), ENOTSOCK);
    REFUSED(shutdown(1, SHUT_RDWR), ENOTSOCK);
    REFUSED(getsockopt(1, SOL_SOCKET, SO_ERROR, NULL, NULL), ENOTSOCK);
    REFUSED(setsockopt(1, SOL_SOCKET, SO_ERROR, NULL, 0), ENOTSOCK);
    REFUSED(send(1, &byte, 1, 0), ENOTSOCK);
    REFUSED(recv(1, &byte, 1, MSG_WAITALL), ENOTSOCK);
}

static void processes(void)
{
    int ends[2];
    char path[8];
    REFUSED(fork(), ENOSYS);
    REFUSED(pipe(ends), ENOSYS);
    REFUSED(dup(1), ENOSYS);
    REFUSED(dup2(1, 5), ENOSYS);
    assert(dup2(1, 1) == 1);
    REFUSED(chdir("/nowhere"), ENOSYS);
    assert(chdir("/") == 0);
    assert(getcwd(path, sizeof(path)) == path && strcmp(path, "/") == 0);
    assert(getcwd(path, 1) == NULL && errno == ERANGE);
}

static void memory(void)
{
    REFUSED(shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600), ENOSYS);
    REFUSED(shmat(0, NULL, 0), ENOSYS);
    REFUSED(shmdt(&got), ENOSYS);
    REFUSED(shmctl(0, IPC_RMID, NULL), ENOSYS);
}

static void signals(void)
{
    struct sigaction action = { .sa_handler = on_signal }, old;
    sigset_t set;
    assert(sigaction(SIGUSR1, &action, NULL) == 0);
    assert(raise(SIGUSR1) == 0 && got == SIGUSR1);
    assert(sigaction(SIGUSR2, &action, &old) == 0 && old.sa_handler == SIG_DFL);
    assert(sigaction(SIGUSR2, NULL, &old) == 0 && old.sa_handler == on_signal);
    action.sa_flags = 2; /* newlib has no names for flags that count */
    REFUSED(sigaction(SIGUSR1, &action, NULL), ENOTSUP);
    REFUSED(sigaction(SIGKILL, NULL, NULL), EINVAL);
    set = 1;
    REFUSED(sigprocmask(SIG_BLOCK, &set, NULL), ENOTSUP);
    REFUSED(sigprocmask(99, &set, NULL), EINVAL);
    assert(sigprocmask(SIG_BLOCK, NULL, &set) == 0 && set == 0);
}

static void cores(void)
{
    cpuset_t set;
    assert(pthread_getaffinity_np(pthread_self(), sizeof(set), &set) == 0);
    assert(pthread_setaffinity_np(pthread_self(), sizeof(set), &set) == 0);
    for (int core = 0; core < CPU_SETSIZE; core++)
        if (CPU_ISSET(core, &set))
            CPU_CLR(core, &set);
        else
            CPU_SET(core, &set);
    assert(pthread_setaffinity_np(pthread_self(), sizeof(set), &set) == ENOTSUP);
    assert(pthread_setaffinity_np(pthread_self(), 1, &set) == EINVAL);
}

int main(void)
{
    sockets();
    processes();
    memory();
    signals();
    cores();
    printf("px_refused: passed\n");
    return 0;
}
