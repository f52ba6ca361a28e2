/* SPDX-License-Identifier: MIT
 *
 * Resolution (resolve.h).
 *
 * A name is looked up among the interface's own types, then the builtins, then the files of shared
 * types, and last among the builtins in older spellings (`string`, `Cap`, `give_cap`).  An unknown
 * name is reported once, however often it is used.  Types are visited depth first, which finds
 * cycles and yields the order in which C must see them.
 * Must leave type_ref.type NULL where an error was reported; later passes do not run then.
 */
#include "resolve.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "names.h"

const struct idl_builtin_info idl_builtins[IDL_BUILTIN_COUNT] = {
    [IDL_NOT_BUILTIN] = { "", NULL, 0, 0, false },
    [IDL_UINT8] = { "uint8", "uint8_t", 8, 8, false },
    [IDL_UINT16] = { "uint16", "uint16_t", 16, 16, false },
    [IDL_UINT32] = { "uint32", "uint32_t", 32, 32, false },
    [IDL_UINT64] = { "uint64", "uint64_t", 64, 64, false },
    [IDL_INT8] = { "int8", "int8_t", 8, 8, true },
    [IDL_INT16] = { "int16", "int16_t", 16, 16, true },
    [IDL_INT32] = { "int32", "int32_t", 32, 32, true },
    [IDL_INT64] = { "int64", "int64_t", 64, 64, true },
    [IDL_INT] = { "int", "int32_t", 32, 32, true },
    [IDL_UINTPTR] = { "uintptr", "uintptr_t", 64, 64, false },
    [IDL_INTPTR] = { "intptr", "intptr_t", 64, 64, true },
    [IDL_SIZE] = { "size", "size_t", 64, 64, false },
    [IDL_BOOL] = { "bool", "bool", 1, 8, false },
    [IDL_CHAR] = { "char", "char", 8, 8, true },
    [IDL_IREF] = { "iref", "iref_t", 32, 32, false },
    [IDL_ERRVAL] = { "errval", "errval_t", 32, 64, false },
    [IDL_STRING] = { "String", NULL, 0, 0, false },
    [IDL_CAP] = { "cap", "struct capref", 0, 0, false },
    [IDL_GIVE_AWAY_CAP] = { "give_away_cap", "struct capref", 0, 0, false },
};

struct resolver {
    struct idl_arena *arena;
    struct idl_diag *diag;
    struct idl_interface *interface;
    struct idl_interface *const *includes;
    size_t include_count;
    struct idl_type *builtin_types; /* indexed by enum idl_builtin, in the arena */
    struct unknown {
        struct unknown *next;
        const char *name;
    } * unknown;
};

enum { NOT_VISITED, VISITING, VISITED };

/* ---- look-up ---- */

static struct idl_type *find_in(struct idl_type *types, const char *name)
{
    for (struct idl_type *type = types; type != NULL; type = type->next)
        if (strcmp(type->name, name) == 0)
            return type;
    return NULL;
}

static struct idl_type *find_builtin(struct resolver *r, const char *name, bool any_spelling)
{
    if (any_spelling && strcasecmp(name, "give_cap") == 0)
        return &r->builtin_types[IDL_GIVE_AWAY_CAP];
    for (int b = 1; b < IDL_BUILTIN_COUNT; b++)
        if ((any_spelling ? strcasecmp : strcmp)(idl_builtins[b].name, name) == 0)
            return &r->builtin_types[b];
    return NULL;
}

static struct idl_type *find_type(struct resolver *r, const char *name)
{
    struct idl_type *type = find_in(r->interface->types, name);
    if (type == NULL)
        type = find_builtin(r, name, false);
    for (size_t i = 0; type == NULL && i < r->include_count; i++)
        type = find_in(r->includes[i]->types, name);
    if (type == NULL)
        type = find_builtin(r, name, true);
    return type;
}

struct guess {
    const char *name;
    unsigned distance;
};

