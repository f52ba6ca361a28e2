/* SPDX-License-Identifier: MIT
 *
 * Expectations about recoveries, values that programs report, and invariants: how they are read,
 * when they hold, when they are violated, and what is said of them.
 */
#include "scenario_fixture.h"

#include "abi/report.h"
#include "scenario/matcher.h"

#define TOP "scenario: s\nmachine: {cores: 2}\n" BOOT
#define RULE "faults: [{name: late, when: {message: any}, do: {delay: 1 ms}, optional: true}]\n"
#define MS 1000000ull

TestSuite(matcher, .timeout = 60);

static struct scenario *scenario;
static struct matcher *m;

static void begin(const char *text)
{
    scenario = good(text);
    m = matcher_create(scenario);
}

static void end(void)
{
    matcher_destroy(m);
    scenario_free(scenario);
    diags_free(&diags);
}

static void line_at(uint64_t now_ns, const char *text)
{
    matcher_time(m, now_ns);
    matcher_line(m, 0, "app", text);
}

static void fired_at(uint64_t now_ns)
{
    matcher_time(m, now_ns);
    matcher_fired(m, 0);
}

static void counter(const char *name, uint64_t value)
{
    matcher_value(m, name, ABI_REPORT_COUNTER, value, 0, "app", 0);
}

static const char *account(size_t index)
{
    static char text[256];
    return matcher_account(m, index, text, sizeof(text));
}

static const char *words(size_t index)
{
    static char text[400];
    return expectation_text(&scenario->expectations[index], text, sizeof(text));
}

/* ---- recovered ---- */

Test(matcher, a_line_within_the_time_recovers)
{
    begin(TOP RULE "expect: [{recovered: {rule: late, within: 5 ms, until: back}, count: 2}]");
    cr_expect_str_eq(words(0),
                     "some core prints \"back\" within 5 ms of a firing of its rule, 2 times");
    line_at(1 * MS, "back"); /* nobody waits for it */
    cr_expect_not(matcher_holds(m, 0));
    fired_at(2 * MS);
    cr_expect_eq(matcher_state(m), MATCHER_OPEN);
    fired_at(3 * MS); /* the first one counts */
    line_at(4 * MS, "not yet");
    line_at(7 * MS, "we are back"); /* to the nanosecond */
    cr_expect_eq(matcher_count(m, 0), 1);
    cr_expect_str_eq(account(0), "1 times, 5 ms at most");
    fired_at(20 * MS);
    cr_expect_str_eq(account(0), "not since 20 ms");
    line_at(21 * MS, "back");
    cr_expect_eq(matcher_state(m), MATCHER_MET);
    fired_at(30 * MS);
    cr_expect_eq(matcher_state(m), MATCHER_OPEN, "it has to recover each time");
    end();
}

Test(matcher, a_line_from_before_the_fault_does_not_recover)
{
    begin(TOP RULE "expect: [{recovered: {rule: late, within: 5 ms, until: back}}]");
    fired_at(2 * MS);
    line_at(1 * MS, "back"); /* another core's, which reached the report later */
    cr_expect_eq(matcher_state(m), MATCHER_OPEN);
    cr_expect_str_eq(account(0), "not since 2 ms");
    line_at(3 * MS, "back");
    cr_expect_eq(matcher_state(m), MATCHER_MET);
    cr_expect_str_eq(account(0), "1 times, 1 ms at most");
    end();
}

Test(matcher, a_recovery_that_takes_too_long_is_a_violation)
{
    begin(TOP RULE "expect: [{recovered: {rule: late, within: 5 ms, until: {regex: 'b.ck'}}}]");
    fired_at(1 * MS);
    matcher_time(m, 6 * MS);
    cr_expect_eq(matcher_state(m), MATCHER_OPEN);
    matcher_time(m, 6 * MS + 1);
    cr_expect_eq(matcher_state(m), MATCHER_VIOLATED);
    line_at(7 * MS, "back");
    cr_expect_eq(matcher_state(m), MATCHER_VIOLATED, "late is late");
    end();
}

Test(matcher, recoveries_may_be_those_of_a_core_or_domain)
{
    begin(TOP RULE "expect: [{recovered: {rule: late, within: 5 ms, until: back}, core: 1, "
                   "domain: app}]");
    fired_at(1 * MS);
    line_at(1 * MS, "back");
    matcher_line(m, 1, "other", "back");
    cr_expect_eq(matcher_count(m, 0), 0);
    matcher_line(m, 1, "app", "back");
    cr_expect_eq(matcher_count(m, 0), 1);
    end();
}

/* ---- values ---- */

