/* SPDX-License-Identifier: MIT
 *
 * Scenario files as files: what cannot be read, menus beside them, damaged ones, and those that vmm
 * writes into a record; units, and the helpers that make messages.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenario/units.h"
#include "scenario_fixture.h"

Test(scenario_files, units_are_exact)
{
    uint64_t value;
    cr_expect_null(parse_memory("1.5 GiB", &value));
    cr_expect_eq(value, 1536ull << 20);
    cr_expect_null(parse_memory("64KiB", &value));
    cr_expect_eq(value, 65536);
    cr_expect_null(parse_duration("250ms", &value));
    cr_expect_eq(value, 250000000);
    cr_expect_null(parse_duration("2 min", &value));
    cr_expect_eq(value, 120000000000);
    cr_expect_null(parse_unsigned("0xFf", &value));
    cr_expect_eq(value, 255);
    cr_expect_not_null(parse_unsigned("0x", &value));
    cr_expect_not_null(parse_unsigned("", &value));
    cr_expect_not_null(parse_unsigned("1 ", &value));
    cr_expect_not_null(parse_memory("1. GiB", &value));
    cr_expect_not_null(parse_memory("-1 GiB", &value));
    cr_expect_not_null(parse_memory("17179869184 GiB", &value), "2^64 bytes");
    char text[32];
    cr_expect_str_eq(format_memory(40ull << 20, text), "40 MiB");
    cr_expect_str_eq(format_memory(0, text), "0 B");
    cr_expect_str_eq(format_duration(1500000000, text), "1500 ms");
    cr_expect_str_eq(format_duration(60000000000, text), "60 s");
}

Test(scenario_files, nearest_word_knows_its_limits)
{
    static const char *const words[] = { "cores", "memory", "nodes", "distances" };
    cr_expect_str_eq(nearest_word("coers", words, 4), "cores");
    cr_expect_str_eq(nearest_word("memroy", words, 4), "memory");
    cr_expect_str_eq(nearest_word("distance", words, 4), "distances");
    cr_expect_null(nearest_word("xyzzy", words, 4));
    cr_expect_null(nearest_word("", words, 4));
    char endless[300];
    memset(endless, 'a', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\0';
    cr_expect_null(nearest_word(endless, words, 4));
}

Test(scenario_files, too_many_errors_are_counted_not_kept)
{
    char text[8192] = "scenario: a\n" BOOT;
    for (int i = 0; i < 100; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "unknown%d: 1\n", i);
    }
    cr_expect_null(parse(text));
    cr_expect_eq(diags.errors, 100);
    cr_expect_eq(diags.count, DIAG_MAX);
    char *printed = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&printed, &bytes);
    diags_print(&diags, out);
    fclose(out);
    cr_expect_not_null(strstr(printed, "... and 60 more\n"));
    cr_expect_not_null(strstr(printed, "t.yaml:5:1: error: unknown key 'unknown0'"));
    free(printed);
    diags_free(&diags);
}

Test(scenario_files, diagnostics_show_no_control_characters)
{
    parse("scenario: a\n" BOOT "\"k\\e[31m\\n\\x9b\": 1\n");
    struct place place = { "na\x1bme\n", 7, 1 };
    diag_error(&diags, place, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \x7f");
    char *printed = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&printed, &bytes);
    diags_print(&diags, out);
    fclose(out);
    cr_expect_not_null(strstr(printed, "unknown key 'k\\x1b[31m\\x0a\\xc2\\x9b' in"), "%s",
                       printed);
    cr_expect_not_null(
        strstr(printed, "na\\x1bme\\x0a:7:1: error: gr\xc3\xbc\xc3\x9f \xe2\x82\xac \\x7f\n"));
    free(printed);
    diags_free(&diags);
}

static void unreadable(const char *path, const char *part)
{
    diags_free(&diags);
    cr_expect_null(scenario_load(path, NULL, 0, &diags));
    cr_expect_eq(diags.errors, 1);
    cr_expect(reported(0, 0, part), "%s: no '%s'", path, part);
    diags_free(&diags);
}

Test(scenario_files, unreadable_files)
{
    char dir[] = "/tmp/scenario-XXXXXX", path[64];
    cr_assert_not_null(mkdtemp(dir));
    unreadable("/nonexistent/a.yaml", "No such file");
    unreadable(dir, "it is a directory");
    snprintf(path, sizeof(path), "%s/fifo", dir);
    cr_assert_eq(mkfifo(path, 0600), 0);
    unreadable(path, "not a regular file");
    unlink(path);
    rmdir(dir);
}

Test(scenario_files, menu_file_is_found_beside_the_scenario)
{
    char dir[] = "/tmp/scenario-XXXXXX", yaml[64], menu[64];
    cr_assert_not_null(mkdtemp(dir));
    snprintf(yaml, sizeof(yaml), "%s/a.yaml", dir);
    snprintf(menu, sizeof(menu), "%s/m.lst", dir);
    FILE *file = fopen(yaml, "w");
    fputs("scenario: a\nboot:\n  menu: m.lst\n  add:\n    - module /sbin/b core=0\n", file);
    fclose(file);

    diags_free(&diags);
    cr_expect_null(scenario_load(yaml, NULL, 0, &diags), "the menu is missing");
    cr_expect(reported(3, 9, "cannot read"));

    file = fopen(menu, "w");
    fputs("kernel /boot/cpu\nmodule /sbin/init\n", file);
    fclose(file);
    diags_free(&diags);
    struct scenario *s = scenario_load(yaml, NULL, 0, &diags);
    cr_assert_not_null(s);
    cr_expect_eq(s->menu.module_count, 2);
    cr_expect_str_eq(s->menu.modules[1].path, "/sbin/b");
    scenario_free(s);

    file = fopen(menu, "w");
    fputs("kernel /boot/cpu\nmodule /sbin/init\nmodule /sbin/x core=5\n", file);
    fclose(file);
    diags_free(&diags);
    cr_expect_null(scenario_load(yaml, NULL, 0, &diags));
    cr_assert_eq(diags.count, 1);
    cr_expect_str_eq(diags.list[0].place.file, menu, "errors name the menu file");
    cr_expect_eq(diags.list[0].place.line, 3);
    cr_expect_eq(diags.list[0].place.column, 16);
    diags_free(&diags);
    unlink(yaml);
    unlink(menu);
    rmdir(dir);
}

static void same_scenario(const struct scenario *a, const struct scenario *b)
{
    cr_expect_str_eq(a->name, b->name);
    cr_expect_str_eq(a->description, b->description);
    cr_expect_eq(a->deadline_ns, b->deadline_ns);
    cr_expect_eq(a->has_seed, b->has_seed);
    cr_expect_eq(a->seed, b->seed);
    cr_expect_eq(a->nested, b->nested);
    cr_expect_arr_eq((const char *)&a->machine, (const char *)&b->machine, sizeof(a->machine));
    cr_expect_str_eq(a->menu.kernel.command, b->menu.kernel.command);
    cr_assert_eq(a->menu.module_count, b->menu.module_count);
    for (size_t i = 0; i < a->menu.module_count; i++) {
        cr_expect_str_eq(a->menu.modules[i].command, b->menu.modules[i].command);
        cr_expect_eq(a->menu.modules[i].cores, b->menu.modules[i].cores);
        cr_expect_eq(a->menu.modules[i].no_unzip, b->menu.modules[i].no_unzip);
    }
    cr_assert_eq(a->expectation_count, b->expectation_count);
    for (size_t i = 0; i < a->expectation_count; i++) {
        const struct expectation *x = &a->expectations[i], *y = &b->expectations[i];
        cr_expect_eq(x->kind, y->kind);
        cr_expect_eq(x->core, y->core);
        cr_expect_eq(x->regex, y->regex);
        cr_expect_eq(x->count, y->count);
        cr_expect_eq(x->exit_code, y->exit_code);
        cr_expect(!x->pattern == !y->pattern && (!x->pattern || !strcmp(x->pattern, y->pattern)));
        cr_expect(!x->domain == !y->domain && (!x->domain || !strcmp(x->domain, y->domain)));
    }
}

Test(scenario_files, what_is_written_parses_to_the_same)
{
    static const char *const texts[] = {
        "scenario: a\n" BOOT,
        "scenario: a.b-c_1\ndescription: 'it''s: \"quoted\" \\ # not a comment'\n"
        "machine:\n  slice: 7\n  window: 4 MiB\n  nodes:\n    - cores: [0, 2]\n      memory: 64 "
        "MiB\n"
        "    - cores: 1\n      memory: 4 MiB\n    - cores: []\n      memory: 6 MiB\n"
        "  distances: [[10, 11, 12], [13, 10, 14], [15, 16, 10]]\n"
        "boot:\n  - kernel /boot/cpu \"x\"\n  - module /sbin/init\n"
        "  - 'modulenounzip /sbin/a core=0-2 \\n # {[}'\n"
        "deadline: 1.000000001 s\nseed: 18446744073709551615\nnested: true\n"
        "expect:\n  - console: \"tab\\there \\u00fc\"\n    core: each\n    domain: 'a: b'\n    "
        "count: 3\n"
        "  - not: {regex: '^\\[[a-z\"]+$'}\n  - exit: 255\n",
        "scenario: a\ndescription: "
        "\"\\e\\x7f\\x85\\x9f\\u00a0\\u2028\\u2029\\uFEFF\\uFFFE\\uFFFF\\U0001F600\"\n" BOOT
        "expect:\n  - console: \"a\\Lb\\Nc\\td\\u00e9\\u2027\"\n  - exit: 0\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct scenario *one = good(texts[i]);
        char *yaml = NULL;
        size_t bytes = 0;
        FILE *out = open_memstream(&yaml, &bytes);
        cr_assert_eq(scenario_write(one, out), 0);
        fclose(out);
        struct scenario *two = good(yaml);
        same_scenario(one, two);
        scenario_free(one);
        scenario_free(two);
        free(yaml);
    }
}

/* Damaged files: whatever the bytes, the parser ends, and either gives a scenario or says why not.
 * (The sanitizers look for everything else.)  Same sequence in every run. */
