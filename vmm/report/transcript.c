/* SPDX-License-Identifier: MIT
 *
 * Comparing what two runs said.
 *
 * The lines are sorted by core and program, those of one program staying in their order, and then
 * walked side by side.  Several instances of a program on a core speak under one name: where the
 * order of their lines is all that differs, they say the same.
 */
#include "report/transcript.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct line {
    char *key;  /* "core 0, myapp" */
    char *text; /* without times */
    size_t number;
};

struct transcript {
    size_t count, room;
    struct line *line;
};

static const char *const units[] = { "ns", "us", "µs", "ms", "s", "cycles", "ticks" };

/* Length of a unit of time at `at`, which may follow a blank; 0: there is none. */
static size_t unit_at(const char *at)
{
    size_t blank = *at == ' ';
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t length = strlen(units[i]);
        if (strncmp(at + blank, units[i], length) == 0 &&
            !isalnum((unsigned char)at[blank + length]))
            return blank + length;
    }
    return 0;
}

/* In place: each number with a unit of time becomes '#'. */
static void drop_times(char *text)
{
    char *to = text;
    for (const char *from = text; *from;) {
        bool inside_word = to > text && isalnum((unsigned char)to[-1]);
        size_t digits = inside_word ? 0 : strspn(from, "0123456789.");
        if (digits > 0 && unit_at(from + digits) > 0) {
            *to++ = '#';
            from += digits;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}

/* The transcript owns `text` from now on, whatever happens. */
static bool add(struct transcript *transcript, unsigned core, const char *speaker, char *text)
{
    if (transcript->count == transcript->room) {
        size_t room = transcript->room ? 2 * transcript->room : 64;
        struct line *more = realloc(transcript->line, room * sizeof(*more));
        if (!more) {
            free(text);
            return false;
        }
        transcript->line = more;
        transcript->room = room;
    }
    struct line *line = &transcript->line[transcript->count];
    line->number = transcript->count;
    line->text = text;
    if (asprintf(&line->key, "core %u, %s", core, speaker) < 0) {
        free(text);
        return false;
    }
    drop_times(line->text);
    transcript->count++;
    return true;
}

static int by_key(const void *a, const void *b)
{
    const struct line *one = a, *other = b;
    int order = strcmp(one->key, other->key);
    return order ? order : one->number < other->number ? -1 : one->number > other->number;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct line *)a)->text, ((const struct line *)b)->text);
}

/* `said` is "SPEAKER: TEXT"; anything else says nothing. */
static bool read_line(struct transcript *transcript, unsigned core, char *said,
                      transcript_take *take, const void *context)
{
    char *colon = strstr(said, ": "), *counts = NULL;
    if (!colon)
        return true;
    *colon = '\0';
    if (!take(context, said, colon + 2, &counts))
        return false;
    return !counts || add(transcript, core, said, counts);
}

struct transcript *transcript_read(FILE *shown, transcript_take *take, const void *context)
{
    struct transcript *transcript = calloc(1, sizeof(*transcript));
    char *row = NULL;
    size_t room = 0;
    bool ok = transcript != NULL;
    while (ok && getline(&row, &room, shown) > 0) {
        unsigned core;
        int length = 0;
        row[strcspn(row, "\n")] = '\0';
        if (sscanf(row, "[ %*[0-9].%*[0-9] %u] %n", &core, &length) != 1 || length == 0)
            continue;
        ok = read_line(transcript, core, row + length, take, context);
    }
    free(row);
    if (!ok) {
        transcript_free(transcript);
        return NULL;
    }
    if (transcript->count > 0)
        qsort(transcript->line, transcript->count, sizeof(struct line), by_key);
    return transcript;
}

void transcript_free(struct transcript *transcript)
{
    if (!transcript)
        return;
    for (size_t i = 0; i < transcript->count; i++) {
        free(transcript->line[i].key);
        free(transcript->line[i].text);
    }
    free(transcript->line);
    free(transcript);
}

size_t transcript_lines(const struct transcript *transcript)
{
    return transcript->count;
}

/* How many lines from `at` on are of the key. */
static size_t run_length(const struct transcript *transcript, size_t at, const char *key)
{
    size_t end = at;
    while (end < transcript->count && strcmp(transcript->line[end].key, key) == 0)
        end++;
    return end - at;
}

static bool in_any_order(const struct line *a, const struct line *b, size_t count)
{
    struct line *copy = malloc(2 * count * sizeof(*copy));
    bool same = copy != NULL;
    if (copy) {
        memcpy(copy, a, count * sizeof(*copy));
        memcpy(copy + count, b, count * sizeof(*copy));
        qsort(copy, count, sizeof(*copy), by_text);
        qsort(copy + count, count, sizeof(*copy), by_text);
    }
    for (size_t i = 0; same && i < count; i++)
        same = strcmp(copy[i].text, copy[count + i].text) == 0;
    free(copy);
    return same;
}

static bool same_run(const struct line *a, size_t in_a, const struct line *b, size_t in_b,
                     bool whole, char *difference, size_t bytes)
{
    const size_t both = in_a < in_b ? in_a : in_b;
    if (in_a == in_b && in_a > 0 && in_any_order(a, b, in_a))
        return true;
    for (size_t i = 0; i < both; i++) {
        if (strcmp(a[i].text, b[i].text) != 0) {
            snprintf(difference, bytes, "%s, line %zu: \"%s\" and \"%s\"", a->key, i + 1, a[i].text,
                     b[i].text);
            return false;
        }
    }
    if (!whole || in_a == in_b)
        return true;
    snprintf(difference, bytes, "%s: %zu lines and %zu; only one has \"%s\"",
             in_a > in_b ? a->key : b->key, in_a, in_b, in_a > in_b ? a[both].text : b[both].text);
    return false;
}

bool transcript_same(const struct transcript *a, const struct transcript *b, bool whole,
                     char *difference, size_t bytes, size_t *compared)
{
    size_t at_a = 0, at_b = 0;
    *compared = 0;
    while (at_a < a->count || at_b < b->count) {
        const struct line *of_a = &a->line[at_a], *of_b = &b->line[at_b];
        bool is_a = at_b == b->count || (at_a < a->count && strcmp(of_a->key, of_b->key) <= 0);
        const char *key = is_a ? of_a->key : of_b->key;
        const size_t in_a = run_length(a, at_a, key), in_b = run_length(b, at_b, key);
        if (!same_run(a->line + at_a, in_a, b->line + at_b, in_b, whole, difference, bytes))
            return false;
        *compared += in_a < in_b ? in_a : in_b;
        at_a += in_a;
        at_b += in_b;
    }
    return true;
}
