/* SPDX-License-Identifier: MIT
 *
 * Comparing what two runs said: times and interleaving may differ, and nothing else.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "report/transcript.h"

/* How many messages were sent may differ. */
static bool take(const void *context, const char *speaker, const char *text, char **counts)
{
    (void)context;
    *counts = strcmp(speaker, "nobody") == 0 ? NULL
              : strstr(text, "may differ")   ? strdup("a count")
                                             : strdup(text);
    return *counts || strcmp(speaker, "nobody") == 0;
}

static struct transcript *read_text(const char *text)
{
    FILE *file = fmemopen((char *)text, strlen(text), "r");
    struct transcript *transcript = transcript_read(file, take, NULL);
    fclose(file);
    cr_assert_not_null(transcript);
    return transcript;
}

static char difference[256];
static size_t compared;

static bool same(const char *a, const char *b, bool whole)
{
    struct transcript *one = read_text(a), *other = read_text(b);
    difference[0] = '\0';
    bool is = transcript_same(one, other, whole, difference, sizeof(difference), &compared);
    transcript_free(one);
    transcript_free(other);
    return is;
}

#define FIRST                                \
    "demo: seed 1\n"                         \
    "[    0.000001 0] a: begins\n"           \
    "[    0.000002 1] b: 7 messages sent\n"  \
    "[    0.000003 0] a: took 12.5 us, ok\n" \
    "PASS demo  0.1 s\n"

Test(transcript, times_and_interleaving_may_differ)
{
    cr_expect(same(FIRST,
                   "[    3.000001 1] b: 7 messages sent\n[    9.100001  0] a: begins\n"
                   "[    9.200003  0] a: took 900 us, ok\n",
                   true),
              "%s", difference);
    cr_expect_eq(compared, 3);
}

Test(transcript, a_counter_that_differs_is_found)
{
    cr_expect(!same(FIRST,
                    "[    0.000001 0] a: begins\n[    0.000002 1] b: 8 messages sent\n"
                    "[    0.000003 0] a: took 12.5 us, ok\n",
                    true));
    cr_expect_str_eq(difference, "core 1, b, line 1: \"7 messages sent\" and \"8 messages sent\"");
}

Test(transcript, another_core_another_program_or_another_order_is_a_difference)
{
    cr_expect(!same(FIRST,
                    "[    0.000001 0] a: begins\n[    0.000002 0] b: 7 messages sent\n"
                    "[    0.000003 0] a: took 12.5 us, ok\n",
                    true));
    cr_expect(!same("[ 0.1 0] a: x\n[ 0.2 0] a: y\n", "[ 0.1 0] a: y\n", false));
}

Test(transcript, instances_of_one_program_may_take_turns)
{
    cr_expect(same("[ 0.1 0] a: x\n[ 0.2 0] a: y\n", "[ 0.1 0] a: y\n[ 0.2 0] a: x\n", true));
    cr_expect(!same("[ 0.1 0] a: x\n[ 0.2 0] a: x\n", "[ 0.1 0] a: y\n[ 0.2 0] a: x\n", true));
}

Test(transcript, a_run_that_was_ended_early_counts_as_far_as_it_got)
{
    static const char early[] = "[    0.000001 0] a: begins\n";
    cr_expect(same(FIRST, early, false), "%s", difference);
    cr_expect_eq(compared, 1);
    cr_expect(!same(FIRST, early, true));
    cr_expect(!same(early, FIRST, true));
    cr_expect(same("", "", true));
    cr_expect_eq(compared, 0);
}

Test(transcript, what_a_line_means_counts_if_somebody_says_so)
{
    cr_expect(same("[    0.1 0] a: 7 may differ\n", "[    0.1 0] a: 8 may differ\n", true));
    cr_expect_not(same("[    0.1 0] a: 7 may differ\n", "[    0.1 0] a: 8 may not\n", true));
    cr_expect(same("[    0.1 0] a: 7\n", "[    0.1 0] nobody: 8\n[    0.1 0] a: 7\n", true));
}
