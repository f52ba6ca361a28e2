/* SPDX-License-Identifier: MIT
 *
 * Records and queries of octopus: what is read, what matches, what is refused.
 */
/* link: guest/user/lib/octopus/record.c */
#include <criterion/criterion.h>
#include <octopus/record.h>
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
    /* an expression that goes back for ever gives up */
    char many[200];
    memset(many, 'a', 199);
    many[199] = '\0';
    cr_expect_not(matches(many, "r'a*a*a*a*a*a*a*a*a*a*a*b'"));
}
