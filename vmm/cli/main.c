/* SPDX-License-Identifier: MIT
 *
 * vmm: builds machines of several cores, boots a multikernel on them, and checks what it does.
 *
 * main() is a table of commands.  Each command parses its own options (cmd_*.c); this file only
 * finds it, and answers --help and --version.  Exit statuses are listed in cmd.h.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/version.h"
#include "cli/cmd.h"
#include "report/output.h"
#include "scenario/diag.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *arguments;
    const char *summary;
};

static const struct command commands[] = {
    { "run", cmd_run, "FILE...", "run scenarios and check what they expect" },
    { "check", cmd_check, "FILE...", "validate scenario files, run nothing" },
    { "replay", cmd_replay, "DIR", "repeat a recorded run and compare" },
    { "report", cmd_report, "RUN", "make a page of a run for a browser" },
    { "diff", cmd_diff, "RUN RUN", "say where two runs part" },
    { "new", cmd_new, "app NAME", "write a first program, with scenario and test" },
    { "topo", cmd_topo, "FILE", "draw the machine of a scenario" },
    { "compare", cmd_compare, "FILE", "run a scenario on several engines and compare" },
    { "export", cmd_export, "FILE DIR", "write what QEMU or libvirt need to run the machine" },
    { "doctor", cmd_doctor, "", "show which engines work here, and why others do not" },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
    fputs("Usage: vmm COMMAND [OPTION...] [FILE...]\n"
          "Builds a machine from a scenario file, boots a multikernel on it, and says whether\n"
          "everything held that the scenario expects.\n\n",
          out);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  vmm %-7s %-9s %s\n", commands[i].name, commands[i].arguments,
                commands[i].summary);
    fputs(
        "\nvmm COMMAND --help shows the options of a command.\n"
        "Exit status: 0 everything held, 1 an expectation did not hold, 2 bad usage or scenario,\n"
        "3 the host lacks something, 130 interrupted.\n",
        out);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[COMMANDS];
    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = commands[i].name;
    const char *near = nearest_word(name, names, COMMANDS);
    fprintf(stderr, "vmm: unknown command '%s'; %s%s%svmm --help lists the commands\n", name,
            near ? "did you mean '" : "", near ? near : "", near ? "'? " : "");
    return STATUS_USAGE;
}

static bool was_checked;

/* Output that could not be written (disk full) must not look like success.  Whoever closed the pipe
 * did not want the rest. */
static int checked(int status)
{
    was_checked = true;
    uint64_t lost = 0;
    int error = output_finish(&lost);
    if (error == 0 || error == -EPIPE)
        return status;
    if (error == -ETIMEDOUT) {
        output_warn("vmm: nobody reads standard output: %llu bytes were left out\n",
                    (unsigned long long)lost);
        return status;
    }
    output_warn("vmm: cannot write to standard output: %s\n", strerror(-error));
    return status == STATUS_OK ? STATUS_HOST : status;
}

/* A standard stream that is closed must stay unusable: else the next file opened gets its number,
 * and what is printed goes into guest memory or a result file. */
static void occupy_standard_streams(void)
{
    static const int unusable[] = { O_WRONLY, O_RDONLY, O_RDONLY };
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", unusable[fd]) != fd)
            _exit(STATUS_HOST);
}

/* Help of a command ends the program in the library, and so past checked(). */
static void check_at_exit(void)
{
    if (!was_checked && checked(STATUS_OK) != STATUS_OK)
        _exit(STATUS_HOST);
}

int main(int argc, char **argv)
{
    occupy_standard_streams();
    signal(SIGXFSZ,
           SIG_IGN); /* a file that may not grow: an error of the write, told like others */
    output_start();
    argp_err_exit_status = STATUS_USAGE;
    if (argc < 2) {
        print_help(stderr);
        return STATUS_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        puts("vmm " PROJECT_VERSION);
        return checked(STATUS_OK);
    }
    bool help = strcmp(name, "help") == 0;
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || (help && argc == 2)) {
        print_help(stdout);
        return checked(STATUS_OK);
    }
    if (help)
        name = argv[2];
    const struct command *command = find_command(name);
    if (!command)
        return unknown_command(name);

    atexit(check_at_exit);
    char title[32];
    snprintf(title, sizeof(title), "vmm %s", command->name);
    if (help) {
        char option[] = "--help";
        char *arguments[] = { title, option, NULL };
        return checked(command->run(2, arguments));
    }
    argv[1] = title;
    return checked(command->run(argc - 1, argv + 1));
}
