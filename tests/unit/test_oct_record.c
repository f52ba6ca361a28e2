/* SPDX-License-Identifier: MIT
 *
 * Records and queries of octopus: what is read, what matches, what is refused.
 */
/* link: guest/user/lib/octopus/record.c */
#include <criterion/criterion.h>
#include <octopus/record.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool matches(const char *text, const char *wanted)
{
    static struct oct_record record, query;
    size_t at = 0;
    cr_assert_eq(oct_record_parse(text, false, &record, &at), SYS_ERR_OK, "%s at %zu", text, at);
    cr_assert_eq(oct_record_parse(wanted, true, &query, &at), SYS_ERR_OK, "%s at %zu", wanted, at);
    return oct_record_matches(&record, &query);
}

Test(oct_record, matches_names_values_and_comparisons)
{
    const char *record = "hw.core.3 { enabled: 1, kind: x86, text: 'two words', low: -7 }";
    cr_expect(matches(record, "hw.core.3"));
    cr_expect(matches(record, "_"));
    cr_expect(matches(record, "_ { kind: _ }"));
    cr_expect(matches(record, "{ kind: x86 }"));
    cr_expect(matches(record, "hw.core.3 { enabled: 1, text: 'two words' }"));
    cr_expect(
        matches(record, "r'core' { enabled: > 0, low: < 0, low: >= -7, low: <= -7, low: != 1 }"));
    cr_expect(matches(record, "r'^hw\\.core\\.[0-9]+$'"));
    cr_expect(matches(record, "r'^hx|core.3$'"));
    cr_expect_not(matches(record, "r'^hw?x*hw' { text: r'w[nop]r' }"));
    cr_expect(matches(record, "r'^h?w?x*.core' { text: r'w[nop]r' }"));
    cr_expect(matches(record, "_ { kind: >= 'x' }"));
    cr_expect_not(matches(record, "hw.core.4"));
    cr_expect_not(matches(record, "_ { missing: _ }"));
    cr_expect_not(matches(record, "_ { enabled: > 1 }"));
    cr_expect_not(matches(record, "_ { kind: != x86 }"));
    cr_expect_not(matches(record, "r'^core'"));
    cr_expect_not(matches(record, "r'[^a-z.0-9]'"));
    cr_expect_not(matches(record, "_ { kind: 86 }"));
}

Test(oct_record, says_where_it_is_malformed)
{
    static const struct {
        const char *text;
        size_t at;
    } bad[] = { { "x {", 3 },          { "x { a }", 6 },        { "x { a: }", 7 },
                { "x { a: 1,, }", 9 }, { "x { a: 'b }", 7 },    { "x y", 2 },
                { "x { a: > 1 }", 7 }, { "x { a: _b- ! }", 11 } };
    static struct oct_record record;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        size_t at = 0;
        cr_expect_eq(oct_record_parse(bad[i].text, false, &record, &at), OCT_ERR_PARSER_FAIL, "%s",
                     bad[i].text);
        cr_expect_eq(at, bad[i].at, "%s: at %zu", bad[i].text, at);
    }
    cr_expect_eq(oct_record_parse("{ a: 1 }", false, &record, NULL), OCT_ERR_NO_RECORD_NAME);
    cr_expect_eq(oct_record_parse("", false, &record, NULL), OCT_ERR_NO_RECORD_NAME);
}

Test(oct_record, is_printed_as_it_is_read)
{
    static struct oct_record record;
    char text[OCT_RECORD_BYTES];
    const char *all[] = { "a", "a.b { x: 1 }", "c { x: 'y z', w: -3, v: name }" };
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(oct_record_parse(all[i], false, &record, NULL), SYS_ERR_OK);
        cr_assert(oct_record_print(&record, NULL, text, sizeof(text)));
        cr_expect_str_eq(text, all[i]);
    }
    cr_expect_not(oct_record_print(&record, NULL, text, 10));
}

