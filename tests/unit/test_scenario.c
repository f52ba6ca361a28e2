/* SPDX-License-Identifier: MIT
 *
 * Scenario files: what good ones mean, and that each mistake is reported at its place with the
 * mend. Every case names the text, the position and a part of the message; a parser that misses the
 * mistake, or reports it elsewhere, fails.  (Files, units and what vmm writes itself:
 * test_scenario_files.c.)
 */
#include <stdlib.h>

#include "scenario_fixture.h"

static void set_good(const char *text, const char *set, void (*look)(const struct scenario *))
{
    diags_free(&diags);
    struct scenario *scenario = scenario_parse("t.yaml", text, strlen(text), &set, 1, &diags);
    if (!scenario)
        diags_print(&diags, stderr);
    cr_assert_not_null(scenario);
    look(scenario);
    scenario_free(scenario);
}

static void set_bad(const char *text, const char *set, const char *part)
{
    diags_free(&diags);
    struct scenario *scenario = scenario_parse("t.yaml", text, strlen(text), &set, 1, &diags);
    cr_expect_null(scenario, "accepted --set %s", set);
    scenario_free(scenario);
    bool found = false;
    for (size_t i = 0; i < diags.count; i++)
        found |= strncmp(diags.list[i].place.file, "--set ", 6) == 0 &&
                 strstr(diags.list[i].message, part) != NULL;
    if (!found)
        diags_print(&diags, stderr);
    cr_expect(found, "no error of --set %s with '%s'", set, part);
    diags_free(&diags);
}

Test(scenario, minimal_file_has_documented_defaults)
{
    struct scenario *s = good("scenario: a\n" BOOT);
    cr_expect_str_eq(s->name, "a");
    cr_expect_eq(s->machine.core_count, 1);
    cr_expect_eq(s->machine.node_count, 1);
    cr_expect_eq(s->machine.node[0].memory_bytes, 256ull << 20);
    cr_expect_eq(s->machine.node[0].window_bytes, 16ull << 20);
    cr_expect_eq(s->machine.node[0].cores, 1);
    cr_expect_eq(s->machine.distance[0][0], 10);
    cr_expect_eq(s->deadline_ns, 30ull * 1000000000);
    cr_expect_not(s->has_seed);
    cr_expect_not(s->nested);
    cr_assert_eq(s->expectation_count, 1);
    cr_expect_eq(s->expectations[0].kind, EXPECT_EXIT);
    cr_expect_eq(s->expectations[0].exit_code, 0);
    scenario_free(s);
}

Test(scenario, every_key_is_understood)
{
    struct scenario *s = good("scenario: all-keys\n"
                              "description: every key once\n"
                              "machine:\n"
                              "  cores: 4\n"
                              "  memory: 128 MiB\n"
                              "  window: 8 MiB\n"
                              "  slice: 700\n"
                              "  nodes:\n"
                              "    - cores: [0, 2]\n"
                              "      memory: 96 MiB\n"
                              "    - cores: [1, 3]\n"
                              "      window: 4 MiB\n"
                              "  distances:\n"
                              "    - [10, 31]\n"
                              "    - [17, 10]\n" BOOT "deadline: 1.5 s\n"
                              "seed: 0xffffffffffffffff\n"
                              "nested: true\n"
                              "expect:\n"
                              "  - console: hello\n"
                              "    core: 1\n"
                              "    domain: myapp\n"
                              "    count: 3\n"
                              "  - console: {regex: '^[0-9]+ us$'}\n"
                              "    core: any\n"
                              "  - not: {text: panic}\n"
                              "  - console: ready\n"
                              "    core: 0-1,3\n"
                              "  - exit: 7\n");
    cr_expect_eq(s->machine.core_count, 4);
    cr_expect_eq(s->machine.slice_blocks, 700);
    cr_expect_eq(s->machine.node[0].memory_bytes, 96ull << 20);
    cr_expect_eq(s->machine.node[1].memory_bytes, 32ull << 20, "node 1 gets what is left");
    cr_expect_eq(s->machine.node[0].window_bytes, 8ull << 20);
    cr_expect_eq(s->machine.node[1].window_bytes, 4ull << 20);
    cr_expect_eq(s->machine.node[1].cores, 0xa);
    cr_expect_eq(scenario_node_of(&s->machine, 3), 1);
    cr_expect_eq(s->machine.distance[0][1], 31);
    cr_expect_eq(s->machine.distance[1][0], 17);
    cr_expect_eq(s->deadline_ns, 1500000000);
    cr_expect(s->has_seed);
    cr_expect_eq(s->seed, UINT64_MAX);
    cr_expect(s->nested);
    cr_assert_eq(s->expectation_count, 7, "a set of three cores is three expectations");
    cr_expect_eq(s->expectations[0].core, 1);
    cr_expect_eq(s->expectations[0].count, 3);
    cr_expect_str_eq(s->expectations[0].domain, "myapp");
    cr_expect(s->expectations[1].regex);
    cr_expect_eq(s->expectations[1].core, EXPECT_ANY_CORE);
    cr_expect_eq(s->expectations[2].kind, EXPECT_NOT);
    cr_expect_eq(s->expectations[3].core, 0);
    cr_expect_eq(s->expectations[4].core, 1);
    cr_expect_eq(s->expectations[5].core, 3);
    cr_expect_eq(s->expectations[6].exit_code, 7);
    scenario_free(s);
}

