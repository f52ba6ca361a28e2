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

#include "findings/words.h"
#include "hints.h"
#include "names.h"
#include "table.h"

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
    struct idl_table own, shared;   /* types by name: the interface's, those of the includes */
    struct idl_table wire;          /* messages by the names under which they go on the wire */
    struct idl_table reported;      /* names that are said to be unknown, or were not understood */
    unsigned depth;                 /* of the visits on the stack */
    bool too_deep;                  /* said once */
};

enum { NOT_VISITED, VISITING, VISITED };

/* ---- look-up ---- */

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
    struct idl_type *type = idl_table_find(&r->own, name);
    if (type == NULL)
        type = find_builtin(r, name, false);
    if (type == NULL)
        type = idl_table_find(&r->shared, name);
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
    /* of two that are as near, the one that only lacks the end */
    unsigned limit = best->distance - (strncmp(wanted, name, strlen(name)) != 0);
    unsigned distance = word_distance(wanted, name);
    if (distance <= limit) {
        best->distance = distance;
        best->name = name;
    }
}

/* A hint; *is_guess if a known name is much like it. */
static const char *nearest_type(struct resolver *r, const char *wanted, bool *is_guess)
{
    *is_guess = false;
    struct guess best = { NULL, strlen(wanted) <= 3 ? 2 : strlen(wanted) <= 8 ? 3 : 4 };
    if (idl_hint_for_c_type(wanted) != NULL)
        return idl_hint_for_c_type(wanted);
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
    *is_guess = true;
    return idl_arena_printf(r->arena, "did you mean '%s'?", best.name);
}

