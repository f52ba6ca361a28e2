/* SPDX-License-Identifier: MIT
 *
 * Sections `faults` and `quiet` of scenario files: what rules mean, that they are written back as
 * they were, and that each mistake is reported at its place with the mend.
 */
#include <stdlib.h>

#include "scenario_fixture.h"

#define HEAD "scenario: a\nmachine: {cores: 4}\n" BOOT
#define RULE HEAD "faults:\n  - "

Test(scenario_faults, the_rules_of_the_documentation)
{
    struct scenario *s =
        good(HEAD "faults:\n"
                  "  - name: third\n"
                  "    when: {message: hello, interface: myappif, from: 1, to: 0, nth: 3}\n"
                  "    do: drop\n"
                  "  - when: {message: any, channel: \"myapp*\", probability: 0.05}\n"
                  "    do: {corrupt: {word: 2, xor: 0x2000}}\n"
                  "  - when: {message: any, from: [0, 1], to: 2-3, every: 7}\n"
                  "    do: {delay: 200 us}\n"
                  "  - when: {ipi: any, from: 0, to: 1, nth: [2, 4]}\n"
                  "    do: drop\n"
                  "  - when: {time: 20 ms}\n"
                  "    do: {partition: [[0, 1], [2, 3]], for: 10 ms}\n"
                  "  - when: {fired: third}\n"
                  "    do: [{crash: 2}, {stall: 3, for: 1 ms}]\n"
                  "quiet: 5 s\n");
    cr_assert_eq(s->fault_count, 6);
    cr_expect_str_eq(s->faults[0].name, "third");
    cr_expect_eq(s->faults[0].from, 1u << 1);
    cr_expect_eq(s->faults[0].nth[0].first, 3);
    cr_expect_str_eq(s->faults[1].name, "fault-2");
    cr_expect_eq(s->faults[1].action[0].flip[2], 0x2000);
    cr_expect_eq(s->faults[2].to, 0xc);
    cr_expect_eq(s->faults[2].action[0].max_ns, 200000);
    cr_expect_eq(s->faults[3].nth_count, 2);
    cr_expect_eq(s->faults[3].ipi, UINT32_MAX);
    cr_expect_eq(s->faults[4].action[0].side[3], 2);
    cr_expect_eq(s->faults[5].fired, 0);
    cr_expect_eq(s->faults[5].action_count, 2);
    cr_expect_eq(s->quiet_ns, 5000000000);
    /* exit: 0, and that each rule fires */
    cr_expect_eq(s->expectation_count, 7);
    scenario_free(s);
}

static char *written(const struct scenario *s)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    cr_assert_eq(scenario_write(s, out), 0);
    fclose(out);
    return text;
}

Test(scenario_faults, rules_are_written_as_they_were)
{
    struct scenario *s = good(
        HEAD
        "faults:\n"
        "  - {name: a, when: {message: $any, channel: {regex: \"^my\"}, line: 2, attempt: any, "
        "nth: "
        "2-4, count: 3, scope: rule, after: 2 ms, until: {fired: b}, optional: true}, do: "
        "[{delay: {min: 1 us, max: 2 us}}, {reorder: 3}, {tear: {words: [0, 7], for: 1 us}}, "
        "{stale: 2}, {corrupt: {bits: 3}}, duplicate]}\n"
        "  - {name: b, when: {console: {regex: \"x+\"}, core: 1, domain: d}, do: [{spurious: {to: "
        "1, count: 2, every: 3 us}}, {skew: {core: 3, by: -500 ppm}}, {jump: {core: 3, by: -2 "
        "ms}}, heal]}\n"
        "  - {when: {timer: [1, 2], every: 2}, do: [{late: 1 us}, {early: 2 us}, lost]}\n"
        "  - {when: {ipi: 7, after: {fired: a}}, do: [{misroute: 3}, {stall: any, for: 1 us}, "
        "{restart: [1, 2]}, "
        "{flip: {address: "
        "0x1000, bit: 3}}]}\n"
        "  - {when: {syscall: yield, core: [1, 2], domain: d, nth: 3}, do: [{kill: my.app.1}, "
        "{no_memory: {next: 3, core: 1}}, {no_memory: {next: 1}}, {flip: {domain: myapp.2, "
        "symbol: x, bit: 30}}]}\n"
        "  - {when: {syscall: any}, do: heal}\n"
        "expect: [{fired: {rule: a, min: 0, max: 4}}, {console: x, count: 2, most: 3}]\n");
    char *first = written(s);
    struct scenario *again = good(first);
    char *second = written(again);
    cr_expect_str_eq(first, second);
    cr_assert_eq(again->fault_count, 6);
    cr_expect_eq(again->faults[4].syscall, 1);
    cr_expect_str_eq(again->faults[4].action[0].domain, "my.app.1");
    cr_expect_eq(again->faults[0].until_rule, 1);
    cr_expect_eq(again->faults[0].key, s->faults[0].key);
    cr_expect_eq(again->faults[1].action[2].amount, -2000000);
    free(first);
    free(second);
    scenario_free(s);
    scenario_free(again);
}