static void consider(struct guess *best, const char *wanted, const char *name)
{
    unsigned distance = idl_word_distance(wanted, name, best->distance - 1);
    if (distance < best->distance) {
        best->distance = distance;
        best->name = name;
    }
}

static const char *nearest_type(struct resolver *r, const char *wanted)
{
    struct guess best = { NULL, strlen(wanted) <= 3 ? 2 : strlen(wanted) <= 8 ? 3 : 4 };
    for (int b = 1; b < IDL_BUILTIN_COUNT; b++)
        consider(&best, wanted, idl_builtins[b].name);
    for (struct idl_type *type = r->interface->types; type != NULL; type = type->next)
        consider(&best, wanted, type->name);
    for (size_t i = 0; i < r->include_count; i++)
        for (struct idl_type *type = r->includes[i]->types; type != NULL; type = type->next)
            consider(&best, wanted, type->name);
    if (best.name == NULL) {
        size_t length = strlen(wanted);
        if (length > 2 && strcmp(wanted + length - 2, "_t") == 0)
            return "types are written without '_t': uint32, not uint32_t";
        return r->include_count == 0 ? "declare it, or name the file that does with -I" : NULL;
    }
    return idl_arena_printf(r->arena, "did you mean '%s'?", best.name);
}

static void report_unknown(struct resolver *r, const struct idl_type_ref *ref)
{
    for (struct idl_enumerator *b = r->interface->broken_types; b != NULL; b = b->next)
        if (strcmp(b->name, ref->name) == 0)
            return;
    for (struct unknown *u = r->unknown; u != NULL; u = u->next)
        if (strcmp(u->name, ref->name) == 0)
            return;
    struct unknown *u = idl_arena_alloc(r->arena, sizeof(*u));
    u->name = ref->name;
    u->next = r->unknown;
    r->unknown = u;
    idl_error(r->diag, ref->place, nearest_type(r, ref->name), "unknown type '%s'", ref->name);
}

/* ---- types ---- */

static void visit_type(struct resolver *r, struct idl_type *type);

/* Resolves a name; an alias is replaced by its builtin. */
static void resolve_ref(struct resolver *r, struct idl_type_ref *ref)
{
    /* names in a file of shared types were resolved there */
    struct idl_type *type = ref->type != NULL ? ref->type : find_type(r, ref->name);
    if (type == NULL) {
        report_unknown(r, ref);
        return;
    }
    type->used = true;
    if (type->visit == VISITING) {
        idl_error(r->diag, ref->place, NULL, "type '%s' is made of itself", type->name);
        return;
    }
    visit_type(r, type);
    ref->type = type->kind == IDL_TYPE_ALIAS ? type->target.type : type;
}

const struct idl_type *idl_base_type(const struct idl_type *type)
{
    while (type != NULL && (type->kind == IDL_TYPE_TYPEDEF || type->kind == IDL_TYPE_ALIAS))
        type = type->target.type;
    return type;
}

static bool is_wireless(const struct idl_type *type)
{
    return type != NULL && type->kind == IDL_TYPE_BUILTIN &&
           idl_builtins[type->builtin].wire_bits == 0;
}

static void refuse_wireless(struct resolver *r, struct idl_type_ref *ref, const char *where)
{
    if (!is_wireless(idl_base_type(ref->type)))
        return;
    idl_error(r->diag, ref->place, "give it to the message as an argument of its own",
              "%s cannot be %s", idl_base_type(ref->type)->name, where);
    ref->type = NULL;
}

static void visit_struct(struct resolver *r, struct idl_type *type)
{
    for (struct idl_field *field = type->fields; field != NULL; field = field->next) {
        resolve_ref(r, &field->type);
        refuse_wireless(r, &field->type, "part of a struct");
        idl_check_c_name(r->diag, field->name, field->place, "field");
        for (struct idl_field *other = type->fields; other != field; other = other->next)
            if (strcmp(other->name, field->name) == 0) {
                idl_error(r->diag, field->place, NULL, "the struct has two fields named '%s'",
                          field->name);
                idl_note(r->diag, other->place, "the first is here");
                break;
            }
    }
}

