/* SPDX-License-Identifier: MIT
 *
 * Layout of generated C (layout.h).
 *
 * A statement is read up to the end of the line on which its parentheses close, joined, and if it
 * is too long broken again where it costs least: after the `=`, after an opening parenthesis,
 * between arguments (aligned behind the parenthesis, or four columns in), or between operands of
 * `|`.  The costs are those of clang-format, and a test compares.  Comments stay as they are.  Must
 * be free of state beyond the text, and never lose or invent anything but blanks.
 */
#include "layout.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define RIGHT_MARGIN 100
#define MAX_ITEMS 1024

enum {
    COST_ASSIGNMENT = 22,
    COST_TYPE = 100,
    COST_COMMA = 41,
    COST_PARENTHESIS = 59,
    COST_PARENTHESIS_OF_PROTOTYPE = 150,
    COST_OR = 25, /* if the operands begin behind the `=` */
    COST_OR_IN_NEXT_LINE = 60,
    NOT_POSSIBLE = 1 << 20,
};

/* A piece of the statement that is not broken, with the comma or operator behind it. */
struct item {
    const char *text;
    unsigned length;
};

struct statement {
    const char *text;
    unsigned length, indent; /* of the whole; the text begins behind the indentation */
    unsigned equals;         /* length up to and with the `=`; 0: none */
    unsigned type;           /* of a prototype: length of the type it returns, with the blank */
    unsigned head;           /* length up to the first item, `(` included */
    struct item items[MAX_ITEMS];
    size_t count;
    const char *tail; /* behind the last item: `);` */
    unsigned tail_length;
    bool call; /* items in parentheses, else operands */
    bool prototype;
};

/* Where breaks are: behind `=` or the returned type (`first` is what stays in that line), behind
 * the parenthesis; and the column where items then begin. */
struct choice {
    unsigned first;
    bool at_parenthesis;
    unsigned column, cost;
};

/* ---- taking a statement apart ---- */

static int depth_change(char c)
{
    return c == '(' || c == '{' || c == '[' ? 1 : c == ')' || c == '}' || c == ']' ? -1 : 0;
}

static void find_equals(struct statement *s)
{
    int depth = 0;
    for (unsigned i = 1; i + 1 < s->length; i++) {
        depth += depth_change(s->text[i]);
        if (depth == 0 && strncmp(s->text + i - 1, " = ", 3) == 0) {
            s->equals = i + 2; /* with the blank */
            return;
        }
    }
}

/* The last group of parentheses outside others: arguments or parameters. */
static bool find_call(struct statement *s)
{
    int depth = 0;
    unsigned open = 0, close = 0;
    for (unsigned i = 0; i < s->length; i++) {
        int change = depth_change(s->text[i]);
        if (s->text[i] == '(' && depth == 0)
            open = i;
        depth += change;
        if (s->text[i] == ')' && depth == 0)
            close = i;
    }
    if (close <= open + 1 || s->length - close > 4)
        return false;
    s->call = true;
    s->prototype = s->equals == 0 && (s->indent == 0 || memmem(s->text, open, "(*", 2) != NULL);
    if (s->prototype && s->indent == 0)
        for (s->type = open;
             s->type > 0 && s->text[s->type - 1] != ' ' && s->text[s->type - 1] != '*';)
            s->type--;
    s->head = open + 1;
    s->tail = s->text + close;
    s->tail_length = s->length - close;
    return true;
}

static void split_items(struct statement *s, const char *separator)
{
    size_t separator_length = strlen(separator);
    const char *end = s->tail, *start = s->text + s->head;
    int depth = 0;
    for (const char *p = start; p < end; p++) {
        depth += depth_change(*p);
        if (depth != 0 || strncmp(p, separator, separator_length) != 0 || s->count == MAX_ITEMS - 1)
            continue;
        /* the blank at the separator's end goes away */
        const char *next = p + separator_length;
        s->items[s->count++] = (struct item){ start, (unsigned)(next - 1 - start) };
        start = next;
        p = next - 1;
    }
    s->items[s->count++] = (struct item){ start, (unsigned)(end - start) };
}

