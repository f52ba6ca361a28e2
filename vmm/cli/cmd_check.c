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

static const struct command_line command_line = {
    .takes = { { 'S', NULL },
               { 'i', "Guest images: also check that the menu's images exist there" },
               { 'q', "Print errors only" } },
    .operand = "a scenario file",
    .several = true,
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
        good = images_missing(scenario, dir, diags) == 0 && messages_known(scenario, dir, diags);
        diags_print(diags, stderr);
    } else if (diags) {
        fprintf(stderr, "vmm: %s\n", dir);
        good = false;
    }
    if (diags)
        diags_free(diags);
    free(diags);
    if (good && options->verbosity >= 0)
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
    struct options options;
    options_parse(&command_line, argc, argv, &options);
    int status = STATUS_OK;
    for (int i = 0; i < options.operand_count; i++) {
        if (!check_file(options.operands[i], &options))
            status = STATUS_USAGE;
    }
    return status;
}
