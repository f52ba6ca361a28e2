/* SPDX-License-Identifier: MIT
 *
 * QEMU as a child of the helper: for hosts without libvirt.  The child dies with the helper.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/qemu/helper/helper.h"

#define WORDS_MAX 1024
#define PROGRAM "qemu-system-x86_64"
#define BELL_DEVICE "ivshmem-doorbell"

static pid_t child;
static int child_status;
static char log_path[PATH_MAX];

bool qemu_program(char path[PATH_MAX])
{
    const char *given = getenv("VMM_QEMU"), *list = getenv("PATH");
    if (given && *given) {
        snprintf(path, PATH_MAX, "%s", given);
        return access(path, X_OK) == 0;
    }
    while (list && *list) {
        const size_t length = strcspn(list, ":");
        snprintf(path, PATH_MAX, "%.*s/" PROGRAM, (int)length, list);
        if (length > 0 && access(path, X_OK) == 0)
            return true;
        list += length + (list[length] == ':');
    }
    return false;
}

/* What the program calls itself: "QEMU emulator version 7.2.22 (...)". */
static bool version(const char *program, char text[REASON_BYTES])
{
    int out[2];
    if (pipe2(out, O_CLOEXEC) < 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        execl(program, program, "--version", (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    ssize_t got = pid > 0 ? read(out[0], text, REASON_BYTES - 1) : -1;
    close(out[0]);
    int status = -1;
    if (pid > 0)
        waitpid(pid, &status, 0);
    text[got > 0 ? got : 0] = '\0';
    text[strcspn(text, "(\n")] = '\0';
    return got > 0;
}

static bool direct_probe(const char *uri, char text[REASON_BYTES], char mend[REASON_BYTES])
{
    char program[PATH_MAX], says[REASON_BYTES];
    (void)uri;
    if (!qemu_program(program)) {
        snprintf(text, REASON_BYTES, "there is no " PROGRAM);
        snprintf(mend, REASON_BYTES, "apt-get install qemu-system-x86 libvirt-daemon");
        return false;
    }
    if (!version(program, says)) {
        snprintf(text, REASON_BYTES, "%.200s does not start", program);
        snprintf(mend, REASON_BYTES, "apt-get install --reinstall qemu-system-x86");
        return false;
    }
    snprintf(text, REASON_BYTES, "%.48s", says);
    return true;
}

/* Does this QEMU know the device?  It prints the device's options then, and ends well. */
static bool has_device(const char *program, const char *device)
{
    char option[64];
    snprintf(option, sizeof(option), "%s,help", device);
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null < 0)
            _exit(127);
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
            dup2(null, fd);
        execl(program, program, "-device", option, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

/* Bells are left out where QEMU has none, which its guest finds out (docs/engines.md). */
static unsigned without_bells(char **words, unsigned count)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < count; i++) {
        const char *value = i + 1 < count ? words[i + 1] : "";
        if (strncmp(value, "socket,id=bell,", 15) == 0 ||
            strncmp(value, BELL_DEVICE ",", sizeof(BELL_DEVICE)) == 0)
            i++;
        else
            words[kept++] = words[i];
    }
    return kept;
}

static bool has_bells(char **words, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (strncmp(words[i], BELL_DEVICE ",", sizeof(BELL_DEVICE)) == 0)
            return true;
    return false;
}

/* The words of the file, behind the program and before the console. */
static bool read_words(const char *folder, char *program, char **words, char *chardev)
{
    static char text[65536];
    static char serial_option[] = "-serial", serial[] = "chardev:console", option[] = "-chardev";
    char path[PATH_MAX];
    unsigned count = 0;
    folder_path(path, folder, FILE_WORDS);
    FILE *file = fopen(path, "re");
    size_t bytes = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    if (file)
        fclose(file);
    words[count++] = program;
    for (size_t at = 0; at < bytes && count < WORDS_MAX - 6; at += strlen(text + at) + 1)
        words[count++] = text + at;
    if (has_bells(words, count) && !has_device(program, BELL_DEVICE))
        count = without_bells(words, count);
    words[count++] = option;
    words[count++] = chardev;
    words[count++] = serial_option;
    words[count++] = serial;
    words[count] = NULL;
    return bytes > 0;
}

static bool direct_start(const char *uri, const char *folder, char reason[REASON_BYTES])
{
    static char *words[WORDS_MAX];
    char program[PATH_MAX], chardev[PATH_MAX + 64];
    (void)uri;
    if (!qemu_program(program)) {
        snprintf(reason, REASON_BYTES, "there is no " PROGRAM);
        return false;
    }
    snprintf(chardev, sizeof(chardev), "socket,id=console,path=%s/" FILE_CONSOLE, folder);
    if (!read_words(folder, program, words, chardev)) {
        snprintf(reason, REASON_BYTES, "%.200s: QEMU's command line is gone", folder);
        return false;
    }
    folder_path(log_path, folder, FILE_LOG);
    const pid_t helper = getpid();
    child = fork();
    if (child == 0) {
        int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (log < 0 || null < 0 || getppid() != helper)
            _exit(127);
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
        close(3); /* vmm waits for the end of what the helper says */
        execv(program, words);
        _exit(127);
    }
    if (child < 0)
        snprintf(reason, REASON_BYTES, "no process for QEMU: %s", strerror(errno));
    return child > 0;
}

/* The last line that QEMU wrote. */
static void last_words(char text[REASON_BYTES])
{
    FILE *file = fopen(log_path, "re");
    char line[REASON_BYTES];
    text[0] = '\0';
    while (file && fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0])
            snprintf(text, REASON_BYTES, "%s", line);
    }
    if (file)
        fclose(file);
}

static bool direct_ended(char reason[REASON_BYTES])
{
    char said[REASON_BYTES];
    if (child > 0) {
        if (waitpid(child, &child_status, WNOHANG) != child)
            return false;
        child = 0;
    }
    last_words(said);
    if (WIFSIGNALED(child_status))
        snprintf(reason, REASON_BYTES, "QEMU was ended by SIG%s%s%.180s",
                 sigabbrev_np(WTERMSIG(child_status)), *said ? ": " : "", said);
    else if (WEXITSTATUS(child_status) % 2 != 0 && !*said) /* isa-debug-exit: 2 * code + 1 */
        snprintf(reason, REASON_BYTES,
                 "QEMU ended with status %d, as if the guest had ended it with code %d, but its "
                 "console does not say so",
                 WEXITSTATUS(child_status), WEXITSTATUS(child_status) / 2);
    else if (WEXITSTATUS(child_status) != 0 || *said)
        snprintf(reason, REASON_BYTES, "QEMU ended with status %d%s%.180s",
                 WEXITSTATUS(child_status), *said ? ": " : "", said);
    else
        snprintf(reason, REASON_BYTES,
                 "the machine was reset, as by a triple fault, without a word of the guest");
    return true;
}

static void direct_stop(void)
{
    if (child <= 0)
        return;
    kill(child, SIGKILL);
    while (waitpid(child, &child_status, 0) < 0 && errno == EINTR)
        ;
    child = 0;
}

const struct backend backend_direct = {
    .name = "direct",
    .probe = direct_probe,
    .start = direct_start,
    .ended = direct_ended,
    .stop = direct_stop,
};
