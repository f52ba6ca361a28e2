/* SPDX-License-Identifier: MIT
 *
 * A scenario back to YAML, self-contained: the menu inline, overrides applied, every value
 * explicit. What is written parses to an equal scenario (tested); texts are double-quoted with
 * JSON's escapes, which YAML shares.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "abi/report.h"
#include "scenario/scenario.h"
#include "scenario/units.h"

/* The character at `at`, whose `*length` bytes are never 0; a byte that begins none counts as
 * one. */
static unsigned decode(const char *at, size_t *length)
{
    const unsigned char *byte = (const unsigned char *)at;
    *length = utf8_length(at, strlen(at));
    if (*length == 2)
        return (byte[0] & 31u) << 6 | (byte[1] & 63u);
    if (*length == 3)
        return (byte[0] & 15u) << 12 | (byte[1] & 63u) << 6 | (byte[2] & 63u);
    if (*length == 0)
        *length = 1;
    return *length == 1 ? byte[0] : 0x10000; /* beyond all that is looked for */
}

/* Scenario texts are valid UTF-8 (menus are checked, YAML is), but may hold characters written as
 * escapes that YAML does not take as they are, or takes as the end of a line: control characters,
 * U+2028, U+2029, U+FEFF, U+FFFE, U+FFFF.  All of these have at most three bytes. */
void scenario_write_quoted(FILE *out, const char *text)
{
    size_t length;
    fputc('"', out);
    for (; *text; text += length) {
        unsigned code = decode(text, &length);
        if (code == '"' || code == '\\')
            fprintf(out, "\\%c", code);
        else if (code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
                 code == 0xfeff || code == 0xfffe || code == 0xffff)
            fprintf(out, "\\u%04x", code);
        else
            fwrite(text, 1, length, out);
    }
    fputc('"', out);
}

static void write_cores(FILE *out, uint64_t cores)
{
    fputc('[', out);
    for (unsigned core = 0, first = 1; core < ABI_MAX_CORES; core++) {
        if (!(cores >> core & 1))
            continue;
        fprintf(out, "%s%u", first ? "" : ", ", core);
        first = 0;
    }
    fputc(']', out);
}

static void write_signals(FILE *out, const struct interconnect_shape *shape)
{
    bool all = true;
    for (unsigned core = 0; core < shape->cores; core++)
        all &= shape->unsignalled[core] == 0;
    if (all)
        return;
    fputs("    ipi: [", out);
    for (unsigned from = 0; from < shape->cores; from++) {
        const char *before = "";
        fputs(from ? ", [" : "[", out);
        for (unsigned to = 0; to < shape->cores; to++) {
            if (to == from || shape->unsignalled[from] >> to & 1)
                continue;
            fprintf(out, "%s%u", before, to);
            before = ", ";
        }
        fputc(']', out);
    }
    fputs("]\n", out);
}

/* A topology by its name, since no file can name hubs; else the links. */
static void write_interconnect(FILE *out, const struct scenario_machine *machine)
{
    const struct interconnect_shape *shape = &machine->interconnect;
    const char *before = "";
    if (!shape->given)
        return;
    fprintf(out, "  interconnect:\n    latency: %" PRIu64 " ns\n", shape->latency_ns);
    if (shape->bytes_per_s)
        fprintf(out, "    bandwidth: %" PRIu64 " B/s\n", shape->bytes_per_s);
    if (shape->loads)
        fputs("    loads: true\n", out);
    write_signals(out, shape);
    if (strcmp(machine->topology, "links") != 0) {
        fprintf(out, "    topology: %s\n", machine->topology);
        return;
    }
    fputs("    links: [", out);
    for (unsigned a = 0; a < shape->cores; a++) {
        for (unsigned b = a + 1; b < shape->cores; b++) {
            if (!shape->link[a][b])
                continue;
            fprintf(out, "%s[%u, %u]", before, a, b);
            before = ", ";
        }
    }
    fputs("]\n", out);
}

