/* SPDX-License-Identifier: MIT
 *
 * Collects and prints diagnostics, and finds the valid word nearest to a misspelt one.
 *
 * Messages and file names are copied, so a diagnostic outlives the tree it was found in.  Never
 * prints while parsing: the order on the screen is that of the file, not that of the checks.
 */
#include "scenario/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "findings/words.h"
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

const char *nearest_word(const char *word, const char *const *list, size_t count)
{
    size_t length = strlen(word);
    if (length == 0)
        return NULL;
    unsigned best = (unsigned)(length <= 3 ? 1 : length / 3 + 1) + 1;
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        unsigned distance = word_distance(word, list[i]);
        /* A distance as large as the word itself says nothing was kept of it. */
        if (distance < best && distance < strlen(list[i])) {
            best = distance;
            nearest = list[i];
        }
    }
    return nearest;
}
