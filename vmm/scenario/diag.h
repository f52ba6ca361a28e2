/* SPDX-License-Identifier: MIT
 *
 * Diagnostics: what is wrong with a scenario or menu, where, and what would be right.
 *
 * A parser adds as many as it finds and goes on; the command prints them all.  The printed form is
 *     FILE:LINE:COLUMN: error: MESSAGE
 * which editors understand.  Lines and columns count from 1; 0 means "no particular place".
 */
#ifndef SCENARIO_DIAG_H
#define SCENARIO_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "scenario/arena.h"

#define DIAG_MAX 40 /* further ones are counted, not kept */

enum diag_severity { DIAG_ERROR, DIAG_WARNING };

/* A place in a file.  `file` outlives the diagnostics (it lies in an arena or is static). */
struct place {
    const char *file;
    unsigned line, column;
};

struct diag {
    enum diag_severity severity;
    struct place place;
    const char *message;
};

/* Zero-initialise before use. */
struct diags {
    struct arena arena; /* owns messages and file names */
    struct diag list[DIAG_MAX];
    size_t count;    /* kept in list */
    size_t errors;   /* found, kept or not */
    size_t warnings; /* found, kept or not */
};

void diag_error(struct diags *diags, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void diag_warning(struct diags *diags, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts the list in the order of files as met and of lines within a file. */
void diags_sort(struct diags *diags);

/* One line for each diagnostic, in that order. */
void diags_print(struct diags *diags, FILE *out);

void diags_free(struct diags *diags);

/* The word of `list` that `word` was probably meant to be, or NULL when none is near.  Insertions,
 * deletions, replacements and swaps of neighbours count one each; a third of the letters may
 * differ. */
const char *nearest_word(const char *word, const char *const *list, size_t count);

#endif
