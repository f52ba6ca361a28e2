/* SPDX-License-Identifier: MIT
 *
 * Predicates of the Prolog engine on texts: atoms, strings, codes, characters.
 */
#include "prolog_priv.h"

#include <stdio.h>
#include <string.h>

/* Lists of codes or of characters. */
static bool text_of_list(struct prolog *p, cell_t list, const char **text, size_t *length)
{
    size_t room;
    char *to = (char *)pl_scratch(p, &room);
    room *= sizeof(cell_t);
    *text = to;
    *length = 0;
    for (; pl_is(p, list, ATOM_DOT, 2); list = pl_arg(p, list, 2)) {
        const cell_t item = pl_arg(p, list, 1);
        uint32_t code;
        pl_work(p, 1);
        if (*length + 4 > room)
            pl_resource(p, "cells of memory", p->config.cells);
        if (tag_of(item) == TAG_INT && int_of(item) >= 0 && int_of(item) <= 0x10ffff) {
            *length += pl_put_code(to + *length, (uint32_t)int_of(item));
        } else if (tag_of(item) == TAG_ATOM) {
            const struct atom *atom = p->atom[value_of(item)];
            if (atom->length == 0 || pl_get_code(atom->text, atom->length, &code) != atom->length)
                return false;
            *length += pl_put_code(to + *length, code);
        } else {
            return false;
        }
    }
    return list == make_cell(TAG_ATOM, ATOM_NIL);
}

bool pl_text_of(struct prolog *p, cell_t cell, const char **text, size_t *length)
{
    *text = "";
    *length = 0;
    cell = pl_deref(p, cell);
    if (tag_of(cell) == TAG_INT) {
        size_t room;
        char *to = (char *)pl_scratch(p, &room);
        if (room < 4)
            pl_resource(p, "cells of memory", p->config.cells);
        *text = to;
        *length = (size_t)snprintf(to, 4 * sizeof(cell_t), "%lld", (long long)int_of(cell));
        return true;
    }
    if (tag_of(cell) == TAG_ATOM || tag_of(cell) == TAG_STRING) {
        *text = p->atom[value_of(cell)]->text;
        *length = p->atom[value_of(cell)]->length;
        return true;
    }
    return tag_of(cell) == TAG_STRUCT && text_of_list(p, cell, text, length);
}

/* Of an atomic term, which must be there. */
static void text_wanted(struct prolog *p, cell_t cell, const char **text, size_t *length)
{
    *text = "";
    *length = 0;
    cell = pl_deref(p, cell);
    if (tag_of(cell) == TAG_REF)
        pl_instantiation_error(p);
    if (!pl_text_of(p, cell, text, length))
        pl_type_error(p, "atomic", cell);
}

/* `codes`: numbers; else atoms of one character. */
static cell_t list_of_text(struct prolog *p, const char *text, size_t length, bool codes)
{
    cell_t list = make_cell(TAG_ATOM, ATOM_NIL);
    uint32_t last = 0;
    for (size_t i = 0; i < length;) {
        uint32_t code;
        const size_t bytes = pl_get_code(text + i, length - i, &code);
        const cell_t item =
            codes ? make_int(code) : make_cell(TAG_ATOM, pl_intern(p, text + i, bytes));
        const cell_t node = pl_structure_2(p, ATOM_DOT, item, make_cell(TAG_ATOM, ATOM_NIL));
        i += bytes;
        pl_work(p, 1);
        if (last == 0)
            list = node;
        else
            p->heap[last + 2] = node;
        last = (uint32_t)value_of(node);
    }
    return list;
}

/* The text of a list that must be one; an instantiation error if it is not complete. */
static void list_wanted(struct prolog *p, cell_t list, const char **text, size_t *length)
{
    *text = "";
    *length = 0;
    list = pl_deref(p, list);
    if (tag_of(list) == TAG_STRING) {
        pl_text_of(p, list, text, length);
        return;
    }
    for (cell_t rest = list;; rest = pl_arg(p, rest, 2)) {
        pl_work(p, 1);
        if (tag_of(rest) == TAG_REF)
            pl_instantiation_error(p);
        if (!pl_is(p, rest, ATOM_DOT, 2))
            break;
        if (tag_of(pl_arg(p, rest, 1)) == TAG_REF)
            pl_instantiation_error(p);
    }
    if (list != make_cell(TAG_ATOM, ATOM_NIL) && !pl_text_of(p, list, text, length))
        pl_type_error(p, "character_code", list);
}