Test(matcher, a_metric_holds_as_things_stand)
{
    static const struct {
        const char *op;
        bool below, same, above; /* of 7 */
    } all[] = { { "==", false, true, false }, { "!=", true, false, true },
                { "<", true, false, false },  { "<=", true, true, false },
                { ">", false, false, true },  { ">=", false, true, true } };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), TOP "expect: [{metric: \"a.b %s 7\"}]", all[i].op);
        begin(text);
        cr_expect_not(matcher_holds(m, 0), "nobody has reported it");
        cr_expect_str_eq(account(0), "no program has reported it");
        counter("a.c", 7);
        cr_expect_str_eq(account(0), "no program has reported it");
        counter("a.b", 6);
        cr_expect_eq(matcher_holds(m, 0), all[i].below, "6 %s 7", all[i].op);
        counter("a.b", 7);
        cr_expect_eq(matcher_holds(m, 0), all[i].same, "7 %s 7", all[i].op);
        counter("a.b", UINT64_MAX);
        cr_expect_eq(matcher_holds(m, 0), all[i].above, "max %s 7", all[i].op);
        cr_expect_neq(matcher_state(m), MATCHER_VIOLATED, "it can still change");
        end();
    }
}

Test(matcher, always_never_and_sometimes_compare_each_value)
{
    begin(TOP "expect: [{always: 'x < 5', count: 2}, {never: 'x > 8'}, {sometimes: 'x==4'}]");
    cr_expect_str_eq(words(0), "always x < 5, 2 times");
    cr_expect_str_eq(words(1), "never x > 8");
    cr_expect_str_eq(words(2), "sometimes x == 4");
    counter("x", 1);
    cr_expect_not(matcher_holds(m, 0), "twice is wanted");
    counter("x", 4);
    cr_expect(matcher_holds(m, 0));
    cr_expect_eq(matcher_state(m), MATCHER_MET);
    counter("x", 5);
    cr_expect_not(matcher_holds(m, 0));
    cr_expect(matcher_is_violated(m, 0));
    cr_expect(matcher_holds(m, 1));
    counter("x", 9);
    cr_expect(matcher_is_violated(m, 1));
    cr_expect(matcher_holds(m, 2), "it did once");
    cr_expect_str_eq(account(1), "it is 9");
    end();
}

Test(matcher, properties_of_programs_go_by_name)
{
    begin(TOP "expect: [{always: p, count: 3}, {sometimes: q}, {never: r}]");
    cr_expect_str_eq(words(0), "always property p, 3 times");
    counter("p", 9); /* a counter of that name is none */
    cr_expect_str_eq(account(0), "no program has reported it");
    matcher_value(m, "p", ABI_REPORT_ALWAYS, 3, 0, "app", 0);
    matcher_value(m, "r", ABI_REPORT_SOMETIMES, 0, 5, "app", 0);
    cr_expect_eq(matcher_state(m), MATCHER_OPEN);
    matcher_value(m, "q", ABI_REPORT_SOMETIMES, 1, 8, "app", 0);
    cr_expect_eq(matcher_state(m), MATCHER_MET, "that q fails too is fine");
    matcher_value(m, "r", ABI_REPORT_SOMETIMES, 1, 5, "app", 0);
    cr_expect_eq(matcher_state(m), MATCHER_VIOLATED);
    cr_expect_str_eq(account(2), "it held 1 times, not 5 times");
    end();
}

Test(matcher, an_assertion_that_fails_ends_the_run_though_nothing_names_it)
{
    begin(TOP "expect: [{console: hello}]");
    cr_expect_null(matcher_broken_property(m));
    matcher_value(m, "p", ABI_REPORT_SOMETIMES, 0, 1, "app", 1);
    matcher_value(m, "p", ABI_REPORT_ALWAYS, 7, 0, "app", 1);
    cr_expect_eq(matcher_state(m), MATCHER_OPEN);
    matcher_value(m, "p", ABI_REPORT_ALWAYS, 7, 1, "app", 1);
    cr_expect_eq(matcher_state(m), MATCHER_VIOLATED);
    cr_expect_str_eq(matcher_broken_property(m), "p does not hold in app on core 1");
    end();
}

/* ---- invariants ---- */

Test(matcher, invariants_are_judged_in_the_end)
{
    begin(TOP "expect: [{console: hello}, {invariants: [memory, channels]}]");
    cr_assert_eq(scenario->expectation_count, 3);
    cr_expect(scenario_wants(scenario, INVARIANT_CHANNELS));
    cr_expect_not(scenario_wants_values(scenario));
    line_at(0, "hello");
    cr_expect_eq(matcher_state(m), MATCHER_MET, "the run may end");
    cr_expect_not(matcher_holds(m, 1));
    cr_expect_str_eq(account(1), "the run did not end");
    matcher_invariant(m, INVARIANT_CHANNELS, NULL);
    cr_expect(matcher_holds(m, 1));
    matcher_invariant(m, INVARIANT_MEMORY, NULL);
    cr_expect_str_eq(account(2), "no memory server has reported");
    cr_expect_eq(matcher_state(m), MATCHER_VIOLATED);
    end();
}

