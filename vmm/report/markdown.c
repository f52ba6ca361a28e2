/* SPDX-License-Identifier: MIT
 *
 * The results of runs for the pages of CI systems: a summary in Markdown, and annotations as
 * GitHub's workflow commands, each at the line of the scenario that does not hold.
 *
 * What comes from guests and files is text: characters that mean something to Markdown, HTML or a
 * workflow command are escaped.
 */
#include "report/files.h"

#include <errno.h>
#include <string.h>

static const char *word(const json_t *item, const char *key)
{
    const char *text = json_string_value(json_object_get(item, key));
    return text ? text : "";
}

static bool passed(const json_t *item)
{
    return strcmp(word(item, "verdict"), "pass") == 0;
}

/* As text in a cell of a table. */
static void put_markdown(FILE *out, const char *text)
{
    for (; *text; text++)
        if (strchr("\\`*_{}[]<>()#+-.!|~&@", *text))
            fprintf(out, "&#%d;", (unsigned char)*text);
        else
            fputc(*text == '\n' ? ' ' : *text, out);
}

static void put_row(FILE *out, const json_t *item)
{
    fprintf(out, "| %s | ", passed(item) ? "pass" : "**fail**");
    put_markdown(out, word(item, "scenario"));
    fputs(" | ", out);
    put_markdown(out, word(item, "engine"));
    fprintf(out, " | %s | %.1f s | ", word(item, "seed"),
            (double)json_integer_value(json_object_get(item, "wall_ns")) / 1e9);
    put_markdown(out, word(item, "detail"));
    fputs(" |\n", out);
}

/* Calls put for each expectation that does not hold. */
static void for_unmet(FILE *out, const json_t *item,
                      void (*put)(FILE *out, const json_t *item, const json_t *expectation))
{
    size_t i;
    const json_t *expectation;
    json_array_foreach(json_object_get(item, "expectations"), i, expectation)
    {
        if (!json_is_true(json_object_get(expectation, "holds")))
            put(out, item, expectation);
    }
}

static void put_unmet(FILE *out, const json_t *item, const json_t *expectation)
{
    fputs("- ", out);
    put_markdown(out, word(item, "file"));
    fprintf(out, ":%lld: does not hold: ",
            (long long)json_integer_value(json_object_get(expectation, "line")));
    put_markdown(out, word(expectation, "says"));
    fputc('\n', out);
}

int report_files_write_markdown(const struct report_files *files, FILE *out)
{
    size_t i, good = 0, all = json_array_size(files->results);
    const json_t *item;
    json_array_foreach(files->results, i, item)
    {
        good += passed(item);
    }
    fprintf(out, "## vmm: %zu passed, %zu not\n\n", good, all - good);
    fputs("| | scenario | engine | seed | time | |\n|---|---|---|---|---|---|\n", out);
    json_array_foreach(files->results, i, item)
    {
        put_row(out, item);
    }
    fputc('\n', out);
    json_array_foreach(files->results, i, item)
    {
        if (passed(item))
            continue;
        for_unmet(out, item, put_unmet);
        if (*word(item, "again")) {
            fputs("- again: ", out);
            put_markdown(out, word(item, "again"));
            fputc('\n', out);
        }
    }
    return ferror(out) || fflush(out) != 0 ? -(errno ? errno : EIO) : 0;
}

/* In a workflow command: of a property (`all`), or of the message. */
static void put_command_text(FILE *out, const char *text, bool all)
{
    for (; *text; text++)
        if (strchr("%\r\n", *text) || (all && strchr(":,", *text)))
            fprintf(out, "%%%02X", (unsigned char)*text);
        else
            fputc(*text, out);
}

static void put_annotation(FILE *out, const json_t *item, const json_t *expectation)
{
    fputs("::error file=", out);
    put_command_text(out, word(item, "file"), true);
    fprintf(out, ",line=%lld,title=",
            (long long)json_integer_value(json_object_get(expectation, "line")));
    put_command_text(out, word(item, "scenario"), true);
    fputs("::does not hold: ", out);
    put_command_text(out, word(expectation, "says"), false);
    fputs("; ", out);
    put_command_text(out, word(item, "detail"), false);
    fputc('\n', out);
}

static void annotate_problems(FILE *out, const json_t *item)
{
    size_t i;
    const json_t *problem;
    json_array_foreach(json_object_get(item, "problems"), i, problem)
    {
        const long long line = (long long)json_integer_value(json_object_get(problem, "line"));
        fputs("::error file=", out);
        put_command_text(out, word(problem, "file"), true);
        if (line > 0)
            fprintf(out, ",line=%lld", line);
        fputs("::", out);
        put_command_text(out, word(problem, "says"), false);
        fputc('\n', out);
    }
}

void report_files_annotate(const struct report_files *files, FILE *out)
{
    size_t i;
    const json_t *item;
    json_array_foreach(files->results, i, item)
    {
        annotate_problems(out, item);
        if (!passed(item))
            for_unmet(out, item, put_annotation);
    }
}
