/* SPDX-License-Identifier: MIT
 *
 * Findings as JSON and SARIF (findings.h), by jansson.
 *
 * jansson refuses a text that is not UTF-8, and a finding may quote any bytes of a file, so each
 * text is made UTF-8 first.  A lack of memory is noticed once, at the end: jansson hands a NULL on
 * as failure.
 */
#include "findings/findings.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "abi/version.h"
#include "findings/utf8.h"

static const char *const severity_names[] = { "error", "warning", "note" };

int findings_format_parse(const char *name, enum findings_format *format)
{
    static const char *const names[] = { "text", "json", "sarif" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            *format = (enum findings_format)i;
            return 0;
        }
    }
    return -1;
}

static json_t *clean_string(const char *text)
{
    static const char replacement[] = "\xef\xbf\xbd";
    size_t left = strlen(text);
    char *clean = malloc(3 * left + 1);
    if (!clean)
        return NULL;
    char *to = clean;
    while (left > 0) {
        unsigned code;
        size_t bytes = utf8_decode((const unsigned char *)text, left, &code);
        memcpy(to, bytes ? text : replacement, bytes ? bytes : 3);
        to += bytes ? bytes : 3;
        text += bytes ? bytes : 1;
        left -= bytes ? bytes : 1;
    }
    *to = '\0';
    json_t *string = json_string(clean);
    free(clean);
    return string;
}

static json_t *plain(const struct finding *finding)
{
    json_t *object =
        json_pack("{s:o, s:i, s:i, s:s, s:o}", "file", clean_string(finding->file), "line",
                  (int)finding->line, "column", (int)finding->column, "severity",
                  severity_names[finding->severity], "message", clean_string(finding->message));
    if (object && finding->hint &&
        json_object_set_new(object, "hint", clean_string(finding->hint)) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* A path as a relative or absolute URI reference (RFC 3986): all but these letters is
 * percent-encoded. */
static json_t *uri(const char *path)
{
    static const char kept[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    static const char digits[] = "0123456789ABCDEF";
    char *encoded = malloc(3 * strlen(path) + 1);
    if (!encoded)
        return NULL;
    char *to = encoded;
    for (; *path; path++) {
        unsigned char c = (unsigned char)*path;
        if (strchr(kept, c)) {
            *to++ = (char)c;
        } else {
            *to++ = '%';
            *to++ = digits[c >> 4];
            *to++ = digits[c & 15];
        }
    }
    *to = '\0';
    json_t *string = json_string(encoded);
    free(encoded);
    return string;
}

static json_t *sarif_place(const struct finding *finding)
{
    json_t *place = json_pack("{s:{s:o}}", "artifactLocation", "uri", uri(finding->file));
    if (place && finding->line > 0) {
        json_t *region = json_pack("{s:i}", "startLine", (int)finding->line);
        if (region && finding->column > 0)
            json_object_set_new(region, "startColumn", json_integer(finding->column));
        json_object_set_new(place, "region", region);
    }
    return json_pack("[{s:o}]", "physicalLocation", place);
}

static json_t *sarif(const struct finding *finding)
{
    char *text = NULL;
    bool hint = finding->hint != NULL;
    if (asprintf(&text, "%s%s%s", finding->message, hint ? "; " : "", hint ? finding->hint : "") <
        0)
        return NULL;
    json_t *result = json_pack("{s:s, s:{s:o}}", "level", severity_names[finding->severity],
                               "message", "text", clean_string(text));
    free(text);
    if (result && finding->file[0])
        json_object_set_new(result, "locations", sarif_place(finding));
    return result;
}

/* An array of all, or NULL. */
static json_t *array_of(json_t *(*make)(const struct finding *), const struct finding *findings,
                        size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < count; i++) {
        if (json_array_append_new(array, make(&findings[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

int findings_write(FILE *out, enum findings_format format, const char *tool,
                   const struct finding *findings, size_t count)
{
    json_t *root;
    if (format == FINDINGS_SARIF)
        root = json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:s}}, s:o}]}", "$schema",
                         "https://json.schemastore.org/sarif-2.1.0.json", "version", "2.1.0",
                         "runs", "tool", "driver", "name", tool, "version", PROJECT_VERSION,
                         "results", array_of(sarif, findings, count));
    else
        root = json_pack("{s:i, s:s, s:s, s:o}", "version", 1, "tool", tool, "tool_version",
                         PROJECT_VERSION, "findings", array_of(plain, findings, count));
    if (!root)
        return -ENOMEM;
    int written = json_dumpf(root, out, JSON_INDENT(1));
    json_decref(root);
    return written != 0 || fputc('\n', out) == EOF ? -EIO : 0;
}
