/* SPDX-License-Identifier: MIT
 *
 * vmm-qemu: starts QEMU for vmm, carries its console, and ends it.
 *
 *     vmm-qemu probe URI          what can be done here
 *     vmm-qemu run URI FOLDER     runs what vmm wrote into FOLDER; removes FOLDER at the end
 *
 * URI is libvirt's, "direct" for QEMU without libvirt, or "" for what works.  Standard input: a
 * newline lets QEMU start, what follows is typed on its console; its end ends everything, and that
 * is how vmm's end is seen, whatever it died of.  Standard output: what the guest writes to its
 * console.  Descriptor 3: `works TEXT`, or `failed TEXT` and `mend TEXT`.
 *
 *   WAITING --line--> STARTED --console--> CONNECTED --its end--> ENDED
 *      any state: end of standard input --> ENDED
 *
 * QEMU connects to a socket that listens before it starts, so no byte is lost, and the end of the
 * connection is the end of QEMU.
 */
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/qemu/helper/helper.h"

#define STATUS_FD 3
#define LOOK_MS 100   /* how often QEMU and the guard are looked at */
#define LAST_LOOKS 50 /* how often after its console has ended */

static volatile sig_atomic_t ending; /* the guard has ended */

void folder_path(char path[PATH_MAX], const char *folder, const char *name)
{
    snprintf(path, PATH_MAX, "%s/%s", folder, name);
}

static void say(const char *key, const char *text)
{
    dprintf(STATUS_FD, "%s %s\n", key, text);
}

/* ---- which way ---- */

/* The one that works, if nothing was asked for; libvirt first. */
static const struct backend *choose(const char **uri, char text[REASON_BYTES],
                                    char mend[REASON_BYTES])
{
    const bool direct = strcmp(*uri, "direct") == 0;
    if (!direct && backend_libvirt.probe(*uri, text, mend))
        return &backend_libvirt;
    if ((direct || **uri == '\0') && backend_direct.probe(*uri, text, mend)) {
        *uri = "";
        return &backend_direct;
    }
    return NULL;
}

static int probe(const char *uri)
{
    char text[REASON_BYTES], mend[REASON_BYTES] = "";
    const struct backend *backend = choose(&uri, text, mend);
    say(backend ? "works" : "failed", text);
    if (!backend)
        say("mend", mend);
    return backend ? 0 : 3;
}

/* ---- running ---- */

static int listen_for_console(const char *folder)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s/" FILE_CONSOLE, folder) >=
        sizeof(address.sun_path))
        return -1;
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(listener, 1) < 0 || chmod(address.sun_path, 0777) < 0)
        return -1;
    return listener;
}

/* Blocks until all is written; false: nobody reads any more. */
static bool write_all(const char *block, ssize_t bytes)
{
    while (bytes > 0) {
        ssize_t done = write(STDOUT_FILENO, block, (size_t)bytes);
        if (done < 0 && errno != EINTR)
            return false;
        if (done > 0) {
            block += done;
            bytes -= done;
        }
    }
    return true;
}

/* False: the console has ended. */
static bool carry(int console)
{
    char block[16384];
    ssize_t got = read(console, block, sizeof(block));
    if (got < 0)
        return errno == EINTR;
    return got > 0 && write_all(block, got);
}

/* What is typed, on its way to the console: that may take its time, and meanwhile vmm's end must be
 * seen. */
struct typed {
    char block[1024];
    size_t bytes;
};

/* False: vmm has ended. */
static bool take_typed(struct typed *typed)
{
    ssize_t got = read(STDIN_FILENO, typed->block, sizeof(typed->block));
    typed->bytes = got > 0 ? (size_t)got : 0;
    return got > 0 || (got < 0 && errno == EINTR);
}

