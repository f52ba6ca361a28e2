/* SPDX-License-Identifier: MIT
 *
 * The first and only program of the Linux that runs inside QEMU for `make check-nested`.
 *
 * Static, so that it needs nothing.  It mounts the file systems, loads the modules named in
 * /nested/modules in that order, then runs the lines of /nested/commands one after the other:
 *
 *     NAME <tab> SECONDS <tab> PROGRAM [<tab> ARGUMENT]...
 *
 * Each command runs in a session of its own, in the empty folder /out/NAME, with its output in
 * /out/NAME/log, and is killed with its whole group when its seconds are over.  What it did is told
 * twice.  On the console, one line when a step begins and one when it ends, so that whoever looks
 * from outside knows where it stands; and as records on the debug port (isa-debugcon, eight bits
 * clean), which QEMU writes to a file:
 *
 *     step NAME begins 0\n
 *     step NAME STATUS MILLISECONDS\n              exit code, 128 + signal, 124 at the deadline
 *     file NAME/FILE BYTES\n<bytes>\n               every file of /out/NAME
 *     end\n
 *
 * It never returns: the machine is switched off through QEMU's exit port, whatever happened.  It
 * must not be run on a machine that somebody needs.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define RECORD_PORT 0xe9 /* isa-debugcon */
#define EXIT_PORT 0x501  /* isa-debug-exit: QEMU ends with 2 * value + 1 */
#define EXIT_DONE 1
#define EXIT_BROKEN 2
#define MAX_ARGUMENTS 32
#define MAX_LINE 2048
#define STATUS_DEADLINE 124

static void __attribute__((noreturn)) switch_off(int how)
{
    fflush(NULL);
    tcdrain(STDOUT_FILENO); /* the console's last lines */
    outl((unsigned)how, EXIT_PORT);
    reboot(RB_POWER_OFF); /* only if there is no such port */
    for (;;)
        pause();
}

/* A line on the console. */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("nested: ", stdout);
    vprintf(format, list);
    putchar('\n');
    fflush(stdout);
    va_end(list);
}

__attribute__((format(printf, 1, 2), noreturn)) static void broken(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("nested: cannot go on: ", stdout);
    vprintf(format, list);
    putchar('\n');
    fflush(stdout);
    va_end(list);
    switch_off(EXIT_BROKEN);
}

/* ---- records ---- */

static void record_bytes(const void *data, size_t bytes)
{
    outsb(RECORD_PORT, data, bytes);
}

__attribute__((format(printf, 1, 2))) static void record(const char *format, ...)
{
    char line[MAX_LINE];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(line, sizeof(line), format, list);
    va_end(list);
    assert(length >= 0 && (size_t)length < sizeof(line));
    record_bytes(line, (size_t)length);
}

static void record_file(const char *name, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        if (fd >= 0)
            close(fd);
        return;
    }
    size_t bytes = (size_t)status.st_size;
    char *data = malloc(bytes + 1);
    if (!data)
        broken("no memory for %s of %zu bytes", path, bytes);
    size_t have = 0;
    while (have < bytes) {
        ssize_t got = read(fd, data + have, bytes - have);
        if (got <= 0)
            break;
        have += (size_t)got;
    }
    close(fd);
    record("file %s %zu\n", name, have);
    record_bytes(data, have);
    record("\n");
    free(data);
}

static void record_folder(const char *step, const char *path)
{
    DIR *dir = opendir(path);
    if (!dir)
        return;
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        char from[512], name[512];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(from, sizeof(from), "%s/%.200s", path, entry->d_name);
        snprintf(name, sizeof(name), "%s/%.200s", step, entry->d_name);
        record_file(name, from);
    }
    closedir(dir);
}

/* ---- setting up ---- */

static void mount_at(const char *type, const char *path)
{
    mkdir(path, 0755);
    if (mount(type, path, type, 0, NULL) < 0 && errno != EBUSY)
        broken("mount %s on %s: %s", type, path, strerror(errno));
}

static void load_module(char *path)
{
    path[strcspn(path, "\n")] = 0;
    if (path[0] == 0)
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        broken("module %s: %s", path, strerror(errno));
    if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
        broken("module %s cannot be loaded: %s (is the CPU one with SVM?)", path, strerror(errno));
    close(fd);
    say("loaded %s", path);
}