static void visit_type(struct resolver *r, struct idl_type *type)
{
    if (type->visit == VISITED)
        return;
    type->visit = VISITING;
    switch (type->kind) {
    case IDL_TYPE_BUILTIN:
    case IDL_TYPE_ENUM:
        break;
    case IDL_TYPE_ALIAS:
        resolve_ref(r, &type->target);
        if (type->target.type != NULL && (type->target.type->kind != IDL_TYPE_BUILTIN ||
                                          type->target.type->builtin == IDL_STRING)) {
            idl_error(r->diag, type->target.place, "use a typedef for other types",
                      "an alias names a builtin type other than String");
            type->target.type = NULL;
        }
        break;
    case IDL_TYPE_TYPEDEF:
        resolve_ref(r, &type->target);
        refuse_wireless(r, &type->target, "the target of a typedef");
        break;
    case IDL_TYPE_ARRAY:
        resolve_ref(r, &type->target);
        refuse_wireless(r, &type->target, "the element of an array");
        break;
    case IDL_TYPE_STRUCT:
        visit_struct(r, type);
        break;
    }
    type->visit = VISITED;
    if (type->kind != IDL_TYPE_BUILTIN && type->kind != IDL_TYPE_ALIAS)
        r->interface->order[r->interface->order_count++] = type;
}

/* An interface may repeat a shared alias, to be readable by itself. */
static bool same_alias(const struct idl_type *a, const struct idl_type *b)
{
    return a->kind == IDL_TYPE_ALIAS && b->kind == IDL_TYPE_ALIAS &&
           strcmp(a->target.name, b->target.name) == 0;
}

static void check_type_names(struct resolver *r)
{
    for (struct idl_type *type = r->interface->types; type != NULL; type = type->next) {
        struct idl_type *first = find_in(r->interface->types, type->name);
        if (first != type) {
            idl_error(r->diag, type->place, NULL, "type '%s' is declared twice", type->name);
            idl_note(r->diag, first->place, "the first declaration is here");
        } else if (find_builtin(r, type->name, false) != NULL) {
            if (r->interface->is_include)
                continue; /* builtins come first: nothing is hidden */
            idl_warning(r->diag, type->place, NULL, "type '%s' hides the builtin type", type->name);
        } else {
            for (size_t i = 0; i < r->include_count; i++) {
                struct idl_type *hidden = find_in(r->includes[i]->types, type->name);
                if (hidden == NULL || same_alias(type, hidden))
                    continue;
                idl_warning(r->diag, type->place, NULL, "type '%s' hides a shared type",
                            type->name);
                idl_note(r->diag, hidden->place, "the shared type is here");
            }
        }
        idl_check_type_name(r->diag, type->name, type->place);
    }
}

/* In C, enumerators share their names with types (IF_type_t) and with what messages become
 * (IF_message__tx and others). */
static void check_enumerator_against_others(struct resolver *r, const struct idl_enumerator *e)
{
    for (struct idl_type *type = r->interface->types; type != NULL; type = type->next) {
        size_t length = strlen(type->name);
        if (strncmp(e->name, type->name, length) == 0 && strcmp(e->name + length, "_t") == 0)
            idl_error(r->diag, e->place, "choose another name",
                      "enumerator '%s' and type '%s' have the same name in C", e->name, type->name);
    }
    for (struct idl_message *m = r->interface->messages; m != NULL; m = m->next) {
        size_t length = strlen(m->name);
        if (strncmp(e->name, m->name, length) == 0 && strstr(e->name + length, "__") != NULL)
            idl_error(r->diag, e->place, "choose another name",
                      "enumerator '%s' may have the name of a function of '%s' in C", e->name,
                      m->name);
    }
}

