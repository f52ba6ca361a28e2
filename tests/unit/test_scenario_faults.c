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

Test(scenario_faults, every_key_of_when_says_what_it_expects)
{
    bad(HEAD "faults: {when: {message: a}, do: drop}\n", 6, 0, "expected a list of rules");
    bad(RULE "{when: {message: $nonsense}, do: drop}", 7, 0, "expected $any, $ack, $bind");
    bad(RULE "{when: {message: a, channel: {glob: x}}, do: drop}", 7, 0, "or {regex: ...}");
    bad(RULE "{when: {message: a, channel: {regex: \"(\"}}, do: drop}", 7, 0, "regex");
    bad(RULE "{when: {message: a, to: []}, do: drop}", 7, 0, "expected cores, or any");
    bad(RULE "{when: {message: a, to: [0, 9]}, do: drop}", 7, 0, "core 9 does not exist");
    bad(RULE "{when: {message: a, from: 3-1}, do: drop}", 7, 0, "from");
    bad(RULE "{when: {message: a, attempt: 0}, do: drop}", 7, 0, "attempt: ");
    bad(RULE "{when: {ipi: -1}, do: drop}", 7, 0, "notification id");
    bad(RULE "{when: {ipi: 99999999}, do: drop}", 7, 0, "notification id");
    bad(RULE "{when: {timer: 4}, do: lost}", 7, 0, "timer: cores: core 4 does not exist");
    bad(RULE "{when: {timer: any, interface: x}, do: lost}", 7, 0,
        "interface has a meaning beside");
    bad(RULE "{when: {time: 3}, do: heal}", 7, 0, "time: ");
    bad(RULE "{when: {console: {regex: \"[\"}}, do: heal}", 7, 0, "regex");
    bad(RULE "{when: {time: 1 s, domain: x}, do: heal}", 7, 0, "beside console and syscall only");
    bad(RULE "{when: {message: a, core: 1}, do: drop}", 7, 0, "beside console and syscall only");
    bad(RULE "{when: {syscall: nonsense}, do: heal}", 7, 0, "expected any, invoke, yield");
    bad(RULE "{when: {message: a, nth: []}, do: drop}", 7, 0, "chooses nothing");
    bad(RULE "{when: {message: a, nth: {first: 1}}, do: drop}", 7, 0, "such as 3, 2-4 or [2, 4]");
    bad(RULE "{when: {message: a, nth: [1, x]}, do: drop}", 7, 0, "nth: 'x'");
    bad(RULE "{when: {message: a, every: 0}, do: drop}", 7, 0, "every: ");
    bad(RULE "{when: {message: a, count: 0}, do: drop}", 7, 0, "count: ");
    bad(RULE "{when: {message: a, probability: often}, do: drop}", 7, 0, "from 0 to 1");
    bad(RULE "{when: {message: a, probability: -0.1}, do: drop}", 7, 0, "from 0 to 1");
    bad(RULE "{when: {message: a, probability: nan}, do: drop}", 7, 0, "from 0 to 1");
    bad(RULE "{when: {message: a, scope: core}, do: drop}", 7, 0, "expected channel or rule");
    bad(RULE "{when: {message: a, after: {rule: x}}, do: drop}", 7, 0, "a time, or {fired: NAME}");
    bad(RULE "{when: {message: a, after: soon}, do: drop}", 7, 0, "after: ");
    bad(RULE "{name: early, when: {message: a}, do: drop}\n"
             "  - {when: {message: a, after: {fired: erly}}, do: drop}",
        8, 0, "after: no rule has the name 'erly'; did you mean 'early'");
    bad(RULE "{when: {message: a, until: {fired: x}}, do: drop}", 7, 0, "until: no rule has the");
    bad(RULE "{when: {message: a}, optional: perhaps, do: drop}", 7, 0, "optional: ");
    bad(RULE "{name: two words, when: {message: a}, do: drop}", 7, 0, "letters, digits, '.'");
    bad(RULE "{name: \"\", when: {message: a}, do: drop}", 7, 0, "letters, digits, '.'");
    bad(RULE "{nmae: x, when: {message: a}, do: drop}", 7, 0, "did you mean 'name'");
}

