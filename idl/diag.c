/* SPDX-License-Identifier: MIT
 *
 * Diagnostics (diag.h).
 *
 * Everything is collected in one text, so that tests can read it and the program can print it at
 * once.  After IDL_MAX_ERRORS errors, and at a place that already has an error, only the count goes
 * on: a cascade helps nobody.  Must never read outside a source: places may lie at its very end.
 */
#include "diag.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SHOWN_LINE 160                          /* bytes of a source line that are shown */
#define MAX_SOURCE_BYTES ((size_t)16 * 1024 * 1024) /* no interface is that long */

void idl_diag_init(struct idl_diag *diag, struct idl_arena *arena)
{
    memset(diag, 0, sizeof(*diag));
    diag->arena = arena;
}

void idl_diag_fini(struct idl_diag *diag)
{
    free(diag->out);
    diag->out = NULL;
    free(diag->findings);
    diag->findings = NULL;
    diag->finding_count = diag->finding_room = 0;
}

static void put(struct idl_diag *diag, const char *text, size_t length)
{
    if (diag->out_size - diag->out_length < length + 1) {
        size_t size = (diag->out_size + length + 1) * 2;
        char *out = realloc(diag->out, size);
        if (out == NULL)
            return; /* the count of errors still tells */
        diag->out = out;
        diag->out_size = size;
    }
    memcpy(diag->out + diag->out_length, text, length);
    diag->out_length += length;
    diag->out[diag->out_length] = '\0';
}

static void put_text(struct idl_diag *diag, const char *text)
{
    put(diag, text, strlen(text));
}

static size_t line_start(struct idl_place place)
{
    size_t start = place.offset;
    while (start > 0 && place.source->text[start - 1] != '\n')
        start--;
    return start;
}

void idl_place_position(struct idl_place place, unsigned *line, unsigned *column)
{
    unsigned lines = 1;
    for (size_t i = 0; i < place.offset; i++)
        lines += place.source->text[i] == '\n';
    *line = lines;
    *column = (unsigned)(place.offset - line_start(place)) + 1;
}

/* The source line with a caret; of a long line the part around the place. */
static void put_line(struct idl_diag *diag, struct idl_place place)
{
    const char *text = place.source->text;
    size_t start = line_start(place), end = place.offset;
    while (end < place.source->length && text[end] != '\n')
        end++;
    if (end > start && text[end - 1] == '\r' && place.offset < end)
        end--;
    if (end == start)
        return;
    bool cut_left = place.offset - start > MAX_SHOWN_LINE * 3 / 4;
    if (cut_left)
        start = place.offset - MAX_SHOWN_LINE / 2;
    bool cut_right = end - start > MAX_SHOWN_LINE;
    if (cut_right)
        end = start + MAX_SHOWN_LINE;
    put_text(diag, cut_left ? "    ..." : "    ");
    for (size_t i = start; i < end; i++) {
        unsigned char c = (unsigned char)text[i];
        char shown = c == '\t' ? '\t' : (c < 32 || c == 127) ? '?' : (char)c;
        put(diag, &shown, 1);
    }
    put_text(diag, cut_right ? "...\n" : "\n");
    put_text(diag, cut_left ? "       " : "    ");
    for (size_t i = start; i < place.offset; i++)
        put_text(diag, text[i] == '\t' ? "\t" : " ");
    put_text(diag, "^");
    for (size_t i = place.offset + 1; i < place.offset + place.length && i < end; i++)
        put_text(diag, "~");
    put_text(diag, "\n");
}

/* Texts of a finding lie in the arena, its file's name in the source. */
static void keep(struct idl_diag *diag, const struct finding *finding)
{
    if (diag->finding_count == diag->finding_room) {
        size_t room = diag->finding_room * 2 + 8;
        struct finding *larger = realloc(diag->findings, room * sizeof(*larger));
        if (larger == NULL)
            return; /* the count of errors still tells */
        diag->findings = larger;
        diag->finding_room = room;
    }
    struct finding *kept = &diag->findings[diag->finding_count++];
    *kept = *finding;
    kept->message = idl_arena_text(diag->arena, finding->message, strlen(finding->message));
    if (finding->hint != NULL)
        kept->hint = idl_arena_text(diag->arena, finding->hint, strlen(finding->hint));
}

