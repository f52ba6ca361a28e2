/* SPDX-License-Identifier: MIT
 *
 * The options of all sub-commands.
 *
 * One table holds name, letter and argument of each; what it does is told by the command, since
 * "--images DIR" serves another purpose in vmm check than in vmm run.  One parser fills one
 * structure: an option means the same wherever it is taken.
 */
#include "cli/options.h"

#include <argp.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "scenario/scenario.h"
#include "scenario/units.h"

static const struct argp_option all_options[] = {
    { "engine", 'e', "NAME", 0, NULL, 0 },
    { "seed", 's', "N", 0, NULL, 0 },
    { "set", 'S', "KEY=VALUE", 0, "Override a value, as in machine.cores=4 (repeatable)", 0 },
    { "deadline", 'd', "TIME", 0, NULL, 0 },
    { "guard", OPTION_GUARD, "TIME", 0, NULL, 0 },
    { "images", 'i', "DIR", 0, NULL, 0 },
    { "json", OPTION_JSON, "FILE", 0, NULL, 1 },
    { "junit", OPTION_JUNIT, "FILE", 0, NULL, 1 },
    { "summary-md", OPTION_SUMMARY_MD, "FILE", 0, NULL, 1 },
    { "annotate", OPTION_ANNOTATE, NULL, 0, NULL, 2 },
    { "trace", OPTION_TRACE, "FILE", 0, NULL, 1 },
    { "messages", OPTION_MESSAGES, "PATTERN", 0, NULL, 1 },
    { "output-limit", OPTION_OUTPUT_LIMIT, "SIZE", 0, NULL, 1 },
    { "seccomp", OPTION_SECCOMP, "on|log|off", 0, NULL, 1 },
    { "engine-memory", OPTION_ENGINE_MEMORY, "SIZE", 0,
      "Most memory for the engine's own tables, as in 1GiB (default 4GiB)", 1 },
    { "record", OPTION_RECORD, "DIR", 0, NULL, 1 },
    { "faults-out", OPTION_FAULTS_OUT, "FILE", 0, NULL, 1 },
    { "beside", OPTION_BESIDE, "RUN", 0, NULL, 1 },
    { "svg", OPTION_SVG, "FILE", 0, "Write the drawing as SVG", 1 },
    { "format", OPTION_EXPORT_FORMAT, "qemu|libvirt", 0, NULL, 1 },
    { "accel", OPTION_ACCEL, "tcg|kvm", 0, NULL, 1 },
    { "engines", OPTION_ENGINES, "NAME,...", 0, NULL, 0 },
    { "connect", OPTION_CONNECT, "URI", 0, NULL, 0 },
    { "trap-window", OPTION_TRAP_WINDOW, NULL, OPTION_HIDDEN, /* for tests */
      "Let the machine see each store to the UMP window", 1 },
    { "interactive", OPTION_INTERACTIVE, NULL, 0, NULL, 0 },
    { "full", OPTION_FULL, NULL, 0, "Show all that is known of a failure, not what fits a screen",
      2 },
    { "format", OPTION_FORMAT, "text|json|sarif", 0, NULL, 1 },
    { "output", 'o', "FILE", 0, NULL, 1 },
    { "seeds", OPTION_SEEDS, "A,B", 0, NULL, 0 },
    { "quiet", 'q', NULL, 0, NULL, 2 },
    { "verbose", 'v', NULL, 0, NULL, 2 },
};

#define OPTIONS (sizeof(all_options) / sizeof(all_options[0]))

/* What the parser is given. */
struct parse {
    const struct command_line *line;
    struct options *options;
};

static void parse_time(const char *name, const char *argument, uint64_t *out,
                       struct argp_state *state)
{
    const char *problem = parse_duration(argument, out);
    if (!problem && (*out == 0 || *out > SCENARIO_MAX_DEADLINE_NS))
        problem = "expected more than nothing and at most a day";
    if (problem)
        argp_error(state, "--%s %s: %s", name, argument, problem);
}

static void parse_seed(struct options *options, const char *argument, struct argp_state *state)
{
    const char *problem = parse_unsigned(argument, &options->seed);
    if (problem)
        argp_error(state, "--seed %s: %s", argument, problem);
    options->has_seed = true;
}

static void parse_limit(const char *name, const char *argument, uint64_t *out,
                        struct argp_state *state)
{
    const char *problem = parse_memory(argument, out);
    if (!problem && *out == 0)
        problem = "expected more than nothing";
    if (problem)
        argp_error(state, "--%s %s: %s", name, argument, problem);
}

static void add_set(struct sets *sets, const char *assignment, struct argp_state *state)
{
    if (sets->count == SETS_MAX)
        argp_error(state, "more than %d --set", SETS_MAX);
    else
        sets->list[sets->count++] = assignment;
}

