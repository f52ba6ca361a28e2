/* SPDX-License-Identifier: MIT
 *
 * What a run shows and concludes: the matcher, the verdict for each way a run can end, the console
 * format, the summary, and that guest bytes are never passed on raw.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "abi/ports.h"
#include "report/report.h"
#include "scenario/text.h"

#define HEAD \
    "scenario: t\nmachine: {cores: 2}\nboot:\n  - kernel /boot/cpu\n  - module /sbin/init\n"

static struct scenario *scenario;

static void make(const char *expect)
{
    struct diags diags = { 0 };
    char text[2048];
    snprintf(text, sizeof(text), "%s%s", HEAD, expect);
    scenario = scenario_parse("t.yaml", text, strlen(text), NULL, 0, &diags);
    diags_print(&diags, stderr);
    diags_free(&diags);
    cr_assert_not_null(scenario);
}

static struct machine_console_line line_of(unsigned core, const char *speaker, const char *text)
{
    struct machine_console_line line = { .core = core,
                                         .time_ns = 1234567891,
                                         .kind = ABI_CONSOLE_USER,
                                         .text = text,
                                         .bytes = (uint32_t)strlen(text) };
    snprintf(line.speaker, sizeof(line.speaker), "%s", speaker);
    return line;
}

/* ---- text ---- */

static void cleans_to(const char *text, size_t bytes, const char *expected)
{
    char *clean = text_clean(text, bytes);
    cr_expect_str_eq(clean, expected);
    free(clean);
}

Test(report_text, only_printable_utf8_passes)
{
    cleans_to("plain\ttext", 10, "plain\ttext");
    cleans_to("\x1b[31mred", 8, "\\x1b[31mred");
    cleans_to("a\0b", 3, "a\\x00b");
    cleans_to("a\nb\r\x7f", 5, "a\\x0ab\\x0d\\x7f");
    cleans_to("gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f");
    cleans_to("\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80");
    cleans_to("\xc3", 1, "\\xc3");                            /* cut off */
    cleans_to("\xc0\xaf", 2, "\\xc0\\xaf");                   /* overlong */
    cleans_to("\xe0\x80\xaf", 3, "\\xe0\\x80\\xaf");          /* overlong */
    cleans_to("\xed\xa0\x80", 3, "\\xed\\xa0\\x80");          /* surrogate */
    cleans_to("\xf5\x80\x80\x80", 4, "\\xf5\\x80\\x80\\x80"); /* beyond Unicode */
    cleans_to("\xc2\x9b", 2, "\\xc2\\x9b");                   /* a terminal's CSI */
    cleans_to("\xef\xbf\xbf", 3, "\\xef\\xbf\\xbf");          /* U+FFFF */
    cleans_to("", 0, "");
}

