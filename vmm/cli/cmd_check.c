/* SPDX-License-Identifier: MIT
 *
 * vmm check: validates scenario files and the menus they name, and compares the menus with the guest
 * images where there are any.  Runs nothing.  A missing image is an error only if --images was given:
 * a scenario is no worse for being checked on a host without a build.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cmd.h"
#include "run/images.h"

struct options {
    struct sets sets;
    const char *images;
    bool quiet;
    char **files;
    int file_count;
};

static const struct argp_option argp_options[] = {
    { "set", 'S', "KEY=VALUE", 0, "Override a value, as in machine.cores=4 (repeatable)", 0 },
    { "images", 'i', "DIR", 0, "Guest images: also check that the menu's images exist there", 0 },
    { "quiet", 'q', NULL, 0, "Print errors only", 0 },
    { 0 },
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;
    switch (key) {
    case 'S':
        sets_add(&options->sets, argument, state);
        return 0;
    case 'i':
        options->images = argument;
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    case ARGP_KEY_ARGS:
        options->files = state->argv + state->next;
        options->file_count = state->argc - state->next;
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
        "Validates scenario files.  Each error names file, line and column, what was expected, and "
        "the nearest valid key.",
};

static bool check_file(const char *file, const struct options *options)
{
    char dir[PATH_MAX];
    struct scenario *scenario = load_and_report(file, &options->sets);
    if (!scenario)
        return false;
    bool good = true;
    struct diags *diags = options->images ? calloc(1, sizeof(*diags)) : NULL;
    if (diags && images_find(options->images, dir, sizeof(dir))) {
        good = images_missing(scenario, dir, diags) == 0;
        diags_print(diags, stderr);
    } else if (diags) {
        fprintf(stderr, "vmm: %s\n", dir);
        good = false;
    }
    if (diags)
        diags_free(diags);
    free(diags);
    if (good && !options->quiet)
        printf("%s: good (%s: %u core%s, %u node%s, %zu module%s, %zu expectation%s)\n", file,
               scenario->name, scenario->machine.core_count,
               scenario->machine.core_count == 1 ? "" : "s", scenario->machine.node_count,
               scenario->machine.node_count == 1 ? "" : "s", scenario->menu.module_count,
               scenario->menu.module_count == 1 ? "" : "s", scenario->expectation_count,
               scenario->expectation_count == 1 ? "" : "s");
    scenario_free(scenario);
    return good;
}

int cmd_check(int argc, char **argv)
{
    struct options options = { 0 };
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    int status = STATUS_OK;
    for (int i = 0; i < options.file_count; i++) {
        if (!check_file(options.files[i], &options))
            status = STATUS_USAGE;
    }
    return status;
}
