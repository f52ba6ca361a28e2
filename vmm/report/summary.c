/* SPDX-License-Identifier: MIT
 *
 * Summary of a run.  One line always, the last one; before it, when the verdict is not PASS, the
 * last lines of each core, the machine's post-mortem, and each expectation that does not hold
 * with the place where it was written; with -v the numbers.  A failure fits a screen unless
 * --full or -v asks for all.  Pure output: decides nothing.
 */
#include "report/summary.h"

#include <string.h>

#include "scenario/text.h"

#define SCREEN_LINES 24      /* of the console, of all cores together, unless all is asked for */
#define SCREEN_LINES_LEAST 2 /* of each core */
#define QUIET_LINES 6        /* of the post-mortem */
#define TABLE_CORES_MAX 8    /* with more, exits are shown in sum only */

static void print_headline(const struct summary *summary, FILE *out)
{
    static const char *const colours[] = { "\033[1;32m", "\033[1;31m", "\033[1;31m", "\033[1;33m" };
    const struct run_result *result = summary->result;
    fprintf(out, "%s%s%s %s  %.2f s  %s  %u core%s",
            summary->colour ? colours[result->verdict] : "", verdict_name(result->verdict),
            summary->colour ? "\033[0m" : "", summary->scenario->name,
            (double)result->wall_ns / 1e9, result->engine, result->core_count,
            result->core_count == 1 ? "" : "s");
    if (result->virtual_time)
        fprintf(out, "  seed %llu  virtual %.6f s", (unsigned long long)result->seed,
                (double)result->machine_ns / 1e9);
    if (result->state_hash[0] && summary->verbosity >= 1)
        fprintf(out, "  hash %s", result->state_hash);
    fprintf(out, "  %s\n", result->detail);
}

static const struct report_line *violating_line(const struct summary *summary,
                                                const struct expectation *expectation)
{
    /* A matcher with this one expectation finds the line that violated it. */
    struct scenario one = { .expectations = (struct expectation *)expectation,
                            .expectation_count = 1 };
    struct matcher *matcher = matcher_create(&one);
    const struct report_line *found = NULL;
    for (size_t i = 0; matcher && !found && i < summary->line_count; i++) {
        const struct report_line *line = &summary->lines[i];
        matcher_line(matcher, line->core, line->speaker, line->text);
        if (matcher_count(matcher, 0) > 0)
            found = line;
    }
    matcher_destroy(matcher);
    return found;
}

static void print_expectations(const struct summary *summary, FILE *out)
{
    char text[1400], account[256];
    for (size_t i = 0; i < summary->scenario->expectation_count; i++) {
        const struct expectation *expectation = &summary->scenario->expectations[i];
        if (matcher_holds(summary->matcher, i))
            continue;
        fprintf(out, "  does not hold: ");
        if (expectation->place.line)
            fprintf(out, "%s:%u:%u: ", expectation->place.file, expectation->place.line,
                    expectation->place.column);
        else
            fprintf(out, "%s: ", expectation->place.file);
        expectation_text(expectation, text, sizeof(text));
        text_write(out, text, strlen(text));
        const struct report_line *line =
            expectation->kind == EXPECT_NOT ? violating_line(summary, expectation) : NULL;
        if (line)
            fprintf(out, "\n    but core %u printed: %s", line->core, line->text);
        else if (*matcher_account(summary->matcher, i, account, sizeof(account)))
            fprintf(out, " (%s)", account);
        fputc('\n', out);
    }
}

/* How many of its last lines each core gets. */
static size_t lines_of_each(const struct summary *summary)
{
    unsigned cores = 0;
    for (unsigned core = 0; core < summary->result->core_count; core++)
        cores += summary->core_lines[core] > 0;
    size_t each = cores ? SCREEN_LINES / cores : REPORT_LAST_LINES;
    if (summary->full || each > REPORT_LAST_LINES)
        return REPORT_LAST_LINES;
    return each < SCREEN_LINES_LEAST ? SCREEN_LINES_LEAST : each;
}