Test(scenario_faults, chance_does_not_depend_on_the_place_of_a_rule)
{
    static const char one[] = "{when: {message: any, probability: 0.5}, do: drop}";
    char text[512];
    snprintf(text, sizeof(text), HEAD "faults: [%s, {when: {time: 1 s}, do: heal}, %s]", one, one);
    struct scenario *three = good(text);
    snprintf(text, sizeof(text), HEAD "faults: [%s]", one);
    struct scenario *single = good(text);
    cr_expect_eq(three->faults[0].key, single->faults[0].key);
    cr_expect_neq(three->faults[2].key, three->faults[0].key, "the same rule twice decides once");
    scenario_free(three);
    scenario_free(single);
}

Test(scenario_faults, mistakes_are_reported_with_the_mend)
{
    bad(RULE "do: drop", 7, 5, "required key 'when' is missing");
    bad(RULE "{when: {}, do: drop}", 7, 0, "expected one of the keys message, ipi");
    bad(RULE "{when: {mesage: a}, do: drop}", 7, 13, "did you mean 'message'");
    bad(RULE "{when: {message: a, time: 1 s}, do: drop}", 7, 0, "looks for one thing");
    bad(RULE "{when: {message: $akc}, do: drop}", 7, 0, "did you mean '$ack'");
    bad(RULE "{when: {message: a, from: 4}, do: drop}", 7, 0, "core 4 does not exist");
    bad(RULE "{when: {message: a, from: 0,2}, do: drop}", 7, 0, "is written [0, 2] in braces");
    bad(RULE "{when: {message: a, channel: *}, do: drop}", 7, 0, "with * is written in quotes");
    bad(RULE "{when: {message: a, channel: *my}, do: drop}", 7, 0, "begins with * in quotes");
    bad(RULE "{when: {message: a, interface: x, line: 0}, do: drop}", 7, 0, "line: ");
    bad(RULE "{when: {message: a, probability: 5%}, do: drop}", 7, 0, "such as 0.05 (0.05)");
    bad(RULE "{when: {message: a, probability: 2}, do: drop}", 7, 0, "from 0 to 1");
    bad(RULE "{when: {message: a, nth: 0}, do: drop}", 7, 0, "count from 1");
    bad(RULE "{when: {message: a, nth: 4-2}, do: drop}", 7, 0, "goes up");
    bad(RULE "{when: {time: 1 s, from: 1}, do: heal}", 7, 0, "beside message and ipi only");
    bad(RULE "{when: {ipi: any, interface: x}, do: drop}", 7, 0, "beside message only");
    bad(RULE "{when: {fired: b}, do: heal}", 7, 0, "no rule has the name 'b'");
    bad(RULE "{when: {message: a}, do: dorp}", 7, 0, "did you mean 'drop'");
    bad(RULE "{when: {message: a}, do: delay}", 7, 0, "it needs to be told more");
    bad(RULE "{when: {message: a}, do: {drop: 1}}", 7, 0, "is a word alone");
    bad(RULE "{when: {message: a}, do: {delay: 0 s}}", 7, 0, "more than nothing");
    bad(RULE "{when: {message: a}, do: {late: 1 s}}", 7, 0, "cannot be done to a message");
    bad(RULE "{when: {time: 1 s}, do: drop}", 7, 0, "cannot be done to a time");
    bad(RULE "{when: {syscall: yeild}, do: heal}", 7, 0, "did you mean 'yield'");
    bad(RULE "{when: {syscall: any, from: 1}, do: heal}", 7, 0, "beside message and ipi only");
    bad(RULE "{when: {syscall: any}, do: drop}", 7, 0, "cannot be done to a system call");
    bad(RULE "{when: {time: 1 s}, do: {kill: myapp}}", 7, 0, "such as myapp.1");
    bad(RULE "{when: {time: 1 s}, do: {kill: myapp.4}}", 7, 0, "core 4 does not exist");
    bad(RULE "{when: {time: 1 s}, do: {no_memory: {next: 0}}}", 7, 0, "out of range");
    bad(RULE "{when: {time: 1 s}, do: {flip: {domain: a.1, bit: 1}}}", 7, 0, "'symbol' is missing");
    bad(RULE "{when: {message: a}, do: {stall: 1}}", 7, 0, "how long?");
    bad(RULE "{when: {message: a}, do: {corrupt: {word: 16, xor: 1}}}", 7, 0, "out of range");
    bad(RULE "{when: {message: a}, do: {corrupt: {wrod: 1, xor: 1}}}", 7, 0, "did you mean 'word'");
    bad(RULE "{when: {time: 1 s}, do: {partition: [[0], [0, 1]]}}", 7, 0, "is in two sets");
    bad(RULE "{when: {time: 1 s}, do: {skew: {core: 1, by: 5}}}", 7, 0, "500 ppm");
    bad(RULE "{name: x, when: {message: a}, do: drop}\n  - {name: x, when: {message: a}, do: drop}",
        8, 0, "is the name of the rule in line 7");
    bad(HEAD "quiet: 1 min\n", 6, 0, "less than the deadline");
    bad(HEAD "expect: [{fired: nobody}]\n", 6, 0, "no rule has the name");
    bad(RULE "{when: {message: a}, do: drop}\nexpect: [{fired: {rule: fault-1, min: 2, max: 1}}]",
        8, 0, "max is less than min");
    bad(HEAD "expect: [{console: x, count: 2, most: 1}]\n", 6, 0, "most is less than count");
}
