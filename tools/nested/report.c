/* SPDX-License-Identifier: MIT
 *
 * nested report COMMANDS INSIDE OUTSIDE DOCUMENT JUNIT EXITS STOPPED
 *
 * Reads what the steps named in COMMANDS left in the folders INSIDE (emulated hardware) and OUTSIDE
 * (this host; "-" if it has no KVM), counts, compares, and writes one JUnit suite and the table of
 * exits by reason.  STOPPED says why the machine was stopped before its end, or is empty.
 *
 * Three kinds of results: [inside] and [outside], each step or self-test by itself, and [agree], the
 * same on both.  Agreement means: the same verdict and exit code of a scenario, the same outcome of a
 * self-test (how the guest's run ended and by which exits).  How often a guest exits depends on time,
 * so numbers are shown and not compared.  A self-test may differ if DOCUMENT says so, in a table row
 * that begins with its name: the list of differences is the document's, and what is not there fails.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nested.h"
#include "results.h"

#define MAX_TESTS 128
#define SHOWN_LINES 60 /* of the log of a failed step */

enum place { INSIDE, OUTSIDE, PLACES };
static const char *const place_names[PLACES] = { "inside", "outside" };

static struct {
    const char *folder[PLACES]; /* NULL: there is none */
    const char *stopped;
    char *document;
    FILE *exits;
} context;

/* One step on one host. */
struct step {
    bool ran;
    int status;
    uint64_t ms;
    json_t *result; /* of a scenario */
    const char *verdict;
    int exit_code;
};

/* ---- reading ---- */

static char *read_text(enum place place, const char *step, const char *file)
{
    char path[1024];
    size_t bytes;
    snprintf(path, sizeof(path), "%s/%s%s%s", context.folder[place], step, *step ? "/" : "", file);
    return (char *)nested_read(path, &bytes);
}

/* The line of `steps` that tells how the step ended. */
static bool read_status(enum place place, const char *name, struct step *step)
{
    char *text = read_text(place, "", "steps");
    for (char *line = text; line && *line;
         line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        char seen[256];
        unsigned long long ms;
        if (sscanf(line, "%255s %d %llu", seen, &step->status, &ms) == 3 &&
            strcmp(seen, name) == 0) {
            step->ms = ms;
            step->ran = true;
            break;
        }
    }
    free(text);
    return step->ran;
}

/* The end of what a failed step wrote, so that the report alone tells why: without the lines of tests
 * that passed, and without empty ones. */
static void show_log(enum place place, const char *step)
{
    char *log = read_text(place, step, "log"), *line = log;
    unsigned count = 0, number = 0;
    for (int showing = 0; log && showing <= 1; showing++) {
        if (showing)
            printf("       the end of out/%s/%s/log:\n", place_names[place], step);
        for (line = log; *line;) {
            size_t length = strcspn(line, "\r\n");
            if (length > 0 && strncmp(line, "pass\t", 5) != 0) {
                if (!showing)
                    count++;
                else if (number++ + SHOWN_LINES >= count)
                    printf("       | %.*s\n", (int)(length < 240 ? length : 240), line);
            }
            line += length + (line[length] != 0);
        }
    }
    free(log);
}

/* Adds a failure for a step of which nothing is known, or that ran over its deadline. */
static bool complain(enum place place, const char *name, const struct step *step)
{
    if (!step->ran) {
        add_result(FAILED, name, place_names[place], 0, "it did not end%s%s",
                   *context.stopped ? ": " : "", context.stopped);
        return true;
    }
    if (step->status == 124) {
        add_result(FAILED, name, place_names[place], step->ms, "no end after %.1f s",
                   (double)step->ms / 1000);
        show_log(place, name);
        return true;
    }
    return false;
}

/* Does the document list a difference of this test? */
static bool listed(const char *test)
{
    char row[256];
    snprintf(row, sizeof(row), "\n| `%s` |", test);
    return context.document && strstr(context.document, row);
}

/* ---- doctor ---- */

/* What kind of KVM was compared with what kind. */
static void show_kvm(enum place place)
{
    char *log = context.folder[place] ? read_text(place, "doctor", "log") : NULL;
    char *line = log ? strstr(log, "\nkvm ") : NULL;
    if (line) {
        line += strspn(line, "\n");
        printf("host   %s: %.*s\n", place_names[place], (int)strcspn(line, "\n"), line);
    }
    free(log);
}

static void report_doctor(void)
{
    struct step step = { 0 };
    show_kvm(INSIDE);
    show_kvm(OUTSIDE);
    read_status(INSIDE, "doctor", &step);
    if (complain(INSIDE, "doctor", &step))
        return;
    char *log = read_text(INSIDE, "doctor", "log");
    bool native = log && strstr(log, "system calls native");
    add_result(native ? PASSED : FAILED, "doctor/system_calls_enter_natively", "inside", step.ms,
               "the emulated host does not offer hardware KVM: see out/inside/doctor/log");
    free(log);
}

/* ---- self-tests ---- */

struct selftest {
    char verdict[8];
    char name[160];
    unsigned long long ms;
    char text[1200];
};