static void take_apart(struct statement *s)
{
    find_equals(s);
    if (find_call(s)) {
        split_items(s, strncmp(s->text, "if (", 4) == 0 ? " > " : ", ");
        if (s->count == 1) {
            s->count = 0;
            split_items(s, " * ");
        }
        return;
    }
    if (s->equals == 0)
        return;
    s->head = s->equals;
    s->tail = s->text + s->length - 1;
    s->tail_length = 1;
    split_items(s, " | ");
}

/* ---- choosing ---- */

/* Number of breaks between items if they begin at `column` of a line and go on in that column. */
static unsigned breaks_needed(const struct statement *s, unsigned column, bool *fits)
{
    unsigned at = column, breaks = 0;
    for (size_t i = 0; i < s->count; i++) {
        unsigned length = s->items[i].length + (i + 1 == s->count ? s->tail_length : 0);
        if (i > 0 && at + 1 + length > RIGHT_MARGIN) {
            breaks++;
            at = column + length;
        } else {
            at += length + (i > 0);
        }
        *fits &= at <= RIGHT_MARGIN;
    }
    return breaks;
}

static void consider(const struct statement *s, unsigned first, bool at_parenthesis,
                     struct choice *best)
{
    struct choice c = { first, at_parenthesis, 0, 0 };
    unsigned line = first > 0 && first == s->equals ? s->indent + 4 : s->indent;
    unsigned head = s->head - first;
    bool fits = s->indent + first <= RIGHT_MARGIN && line + head <= RIGHT_MARGIN;
    c.column = at_parenthesis ? line + 4 : line + head;
    unsigned breaks = breaks_needed(s, c.column, &fits);
    c.cost = breaks * (s->call ? COST_COMMA : first > 0 ? COST_OR_IN_NEXT_LINE : COST_OR);
    if (first > 0)
        c.cost += first == s->equals ? COST_ASSIGNMENT : COST_TYPE;
    if (at_parenthesis)
        c.cost += s->prototype ? COST_PARENTHESIS_OF_PROTOTYPE : COST_PARENTHESIS;
    if (!fits)
        c.cost += NOT_POSSIBLE;
    if (c.cost < best->cost)
        *best = c;
}

static void write_broken(struct idl_text *out, const struct statement *s, const struct choice *c)
{
    unsigned at = c->column;
    put(out, "%*s", (int)s->indent, "");
    if (c->first > 0) {
        unsigned kept = s->text[c->first - 1] == ' ' ? c->first - 1 : c->first;
        put(out, "%.*s\n%*s", (int)kept, s->text,
            (int)(c->first == s->equals ? s->indent + 4 : s->indent), "");
    }
    put(out, "%.*s", (int)(s->head - c->first), s->text + c->first);
    if (c->at_parenthesis)
        put(out, "\n%*s", (int)c->column, "");
    for (size_t i = 0; i < s->count; i++) {
        unsigned length = s->items[i].length + (i + 1 == s->count ? s->tail_length : 0);
        if (i > 0 && at + 1 + length > RIGHT_MARGIN) {
            put(out, "\n%*s", (int)c->column, "");
            at = c->column + length;
        } else {
            put(out, "%s", i > 0 ? " " : "");
            at += length + (i > 0);
        }
        put(out, "%.*s", (int)s->items[i].length, s->items[i].text);
    }
    put(out, "%.*s\n", (int)s->tail_length, s->tail);
}

