/* SPDX-License-Identifier: MIT
 *
 * The results of `make check-nested`: a growing list, counted, printed where they are failures, and at
 * the end written as one JUnit suite.  Guest text may hold anything: what XML cannot carry is replaced.
 */
#include "results.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "findings/markup.h"

#define DETAIL_BYTES 1500

struct result {
    enum verdict verdict;
    char name[160];
    char place[16];
    uint64_t ms;
    char detail[DETAIL_BYTES];
};

static struct result *results;
static unsigned result_count, result_room;

void add_result(enum verdict verdict, const char *name, const char *place, uint64_t ms,
                const char *format, ...)
{
    if (result_count == result_room) {
        result_room = result_room ? 2 * result_room : 64;
        struct result *more = realloc(results, result_room * sizeof(*results));
        if (!more)
            abort();
        results = more;
    }
    struct result *r = &results[result_count++];
    r->verdict = verdict;
    r->ms = ms;
    snprintf(r->name, sizeof(r->name), "%s", name);
    snprintf(r->place, sizeof(r->place), "%s", place);
    va_list list;
    va_start(list, format);
    vsnprintf(r->detail, sizeof(r->detail), format, list);
    va_end(list);
    if (verdict == FAILED)
        printf("FAIL   %s[%s]  %s\n", name, place, r->detail);
    else if (verdict == SKIPPED)
        printf("skip   %s[%s]  %s\n", name, place, r->detail);
}

unsigned results_count(enum verdict verdict)
{
    unsigned count = 0;
    for (unsigned i = 0; i < result_count; i++)
        count += results[i].verdict == verdict;
    return count;
}

static void escaped(FILE *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        const char *entity = markup_entity(*text);
        if (entity)
            fputs(entity, out);
        else
            fputc(c >= 0x20 && c < 0x7f ? c : c == '\n' ? '\n' : '?', out);
    }
}

int results_write_junit(const char *path)
{
    FILE *out = fopen(path, "we");
    if (!out)
        return -1;
    uint64_t ms = 0;
    for (unsigned i = 0; i < result_count; i++)
        ms += results[i].ms;
    fprintf(out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
            "<testsuite name=\"nested\" tests=\"%u\" failures=\"%u\" errors=\"0\" skipped=\"%u\" "
            "time=\"%.3f\">\n",
            result_count, results_count(FAILED), results_count(SKIPPED), (double)ms / 1000);
    for (unsigned i = 0; i < result_count; i++) {
        const struct result *r = &results[i];
        fprintf(out, "  <testcase classname=\"nested.%s\" name=\"", r->place);
        escaped(out, r->name);
        fprintf(out, "\" time=\"%.3f\">", (double)r->ms / 1000);
        if (r->verdict != PASSED) {
            fprintf(out, "<%s message=\"", r->verdict == FAILED ? "failure" : "skipped");
            escaped(out, r->detail);
            fputs("\"/>", out);
        }
        fputs("</testcase>\n", out);
    }
    fputs("</testsuite>\n</testsuites>\n", out);
    int bad = ferror(out);
    return fclose(out) != 0 || bad ? -1 : 0;
}