Test(scenario_files, damaged_files_are_parsed_or_refused_with_a_reason)
{
    static const char whole[] =
        "scenario: a\ndescription: \"x\"\nmachine:\n  cores: 4\n  memory: 96 MiB\n  nodes:\n"
        "    - {cores: 0-1, memory: 40 MiB}\n    - cores: [2, 3]\n  distances: [[10, 20], [20, "
        "10]]\n"
        "boot: |\n  title t\n  kernel /boot/cpu\n  module /sbin/init\n  module /sbin/x core=0-3,1 "
        "y\n"
        "deadline: 1.5 s\nseed: 0x1f\nexpect:\n  - console: {regex: '^a[b-c]+$'}\n    core: each\n"
        "  - not: z\n  - exit: 0\n";
    static const char bytes[] = "\n :-[]{}|>'\"#&*!%,=0x9\t\x80";
    uint64_t random = 88172645463325252;
    unsigned accepted = 0;
    for (unsigned round = 0; round < 8000; round++) {
        char text[sizeof(whole)];
        memcpy(text, whole, sizeof(whole));
        size_t length = sizeof(whole) - 1;
        for (unsigned change = 0; change <= round % 4; change++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            size_t at = (random >> 8) % length;
            switch (random % 3) {
            case 0:
                text[at] = bytes[(random >> 40) % (sizeof(bytes) - 1)];
                break;
            case 1: /* cut a few bytes out */
                if (length > at + 8) {
                    size_t cut = 1 + (random >> 40) % 7;
                    memmove(text + at, text + at + cut, length - at - cut);
                    length -= cut;
                }
                break;
            default: /* swap with another */
                text[at] = text[(random >> 24) % length];
            }
        }
        diags_free(&diags);
        struct scenario *scenario = scenario_parse("t.yaml", text, length, NULL, 0, &diags);
        cr_assert_eq(scenario == NULL, diags.errors > 0, "round %u: %.*s", round, (int)length,
                     text);
        accepted += scenario != NULL;
        scenario_free(scenario);
    }
    diags_free(&diags);
    cr_expect_gt(accepted, 100, "only %u: some changes are harmless", accepted);
    cr_expect_lt(accepted, 7900);
}

