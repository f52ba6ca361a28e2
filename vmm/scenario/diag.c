/* SPDX-License-Identifier: MIT
 *
 * Collects and prints diagnostics, and finds the valid word nearest to a misspelt one (optimal
 * string alignment distance, three rows of the usual table).
 *
 * Messages and file names are copied, so a diagnostic outlives the tree it was found in.  Never
 * prints while parsing: the order on the screen is that of the file, not that of the checks.
 */
#include "scenario/diag.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/text.h"

static void diag_add(struct diags *diags, enum diag_severity severity, struct place place,
                     const char *format, va_list args)
{
    if (severity == DIAG_ERROR)
        diags->errors++;
    else
        diags->warnings++;
    if (diags->count == DIAG_MAX)
        return;
    char message[1024];
    vsnprintf(message, sizeof(message), format, args);
    struct diag *diag = &diags->list[diags->count++];
    diag->severity = severity;
    diag->place = place;
    diag->place.file = arena_string(&diags->arena, place.file ? place.file : "");
    diag->message = arena_string(&diags->arena, message);
}

void diag_error(struct diags *diags, struct place place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    diag_add(diags, DIAG_ERROR, place, format, args);
    va_end(args);
}

void diag_warning(struct diags *diags, struct place place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    diag_add(diags, DIAG_WARNING, place, format, args);
    va_end(args);
}

static bool goes_before(const struct diag *a, const struct diag *b)
{
    if (strcmp(a->place.file, b->place.file) != 0)
        return false; /* files stay in the order in which they were met */
    if (a->place.line != b->place.line)
        return a->place.line < b->place.line;
    return a->place.column < b->place.column;
}

/* Names and texts of a file may hold anything; what is shown must not move a terminal's cursor,
 * begin a line of its own or read otherwise than it is. */
static void print_clean(const char *text, FILE *out)
{
    text_write(out, text, strlen(text));
}

void diags_sort(struct diags *diags)
{
    /* Insertion sort: stable, and the list is short. */
    for (size_t i = 1; i < diags->count; i++) {
        struct diag diag = diags->list[i];
        size_t to = i;
        while (to > 0 && goes_before(&diag, &diags->list[to - 1])) {
            diags->list[to] = diags->list[to - 1];
            to--;
        }
        diags->list[to] = diag;
    }
}

void diags_print(struct diags *diags, FILE *out)
{
    diags_sort(diags);
    for (size_t i = 0; i < diags->count; i++) {
        const struct diag *diag = &diags->list[i];
        print_clean(diag->place.file, out);
        if (diag->place.file[0])
            fputc(':', out);
        if (diag->place.line)
            fprintf(out, "%u:", diag->place.line);
        if (diag->place.line && diag->place.column)
            fprintf(out, "%u:", diag->place.column);
        fprintf(out, "%s%s: ", diag->place.file[0] ? " " : "",
                diag->severity == DIAG_ERROR ? "error" : "warning");
        print_clean(diag->message, out);
        fputc('\n', out);
    }
    size_t found = diags->errors + diags->warnings;
    if (found > diags->count)
        fprintf(out, "... and %zu more\n", found - diags->count);
}

void diags_free(struct diags *diags)
{
    arena_free(&diags->arena);
    *diags = (struct diags){ 0 };
}

#define WORD_MAX 63

static unsigned min_of(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    unsigned rows[3][WORD_MAX + 1];
    assert(a_length <= WORD_MAX && b_length <= WORD_MAX);
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i + 2) % 3];
        const unsigned *two_above = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned differ = a[i - 1] != b[j - 1];
            row[j] = min_of(above[j - 1] + differ, min_of(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = min_of(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

const char *nearest_word(const char *word, const char *const *list, size_t count)
{
    size_t length = strlen(word);
    if (length == 0 || length > WORD_MAX)
        return NULL;
    unsigned best = (unsigned)(length <= 3 ? 1 : length / 3 + 1) + 1;
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t other = strlen(list[i]);
        if (other > WORD_MAX)
            continue;
        unsigned distance = edit_distance(word, length, list[i], other);
        /* A distance as large as the word itself says nothing was kept of it. */
        if (distance < best && distance < other) {
            best = distance;
            nearest = list[i];
        }
    }
    return nearest;
}
