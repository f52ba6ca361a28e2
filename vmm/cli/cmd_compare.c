/* SPDX-License-Identifier: MIT
 *
 * vmm compare: one scenario on several engines.  Verdicts must agree, and what the programs say.
 *
 * Each engine gets a process of its own, made before any thread: filters of system calls, once set,
 * stay, and one engine must not find what another left.  Its output goes into a file in memory,
 * which is compared when all have ended (report/transcript.h).
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "report/comparable.h"
#include "report/transcript.h"
#include "run/run.h"

#define ENGINES_MAX 8
#define EXIT_NOT_USABLE 100

static const struct command_line command_line = {
    .takes = { { OPTION_ENGINES, "Which, as in kvm,qemu (default: all)" },
               { OPTION_CONNECT, "Whom engine qemu asks, as in vmm run" },
               { 's', "Seed that the guest is told, instead of the scenario's" },
               { 'S', NULL },
               { 'd', "Longest machine time, as in 10s, instead of the scenario's" },
               { 'i', "Guest images; default as in vmm run" } },
    .operand = "a scenario file",
    .args_doc = "FILE",
    .doc = "Runs a scenario on several engines and compares verdicts and consoles.\v"
           "The lines of each program on each core must be the same, in their order; numbers with "
           "a unit of time behind them may differ, and what the scenario names under `compare`. "
           "Where the scenario expects an exit code, none "
           "may say more than another; else lines count as far as all have them.\n"
           "Exit status: 0 all agree, 1 they do not, 2 bad usage or scenario, 3 fewer than two "
           "engines can run it.",
};

/* One engine's run. */
struct part {
    const struct engine_ops *ops;
    FILE *shown;
    pid_t pid;
    int status; /* exit status, EXIT_NOT_USABLE, or 128 + signal */
    struct transcript *said;
    char why[256];     /* not usable: why not */
    char differs[512]; /* from the first */
};

static bool wanted(const char *list, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    return !list;
}

/* In a process of its own; never returns. */
static void __attribute__((noreturn))
run_part(const struct part *part, const struct scenario *scenario, const struct options *options,
         const char *images)
{
    struct engine_capability capability = { 0 };
    const char *refused = run_refused(scenario, part->ops);
    if (refused || part->ops->probe(&capability) != 0) {
        fprintf(part->shown, "%s\n", refused ? refused : capability.reason);
        fflush(part->shown);
        _exit(EXIT_NOT_USABLE);
    }
    struct watch *watch = watch_start();
    const struct run_settings settings = {
        .ops = part->ops,
        .capability = &capability,
        .images = images,
        .seed = options->has_seed    ? options->seed
                : scenario->has_seed ? scenario->seed
                                     : 1,
        .guard_ns = options->guard_ns,
        .sandbox = options->sandbox,
        .report = { .out = part->shown },
        .watch = watch,
    };
    int status = watch ? run_scenario(scenario, &settings) : STATUS_HOST;
    if (fflush(part->shown) != 0)
        status = STATUS_HOST;
    _exit(status);
}

static int start_part(struct part *part, const struct scenario *scenario,
                      const struct options *options, const char *images)
{
    int fd = memfd_create(part->ops->name, MFD_CLOEXEC);
    part->shown = fd < 0 ? NULL : fdopen(fd, "r+");
    if (!part->shown)
        return -errno;
    fflush(NULL);
    part->pid = fork();
    if (part->pid == 0)
        run_part(part, scenario, options, images);
    return part->pid < 0 ? -errno : 0;
}

