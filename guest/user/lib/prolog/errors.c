/* SPDX-License-Identifier: MIT
 *
 * How a query of the Prolog engine fails: errors that it can catch, and bounds that it cannot.
 */
#include "prolog_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* " in NAME/ARITY", of what is being called. */
static void add_place(struct prolog *p)
{
    size_t used = strlen(p->error);
    const cell_t at = p->current;
    if (!p->started || at == 0)
        return;
    const uint32_t name = tag_of(at) == TAG_FUNCTOR ? name_of(at) : (uint32_t)value_of(at);
    snprintf(p->error + used, sizeof(p->error) - used, " in %.64s/%u", pl_text(p, name),
             tag_of(at) == TAG_FUNCTOR ? arity_of(at) : 0);
}

void pl_fatal(struct prolog *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(p->error, sizeof(p->error), format, args);
    va_end(args);
    add_place(p);
    p->fatal = true;
    longjmp(p->escape, 1);
}

void pl_resource(struct prolog *p, const char *what, uint64_t bound)
{
    pl_fatal(p, "more than %llu %s", (unsigned long long)bound, what);
}

void pl_throw(struct prolog *p, cell_t ball)
{
    p->ball = ball;
    longjmp(p->escape, 1);
}

void pl_throw_error(struct prolog *p, cell_t formal)
{
    pl_throw(p, pl_structure_2(p, ATOM_ERROR, formal, pl_variable(p)));
}

void pl_type_error(struct prolog *p, const char *type, cell_t culprit)
{
    const cell_t name = make_cell(TAG_ATOM, pl_intern_text(p, type));
    pl_throw_error(p, pl_structure_2(p, ATOM_TYPE_ERROR, name, culprit));
}

void pl_domain_error(struct prolog *p, const char *domain, cell_t culprit)
{
    const cell_t name = make_cell(TAG_ATOM, pl_intern_text(p, domain));
    pl_throw_error(p, pl_structure_2(p, ATOM_DOMAIN_ERROR, name, culprit));
}

void pl_instantiation_error(struct prolog *p)
{
    pl_throw_error(p, make_cell(TAG_ATOM, ATOM_INSTANTIATION));
}

cell_t pl_indicator(struct prolog *p, cell_t functor)
{
    const bool is_atom = tag_of(functor) == TAG_ATOM;
    const uint32_t name = is_atom ? (uint32_t)value_of(functor) : name_of(functor);
    return pl_structure_2(p, ATOM_SLASH, make_cell(TAG_ATOM, name),
                          make_int(is_atom ? 0 : arity_of(functor)));
}

int64_t pl_integer(struct prolog *p, cell_t cell)
{
    cell = pl_deref(p, cell);
    if (tag_of(cell) == TAG_REF)
        pl_instantiation_error(p);
    if (tag_of(cell) != TAG_INT)
        pl_type_error(p, "integer", cell);
    return int_of(cell);
}
