/* SPDX-License-Identifier: MIT
 *
 * vmm run: runs one or more scenarios, one after the other.
 *
 * All files are validated before anything runs, and the result files are opened first, so a typo
 * costs no run.  The exit status is that of the worst scenario: interrupted, then host, usage, failed.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "record/record.h"
#include "run/run.h"
#include "scenario/units.h"

struct options {
    struct sets sets;
    const char *engine, *images, *json, *junit, *trace, *record;
    bool has_seed, trap_window;
    uint64_t seed;
    uint64_t deadline_ns; /* 0: the scenario's */
    int verbosity;
    char **files;
    int file_count;
};

enum { KEY_JSON = 256, KEY_JUNIT, KEY_TRACE, KEY_RECORD, KEY_TRAP_WINDOW };

static const struct argp_option argp_options[] = {
    { "engine", 'e', "NAME", 0, "auto (default), kvm or unicorn", 0 },
    { "seed", 's', "N", 0, "Seed of the run, instead of the scenario's or a fresh one", 0 },
    { "set", 'S', "KEY=VALUE", 0, "Override a value, as in machine.cores=4 (repeatable)", 0 },
    { "deadline", 'd', "TIME", 0, "Longest machine time, as in 10s, instead of the scenario's", 0 },
    { "images", 'i', "DIR", 0,
      "Guest images; default $VMM_IMAGES, else ../guest or ../lib/vmm/guest beside vmm", 0 },
    { "json", KEY_JSON, "FILE", 0, "Write results as JSON", 1 },
    { "junit", KEY_JUNIT, "FILE", 0, "Write results as JUnit XML", 1 },
    { "trace", KEY_TRACE, "FILE", 0, "Write console lines, events, system calls and upcalls", 1 },
    { "record", KEY_RECORD, "DIR", 0,
      "Write what vmm replay needs to repeat the run (one scenario, engine in virtual time)", 1 },
    { "trap-window", KEY_TRAP_WINDOW, NULL, OPTION_HIDDEN, /* for tests */
      "Let the machine see each store to the UMP window", 1 },
    { "quiet", 'q', NULL, 0, "Show the summary and failures only", 2 },
    { "verbose", 'v', NULL, 0,
      "Show boot phases, cores, bindings, exits by reason; twice: every system call and upcall",
      2 },
    { 0 },
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;
    const char *problem = NULL;
    switch (key) {
    case 'e':
        options->engine = argument;
        return 0;
    case 's':
        problem = parse_unsigned(argument, &options->seed);
        if (problem)
            argp_error(state, "--seed %s: %s", argument, problem);
        options->has_seed = true;
        return 0;
    case 'S':
        sets_add(&options->sets, argument, state);
        return 0;
    case 'd':
        problem = parse_duration(argument, &options->deadline_ns);
        if (!problem &&
            (options->deadline_ns == 0 || options->deadline_ns > SCENARIO_MAX_DEADLINE_NS))
            problem = "expected more than nothing and at most a day";
        if (problem)
            argp_error(state, "--deadline %s: %s", argument, problem);
        return 0;
    case 'i':
        options->images = argument;
        return 0;
    case KEY_JSON:
        options->json = argument;
        return 0;
    case KEY_JUNIT:
        options->junit = argument;
        return 0;
    case KEY_TRACE:
        options->trace = argument;
        return 0;
    case KEY_RECORD:
        options->record = argument;
        return 0;
    case KEY_TRAP_WINDOW:
        options->trap_window = true;
        return 0;
    case 'q':
        options->verbosity = -1;
        return 0;
    case 'v':
        options->verbosity = options->verbosity < 0 ? 1 : options->verbosity + 1;
        return 0;
    case ARGP_KEY_ARGS:
        options->files = state->argv + state->next;
        options->file_count = state->argc - state->next;
        if (options->record && options->file_count > 1)
            argp_error(state, "--record takes one scenario");
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "expected a scenario file");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = argp_options,
    .parser = parse_option,
    .args_doc = "FILE...",
    .doc =
        "Runs scenarios: builds the machine, boots it, and checks what it prints.\v"
        "A run ends when the guest powers the machine off, when every expectation is met, when a "
        "forbidden line appears, or at the deadline.\n"
        "Exit status: 0 everything held, 1 an expectation did not hold, 2 bad usage or scenario, "
        "3 the host lacks something, 130 interrupted.",
};

/* A result file, opened before the first run. */
static bool open_output(const char *path, const char *option, FILE **file)
{
    if (!path)
        return true;
    *file = fopen(path, "we");
    if (!*file)
        fprintf(stderr, "vmm: %s %s: cannot write: %s\n", option, path, strerror(errno));
    return *file != NULL;
}

/* Two results in one file would destroy each other.  (Two to a terminal or a pipe are the user's will.) */
static bool same_file(FILE *a, FILE *b)
{
    struct stat one, other;
    return a && b && fstat(fileno(a), &one) == 0 && fstat(fileno(b), &other) == 0 &&
           S_ISREG(one.st_mode) && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static bool close_output(const char *path, const char *option, FILE *file, int written)
{
    if (!file)
        return true;
    int error = fclose(file) ? errno : -written;
    if (error)
        fprintf(stderr, "vmm: %s %s: cannot write: %s\n", option, path, strerror(error));
    return !error;
}

static int worse(int a, int b)
{
    static const int order[] = { STATUS_INTERRUPTED, STATUS_HOST, STATUS_USAGE, STATUS_FAILED };
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if (a == order[i] || b == order[i])
            return order[i];
    }
    return STATUS_OK;
}

