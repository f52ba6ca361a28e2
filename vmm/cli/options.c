/* SPDX-License-Identifier: MIT
 *
 * The options of all sub-commands.
 *
 * One table holds name, letter and argument of each, and what reads the argument into which
 * member; what it does is told by the command, since "--images DIR" serves another purpose in vmm
 * check than in vmm run.  One parser fills one structure: an option means the same wherever it is
 * taken.
 */
#include "cli/options.h"

#include <argp.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "scenario/scenario.h"
#include "scenario/units.h"

/* Reads an option's argument into its place in struct options. */
typedef void reader(const char *name, char *argument, void *place, struct argp_state *state);
static reader read_text, read_flag, read_time, read_seed, read_size, read_set, read_seccomp,
    read_connect, read_format, read_quiet, read_verbose;

static const struct row {
    struct argp_option option;
    reader *read;
    size_t place;
} all_options[] = {
#define AT(member) offsetof(struct options, member)
    { { "engine", 'e', "NAME", 0, NULL, 0 }, read_text, AT(engine) },
    { { "seed", 's', "N", 0, NULL, 0 }, read_seed, AT(seed) },
    { { "set", 'S', "KEY=VALUE", 0, "Override a value, as in machine.cores=4 (repeatable)", 0 },
      read_set,
      AT(sets) },
    { { "deadline", 'd', "TIME", 0, NULL, 0 }, read_time, AT(deadline_ns) },
    { { "guard", OPTION_GUARD, "TIME", 0, NULL, 0 }, read_time, AT(guard_ns) },
    { { "images", 'i', "DIR", 0, NULL, 0 }, read_text, AT(images) },
    { { "json", OPTION_JSON, "FILE", 0, NULL, 1 }, read_text, AT(json) },
    { { "junit", OPTION_JUNIT, "FILE", 0, NULL, 1 }, read_text, AT(junit) },
    { { "summary-md", OPTION_SUMMARY_MD, "FILE", 0, NULL, 1 }, read_text, AT(summary_md) },
    { { "annotate", OPTION_ANNOTATE, NULL, 0, NULL, 2 }, read_flag, AT(annotate) },
    { { "trace", OPTION_TRACE, "FILE", 0, NULL, 1 }, read_text, AT(trace) },
    { { "messages", OPTION_MESSAGES, "PATTERN", 0, NULL, 1 }, read_text, AT(messages) },
    { { "output-limit", OPTION_OUTPUT_LIMIT, "SIZE", 0, NULL, 1 }, read_size, AT(output_limit) },
    { { "seccomp", OPTION_SECCOMP, "on|log|off", 0, NULL, 1 }, read_seccomp, AT(sandbox) },
    { { "engine-memory", OPTION_ENGINE_MEMORY, "SIZE", 0,
        "Most memory for the engine's own tables, as in 1GiB (default 4GiB)", 1 },
      read_size,
      AT(engine_memory) },
    { { "record", OPTION_RECORD, "DIR", 0, NULL, 1 }, read_text, AT(record) },
    { { "faults-out", OPTION_FAULTS_OUT, "FILE", 0, NULL, 1 }, read_text, AT(faults_out) },
    { { "beside", OPTION_BESIDE, "RUN", 0, NULL, 1 }, read_text, AT(beside) },
    { { "svg", OPTION_SVG, "FILE", 0, "Write the drawing as SVG", 1 }, read_text, AT(svg) },
    { { "format", OPTION_EXPORT_FORMAT, "qemu|libvirt", 0, NULL, 1 },
      read_text,
      AT(export_format) },
    { { "accel", OPTION_ACCEL, "tcg|kvm", 0, NULL, 1 }, read_text, AT(accel) },
    { { "engines", OPTION_ENGINES, "NAME,...", 0, NULL, 0 }, read_text, AT(engines) },
    { { "connect", OPTION_CONNECT, "URI", 0, NULL, 0 }, read_connect, 0 },
    { { "trap-window", OPTION_TRAP_WINDOW, NULL, OPTION_HIDDEN, /* for tests */
        "Let the machine see each store to the UMP window", 1 },
      read_flag,
      AT(trap_window) },
    { { "interactive", OPTION_INTERACTIVE, NULL, 0, NULL, 0 }, read_flag, AT(interactive) },
    { { "full", OPTION_FULL, NULL, 0, "Show all that is known of a failure, not what fits a screen",
        2 },
      read_flag,
      AT(full) },
    { { "format", OPTION_FORMAT, "text|json|sarif", 0, NULL, 1 }, read_format, AT(format) },
    { { "output", 'o', "FILE", 0, NULL, 1 }, read_text, AT(output) },
    { { "seeds", OPTION_SEEDS, "A,B", 0, NULL, 0 }, read_text, AT(seeds) },
    { { "quiet", 'q', NULL, 0, NULL, 2 }, read_quiet, AT(verbosity) },
    { { "verbose", 'v', NULL, 0, NULL, 2 }, read_verbose, AT(verbosity) },
#undef AT
};