static void report(struct idl_diag *diag, struct idl_place place, enum finding_severity severity,
                   const char *hint, const char *format, va_list args)
{
    static const char *const kinds[] = { "error", "warning", "note" };
    const char *kind = kinds[severity];
    char head[1024], what[1024];
    unsigned line, column;
    assert(place.source != NULL && place.offset <= place.source->length);
    idl_place_position(place, &line, &column);
    vsnprintf(what, sizeof(what), format, args);
    keep(diag, &(struct finding){ severity, place.source->file, line, column, what, hint });
    snprintf(head, sizeof(head), "%s:%u:%u: %s: ", place.source->file, line, column, kind);
    put_text(diag, head);
    put_text(diag, what);
    put_text(diag, "\n");
    put_line(diag, place);
    if (hint != NULL) {
        put_text(diag, "    hint: ");
        put_text(diag, hint);
        put_text(diag, "\n");
    }
}

void idl_error(struct idl_diag *diag, struct idl_place place, const char *hint, const char *format,
               ...)
{
    if (diag->errors > 0 && diag->last_error.source == place.source &&
        diag->last_error.offset == place.offset)
        return;
    diag->last_error = place;
    diag->errors++;
    if (diag->errors > IDL_MAX_ERRORS)
        return;
    va_list args;
    va_start(args, format);
    report(diag, place, FINDING_ERROR, hint, format, args);
    va_end(args);
    if (diag->errors == IDL_MAX_ERRORS)
        put_text(diag, "too many errors; the rest is not shown\n");
}

void idl_warning(struct idl_diag *diag, struct idl_place place, const char *hint,
                 const char *format, ...)
{
    if (diag->no_warnings || diag->errors >= IDL_MAX_ERRORS)
        return;
    diag->warnings++;
    va_list args;
    va_start(args, format);
    report(diag, place, FINDING_WARNING, hint, format, args);
    va_end(args);
}

void idl_note(struct idl_diag *diag, struct idl_place place, const char *format, ...)
{
    if (diag->errors >= IDL_MAX_ERRORS)
        return;
    va_list args;
    va_start(args, format);
    report(diag, place, FINDING_NOTE, NULL, format, args);
    va_end(args);
}

void idl_file_error(struct idl_diag *diag, const char *file, const char *what)
{
    keep(diag, &(struct finding){ FINDING_ERROR, file, 0, 0, what, NULL });
    put_text(diag, "idl: error: ");
    put_text(diag, what);
    put_text(diag, "\n");
}

struct idl_source *idl_source_from_text(struct idl_arena *arena, const char *name, const char *text,
                                        size_t length)
{
    struct idl_source *source = idl_arena_alloc(arena, sizeof(*source));
    source->file = idl_arena_text(arena, name, strlen(name));
    source->text = idl_arena_text(arena, text, length);
    source->length = length;
    return source;
}

struct idl_source *idl_source_read(struct idl_arena *arena, const char *path, const char **error)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (file == NULL) {
        *error = idl_arena_printf(arena, "cannot open %s: %s", path, strerror(errno));
        return NULL;
    }
    char *text = NULL;
    size_t length = 0, size = 0;
    struct idl_source *source = NULL;
    for (;;) {
        if (size - length < 4096) {
            size = size == 0 ? 65536 : size * 2;
            char *bigger = realloc(text, size);
            if (bigger == NULL || size > MAX_SOURCE_BYTES) {
                free(bigger == NULL ? text : bigger);
                text = NULL;
                *error = idl_arena_printf(arena, "%s is too long (at most %zu bytes)", path,
                                          MAX_SOURCE_BYTES);
                goto out;
            }
            text = bigger;
        }
        size_t got = fread(text + length, 1, size - length, file);
        length += got;
        if (got == 0)
            break;
    }
    if (ferror(file)) {
        *error = idl_arena_printf(arena, "cannot read %s: %s", path, strerror(errno));
        goto out;
    }
    source = idl_source_from_text(arena, path, text, length);
out:
    free(text);
    if (file != stdin)
        fclose(file);
    return source;
}