static void write_machine(FILE *out, const struct scenario_machine *machine)
{
    fprintf(out, "machine:\n  cores: %u\n", machine->core_count);
    if (machine->crash_fails)
        fprintf(out, "  on_domain_crash: fail\n");
    write_interconnect(out, machine);
    if (machine->slice_blocks)
        fprintf(out, "  slice: %u\n", machine->slice_blocks);
    if (machine->board == SCENARIO_BOARD_Q35)
        fputs("  board: q35\n", out);
    if (machine->panic_kills_core)
        fputs("  on_panic: kill-core\n", out);
    fputs("  nodes:\n", out);
    for (unsigned i = 0; i < machine->node_count; i++) {
        fputs("    - cores: ", out);
        write_cores(out, machine->node[i].cores);
        fprintf(out, "\n      memory: %" PRIu64 " MiB\n      window: %" PRIu64 " MiB\n",
                machine->node[i].memory_bytes >> 20, machine->node[i].window_bytes >> 20);
    }
    fputs("  distances:\n", out);
    for (unsigned i = 0; i < machine->node_count; i++) {
        fputs("    - [", out);
        for (unsigned j = 0; j < machine->node_count; j++)
            fprintf(out, "%s%u", j ? ", " : "", machine->distance[i][j]);
        fputs("]\n", out);
    }
}

static void write_menu_line(FILE *out, const char *command, const struct menu_line *line)
{
    char text[MENU_LINE_MAX + 32];
    snprintf(text, sizeof(text), "%s %s", command, line->command);
    fputs("  - ", out);
    scenario_write_quoted(out, text);
    fputc('\n', out);
}

static void write_input(FILE *out, const struct scenario_input *input)
{
    if (!input->text) {
        fputs("  - end: true\n", out);
    } else {
        char text[SCENARIO_INPUT_MAX + 1];
        snprintf(text, sizeof(text), "%s", input->text);
        if (input->line)
            text[strlen(text) - 1] = '\0'; /* the newline */
        fprintf(out, "  - %s: ", input->line ? "line" : "bytes");
        scenario_write_quoted(out, text);
        fputc('\n', out);
    }
    if (input->at_ns)
        fprintf(out, "    at: %" PRIu64 " ns\n", input->at_ns);
    if (!input->after.text)
        return;
    fprintf(out, "    after: {%s: ", input->after.regex ? "regex" : "text");
    scenario_write_quoted(out, input->after.text);
    fputs("}\n", out);
}

static void write_fired(FILE *out, const struct expectation *expectation)
{
    if (expectation->implied)
        return; /* the rule says it */
    fputs("  - fired: {rule: ", out);
    scenario_write_quoted(out, expectation->pattern);
    fprintf(out, ", min: %u", expectation->count);
    if (expectation->most != UINT32_MAX)
        fprintf(out, ", max: %u", expectation->most);
    fputs("}\n", out);
}

static void write_pattern(FILE *out, const struct expectation *expectation)
{
    fprintf(out, "{%s: ", expectation->regex ? "regex" : "text");
    scenario_write_quoted(out, expectation->pattern);
    fputs("}", out);
}

static void write_recovered(FILE *out, const struct scenario *scenario,
                            const struct expectation *expectation)
{
    fputs("  - recovered: {rule: ", out);
    scenario_write_quoted(out, scenario->faults[expectation->rule].name);
    fprintf(out, ", within: %" PRIu64 " ns, until: ", expectation->within_ns);
    write_pattern(out, expectation);
    fputs("}\n", out);
}

static void write_value(FILE *out, const struct expectation *expectation)
{
    char text[ABI_REPORT_NAME + 40];
    snprintf(text, sizeof(text), "%s", expectation->pattern);
    if (expectation->comparison != COMPARE_NONE)
        snprintf(text, sizeof(text), "%s %s %" PRIu64, expectation->pattern,
                 comparison_text[expectation->comparison], expectation->value);
    fprintf(out, "  - %s: ", expectation_kind_name[expectation->kind]);
    scenario_write_quoted(out, text);
    fputc('\n', out);
}