static void report_unknown(struct resolver *r, const struct idl_type_ref *ref)
{
    bool is_guess = false;
    const char *hint = NULL;
    if (idl_table_add(&r->reported, r->arena, ref->name, r->interface) != NULL)
        return;
    if (r->diag->errors < IDL_MAX_ERRORS)
        hint = nearest_type(r, ref->name, &is_guess);
    if (r->interface->broken_unnamed && !is_guess)
        return; /* it may be the one that was not understood */
    idl_error(r->diag, ref->place, hint, "unknown type '%s'", ref->name);
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

/* The same for a part of another type. */
static void resolve_part(struct resolver *r, struct idl_type_ref *ref, struct idl_type *whole)
{
    resolve_ref(r, ref);
    if (ref->type != NULL && ref->type->depth >= whole->depth)
        whole->depth = (uint16_t)(ref->type->depth + 1);
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

static bool is_capability(const struct idl_type *type)
{
    return is_wireless(type) && type->builtin != IDL_STRING;
}

/* Is a capability among the fields?  Elements of arrays hold none. */
static bool holds_capability(const struct idl_type *type)
{
    if (type == NULL || is_capability(type))
        return type != NULL;
    if (type->kind != IDL_TYPE_STRUCT)
        return false;
    for (const struct idl_field *field = type->fields; field != NULL; field = field->next)
        if (holds_capability(idl_base_type(field->type.type)))
            return true;
    return false;
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
    struct idl_table names = { 0 };
    for (struct idl_field *field = type->fields; field != NULL; field = field->next) {
        resolve_part(r, &field->type, type);
        if (!is_capability(idl_base_type(field->type.type)))
            refuse_wireless(r, &field->type, "part of a struct");
        idl_check_c_name(r->diag, field->name, field->place, "field");
        const struct idl_field *other = idl_table_add(&names, r->arena, field->name, field);
        if (other != NULL) {
            idl_error(r->diag, field->place, NULL, "the struct has two fields named '%s'",
                      field->name);
            idl_note(r->diag, other->place, "the first is here");
        }
    }
}

static void visit_parts(struct resolver *r, struct idl_type *type)
{
    switch (type->kind) {
    case IDL_TYPE_BUILTIN:
    case IDL_TYPE_ENUM:
        break;
    case IDL_TYPE_ALIAS:
        resolve_part(r, &type->target, type);
        if (type->target.type != NULL && (type->target.type->kind != IDL_TYPE_BUILTIN ||
                                          type->target.type->builtin == IDL_STRING)) {
            idl_error(r->diag, type->target.place, "use a typedef for other types",
                      "an alias names a builtin type other than String");
            type->target.type = NULL;
        }
        break;
    case IDL_TYPE_TYPEDEF:
        resolve_part(r, &type->target, type);
        refuse_wireless(r, &type->target, "the target of a typedef");
        break;
    case IDL_TYPE_ARRAY:
        resolve_part(r, &type->target, type);
        if (holds_capability(idl_base_type(type->target.type)) &&
            !is_wireless(idl_base_type(type->target.type))) {
            idl_error(r->diag, type->target.place, "send them one by one",
                      "there are no arrays of structs with capabilities");
            type->target.type = NULL;
        }
        refuse_wireless(r, &type->target, "the element of an array");
        break;
    case IDL_TYPE_STRUCT:
        visit_struct(r, type);
        break;
    }
}

static void visit_type(struct resolver *r, struct idl_type *type)
{
    if (type->visit == VISITED)
        return;
    type->visit = VISITING;
    type->depth = 1;
    if (r->depth < IDL_LIMIT_DEPTH) {
        r->depth++;
        visit_parts(r, type);
        r->depth--;
    } else {
        type->depth = IDL_LIMIT_DEPTH + 1;
    }
    if (type->depth > IDL_LIMIT_DEPTH) {
        if (!r->too_deep)
            idl_error(r->diag, type->place, NULL, "types nest deeper than %d levels",
                      IDL_LIMIT_DEPTH);
        r->too_deep = true;
        type->depth = 1;
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
        const struct idl_type *first = idl_table_find(&r->own, type->name);
        if (first != type) {
            idl_error(r->diag, type->place, NULL, "type '%s' is declared twice", type->name);
            idl_note(r->diag, first->place, "the first declaration is here");
        } else if (find_builtin(r, type->name, false) != NULL) {
            if (r->interface->is_include)
                continue; /* builtins come first: nothing is hidden */
            idl_warning(r->diag, type->place, NULL, "type '%s' hides the builtin type", type->name);
        } else {
            const struct idl_type *hidden = idl_table_find(&r->shared, type->name);
            if (hidden != NULL && hidden != type && !same_alias(type, hidden)) {
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
    size_t length = strlen(e->name);
    const struct idl_type *type = NULL;
    if (length > 2 && strcmp(e->name + length - 2, "_t") == 0)
        type = idl_table_find_part(&r->own, e->name, length - 2);
    if (type != NULL)
        idl_error(r->diag, e->place, "choose another name",
                  "enumerator '%s' and type '%s' have the same name in C", e->name, type->name);
    if (strstr(e->name, "__") == NULL)
        return;
    for (struct idl_message *m = r->interface->messages; m != NULL; m = m->next) {
        size_t prefix = strlen(m->name);
        if (strncmp(e->name, m->name, prefix) == 0 && strstr(e->name + prefix, "__") != NULL)
            idl_error(r->diag, e->place, "choose another name",
                      "enumerator '%s' may have the name of a function of '%s' in C", e->name,
                      m->name);
    }
}

/* All types that C will see, shared ones too. */
static void check_enumerators(struct resolver *r)
{
    const struct idl_interface *interface = r->interface;
    struct idl_table names = { 0 };
    for (size_t i = 0; i < interface->order_count; i++)
        for (struct idl_enumerator *e = interface->order[i]->enumerators; e != NULL; e = e->next) {
            idl_check_enumerator_name(r->diag, e->name, e->place);
            check_enumerator_against_others(r, e);
            const struct idl_enumerator *other = idl_table_add(&names, r->arena, e->name, e);
            if (other != NULL) {
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
    size_t length = strlen(name);
    size_t prefix = r->interface->name == NULL ? 0 : strlen(r->interface->name);
    if (prefix == 0 || length < prefix + 4 || strncmp(name, r->interface->name, prefix) != 0 ||
        name[prefix] != '_' || strcmp(name + length - 2, "_t") != 0)
        return;
    const struct idl_type *type =
        idl_table_find_part(&r->own, name + prefix + 1, length - prefix - 3);
    if (type != NULL)
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
    } else if (a->kind == IDL_ARGUMENT_ARRAY && holds_capability(base)) {
        idl_error(r->diag, a->type.place, "send them one by one", "there are no arrays of %s",
                  is_wireless(base) ? "capabilities" : "structs with capabilities");
    }
}

static void check_argument_names(struct resolver *r, const struct idl_message *m)
{
    struct idl_table names = { 0 };
    for (struct idl_argument *a = m->arguments; a != NULL; a = a->next) {
        const char *name[] = { a->name, a->length_name };
        for (int i = 0; i < 2 && name[i] != NULL; i++) {
            const struct idl_argument *other = idl_table_add(&names, r->arena, name[i], a);
            if (other == a) {
                idl_error(r->diag, a->length_place, NULL,
                          "the array and its length are both named '%s'", a->name);
            } else if (other != NULL) {
                idl_error(r->diag, i == 0 ? a->place : a->length_place, NULL,
                          "'%s' has two arguments named '%s'", m->name, name[i]);
                idl_note(r->diag, other->place, "the first is here");
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

static void check_message_name(struct resolver *r, struct idl_message *m)
{
    const char *names[2];
    unsigned count = wire_names(r, m, names);
    const struct idl_message *first = NULL;
    idl_check_c_name(r->diag, m->name, m->place, "message");
    for (unsigned i = 0; i < count && first == NULL; i++)
        first = idl_table_add(&r->wire, r->arena, names[i], m);
    if (first == NULL)
        return;
    if (strcmp(m->name, first->name) == 0)
        idl_error(r->diag, m->place, NULL, "message '%s' is declared twice", m->name);
    else
        idl_error(r->diag, m->place, "an rpc X becomes the messages X_call and X_response",
                  "'%s' and '%s' need the same name on the wire", m->name, first->name);
    idl_note(r->diag, first->place, "the first declaration is here");
}

/* Counts the types, and enters them under their names: the first of each. */
static size_t enter_types(struct resolver *r, struct idl_table *table, struct idl_type *types)
{
    size_t count = 0;
    for (struct idl_type *type = types; type != NULL; type = type->next, count++)
        (void)idl_table_add(table, r->arena, type->name, type);
    return count;
}

void idl_resolve(struct idl_arena *arena, struct idl_diag *diag, struct idl_interface *interface,
                 struct idl_interface *const *includes, size_t include_count)
{
    struct resolver r = { .arena = arena,
                          .diag = diag,
                          .interface = interface,
                          .includes = includes,
                          .include_count = include_count };
    r.builtin_types = idl_arena_alloc(arena, IDL_BUILTIN_COUNT * sizeof(*r.builtin_types));
    for (int b = 1; b < IDL_BUILTIN_COUNT; b++) {
        r.builtin_types[b].kind = IDL_TYPE_BUILTIN;
        r.builtin_types[b].builtin = (enum idl_builtin)b;
        r.builtin_types[b].name = idl_builtins[b].name;
        r.builtin_types[b].visit = VISITED;
    }
    for (struct idl_enumerator *b = interface->broken_types; b != NULL; b = b->next)
        (void)idl_table_add(&r.reported, arena, b->name, b);
    size_t types = enter_types(&r, &r.own, interface->types);
    for (size_t i = 0; i < include_count; i++)
        types += enter_types(&r, &r.shared, includes[i]->types);
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
    unsigned messages = 0;
    for (struct idl_message *m = interface->messages; m != NULL; m = m->next) {
        check_message_name(&r, m);
        for (struct idl_argument *a = m->arguments; a != NULL; a = a->next)
            resolve_argument(&r, a);
        check_argument_names(&r, m);
        if (++messages > IDL_LIMIT_MESSAGES) {
            idl_error(diag, m->place, NULL, "an interface has at most %d messages",
                      IDL_LIMIT_MESSAGES);
            break;
        }
    }
    check_enumerators(&r);
    if (messages == 0 && !interface->is_include && diag->errors == 0)
        idl_error(diag, interface->place, "add a message or an rpc",
                  "interface '%s' has no message", interface->name);
    if (interface->is_include || diag->errors > 0)
        return; /* a mistake elsewhere may hide the use of a type */
    for (struct idl_type *type = interface->types; type != NULL; type = type->next)
        if (!type->used)
            idl_warning(diag, type->place, NULL, "type '%s' is never used", type->name);
}
