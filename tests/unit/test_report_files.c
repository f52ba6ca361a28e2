/* SPDX-License-Identifier: MIT
 *
 * Result files: JSON that a reader gets everything out of again, and JUnit that is well-formed
 * whatever the guest printed.  A small checker of XML well-formedness stands in for a library.
 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "abi/ports.h"
#include "report/files.h"

static const char text[] = "scenario: t\nmachine: {cores: 2}\nboot:\n  - kernel /boot/cpu\n"
                           "  - module /sbin/init\nexpect:\n  - {console: 'a<b>&\"c\"', core: 1}\n"
                           "  - not: {regex: 'zz+'}\n  - exit: 0\n";

static struct scenario *scenario;
static struct report *report;
static struct report_files files;
static FILE *devnull;

static void setup(void)
{
    struct diags diags = { 0 };
    scenario = scenario_parse("dir/t<1>.yaml", text, strlen(text), NULL, 0, &diags);
    diags_print(&diags, stderr);
    diags_free(&diags);
    cr_assert_not_null(scenario);
    devnull = fopen("/dev/null", "w");
    struct report_options options = { .verbosity = -1, .out = devnull };
    report = report_create(scenario, &options);
    files = (struct report_files){ 0 };
}

static void teardown(void)
{
    report_files_free(&files);
    report_destroy(report);
    fclose(devnull);
    scenario_free(scenario);
}

static void say(unsigned core, const char *line, size_t bytes)
{
    struct machine_console_line console = { .core = core,
                                            .time_ns = 1500,
                                            .kind = ABI_CONSOLE_USER,
                                            .speaker = "app",
                                            .text = line,
                                            .bytes = (uint32_t)bytes };
    report_console(report, &console);
}

static struct run_result sample(void)
{
    struct run_result result = { .verdict = VERDICT_FAIL,
                                 .reason = "deadline",
                                 .detail = "deadline of <30> s & more \xff",
                                 .engine = "kvm",
                                 .engine_version = "KVM API 12",
                                 .core_count = 2,
                                 .seed = UINT64_MAX,
                                 .wall_ns = 1840000000,
                                 .machine_ns = 1830000000,
                                 .state_hash = "00ff" };
    result.stats.core_count = 2;
    result.stats.core[0].exit[ENGINE_EXIT_PORT_CONSOLE] = 5;
    result.stats.core[1].exit[ENGINE_EXIT_PORT_CONSOLE] = 7;
    result.stats.core[1].interrupts = 3;
    result.machine_stats.syscalls = 99;
    result.postmortem = strdup("core 0: rip \x1b\ncore 1: idle\n");
    return result;
}

static char *written(int (*write)(const struct report_files *, FILE *))
{
    char *out = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&out, &bytes);
    cr_assert_eq(write(&files, stream), 0);
    fclose(stream);
    return out;
}

static void add_sample(void)
{
    struct run_result result = sample();
    say(1, "\x1b[31m<&>\"']]>\xff", 14);
    say(0, "gr\xc3\xbc\xc3\x9f", 6);
    cr_assert_eq(report_files_add(&files, scenario, report, report_matcher(report), &result), 0);
    result_free(&result);
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static json_int_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

Test(report_json, holds_everything_about_a_run, .init = setup, .fini = teardown)
{
    add_sample();
    char *out = written(report_files_write_json);
    json_error_t error;
    json_t *root = json_loads(out, 0, &error);
    cr_assert_not_null(root, "%s in %s", error.text, out);
    cr_expect_eq(number_of(root, "version"), REPORT_JSON_VERSION);
    cr_expect_eq(number_of(root, "passed"), 0);
    cr_expect_eq(number_of(root, "not_passed"), 1);
    const json_t *run = json_array_get(json_object_get(root, "results"), 0);
    cr_expect_str_eq(text_of(run, "scenario"), "t");
    cr_expect_str_eq(text_of(run, "file"), "dir/t<1>.yaml");
    cr_expect_str_eq(text_of(run, "verdict"), "fail");
    cr_expect_str_eq(text_of(run, "reason"), "deadline");
    cr_expect_str_eq(text_of(run, "detail"), "deadline of <30> s & more \\xff");
    cr_expect_str_eq(text_of(run, "engine"), "kvm");
    cr_expect_str_eq(text_of(run, "seed"), "18446744073709551615", "all 64 bits survive");
    cr_expect_eq(number_of(run, "wall_ns"), 1840000000);
    cr_expect_eq(number_of(run, "machine_ns"), 1830000000);
    cr_expect(json_is_null(json_object_get(run, "exit_code")));
    cr_expect_str_eq(text_of(run, "state_hash"), "00ff");
    cr_expect_eq(number_of(run, "syscalls"), 99);

    const json_t *stats = json_object_get(run, "stats");
    cr_expect_eq(number_of(json_object_get(stats, "exits"), "port console"), 12);
    cr_expect_eq(number_of(stats, "interrupts"), 3);
    const json_t *core1 = json_array_get(json_object_get(stats, "cores"), 1);
    cr_expect_eq(number_of(json_object_get(core1, "exits"), "port console"), 7);
    cr_expect_null(json_object_get(json_object_get(core1, "exits"), "hlt"), "zeros are left out");

    const json_t *console = json_object_get(run, "console");
    cr_assert_eq(json_array_size(console), 2);
    const json_t *line = json_array_get(console, 0);
    cr_expect_str_eq(text_of(line, "text"), "\\x1b[31m<&>\"']]>\\xff");
    cr_expect_eq(number_of(line, "core"), 1);
    cr_expect_eq(number_of(line, "time_ns"), 1500);
    cr_expect_str_eq(text_of(line, "kind"), "user");
    cr_expect_str_eq(text_of(line, "domain"), "app");

    const json_t *expectations = json_object_get(run, "expectations");
    cr_assert_eq(json_array_size(expectations), 3);
    const json_t *first = json_array_get(expectations, 0);
    cr_expect_str_eq(text_of(first, "kind"), "console");
    cr_expect_str_eq(text_of(first, "text"), "a<b>&\"c\"");
    cr_expect_eq(number_of(first, "line"), 7);
    cr_expect(json_is_false(json_object_get(first, "holds")));
    cr_expect(json_is_true(json_object_get(json_array_get(expectations, 1), "holds")));
    cr_expect_eq(json_array_size(json_object_get(run, "postmortem")), 2);
    json_decref(root);
    free(out);
}

Test(report_json, equal_runs_give_equal_bytes, .init = setup, .fini = teardown)
{
    add_sample();
    char *one = written(report_files_write_json);
    char *two = written(report_files_write_json);
    cr_expect_str_eq(one, two);
    free(one);
    free(two);
}

Test(report_json, without_runs_is_still_json, .init = setup, .fini = teardown)
{
    char *out = written(report_files_write_json);
    json_t *root = json_loads(out, 0, NULL);
    cr_assert_not_null(root);
    cr_expect_eq(json_array_size(json_object_get(root, "results")), 0);
    json_decref(root);
    free(out);
}

/* Well-formed: elements nest, attributes are quoted, no stray < & or control character.  Returns
 * the number of elements, 0 if not well-formed. */
