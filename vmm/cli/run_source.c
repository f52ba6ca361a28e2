/* SPDX-License-Identifier: MIT
 *
 * A run that a command looks at (run_source.h).
 *
 * What is no trace yet is made one by another process of this program, so that it is run exactly as
 * the user would: vmm replay DIR --trace, or vmm run FILE --trace on the deterministic engine.
 * A run that fails is what people want to look at; only one that could not be run is an error.
 * Its trace lies in a folder of its own ($TMPDIR, else /tmp), which is removed also when a signal
 * ends the run.
 */
#include "cli/run_source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "engine/engine.h"
#include "engine/program.h"
#include "run/status.h"

static volatile sig_atomic_t child, ended_by;

/* The child hears of it, too; a second signal ends this program at once, and the child with it. */
static void end_child(int number)
{
    ended_by = number;
    if (child > 0)
        kill((pid_t)child, number);
}

static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
#define ENDS (sizeof(ends) / sizeof(ends[0]))

/* From here to heed_no_more() a signal ends the run that is looked at and not this program, which
 * has a folder to remove. */
static void heed_signals(struct sigaction before[ENDS])
{
    struct sigaction action = { .sa_handler = end_child, .sa_flags = (int)SA_RESETHAND };
    ended_by = 0;
    for (size_t i = 0; i < ENDS; i++) {
        sigaction(ends[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN)
            sigaction(ends[i], &action, NULL);
    }
}

static void heed_no_more(const struct sigaction before[ENDS])
{
    for (size_t i = 0; i < ENDS; i++)
        sigaction(ends[i], &before[i], NULL);
}

/* Never returns: becomes the program, with its output to nobody, and never outlives its parent. */
static void become(const char *program, const char *const *argv, pid_t parent)
{
    const int nobody = open("/dev/null", O_WRONLY | O_CLOEXEC);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent && nobody >= 0 && dup2(nobody, STDOUT_FILENO) >= 0)
        execv(program, (char *const *)argv);
    _exit(STATUS_HOST);
}

/* Runs the program; its exit status. */
static int run_self(const char *const *argv)
{
    char program[PATH_MAX];
    int status = 0;
    if (!program_path(program, sizeof(program)))
        return STATUS_HOST;
    const pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(program, argv, parent);
    if (pid < 0) {
        fprintf(stderr, "vmm: cannot start %s: %s\n", program, strerror(errno));
        return STATUS_HOST;
    }
    child = pid;
    if (ended_by) /* before there was somebody to tell */
        kill(pid, ended_by);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    child = 0;
    return WIFEXITED(status) && !ended_by ? WEXITSTATUS(status) : STATUS_INTERRUPTED;
}

static int make_trace(const char *what, bool folder, const char *seed, const char *trace)
{
    const struct engine_ops *repeats = engine_deterministic();
    const char *argv[12] = { "vmm", folder ? "replay" : "run", "-q", "--trace", trace };
    size_t count = 5;
    if (!folder && repeats) {
        argv[count++] = "--engine";
        argv[count++] = repeats->name;
    }
    if (!folder && seed) {
        argv[count++] = "--seed";
        argv[count++] = seed;
    }
    argv[count++] = "--";
    argv[count] = what;
    const int status = run_self(argv);
    return status == STATUS_FAILED ? STATUS_OK : status;
}

static int read_trace(struct trace_file *file, const char *path)
{
    char problem[PATH_MAX + 256];
    if (trace_file_read(file, path, problem, sizeof(problem)))
        return STATUS_OK;
    fprintf(stderr, "vmm: %s\n", problem);
    return STATUS_USAGE;
}

int run_source_read(struct trace_file *file, const char *what, const char *seed)
{
    struct stat info;
    const char *dot = strrchr(what, '.');
    if (stat(what, &info) != 0) {
        fprintf(stderr, "vmm: %s: %s\n", what, strerror(errno));
        return STATUS_USAGE;
    }
    if (!S_ISDIR(info.st_mode) && !(dot && strcmp(dot, ".yaml") == 0))
        return read_trace(file, what);

    const char *place = getenv("TMPDIR");
    char folder[PATH_MAX], trace[sizeof(folder) + 16];
    struct sigaction before[ENDS];
    snprintf(folder, sizeof(folder), "%s/vmm-run-XXXXXX", place && place[0] ? place : "/tmp");
    heed_signals(before);
    int status = STATUS_HOST;
    if (mkdtemp(folder)) {
        snprintf(trace, sizeof(trace), "%s/trace.json", folder);
        status = make_trace(what, S_ISDIR(info.st_mode), seed, trace);
        if (status == STATUS_OK)
            status = read_trace(file, trace);
        unlink(trace);
        rmdir(folder);
    } else
        fprintf(stderr, "vmm: %s: %s\n", folder, strerror(errno));
    heed_no_more(before);
    return status;
}
