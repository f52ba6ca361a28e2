/* SPDX-License-Identifier: MIT
 *
 * Expectations in words, for the summary.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "scenario/matcher.h"
#include "scenario/units.h"

static void __attribute__((format(printf, 3, 4)))
append(char *text, size_t bytes, const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + used, bytes - used, format, args);
    va_end(args);
}

static void append_times(char *text, size_t bytes, const struct expectation *expectation)
{
    if (expectation->count > 1)
        append(text, bytes, ", %u times", expectation->count);
}

static void say_exit(const struct expectation *e, char *text, size_t bytes)
{
    append(text, bytes, "the machine exits with code %u", e->exit_code);
}

static void say_fired(const struct expectation *e, char *text, size_t bytes)
{
    append(text, bytes, "rule %s fires at least %u time%s", e->pattern, e->count,
           e->count == 1 ? "" : "s");
    if (e->most != UINT32_MAX)
        append(text, bytes, " and at most %u", e->most);
}

/* "ump.messages > 0", or "property NAME". */
static void say_value(const struct expectation *e, char *text, size_t bytes)
{
    if (e->comparison == COMPARE_NONE)
        append(text, bytes, "property %s", e->pattern);
    else
        append(text, bytes, "%s %s %" PRIu64, e->pattern, comparison_text[e->comparison], e->value);
}

static void say_line(const struct expectation *e, char *text, size_t bytes)
{
    bool no = e->kind == EXPECT_NOT;
    if (e->core != EXPECT_ANY_CORE)
        append(text, bytes, "core %d", e->core);
    else
        append(text, bytes, "%s", no ? "no core" : "some core");
    if (e->domain)
        append(text, bytes, " (%s)", e->domain);
    const char *quote = e->regex ? "/" : "\"";
    append(text, bytes, " %s %s%s%s", no && e->core != EXPECT_ANY_CORE ? "never prints" : "prints",
           quote, e->pattern, quote);
}

static void say_console(const struct expectation *e, char *text, size_t bytes)
{
    say_line(e, text, bytes);
    if (e->count > 1)
        append(text, bytes, " %u times", e->count);
    if (e->most != UINT32_MAX)
        append(text, bytes, ", at most %u", e->most);
}

static void say_recovered(const struct expectation *e, char *text, size_t bytes)
{
    char time[32];
    say_line(e, text, bytes);
    append(text, bytes, " within %s of a firing of its rule", format_duration(e->within_ns, time));
    append_times(text, bytes, e);
}

static void say_metric(const struct expectation *e, char *text, size_t bytes)
{
    say_value(e, text, bytes);
    append(text, bytes, " in the end");
}

static void say_always(const struct expectation *e, char *text, size_t bytes)
{
    append(text, bytes, "always ");
    say_value(e, text, bytes);
    append_times(text, bytes, e);
}

static void say_never(const struct expectation *e, char *text, size_t bytes)
{
    append(text, bytes, "never ");
    say_value(e, text, bytes);
}

static void say_sometimes(const struct expectation *e, char *text, size_t bytes)
{
    append(text, bytes, "sometimes ");
    say_value(e, text, bytes);
    append_times(text, bytes, e);
}

static void say_invariant(const struct expectation *e, char *text, size_t bytes)
{
    append(text, bytes, "the checker of %s finds nothing wrong", e->pattern);
}

char *expectation_text(const struct expectation *expectation, char *text, size_t bytes)
{
    static void (*const say[EXPECT_KINDS])(const struct expectation *, char *, size_t) = {
        [EXPECT_CONSOLE] = say_console,     [EXPECT_NOT] = say_line,
        [EXPECT_EXIT] = say_exit,           [EXPECT_FIRED] = say_fired,
        [EXPECT_RECOVERED] = say_recovered, [EXPECT_METRIC] = say_metric,
        [EXPECT_ALWAYS] = say_always,       [EXPECT_NEVER] = say_never,
        [EXPECT_SOMETIMES] = say_sometimes, [EXPECT_INVARIANT] = say_invariant,
    };
    text[0] = 0;
    say[expectation->kind](expectation, text, bytes);
    return text;
}
