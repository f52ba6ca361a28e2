/* SPDX-License-Identifier: MIT
 *
 * Records and queries: reading, matching, writing.
 *
 * A regular expression is matched by going back, which can take exponentially long: after
 * REGEX_STEPS it does not match.
 */
#include <octopus/record.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REGEX_STEPS 20000

/* ---- reading ---- */

struct reading {
    const char *text;
    size_t at;
    bool query;
    struct oct_record *record;
    size_t used; /* of the record's buffer */
};

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
}

static char next_char(struct reading *r)
{
    r->at += strspn(r->text + r->at, " \t\n");
    return r->text[r->at];
}

static bool take(struct reading *r, const char *word)
{
    next_char(r);
    const size_t length = strlen(word);
    if (strncmp(r->text + r->at, word, length) != 0)
        return false;
    r->at += length;
    return true;
}

static const char *keep(struct reading *r, const char *from, size_t length)
{
    char *to = r->record->buffer + r->used;
    memcpy(to, from, length); /* shorter than the text, which fits */
    to[length] = '\0';
    r->used += length + 1;
    return to;
}

static const char *read_name(struct reading *r)
{
    size_t length = 0;
    next_char(r);
    while (is_name_char(r->text[r->at + length]))
        length++;
    if (length == 0)
        return NULL;
    r->at += length;
    return keep(r, r->text + r->at - length, length);
}

/* Up to the quote, which the text cannot contain. */
static const char *read_quoted(struct reading *r)
{
    const char *from = r->text + r->at + 1, *end = strchr(from, '\'');
    if (end == NULL)
        return NULL;
    r->at = (size_t)(end + 1 - r->text);
    return keep(r, from, (size_t)(end - from));
}

static bool read_regex(struct reading *r, struct oct_value *value)
{
    r->at++;
    value->kind = OCT_VALUE_REGEX;
    value->text = read_quoted(r);
    return value->text != NULL;
}

static bool read_plain(struct reading *r, struct oct_value *value)
{
    char *end;
    const char c = next_char(r);
    if (c == '\'') {
        value->kind = OCT_VALUE_TEXT;
        value->text = read_quoted(r);
        return value->text != NULL;
    }
    const size_t from = r->at;
    value->text = read_name(r);
    if (value->text == NULL)
        return false;
    value->kind = OCT_VALUE_NAME;
    value->integer = strtoll(r->text + from, &end, 0);
    if (end == r->text + r->at)
        value->kind = OCT_VALUE_INTEGER;
    return true;
}

static void read_comparison(struct reading *r, struct oct_value *value)
{
    static const struct {
        const char *text;
        enum oct_comparison comparison;
    } all[] = { { "==", OCT_EQ }, { "!=", OCT_NE }, { "<=", OCT_LE },
                { ">=", OCT_GE }, { "<", OCT_LT },  { ">", OCT_GT } };
    value->comparison = OCT_EQ;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (take(r, all[i].text)) {
            value->comparison = all[i].comparison;
            return;
        }
}

static bool read_value(struct reading *r, struct oct_value *value)
{
    const char *c = (next_char(r), r->text + r->at);
    if (!r->query)
        return read_plain(r, value);
    if (c[0] == 'r' && c[1] == '\'')
        return read_regex(r, value);
    if (c[0] == '%' && (c[1] == 'd' || c[1] == 's')) {
        value->kind = c[1] == 'd' ? OCT_VALUE_WANTED_INTEGER : OCT_VALUE_WANTED_TEXT;
        r->at += 2;
        return true;
    }
    if (c[0] == '_' && !is_name_char(c[1])) {
        value->kind = OCT_VALUE_ANY;
        r->at++;
        return true;
    }
    read_comparison(r, value);
    return read_plain(r, value);
}

static bool read_attributes(struct reading *r)
{
    struct oct_record *record = r->record;
    if (take(r, "}"))
        return true;
    do {
        if (record->count == OCT_ATTRIBUTES)
            return false;
        struct oct_value *value = &record->value[record->count];
        *value = (struct oct_value){ .kind = OCT_VALUE_ANY };
        record->attribute[record->count] = read_name(r);
        if (record->attribute[record->count] == NULL || !take(r, ":") || !read_value(r, value))
            return false;
        record->count++;
    } while (take(r, ","));
    return take(r, "}");
}

static bool read_record_name(struct reading *r)
{
    struct oct_value *name = &r->record->name;
    const char c = next_char(r);
    if (c == '\0' || c == '{') {
        name->kind = OCT_VALUE_ANY;
        return r->query;
    }
    return read_value(r, name) && (r->query || name->kind != OCT_VALUE_TEXT);
}

errval_t oct_record_parse(const char *text, bool query, struct oct_record *ret, size_t *at)
{
    struct reading r = { .text = text, .query = query, .record = ret };
    ret->count = 0;
    ret->name = (struct oct_value){ 0 };
    if (strlen(text) >= OCT_RECORD_BYTES)
        return OCT_ERR_PARSER_FAIL;
    const bool named = read_record_name(&r);
    bool good = named && (!take(&r, "{") || read_attributes(&r)) && next_char(&r) == '\0';
    if (at != NULL)
        *at = r.at;
    if (good)
        return SYS_ERR_OK;
    return named || query || r.at > 0 ? OCT_ERR_PARSER_FAIL : OCT_ERR_NO_RECORD_NAME;
}

/* ---- matching ---- */

