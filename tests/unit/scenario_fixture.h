/* SPDX-License-Identifier: MIT
 *
 * What the tests of scenario files share: parsing a text, and looking for an error at its place.
 */
#ifndef TESTS_UNIT_SCENARIO_FIXTURE_H
#define TESTS_UNIT_SCENARIO_FIXTURE_H

#include <criterion/criterion.h>
#include <string.h>

#include "scenario/scenario.h"

#define BOOT "boot:\n  - kernel /boot/cpu\n  - module /sbin/init\n"

static struct diags diags;

static inline struct scenario *parse(const char *text)
{
    diags_free(&diags);
    return scenario_parse("t.yaml", text, strlen(text), NULL, 0, &diags);
}

static inline struct scenario *good(const char *text)
{
    struct scenario *scenario = parse(text);
    if (!scenario)
        diags_print(&diags, stderr);
    cr_assert_not_null(scenario, "refused: %s", text);
    return scenario;
}

/* Is there an error at line:column (0 = any) whose message contains `part`? */
static inline bool reported(unsigned line, unsigned column, const char *part)
{
    for (size_t i = 0; i < diags.count; i++) {
        const struct diag *diag = &diags.list[i];
        if (diag->severity == DIAG_ERROR && (!line || diag->place.line == line) &&
            (!column || diag->place.column == column) && strstr(diag->message, part))
            return true;
    }
    return false;
}

static inline void bad(const char *text, unsigned line, unsigned column, const char *part)
{
    struct scenario *scenario = parse(text);
    cr_expect_null(scenario, "accepted: %s", text);
    scenario_free(scenario);
    bool found = reported(line, column, part);
    if (!found)
        diags_print(&diags, stderr);
    cr_expect(found, "no error %u:%u with '%s' for:\n%s", line, column, part, text);
    diags_free(&diags);
}

#endif
