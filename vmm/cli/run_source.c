/* SPDX-License-Identifier: MIT
 *
 * A run that a command looks at (run_source.h).
 *
 * What is no trace yet is made one by another process of this program, so that it is run exactly as
 * the user would: vmm replay DIR --trace, or vmm run FILE --trace on the deterministic engine.
 * A run that fails is what people want to look at; only one that could not be run is an error.
 */
#include "cli/run_source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "engine/engine.h"
#include "engine/program.h"
#include "run/status.h"

extern char **environ;

/* Runs the program with its output to nobody; its exit status. */
static int run_self(const char *const *argv)
{
    char program[PATH_MAX];
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status = 0;
    if (!program_path(program, sizeof(program)))
        return STATUS_HOST;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    int error = posix_spawn(&pid, program, &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error) {
        fprintf(stderr, "vmm: cannot start %s: %s\n", program, strerror(error));
        return STATUS_HOST;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_INTERRUPTED;
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

    char folder[] = "/tmp/vmm-run-XXXXXX", trace[sizeof(folder) + 16];
    if (!mkdtemp(folder)) {
        fprintf(stderr, "vmm: %s: %s\n", folder, strerror(errno));
        return STATUS_HOST;
    }
    snprintf(trace, sizeof(trace), "%s/trace.json", folder);
    int status = make_trace(what, S_ISDIR(info.st_mode), seed, trace);
    if (status == STATUS_OK)
        status = read_trace(file, trace);
    unlink(trace);
    rmdir(folder);
    return status;
}
