/* SPDX-License-Identifier: MIT
 *
 * What a compiler found in files, for editors and CI services: written as JSON of our own or as
 * SARIF 2.1.0 (OASIS standard "Static Analysis Results Interchange Format"), which many of them
 * read.
 *
 * The compilers of scenarios (vmm check) and of interfaces (idl --check) fill in the same list;
 * each keeps its own text for people.
 */
#ifndef FINDINGS_H
#define FINDINGS_H

#include <stddef.h>
#include <stdio.h>

enum findings_format { FINDINGS_TEXT, FINDINGS_JSON, FINDINGS_SARIF };

enum finding_severity { FINDING_ERROR, FINDING_WARNING, FINDING_NOTE };

struct finding {
    enum finding_severity severity;
    const char *file;      /* path as given, "" if it concerns none; any bytes */
    unsigned line, column; /* from 1; 0: no particular place */
    const char *message;   /* one sentence or more; any bytes */
    const char *hint;      /* what to do, or NULL */
};

/* The format of that name ("text", "json", "sarif"): 0, or -1 for another name. */
int findings_format_parse(const char *name, enum findings_format *format);

/* Writes `count` findings of `tool` ("vmm", "idl") as JSON or SARIF, one document that ends with a
 * line feed.  Bytes that are not UTF-8 are written as U+FFFD.  Returns 0, or a negative errno:
 * -ENOMEM, or -EIO if `out` took not all of it. */
int findings_write(FILE *out, enum findings_format format, const char *tool,
                   const struct finding *findings, size_t count);

#endif
