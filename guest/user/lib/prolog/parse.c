/* SPDX-License-Identifier: MIT
 *
 * Prolog text to terms: an operator-precedence parser over a fixed table of operators.
 */
#include "prolog_priv.h"

#include <string.h>

static const struct pl_op infix[] = {
    { ":-", 1200, OP_XFX },  { "-->", 1200, OP_XFX }, { ";", 1100, OP_XFY },
    { "|", 1100, OP_XFY },   { "->", 1050, OP_XFY },  { "*->", 1050, OP_XFY },
    { ",", 1000, OP_XFY },   { "=", 700, OP_XFX },    { "\\=", 700, OP_XFX },
    { "==", 700, OP_XFX },   { "\\==", 700, OP_XFX }, { "@<", 700, OP_XFX },
    { "@>", 700, OP_XFX },   { "@=<", 700, OP_XFX },  { "@>=", 700, OP_XFX },
    { "=..", 700, OP_XFX },  { "is", 700, OP_XFX },   { "=:=", 700, OP_XFX },
    { "=\\=", 700, OP_XFX }, { "<", 700, OP_XFX },    { ">", 700, OP_XFX },
    { "=<", 700, OP_XFX },   { ">=", 700, OP_XFX },   { ":", 200, OP_XFY },
    { "+", 500, OP_YFX },    { "-", 500, OP_YFX },    { "/\\", 500, OP_YFX },
    { "\\/", 500, OP_YFX },  { "xor", 500, OP_YFX },  { "*", 400, OP_YFX },
    { "/", 400, OP_YFX },    { "//", 400, OP_YFX },   { "mod", 400, OP_YFX },
    { "rem", 400, OP_YFX },  { "div", 400, OP_YFX },  { "<<", 400, OP_YFX },
    { ">>", 400, OP_YFX },   { "**", 200, OP_XFX },   { "^", 200, OP_XFY },
};
static const struct pl_op prefix[] = {
    { ":-", 1200, OP_FX }, { "?-", 1200, OP_FX }, { "dynamic", 1150, OP_FX }, { "\\+", 900, OP_FY },
    { "-", 200, OP_FY },   { "+", 200, OP_FY },   { "\\", 200, OP_FY },
};

