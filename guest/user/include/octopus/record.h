/* SPDX-License-Identifier: MIT
 *
 * Records and queries of octopus as text.
 *
 *   NAME { ATTRIBUTE: VALUE, ... }        the attributes may be left out
 *
 * A name is letters, digits, '_', '.' and '-', but not '_' alone. A value is an integer, a name,
 * or 'text'.  In a query the name may also be _ (any) or r'regex', and a value _ (any),
 * r'regex', or a comparison: == != < > <= >= and an integer, name or text.  An attribute of a
 * query must be there.  Regular expressions know . [] [^] * + ? ^ $ | at the top level, and \
 * before any of these.  Pure: no system call.
 */
#ifndef OCTOPUS_RECORD_H
#define OCTOPUS_RECORD_H

#include <errors/errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OCT_RECORD_BYTES 2048 /* longest text, with its final zero */
#define OCT_ATTRIBUTES 24

enum oct_value_kind {
    OCT_VALUE_INTEGER,
    OCT_VALUE_NAME,
    OCT_VALUE_TEXT,
    OCT_VALUE_REGEX,
    OCT_VALUE_ANY,
    OCT_VALUE_WANTED_INTEGER, /* %d, of oct_read */
    OCT_VALUE_WANTED_TEXT,    /* %s */
};
enum oct_comparison { OCT_EQ, OCT_NE, OCT_LT, OCT_GT, OCT_LE, OCT_GE };

struct oct_value {
    enum oct_value_kind kind;
    enum oct_comparison comparison;
    int64_t integer;
    const char *text; /* in the record's buffer */
};

struct oct_record {
    struct oct_value name;
    unsigned count;
    const char *attribute[OCT_ATTRIBUTES];
    struct oct_value value[OCT_ATTRIBUTES];
    char buffer[OCT_RECORD_BYTES + OCT_ATTRIBUTES * 2 + 2]; /* texts, each with a zero */
};

/* Reads a record (`query` false) or query.  OCT_ERR_PARSER_FAIL, with *at (may be NULL) the offset
 * of what was not expected; OCT_ERR_NO_RECORD_NAME. */
errval_t oct_record_parse(const char *text, bool query, struct oct_record *ret, size_t *at);

bool oct_record_matches(const struct oct_record *record, const struct oct_record *query);

/* The value of an attribute, NULL if there is none. */
const struct oct_value *oct_record_value(const struct oct_record *record, const char *attribute);

/* As text that oct_record_parse reads, under another name if that is not NULL; false: too long. */
bool oct_record_print(const struct oct_record *record, const char *name, char *text, size_t bytes);

#endif
