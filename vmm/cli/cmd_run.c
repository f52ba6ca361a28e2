/* SPDX-License-Identifier: MIT
 *
 * vmm run: runs one or more scenarios, one after the other.
 *
 * All files are validated and the result files opened (outputs.c) before anything runs, so whoever
 * waits hears of a mistake at once.  A file that is no scenario does not keep the others from being
 * run; it is an error in the result files.  The exit status is that of the worst scenario:
 * interrupted, then host, usage, failed.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/outputs.h"
#include "cli/trace_out.h"
#include "record/record.h"
#include "report/again.h"
#include "run/run.h"

static const struct command_line command_line = {
    .takes = { { 'e', "auto (default), kvm, unicorn or qemu" },
               { OPTION_CONNECT,
                 "Whom engine qemu asks: libvirt's URI, or direct; default: libvirt without a "
                 "daemon, else QEMU itself" },
               { 's', "Seed of the run, instead of the scenario's or a fresh one" },
               { 'S', NULL },
               { 'd', "Longest machine time, as in 10s, instead of the scenario's" },
               { OPTION_GUARD,
                 "Longest processor time of a run in virtual time, as in 1h (default 20min)" },
               { 'i', "Guest images; default $VMM_IMAGES, else ../guest or ../lib/vmm/guest beside "
                      "vmm" },
               { OPTION_JSON,
                 "Write results as JSON; - is standard output, as for all result files" },
               { OPTION_JUNIT, "Write results as JUnit XML" },
               { OPTION_SUMMARY_MD, "Write a summary in Markdown, for the page of a CI job" },
               { OPTION_ANNOTATE,
                 "Print what does not hold as annotations of GitHub, at its line" },
               { OPTION_TRACE,
                 "Write messages, console lines, events, system calls and upcalls: as text, or for "
                 "viewers if FILE ends in .json (Chrome's format) or .pftrace (Perfetto's)" },
               { OPTION_MESSAGES,
                 "Show each message whose INTERFACE.MESSAGE matches, as in 'mem.*'" },
               { OPTION_RECORD,
                 "Write what vmm replay needs to repeat the run (one scenario, engine in virtual "
                 "time)" },
               { OPTION_FAULTS_OUT,
                 "Write the faults of the run as a section faults: that repeats them (one "
                 "scenario)" },
               { OPTION_OUTPUT_LIMIT,
                 "Most that a run shows (64 MiB) and writes as a trace or as slices of a record (1 "
                 "GiB each); what goes beyond is counted" },
               { OPTION_ENGINE_MEMORY, NULL },
               { OPTION_SECCOMP,
                 "What to do about system calls that running a guest does not need: end (default), "
                 "let the kernel log them, nothing" },
               { OPTION_INTERACTIVE,
                 "What is typed here goes to the console of the machine, which runs for a "
                 "day of its time unless --deadline says otherwise (one scenario)" },
               { OPTION_FULL, NULL },
               { OPTION_TRAP_WINDOW, NULL },
               { 'q', "Show the verdict only, and of a failure the reason" },
               { 'v',
                 "Show boot phases, cores, bindings, exits by reason; twice: every system call "
                 "and upcall" } },
    .operand = "a scenario file",
    .several = true,
    .args_doc = "FILE...",
    .doc =
        "Runs scenarios: builds the machine, boots it, and checks what it prints.\v"
        "A run ends when the guest powers the machine off, when every expectation is met, when a "
        "forbidden line appears, or at the deadline.\n"
        "Exit status: 0 everything held, 1 an expectation did not hold, 2 bad usage or scenario, "
        "3 the host lacks something, 130 interrupted.",
};

static int worse(int a, int b)
{
    static const int order[] = { STATUS_INTERRUPTED, STATUS_HOST, STATUS_USAGE, STATUS_FAILED };
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        if (a == order[i] || b == order[i])
            return order[i];
    return STATUS_OK;
}

/* Where lines for people go: a result on standard output has it for itself. */
static FILE *people(const struct options *options)
{
    const char *const results[] = { options->json, options->junit, options->summary_md,
                                    options->trace, options->faults_out };
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
        if (results[i] && strcmp(results[i], "-") == 0)
            return stderr;
    return stdout;
}

/* A fresh seed is said before the run, so that also a run that is killed can be repeated. */
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
    if (options->verbosity >= 0) {
        fprintf(people(options), "%s: seed %" PRIu64 "\n", scenario->name, seed);
        fflush(people(options));
    }
    return seed;
}

/* What a command's runs have in common. */
struct batch {
    const struct options *options;
    struct scenario **scenarios; /* NULL: that one is invalid */
    struct diags *diags;         /* of each */
    struct run_settings settings;
    struct outputs outputs;
};

