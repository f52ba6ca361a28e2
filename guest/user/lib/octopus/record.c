/* SPDX-License-Identifier: MIT
 *
 * Records and queries: reading, matching, writing.
 *
 * A regular expression is matched by following all its ways at once, character by character of the
 * text: no recursion, and no longer than the length of the expression times that of the text.  That
 * can still be long, and others wait meanwhile: what takes more than so many steps does not
 * match.
 */
#include <octopus/record.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REGEX_STEPS 1000
#define REGEX_STEPS_PER_CHARACTER 32 /* of the text */

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
    if (!read_value(r, name))
        return false;
    return r->query || (name->kind != OCT_VALUE_TEXT && strcmp(name->text, "_") != 0);
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

static bool in_class(const char *from, const char *end, char c, unsigned *steps)
{
    const bool negated = *from == '^';
    bool found = false;
    *steps += (unsigned)(end - from) / 8;
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

static bool match_single(const char *regex, const char *behind, char c, unsigned *steps)
{
    if (c == '\0')
        return false;
    if (*regex == '[')
        return in_class(regex + 1, behind - 1, c, steps);
    if (*regex == '\\' && behind == regex + 2)
        return regex[1] == c;
    return *regex == '.' || *regex == c;
}

static const char *end_of_branch(const char *regex)
{
    const char *end = regex + strlen(regex);
    while (regex < end && *regex != '|')
        regex = behind_single(regex, end);
    return regex < end ? regex : end;
}

/* Places in the text of an expression, each once: where a way through it has got to. */
struct ways {
    uint16_t place[OCT_RECORD_BYTES];
    unsigned count;
    uint64_t seen[OCT_RECORD_BYTES / 64];
};

struct matching {
    const char *regex, *end;
    struct ways ways[2]; /* before the character that is looked at, and behind it, in turn */
    struct ways *now, *next;
    unsigned steps; /* of all branches of the expression */
};

static void clear(struct ways *ways)
{
    ways->count = 0;
    memset(ways->seen, 0, sizeof(ways->seen));
}

/* A way that has got here may also be further on, where what comes can be left out. */
static void add_way(struct matching *m, struct ways *ways, const char *at)
{
    for (;;) {
        const size_t place = (size_t)(at - m->regex);
        const uint64_t bit = 1ull << place % 64;
        if (ways->seen[place / 64] & bit)
            return;
        ways->seen[place / 64] |= bit;
        ways->place[ways->count++] = (uint16_t)place;
        m->steps++;
        const char *behind = at < m->end ? behind_single(at, m->end) : m->end;
        if (behind == m->end || (*behind != '*' && *behind != '?'))
            return;
        at = behind + 1;
    }
}

/* Does a way end before this character? */
static bool is_through(const struct matching *m, char c)
{
    for (unsigned i = 0; i < m->now->count; i++) {
        const char *at = m->regex + m->now->place[i];
        if (at == m->end || (*at == '$' && at + 1 == m->end && c == '\0'))
            return true;
    }
    return false;
}

/* Follows all ways over a character. */
static void step(struct matching *m, char c)
{
    clear(m->next);
    for (unsigned i = 0; i < m->now->count; i++) {
        const char *at = m->regex + m->now->place[i];
        if (at == m->end || (*at == '$' && at + 1 == m->end))
            continue;
        const char *behind = behind_single(at, m->end);
        m->steps += 1 + (unsigned)(behind - at) / 8;
        const bool repeated = behind < m->end && strchr("*+?", *behind) != NULL;
        if (!match_single(at, behind, c, &m->steps))
            continue;
        if (repeated && *behind != '?')
            add_way(m, m->next, at);
        add_way(m, m->next, repeated ? behind + 1 : behind);
    }
    struct ways *now = m->now;
    m->now = m->next;
    m->next = now;
}

static bool match_branch(struct matching *m, const char *regex, const char *end, const char *text,
                         size_t limit)
{
    const bool anchored = *regex == '^';
    m->regex = regex + anchored;
    m->end = end;
    m->now = &m->ways[0];
    m->next = &m->ways[1];
    clear(m->now);
    add_way(m, m->now, m->regex);
    for (;; text++) {
        if (is_through(m, *text))
            return true;
        if (*text == '\0' || m->steps > limit)
            return false;
        step(m, *text);
        if (!anchored)
            add_way(m, m->now, m->regex);
    }
}

static bool match_regex(const char *regex, const char *text)
{
    const size_t limit = REGEX_STEPS + REGEX_STEPS_PER_CHARACTER * strlen(text);
    static struct matching m; /* too large for a small stack */
    m.steps = 0;
    for (;; regex++) {
        const char *end = end_of_branch(regex);
        if (match_branch(&m, regex, end, text, limit))
            return true;
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