const struct pl_op *pl_operator(const char *name, bool is_prefix)
{
    const struct pl_op *table = is_prefix ? prefix : infix;
    const size_t count =
        is_prefix ? sizeof(prefix) / sizeof(prefix[0]) : sizeof(infix) / sizeof(infix[0]);
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

static cell_t parse(struct reader *r, unsigned limit);

static bool at_punctuation(const struct reader *r, char c)
{
    return r->token.kind == TOKEN_PUNCTUATION && r->token.atom == (uint8_t)c;
}

static void expect(struct reader *r, char c, const char *what)
{
    if (!at_punctuation(r, c))
        pl_syntax_error(r, r->token.at, what);
    pl_next_token(r);
}

/* ---- what stands for itself ---- */

static cell_t parse_variable(struct reader *r)
{
    struct prolog *p = r->p;
    const uint32_t atom = r->token.atom;
    pl_next_token(r);
    if (strcmp(pl_text(p, atom), "_") == 0)
        return pl_variable(p);
    for (unsigned i = 0; i < p->variables; i++)
        if (p->variable[i].atom == atom)
            return p->variable[i].cell;
    if (p->variables == MAX_VARIABLES)
        pl_resource(p, "named variables", MAX_VARIABLES);
    const cell_t cell = pl_variable(p);
    p->variable[p->variables++] = (struct named_variable){ atom, cell };
    return cell;
}

/* Arguments up to the bracket: as many items on the heap as there are, behind each other in a list,
 * since how many is not known yet. */
static cell_t parse_items(struct reader *r, unsigned *count)
{
    struct prolog *p = r->p;
    cell_t list = make_cell(TAG_ATOM, ATOM_NIL);
    uint32_t last = 0;
    for (*count = 0;; pl_next_token(r)) {
        const cell_t item = parse(r, 999);
        const cell_t node = pl_structure_2(p, ATOM_DOT, item, make_cell(TAG_ATOM, ATOM_NIL));
        if (last == 0)
            list = node;
        else
            p->heap[last + 2] = node;
        last = (uint32_t)value_of(node);
        ++*count;
        if (!at_punctuation(r, ','))
            return list;
    }
}

static cell_t parse_arguments(struct reader *r, uint32_t name)
{
    struct prolog *p = r->p;
    unsigned count;
    const size_t at = r->token.at;
    pl_next_token(r);
    cell_t list = parse_items(r, &count);
    expect(r, ')', "expected ',' or ')' after an argument");
    if (count > MAX_ARITY)
        pl_syntax_error(r, at, "more than 255 arguments");
    const uint32_t structure = pl_cells(p, count + 1);
    p->heap[structure] = make_functor(name, count);
    for (unsigned i = 1; i <= count; i++, list = pl_arg(p, list, 2))
        p->heap[structure + i] = pl_arg(p, list, 1);
    return make_cell(TAG_STRUCT, structure);
}

static cell_t parse_list(struct reader *r)
{
    struct prolog *p = r->p;
    unsigned count;
    pl_next_token(r);
    if (at_punctuation(r, ']')) {
        pl_next_token(r);
        return make_cell(TAG_ATOM, ATOM_NIL);
    }
    const cell_t list = parse_items(r, &count);
    if (at_punctuation(r, '|')) {
        pl_next_token(r);
        const cell_t tail = parse(r, 999);
        cell_t last = list;
        while (pl_is(p, pl_arg(p, last, 2), ATOM_DOT, 2))
            last = pl_arg(p, last, 2);
        p->heap[value_of(last) + 2] = tail;
    }
    expect(r, ']', "expected ',', '|' or ']' in a list");
    return list;
}

static cell_t parse_codes(struct reader *r)
{
    struct prolog *p = r->p;
    const struct atom *atom = p->atom[r->token.atom];
    cell_t list = make_cell(TAG_ATOM, ATOM_NIL);
    uint32_t last = 0;
    for (size_t i = 0; i < atom->length;) {
        uint32_t code;
        i += pl_get_code(atom->text + i, atom->length - i, &code);
        const cell_t node =
            pl_structure_2(p, ATOM_DOT, make_int(code), make_cell(TAG_ATOM, ATOM_NIL));
        if (last == 0)
            list = node;
        else
            p->heap[last + 2] = node;
        last = (uint32_t)value_of(node);
    }
    pl_next_token(r);
    return list;
}

static cell_t parse_bracket(struct reader *r)
{
    cell_t term;
    switch ((char)r->token.atom) {
    case '(':
        pl_next_token(r);
        term = parse(r, 1200);
        expect(r, ')', "expected ')' or an operator");
        return term;
    case '[':
        return parse_list(r);
    case '{':
        pl_next_token(r);
        if (at_punctuation(r, '}')) {
            pl_next_token(r);
            return make_cell(TAG_ATOM, ATOM_BRACES);
        }
        term = parse(r, 1200);
        expect(r, '}', "expected '}' or an operator");
        return pl_structure_1(r->p, ATOM_BRACES, term);
    default:
        pl_syntax_error(r, r->token.at, "expected a term");
    }
}

/* ---- operators ---- */

static const struct pl_op *infix_at(struct reader *r)
{
    const struct token *t = &r->token;
    if (t->kind == TOKEN_ATOM)
        return pl_operator(pl_text(r->p, t->atom), false);
    if (at_punctuation(r, ','))
        return pl_operator(",", false);
    return at_punctuation(r, '|') ? pl_operator("|", false) : NULL;
}

/* Can an operand begin here?  An infix operator is none, if it is not a prefix operator or a name
 * with arguments, too. */
static bool operand_begins(struct reader *r)
{
    const struct token *t = &r->token;
    switch (t->kind) {
    case TOKEN_END:
    case TOKEN_END_OF_TEXT:
        return false;
    case TOKEN_PUNCTUATION:
        return t->atom == '(' || t->atom == '[' || t->atom == '{';
    case TOKEN_ATOM:
        return pl_operator(pl_text(r->p, t->atom), false) == NULL ||
               pl_operator(pl_text(r->p, t->atom), true) != NULL || r->text[r->at] == '(';
    default:
        return true;
    }
}

static unsigned right_limit(const struct pl_op *op)
{
    return op->type == OP_XFY || op->type == OP_FY ? op->priority : op->priority - 1;
}

/* A name, with arguments, as a prefix operator, or alone. */
static cell_t parse_name(struct reader *r, unsigned limit, unsigned *priority)
{
    struct prolog *p = r->p;
    const bool quoted = r->token.kind == TOKEN_QUOTED;
    const uint32_t name = r->token.atom;
    pl_next_token(r);
    if (r->token.kind == TOKEN_CALL)
        return parse_arguments(r, name);
    if (quoted)
        return make_cell(TAG_ATOM, name);
    if (name == ATOM_MINUS && r->token.kind == TOKEN_INTEGER && !r->token.layout) {
        const int64_t value = -r->token.integer;
        pl_next_token(r);
        return make_int(value);
    }
    const struct pl_op *op = pl_operator(pl_text(p, name), true);
    if (op != NULL && operand_begins(r)) {
        *priority = op->priority;
        const unsigned inner = right_limit(op) < limit ? right_limit(op) : limit;
        if (op->priority > limit)
            *priority = 999 < limit ? 999 : limit;
        return pl_structure_1(p, name, parse(r, inner));
    }
    if (op != NULL || pl_operator(pl_text(p, name), false) != NULL) {
        const struct pl_op *other = pl_operator(pl_text(p, name), false);
        *priority = op != NULL ? op->priority : other->priority;
        if (*priority > limit)
            *priority = 0;
    }
    return make_cell(TAG_ATOM, name);
}

static cell_t parse_primary(struct reader *r, unsigned limit, unsigned *priority)
{
    cell_t cell;
    *priority = 0;
    switch (r->token.kind) {
    case TOKEN_INTEGER:
        cell = make_int(r->token.integer);
        pl_next_token(r);
        return cell;
    case TOKEN_STRING:
        cell = make_cell(TAG_STRING, r->token.atom);
        pl_next_token(r);
        return cell;
    case TOKEN_CODES:
        return parse_codes(r);
    case TOKEN_VARIABLE:
        return parse_variable(r);
    case TOKEN_ATOM:
    case TOKEN_QUOTED:
        return parse_name(r, limit, priority);
    case TOKEN_PUNCTUATION:
    case TOKEN_CALL:
        return parse_bracket(r);
    default:
        pl_syntax_error(r, r->token.at,
                        r->token.kind == TOKEN_END ? "expected a term before '.'"
                                                   : "expected a term, found the end");
    }
}

static cell_t parse(struct reader *r, unsigned limit)
{
    struct prolog *p = r->p;
    unsigned priority;
    if (++r->depth > PARSE_DEPTH)
        pl_syntax_error(r, r->token.at, "nested too deeply");
    cell_t left = parse_primary(r, limit, &priority);
    const struct pl_op *op;
    while ((op = infix_at(r)) != NULL && op->priority <= limit) {
        if (priority > (op->type == OP_YFX ? op->priority : op->priority - 1))
            pl_syntax_error(r, r->token.at, "operators of the same priority need brackets");
        const uint32_t name = at_punctuation(r, ',')   ? ATOM_COMMA
                              : at_punctuation(r, '|') ? ATOM_SEMICOLON
                                                       : r->token.atom;
        pl_next_token(r);
        const cell_t right = parse(r, right_limit(op));
        left = pl_structure_2(p, name, left, right);
        priority = op->priority;
    }
    r->depth--;
    return left;
}

bool pl_read_term(struct reader *r, cell_t *term)
{
    r->p->variables = 0;
    if (r->token.kind == TOKEN_END_OF_TEXT)
        return false;
    *term = parse(r, 1200);
    if (r->token.kind != TOKEN_END)
        pl_syntax_error(r, r->token.at, "expected an operator, or '.' at the end of a clause");
    pl_next_token(r);
    return true;
}

cell_t pl_read_query(struct reader *r)
{
    const cell_t term = parse(r, 1200);
    if (r->token.kind == TOKEN_END)
        pl_next_token(r);
    if (r->token.kind != TOKEN_END_OF_TEXT)
        pl_syntax_error(r, r->token.at, "expected an operator, or the end of the query");
    return term;
}