/* One mistake, one error: what hangs on the number of cores is not compared with a guess. */
static void only_error(const char *text, unsigned line, const char *part)
{
    bad(text, line, 0, part);
    scenario_free(parse(text));
    cr_expect_eq(diags.errors, 1, "%zu errors for:\n%s", diags.errors, text);
    if (diags.errors != 1)
        diags_print(&diags, stderr);
    diags_free(&diags);
}

#define ON_CORE_3                                                                     \
    "boot:\n  - kernel /boot/cpu\n  - module /sbin/init\n  - module /sbin/a core=3\n" \
    "expect:\n  - console: x\n    core: 2\n  - console: y\n    core: 0-3\n"

Test(scenario_files, one_mistake_about_cores_is_one_error)
{
    only_error("scenario: a\nmachine:\n  cores: \"4\"\n" ON_CORE_3, 3, "without quotes");
    only_error("scenario: a\nmachine:\n  cores: 65\n" ON_CORE_3, 3, "65");
    only_error("scenario: a\nmachine:\n  cors: 4\n" ON_CORE_3, 3, "cores");
    only_error("scenario: a\nmachine: 4\n" ON_CORE_3, 2, "machine");
    only_error("scenario: a\nmachin:\n  cores: 4\n" ON_CORE_3, 2, "machine");
    only_error("scenario: a\nmachine:\n  nodes:\n    - cores: 0-3-\n" ON_CORE_3, 4, "core");
    scenario_free(good("scenario: a\nmachine:\n  cores: 4\n" ON_CORE_3));
}

Test(scenario_files, what_is_shown_reads_as_it_is)
{
    char *shown = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&shown, &bytes);
    scenario_free(parse("scenario: \"a\\u202eb\\u200b\\u2066\\e[31m\"\n" BOOT));
    diags_print(&diags, out);
    fclose(out);
    cr_expect_not_null(strstr(shown, "\\xe2\\x80\\xae"), "%s", shown);
    for (size_t i = 0; i < bytes; i++)
        cr_expect(shown[i] == '\n' || (shown[i] >= ' ' && shown[i] < 0x7f), "byte %zu of %s", i,
                  shown);
    free(shown);
    diags_free(&diags);
}