static unsigned check_xml(const char *xml)
{
    char open[16][32];
    unsigned depth = 0, elements = 0;
    const char *at = xml;
    if (strncmp(at, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", 39) != 0)
        return 0;
    at += 39;
    while (*at) {
        if (*at == '&') {
            size_t length = strcspn(at, ";");
            if (strncmp(at, "&amp;", 5) && strncmp(at, "&lt;", 4) && strncmp(at, "&gt;", 4) &&
                strncmp(at, "&quot;", 6) && strncmp(at, "&apos;", 6))
                return 0;
            at += length + 1;
            continue;
        }
        if (*at != '<') {
            if (((unsigned char)*at < 0x20 && *at != '\n' && *at != '\t') || *at == '>')
                return 0;
            at++;
            continue;
        }
        bool closing = at[1] == '/';
        at += 1 + closing;
        char name[32];
        size_t length = strcspn(at, " />");
        if (length == 0 || length >= sizeof(name))
            return 0;
        memcpy(name, at, length);
        name[length] = '\0';
        at += length;
        if (closing) {
            if (*at != '>' || depth == 0 || strcmp(open[--depth], name) != 0)
                return 0;
            at++;
            continue;
        }
        elements++;
        while (*at == ' ') {
            at += 1 + strcspn(at + 1, "=");
            if (at[0] != '=' || at[1] != '"')
                return 0;
            size_t value = strcspn(at + 2, "\"<");
            if (at[2 + value] != '"')
                return 0;
            at += 3 + value;
        }
        if (at[0] == '/' && at[1] == '>') {
            at += 2;
            continue;
        }
        if (*at != '>' || depth == 16)
            return 0;
        strcpy(open[depth++], name);
        at++;
    }
    return depth == 0 ? elements : 0;
}

Test(report_junit, the_checker_itself_works)
{
#define X "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    cr_expect_eq(check_xml(X "<a b=\"c\"><d>x &amp; y</d></a>\n"), 2);
    cr_expect_eq(check_xml(X "<a><b></a></b>"), 0);
    cr_expect_eq(check_xml(X "<a>x & y</a>"), 0);
    cr_expect_eq(check_xml(X "<a b=\"<\"></a>"), 0);
    cr_expect_eq(check_xml(X "<a>\x1b</a>"), 0);
    cr_expect_eq(check_xml(X "<a>"), 0);
#undef X
}

Test(report_junit, is_well_formed_whatever_the_guest_prints, .init = setup, .fini = teardown)
{
    add_sample();
    struct run_result pass = { .verdict = VERDICT_PASS, .engine = "kvm", .core_count = 2 };
    cr_assert_eq(report_files_add(&files, scenario, report, report_matcher(report), &pass), 0);
    cr_assert_eq(report_files_add_error(&files, "a&b.yaml", "x\"y", "no <image>"), 0);
    char *out = written(report_files_write_junit);
    cr_expect_gt(check_xml(out), 9u, "%s", out);
    cr_expect_not_null(
        strstr(out, "<testsuites name=\"vmm\" tests=\"3\" failures=\"1\" errors=\"1\""));
    cr_expect_not_null(strstr(out, "file=\"dir/t&lt;1&gt;.yaml\""));
    cr_expect_not_null(strstr(out, "<testcase classname=\"vmm.kvm\" name=\"t\" time=\"1.840\">"));
    cr_expect_not_null(strstr(out, "<property name=\"seed\" value=\""));
    cr_expect_not_null(
        strstr(out, "again: vmm run &apos;dir/t&lt;1&gt;.yaml&apos; --engine kvm --seed "));
    cr_expect_not_null(strstr(out, "<failure type=\"deadline\""));
    cr_expect_not_null(strstr(out, "<error type=\"not run\" message=\"no &lt;image&gt;\""));
    cr_expect_not_null(strstr(out, "\\x1b[31m&lt;&amp;&gt;&quot;&apos;]]&gt;\\xff"));
    free(out);
}
