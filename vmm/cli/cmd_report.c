/* SPDX-License-Identifier: MIT
 *
 * vmm report: writes the page of a run (report/page.h), if it failed beside one that passed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/outputs.h"
#include "cli/run_source.h"
#include "report/out_file.h"
#include "report/page.h"
#include "report/parting.h"
#include "run/status.h"

#define SEEDS_TRIED 12 /* for a run that passes */
#define PASSES_WANTED 4

static const struct command_line command_line = {
    .takes = { { 'o', "The page (default report.html)" },
               { 's', "Seed, if RUN is a scenario" },
               { OPTION_BESIDE, "Show this run beside it, and where the two part" } },
    .operand = "a run: a trace (.json), the folder of a recorded run, or a scenario",
    .args_doc = "RUN",
    .doc =
        "Makes one page of a run for a browser: messages between cores, faults, console, "
        "expectations, post-mortem.  It needs no network.\v"
        "RUN is what vmm run --trace FILE.json or --record DIR wrote, or a scenario, which is "
        "then run. If a scenario fails, other seeds are tried, and the page shows beside it a run "
        "that passes: of those found, the one that does the same for longest.",
};

/* A run to be shown beside the first. */
struct beside {
    bool there;
    struct trace_file file;
    char *parting;
    uint64_t part_ns;
};

static void drop(struct beside *beside)
{
    if (beside->there)
        trace_file_free(&beside->file);
    free(beside->parting);
    *beside = (struct beside){ 0 };
}

static int compare(const struct trace_file *run, struct beside *beside)
{
    size_t bytes;
    FILE *out = open_memstream(&beside->parting, &bytes);
    const int error = out ? parting_write(run, &beside->file, out, &beside->part_ns) : -ENOMEM;
    if (out)
        fclose(out);
    return error ? STATUS_HOST : STATUS_OK;
}

static int read_beside(const struct trace_file *run, const char *what, const char *seed,
                       struct beside *beside)
{
    int status = run_source_read(&beside->file, what, seed);
    if (status != STATUS_OK)
        return status;
    beside->there = true;
    status = compare(run, beside);
    if (status != STATUS_OK)
        drop(beside);
    return status;
}

static bool has_verdict(const struct trace_file *run, const char *verdict)
{
    return strcmp(trace_event_text(run->run, "verdict"), verdict) == 0;
}

/* Of other seeds of the scenario, one that passes and parts late. */
static int find_passing(const struct trace_file *run, const char *scenario, struct beside *best)
{
    const unsigned long long from = strtoull(trace_event_text(run->run, "seed"), NULL, 10);
    int status = STATUS_OK;
    for (unsigned i = 1, passes = 0;
         i <= SEEDS_TRIED && passes < PASSES_WANTED && status == STATUS_OK; i++) {
        struct beside one = { 0 };
        char seed[24];
        snprintf(seed, sizeof(seed), "%llu", from + i);
        status = read_beside(run, scenario, seed, &one);
        const bool passed = one.there && has_verdict(&one.file, "pass");
        passes += passed;
        if (!passed || (best->there && one.part_ns <= best->part_ns)) {
            drop(&one);
            continue;
        }
        drop(best);
        *best = one;
    }
    if (status == STATUS_OK && best->there)
        printf("It failed. Beside it: seed %s, which passes.\n",
               trace_event_text(best->file.run, "seed"));
    else if (status == STATUS_OK)
        printf("It failed, and so did the next %d seeds.\n", SEEDS_TRIED);
    return status;
}

static bool is_scenario(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && strcmp(dot, ".yaml") == 0;
}

static int write_page(const struct trace_file *run, const struct beside *beside, const char *path)
{
    struct out_file file;
    const struct page_other other = { &beside->file, beside->parting, beside->part_ns };
    int error = out_file_open(&file, path);
    if (error == 0) {
        const int written = page_write(run, beside->there ? &other : NULL, file.stream);
        error = out_file_close(&file, written == 0);
        error = written ? written : error;
    }
    if (error == 0)
        return STATUS_OK;
    fprintf(stderr, "vmm: -o %s: cannot write: %s\n", path, strerror(-error));
    return STATUS_HOST;
}

int cmd_report(int argc, char **argv)
{
    struct options options;
    struct trace_file run;
    struct beside beside = { 0 };
    char text[24];
    options_parse(&command_line, argc, argv, &options);
    const char *what = options.operands[0], *seed = options.has_seed ? text : NULL;
    const char *page = options.output ? options.output : "report.html";
    if (outputs_same_file(page, what) ||
        (options.beside && outputs_same_file(page, options.beside))) {
        fprintf(stderr, "vmm: -o %s: that is an input of the run; name another file\n", page);
        return STATUS_USAGE;
    }
    snprintf(text, sizeof(text), "%llu", (unsigned long long)options.seed);
    int status = run_source_read(&run, what, seed);
    if (status != STATUS_OK)
        return status;
    if (options.beside)
        status = read_beside(&run, options.beside, seed, &beside);
    else if (is_scenario(what) && has_verdict(&run, "fail"))
        status = find_passing(&run, what, &beside);
    if (status == STATUS_OK)
        status = write_page(&run, &beside, page);
    drop(&beside);
    trace_file_free(&run);
    return status;
}