Test(scenario_faults, every_action_says_what_it_expects)
{
    static const struct {
        const char *when, *action, *text;
    } cases[] = {
        { "message: a", "[]", "expected 1 to" },
        { "message: a", "[drop, drop, drop, drop, drop, drop, drop, drop, drop]", "expected 1 to" },
        { "message: a", "", "such as drop or {delay: 200 us}" },
        { "message: a", "[[drop]]", "such as drop or {delay: 200 us}" },
        { "message: a", "nonsense", "docs/faults.md lists them" },
        { "message: a", "{dealy: 1 us}", "did you mean 'delay'" },
        { "message: a", "{delay: 61 min}", "at most an hour" },
        { "message: a", "{delay: {min: 2 us}}", "delay: the key 'max' is missing" },
        { "message: a", "{delay: {min: 2 us, max: 1 us}}", "max is less than min" },
        { "message: a", "{delay: {min: 1 us, mox: 2 us}}", "did you mean 'max'" },
        { "message: a", "{delay: 1 us, for: 2 us}", "unknown key 'for' in delay" },
        { "message: a", "{reorder: 0}", "reorder: " },
        { "message: a", "{corrupt: {word: 1}}", "the key 'xor' is missing" },
        { "message: a", "{corrupt: {word: 1, xor: 0}}", "corrupt: xor" },
        { "message: a", "{corrupt: {bits: 0}}", "corrupt: bits" },
        { "message: a", "{tear: {for: 1 us}}", "the key 'words' is missing" },
        { "message: a", "{tear: {words: 1, for: 1 us}}", "a list such as [0, 1]" },
        { "message: a", "{tear: {words: [], for: 1 us}}", "a list such as [0, 1]" },
        { "message: a", "{tear: {words: [16], for: 1 us}}", "tear: words" },
        { "message: a", "{tear: {words: [0]}}", "the key 'for' is missing" },
        { "message: a", "{stale: 0}", "stale: " },
        { "ipi: any", "{misroute: any}", "expected one core" },
        { "ipi: any", "{misroute: 4}", "core 4 does not exist" },
        { "message: a", "{misroute: 1}", "misroute cannot be done to a message" },
        { "ipi: any", "{reorder: 1}", "reorder cannot be done to an IPI" },
        { "console: x", "duplicate", "duplicate cannot be done to a line" },
        { "timer: any", "drop", "drop cannot be done to a timer" },
        { "ipi: any", "lost", "lost cannot be done to an IPI" },
        { "time: 1 s", "{spurious: {to: 1, every: 1 us}}", "the key 'count' is missing" },
        { "time: 1 s", "{spurious: {to: [1, 2], count: 1, every: 1 us}}", "expected one core" },
        { "time: 1 s", "{spurious: {to: 1, count: 1, every: 0 us}}", "more than nothing" },
        { "timer: any", "{late: 0 s}", "more than nothing" },
        { "timer: any", "early", "it needs to be told more" },
        { "time: 1 s", "{skew: {core: 1}}", "the key 'by' is missing" },
        { "time: 1 s", "{skew: {core: 1, by: 1000000 ppm}}", "at most 900000" },
        { "time: 1 s", "{jump: {core: 1, by: 0 s}}", "such as 2 ms or -2 ms" },
        { "time: 1 s", "{jump: {core: 1, by: --2 ms}}", "such as 2 ms or -2 ms" },
        { "time: 1 s", "{stall: [], for: 1 s}", "an empty list" },
        { "time: 1 s", "{crash: 7}", "core 7 does not exist" },
        { "time: 1 s", "{crash: 1, for: 1 s}", "unknown key 'for' in crash" },
        { "time: 1 s", "{restart: x}", "restart" },
        { "time: 1 s", "{kill: 4.0}", "such as myapp.1" },
        { "time: 1 s", "{partition: [[0, 1]]}", "a list of sets of cores such as" },
        { "time: 1 s", "{partition: 0}", "a list of sets of cores such as" },
        { "time: 1 s", "{heal: 1}", "is a word alone" },
        { "time: 1 s", "{flip: {address: 0xfff0000000000000, bit: 1}}", "there is no memory at" },
        { "time: 1 s", "{flip: {address: 0, bit: 8}}", "flip: bit" },
        { "time: 1 s", "{flip: {bit: 1}}", "the key 'address' is missing" },
        { "time: 1 s", "{flip: {symbol: x, bit: 1}}", "the key 'domain' is missing" },
        { "time: 1 s", "{flip: {domain: a.9, symbol: x, bit: 1}}", "core 9 does not exist" },
        { "time: 1 s", "{no_memory: {core: 1}}", "the key 'next' is missing" },
        { "time: 1 s", "{no_memory: {next: 1, core: 5}}", "core 5 does not exist" },
    };
    char text[512];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), RULE "{when: {%s}, do: %s}", cases[i].when, cases[i].action);
        bad(text, 7, 0, cases[i].text);
    }
}