Test(matcher, memory_that_is_neither_free_nor_lent_is_found)
{
    begin(TOP "expect: [{invariants: memory}]");
    matcher_value(m, "mem.lost", ABI_REPORT_GAUGE, 0, 0, "mem_serv", 0);
    matcher_invariant(m, INVARIANT_MEMORY, NULL);
    cr_expect(matcher_holds(m, 0));
    matcher_value(m, "mem.lost", ABI_REPORT_GAUGE, 4096, 0, "mem_serv", 0);
    matcher_invariant(m, INVARIANT_MEMORY, NULL);
    cr_expect_str_eq(account(0), "4096 bytes are neither free nor lent");
    end();
}

Test(matcher, a_checker_says_what_it_found)
{
    begin(TOP "expect: [{invariants: [channels]}]");
    matcher_invariant(m, INVARIANT_CHANNELS, "core 0 to 1: a line in slot 3 out of turn");
    cr_expect_eq(matcher_state(m), MATCHER_VIOLATED);
    cr_expect_str_eq(account(0), "core 0 to 1: a line in slot 3 out of turn");
    cr_expect_str_eq(words(0), "the checker of channels finds nothing wrong");
    end();
}

/* ---- reading ---- */

Test(matcher, mistakes_are_found_at_their_place)
{
    static const struct {
        const char *expect;
        unsigned column;
        const char *part;
    } all[] = {
        { "metric: ump.messages", 19,
          "is compared with nothing; expected as in \"ump.messages > 0\"" },
        { "metric: \"a => 3\"", 19, "compares by one of ==, !=, <, <=, >, >=" },
        { "metric: \"a ! 3\"", 19, "compares by one of" },
        { "metric: \"> 3\"", 19, "begins with the name of a value" },
        { "metric: \"a b > 3\"", 19, "a name has no blanks" },
        { "metric: \"a > many\"", 19, "many" },
        { "metric: \"a > -1\"", 19, "metric: " },
        { "metric: \"a > 1\", core: 0", 0, "core: has no meaning beside metric" },
        { "metric: \"a > 1\", count: 2", 0, "count: has no meaning beside metric" },
        { "never: p, count: 2", 0, "count: has no meaning beside never" },
        { "always: p, most: 2", 0, "most: has no meaning beside always" },
        { "always: p, never: q", 0, "exactly one of the keys" },
        { "always: []", 0, "always: expected" },
        { "sometimes: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0, "at most 39 characters" },
        { "invariants: [chanels]", 0,
          "'chanels' is no checker; expected channels, memory, capabilities" },
        { "invariants: []", 0, "an empty list" },
        { "recovered: {rule: late, until: x}", 0, "within" },
        { "recovered: {rule: lat, within: 1 ms, until: x}", 0, "'late'" },
        { "recovered: {rule: late, within: 0 ms, until: x}", 0, "nothing happens in no time" },
        { "recovered: {rule: late, within: 1 ms, until: {regex: '('}}", 0, "regular expression" },
        { "recovered: {rule: late, within: 1 ms, until: ''}", 0, "empty text" },
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        char text[400];
        snprintf(text, sizeof(text), TOP RULE "expect: [{%s}]", all[i].expect);
        bad(text, 7, all[i].column, all[i].part);
    }
}

/* What is written is read again as the same. */
Test(matcher, a_scenario_is_written_as_it_was_read)
{
    begin(TOP RULE
          "expect: [{recovered: {rule: late, within: 5 ms, until: {regex: 'b.ck'}}, core: 1, "
          "count: 2}, {metric: \"a >= 0x10\"}, {always: p, count: 3}, {never: 'x != 2'}, "
          "{sometimes: q}, {invariants: [channels, memory]}, {console: x, most: 4}]");
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    cr_assert_eq(scenario_write(scenario, out), 0);
    fclose(out);
    struct scenario *again = good(text);
    cr_assert_eq(again->expectation_count, scenario->expectation_count);
    for (size_t i = 0; i < again->expectation_count; i++) {
        char one[400], two[400];
        expectation_text(&scenario->expectations[i], one, sizeof(one));
        expectation_text(&again->expectations[i], two, sizeof(two));
        cr_expect_str_eq(one, two);
    }
    scenario_free(again);
    free(text);
    end();
}
