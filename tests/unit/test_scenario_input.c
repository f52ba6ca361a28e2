/* SPDX-License-Identifier: MIT
 *
 * Section `input` of scenario files: what it means, that it is written back as it was, and that
 * each mistake is reported at its place.
 */
#include <stdlib.h>

#include "scenario_fixture.h"

#define HEAD "scenario: a\n" BOOT "input:\n"

static void check(const struct scenario *s)
{
    cr_assert_eq(s->input_count, 5);
    cr_expect_str_eq(s->input[0].text, "help\n");
    cr_expect_null(s->input[0].after.text);
    cr_expect_str_eq(s->input[1].text, "\n");
    cr_expect_str_eq(s->input[1].after.text, "ready");
    cr_expect_eq(s->input[1].at_ns, 2000000);
    cr_expect_str_eq(s->input[2].text, "a\tb\x03\nc");
    cr_expect(s->input[2].after.regex);
    cr_expect_not_null(s->input[2].after.compiled);
    cr_expect_str_eq(s->input[3].text, "12\n");
    cr_expect_null(s->input[4].text);
}

Test(scenario_input, pieces_are_read_and_written_back)
{
    struct scenario *s = good(HEAD "  - help\n"
                                   "  - {line: \"\", at: 2 ms, after: ready}\n"
                                   "  - {bytes: \"a\\tb\\x03\\nc\", after: {regex: \"x+\"}}\n"
                                   "  - line: 12\n"
                                   "  - end: true\n");
    check(s);
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    cr_assert_eq(scenario_write(s, out), 0);
    fclose(out);
    struct scenario *again = good(text);
    check(again);
    scenario_free(again);
    scenario_free(s);
    free(text);
}

Test(scenario_input, mistakes)
{
    bad("scenario: a\n" BOOT "input: help\n", 5, 8, "expected a list of lines, found text");
    bad("scenario: a\n" BOOT "input: []\n", 5, 8, "found an empty one");
    bad(HEAD "  - {at: 1 s}\n", 6, 5, "one of the keys line, bytes, end");
    bad(HEAD "  - {line: a, bytes: b}\n", 6, 5, "one of the keys line, bytes, end");
    bad(HEAD "  - {lin: a}\n", 6, 6, "did you mean 'line'?");
    bad(HEAD "  - [a]\n", 6, 5, "expected text, found a list");
    bad(HEAD "  -\n", 6, 0, "expected text, found nothing");
    bad(HEAD "  - {bytes: \"\"}\n", 6, 0, "gives nothing");
    bad(HEAD "  - \"a\\nb\"\n", 6, 5, "contains a line break");
    bad(HEAD "  - {end: false}\n", 6, 0, "expected true");
    bad(HEAD "  - {end: true}\n  - more\n", 7, 5, "nothing behind `end`");
    bad(HEAD "  - {line: a, at: 1 h}\n", 6, 0, "1 h");
    bad(HEAD "  - {line: a, at: 31 s}\n", 6, 0, "after the deadline");
    bad(HEAD "  - {line: a, after: \"\"}\n", 6, 0, "empty text");
    bad(HEAD "  - {line: a, after: {regex: \"(\"}}\n", 6, 0, "regular expression");
    bad(HEAD "  - {line: a, after: [b]}\n", 6, 0, "expected text");
}

Test(scenario_input, long_lines_and_many_are_refused)
{
    static char text[3 << 20];
    int used = snprintf(text, sizeof(text), HEAD "  - ");
    memset(text + used, 'x', SCENARIO_INPUT_MAX - 1);
    strcpy(text + used + SCENARIO_INPUT_MAX - 1, "\n");
    scenario_free(good(text));
    memset(text + used, 'x', SCENARIO_INPUT_MAX);
    strcpy(text + used + SCENARIO_INPUT_MAX, "\n");
    bad(text, 6, 5, "4097 bytes; at most 4096");
    used = snprintf(text, sizeof(text), HEAD);
    for (int i = 0; i <= SCENARIO_INPUTS_MAX; i++)
        used += snprintf(text + used, sizeof(text) - (size_t)used, "  - a\n");
    bad(text, 6, 0, "1025 entries; at most 1024");
}