Test(scenario, core_each_means_every_core)
{
    struct scenario *s =
        good("scenario: a\nmachine: {cores: 64}\n" BOOT "expect:\n  - {console: up, core: each}\n");
    cr_assert_eq(s->expectation_count, 64);
    cr_expect_eq(s->expectations[63].core, 63);
    cr_expect_eq(s->machine.node[0].cores, UINT64_MAX);
    cr_expect_eq(s->machine.node[0].window_bytes, 64ull << 20, "1 MiB for each core");
    scenario_free(s);
}

Test(scenario, memory_is_shared_out_by_cores)
{
    struct scenario *s = good("scenario: a\nmachine:\n  memory: 404 MiB\n  nodes:\n"
                              "    - cores: 0-2\n    - cores: 3-11\n"
                              "    - {cores: 12-13, memory: 60 MiB}\n" BOOT);
    cr_expect_eq(s->machine.node[0].memory_bytes, (4 + 84) << 20);
    cr_expect_eq(s->machine.node[1].memory_bytes, (4 + 252) << 20);
    cr_expect_eq(s->machine.node[2].memory_bytes, 60 << 20);
    scenario_free(s);
}

Test(scenario, memory_is_shared_out_so_that_node_0_can_boot)
{
    struct scenario *s =
        good("scenario: a\nmachine:\n  memory: 76 MiB\n  nodes:\n"
             "    - cores: 0\n    - cores: 1\n    - cores: 2\n    - cores: 3\n" BOOT);
    uint64_t sum = 0;
    for (unsigned i = 0; i < 4; i++) {
        sum += s->machine.node[i].memory_bytes;
        cr_expect_eq(s->machine.node[i].memory_bytes % (2u << 20), 0);
    }
    cr_expect_eq(sum, 76ull << 20);
    cr_expect_geq(s->machine.node[0].memory_bytes, SCENARIO_FIRST_CORE_BYTES);
    scenario_free(s);
}

Test(scenario, top_level_mistakes)
{
    bad("", 1, 1, "empty");
    bad("# only a comment\n", 1, 1, "empty");
    bad("just text\n", 1, 1, "expected a mapping");
    bad("- a\n- b\n", 1, 1, "found a list");
    bad("scenario: a\n", 1, 1, "required key 'boot' is missing");
    bad(BOOT, 1, 1, "required key 'scenario' is missing");
    bad("scenario: a\nscenaro: b\n" BOOT, 2, 1, "did you mean 'scenario'?");
    bad("scenario: a\nxyzzy: b\n" BOOT, 2, 1, "expected one of: scenario, description, machine");
    bad("scenario: a\nscenario: b\n" BOOT, 2, 1, "second time; the first is in line 1");
    bad("scenario:\n" BOOT, 1, 10, "expected text, found nothing");
    bad("scenario: [a]\n" BOOT, 1, 11, "expected text, found a list");
    bad("scenario: two words\n" BOOT, 1, 11, "expected a name of 1 to 64");
    bad("scenario: ../escape\n" BOOT, 1, 11, "expected a name");
    bad("scenario: ''\n" BOOT, 1, 11, "expected a name of 1 to 64");
    bad("scenario: Null\n" BOOT, 1, 11, "found nothing");
    bad("scenario: a\ndescription: {a: b}\n" BOOT, 2, 14, "found a mapping");
    bad("scenario: a\nnested: maybe\n" BOOT, 2, 9, "expected true or false");
    bad("scenario: a\nnested: 'true'\n" BOOT, 2, 9, "write it without quotes");
    bad("scenario: a\nmachine:\n  cores: '4'\n" BOOT, 3, 10, "write it without quotes");
    bad("scenario: a\nseed: -1\n" BOOT, 2, 7, "expected a whole number");
    bad("scenario: a\nseed: 0X10\n" BOOT, 2, 7, "expected a whole number");
    bad("scenario: a\nseed: 18446744073709551616\n" BOOT, 2, 7, "does not fit into 64 bits");
    bad("scenario: a\nseed: [1]\n" BOOT, 2, 7, "expected a whole number, found a list");
}