static unsigned read_selftests(enum place place, struct selftest *test)
{
    unsigned count = 0;
    char *log = read_text(place, "selftest", "log"), *rest = log, *line;
    while (rest && count < MAX_TESTS && (line = strsep(&rest, "\n")) != NULL) {
        struct selftest *t = &test[count];
        const char *verdict = strsep(&line, "\t"), *name = strsep(&line, "\t"),
                   *ms = strsep(&line, "\t");
        if (!line)
            continue;
        snprintf(t->verdict, sizeof(t->verdict), "%s", verdict);
        snprintf(t->name, sizeof(t->name), "%s", name);
        snprintf(t->text, sizeof(t->text), "%s", line);
        t->ms = strtoull(ms, NULL, 10);
        count++;
    }
    free(log);
    return count;
}

static void compare_selftest(const struct selftest *in, const struct selftest *out)
{
    if (strcmp(in->verdict, out->verdict) == 0 && strcmp(in->text, out->text) == 0) {
        add_result(PASSED, in->name, "agree", 0, "%s", in->text);
    } else if (listed(in->name)) {
        add_result(PASSED, in->name, "agree", 0, "differs as listed");
        printf("differs %s: inside \"%s\", outside \"%s\": listed in docs/engines.md\n", in->name,
               in->text, out->text);
    } else {
        add_result(FAILED, in->name, "agree", 0,
                   "inside %s \"%s\", outside %s \"%s\", and docs/engines.md does not list it",
                   in->verdict, in->text, out->verdict, out->text);
    }
}

static void report_selftests(void)
{
    static struct selftest test[PLACES][MAX_TESTS];
    unsigned count[PLACES] = { 0 };
    for (unsigned place = 0; place < PLACES; place++) {
        struct step step = { 0 };
        if (!context.folder[place])
            continue;
        read_status(place, "selftest", &step);
        complain(place, "selftest", &step);
        count[place] = read_selftests(place, test[place]);
        unsigned passed = 0, failed = 0;
        for (unsigned i = 0; i < count[place]; i++) {
            const struct selftest *t = &test[place][i];
            enum verdict v = strcmp(t->verdict, "pass") == 0   ? PASSED
                             : strcmp(t->verdict, "skip") == 0 ? SKIPPED
                                                               : FAILED;
            passed += v == PASSED;
            failed += v == FAILED;
            add_result(v, t->name, place_names[place], t->ms, "%s", t->text);
        }
        if (step.ran && count[place] == 0)
            add_result(FAILED, "selftest", place_names[place], step.ms, "it ran no test");
        else if (step.ran && step.status != 0 && step.status != 124 && passed == count[place])
            add_result(FAILED, "selftest", place_names[place], step.ms, "it ended with status %d",
                       step.status);
        if (failed && step.status != 124)
            show_log(place, "selftest");
        printf("%-6s selftest[%s]  %u of %u passed, %.1f s\n",
               passed == count[place] && passed ? "ok" : "", place_names[place], passed,
               count[place], (double)step.ms / 1000);
    }
    if (context.folder[OUTSIDE] && count[INSIDE] != count[OUTSIDE])
        add_result(FAILED, "selftest", "agree", 0, "%u tests inside, %u outside", count[INSIDE],
                   count[OUTSIDE]);
    for (unsigned i = 0; context.folder[OUTSIDE] && i < count[INSIDE]; i++) {
        for (unsigned k = 0; k < count[OUTSIDE]; k++)
            if (strcmp(test[INSIDE][i].name, test[OUTSIDE][k].name) == 0)
                compare_selftest(&test[INSIDE][i], &test[OUTSIDE][k]);
    }
}

/* ---- scenarios ---- */

static void read_scenario(enum place place, const char *name, struct step *step)
{
    read_status(place, name, step);
    char *text = read_text(place, name, "result.json");
    json_error_t error;
    step->result = text ? json_loads(text, 0, &error) : NULL;
    free(text);
    const json_t *first = json_array_get(json_object_get(step->result, "results"), 0);
    step->verdict = json_string_value(json_object_get(first, "verdict"));
    const json_t *code = json_object_get(first, "exit_code");
    step->exit_code = json_is_integer(code) ? (int)json_integer_value(code) : -1;
    if (complain(place, name, step))
        return;
    bool good = step->status == 0 && step->verdict && strcmp(step->verdict, "pass") == 0;
    const char *detail = json_string_value(json_object_get(first, "detail"));
    add_result(good ? PASSED : FAILED, name, place_names[place], step->ms,
               "exit code %d, verdict %s: %s; its output: out/%s/%s/log", step->status,
               step->verdict ? step->verdict : "none", detail ? detail : "no result",
               place_names[place], name);
    if (!good)
        show_log(place, name);
}

static json_int_t number(const struct step *step, const char *group, const char *key)
{
    const json_t *first = json_array_get(json_object_get(step->result, "results"), 0);
    const json_t *object = first;
    if (*group) {
        object = json_object_get(first, "stats");
        if (strcmp(group, "stats") != 0)
            object = json_object_get(object, group);
    }
    return json_integer_value(json_object_get(object, key));
}