/* All types that C will see, shared ones too. */
static void check_enumerators(struct resolver *r)
{
    const struct idl_interface *interface = r->interface;
    for (size_t i = 0; i < interface->order_count; i++)
        for (struct idl_enumerator *e = interface->order[i]->enumerators; e != NULL; e = e->next) {
            idl_check_enumerator_name(r->diag, e->name, e->place);
            check_enumerator_against_others(r, e);
            struct idl_enumerator *other = NULL;
            for (size_t j = 0; j <= i && other == NULL; j++)
                for (other = interface->order[j]->enumerators; other != NULL; other = other->next)
                    if (strcmp(other->name, e->name) == 0)
                        break;
            if (other != e && other != NULL) {
                idl_error(r->diag, e->place, "the enumerators of an interface share one name space",
                          "enumerator '%s' is declared twice", e->name);
                idl_note(r->diag, other->place, "the first declaration is here");
            }
        }
}

/* ---- messages ---- */

/* An argument IF_name_t would hide the type `name` in prototypes. */
static void refuse_type_as_argument(struct resolver *r, const char *name, struct idl_place place)
{
    for (struct idl_type *type = r->interface->types; type != NULL; type = type->next)
        if (strcmp(name, idl_arena_printf(r->arena, "%s_%s_t", r->interface->name, type->name)) ==
            0)
            idl_error(r->diag, place, "choose another name",
                      "argument '%s' has the name of type '%s' in C", name, type->name);
}

static void resolve_argument(struct resolver *r, struct idl_argument *a)
{
    resolve_ref(r, &a->type);
    idl_check_argument_name(r->diag, r->interface->name, a->name, a->place);
    refuse_type_as_argument(r, a->name, a->place);
    if (a->length_name != NULL) {
        idl_check_argument_name(r->diag, r->interface->name, a->length_name, a->length_place);
        refuse_type_as_argument(r, a->length_name, a->length_place);
    }
    const struct idl_type *base = idl_base_type(a->type.type);
    if (base == NULL)
        return;
    bool string = base->kind == IDL_TYPE_BUILTIN && base->builtin == IDL_STRING;
    if (a->kind == IDL_ARGUMENT_STRING && !string) {
        /* a type of the interface's own that happens to be named like the builtin */
        if (a->has_max)
            idl_error(r->diag, a->max_place, NULL, "'%s' is not the builtin String here",
                      a->type.name);
        a->kind = IDL_ARGUMENT_SCALAR;
    } else if (string && a->kind == IDL_ARGUMENT_ARRAY) {
        idl_error(r->diag, a->length_place, "a string has only a maximum: `String s[2048]`",
                  "there are no arrays of strings");
    } else if (string) {
        a->kind = IDL_ARGUMENT_STRING;
    } else if (a->kind == IDL_ARGUMENT_ARRAY && is_wireless(base)) {
        idl_error(r->diag, a->type.place, "send them one by one",
                  "there are no arrays of capabilities");
    }
}

static void check_argument_names(struct resolver *r, const struct idl_message *m)
{
    for (struct idl_argument *a = m->arguments; a != NULL; a = a->next) {
        if (a->length_name != NULL && strcmp(a->length_name, a->name) == 0)
            idl_error(r->diag, a->length_place, NULL,
                      "the array and its length are both named '%s'", a->name);
        for (struct idl_argument *b = m->arguments; b != a; b = b->next) {
            const char *names[] = { a->name, a->length_name };
            for (int i = 0; i < 2; i++) {
                const char *name = names[i];
                if (name == NULL || (strcmp(name, b->name) != 0 &&
                                     (b->length_name == NULL || strcmp(name, b->length_name) != 0)))
                    continue;
                idl_error(r->diag, i == 0 ? a->place : a->length_place, NULL,
                          "'%s' has two arguments named '%s'", m->name, name);
                idl_note(r->diag, b->place, "the first is here");
            }
        }
    }
}

