/* SPDX-License-Identifier: MIT
 *
 * Guest output made safe to show.  A guest may print any bytes; terminals, JSON and XML take only
 * some, each by its own rules.
 */
#ifndef REPORT_TEXT_H
#define REPORT_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* Copy of `bytes` bytes as valid UTF-8 without control characters (tab excepted) and without
 * characters that are invisible or turn the direction of writing: whatever else is there appears as
 * \xNN.  So neither can a guest drive the terminal, nor does anything get lost.
 * The caller frees it; NULL when out of memory. */
char *text_clean(const char *text, size_t bytes);

/* Writes the bytes as text_clean() makes them. */
void text_write(FILE *out, const char *text, size_t bytes);

/* Writes clean text (as from text_clean) as XML character data, fit for attributes too. */
void text_write_xml(FILE *out, const char *text);

#endif