/* One scenario, recorded if that was asked for. */
static int run_one(struct batch *batch, const struct scenario *scenario)
{
    struct run_settings *settings = &batch->settings;
    struct recorder *recorder = NULL;
    int status = STATUS_OK;
    settings->seed = choose_seed(batch->options, scenario);
    settings->input = settings->terminal ? terminal_source(settings->terminal) : NULL;
    if (batch->options->record) {
        const struct recorder_run run = {
            .ops = settings->ops,
            .capability = settings->capability,
            .images = settings->images,
            .seed = settings->seed,
            .trap_window = settings->trap_window,
            .slices_limit = batch->options->output_limit,
            .input = settings->input,
        };
        recorder = recorder_create(batch->options->record, scenario, &run, &status);
        if (!recorder)
            return status;
        settings->before_run = recorder_before_run;
        settings->after_run = recorder_after_run;
        settings->context = recorder;
        settings->input = recorder_source(recorder);
    }
    outputs_begin(&batch->outputs, scenario, settings->ops->name, settings->seed);
    status = run_scenario(scenario, settings);
    if (recorder && !recorder_close(recorder))
        status = worse(status, STATUS_HOST);
    return status;
}

/* Said once more where its verdict would stand: what was said before the first run is far above. */
static int refuse_one(struct batch *batch, int which)
{
    const char *path = batch->options->operands[which];
    const struct diags *diags = &batch->diags[which];
    if (batch->options->operand_count > 1)
        fprintf(people(batch->options), "ERROR %s  not run: %zu error%s, named above\n", path,
                diags->errors, diags->errors == 1 ? "" : "s");
    /* without memory for it the run of the others says so */
    report_files_add_invalid(&batch->outputs.files, path, diags);
    return STATUS_USAGE;
}

static int run_all(struct batch *batch)
{
    struct watch *watch = batch->settings.watch;
    int count = batch->options->operand_count, status = STATUS_OK;
    unsigned passed = 0, not_passed = 0;
    if (watch_signal(watch))
        fprintf(stderr, "vmm: interrupted before anything was run\n");
    for (int i = 0; i < count && !watch_signal(watch); i++) {
        int one = batch->scenarios[i] ? run_one(batch, batch->scenarios[i]) : refuse_one(batch, i);
        passed += one == STATUS_OK;
        not_passed += one != STATUS_OK;
        status = worse(status, one);
    }
    if (watch_signal(watch))
        status = STATUS_INTERRUPTED;
    if (count > 1)
        fprintf(people(batch->options), "%u passed, %u not passed%s\n", passed, not_passed,
                status == STATUS_INTERRUPTED ? ", interrupted" : "");
    return status;
}

static bool open_outputs(struct batch *batch)
{
    const struct options *options = batch->options;
    const struct inputs inputs = { options->operands, batch->scenarios, options->operand_count,
                                   batch->settings.images };
    return outputs_open(&batch->outputs, options, &inputs);
}

static int close_outputs(struct batch *batch, int status)
{
    if (batch->options->annotate)
        report_files_annotate(&batch->outputs.files, people(batch->options));
    return outputs_close(&batch->outputs) ? status : worse(status, STATUS_HOST);
}

static int run_with_outputs(struct batch *batch)
{
    struct writer *writer = NULL;
    const struct options *options = batch->options;
    if (!open_outputs(batch))
        return STATUS_USAGE;
    const bool wanted = options->json || options->junit || options->summary_md || options->annotate;
    batch->settings.files = wanted ? &batch->outputs.files : NULL;
    batch->settings.faults_out = batch->outputs.faults.file.stream;
    int status = STATUS_HOST;
    if (trace_out_begin(&batch->settings, batch->outputs.trace.file.stream, options->trace,
                        &writer))
        status = run_all(batch);
    batch->outputs.trace_error = trace_out_end(&batch->settings, writer);
    return close_outputs(batch, status);
}

/* Options, beside those of again_write(), without which the run would be another.  NULL: no
 * memory. */
static char *given_options(const struct options *options)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    if (!out)
        return NULL;
    if (options->images) {
        fputs(" --images ", out);
        again_write_word(out, options->images);
    }
    if (options->trap_window)
        fputs(" --trap-window", out);
    if (options->engine_memory)
        fprintf(out, " --engine-memory %" PRIu64, options->engine_memory);
    fclose(out);
    return text;
}

/* Somebody types; false, said: not here. */
static bool open_terminal(struct batch *batch, int *status)
{
    struct run_settings *settings = &batch->settings;
    if (settings->ops->witness) {
        fprintf(stderr, "vmm run: --interactive: engine %s has no input for the console\n",
                settings->ops->name);
        *status = STATUS_USAGE;
        return false;
    }
    settings->terminal = terminal_create(STDIN_FILENO, settings->capability->virtual_time);
    if (settings->terminal)
        return true;
    fprintf(stderr, "vmm run: --interactive: %s\n", strerror(errno));
    *status = STATUS_HOST;
    return false;
}

