/* SPDX-License-Identifier: MIT
 *
 * vmm check: validates scenario files and the menus they name, and compares the menus with the
 * guest images where there are any.  Runs nothing.  A missing image is an error only if --images
 * was given, else a warning where there are images at all: a scenario is no worse for being
 * checked on a host without a build.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "run/images.h"

static const struct command_line command_line = {
    .takes = { { 'S', NULL },
               { 'i', "Guest images: also check that the menu's images exist there" },
               { OPTION_FORMAT, "What to write: text for people (default), or one document for "
                                "editors and CI services on standard output" },
               { 'q', "Print errors only" } },
    .operand = "a scenario file",
    .several = true,
    .args_doc = "FILE...",
    .doc =
        "Validates scenario files.  Each error names file, line and column, what was expected, and "
        "the nearest valid key.",
};

/* Adds to `diags` what is wrong with the file.  Returns the scenario if nothing is. */
static struct scenario *check_file(const char *file, const struct options *options,
                                   struct diags *diags)
{
    char dir[PATH_MAX];
    struct scenario *scenario = scenario_load(file, options->sets.list, options->sets.count, diags);
    if (!scenario)
        return NULL;
    if (!options->images) {
        if (images_find(NULL, dir, sizeof(dir)))
            images_missing(scenario, dir, true, diags);
        return scenario;
    }
    bool good = false;
    if (!images_find(options->images, dir, sizeof(dir)))
        diag_error(diags, (struct place){ 0 }, "%s", dir);
    else
        good =
            images_missing(scenario, dir, false, diags) == 0 && names_known(scenario, dir, diags);
    if (good)
        return scenario;
    scenario_free(scenario);
    return NULL;
}

static void say_good(const char *file, const struct scenario *scenario)
{
    printf("%s: good (%s: %u core%s, %u node%s, %zu module%s, %zu expectation%s)\n", file,
           scenario->name, scenario->machine.core_count,
           scenario->machine.core_count == 1 ? "" : "s", scenario->machine.node_count,
           scenario->machine.node_count == 1 ? "" : "s", scenario->menu.module_count,
           scenario->menu.module_count == 1 ? "" : "s", scenario->expectation_count,
           scenario->expectation_count == 1 ? "" : "s");
}

/* Writes what was found in all files as one document to standard output. */
static int report(const struct options *options, struct diags *const *all)
{
    /* One more for each file: how many are not listed. */
    struct finding *findings =
        calloc((size_t)options->operand_count * (DIAG_MAX + 1), sizeof(*findings));
    size_t count = 0;
    for (int i = 0; findings && i < options->operand_count; i++) {
        diags_sort(all[i]);
        for (size_t j = 0; j < all[i]->count; j++) {
            const struct diag *diag = &all[i]->list[j];
            findings[count++] = (struct finding){
                .severity = diag->severity == DIAG_ERROR ? FINDING_ERROR : FINDING_WARNING,
                .file = diag->place.file,
                .line = diag->place.line,
                .column = diag->place.column,
                .message = diag->message,
            };
        }
        if (all[i]->errors + all[i]->warnings > all[i]->count)
            findings[count++] = (struct finding){
                .severity = FINDING_NOTE,
                .file = options->operands[i],
                .message = "there are more errors and warnings than are listed",
            };
    }
    int error =
        findings ? findings_write(stdout, options->format, "vmm", findings, count) : -ENOMEM;
    free(findings);
    if (error)
        fprintf(stderr, "vmm: cannot write the report: %s\n", strerror(-error));
    return error;
}

int cmd_check(int argc, char **argv)
{
    struct options options;
    options_parse(&command_line, argc, argv, &options);
    struct diags **all = calloc((size_t)options.operand_count, sizeof(*all));
    int status = STATUS_OK;
    for (int i = 0; all && i < options.operand_count; i++) {
        all[i] = calloc(1, sizeof(*all[i]));
        if (!all[i]) {
            status = STATUS_HOST;
            break;
        }
        struct scenario *scenario = check_file(options.operands[i], &options, all[i]);
        if (!scenario)
            status = STATUS_USAGE;
        if (options.format == FINDINGS_TEXT)
            diags_print(all[i], stderr);
        if (scenario && options.format == FINDINGS_TEXT && options.verbosity >= 0)
            say_good(options.operands[i], scenario);
        if (scenario)
            scenario_free(scenario);
    }
    if (!all || status == STATUS_HOST)
        fprintf(stderr, "vmm: the host is out of memory\n");
    else if (options.format != FINDINGS_TEXT && report(&options, all) != 0)
        status = STATUS_HOST;
    for (int i = 0; all && i < options.operand_count; i++) {
        if (all[i])
            diags_free(all[i]);
        free(all[i]);
    }
    free(all);
    return all ? status : STATUS_HOST;
}