Test(scenario, several_mistakes_in_one_run)
{
    parse("scenario: a b\nmachine:\n  cores: 0\n  coers: 2\nboot: 5\ndeadline: soon\nexpect: {}\n");
    cr_expect_eq(diags.errors, 6);
    cr_expect(reported(1, 11, "expected a name"));
    cr_expect(reported(3, 10, "out of range; expected 1 to 64"));
    cr_expect(reported(4, 3, "did you mean 'cores'?"));
    cr_expect(reported(5, 7, "expected menu lines"));
    cr_expect(reported(6, 11, "expected a time such as 30 s"));
    cr_expect(reported(7, 9, "expected a list"));
    diags_free(&diags);
}

Test(scenario, yaml_mistakes)
{
    bad("scenario: a\nmachine:\n\tcores: 2\n" BOOT, 3, 1, "spaces, not tabs");
    bad("scenario: a\n  deadline: 4 s\n" BOOT, 2, 11, "not valid YAML");
    bad("scenario: \"a\n", 0, 0, "not valid YAML");
    bad("scenario: [a, b\n", 0, 0, "not valid YAML");
    bad("scenario: &x a\n" BOOT, 1, 11, "anchors and tags are not used");
    bad("a: &x [1]\nb: *x\n", 1, 4, "anchors");
    bad("a: *x\n", 1, 4, "aliases");
    bad("scenario: !!str a\n" BOOT, 1, 11, "tags");
    bad("? [a, b]\n: c\n", 1, 3, "expected a key, found a list");
    bad("scenario: a\n" BOOT "---\nscenario: b\n", 5, 1, "second document");
    bad("scenario: \"a\\0b\"\n" BOOT, 1, 11, "zero character");
    bad("scenario: a\n# \x1b[31m\n" BOOT, 2, 3, "byte 0x1b: not a text file");
    bad("scenario: \xff\xfe\n" BOOT, 1, 11, "byte 0xff: not a text file");
    bad("\x7f"
        "ELF\n",
        1, 1, "not a text file");
}

Test(scenario, hostile_files_end_quickly)
{
    char *text = malloc(600001);
    memset(text, '[', 600000);
    text[600000] = '\0';
    bad(text, 1, 17, "nested deeper than 16");
    for (size_t i = 0; i < 600000; i++)
        text[i] = "-\n"[i % 2];
    bad(text, 0, 0, "more than 20000 values");
    free(text);

    text = malloc(17u << 20);
    memset(text, '#', (17u << 20) - 1);
    text[(17u << 20) - 1] = '\0';
    bad(text, 0, 0, "at most 16777216");
    size_t at = (size_t)sprintf(text, "scenario: a\n" BOOT "faults:\n  - ");
    for (size_t i = 0; i < 3000; i++)
        at += (size_t)sprintf(text + at, "k%zu: 1\n    ", i);
    bad(text, 0, 0, "more than 2000 values");
    free(text);
}

