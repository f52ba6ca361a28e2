/* SPDX-License-Identifier: MIT
 *
 * vmm replay: runs a recorded run again and says whether it is the same run, slice by slice and in its
 * final state; if not, where the first difference is.  Needs nothing but the record's folder.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "record/record.h"
#include "run/run.h"

struct options {
    const char *dir;
    int verbosity;
};

static const struct argp_option argp_options[] = {
    { "quiet", 'q', NULL, 0, "Show the summary only", 0 },
    { "verbose", 'v', NULL, 0, "As in vmm run", 0 },
    { 0 },
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;
    switch (key) {
    case 'q':
        options->verbosity = -1;
        return 0;
    case 'v':
        options->verbosity = options->verbosity < 0 ? 1 : options->verbosity + 1;
        return 0;
    case ARGP_KEY_ARG:
        if (options->dir)
            argp_error(state, "expected one folder, found '%s' as well", argument);
        options->dir = argument;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "expected the folder of a recorded run");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = argp_options,
    .parser = parse_option,
    .args_doc = "DIR",
    .doc =
        "Runs again what vmm run --record DIR recorded, and compares.\v"
        "Exit status: 0 the same run, 1 a different one (the first difference is named), 2 not a "
        "record, 3 the host lacks something, 130 interrupted.",
};

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
    if ((size_t)snprintf(images, sizeof(images), "%s/guest", options->dir) >= sizeof(images)) {
        fprintf(stderr, "vmm: %s: %s\n", options->dir, strerror(ENAMETOOLONG));
        return STATUS_USAGE;
    }
    struct run_settings settings = {
        .ops = ops,
        .capability = &capability,
        .images = images,
        .sandbox = SANDBOX_ON,
        .seed = recorded->seed,
        .report = { .verbosity = options->verbosity,
                    .colour = terminal_colour(),
                    .progress = terminal_escapes(),
                    .out = stdout },
        .before_run = comparer_before_run,
        .after_run = comparer_after_run,
        .context = comparer,
        .watch = watch,
    };
    return run_scenario(scenario, &settings);
}

int cmd_replay(int argc, char **argv)
{
    struct options options = { 0 };
    struct recorded recorded = { 0 };
    int status = STATUS_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &options);

    struct watch *watch = watch_start();
    if (!watch) {
        fprintf(stderr, "vmm: cannot watch for signals: %s\n", strerror(errno));
        return STATUS_HOST;
    }
    struct comparer *comparer = comparer_create(options.dir, &recorded, &status);
    if (!comparer) {
        watch_stop(watch);
        return status;
    }
    char path[PATH_MAX];
    struct sets none = { 0 };
    snprintf(path, sizeof(path), "%s/scenario.yaml", options.dir);
    struct scenario *scenario = load_and_report(path, &none);
    if (scenario)
        status = replay(&options, scenario, &recorded, comparer, watch);
    scenario_free(scenario);
    comparer_close(comparer);
    watch_stop(watch);
    return status;
}