/* Calls `each` with every line of the file. */
static void read_lines(const char *path, void (*each)(char *line))
{
    FILE *file = fopen(path, "re");
    if (!file)
        broken("%s: %s", path, strerror(errno));
    char line[MAX_LINE];
    while (fgets(line, sizeof(line), file))
        each(line);
    fclose(file);
}

/* ---- steps ---- */

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void __attribute__((noreturn)) become(char **argument, const char *folder)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    int null = open("/dev/null", O_RDONLY);
    int log = open("log", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
    if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
        _exit(126);
    execv(argument[0], argument);
    fprintf(stderr, "%s (in %s): %s\n", argument[0], folder, strerror(errno));
    _exit(127);
}

/* Waits for the child; SIGCHLD is blocked, so it can be waited for with a time-out. */
static int wait_until(pid_t child, uint64_t deadline_ms)
{
    sigset_t ended;
    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    for (;;) {
        int status;
        pid_t pid;
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) /* orphans come to us as well */
            if (pid == child)
                return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        uint64_t now = now_ms();
        if (now >= deadline_ms)
            return -1;
        uint64_t left = deadline_ms - now;
        struct timespec wait = { (time_t)(left / 1000), (long)(left % 1000 * 1000000) };
        sigtimedwait(&ended, NULL, &wait);
    }
}

static void run_step(char *line)
{
    line[strcspn(line, "\n")] = 0;
    char *argument[MAX_ARGUMENTS + 1], *rest = line;
    const char *name = strsep(&rest, "\t");
    const char *seconds = strsep(&rest, "\t");
    unsigned count = 0;
    while (rest && count < MAX_ARGUMENTS)
        argument[count++] = strsep(&rest, "\t");
    argument[count] = NULL;
    if (name[0] == 0)
        return;
    if (count == 0 || rest || atoi(seconds) <= 0)
        broken("bad line for step %s in /nested/commands", name);

    char folder[256];
    snprintf(folder, sizeof(folder), "/out/%.200s", name);
    if (mkdir(folder, 0755) < 0 || chdir(folder) < 0)
        broken("%s: %s", folder, strerror(errno));
    say("begin %s", name);
    record("step %s begins 0\n", name);
    uint64_t start = now_ms();
    pid_t child = fork();
    if (child < 0)
        broken("fork: %s", strerror(errno));
    if (child == 0)
        become(argument, folder);
    int status = wait_until(child, start + (uint64_t)atoi(seconds) * 1000);
    if (status < 0) {
        kill(-child, SIGKILL);
        wait_until(child, now_ms() + 10000);
        status = STATUS_DEADLINE;
    }
    uint64_t took = now_ms() - start;
    record_folder(name, folder);
    record("step %s %d %llu\n", name, status, (unsigned long long)took);
    say("end %s status %d, %llu ms%s", name, status, (unsigned long long)took,
        status == STATUS_DEADLINE ? " (deadline)" : "");
}

int main(void)
{
    mount_at("devtmpfs", "/dev");
    mount_at("proc", "/proc");
    mount_at("sysfs", "/sys");
    mount_at("tmpfs", "/tmp");
    mount_at("tmpfs", "/out");
    int console = open("/dev/console", O_RDWR);
    if (console >= 0) { /* the kernel could not open it before devtmpfs was there */
        dup2(console, 0);
        dup2(console, 1);
        dup2(console, 2);
    }
    say("init runs %llu ms after the kernel started", (unsigned long long)now_ms());
    if (iopl(3) < 0)
        broken("iopl: %s", strerror(errno));
    sigset_t ended;
    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ended, NULL);
    setenv("PATH", "/bin", 1);
    setenv("HOME", "/tmp", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("VMM_IMAGES", "/guest", 1);
    read_lines("/nested/modules", load_module);
    if (access("/dev/kvm", R_OK | W_OK) < 0)
        broken("the modules are loaded, but there is no /dev/kvm");
    read_lines("/nested/commands", run_step);
    record("end\n");
    say("all steps done");
    switch_off(EXIT_DONE);
}