Test(report_text, what_nobody_sees_is_shown)
{
    static const struct {
        const char *text, *shown;
    } cases[] = {
        { "\xe2\x80\xae", "\\xe2\\x80\\xae" },          /* U+202E turns the direction */
        { "\xe2\x81\xa6", "\\xe2\\x81\\xa6" },          /* U+2066 so does this */
        { "\xe2\x80\x8b", "\\xe2\\x80\\x8b" },          /* U+200B space without width */
        { "\xe2\x80\xa8", "\\xe2\\x80\\xa8" },          /* U+2028 ends a line */
        { "\xd8\x9c", "\\xd8\\x9c" },                   /* U+061C Arabic letter mark */
        { "\xc2\xad", "\\xc2\\xad" },                   /* U+00AD soft hyphen */
        { "\xef\xbb\xbf", "\\xef\\xbb\\xbf" },          /* U+FEFF byte order mark */
        { "\xef\xb8\x8f", "\\xef\\xb8\\x8f" },          /* U+FE0F variation selector */
        { "\xf3\xa0\x81\x81", "\\xf3\\xa0\\x81\\x81" }, /* U+E0041 tag */
        { "\xd7\x90\xd8\xa7", "\xd7\x90\xd8\xa7" },     /* letters that run to the left */
        { "\xe2\x80\xa6\xe2\x82\xac", "\xe2\x80\xa6\xe2\x82\xac" }, /* between the ranges */
        { "\xee\x80\x80", "\xee\x80\x80" }, /* U+E000 private use has a picture */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cleans_to(cases[i].text, strlen(cases[i].text), cases[i].shown);
}

/* ---- matcher ---- */

/* Automata with many states, in lines made for them.  A matcher that builds states as it goes takes
 * minutes for one of these; the guard is far away. */
Test(report_matcher, time_is_linear_in_the_line_whatever_the_expression, .timeout = 60)
{
    static char text[1025];
    make("expect:\n  - {console: {regex: '(a|b)*a(a|b){200}c'}}\n"
         "  - {console: {regex: '((a*)*|(b*)*)*c'}}\n  - {console: {regex: '^(a|aa|b|bb)+$'}}\n");
    struct matcher *m = matcher_create(scenario);
    unsigned random = 1;
    for (unsigned line = 0; line < 50; line++) {
        for (unsigned i = 0; i < sizeof(text) - 1; i++) {
            random = random * 1103515245 + 12345;
            text[i] = "ab"[random >> 16 & 1];
        }
        matcher_line(m, 0, "app", text);
    }
    cr_expect_eq(matcher_count(m, 0), 0);
    cr_expect_eq(matcher_count(m, 1), 0);
    cr_expect_eq(matcher_count(m, 2), 50);
    matcher_destroy(m);
    scenario_free(scenario);
}

Test(report_matcher, counts_by_core_domain_and_pattern)
{
    make("expect:\n  - {console: hello, core: 1, domain: app, count: 2}\n"
         "  - console: {regex: '^x=[0-9]+$'}\n");
    struct matcher *m = matcher_create(scenario);
    matcher_line(m, 0, "app", "hello"); /* wrong core */
    matcher_line(m, 1, "other", "hello");
    matcher_line(m, 1, "app", "HELLO");
    cr_expect_eq(matcher_count(m, 0), 0);
    matcher_line(m, 1, "app", "say hello!");
    cr_expect_not(matcher_holds(m, 0), "two are wanted");
    matcher_line(m, 1, "app", "hello");
    cr_expect(matcher_holds(m, 0));
    matcher_line(m, 0, "", "x=12 ");
    cr_expect_not(matcher_holds(m, 1));
    cr_expect_eq(matcher_state(m), MATCHER_OPEN);
    matcher_line(m, 0, "", "x=12");
    cr_expect_eq(matcher_state(m), MATCHER_MET);
    size_t done, of;
    matcher_progress(m, &done, &of);
    cr_expect_eq(done, 2);
    cr_expect_eq(of, 2);
    matcher_destroy(m);
    scenario_free(scenario);
}

Test(report_matcher, not_is_final_and_stronger_than_met)
{
    make("expect:\n  - console: done\n  - not: PANIC\n");
    struct matcher *m = matcher_create(scenario);
    cr_expect(matcher_holds(m, 1));
    matcher_line(m, 0, "", "PANIC and done");
    cr_expect_eq(matcher_state(m), MATCHER_VIOLATED);
    matcher_line(m, 0, "", "done");
    cr_expect_eq(matcher_state(m), MATCHER_VIOLATED);
    matcher_destroy(m);
    scenario_free(scenario);
}

Test(report_matcher, only_not_never_ends_a_run)
{
    make("expect:\n  - not: PANIC\n");
    struct matcher *m = matcher_create(scenario);
    cr_expect_eq(matcher_state(m), MATCHER_OPEN);
    matcher_exit(m, 0);
    cr_expect_eq(matcher_state(m), MATCHER_OPEN);
    matcher_destroy(m);
    scenario_free(scenario);
}

Test(report_matcher, exit_needs_the_code)
{
    make("expect:\n  - exit: 3\n");
    struct matcher *m = matcher_create(scenario);
    matcher_exit(m, 0);
    cr_expect_eq(matcher_state(m), MATCHER_OPEN);
    matcher_exit(m, 3);
    cr_expect_eq(matcher_state(m), MATCHER_MET);
    matcher_destroy(m);
    scenario_free(scenario);
}

/* ---- verdict ---- */

static struct run_result conclude(const char *expect, const char *line, struct engine_stop why)
{
    struct run_result result = { 0 };
    make(expect);
    struct matcher *m = matcher_create(scenario);
    if (line)
        matcher_line(m, 0, "app", line);
    result_conclude(&result, scenario, m, &why);
    matcher_destroy(m);
    scenario_free(scenario);
    return result;
}

static void concludes(const char *expect, const char *line, struct engine_stop why,
                      enum verdict verdict, const char *reason, const char *detail)
{
    struct run_result result = conclude(expect, line, why);
    cr_expect_eq(result.verdict, verdict, "%s / %s: %s", expect, line ? line : "", result.detail);
    cr_expect_str_eq(result.reason, reason);
    cr_expect_not_null(strstr(result.detail, detail), "'%s' lacks '%s'", result.detail, detail);
}

#define STOP(...) ((struct engine_stop){ __VA_ARGS__ })

Test(report_result, each_way_a_run_can_end)
{
    static const char hello[] = "expect: [console: hello]\n";
    static const char hello_exit[] = "expect: [console: hello, exit: 0]\n";
    static const char forbid[] = "expect: [not: bad]\n";

    concludes(hello, "hello", STOP(.reason = STOP_REQUEST), VERDICT_PASS, "met",
              "every expectation met");
    concludes(hello, "hello", STOP(.reason = STOP_DEADLINE), VERDICT_FAIL, "deadline",
              "deadline of 30 s reached");
    concludes(hello, NULL, STOP(.reason = STOP_DEADLINE), VERDICT_FAIL, "deadline", "30 s");
    concludes(hello, NULL, STOP(.reason = STOP_EXIT), VERDICT_FAIL, "exit",
              "exited with code 0 before every expectation was met");
    concludes(hello_exit, "hello", STOP(.reason = STOP_EXIT), VERDICT_PASS, "exit",
              "exited with code 0, everything held");
    concludes(hello_exit, "hello", STOP(.reason = STOP_EXIT, .exit_code = 9), VERDICT_FAIL, "exit",
              "exited with code 9");
    concludes(hello_exit, "hello", STOP(.reason = STOP_ALL_STOPPED), VERDICT_FAIL,
              "all cores stopped", "every core stopped");
    concludes("", NULL, STOP(.reason = STOP_EXIT), VERDICT_PASS, "exit", "code 0");
    concludes("", NULL, STOP(.reason = STOP_EXIT, .exit_code = 1), VERDICT_FAIL, "exit", "code 1");
    concludes(forbid, "bad", STOP(.reason = STOP_REQUEST), VERDICT_FAIL, "violated", "forbidden");
    concludes(forbid, "bad", STOP(.reason = STOP_EXIT), VERDICT_FAIL, "violated", "forbidden");
    concludes(forbid, "ok", STOP(.reason = STOP_DEADLINE), VERDICT_PASS, "deadline",
              "nothing forbidden within 30 s");
    concludes(forbid, "ok", STOP(.reason = STOP_EXIT), VERDICT_PASS, "exit", "everything held");
    concludes(forbid, "ok", STOP(.reason = STOP_EXIT, .exit_code = 1), VERDICT_FAIL, "exit",
              "code 1");
    concludes(hello, "hello", STOP(.reason = STOP_PANIC, .core = 1), VERDICT_FAIL, "panic",
              "core 1: the CPU driver gave up");
    concludes(hello, NULL, STOP(.reason = STOP_TRIPLE_FAULT, .detail = "at entry"), VERDICT_FAIL,
              "triple fault", "core 0: triple fault: at entry");
    concludes(hello, NULL, STOP(.reason = STOP_EMULATION), VERDICT_FAIL, "emulation failure",
              "cannot execute");
    concludes(hello, NULL, STOP(.reason = STOP_BAD_ACCESS), VERDICT_FAIL, "bad physical access",
              "does not exist");
    concludes(hello, NULL, STOP(.reason = STOP_INTERRUPTED), VERDICT_INTERRUPTED, "interrupted",
              "interrupted");
    concludes(hello, NULL, STOP(.reason = STOP_LIMIT, .detail = "too much"), VERDICT_FAIL, "limit",
              "too much");
    concludes(hello, NULL, STOP(.reason = STOP_ENGINE, .detail = "KVM_RUN: EIO"), VERDICT_ERROR,
              "engine failure", "KVM_RUN: EIO");
    cr_expect_eq(verdict_exit_status(VERDICT_PASS), 0);
    cr_expect_eq(verdict_exit_status(VERDICT_FAIL), 1);
    cr_expect_eq(verdict_exit_status(VERDICT_ERROR), 3);
    cr_expect_eq(verdict_exit_status(VERDICT_INTERRUPTED), 130);
}

/* ---- console and summary ---- */

static char *shown;
static size_t shown_bytes;

static FILE *stream; /* writes to `shown` */

static struct report *open_report(int verbosity, bool colour)
{
    stream = open_memstream(&shown, &shown_bytes);
    cr_assert_not_null(stream);
    struct report_options options = { .verbosity = verbosity, .colour = colour, .out = stream };
    struct report *report = report_create(scenario, &options);
    cr_assert_not_null(report);
    return report;
}

static void close_report(struct report *report)
{
    report_destroy(report);
    fclose(stream);
    free(shown);
    scenario_free(scenario);
}

static void say(struct report *report, unsigned core, const char *speaker, const char *text,
                uint32_t kind)
{
    struct machine_console_line line = line_of(core, speaker, text);
    line.kind = kind;
    report_console(report, &line);
}

Test(report_console, prefixes_time_and_core_and_filters_by_verbosity)
{
    make("");
    struct report *report = open_report(0, false);
    say(report, 1, "myapp", "hello \x1b[2J", ABI_CONSOLE_USER);
    say(report, 0, "", "booting", ABI_CONSOLE_KERNEL);
    say(report, 0, "", "hidden", ABI_CONSOLE_TRACE);
    report_event(report, 0, 5, "core started");
    report_trace(report, 0, 5, "syscall");
    fflush(stream);
    cr_expect_str_eq(shown, "[    1.234567 1] myapp: hello \\x1b[2J\n"
                            "[    1.234567 0] cpu: booting\n");
    size_t count;
    uint64_t all;
    report_lines(report, &count, &all);
    cr_expect_eq(count, 3, "what is not shown is kept");
    close_report(report);
}

Test(report_console, verbosity_adds_and_quiet_takes_away)
{
    make("");
    for (int verbosity = -1; verbosity <= 2; verbosity++) {
        struct report_options options = { .verbosity = verbosity,
                                          .out = open_memstream(&shown, &shown_bytes) };
        struct report *report = report_create(scenario, &options);
        say(report, 0, "a", "user-line", ABI_CONSOLE_USER);
        say(report, 0, "", "trace-line", ABI_CONSOLE_TRACE);
        report_event(report, 0, 5, "event-line");
        report_trace(report, 0, 5, "record-line");
        fflush(options.out);
        cr_expect_eq(strstr(shown, "user-line") != NULL, verbosity >= 0);
        cr_expect_eq(strstr(shown, "trace-line") != NULL, verbosity >= 1);
        cr_expect_eq(strstr(shown, "event-line") != NULL, verbosity >= 1);
        cr_expect_eq(strstr(shown, "record-line") != NULL, verbosity >= 2);
        cr_expect_null(strchr(shown, '\033'), "no colour unless asked for");
        report_destroy(report);
        fclose(options.out);
        free(shown);
    }
    scenario_free(scenario);
}

Test(report_console, trace_file_gets_everything_whatever_the_verbosity)
{
    make("");
    char *trace;
    size_t trace_bytes;
    struct report_options options = { .verbosity = -1,
                                      .out = open_memstream(&shown, &shown_bytes),
                                      .trace = open_memstream(&trace, &trace_bytes) };
    struct report *report = report_create(scenario, &options);
    say(report, 1, "a", "line", ABI_CONSOLE_USER);
    report_event(report, 0, 5, "event");
    report_trace(report, 1, 6, "syscall x");
    report_event(report, 0, 7, "channel: \x1b[2Ja\nb\xff"); /* the guest names channels */
    report_destroy(report);
    fclose(options.out);
    fclose(options.trace);
    cr_expect_str_eq(shown, "");
    cr_expect_str_eq(trace, "1234567891 1 a: line\n5 0 event\n6 1 syscall x\n"
                            "7 0 channel: \\x1b[2Ja\\x0ab\\xff\n");
    free(shown);
    free(trace);
    scenario_free(scenario);
}

Test(report_console, what_is_shown_and_traced_has_a_limit)
{
    make("expect: [{console: line 99}]\n");
    char *trace;
    size_t trace_bytes;
    struct report_options options = { .out = open_memstream(&shown, &shown_bytes),
                                      .trace = open_memstream(&trace, &trace_bytes),
                                      .output_limit = 100 };
    struct report *report = report_create(scenario, &options);
    char text[32];
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "line %d", i);
        say(report, 0, "a", text, ABI_CONSOLE_USER);
    }
    cr_expect_eq(matcher_state(report_matcher(report)), MATCHER_MET, "it is matched all the same");
    report_end(report);
    const struct run_result result = { .verdict = VERDICT_PASS, .core_count = 1 };
    report_summary(report, &result);
    report_destroy(report);
    fclose(options.out);
    fclose(options.trace);
    cr_expect_not_null(strstr(shown, "a: line 2\n-- 97 more lines left out: 81 bytes were shown"),
                       "%s", shown);
    cr_expect_null(strstr(shown, "line 3\n"));
    cr_expect_not_null(strstr(trace, "a: line 3\n-- 96 more lines left out (--output-limit)\n"),
                       "%s", trace);
    free(shown);
    free(trace);
    scenario_free(scenario);
}