/* Waits for it, and reads what it said. */
static int finish_part(struct part *part, const struct scenario *scenario)
{
    int status;
    while (waitpid(part->pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    part->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    rewind(part->shown);
    if (part->status == EXIT_NOT_USABLE && fgets(part->why, sizeof(part->why), part->shown))
        part->why[strcspn(part->why, "\n")] = '\0';
    rewind(part->shown);
    part->said = transcript_read(part->shown, comparable_text, scenario);
    return part->said ? 0 : -ENOMEM;
}

static bool expects_exit(const struct scenario *scenario)
{
    for (size_t i = 0; i < scenario->expectation_count; i++)
        if (scenario->expectations[i].kind == EXPECT_EXIT)
            return true;
    return false;
}

static const char *verdict_text(int status)
{
    return status == STATUS_OK       ? "pass"
           : status == STATUS_FAILED ? "fail"
           : status > 128            ? "crashed"
                                     : "not run";
}

static void print_table(const struct scenario *scenario, const struct part *parts, unsigned count)
{
    printf("%s\n  engine    verdict  lines\n", scenario->name);
    for (unsigned i = 0; i < count; i++) {
        if (parts[i].status == EXIT_NOT_USABLE)
            printf("  %-8s  skipped: %s\n", parts[i].ops->name, parts[i].why);
        else
            printf("  %-8s  %-7s  %5zu  %s%s\n", parts[i].ops->name, verdict_text(parts[i].status),
                   transcript_lines(parts[i].said), *parts[i].differs ? "differs: " : "",
                   parts[i].differs);
    }
}

static int judge(const struct scenario *scenario, struct part *parts, unsigned count)
{
    const struct part *first = NULL;
    unsigned ran = 0, differ = 0;
    size_t least = SIZE_MAX, compared;
    for (unsigned i = 0; i < count; i++) {
        struct part *part = &parts[i];
        if (part->status == EXIT_NOT_USABLE)
            continue;
        ran++;
        if (!first) {
            first = part;
            continue;
        }
        bool same = transcript_same(first->said, part->said, expects_exit(scenario), part->differs,
                                    sizeof(part->differs), &compared);
        if (part->status != first->status)
            snprintf(part->differs, sizeof(part->differs), "its verdict");
        differ += !same || part->status != first->status;
        least = compared < least ? compared : least;
    }
    print_table(scenario, parts, count);
    if (ran < 2) {
        printf("SKIP %s: one engine alone cannot be compared\n", scenario->name);
        return STATUS_HOST;
    }
    printf("%s %s: %u engines, %u skipped, ", differ ? "DIFFER" : "AGREE", scenario->name, ran,
           count - ran);
    if (differ)
        printf("%u unlike %s\n", differ, first->ops->name);
    else
        printf("%zu lines compared\n", least);
    return differ || first->status != STATUS_OK ? STATUS_FAILED : STATUS_OK;
}

static int compare(const struct scenario *scenario, const struct options *options,
                   const char *images)
{
    struct part parts[ENGINES_MAX] = { 0 };
    unsigned count = 0;
    int error = 0;
    const struct engine_ops *ops;
    for (unsigned i = 0; (ops = engine_nth(i)) && count < ENGINES_MAX && !error; i++) {
        if (!wanted(options->engines, ops->name))
            continue;
        struct part *part = &parts[count++];
        part->ops = ops;
        error = start_part(part, scenario, options, images);
        if (!error)
            error = finish_part(part, scenario);
        if (part->status == STATUS_INTERRUPTED)
            error = -EINTR;
    }
    int status = error == -EINTR ? STATUS_INTERRUPTED : STATUS_HOST;
    if (error)
        fprintf(stderr, "vmm: %s: %s\n", scenario->name, strerror(-error));
    else
        status = judge(scenario, parts, count);
    for (unsigned i = 0; i < count; i++) {
        transcript_free(parts[i].said);
        if (parts[i].shown)
            fclose(parts[i].shown);
    }
    return status;
}

/* Each name of the list is an engine; else the status after a line on stderr. */
static int check_names(const char *list)
{
    char name[32];
    int status = STATUS_OK;
    for (const char *at = list; at && status == STATUS_OK;) {
        const size_t length = strcspn(at, ",");
        snprintf(name, sizeof(name), "%.*s", (int)length, at);
        if (!engine_named(name, &status))
            return status;
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
    return status;
}

int cmd_compare(int argc, char **argv)
{
    struct options options;
    char images[2 * PATH_MAX];
    options_parse(&command_line, argc, argv, &options);
    int status = check_names(options.engines);
    if (status != STATUS_OK)
        return status;
    if (!images_find_or_say(options.images, images, sizeof(images)))
        return STATUS_HOST;
    struct scenario *scenario = load_and_report(options.operands[0], &options.sets);
    if (!scenario)
        return STATUS_USAGE;
    if (options.deadline_ns)
        scenario->deadline_ns = options.deadline_ns;
    status = compare(scenario, &options, images);
    scenario_free(scenario);
    return status;
}
