/* SPDX-License-Identifier: MIT
 *
 * Findings as JSON and SARIF: what editors read, whatever bytes a message or a path consists of.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "findings/findings.h"

static json_t *written(enum findings_format format, const struct finding *findings, size_t count)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    cr_assert_not_null(out);
    cr_assert_eq(findings_write(out, format, "idl", findings, count), 0);
    fclose(out);
    cr_expect_eq(text[length - 1], '\n');
    json_error_t error;
    json_t *root = json_loads(text, 0, &error);
    cr_assert_not_null(root, "%s", error.text);
    free(text);
    return root;
}

static const struct finding example = {
    .severity = FINDING_WARNING,
    .file = "a folder/b\xff%.if",
    .line = 3,
    .column = 7,
    .message = "unknown \x80 \xed\xa0\x80 \xc3\xa4",
    .hint = "declare it",
};

Test(findings, json_keeps_place_severity_and_hint)
{
    json_t *root = written(FINDINGS_JSON, &example, 1);
    const char *severity, *message, *hint, *tool, *file;
    int line, column;
    cr_assert_eq(json_unpack(root, "{s:s, s:[{s:s, s:s, s:s, s:s, s:i, s:i}!]}", "tool", &tool,
                             "findings", "severity", &severity, "message", &message, "hint", &hint,
                             "file", &file, "line", &line, "column", &column),
                 0);
    cr_expect_str_eq(tool, "idl");
    cr_expect_str_eq(severity, "warning");
    cr_expect_str_eq(hint, "declare it");
    cr_expect_str_eq(file, "a folder/b\xef\xbf\xbd%.if");
    cr_expect_eq(line, 3);
    cr_expect_eq(column, 7);
    json_decref(root);
}

Test(findings, bytes_that_are_no_utf8_are_replaced_and_others_kept)
{
    json_t *root = written(FINDINGS_JSON, &example, 1);
    const char *message;
    cr_assert_eq(json_unpack(root, "{s:[{s:s}]}", "findings", "message", &message), 0);
    /* A lone byte, then a surrogate: three bytes, none of which begins a character. */
    cr_expect_str_eq(message, "unknown \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xc3\xa4");
    json_decref(root);
}

Test(findings, sarif_has_level_text_region_and_a_uri)
{
    json_t *root = written(FINDINGS_SARIF, &example, 1);
    const char *version, *level, *text, *uri;
    int line, column;
    cr_assert_eq(json_unpack(root,
                             "{s:s, s:[{s:[{s:s, s:{s:s}, s:[{s:{s:{s:s}, s:{s:i, s:i}}}]}]}]}",
                             "version", &version, "runs", "results", "level", &level, "message",
                             "text", &text, "locations", "physicalLocation", "artifactLocation",
                             "uri", &uri, "region", "startLine", &line, "startColumn", &column),
                 0);
    cr_expect_str_eq(version, "2.1.0");
    cr_expect_str_eq(level, "warning");
    cr_expect_not_null(strstr(text, "; declare it"));
    cr_expect_str_eq(uri, "a%20folder/b%FF%25.if");
    cr_expect_eq(line, 3);
    cr_expect_eq(column, 7);
    json_decref(root);
}

Test(findings, a_finding_without_a_place_has_none)
{
    const struct finding nowhere = { .file = "", .message = "no images" };
    json_t *root = written(FINDINGS_SARIF, &nowhere, 1);
    json_t *results;
    cr_assert_eq(json_unpack(root, "{s:[{s:o}]}", "runs", "results", &results), 0);
    cr_expect_null(json_object_get(json_array_get(results, 0), "locations"));
    json_decref(root);
    root = written(FINDINGS_SARIF, NULL, 0);
    cr_assert_eq(json_unpack(root, "{s:[{s:o}]}", "runs", "results", &results), 0);
    cr_expect_eq(json_array_size(results), 0,
                 "no findings are an empty list, which says all is well");
    json_decref(root);
}

Test(findings, a_full_disk_is_an_error)
{
    FILE *full = fopen("/dev/full", "w");
    cr_assert_not_null(full);
    setvbuf(full, NULL, _IONBF, 0);
    cr_expect_lt(findings_write(full, FINDINGS_JSON, "vmm", &example, 1), 0);
    fclose(full);
}