Test(report_console, of_lines_that_are_not_kept_the_last_are)
{
    make("expect: [{console: never}]\n");
    char text[32];
    stream = open_memstream(&shown, &shown_bytes);
    struct report_options options = {
        .verbosity = -1, .full = true, .out = stream, .keep_limit = 100
    };
    struct report *report = report_create(scenario, &options);
    for (int i = 0; i < 120; i++) {
        snprintf(text, sizeof(text), "line %d.", i);
        say(report, (unsigned)i % 2, "a", text, ABI_CONSOLE_USER);
    }
    size_t count;
    uint64_t all;
    report_lines(report, &count, &all);
    cr_expect_eq(all, 120);
    cr_expect_eq(count, 12, "as many as fit: %zu", count);
    const struct run_result result = { .verdict = VERDICT_FAIL, .core_count = 2 };
    report_summary(report, &result);
    fflush(stream);
    cr_expect_not_null(strstr(shown, "core 0, last 8 of 60 lines:"), "%s", shown);
    cr_expect_not_null(strstr(shown, "core 1, last 8 of 60 lines:"));
    for (int i = 104; i < 120; i++) {
        snprintf(text, sizeof(text), "line %d.", i);
        cr_expect_not_null(strstr(shown, text), "%s", text);
    }
    cr_expect_null(strstr(shown, "line 103."));
    close_report(report);
}