/* Every trigger with every action: as docs/faults.md says, and no other. */
Test(scenario_faults, what_can_be_done_to_what)
{
    static const char *const when[] = { "message: a", "ipi: any", "timer: any",  "time: 1 s",
                                        "console: x", "fired: b", "syscall: any" };
    static const struct {
        const char *action, *to; /* the triggers, by number; NULL: all */
    } actions[] = {
        { "drop", "01" },
        { "{delay: 1 us}", "01" },
        { "duplicate", "01" },
        { "{reorder: 1}", "0" },
        { "{corrupt: {bits: 1}}", "0" },
        { "{tear: {words: [0], for: 1 us}}", "0" },
        { "{stale: 1}", "0" },
        { "{misroute: 1}", "1" },
        { "{late: 1 us}", "2" },
        { "{early: 1 us}", "2" },
        { "lost", "2" },
        { "{spurious: {to: 1, count: 1, every: 1 us}}", NULL },
        { "{skew: {core: 1, by: 5 ppm}}", NULL },
        { "{jump: {core: 1, by: -1 us}}", NULL },
        { "{stall: 1, for: 1 us}", NULL },
        { "{crash: 1}", NULL },
        { "{restart: 1}", NULL },
        { "{partition: [[0], [1]]}", NULL },
        { "{partition: [[0], [1]], for: 1 us}", NULL },
        { "heal", NULL },
        { "{kill: a.1}", NULL },
        { "{flip: {address: 0, bit: 1}}", NULL },
        { "{flip: {domain: a.1, symbol: x, bit: 1}}", NULL },
        { "{no_memory: {next: 1}}", NULL },
    };
    char text[512];

    for (size_t a = 0; a < sizeof(actions) / sizeof(actions[0]); a++) {
        for (size_t w = 0; w < sizeof(when) / sizeof(when[0]); w++) {
            snprintf(text, sizeof(text),
                     RULE
                     "{name: a, when: {%s}, do: %s}\n  - {name: b, when: {time: 1 s}, do: heal}",
                     when[w], actions[a].action);
            if (actions[a].to == NULL || strchr(actions[a].to, '0' + (char)w) != NULL)
                scenario_free(good(text));
            else
                bad(text, 7, 0, "cannot be done to");
        }
    }
}

/* As --faults-out writes it: a run may have as many faults as there may be rules. */
Test(scenario_faults, the_log_of_a_long_run_is_a_scenario)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);

    fputs(HEAD "faults:\n", out);
    for (unsigned i = 0; i < FAULT_RULES_MAX; i++)
        fprintf(out,
                "  - name: \"corrupt-7.%u\"\n"
                "    when: {message: \"bind_ump_request\", channel: "
                "\"intermon:monitor.1<-monitor.0#1\", "
                "line: 2, attempt: 3, from: [1], to: [0], nth: [%u]}\n"
                "    do: [{corrupt: {word: 1, xor: 0x%x}}, {corrupt: {word: 7, xor: 0x4}}]\n",
                i, i + 1, i + 1);
    fclose(out);
    struct scenario *s = good(text);
    cr_expect_eq(s->fault_count, FAULT_RULES_MAX);
    cr_expect_eq(s->faults[FAULT_RULES_MAX - 1].nth[0].first, FAULT_RULES_MAX);
    scenario_free(s);
    free(text);
}