/* None of the files is a scenario: no engine is needed to write that down. */
static int refuse_all(struct batch *batch)
{
    batch->settings.images = "";
    if (!open_outputs(batch))
        return STATUS_USAGE;
    return close_outputs(batch, run_all(batch));
}

static int run_valid(struct batch *batch)
{
    const struct options *options = batch->options;
    struct engine_capability capability;
    char images[2 * PATH_MAX];
    int status = STATUS_OK;
    if (!images_find_or_say(options->images, images, sizeof(images)))
        return STATUS_HOST;
    const char *name = options->engine;
    bool choose = !name || strcmp(name, "auto") == 0;
    const struct engine_ops *repeats = engine_deterministic();
    if (options->record && choose && repeats)
        name = repeats->name;
    const struct engine_ops *ops =
        engine_choose(name, options->verbosity < 0, &capability, &status);
    if (!ops)
        return status;
    if (options->record && !ops->observe) {
        fprintf(stderr,
                "vmm: --record: engine %s runs in real time and cannot repeat a run; use --engine "
                "unicorn\n",
                ops->name);
        return STATUS_USAGE;
    }
    batch->settings = (struct run_settings){
        .ops = ops,
        .capability = &capability,
        .images = images,
        .guard_ns = options->guard_ns,
        .engine_memory = options->engine_memory,
        .sandbox = options->sandbox,
        .trap_window = options->trap_window,
        .messages = options->messages,
        .given = given_options(options),
        .report = { .verbosity = options->verbosity,
                    .full = options->full,
                    .colour = terminal_colour(),
                    .progress = terminal_escapes() && !options->interactive,
                    .out = people(options),
                    .output_limit = options->output_limit },
        .watch = batch->settings.watch,
    };
    if (!options->interactive || open_terminal(batch, &status))
        status = run_with_outputs(batch);
    terminal_destroy(batch->settings.terminal);
    free((char *)(uintptr_t)batch->settings.given);
    return status;
}

/* Returns how many are scenarios. */
static unsigned load_all(const struct batch *batch)
{
    const struct options *options = batch->options;
    unsigned valid = 0;
    for (int i = 0; i < options->operand_count; i++) {
        struct scenario *scenario =
            load_and_keep(options->operands[i], &options->sets, &batch->diags[i]);
        batch->scenarios[i] = scenario;
        valid += scenario != NULL;
        if (scenario && options->interactive && !options->deadline_ns)
            scenario->deadline_ns = SCENARIO_MAX_DEADLINE_NS; /* people take their time */
    }
    return valid;
}

static int load_and_run(const struct options *options, struct watch *watch)
{
    const size_t count = (size_t)options->operand_count;
    struct batch batch = { .options = options, .settings.watch = watch };
    int status = STATUS_HOST;
    batch.scenarios = calloc(count, sizeof(struct scenario *));
    batch.diags = calloc(count, sizeof(*batch.diags));
    if (!batch.scenarios || !batch.diags)
        fprintf(stderr, "vmm: the host is out of memory\n");
    else
        status = load_all(&batch) > 0 ? run_valid(&batch) : refuse_all(&batch);
    for (size_t i = 0; i < count && batch.scenarios && batch.diags; i++) {
        scenario_free(batch.scenarios[i]);
        diags_free(&batch.diags[i]);
    }
    free(batch.scenarios);
    free(batch.diags);
    return status;
}

int cmd_run(int argc, char **argv)
{
    struct options options;
    options_parse(&command_line, argc, argv, &options);
    if (options.record && options.operand_count > 1) {
        fprintf(stderr, "vmm run: --record takes one scenario\n");
        return STATUS_USAGE;
    }
    if (options.interactive && options.operand_count > 1) {
        fprintf(stderr, "vmm run: --interactive takes one scenario\n");
        return STATUS_USAGE;
    }
    if (options.faults_out && options.operand_count > 1) {
        fprintf(stderr, "vmm run: --faults-out takes one scenario\n");
        return STATUS_USAGE;
    }
    if (tracer_format_of(options.trace) != TRACER_TEXT && options.operand_count > 1) {
        fprintf(stderr, "vmm run: --trace for viewers takes one scenario\n");
        return STATUS_USAGE;
    }
    /* Before anything that takes time, so that whoever interrupts gets our answer to it. */
    struct watch *watch = watch_start();
    if (!watch)
        return STATUS_HOST;
    /* as a value that was set, so that whoever repeats the run hears of it */
    char deadline[48];
    snprintf(deadline, sizeof(deadline), "deadline=%" PRIu64 " ns", options.deadline_ns);
    if (options.deadline_ns)
        options.sets.list[options.sets.count++] = deadline;
    const int status = load_and_run(&options, watch);
    watch_stop(watch);
    return status;
}