static void write_statement(struct idl_text *out, const char *text, unsigned length,
                            unsigned indent)
{
    struct statement s = { .text = text, .length = length, .indent = indent };
    if (indent + length <= RIGHT_MARGIN) {
        put(out, "%*s%.*s\n", (int)indent, "", (int)length, text);
        return;
    }
    take_apart(&s);
    if (s.count == 0) {
        put(out, "%*s%.*s\n", (int)indent, "", (int)length, text);
        return;
    }
    struct choice best = { 0, false, 0, UINT32_MAX };
    const unsigned firsts[] = { 0, s.equals, s.type };
    for (unsigned n = 0; n < 3; n++)
        for (unsigned parenthesis = 0; parenthesis <= (unsigned)s.call; parenthesis++)
            if (n == 0 || firsts[n] > 0)
                consider(&s, firsts[n], parenthesis, &best);
    write_broken(out, &s, &best);
}

/* ---- rows and macros ---- */

/* A row of a table: on one line if it fits, else a line for each member. */
static void write_row(struct idl_text *out, const char *text, unsigned length, unsigned indent)
{
    int depth = 0;
    if (indent + length <= RIGHT_MARGIN) {
        put(out, "%*s%.*s\n", (int)indent, "", (int)length, text);
        return;
    }
    put(out, "%*s", (int)indent, "");
    for (unsigned i = 0; i < length; i++) {
        depth += depth_change(text[i]);
        if (depth == 1 && text[i] == ' ' && text[i - 1] == ',')
            put(out, "\n%*s", (int)indent + 2, "");
        else
            put(out, "%c", text[i]);
    }
    put(out, "\n");
}

/* `#define NAME VALUE`: the value goes to the next line if both do not fit. */
static void write_directive(struct idl_text *out, const char *text, unsigned length)
{
    const char *name = strncmp(text, "#define ", 8) == 0 ? text + 8 : NULL;
    const char *value = name == NULL ? NULL : memchr(name, ' ', length - 8);
    if (length <= RIGHT_MARGIN || value == NULL)
        put(out, "%.*s\n", (int)length, text);
    else
        put(out, "%.*s \\\n    %.*s\n", (int)(value - text), text,
            (int)(length - (unsigned)(value + 1 - text)), value + 1);
}

/* ---- lines ---- */

static int open_groups(const char *text, size_t length, bool row)
{
    int open = 0;
    for (size_t i = 0; i < length; i++)
        if (row || text[i] == '(' || text[i] == ')')
            open += depth_change(text[i]);
    return open;
}

static const char *end_of_line(const char *p)
{
    const char *end = strchr(p, '\n');
    return end == NULL ? p + strlen(p) : end;
}

/* Reads on until all that was opened is closed; returns where the next line begins. */
static const char *join(struct idl_text *joined, const char *line, bool row)
{
    int open = 0;
    joined->length = 0;
    do {
        const char *start = line + strspn(line, " "), *end = end_of_line(line);
        bool blank = joined->length > 0 && joined->data[joined->length - 1] != '(';
        put(joined, "%s%.*s", blank ? " " : "", (int)(end - start), start);
        open += open_groups(start, (size_t)(end - start), row);
        line = *end == '\0' ? end : end + 1;
    } while (open > 0 && *line != '\0');
    return line;
}

void idl_layout(struct idl_text *text)
{
    struct idl_text out = { NULL, 0, 0 }, joined = { NULL, 0, 0 };
    bool comment = false;
    const char *line = text->data == NULL ? "" : text->data;
    while (*line != '\0') {
        const char *start = line + strspn(line, " "), *end = end_of_line(line);
        unsigned indent = (unsigned)(start - line), length = (unsigned)(end - start);
        bool row = strncmp(start, "{ .", 3) == 0;
        if (comment || length == 0 || strncmp(start, "/*", 2) == 0) {
            comment = length > 0 && strncmp(end - 2, "*/", 2) != 0;
            put(&out, "%.*s\n", (int)(end - line), line);
        } else if (*start == '#') {
            write_directive(&out, start, length);
        } else {
            line = join(&joined, line, row);
            if (row)
                write_row(&out, joined.data, (unsigned)joined.length, indent);
            else
                write_statement(&out, joined.data, (unsigned)joined.length, indent);
            continue;
        }
        line = *end == '\0' ? end : end + 1;
    }
    idl_text_free(&joined);
    idl_text_free(text);
    *text = out;
}
