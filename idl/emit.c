/* SPDX-License-Identifier: MIT
 *
 * Writing C (emit.h).
 *
 * The generators print whole statements with put(); layout.h breaks them.  Must be free of state
 * beyond the text: same interface, same bytes.
 */
#include "emit.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "resolve.h"

void idl_text_free(struct idl_text *text)
{
    free(text->data);
    memset(text, 0, sizeof(*text));
}

void idl_put(struct idl_text *text, const char *format, ...)
{
    va_list args;
    for (;;) {
        size_t room = text->size - text->length;
        va_start(args, format);
        int length =
            vsnprintf(text->data == NULL ? NULL : text->data + text->length, room, format, args);
        va_end(args);
        assert(length >= 0);
        if ((size_t)length < room) {
            text->length += (size_t)length;
            return;
        }
        text->size = (text->size + (size_t)length + 1) * 2;
        text->data = realloc(text->data, text->size);
        if (text->data == NULL) {
            fprintf(stderr, "idl: error: out of memory; free some and run again\n");
            exit(2);
        }
    }
}

const char *idl_c_type(struct idl_arena *arena, const struct idl_interface *interface,
                       const struct idl_type *type)
{
    if (type->kind == IDL_TYPE_BUILTIN)
        return idl_builtins[type->builtin].c_type;
    return idl_arena_printf(arena, "%s_%s_t", interface->name, type->name);
}

/* One parameter; an array becomes two. */
static const char *parameter(struct idl_emit *e, const struct idl_argument *a, enum idl_view view)
{
    bool by_direction = view == IDL_VIEW_RPC || view == IDL_VIEW_OLD;
    bool out = view == IDL_VIEW_OUT || (by_direction && a->direction == IDL_OUT);
    const char *constant = !out ? "const " : "";
    const char *star = out && view == IDL_VIEW_OLD ? "*" : "";
    if (a->kind == IDL_ARGUMENT_STRING)
        return idl_arena_printf(e->arena, "%schar *%s%s", constant, star, a->name);
    const char *type = idl_c_type(e->arena, e->plan->interface, a->type.type);
    if (a->kind == IDL_ARGUMENT_ARRAY)
        return idl_arena_printf(e->arena, "%s%s *%s%s, size_t %s%s", constant, type, star, a->name,
                                out ? "*" : "", a->length_name);
    return idl_arena_printf(e->arena, "%s %s%s", type, out ? "*" : "", a->name);
}

void idl_put_parameters(struct idl_emit *e, const char *first,
                        const struct idl_argument *const *arguments, size_t count,
                        enum idl_view view)
{
    idl_put(e->out, "%s", first);
    for (size_t i = 0; i < count; i++)
        idl_put(e->out, ", %s", parameter(e, arguments[i], view));
}

void idl_put_names(struct idl_emit *e, const char *first,
                   const struct idl_argument *const *arguments, size_t count)
{
    idl_put(e->out, "%s", first);
    for (size_t i = 0; i < count; i++) {
        idl_put(e->out, ", %s", arguments[i]->name);
        if (arguments[i]->kind == IDL_ARGUMENT_ARRAY)
            idl_put(e->out, ", %s", arguments[i]->length_name);
    }
}

const char *idl_pack(struct idl_emit *e, const struct idl_leaf *leaf, const char *expression)
{
    if (leaf->type->kind == IDL_TYPE_ENUM)
        return idl_arena_printf(e->arena, "(uint64_t)(uint32_t)%s", expression);
    switch (leaf->type->builtin) {
    case IDL_INT8:
    case IDL_CHAR:
        return idl_arena_printf(e->arena, "(uint64_t)(uint8_t)%s", expression);
    case IDL_INT16:
        return idl_arena_printf(e->arena, "(uint64_t)(uint16_t)%s", expression);
    case IDL_INT32:
    case IDL_INT:
    case IDL_ERRVAL:
        return idl_arena_printf(e->arena, "(uint64_t)(uint32_t)%s", expression);
    case IDL_UINT64:
        return expression;
    default:
        return idl_arena_printf(e->arena, "(uint64_t)%s", expression);
    }
}

const char *idl_unpack(struct idl_emit *e, const struct idl_leaf *leaf, const char *word,
                       unsigned shift)
{
    const char *bits = shift == 0 ? word : idl_arena_printf(e->arena, "(%s >> %u)", word, shift);
    const char *type = idl_c_type(e->arena, e->plan->interface, leaf->type);
    if (leaf->type->kind == IDL_TYPE_ENUM)
        return idl_arena_printf(e->arena, "(%s)(uint32_t)%s", type, bits);
    switch (leaf->type->builtin) {
    case IDL_BOOL:
        return idl_arena_printf(e->arena, "(%s & 1) != 0", bits);
    case IDL_ERRVAL:
        return idl_arena_printf(e->arena, "(errval_t)(uint32_t)%s", bits);
    case IDL_UINT64:
        return word;
    default:
        return idl_arena_printf(e->arena, "(%s)%s", type, bits);
    }
}

const struct idl_argument **idl_rpc_arguments(struct idl_arena *arena, const struct idl_message *m,
                                              size_t *count)
{
    size_t n = 0;
    for (const struct idl_argument *a = m->arguments; a != NULL; a = a->next)
        n++;
    const struct idl_argument **list = idl_arena_alloc(arena, (n + 1) * sizeof(*list));
    *count = n;
    n = 0;
    for (const struct idl_argument *a = m->arguments; a != NULL; a = a->next)
        list[n++] = a;
    return list;
}
