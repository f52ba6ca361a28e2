/* SPDX-License-Identifier: MIT
 *
 * The results of runs as JUnit XML, in the form that Jenkins' schema allows
 * (tests/data/junit-10.xsd).
 *
 * Each run is a suite with one case, since properties, time and file belong to suites there.  The
 * text of a failure is for people: why, which expectations do not hold and where they were
 * written, what the machine says about it, and the command that runs it again.
 */
#include "report/files.h"

#include <errno.h>
#include <string.h>

#include "abi/version.h"
#include "scenario/text.h"

static const char *word(const json_t *item, const char *key)
{
    const char *text = json_string_value(json_object_get(item, key));
    return text ? text : "";
}

static long long number(const json_t *item, const char *key)
{
    return (long long)json_integer_value(json_object_get(item, key));
}

static double seconds(const json_t *item)
{
    return (double)number(item, "wall_ns") / 1e9;
}

static bool is_verdict(const json_t *item, const char *verdict)
{
    return strcmp(word(item, "verdict"), verdict) == 0;
}

static void write_property(FILE *out, const char *name, const char *value)
{
    if (!*value)
        return;
    fprintf(out, "    <property name=\"%s\" value=\"", name);
    text_write_xml(out, value);
    fputs("\"/>\n", out);
}

static void write_properties(FILE *out, const json_t *item)
{
    static const char *const texts[] = { "engine", "engine_version", "seed", "state_hash",
                                         "reason" };
    static const char *const numbers[] = { "cores", "machine_ns", "syscalls", "upcalls" };
    char text[32];
    fputs("  <properties>\n", out);
    write_property(out, "vmm", PROJECT_VERSION);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        write_property(out, texts[i], word(item, texts[i]));
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (!json_object_get(item, numbers[i]))
            continue;
        snprintf(text, sizeof(text), "%lld", number(item, numbers[i]));
        write_property(out, numbers[i], text);
    }
    fputs("  </properties>\n", out);
}

/* What was expected and did not come. */
static void write_unmet(FILE *out, const json_t *item)
{
    size_t i;
    json_t *expectation;
    json_array_foreach(json_object_get(item, "expectations"), i, expectation)
    {
        if (json_is_true(json_object_get(expectation, "holds")))
            continue;
        text_write_xml(out, word(item, "file"));
        fprintf(out, ":%lld: does not hold: ", number(expectation, "line"));
        text_write_xml(out, word(expectation, "says"));
        fputc('\n', out);
    }
}

/* What is wrong with the file. */
static void write_problems(FILE *out, const json_t *item)
{
    size_t i;
    json_t *problem;
    json_array_foreach(json_object_get(item, "problems"), i, problem)
    {
        text_write_xml(out, word(problem, "file"));
        fprintf(out, ":%lld: error: ", number(problem, "line"));
        text_write_xml(out, word(problem, "says"));
        fputc('\n', out);
    }
}

static void write_failure(FILE *out, const json_t *item)
{
    const char *element = is_verdict(item, "fail") ? "failure" : "error";
    size_t i;
    json_t *line;
    fprintf(out, "    <%s type=\"", element);
    text_write_xml(out, word(item, "reason"));
    fputs("\" message=\"", out);
    text_write_xml(out, word(item, "detail"));
    fputs("\">", out);
    text_write_xml(out, word(item, "detail"));
    fputc('\n', out);
    write_unmet(out, item);
    write_problems(out, item);
    json_array_foreach(json_object_get(item, "postmortem"), i, line)
    {
        text_write_xml(out, json_string_value(line));
        fputc('\n', out);
    }
    if (*word(item, "again")) {
        fputs("again: ", out);
        text_write_xml(out, word(item, "again"));
        fputc('\n', out);
    }
    fprintf(out, "</%s>\n", element);
}

static void write_console(FILE *out, const json_t *item)
{
    const json_t *lines = json_object_get(item, "console");
    size_t i;
    json_t *line;
    if (json_array_size(lines) == 0)
        return;
    fputs("    <system-out>", out);
    json_array_foreach(lines, i, line)
    {
        fprintf(out, "[%.6f %lld] ", (double)number(line, "time_ns") / 1e9, number(line, "core"));
        text_write_xml(out, word(line, "domain"));
        fputs(": ", out);
        text_write_xml(out, word(line, "text"));
        fputc('\n', out);
    }
    fputs("</system-out>\n", out);
}

static void write_suite(FILE *out, const json_t *item)
{
    bool failed = is_verdict(item, "fail"), passed = is_verdict(item, "pass");
    fputs("<testsuite name=\"", out);
    text_write_xml(out, word(item, "scenario"));
    fprintf(out,
            "\" tests=\"1\" failures=\"%d\" errors=\"%d\" skipped=\"0\" time=\"%.3f\" "
            "timestamp=\"%s\" file=\"",
            failed, !failed && !passed, seconds(item), word(item, "began"));
    text_write_xml(out, word(item, "file"));
    fputs("\">\n", out);
    write_properties(out, item);
    fputs("  <testcase classname=\"vmm.", out);
    text_write_xml(out, json_object_get(item, "engine") ? word(item, "engine") : "none");
    fputs("\" name=\"", out);
    text_write_xml(out, word(item, "scenario"));
    fprintf(out, "\" time=\"%.3f\">\n", seconds(item));
    if (!passed)
        write_failure(out, item);
    write_console(out, item);
    fputs("  </testcase>\n</testsuite>\n", out);
}

int report_files_write_junit(const struct report_files *files, FILE *out)
{
    unsigned failed = 0, passed = 0;
    double time = 0;
    size_t i, all = json_array_size(files->results);
    json_t *item;
    json_array_foreach(files->results, i, item)
    {
        failed += is_verdict(item, "fail");
        passed += is_verdict(item, "pass");
        time += seconds(item);
    }
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", out);
    fprintf(out,
            "<testsuites name=\"vmm\" tests=\"%zu\" failures=\"%u\" errors=\"%zu\" "
            "time=\"%.3f\">\n",
            all, failed, all - failed - passed, time);
    json_array_foreach(files->results, i, item)
    {
        write_suite(out, item);
    }
    fputs("</testsuites>\n", out);
    if (ferror(out) || fflush(out) != 0)
        return errno ? -errno : -EIO;
    return 0;
}