Test(scenario, machine_mistakes)
{
#define M "scenario: a\n" BOOT "machine:\n"
    bad(M "  cores: 65\n", 6, 10, "65 is out of range; expected 1 to 64");
    bad(M "  cores: two\n", 6, 10, "expected a whole number");
    bad(M "  cores: 99999999999999999999\n", 6, 10, "does not fit");
    bad("scenario: a\n" BOOT "machine: 4\n", 5, 10, "machine: expected a mapping");
    bad(M "  memory: 10 MiB\n", 6, 11, "10 MiB is too little for 1 core; at least 32 MiB: core 0");
    bad(M "  cores: 2\n  memory: 32 MiB\n", 7, 11, "at least 44 MiB");
    bad(M "  memory: 32 GiB\n", 6, 11, "too much; at most 31 GiB");
    bad(M "  memory: 256\n", 6, 11, "the unit is missing: write for example 256 MiB");
    bad(M "  memory: 256 MB\n", 6, 11, "given in KiB, MiB or GiB");
    bad(M "  memory: lots\n", 6, 11, "expected an amount of memory");
    bad(M "  memory: 33 MiB\n", 6, 11, "not a multiple of 2 MiB");
    bad(M "  memory: 99999999999999999999 GiB\n", 6, 11, "does not fit into 64 bits");
    bad(M "  memory: {a: b}\n", 6, 11, "found a mapping");
    bad(M "  window: 1 MiB\n", 6, 11, "not a multiple");
    bad(M "  window: 0 MiB\n", 6, 11, "too little; at least 2 MiB");
    bad(M "  window: 514 MiB\n", 6, 11, "too much; at most 512 MiB");
    bad(M "  slice: 0\n", 6, 10, "expected 1 to 1000000");
    bad(M "  nodes: 2\n", 6, 10, "expected a list with one entry for each node");
    bad(M "  nodes: []\n", 6, 10, "an empty list");
    bad(M "  nodes:\n    - memory: 64 MiB\n", 7, 7, "required key 'cores' is missing");
    bad(M "  nodes:\n    - cores: 0\n      memory: 2 MiB\n", 8, 15, "too little");
    bad(M "  nodes:\n    - core: 0\n", 7, 7, "did you mean 'cores'?");
    bad(M "  nodes:\n    - cores: 0,1\n    - cores: 1\n", 8, 14, "core 1 is in two nodes");
    bad(M "  nodes:\n    - cores: 0\n    - cores: 2\n", 7, 5, "core 1 is in no node");
    bad(M "  cores: 3\n  nodes:\n    - cores: 0-1\n", 8, 5, "core 2 is in no node");
    bad(M "  cores: 1\n  nodes:\n    - cores: 0-1\n", 8, 5,
        "core 1 is in a node, but the machine has 1 cores (cores: in line 6)");
    bad(M "  nodes:\n    - cores: 3-1\n", 7, 14, "runs backwards");
    bad(M "  nodes:\n    - cores: 0-64\n", 7, 14, "core numbers are 0 to 63");
    bad(M "  nodes:\n    - cores: [[0]]\n", 7, 15, "found a list");
    bad(M "  memory: 128 MiB\n  nodes:\n    - {cores: 0, memory: 64 MiB}\n", 6, 11,
        "128 MiB, but the nodes have 64 MiB together");
    bad(M "  nodes:\n    - {cores: 0, memory: 16 MiB}\n    - {cores: 1, memory: 64 MiB}\n", 7, 26,
        "memory of node 0: 16 MiB is too little");
#undef M
}

Test(scenario, distances_must_match_the_nodes)
{
#define M "scenario: a\n" BOOT "machine:\n  nodes: [{cores: 0}, {cores: 1}]\n  distances: "
    bad(M "5\n", 7, 14, "expected a list with one row");
    bad(M "[[10, 20]]\n", 7, 14, "1 rows, but the machine has 2 nodes");
    bad(M "[[10, 20], [20]]\n", 7, 25, "row 1: expected a list of 2 numbers");
    bad(M "[[10, 20], [20, 12]]\n", 7, 30, "node 1 to node 1 is 12: expected 10");
    bad(M "[[10, 10], [20, 10]]\n", 7, 20, "expected more than 10");
    bad(M "[[10, 9], [20, 10]]\n", 7, 20, "out of range; expected 10 to 254");
    bad(M "[[10, 255], [20, 10]]\n", 7, 20, "out of range");
    bad(M "[[10, x], [20, 10]]\n", 7, 20, "expected a whole number");
#undef M
    struct scenario *s = good("scenario: a\n" BOOT "machine:\n  nodes: [{cores: 0}, {cores: 1}]\n");
    cr_expect_eq(s->machine.distance[0][1], 20);
    cr_expect_eq(s->machine.distance[1][1], 10);
    scenario_free(s);
}