struct talker {
    struct report *report;
    unsigned core;
};

static void *talk(void *context)
{
    const struct talker *talker = context;
    char text[32];
    for (int i = 0; i < 500; i++) {
        snprintf(text, sizeof(text), "line %d of core %u.", i, talker->core);
        say(talker->report, talker->core, "app", text, ABI_CONSOLE_USER);
    }
    return NULL;
}

Test(report_console, lines_of_several_threads_stay_whole)
{
    make("expect: [{console: '.', core: 0, count: 500}, {console: '.', core: 1, count: 500}]\n");
    struct report_options options = { .out = open_memstream(&shown, &shown_bytes) };
    struct report *report = report_create(scenario, &options);
    struct talker talker[2] = { { report, 0 }, { report, 1 } };
    pthread_t thread[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&thread[i], NULL, talk, &talker[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    cr_expect_eq(matcher_state(report_matcher(report)), MATCHER_MET);
    report_destroy(report);
    fclose(options.out);
    unsigned lines = 0;
    for (char *line = strtok(shown, "\n"); line; line = strtok(NULL, "\n")) {
        lines++;
        cr_assert_eq(line[strlen(line) - 1], '.', "torn: %s", line);
        cr_assert_eq(line[0], '[', "torn: %s", line);
    }
    cr_expect_eq(lines, 1000);
    free(shown);
    scenario_free(scenario);
}

Test(report_summary, pass_is_one_line)
{
    make("");
    struct report *report = open_report(0, false);
    struct run_result result = { .verdict = VERDICT_PASS,
                                 .engine = "kvm",
                                 .core_count = 2,
                                 .wall_ns = 1840000000,
                                 .detail = "every expectation met" };
    report_summary(report, &result);
    cr_expect_str_eq(shown, "PASS t  1.84 s  kvm  2 cores  every expectation met\n");
    close_report(report);
}

Test(report_summary, failure_names_expectation_and_last_lines)
{
    make("expect:\n  - {console: never, core: 1}\n  - not: bad\n  - {console: 'l', count: 99}\n"
         "  - console: \"\\e[2J\"\n");
    stream = open_memstream(&shown, &shown_bytes);
    const struct report_options options = { .verbosity = -1, .full = true, .out = stream };
    struct report *report = report_create(scenario, &options);
    for (int i = 0; i < 20; i++) {
        char text[16];
        snprintf(text, sizeof(text), "l%d", i);
        say(report, 0, "app", text, ABI_CONSOLE_USER);
    }
    say(report, 0, "app", "bad \x1b", ABI_CONSOLE_USER);
    struct run_result result = { .verdict = VERDICT_FAIL,
                                 .engine = "kvm",
                                 .core_count = 2,
                                 .detail = "deadline of 30 s reached",
                                 .postmortem = strdup("core 0: rip 0x1 \x1b[2J\ncore 1: idle\n") };
    report_summary(report, &result);
    fflush(stream);
    cr_expect_not_null(strstr(shown, "FAIL t  0.00 s  kvm  2 cores  deadline of 30 s reached\n"));
    cr_expect_eq(strchr(strstr(shown, "FAIL t"), '\n')[1], 0, "the verdict is the last line");
    cr_expect_not_null(strstr(shown, "t.yaml:7:5: core 1 prints \"never\"\n"));
    cr_expect_not_null(strstr(shown, "t.yaml:8:5: no core prints \"bad\"\n"
                                     "    but core 0 printed: bad \\x1b\n"));
    cr_expect_not_null(strstr(shown, "some core prints \"l\" 99 times (seen 20)\n"));
    cr_expect_not_null(strstr(shown, "t.yaml:10:5: some core prints \"\\x1b[2J\"\n"));
    cr_expect_not_null(strstr(shown, "core 0, last 8 of 21 lines:\n    1.234567 app: l13\n"));
    cr_expect_not_null(strstr(shown, "core 1 printed nothing\n"));
    cr_expect_not_null(strstr(shown, "  core 0: rip 0x1 \\x1b[2J\n  core 1: idle\n"));
    cr_expect_null(strchr(shown, '\033'));
    result_free(&result);
    close_report(report);
}

/* Many lines, a long post-mortem: what is shown by default fits a screen. */
Test(report_summary, failure_fits_a_screen_and_quiet_a_corner)
{
    for (int verbosity = -1; verbosity <= 0; verbosity++) {
        make("expect:\n  - {console: never}\n");
        stream = open_memstream(&shown, &shown_bytes);
        const struct report_options options = { .verbosity = verbosity, .out = stream };
        struct report *report = report_create(scenario, &options);
        struct run_result result = { .verdict = VERDICT_FAIL,
                                     .engine = "kvm",
                                     .core_count = 2,
                                     .detail = "deadline of 30 s reached",
                                     .postmortem = strdup("everything\n"),
                                     .brief = strdup("run ended\na\nb\nc\nd\ne\nf\n") };
        for (unsigned i = 0; i < 160; i++)
            say(report, i % 2, "app", "line", ABI_CONSOLE_USER);
        fflush(stream);
        size_t before = shown_bytes;
        report_summary(report, &result);
        fflush(stream);
        unsigned lines = 0;
        for (const char *c = shown + before; *c; c++)
            lines += *c == '\n';
        cr_expect_leq(lines, verbosity < 0 ? 8 : 50, "%u lines: %s", lines, shown + before);
        cr_expect_null(strstr(shown, "everything"));
        cr_expect_not_null(strstr(shown, "  run ended\n  a\n  b\n"));
        result_free(&result);
        close_report(report);
    }
}

Test(report_summary, verbose_shows_exits_by_reason_and_virtual_runs_their_seed)
{
    make("");
    struct report *report = open_report(1, true);
    struct run_result result = { .verdict = VERDICT_PASS,
                                 .engine = "unicorn",
                                 .virtual_time = true,
                                 .seed = 7,
                                 .machine_ns = 1500000,
                                 .state_hash = "0123456789abcdef",
                                 .core_count = 2 };
    result.stats.core_count = 2;
    result.stats.core[0].exit[ENGINE_EXIT_HLT] = 3;
    result.stats.core[1].exit[ENGINE_EXIT_HLT] = 4;
    result.machine_stats.syscalls = 1234;
    report_summary(report, &result);
    cr_expect_not_null(strstr(shown, "\033[1;32mPASS\033[0m t"));
    cr_expect_not_null(strstr(shown, "seed 7  virtual 0.001500 s  hash 0123456789abcdef"));
    cr_expect_not_null(strstr(shown, "    hlt                    7        3        4\n"));
    cr_expect_null(strstr(shown, "port ipi"), "zero counters are left out");
    cr_expect_not_null(strstr(shown, "system calls 1234"));
    close_report(report);
}