static bool convert(struct prolog *p, const cell_t *args, bool codes, bool number)
{
    const char *text;
    size_t length;
    if (tag_of(pl_deref(p, args[0])) != TAG_REF) {
        text_wanted(p, args[0], &text, &length);
        char copy[32];
        if (tag_of(pl_deref(p, args[0])) == TAG_INT) { /* the scratch is used below */
            memcpy(copy, text, length);
            text = copy;
        }
        return pl_unify(p, args[1], list_of_text(p, text, length, codes));
    }
    list_wanted(p, args[1], &text, &length);
    int64_t value;
    if (!number)
        return pl_unify(p, args[0], make_cell(TAG_ATOM, pl_intern(p, text, length)));
    if (!pl_parse_integer(text, length, &value)) {
        const uint32_t what = pl_intern_text(p, "illegal_number");
        pl_throw_error(
            p, pl_structure_1(p, pl_intern_text(p, "syntax_error"), make_cell(TAG_ATOM, what)));
    }
    return pl_unify(p, args[0], make_int(value));
}

static bool atom_codes_2(struct prolog *p, const cell_t *args)
{
    return convert(p, args, true, false);
}

static bool atom_chars_2(struct prolog *p, const cell_t *args)
{
    return convert(p, args, false, false);
}

static bool number_codes_2(struct prolog *p, const cell_t *args)
{
    return convert(p, args, true, true);
}

static bool atom_number_2(struct prolog *p, const cell_t *args)
{
    const cell_t atom = pl_deref(p, args[0]), number = pl_deref(p, args[1]);
    const char *text;
    size_t length;
    int64_t value;
    if (tag_of(atom) != TAG_REF) {
        if (tag_of(atom) != TAG_ATOM && tag_of(atom) != TAG_STRING)
            pl_type_error(p, "atom", atom);
        pl_text_of(p, atom, &text, &length);
        return pl_parse_integer(text, length, &value) && pl_unify(p, number, make_int(value));
    }
    pl_integer(p, number);
    pl_text_of(p, number, &text, &length);
    return pl_unify(p, atom, make_cell(TAG_ATOM, pl_intern(p, text, length)));
}

static bool char_code_2(struct prolog *p, const cell_t *args)
{
    const cell_t character = pl_deref(p, args[0]);
    uint32_t code = 0;
    char bytes[4];
    if (tag_of(character) != TAG_REF) {
        const struct atom *atom =
            tag_of(character) == TAG_ATOM ? p->atom[value_of(character)] : NULL;
        if (atom == NULL || atom->length == 0 ||
            pl_get_code(atom->text, atom->length, &code) != atom->length)
            pl_type_error(p, "character", character);
        return pl_unify(p, args[1], make_int(code));
    }
    const int64_t number = pl_integer(p, args[1]);
    if (number < 0 || number > 0x10ffff) {
        const uint32_t what = pl_intern_text(p, "character_code");
        pl_throw_error(p, pl_structure_1(p, ATOM_REPRESENTATION_ERROR, make_cell(TAG_ATOM, what)));
    }
    const size_t length = pl_put_code(bytes, (uint32_t)number);
    return pl_unify(p, character, make_cell(TAG_ATOM, pl_intern(p, bytes, length)));
}

static bool atom_length_2(struct prolog *p, const cell_t *args)
{
    const char *text;
    size_t length, characters = 0;
    uint32_t code;
    text_wanted(p, args[0], &text, &length);
    for (size_t i = 0; i < length; characters++)
        i += pl_get_code(text + i, length - i, &code);
    return pl_unify(p, args[1], make_int((int64_t)characters));
}

/* Behind each other in the output buffer, beyond what was written; so the scratch stays free. */
struct joining {
    struct prolog *p;
    uint32_t before;
};