static void row(const struct step *step, const char *group, const char *key)
{
    fprintf(context.exits, "  %-20s %12lld", key, (long long)number(&step[INSIDE], group, key));
    if (step[OUTSIDE].result)
        fprintf(context.exits, " %12lld", (long long)number(&step[OUTSIDE], group, key));
    fputc('\n', context.exits);
}

/* Exits by reason, inside and outside beside each other. */
static void table(const char *name, struct step *step)
{
    json_t *reasons = json_object();
    for (unsigned place = 0; place < PLACES; place++) {
        const json_t *first = json_array_get(json_object_get(step[place].result, "results"), 0);
        json_t *exits = json_object_get(json_object_get(first, "stats"), "exits");
        if (exits)
            json_object_update_missing(reasons, exits);
    }
    fprintf(context.exits, "%s\n  %-20s %12s%s\n", name, "exits", "inside",
            step[OUTSIDE].result ? "      outside" : "");
    const char *key;
    json_t *value;
    json_object_foreach(reasons, key, value) row(step, "exits", key);
    json_decref(reasons);
    row(step, "stats", "interrupts");
    row(step, "", "syscalls");
    row(step, "", "upcalls");
    fprintf(context.exits, "  %-20s %12.3f", "machine time, s",
            (double)number(&step[INSIDE], "", "machine_ns") / 1e9);
    if (step[OUTSIDE].result)
        fprintf(context.exits, " %12.3f", (double)number(&step[OUTSIDE], "", "machine_ns") / 1e9);
    fputs("\n\n", context.exits);
}

static void report_scenario(const char *name)
{
    struct step step[PLACES] = { { 0 } };
    const char *dot = strrchr(name, '.');
    bool again = dot && strspn(dot + 1, "0123456789") == strlen(dot + 1);
    for (unsigned place = 0; place < PLACES; place++)
        if (context.folder[place] && !(place == OUTSIDE && again))
            read_scenario(place, name, &step[place]);
    char beside[64] = "";
    const struct step *in = &step[INSIDE], *out = &step[OUTSIDE];
    if (out->ran)
        snprintf(beside, sizeof(beside), ", %.1f s outside", (double)out->ms / 1000);
    if (in->ran && out->ran && in->result && out->result) {
        bool same = in->verdict && out->verdict && strcmp(in->verdict, out->verdict) == 0 &&
                    in->exit_code == out->exit_code;
        add_result(same ? PASSED : FAILED, name, "agree", 0,
                   "inside %s, exit code %d; outside %s, exit code %d", in->verdict, in->exit_code,
                   out->verdict, out->exit_code);
    }
    if (in->ran && in->status == 0)
        printf("ok     %s  (%.1f s inside%s)\n", name, (double)in->ms / 1000, beside);
    if (in->result)
        table(name, step);
    json_decref(step[INSIDE].result);
    json_decref(step[OUTSIDE].result);
}

/* ---- all of it ---- */

static void show_exits(const char *path, const char *name)
{
    size_t bytes;
    char *text = (char *)nested_read(path, &bytes), header[128];
    snprintf(header, sizeof(header), "%s\n", name);
    char *start = text ? strstr(text, header) : NULL;
    char *end = start ? strstr(start, "\n\n") : NULL;
    if (end)
        printf("%.*s\n", (int)(end - start), start);
    free(text);
}

int nested_report(int argc, char **argv)
{
    if (argc != 8)
        return nested_fail(
            "usage: nested report COMMANDS INSIDE OUTSIDE DOCUMENT JUNIT EXITS STOPPED");
    size_t bytes;
    char *commands = (char *)nested_read(argv[1], &bytes);
    context.exits = fopen(argv[6], "we");
    if (!commands || !context.exits)
        return nested_fail("report: %s or %s: %s", argv[1], argv[6], strerror(errno));
    context.folder[INSIDE] = argv[2];
    context.folder[OUTSIDE] = strcmp(argv[3], "-") == 0 ? NULL : argv[3];
    context.document = (char *)nested_read(argv[4], &bytes); /* none: no differences listed */
    context.stopped = argv[7];
    char *rest = commands, *line;
    while (rest && (line = strsep(&rest, "\n")) != NULL) {
        const char *name = strsep(&line, "\t");
        if (name[0] == 0)
            continue;
        if (strcmp(name, "doctor") == 0)
            report_doctor();
        else if (strcmp(name, "selftest") == 0)
            report_selftests();
        else
            report_scenario(name);
    }
    if (*context.stopped)
        add_result(FAILED, "machine", "inside", 0, "%s", context.stopped);
    fclose(context.exits);
    free(commands);
    free(context.document);
    show_exits(argv[6], "two-core-idc");
    if (results_write_junit(argv[5]) < 0)
        return nested_fail("report: %s: %s", argv[5], strerror(errno));
    printf("%u passed, %u failed", results_count(PASSED), results_count(FAILED));
    if (results_count(SKIPPED))
        printf(", %u skipped", results_count(SKIPPED));
    putchar('\n');
    return results_count(FAILED) == 0 && results_count(PASSED) > 0 ? 0 : 1;
}
