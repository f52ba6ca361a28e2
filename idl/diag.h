/* SPDX-License-Identifier: MIT
 *
 * Source texts, places in them, and diagnostics: `file:line:column: error: what`, the source line
 * with a caret under the place, and a hint where there is one.
 */
#ifndef IDL_DIAG_H
#define IDL_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "findings/findings.h"

/* A text to compile.  `text` has `length` bytes and a terminating zero beyond them; bytes of any
 * value may occur. */
struct idl_source {
    const char *file; /* as shown in diagnostics */
    const char *text;
    size_t length;
};

/* A stretch of a source. */
struct idl_place {
    const struct idl_source *source;
    size_t offset; /* in bytes, at most source->length */
    size_t length; /* 0: a point, shown with one caret */
};

#define IDL_MAX_ERRORS 20 /* reported in one run; the rest is only counted */

struct idl_diag {
    struct idl_arena *arena;
    unsigned errors, warnings;
    bool no_warnings;
    struct finding *findings; /* the same without lines of source, in the order of the reports */
    size_t finding_count, finding_room;
    char *out; /* everything reported so far, zero-terminated; NULL if nothing */
    size_t out_length, out_size;
    struct idl_place last_error; /* a second error at the same place is a consequence: dropped */
};

void idl_diag_init(struct idl_diag *diag, struct idl_arena *arena);
void idl_diag_fini(struct idl_diag *diag);

/* Report.  `hint` may be NULL; it is printed on a line of its own. */
void idl_error(struct idl_diag *diag, struct idl_place place, const char *hint, const char *format,
               ...) __attribute__((format(printf, 4, 5)));
void idl_warning(struct idl_diag *diag, struct idl_place place, const char *hint,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Reports that a file cannot be read, which is no error in it and is not counted.  `what`
 * names the file. */
void idl_file_error(struct idl_diag *diag, const char *file, const char *what);
/* A remark that belongs to the diagnostic before it ("first declared here"). */
void idl_note(struct idl_diag *diag, struct idl_place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* 1-based line and column of a place; a column is a byte, a tabulator counts as one. */
void idl_place_position(struct idl_place place, unsigned *line, unsigned *column);

/* Reads a file into the arena.  Returns NULL and sets *error (a text in the arena) on failure. */
struct idl_source *idl_source_read(struct idl_arena *arena, const char *path, const char **error);
struct idl_source *idl_source_from_text(struct idl_arena *arena, const char *name, const char *text,
                                        size_t length);

#endif