Test(scenario, expect_mistakes)
{
#define E "scenario: a\nmachine: {cores: 2}\n" BOOT "expect:\n"
    bad(E "  - hello\n", 7, 5, "an expectation: expected a mapping");
    bad(E "  - {}\n", 7, 5, "exactly one of the keys console, not, exit");
    bad(E "  - {console: a, exit: 0}\n", 7, 5, "exactly one of the keys");
    bad(E "  - consle: a\n", 7, 5, "did you mean 'console'?");
    bad(E "  - console:\n", 7, 13, "expected text, found nothing");
    bad(E "  - console: ''\n", 7, 14, "empty text");
    bad(E "  - console: \"a\\nb\"\n", 7, 14, "contains a line break");
    bad(E "  - console: {regex: 'a('}\n", 7, 22, "not a POSIX extended regular expression");
    bad(E "  - console: {regex: '(a|b)*\\1'}\n", 7, 22, "back-references are not part of these");
    bad(E "  - console: {regex: '((.{1,200}){1,200}){3}'}\n", 7, 22, "it repeats too much");
    bad(E "  - console: {regex: 'a{20000}'}\n", 7, 22, "it repeats too much");
    bad(E "  - console: {regex: '(x{0,90}){0,90}y'}\n", 7, 22, "it repeats too much");
    bad(E "  - console: {regex: 'a{~2}'}\n", 7, 22, "a brace begins a number of repetitions");
    bad(E "  - console: {regex: 'a{2~}'}\n", 7, 22, "braces hold numbers");
    bad(E "  - console: {regx: a}\n", 7, 15, "did you mean 'regex'?");
    bad(E "  - console: {text: a, regex: b}\n", 7, 31, "either text or regex, not both");
    bad(E "  - console: {}\n", 7, 14, "expected one of the keys text, regex");
    bad(E "  - not: [a]\n", 7, 10, "found a list");
    bad(E "  - {console: a, core: 2}\n", 7, 24, "core 2 does not exist: the machine has 2 cores");
    bad(E "  - {console: a, core: all}\n", 7, 24, "a set of cores is written 0, 0-3 or 0-3,6");
    bad(E "  - {console: a, core: []}\n", 7, 24, "an empty list");
    bad(E "  - {console: a, count: 0}\n", 7, 25, "expected 1 to 1000000");
    bad(E "  - {console: a, domain: ''}\n", 7, 26, "domain: empty text");
    bad(E "  - {console: a, domain: a_name_that_is_long}\n", 7, 26, "at most 15 characters");
    bad(E "  - {not: a, count: 2}\n", 7, 21, "count: has no meaning beside not");
    bad(E "  - {exit: 0, core: 1}\n", 7, 21, "core: has no meaning beside exit");
    bad(E "  - {exit: 0, domain: x}\n", 7, 23, "domain: has no meaning beside exit");
    bad(E "  - exit: 256\n", 7, 11, "256 is out of range; expected 0 to 255");
    bad(E "  - exit: 0\n  - exit: 1\n", 8, 11, "a second one; the first is in line 7");
    bad("scenario: a\n" BOOT "expect: []\n", 5, 9, "an empty list");
#undef E
}

Test(scenario, deadline_mistakes)
{
    bad("scenario: a\ndeadline: 30\n" BOOT, 2, 11, "unit is missing: write for example 30 s");
    bad("scenario: a\ndeadline: 30 sec\n" BOOT, 2, 11, "given in ns, us, ms, s or min");
    bad("scenario: a\ndeadline: 0 s\n" BOOT, 2, 11, "out of range");
    bad("scenario: a\ndeadline: 1500 min\n" BOOT, 2, 11, "at most a day");
    bad("scenario: a\ndeadline: 0.3 ns\n" BOOT, 2, 11, "not a whole number of nanoseconds");
}

static void look_cores_4(const struct scenario *s)
{
    cr_expect_eq(s->machine.core_count, 4);
}

static void look_core_1(const struct scenario *s)
{
    cr_expect_eq(s->expectations[0].core, 1);
}

static void look_window(const struct scenario *s)
{
    cr_expect_eq(s->machine.node[0].window_bytes, 64ull << 20);
}

Test(scenario, overrides_are_validated_like_the_file)
{
    static const char text[] =
        "scenario: a\nmachine:\n  cores: 2\n" BOOT "expect:\n  - console: x\n    core: 0\n";
    set_good(text, "machine.cores=4", look_cores_4);
    set_good(text, "expect.0.core=1", look_core_1);
    set_good(text, "machine.window=64 MiB", look_window);
    set_bad(text, "machine.cores=400", "out of range; expected 1 to 64");
    set_bad(text, "machine.coers=4", "did you mean 'cores'?");
    set_bad(text, "machin.cores=4", "did you mean 'machine'?");
    set_bad(text, "expect.0.core=2", "core 2 does not exist");
    set_bad(text, "expect.1.core=0", "expected an index below 1");
    set_bad(text, "expect.x.core=0", "expected an index");
    set_bad(text, "scenario.name=x", "the value above it has no keys");
    set_bad(text, "machine.cores", "expected KEY.KEY=VALUE");
    set_bad(text, "=4", "expected KEY.KEY=VALUE");
    set_bad(text, "machine..cores=4", "an empty key");
    set_bad(text, "machine.cores=", "expected a value");
    set_bad(text, "machine.cores=[", "not valid YAML");
    set_bad(text, "boot.0.menu=x", "the value above it has no keys");
}