Test(oct_record, survives_any_text)
{
    static const char pieces[] = "ab1 {}:,'r_%ds<>=!*+?[]^$|\\.-";
    static struct oct_record record, query;
    uint32_t state = 1;
    for (unsigned round = 0; round < 200000; round++) {
        char text[40];
        const unsigned length = round % sizeof(text);
        for (unsigned i = 0; i < length; i++) {
            state = state * 1664525 + 1013904223;
            text[i] = pieces[(state >> 16) % (sizeof(pieces) - 1)];
        }
        text[length] = '\0';
        const bool plain = err_is_ok(oct_record_parse(text, false, &record, NULL));
        if (err_is_ok(oct_record_parse(text, true, &query, NULL)) && plain)
            oct_record_matches(&record, &query);
    }
}

/* An expression with as many repetitions as fit, over a text that any of them may take: neither
 * time nor stack grows with the ways there are. */
Test(oct_record, expressions_are_matched_in_bounded_time_and_stack)
{
    char text[OCT_RECORD_BYTES], wanted[OCT_RECORD_BYTES] = "r'";
    memset(text, 'a', 199);
    text[199] = '\0';
    cr_expect_not(matches(text, "r'^a*a*a*a*a*a*a*a*a*a*a*b$'"));
    cr_expect(matches(text, "r'^a*a*a*a*a*a*a*a*a*a*a*a+a?$'"));
    cr_expect(matches(text, "r'^[^b]+$'"));
    cr_expect_not(matches(text, "r'^a?a?$'"));
    cr_expect(matches(text, "r'b|c|aa$'"));

    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (size_t i = 2; i + 4 < sizeof(wanted); i += 2)
        memcpy(wanted + i, "a*", 2);
    memcpy(wanted + sizeof(wanted) - 4, "b'", 3);
    for (unsigned i = 0; i < 1000; i++)
        cr_assert_not(matches(text, wanted));
    /* one long class, looked through for each character */
    memset(wanted, 'b', sizeof(wanted));
    memcpy(wanted, "r'[", 3);
    memcpy(wanted + sizeof(wanted) - 5, "]+'", 4);
    for (unsigned i = 0; i < 1000; i++)
        cr_assert_not(matches(text, wanted));
}

/* The same by going back, without bounds, as the definition has it: all expressions of up to four
 * singles over all texts of up to three characters. */
static bool goes(const char *regex, const char *text)
{
    if (*regex == '\0')
        return true;
    const char c = *regex, mark = regex[1];
    const bool single = *text != '\0' && (c == '.' || c == *text);
    if (mark == '*' || mark == '?')
        return goes(regex + 2, text) || (single && goes(mark == '*' ? regex : regex + 2, text + 1));
    if (mark == '+')
        return single && (goes(regex, text + 1) || goes(regex + 2, text + 1));
    return single && goes(regex + 1, text + 1);
}

Test(oct_record, expressions_match_as_the_definition_says)
{
    static const char *const pieces[] = { "a", "b", ".", "a*", "b*", ".*", "a?", "b?", "a+", "b+" };
    enum { PIECES = sizeof(pieces) / sizeof(pieces[0]), TEXTS = 14 };
    static const char *const texts[TEXTS] = { "a",   "b",   "aa",  "ab",  "ba",  "bb",  "aaa",
                                              "aab", "aba", "abb", "baa", "bab", "bba", "bbb" };
    for (unsigned i = 0; i < PIECES * PIECES * PIECES * PIECES; i++) {
        char regex[16] = "", wanted[24];
        for (unsigned rest = i; rest > 0; rest /= PIECES) /* up to four of them */
            strcat(regex, pieces[rest % PIECES]);
        snprintf(wanted, sizeof(wanted), "r'^%s'", regex);
        for (unsigned t = 0; t < TEXTS; t++)
            cr_assert_eq(matches(texts[t], wanted), goes(regex, texts[t]), "%s on %s", wanted,
                         texts[t]);
    }
}