static bool match_here(const char *regex, const char *end, const char *text, unsigned *steps);

/* Behind the one character that is meant: a class, an escaped one, or itself. */
static const char *behind_single(const char *regex, const char *end)
{
    if (*regex == '\\' && regex + 1 < end)
        return regex + 2;
    if (*regex != '[')
        return regex + 1;
    const char *at = regex + 1 + (regex[1] == '^');
    do
        at++;
    while (at < end && *at != ']');
    return at < end ? at + 1 : end;
}

static bool in_class(const char *from, const char *end, char c)
{
    const bool negated = *from == '^';
    bool found = false;
    for (from += negated; from < end; from++) {
        if (from + 2 < end && from[1] == '-') {
            found |= c >= from[0] && c <= from[2];
            from += 2;
        } else {
            found |= *from == c;
        }
    }
    return found != negated;
}

static bool match_single(const char *regex, const char *behind, char c)
{
    if (c == '\0')
        return false;
    if (*regex == '[')
        return in_class(regex + 1, behind - 1, c);
    if (*regex == '\\' && behind == regex + 2)
        return regex[1] == c;
    return *regex == '.' || *regex == c;
}

static bool match_repeated(const char *single, const char *rest, const char *end, const char *text,
                           size_t least, size_t most, unsigned *steps)
{
    size_t count = 0;
    while (count < most && match_single(single, rest - 1, text[count]))
        count++;
    for (;; count--) {
        if (count < least)
            return false;
        if (match_here(rest, end, text + count, steps))
            return true;
        if (count == 0)
            return false;
    }
}

static bool match_here(const char *regex, const char *end, const char *text, unsigned *steps)
{
    for (;;) {
        if (++*steps > REGEX_STEPS)
            return false;
        if (regex == end)
            return true;
        if (*regex == '$' && regex + 1 == end)
            return *text == '\0';
        const char *behind = behind_single(regex, end);
        if (behind < end && strchr("*+?", *behind) != NULL)
            return match_repeated(regex, behind + 1, end, text, *behind == '+',
                                  *behind == '?' ? 1 : OCT_RECORD_BYTES, steps);
        if (!match_single(regex, behind, *text))
            return false;
        regex = behind;
        text++;
    }
}

static const char *end_of_branch(const char *regex)
{
    const char *end = regex + strlen(regex);
    while (regex < end && *regex != '|')
        regex = behind_single(regex, end);
    return regex < end ? regex : end;
}

static bool match_regex(const char *regex, const char *text)
{
    unsigned steps = 0;
    for (;; regex++) {
        const char *end = end_of_branch(regex);
        if (*regex == '^') {
            if (match_here(regex + 1, end, text, &steps))
                return true;
        } else {
            for (const char *at = text;; at++) {
                if (match_here(regex, end, at, &steps))
                    return true;
                if (*at == '\0')
                    break;
            }
        }
        regex = end;
        if (*regex == '\0')
            return false;
    }
}

static bool holds(int order, enum oct_comparison comparison)
{
    switch (comparison) {
    case OCT_EQ:
        return order == 0;
    case OCT_NE:
        return order != 0;
    case OCT_LT:
        return order < 0;
    case OCT_GT:
        return order > 0;
    case OCT_LE:
        return order <= 0;
    default:
        return order >= 0;
    }
}

static bool value_matches(const struct oct_value *value, const struct oct_value *query)
{
    switch (query->kind) {
    case OCT_VALUE_REGEX:
        return match_regex(query->text, value->text);
    case OCT_VALUE_ANY:
    case OCT_VALUE_WANTED_TEXT:
        return true;
    case OCT_VALUE_WANTED_INTEGER:
        return value->kind == OCT_VALUE_INTEGER;
    case OCT_VALUE_INTEGER:
        if (value->kind == OCT_VALUE_INTEGER)
            return holds((value->integer > query->integer) - (value->integer < query->integer),
                         query->comparison);
        return query->comparison == OCT_NE;
    default:
        return holds(strcmp(value->text, query->text), query->comparison);
    }
}

const struct oct_value *oct_record_value(const struct oct_record *record, const char *attribute)
{
    for (unsigned i = 0; i < record->count; i++)
        if (strcmp(record->attribute[i], attribute) == 0)
            return &record->value[i];
    return NULL;
}

bool oct_record_matches(const struct oct_record *record, const struct oct_record *query)
{
    if (!value_matches(&record->name, &query->name))
        return false;
    for (unsigned i = 0; i < query->count; i++) {
        const struct oct_value *value = oct_record_value(record, query->attribute[i]);
        if (value == NULL || !value_matches(value, &query->value[i]))
            return false;
    }
    return true;
}

/* ---- writing ---- */

bool oct_record_print(const struct oct_record *record, const char *name, char *text, size_t bytes)
{
    int used = snprintf(text, bytes, "%s", name != NULL ? name : record->name.text);
    for (unsigned i = 0; i < record->count && used >= 0 && (size_t)used < bytes; i++) {
        const char *quote = record->value[i].kind == OCT_VALUE_TEXT ? "'" : "";
        used += snprintf(text + used, bytes - (size_t)used, "%s%s: %s%s%s", i == 0 ? " { " : ", ",
                         record->attribute[i], quote, record->value[i].text, quote);
    }
    if (record->count > 0 && used >= 0 && (size_t)used < bytes)
        used += snprintf(text + used, bytes - (size_t)used, " }");
    return used >= 0 && (size_t)used < bytes;
}