static void take_operands(const struct parse *parse, struct argp_state *state)
{
    struct options *options = parse->options;
    const struct command_line *line = parse->line;
    options->operands = state->argv + state->next;
    options->operand_count = state->argc - state->next;
    if (!line->operand)
        argp_error(state, "unexpected argument '%s'", options->operands[0]);
    else if (!line->several && options->operand_count > 1)
        argp_error(state, "expected %s, found '%s' as well", line->operand, options->operands[1]);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    const struct parse *parse = state->input;
    struct options *options = parse->options;
    switch (key) {
    case 'e':
        options->engine = argument;
        return 0;
    case 's':
        parse_seed(options, argument, state);
        return 0;
    case 'S':
        add_set(&options->sets, argument, state);
        return 0;
    case 'd':
        parse_time("deadline", argument, &options->deadline_ns, state);
        return 0;
    case OPTION_GUARD:
        parse_time("guard", argument, &options->guard_ns, state);
        return 0;
    case 'i':
        options->images = argument;
        return 0;
    case OPTION_JSON:
        options->json = argument;
        return 0;
    case OPTION_JUNIT:
        options->junit = argument;
        return 0;
    case OPTION_TRACE:
        options->trace = argument;
        return 0;
    case 'o':
        options->output = argument;
        return 0;
    case OPTION_SUMMARY_MD:
        options->summary_md = argument;
        return 0;
    case OPTION_ANNOTATE:
        options->annotate = true;
        return 0;
    case OPTION_BESIDE:
        options->beside = argument;
        return 0;
    case OPTION_SEEDS:
        options->seeds = argument;
        return 0;
    case OPTION_MESSAGES:
        options->messages = argument;
        return 0;
    case OPTION_FAULTS_OUT:
        options->faults_out = argument;
        return 0;
    case OPTION_ENGINES:
        options->engines = argument;
        return 0;
    case OPTION_CONNECT:
        setenv("VMM_QEMU_CONNECT", argument, 1); /* engine qemu looks there */
        return 0;
    case OPTION_SVG:
        options->svg = argument;
        return 0;
    case OPTION_EXPORT_FORMAT:
        options->export_format = argument;
        return 0;
    case OPTION_ACCEL:
        options->accel = argument;
        return 0;
    case OPTION_RECORD:
        options->record = argument;
        return 0;
    case OPTION_OUTPUT_LIMIT:
        parse_limit("output-limit", argument, &options->output_limit, state);
        return 0;
    case OPTION_ENGINE_MEMORY:
        parse_limit("engine-memory", argument, &options->engine_memory, state);
        return 0;
    case OPTION_SECCOMP:
        if (!sandbox_parse(argument, &options->sandbox))
            argp_error(state, "--seccomp %s: expected on, log or off", argument);
        return 0;
    case OPTION_INTERACTIVE:
        options->interactive = true;
        return 0;
    case OPTION_FULL:
        options->full = true;
        return 0;
    case OPTION_FORMAT:
        if (findings_format_parse(argument, &options->format) != 0)
            argp_error(state, "--format %s: expected text, json or sarif", argument);
        return 0;
    case OPTION_TRAP_WINDOW:
        options->trap_window = true;
        return 0;
    case 'q':
        options->verbosity = -1;
        return 0;
    case 'v':
        options->verbosity = options->verbosity < 0 ? 1 : options->verbosity + 1;
        return 0;
    case ARGP_KEY_ARGS:
        take_operands(parse, state);
        return 0;
    case ARGP_KEY_NO_ARGS:
        if (parse->line->operand)
            argp_error(state, "expected %s", parse->line->operand);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The table's row of that key, with the command's own words. */
static struct argp_option row_of(const struct option_use *use)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        struct argp_option row = all_options[i];
        if (row.key != use->key)
            continue;
        if (use->help)
            row.doc = use->help;
        return row;
    }
    assert(!"every option that a command takes is in the table");
    return (struct argp_option){ 0 };
}

void options_parse(const struct command_line *line, int argc, char **argv, struct options *out)
{
    struct argp_option rows[OPTION_USES_MAX + 1] = { 0 };
    for (size_t i = 0; i < OPTION_USES_MAX && line->takes[i].key; i++)
        rows[i] = row_of(&line->takes[i]);
    const struct argp argp = {
        .options = rows,
        .parser = parse_option,
        .args_doc = line->args_doc,
        .doc = line->doc,
    };
    struct parse parse = { line, out };
    *out = (struct options){ .guard_ns = GUARD_DEFAULT_NS, .sandbox = SANDBOX_ON };
    argp_parse(&argp, argc, argv, 0, NULL, &parse);
}