static void write_beside(FILE *out, const struct expectation *expectation)
{
    if (expectation->core != EXPECT_ANY_CORE)
        fprintf(out, "    core: %d\n", expectation->core);
    if (expectation->domain) {
        fputs("    domain: ", out);
        scenario_write_quoted(out, expectation->domain);
        fputc('\n', out);
    }
    if (expectation->count > 1)
        fprintf(out, "    count: %u\n", expectation->count);
    if (expectation->kind == EXPECT_CONSOLE && expectation->most != UINT32_MAX)
        fprintf(out, "    most: %u\n", expectation->most);
}

static void write_expectation(FILE *out, const struct scenario *scenario,
                              const struct expectation *expectation)
{
    switch (expectation->kind) {
    case EXPECT_EXIT:
        fprintf(out, "  - exit: %u\n", expectation->exit_code);
        return;
    case EXPECT_FIRED:
        write_fired(out, expectation);
        return;
    case EXPECT_INVARIANT:
        fprintf(out, "  - invariants: [%s]\n", expectation->pattern);
        if (expectation->every_ns > 0)
            fprintf(out, "    every: %" PRIu64 " ns\n", expectation->every_ns);
        return;
    case EXPECT_RECOVERED:
        write_recovered(out, scenario, expectation);
        break;
    case EXPECT_CONSOLE:
    case EXPECT_NOT:
        fprintf(out, "  - %s: ", expectation_kind_name[expectation->kind]);
        write_pattern(out, expectation);
        fputc('\n', out);
        break;
    default:
        write_value(out, expectation);
        break;
    }
    write_beside(out, expectation);
}

static void write_variance(FILE *out, const struct scenario_variance *variance)
{
    fprintf(out, "  - %s: ", variance->whole_line ? "line" : "part");
    scenario_write_quoted(out, variance->expression);
    fputs("\n    because: ", out);
    scenario_write_quoted(out, variance->reason);
    fputc('\n', out);
}

int scenario_write(const struct scenario *scenario, FILE *out)
{
    fputs("scenario: ", out);
    scenario_write_quoted(out, scenario->name);
    if (scenario->description[0]) {
        fputs("\ndescription: ", out);
        scenario_write_quoted(out, scenario->description);
    }
    fputc('\n', out);
    write_machine(out, &scenario->machine);
    fputs("boot:\n", out);
    write_menu_line(out, "kernel", &scenario->menu.kernel);
    for (size_t i = 0; i < scenario->menu.module_count; i++)
        write_menu_line(out, scenario->menu.modules[i].no_unzip ? "modulenounzip" : "module",
                        &scenario->menu.modules[i]);
    fprintf(out, "deadline: %" PRIu64 " ns\n", scenario->deadline_ns);
    if (scenario->has_seed)
        fprintf(out, "seed: %" PRIu64 "\n", scenario->seed);
    if (scenario->fault_count > 0)
        fputs("faults:\n", out);
    const struct fault_rules rules = { scenario->faults, scenario->fault_count, 0 };
    for (size_t i = 0; i < scenario->fault_count; i++)
        fault_rule_write(&scenario->faults[i], &rules, out);
    if (scenario->quiet_ns)
        fprintf(out, "quiet: %" PRIu64 " ns\n", scenario->quiet_ns);
    if (scenario->input_count > 0)
        fputs("input:\n", out);
    for (size_t i = 0; i < scenario->input_count; i++)
        write_input(out, &scenario->input[i]);
    if (scenario->variance_count > 0)
        fputs("compare:\n", out);
    for (size_t i = 0; i < scenario->variance_count; i++)
        write_variance(out, &scenario->variances[i]);
    fprintf(out, "nested: %s\nexpect:\n", scenario->nested ? "true" : "false");
    for (size_t i = 0; i < scenario->expectation_count; i++)
        write_expectation(out, scenario, &scenario->expectations[i]);
    if (fflush(out) != 0 || ferror(out))
        return errno ? -errno : -EIO;
    return 0;
}