static void print_last_lines(const struct summary *summary, FILE *out)
{
    const size_t most = lines_of_each(summary);
    for (unsigned core = 0; core < summary->result->core_count; core++) {
        unsigned long long total = summary->core_lines[core];
        size_t from = summary->line_count, found = 0;
        for (size_t i = summary->line_count; i-- > 0;) {
            if (summary->lines[i].core != core)
                continue;
            if (found < most) {
                found++;
                from = i;
            }
        }
        if (total == 0) {
            fprintf(out, "  core %u printed nothing\n", core);
            continue;
        }
        fprintf(out, "  core %u, last %zu of %llu line%s:\n", core, found, total,
                total == 1 ? "" : "s");
        for (size_t i = from; i < summary->line_count; i++) {
            const struct report_line *line = &summary->lines[i];
            if (line->core == core)
                fprintf(out, "    %llu.%06llu %s: %s\n",
                        (unsigned long long)(line->time_ns / 1000000000),
                        (unsigned long long)(line->time_ns / 1000 % 1000000),
                        line->speaker[0] ? line->speaker : "cpu", line->text);
        }
    }
}

/* The machine's own account, indented, its bytes cleaned (it quotes names from guest memory). */
static void print_postmortem(const struct summary *summary, FILE *out)
{
    const struct run_result *result = summary->result;
    const char *text = summary->full || !result->brief ? result->postmortem : result->brief;
    bool quiet = summary->verbosity < 0 && !summary->full;
    for (unsigned line = 0; text && *text && !(quiet && line == QUIET_LINES); line++) {
        size_t length = strcspn(text, "\n");
        fputs("  ", out);
        text_write(out, text, length);
        fputc('\n', out);
        text += length;
        text += *text == '\n';
    }
}

static void print_numbers(const struct summary *summary, FILE *out)
{
    const struct run_result *result = summary->result;
    const struct engine_stats *stats = &result->stats;
    bool columns = stats->core_count > 1 && stats->core_count <= TABLE_CORES_MAX;
    fprintf(out, "  exits by reason %10s", "all");
    for (unsigned core = 0; columns && core < stats->core_count; core++)
        fprintf(out, "   core %u", core);
    fputc('\n', out);
    for (unsigned counter = 0; counter < ENGINE_EXITS; counter++) {
        uint64_t sum = 0;
        for (unsigned core = 0; core < stats->core_count; core++)
            sum += stats->core[core].exit[counter];
        if (sum == 0)
            continue;
        fprintf(out, "    %-16s%8llu", engine_counter_name((enum engine_counter)counter),
                (unsigned long long)sum);
        for (unsigned core = 0; columns && core < stats->core_count; core++)
            fprintf(out, "%9llu", (unsigned long long)stats->core[core].exit[counter]);
        fputc('\n', out);
    }
    uint64_t interrupts = 0, instructions = 0, blocks = 0;
    for (unsigned core = 0; core < stats->core_count; core++) {
        interrupts += stats->core[core].interrupts;
        instructions += stats->core[core].instructions;
        blocks += stats->core[core].blocks;
    }
    fprintf(out, "  interrupts %llu", (unsigned long long)interrupts);
    if (instructions)
        fprintf(out, "  instructions %llu", (unsigned long long)instructions);
    if (blocks)
        fprintf(out, "  blocks %llu", (unsigned long long)blocks);
    const struct machine_stats *machine = &result->machine_stats;
    fprintf(out, "  system calls %llu  upcalls %llu", (unsigned long long)machine->syscalls,
            (unsigned long long)machine->upcalls);
    if (machine->trace_lost)
        fprintf(out, " (short of %llu records lost)", (unsigned long long)machine->trace_lost);
    if (machine->bad_requests)
        fprintf(out, "  bad requests %llu", (unsigned long long)machine->bad_requests);
    fprintf(out, "\n  machine time %.6f s  seed %llu  kernel %llu KiB\n",
            (double)result->machine_ns / 1e9, (unsigned long long)result->seed,
            (unsigned long long)(machine->kernel_bytes / 1024));
}

void summary_print(const struct summary *summary, FILE *out)
{
    const struct run_result *result = summary->result;
    if (result->verdict != VERDICT_PASS) {
        /* One core whose lines stand right above needs no repetition, and who wants quiet none. */
        bool shown = summary->verbosity < 0 || result->core_count == 1;
        if (summary->full || (result->verdict != VERDICT_INTERRUPTED && !shown))
            print_last_lines(summary, out);
        print_postmortem(summary, out);
        /* A replay asks whether it is the same run, not whether the scenario holds. */
        if (result->verdict == VERDICT_FAIL && strcmp(result->reason, "differs") != 0)
            print_expectations(summary, out);
        if (result->verdict == VERDICT_FAIL && summary->scenario->fault_count > 0)
            fault_summary_print(summary, out);
    }
    if (summary->verbosity >= 1)
        print_numbers(summary, out);
    print_headline(summary, out); /* last, where the eye is */
}