static uint64_t choose_seed(const struct options *options, const struct scenario *scenario)
{
    uint64_t seed = 0;
    if (options->has_seed)
        return options->seed;
    if (scenario->has_seed)
        return scenario->seed;
    /* 32 bits: enough to differ, short enough to type. */
    if (getrandom(&seed, sizeof(uint32_t), 0) != (ssize_t)sizeof(uint32_t))
        seed = 1;
    return seed;
}

static int run_all(const struct options *options, struct scenario **scenarios,
                   struct run_settings *settings)
{
    int status = STATUS_OK;
    unsigned passed = 0, not_passed = 0;
    if (watch_signal(settings->watch))
        fprintf(stderr, "vmm: interrupted before anything was run\n");
    for (int i = 0; i < options->file_count && !watch_signal(settings->watch); i++) {
        settings->seed = choose_seed(options, scenarios[i]);
        int one = run_scenario(scenarios[i], settings);
        passed += one == STATUS_OK;
        not_passed += one != STATUS_OK;
        status = worse(status, one);
    }
    if (watch_signal(settings->watch))
        status = STATUS_INTERRUPTED;
    if (options->file_count > 1)
        printf("%u passed, %u not passed%s\n", passed, not_passed,
               status == STATUS_INTERRUPTED ? ", interrupted" : "");
    return status;
}

/* With the result files open. */
static int run_watched(const struct options *options, struct scenario **scenarios,
                       struct run_settings *settings)
{
    struct recorder *recorder = NULL;
    int status = STATUS_OK;
    if (options->record) {
        recorder = recorder_create(options->record, scenarios[0], settings->images, &status);
        if (!recorder)
            return status;
        settings->before_run = recorder_before_run;
        settings->after_run = recorder_after_run;
        settings->context = recorder;
    }
    status = run_all(options, scenarios, settings);
    if (recorder && !recorder_close(recorder))
        status = worse(status, STATUS_HOST);
    return status;
}

static int run_with_outputs(const struct options *options, struct scenario **scenarios,
                            struct run_settings *settings)
{
    FILE *json = NULL, *junit = NULL;
    struct report_files files = { 0 };
    int status = STATUS_USAGE;
    if (open_output(options->json, "--json", &json) &&
        open_output(options->junit, "--junit", &junit) &&
        open_output(options->trace, "--trace", &settings->report.trace)) {
        FILE *trace = settings->report.trace;
        settings->files = json || junit ? &files : NULL;
        if (same_file(json, junit) || same_file(json, trace) || same_file(junit, trace))
            fprintf(stderr, "vmm: --json, --junit and --trace need a file each\n");
        else
            status = run_watched(options, scenarios, settings);
    }
    int written_json = json ? report_files_write_json(&files, json) : 0;
    int written_junit = junit ? report_files_write_junit(&files, junit) : 0;
    report_files_free(&files);
    settings->files = NULL;
    bool good = close_output(options->json, "--json", json, written_json);
    good &= close_output(options->junit, "--junit", junit, written_junit);
    good &= close_output(options->trace, "--trace", settings->report.trace, 0);
    return good ? status : worse(status, STATUS_HOST);
}

static int run_valid(const struct options *options, struct scenario **scenarios,
                     struct watch *watch)
{
    struct engine_capability capability;
    char images[2 * PATH_MAX];
    int status = STATUS_OK;
    if (!images_find(options->images, images, sizeof(images))) {
        fprintf(stderr, "vmm: %s\n", images);
        return STATUS_HOST;
    }
    const char *name = options->engine;
    bool choose = !name || strcmp(name, "auto") == 0;
    if (options->record && choose)
        name = engine_unicorn.name; /* the one that can repeat a run */
    const struct engine_ops *ops =
        engine_choose(name, options->verbosity < 0, &capability, &status);
    if (!ops)
        return status;
    if (options->record && !capability.virtual_time) {
        fprintf(stderr,
                "vmm: --record: engine %s runs in real time and cannot repeat a run; use --engine "
                "unicorn\n",
                ops->name);
        return STATUS_USAGE;
    }
    struct run_settings settings = {
        .ops = ops,
        .capability = &capability,
        .images = images,
        .trap_window = options->trap_window,
        .report = { .verbosity = options->verbosity,
                    .colour = terminal_colour(),
                    .progress = terminal_escapes(),
                    .out = stdout },
        .watch = watch,
    };
    return run_with_outputs(options, scenarios, &settings);
}

int cmd_run(int argc, char **argv)
{
    struct options options = { 0 };
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    /* Before anything that takes time, so that whoever interrupts gets our answer to it. */
    struct watch *watch = watch_start();
    if (!watch) {
        fprintf(stderr, "vmm: cannot watch for signals: %s\n", strerror(errno));
        return STATUS_HOST;
    }
    struct scenario **scenarios = calloc((size_t)options.file_count, sizeof(struct scenario *));
    if (!scenarios) {
        fprintf(stderr, "vmm: the host is out of memory\n");
        watch_stop(watch);
        return STATUS_HOST;
    }
    bool valid = true;
    for (int i = 0; i < options.file_count; i++) {
        scenarios[i] = load_and_report(options.files[i], &options.sets);
        valid &= scenarios[i] != NULL;
        if (scenarios[i] && options.deadline_ns)
            scenarios[i]->deadline_ns = options.deadline_ns;
    }
    int status = valid ? run_valid(&options, scenarios, watch) : STATUS_USAGE;
    watch_stop(watch);
    for (int i = 0; i < options.file_count; i++)
        scenario_free(scenarios[i]);
    free(scenarios);
    return status;
}