static void give_typed(struct typed *typed, int console)
{
    ssize_t done = send(console, typed->block, typed->bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (done <= 0)
        return; /* not now, or the console has ended, which is seen when it is read */
    typed->bytes -= (size_t)done;
    memmove(typed->block, typed->block + done, typed->bytes);
}

/* One round of poll().  False: vmm has ended, or the console has: then `*console` is -1. */
static bool serve_console(struct typed *typed, int *console)
{
    struct pollfd fds[] = {
        { .fd = STDIN_FILENO, .events = typed->bytes == 0 ? POLLIN : 0 },
        { .fd = *console, .events = POLLIN | (typed->bytes > 0 ? POLLOUT : 0) },
    };
    if (poll(fds, 2, LOOK_MS) < 0)
        return errno == EINTR;
    if (ending)
        return false;
    if (fds[0].revents & POLLIN ? !take_typed(typed) : fds[0].revents)
        return false;
    if (fds[1].revents & POLLOUT)
        give_typed(typed, *console);
    if ((fds[1].revents & ~POLLOUT) && !carry(*console)) {
        close(*console);
        *console = -1;
        return false;
    }
    return true;
}

/* The console; -1: vmm or QEMU has ended before, and the latter is said. */
static int wait_for_console(const struct backend *backend, int listener, char reason[REASON_BYTES])
{
    struct pollfd fds[] = { { .fd = STDIN_FILENO }, { .fd = listener, .events = POLLIN } };
    for (;;) {
        if ((poll(fds, 2, LOOK_MS) < 0 && errno != EINTR) || fds[0].revents || ending)
            return -1;
        int console = fds[1].revents ? accept(listener, NULL, NULL) : -1;
        if (console >= 0 || backend->ended(reason))
            return console;
    }
}

/* Until QEMU or vmm ends.  True: QEMU has ended, and `reason` says how. */
static bool serve(const struct backend *backend, int listener, char reason[REASON_BYTES])
{
    struct typed typed = { .bytes = 0 };
    int console = wait_for_console(backend, listener, reason);
    if (console < 0)
        return reason[0];
    while (serve_console(&typed, &console))
        ;
    if (console >= 0)
        return false;
    struct pollfd vmm = { .fd = STDIN_FILENO };
    for (unsigned i = 0; i < LAST_LOOKS; i++) {
        if (backend->ended(reason))
            return true;
        poll(&vmm, 1, LOOK_MS);
    }
    snprintf(reason, REASON_BYTES, "the console has ended, and QEMU goes on");
    return true;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info, (void)type, (void)where;
    remove(path);
    return 0;
}

static void run_in(const struct backend *backend, const char *uri, const char *folder)
{
    char reason[REASON_BYTES] = "", newline, log[PATH_MAX];
    folder_path(log, folder, FILE_LOG);
    if (!freopen(log, "ae", stderr)) /* libvirt has much to say, and vmm's own is the user's */
        fclose(stderr);
    int listener = listen_for_console(folder);
    if (listener < 0) {
        snprintf(reason, sizeof(reason), "no socket in %.100s: %s", folder, strerror(errno));
        say("failed", reason);
        return;
    }
    if (read(STDIN_FILENO, &newline, 1) <= 0)
        return;
    bool told = !backend->start(uri, folder, reason) || serve(backend, listener, reason);
    backend->stop();
    if (told)
        say("failed", reason); /* vmm counts it if the guest has not said that it ends */
}

static void remove_all(const char *folder)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int run(const char *uri, const char *folder)
{
    char text[REASON_BYTES], mend[REASON_BYTES] = "";
    const struct backend *backend = choose(&uri, text, mend);
    if (backend)
        run_in(backend, uri, folder);
    else
        say("failed", text);
    remove_all(folder);
    return backend ? 0 : 3;
}

/* ---- two processes ----
 *
 * One serves, the other guards: whichever is ended from outside, the other one removes what is
 * left.  Only both at once, by SIGKILL, cannot be helped. */

static pid_t server;

static void guard_ends(int number)
{
    (void)number;
    kill(server, SIGKILL);
}

static void server_ends(int number)
{
    (void)number;
    ending = 1;
}

/* A process of QEMU that libvirt has started, by the file with its number. */
static int kill_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    char link[64], program[PATH_MAX] = "";
    long pid = 0;
    (void)info, (void)where;
    const char *dot = strrchr(path, '.');
    FILE *file = type == FTW_F && dot && strcmp(dot, ".pid") == 0 ? fopen(path, "re") : NULL;
    if (!file)
        return 0;
    if (fscanf(file, "%ld", &pid) != 1)
        pid = 0;
    fclose(file);
    snprintf(link, sizeof(link), "/proc/%ld/exe", pid);
    if (pid > 1 && readlink(link, program, sizeof(program) - 1) > 0 && strstr(program, "qemu"))
        kill((pid_t)pid, SIGKILL);
    return 0;
}

static int guard(const char *folder)
{
    int status = 0;
    const int signals[] = { SIGTERM, SIGINT, SIGHUP };
    for (unsigned i = 0; i < 3; i++)
        signal(signals[i], guard_ends);
    close(STDIN_FILENO); /* vmm waits for the server's ends of these, not for ours */
    close(STDOUT_FILENO);
    close(STATUS_FD);
    while (waitpid(server, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    nftw(folder, kill_one, 16, FTW_PHYS);
    remove_all(folder);
    return 3;
}

static int run_guarded(const char *uri, const char *folder)
{
    const pid_t guard_pid = getpid();
    server = fork();
    if (server < 0)
        return run(uri, folder);
    if (server > 0)
        return guard(folder);
    const struct sigaction ends = { .sa_handler = server_ends }; /* interrupts poll() */
    sigaction(SIGUSR1, &ends, NULL);
    prctl(PR_SET_PDEATHSIG, SIGUSR1);
    if (getppid() != guard_pid)
        ending = 1;
    return run(uri, folder);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc == 3 && strcmp(argv[1], "probe") == 0)
        return probe(argv[2]);
    if (argc == 4 && strcmp(argv[1], "run") == 0)
        return run_guarded(argv[2], argv[3]);
    fputs("vmm-qemu is started by vmm run --engine qemu\n", stderr);
    return 2;
}
