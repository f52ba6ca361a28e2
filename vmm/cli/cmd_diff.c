/* SPDX-License-Identifier: MIT
 *
 * vmm diff: says where two runs part (report/parting.h).
 */
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/run_source.h"
#include "report/parting.h"
#include "run/status.h"

static const struct command_line command_line = {
    .takes = { { OPTION_SEEDS, "Compare two runs of one scenario, with these seeds" },
               { 's', "Seed, where a RUN is a scenario" } },
    .operand = "two runs: traces (.json), folders of recorded runs, or scenarios",
    .several = true,
    .args_doc = "RUN RUN\n--seeds A,B FILE",
    .doc =
        "Says where two runs part: the first message, console line, fault or event that is not "
        "the same, what each did next, and the first system call that differs.\v"
        "Times may differ. What each domain does on each core is compared with itself.\n"
        "Exit status: 0 they did the same, 1 they part, 2 bad usage, 3 the host lacks something.",
};

/* "A,B" into two texts; false after a line on stderr. */
static bool split_seeds(const char *text, char seeds[2][24])
{
    const char *comma = strchr(text, ',');
    const size_t length = comma ? (size_t)(comma - text) : 0;
    if (length == 0 || length >= sizeof(seeds[0]) || strlen(comma + 1) >= sizeof(seeds[1]) ||
        comma[1] == 0) {
        fprintf(stderr, "vmm diff: --seeds %s: expected two numbers, as in 1,2\n", text);
        return false;
    }
    snprintf(seeds[0], sizeof(seeds[0]), "%.*s", (int)length, text);
    snprintf(seeds[1], sizeof(seeds[1]), "%s", comma + 1);
    return true;
}

static int compare(const struct trace_file *a, const struct trace_file *b)
{
    uint64_t part_ns;
    if (parting_write(a, b, stdout, &part_ns) == 0)
        return part_ns == UINT64_MAX ? STATUS_OK : STATUS_FAILED;
    fprintf(stderr, "vmm: the host is out of memory\n");
    return STATUS_HOST;
}

int cmd_diff(int argc, char **argv)
{
    struct options options;
    struct trace_file a, b;
    char seeds[2][24] = { "", "" };
    options_parse(&command_line, argc, argv, &options);
    const bool by_seed = options.seeds != NULL;
    if (options.operand_count != (by_seed ? 1 : 2)) {
        fprintf(stderr, "vmm diff: expected %s\n",
                by_seed ? "one scenario beside --seeds" : "two runs, or --seeds and one scenario");
        return STATUS_USAGE;
    }
    for (unsigned i = 0; i < 2 && options.has_seed; i++)
        snprintf(seeds[i], sizeof(seeds[i]), "%llu", (unsigned long long)options.seed);
    if (by_seed && !split_seeds(options.seeds, seeds))
        return STATUS_USAGE;
    int status = run_source_read(&a, options.operands[0], seeds[0][0] ? seeds[0] : NULL);
    if (status != STATUS_OK)
        return status;
    status = run_source_read(&b, options.operands[by_seed ? 0 : 1], seeds[1][0] ? seeds[1] : NULL);
    if (status == STATUS_OK) {
        status = compare(&a, &b);
        trace_file_free(&b);
    }
    trace_file_free(&a);
    return status;
}
