/* SPDX-License-Identifier: MIT
 *
 * What of a line must be the same on all engines, as the scenario says it: whose lines, what it
 * expects by an expression, and section `compare` with each mistake at its place.
 */
#include <stdio.h>
#include <stdlib.h>

#include "report/comparable.h"
#include "report/transcript.h"
#include "scenario_fixture.h"

#define HEAD "scenario: a\n" BOOT "compare:\n"
#define RULES                                                            \
    HEAD "  - {part: \"[0-9]+ of [0-9]+ refused\", because: timing}\n"   \
         "  - {line: \"AVX is undefined here$\", because: processors}\n" \
         "expect: [{console: {regex: \"^found [0-9]+$\"}}]\n"

static struct transcript *read_text(const struct scenario *scenario, const char *text)
{
    FILE *file = fmemopen((char *)text, strlen(text), "r");
    struct transcript *transcript = transcript_read(file, comparable_text, scenario);
    fclose(file);
    cr_assert_not_null(transcript);
    return transcript;
}

static bool same(const struct scenario *scenario, const char *a, const char *b)
{
    char difference[256];
    size_t compared;
    struct transcript *one = read_text(scenario, a), *other = read_text(scenario, b);
    bool is = transcript_same(one, other, true, difference, sizeof(difference), &compared);
    transcript_free(one);
    transcript_free(other);
    return is;
}

#define SAID(text) "[    0.1 0] a: " text "\n"

Test(comparable, what_the_scenario_names_may_differ_and_nothing_else)
{
    struct scenario *s = good(RULES);
    cr_expect(same(s, SAID("60 rounds, 4 of 9 refused"), SAID("60 rounds, 0 of 5 refused")));
    cr_expect_not(same(s, SAID("60 rounds, 4 of 9 refused"), SAID("61 rounds, 4 of 9 refused")),
                  "a counter beside the part that may differ");
    cr_expect_not(same(s, SAID("4 of 9 refused"), SAID("none refused")));
    cr_expect(same(s, SAID("x"), SAID("AVX is undefined here") SAID("x")));
    cr_expect_not(same(s, SAID("x"), SAID("AVX is undefined here") SAID("y")));
    cr_expect_not(same(s, SAID("x"), SAID("x") SAID("y")), "a line more");
    cr_expect(same(s, SAID("found 3"), SAID("found 4")), "expected by an expression");
    cr_expect_not(same(s, SAID("found 3"), SAID("found none")));
    cr_expect(
        same(s, SAID("1 of 2 refused, 3 of 4 refused"), SAID("5 of 6 refused, 7 of 8 refused")));
    cr_expect(same(s, "[    0.1 0] monitor: x\n", "[    0.1 0] cpu: y\n"), "the system's own");
    scenario_free(s);
    s = good("scenario: a\n" BOOT "  - module /sbin/skb boot\n");
    cr_expect(same(s, "[    0.1 0] skb: x\n", "[    0.1 0] skb: y\n"), "a service");
    cr_expect_not(same(s, SAID("1 of 2 refused"), SAID("2 of 2 refused")));
    scenario_free(s);
}

Test(comparable, rules_are_written_back)
{
    struct scenario *s = good(RULES);
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    cr_assert_eq(scenario_write(s, out), 0);
    fclose(out);
    scenario_free(s);
    s = good(text);
    cr_assert_eq(s->variance_count, 2);
    cr_expect_str_eq(s->variances[0].expression, "[0-9]+ of [0-9]+ refused");
    cr_expect_not(s->variances[0].whole_line);
    cr_expect(s->variances[1].whole_line);
    cr_expect_str_eq(s->variances[1].reason, "processors");
    scenario_free(s);
    free(text);
}

Test(comparable, mistakes)
{
    bad("scenario: a\n" BOOT "compare: no\n", 5, 10, "expected a list of what may differ");
    bad("scenario: a\n" BOOT "compare: []\n", 5, 10, "found an empty one");
    bad(HEAD "  - {part: x}\n", 6, 5, "because");
    bad(HEAD "  - {because: x}\n", 6, 5, "one of the keys part, line");
    bad(HEAD "  - {part: x, line: y, because: z}\n", 6, 5, "one of the keys part, line");
    bad(HEAD "  - {part: x, because: \"\"}\n", 6, 0, "explains nothing");
    bad(HEAD "  - {part: \"\", because: x}\n", 6, 0, "of 1 to 1024 bytes");
    bad(HEAD "  - {part: \"(\", because: x}\n", 6, 0, "regular expression");
    bad(HEAD "  - {line: \".*\", because: x}\n", 6, 0, "matches an empty text");
    bad(HEAD "  - {lin: x, because: y}\n", 6, 6, "did you mean 'line'?");
    bad(HEAD "  - x\n", 6, 5, "");
    static char text[1 << 14];
    int used = snprintf(text, sizeof(text), HEAD);
    for (int i = 0; i <= SCENARIO_VARIANCES_MAX; i++)
        used += snprintf(text + used, sizeof(text) - (size_t)used, "  - {part: a, because: b}\n");
    bad(text, 6, 0, "65 entries; at most 64");
}