/* The names under which a message goes on the wire; an rpc has two. */
static unsigned wire_names(struct resolver *r, const struct idl_message *m, const char *names[2])
{
    names[0] = m->kind == IDL_RPC ? idl_arena_printf(r->arena, "%s_call", m->name) : m->name;
    names[1] = m->kind == IDL_RPC ? idl_arena_printf(r->arena, "%s_response", m->name) : NULL;
    return m->kind == IDL_RPC ? 2 : 1;
}

static void check_message_names(struct resolver *r)
{
    for (struct idl_message *m = r->interface->messages; m != NULL; m = m->next) {
        const char *names[2], *others[2];
        unsigned count = wire_names(r, m, names);
        idl_check_c_name(r->diag, m->name, m->place, "message");
        for (struct idl_message *o = r->interface->messages; o != m; o = o->next) {
            unsigned other_count = wire_names(r, o, others);
            bool clash = false;
            for (unsigned i = 0; i < count; i++)
                for (unsigned j = 0; j < other_count; j++)
                    clash |= strcmp(names[i], others[j]) == 0;
            if (!clash)
                continue;
            if (strcmp(m->name, o->name) == 0)
                idl_error(r->diag, m->place, NULL, "message '%s' is declared twice", m->name);
            else
                idl_error(r->diag, m->place, "an rpc X becomes the messages X_call and X_response",
                          "'%s' and '%s' need the same name on the wire", m->name, o->name);
            idl_note(r->diag, o->place, "the first declaration is here");
        }
    }
}

void idl_resolve(struct idl_arena *arena, struct idl_diag *diag, struct idl_interface *interface,
                 struct idl_interface *const *includes, size_t include_count)
{
    struct resolver r = { arena, diag, interface, includes, include_count, NULL, NULL };
    r.builtin_types = idl_arena_alloc(arena, IDL_BUILTIN_COUNT * sizeof(*r.builtin_types));
    for (int b = 1; b < IDL_BUILTIN_COUNT; b++) {
        r.builtin_types[b].kind = IDL_TYPE_BUILTIN;
        r.builtin_types[b].builtin = (enum idl_builtin)b;
        r.builtin_types[b].name = idl_builtins[b].name;
        r.builtin_types[b].visit = VISITED;
    }
    size_t types = 0;
    for (struct idl_type *type = interface->types; type != NULL; type = type->next)
        types++;
    for (size_t i = 0; i < include_count; i++)
        for (struct idl_type *type = includes[i]->types; type != NULL; type = type->next)
            types++;
    interface->order = idl_arena_alloc(arena, (types + 1) * sizeof(*interface->order));
    interface->order_count = 0;
    for (size_t i = 0; i < include_count; i++)
        for (struct idl_type *type = includes[i]->types; type != NULL; type = type->next)
            type->visit = NOT_VISITED; /* they enter the order of each interface that uses them */

    if (interface->name != NULL)
        idl_check_interface_name(diag, interface->name, interface->place);
    check_type_names(&r);
    for (struct idl_type *type = interface->types; type != NULL; type = type->next)
        visit_type(&r, type);
    check_message_names(&r);
    unsigned messages = 0;
    for (struct idl_message *m = interface->messages; m != NULL; m = m->next) {
        for (struct idl_argument *a = m->arguments; a != NULL; a = a->next)
            resolve_argument(&r, a);
        check_argument_names(&r, m);
        if (++messages == IDL_LIMIT_MESSAGES + 1)
            idl_error(diag, m->place, NULL, "an interface has at most %d messages",
                      IDL_LIMIT_MESSAGES);
    }
    check_enumerators(&r);
    if (messages == 0 && !interface->is_include && diag->errors == 0)
        idl_error(diag, interface->place, "add a message or an rpc",
                  "interface '%s' has no message", interface->name);
    if (interface->is_include)
        return;
    for (struct idl_type *type = interface->types; type != NULL; type = type->next)
        if (!type->used)
            idl_warning(diag, type->place, NULL, "type '%s' is never used", type->name);
}
