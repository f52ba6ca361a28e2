/* SPDX-License-Identifier: MIT
 *
 * vmm replay: runs a recorded run again and says whether it is the same run, slice by slice and in
 * its final state; if not, where the first difference is.  Needs nothing but the record's folder.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/trace_out.h"
#include "record/record.h"
#include "report/out_file.h"
#include "run/run.h"

static const struct command_line command_line = {
    .takes = { { 'q', "Show the summary only" },
               { 'v', "As in vmm run" },
               { OPTION_GUARD, "As in vmm run" },
               { OPTION_ENGINE_MEMORY, NULL },
               { OPTION_TRACE, "As in vmm run" },
               { OPTION_FULL, NULL } },
    .operand = "the folder of a recorded run",
    .args_doc = "DIR",
    .doc =
        "Runs again what vmm run --record DIR recorded, and compares.  A recording that broke off "
        "is "
        "repeated as far as it goes.\v"
        "Exit status: 0 the same run, 1 a different one (the first difference is named), 2 not a "
        "record, 3 the host lacks something, 130 interrupted.",
};

static int run_traced(const struct options *options, const struct scenario *scenario,
                      struct run_settings *settings)
{
    struct out_file file = { 0 };
    struct writer *writer = NULL;
    int status = STATUS_HOST, error = options->trace ? out_file_open(&file, options->trace) : 0;
    if (error == 0 && trace_out_begin(settings, file.stream, options->trace, &writer)) {
        status = run_scenario(scenario, settings);
        error = trace_out_end(settings, writer);
    }
    if (file.stream) {
        const int closed = out_file_close(&file, error == 0);
        error = error ? error : closed;
    }
    if (error == 0)
        return status;
    fprintf(stderr, "vmm: --trace %s: cannot write: %s\n", options->trace, strerror(-error));
    return STATUS_HOST;
}

static int replay(const struct options *options, const struct scenario *scenario,
                  const struct recorded *recorded, struct comparer *comparer, struct watch *watch)
{
    struct engine_capability capability;
    int status = STATUS_HOST;
    const struct engine_ops *ops = engine_choose(recorded->engine, false, &capability, &status);
    if (!ops)
        return status;
    if (!capability.virtual_time) {
        fprintf(stderr, "vmm: engine %s runs in real time and cannot repeat a run\n", ops->name);
        return STATUS_USAGE;
    }
    char images[PATH_MAX];
    if ((size_t)snprintf(images, sizeof(images), "%s/guest", options->operands[0]) >=
        sizeof(images)) {
        fprintf(stderr, "vmm: %s: %s\n", options->operands[0], strerror(ENAMETOOLONG));
        return STATUS_USAGE;
    }
    struct run_settings settings = {
        .ops = ops,
        .capability = &capability,
        .images = images,
        .sandbox = SANDBOX_ON,
        .seed = recorded->seed,
        .guard_ns = options->guard_ns,
        .engine_memory = options->engine_memory,
        .trap_window = recorded->trap_window,
        .report = { .verbosity = options->verbosity,
                    .full = options->full,
                    .colour = terminal_colour(),
                    .progress = terminal_escapes(),
                    .out = stdout },
        .before_run = comparer_before_run,
        .after_run = comparer_after_run,
        .context = comparer,
        .input = comparer_source(comparer),
        .watch = watch,
    };
    return run_traced(options, scenario, &settings);
}

int cmd_replay(int argc, char **argv)
{
    struct options options;
    struct recorded recorded = { 0 };
    int status = STATUS_USAGE;
    options_parse(&command_line, argc, argv, &options);

    struct watch *watch = watch_start();
    if (!watch)
        return STATUS_HOST;
    struct comparer *comparer = comparer_create(options.operands[0], &recorded, &status);
    if (!comparer) {
        watch_stop(watch);
        return status;
    }
    char path[PATH_MAX];
    struct sets none = { 0 };
    snprintf(path, sizeof(path), "%s/scenario.yaml", options.operands[0]);
    struct scenario *scenario = load_and_report(path, &none);
    if (scenario)
        status = replay(&options, scenario, &recorded, comparer, watch);
    scenario_free(scenario);
    comparer_close(comparer);
    watch_stop(watch);
    return status;
}