static void join(struct joining *j, cell_t cell)
{
    const char *text;
    size_t length;
    text_wanted(j->p, cell, &text, &length);
    pl_emit(j->p, text, length);
}

static bool joined(struct joining *j, enum tag tag, cell_t to)
{
    struct prolog *p = j->p;
    const uint32_t atom = pl_intern(p, p->output + j->before, p->output_length - j->before);
    p->output_length = j->before;
    p->output[j->before] = '\0';
    return pl_unify(p, to, make_cell(tag, atom));
}

/* Forwards; the library splits. */
static bool concat(struct prolog *p, const cell_t *args, enum tag tag)
{
    struct joining j = { p, p->output_length };
    if (tag_of(pl_deref(p, args[0])) == TAG_REF || tag_of(pl_deref(p, args[1])) == TAG_REF)
        pl_instantiation_error(p);
    join(&j, args[0]);
    join(&j, args[1]);
    return joined(&j, tag, args[2]);
}

static bool atom_concat_3(struct prolog *p, const cell_t *args)
{
    return concat(p, args, TAG_ATOM);
}

static bool string_concat_3(struct prolog *p, const cell_t *args)
{
    return concat(p, args, TAG_STRING);
}

static bool atomic_list_concat_3(struct prolog *p, const cell_t *args)
{
    struct joining j = { p, p->output_length };
    bool first = true;
    cell_t list = pl_deref(p, args[0]);
    for (cell_t rest = list; pl_is(p, rest, ATOM_DOT, 2); rest = pl_arg(p, rest, 2)) {
        pl_work(p, 1);
        if (tag_of(pl_arg(p, rest, 1)) == TAG_REF)
            pl_instantiation_error(p);
    }
    for (; pl_is(p, list, ATOM_DOT, 2); list = pl_arg(p, list, 2)) {
        if (!first)
            join(&j, args[1]);
        first = false;
        join(&j, pl_arg(p, list, 1));
    }
    if (list != make_cell(TAG_ATOM, ATOM_NIL))
        pl_instantiation_error(p);
    return joined(&j, TAG_ATOM, args[2]);
}

static bool change_case(struct prolog *p, const cell_t *args, char first, int by)
{
    const char *text;
    size_t length;
    struct joining j = { p, p->output_length };
    text_wanted(p, args[0], &text, &length);
    pl_emit(p, text, length);
    for (uint32_t i = j.before; i < p->output_length; i++)
        if (p->output[i] >= first && p->output[i] <= first + 25)
            p->output[i] = (char)(p->output[i] + by);
    return joined(&j, TAG_ATOM, args[1]);
}

static bool upcase_atom_2(struct prolog *p, const cell_t *args)
{
    return change_case(p, args, 'a', 'A' - 'a');
}

static bool downcase_atom_2(struct prolog *p, const cell_t *args)
{
    return change_case(p, args, 'A', 'a' - 'A');
}

static bool atom_string_2(struct prolog *p, const cell_t *args)
{
    const char *text;
    size_t length;
    const bool backwards = tag_of(pl_deref(p, args[0])) == TAG_REF;
    text_wanted(p, args[backwards], &text, &length);
    return pl_unify(p, args[!backwards],
                    make_cell(backwards ? TAG_ATOM : TAG_STRING, pl_intern(p, text, length)));
}

const struct builtin pl_text_builtins[] = {
    { "atom_codes", 2, atom_codes_2 },       { "atom_chars", 2, atom_chars_2 },
    { "number_codes", 2, number_codes_2 },   { "atom_number", 2, atom_number_2 },
    { "char_code", 2, char_code_2 },         { "atom_length", 2, atom_length_2 },
    { "string_length", 2, atom_length_2 },   { "$atom_concat", 3, atom_concat_3 },
    { "string_concat", 3, string_concat_3 }, { "$join", 3, atomic_list_concat_3 },
    { "upcase_atom", 2, upcase_atom_2 },     { "downcase_atom", 2, downcase_atom_2 },
    { "atom_string", 2, atom_string_2 },     { NULL, 0, NULL },
};