#define OPTIONS (sizeof(all_options) / sizeof(all_options[0]))

/* What the parser is given. */
struct parse {
    const struct command_line *line;
    struct options *options;
};

static void read_text(const char *name, char *argument, void *place, struct argp_state *state)
{
    (void)name, (void)state;
    *(const char **)place = argument;
}

static void read_flag(const char *name, char *argument, void *place, struct argp_state *state)
{
    (void)name, (void)argument, (void)state;
    *(bool *)place = true;
}

static void read_time(const char *name, char *argument, void *place, struct argp_state *state)
{
    uint64_t *ns = place;
    const char *problem = parse_duration(argument, ns);
    if (!problem && (*ns == 0 || *ns > SCENARIO_MAX_DEADLINE_NS))
        problem = "expected more than nothing and at most a day";
    if (problem)
        argp_error(state, "--%s %s: %s", name, argument, problem);
}

static void read_seed(const char *name, char *argument, void *place, struct argp_state *state)
{
    const struct parse *parse = state->input;
    const char *problem = parse_unsigned(argument, place);
    (void)name;
    if (problem)
        argp_error(state, "--seed %s: %s", argument, problem);
    parse->options->has_seed = true;
}

static void read_size(const char *name, char *argument, void *place, struct argp_state *state)
{
    uint64_t *bytes = place;
    const char *problem = parse_memory(argument, bytes);
    if (!problem && *bytes == 0)
        problem = "expected more than nothing";
    if (problem)
        argp_error(state, "--%s %s: %s", name, argument, problem);
}

static void read_set(const char *name, char *argument, void *place, struct argp_state *state)
{
    struct sets *sets = place;
    (void)name;
    if (sets->count == SETS_MAX)
        argp_error(state, "more than %d --set", SETS_MAX);
    else
        sets->list[sets->count++] = argument;
}

static void read_seccomp(const char *name, char *argument, void *place, struct argp_state *state)
{
    (void)name;
    if (!sandbox_parse(argument, place))
        argp_error(state, "--seccomp %s: expected on, log or off", argument);
}

static void read_connect(const char *name, char *argument, void *place, struct argp_state *state)
{
    (void)name, (void)place, (void)state;
    setenv("VMM_QEMU_CONNECT", argument, 1); /* engine qemu looks there */
}

static void read_format(const char *name, char *argument, void *place, struct argp_state *state)
{
    (void)name;
    if (findings_format_parse(argument, place) != 0)
        argp_error(state, "--format %s: expected text, json or sarif", argument);
}

static void read_quiet(const char *name, char *argument, void *place, struct argp_state *state)
{
    (void)name, (void)argument, (void)state;
    *(int *)place = -1;
}

static void read_verbose(const char *name, char *argument, void *place, struct argp_state *state)
{
    (void)name, (void)argument, (void)state;
    int *verbosity = place;
    *verbosity = *verbosity < 0 ? 1 : *verbosity + 1;
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

static const struct row *row_of(int key)
{
    for (size_t i = 0; i < OPTIONS; i++)
        if (all_options[i].option.key == key)
            return &all_options[i];
    return NULL;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    const struct parse *parse = state->input;
    if (key == ARGP_KEY_ARGS) {
        take_operands(parse, state);
        return 0;
    }
    if (key == ARGP_KEY_NO_ARGS) {
        if (parse->line->operand)
            argp_error(state, "expected %s", parse->line->operand);
        return 0;
    }
    const struct row *row = row_of(key);
    if (!row)
        return ARGP_ERR_UNKNOWN;
    row->read(row->option.name, argument, (char *)parse->options + row->place, state);
    return 0;
}

/* The table's row of that key, with the command's own words. */
static struct argp_option option_of(const struct option_use *use)
{
    const struct row *row = row_of(use->key);
    assert(row); /* every option that a command takes is in the table */
    struct argp_option option = row->option;
    if (use->help)
        option.doc = use->help;
    return option;
}

void options_parse(const struct command_line *line, int argc, char **argv, struct options *out)
{
    struct argp_option rows[OPTION_USES_MAX + 1] = { 0 };
    for (size_t i = 0; i < OPTION_USES_MAX && line->takes[i].key; i++)
        rows[i] = option_of(&line->takes[i]);
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
