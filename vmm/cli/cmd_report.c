/* SPDX-License-Identifier: MIT
 *
 * vmm report: writes the page of a run (report/page.h).
 */
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/run_source.h"
#include "report/out_file.h"
#include "report/page.h"
#include "run/status.h"

static const struct command_line command_line = {
    .takes = { { 'o', "The page (default report.html)" }, { 's', "Seed, if RUN is a scenario" } },
    .operand = "a run: a trace (.json), the folder of a recorded run, or a scenario",
    .args_doc = "RUN",
    .doc = "Makes one page of a run for a browser: messages between cores, faults, console, "
           "expectations, post-mortem.  It needs no network.\v"
           "RUN is what vmm run --trace FILE.json or --record DIR wrote, or a scenario, which is "
           "then run.",
};

int cmd_report(int argc, char **argv)
{
    struct options options;
    struct trace_file run;
    struct out_file file;
    char seed[24];
    options_parse(&command_line, argc, argv, &options);
    const char *path = options.output ? options.output : "report.html";
    snprintf(seed, sizeof(seed), "%llu", (unsigned long long)options.seed);
    int status = run_source_read(&run, options.operands[0], options.has_seed ? seed : NULL);
    if (status != STATUS_OK)
        return status;
    int error = out_file_open(&file, path);
    if (error == 0) {
        const int written = page_write(&run, file.stream);
        error = out_file_close(&file, written == 0);
        error = written ? written : error;
    }
    trace_file_free(&run);
    if (error == 0)
        return STATUS_OK;
    fprintf(stderr, "vmm: -o %s: cannot write: %s\n", path, strerror(-error));
    return STATUS_HOST;
}
