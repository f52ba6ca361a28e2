/* SPDX-License-Identifier: MIT
 *
 * What of a line counts:
 *
 *   1. whose it is: a program's.  The system's own domains and the CPU driver tell of the machine,
 *      which is another one on each engine;
 *   2. lines that the scenario leaves out (`compare`) do not;
 *   3. a line that it expects by a regular expression may be any that matches;
 *   4. parts of others may differ, where it says so (`compare`).
 */
#include "report/comparable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tre/tre.h>

#include "scenario/scenario.h"
#include "scenario/text.h"

static bool is_program(const struct scenario *scenario, const char *speaker)
{
    static const char *const system[] = { "cpu", "init", "monitor", "mem_serv" };
    const struct menu *menu = &scenario->menu;
    for (size_t i = 0; i < sizeof(system) / sizeof(system[0]); i++)
        if (strcmp(speaker, system[i]) == 0)
            return false;
    for (size_t i = 0; i < menu->module_count; i++)
        if (menu->modules[i].boot && strcmp(speaker, path_base(menu->modules[i].path)) == 0)
            return false;
    return true;
}

/* The scenario was checked: it is an expression. */
static bool text_matches(const char *expression, const char *text)
{
    regex_t regex;
    if (tre_regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB) != 0)
        return false; /* the host has no memory: the line counts as it is */
    const bool matches = tre_regexec(&regex, text, 0, NULL, 0) == 0;
    tre_regfree(&regex);
    return matches;
}

/* The expression that the scenario expects and the line matches, or NULL. */
static const char *expected_as(const struct scenario *scenario, const char *text)
{
    for (size_t i = 0; i < scenario->expectation_count; i++) {
        const struct expectation *is = &scenario->expectations[i];
        if (is->kind == EXPECT_CONSOLE && is->regex && text_matches(is->pattern, text))
            return is->pattern;
    }
    return NULL;
}

static bool is_left_out(const struct scenario *scenario, const char *text)
{
    for (size_t i = 0; i < scenario->variance_count; i++) {
        const struct scenario_variance *is = &scenario->variances[i];
        if (is->whole_line && text_matches(is->expression, text))
            return true;
    }
    return false;
}

static void write_without_parts(FILE *out, const regex_t *regex, const char *expression,
                                const char *text)
{
    regmatch_t match;
    const char *at = text;
    while (*at && tre_regexec(regex, at, 1, &match, at == text ? 0 : REG_NOTBOL) == 0 &&
           match.rm_eo > match.rm_so) {
        fprintf(out, "%.*s{%s}", (int)match.rm_so, at, expression);
        at += match.rm_eo;
    }
    fputs(at, out);
}

/* Each part that matches becomes `{EXPRESSION}`.  The text is malloc'ed; NULL: no memory. */
static char *without_parts(const char *expression, const char *text)
{
    char *result = NULL;
    size_t bytes = 0;
    regex_t regex;
    if (tre_regcomp(&regex, expression, REG_EXTENDED) != 0)
        return NULL;
    FILE *out = open_memstream(&result, &bytes);
    if (out)
        write_without_parts(out, &regex, expression, text);
    tre_regfree(&regex);
    if (out && fclose(out) == 0)
        return result;
    free(result);
    return NULL;
}

bool comparable_text(const void *context, const char *speaker, const char *text, char **counts)
{
    const struct scenario *scenario = context;
    *counts = NULL;
    if (!is_program(scenario, speaker) || is_left_out(scenario, text))
        return true;
    const char *expected = expected_as(scenario, text);
    *counts = strdup(expected ? expected : text);
    for (size_t i = 0; !expected && *counts && i < scenario->variance_count; i++) {
        if (scenario->variances[i].whole_line)
            continue;
        char *before = *counts;
        *counts = without_parts(scenario->variances[i].expression, before);
        free(before);
    }
    return *counts != NULL;
}
