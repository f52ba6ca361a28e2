/* SPDX-License-Identifier: MIT
 *
 * --compat (compat.h): compares two plans, since the plan is what goes over the wire.
 *
 * A message is found again by its name.  Its number, the place and type of each field, the kind and
 * limits of strings and arrays and the order of capabilities must be the same; names of arguments
 * and of types may change, and messages may be added behind the old ones.  A larger limit breaks in
 * one direction only and is reported so.
 */
#include "compat.h"

#include <stdarg.h>
#include <string.h>

#include "resolve.h"

struct report {
    struct idl_text *out;
    unsigned breaks;
};

static void say(struct report *r, bool breaks, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(struct report *r, bool breaks, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    put(r->out, "%s: %s\n", breaks ? "breaks" : "keeps", line);
    r->breaks += breaks;
}

static const struct idl_wire_message *find(const struct idl_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->message_count; i++)
        if (strcmp(plan->messages[i].name, name) == 0)
            return &plan->messages[i];
    return NULL;
}

static const char *type_name(const struct idl_type *type)
{
    return type->kind == IDL_TYPE_ENUM ? "enum" : type->name;
}

static const char *leaf_name(const struct idl_leaf *leaf)
{
    return leaf->argument == NULL ? "token" : leaf->argument->name;
}

/* An enum may become another one with the same values; a new value is unknown to the old side. */
static void compare_enums(struct report *r, const char *message, const struct idl_leaf *a,
                          const struct idl_leaf *b)
{
    const struct idl_enumerator *x = a->type->enumerators, *y = b->type->enumerators;
    for (unsigned value = 0; x != NULL; value++, x = x->next, y = y->next) {
        if (y == NULL) {
            say(r, true, "%s: %s%s: value %u (%s) is gone", message, leaf_name(a), a->path, value,
                x->name);
            return;
        }
        if (strcmp(x->name, y->name) != 0)
            say(r, true, "%s: %s%s: value %u was %s and is %s", message, leaf_name(a), a->path,
                value, x->name, y->name);
    }
    if (y != NULL)
        say(r, true, "%s: %s%s: value %s is new; the old side does not know it", message,
            leaf_name(a), a->path, y->name);
}

static bool same_wire_type(const struct idl_leaf *a, const struct idl_leaf *b)
{
    if (a->type->kind == IDL_TYPE_ENUM || b->type->kind == IDL_TYPE_ENUM)
        return a->type->kind == b->type->kind;
    return a->bits == b->bits &&
           idl_builtins[a->type->builtin].is_signed == idl_builtins[b->type->builtin].is_signed;
}

static void compare_leaves(struct report *r, const char *message, const struct idl_leaf *a,
                           size_t a_count, const struct idl_leaf *b, size_t b_count)
{
    size_t common = a_count < b_count ? a_count : b_count;
    for (size_t i = 0; i < common; i++) {
        if (!same_wire_type(&a[i], &b[i]))
            say(r, true, "%s: field %zu was %s %s%s and is %s %s%s", message, i,
                type_name(a[i].type), leaf_name(&a[i]), a[i].path, type_name(b[i].type),
                leaf_name(&b[i]), b[i].path);
        else if (a[i].type->kind == IDL_TYPE_ENUM)
            compare_enums(r, message, &a[i], &b[i]);
        else if (strcmp(leaf_name(&a[i]), leaf_name(&b[i])) != 0 ||
                 strcmp(a[i].path, b[i].path) != 0)
            say(r, false, "%s: field %zu was named %s%s and is named %s%s", message, i,
                leaf_name(&a[i]), a[i].path, leaf_name(&b[i]), b[i].path);
    }
    for (size_t i = common; i < a_count; i++)
        say(r, true, "%s: field %s%s is gone", message, leaf_name(&a[i]), a[i].path);
    for (size_t i = common; i < b_count; i++)
        say(r, true, "%s: field %s%s is new", message, leaf_name(&b[i]), b[i].path);
}

static void compare_streams(struct report *r, const struct idl_wire_message *a,
                            const struct idl_wire_message *b)
{
    if (a->stream_count != b->stream_count) {
        say(r, true, "%s: had %zu strings and arrays and has %zu", a->name, a->stream_count,
            b->stream_count);
        return;
    }
    for (size_t i = 0; i < a->stream_count; i++) {
        const struct idl_stream *x = &a->streams[i], *y = &b->streams[i];
        const char *name = x->argument->name;
        if (x->kind != y->kind ||
            (x->kind == IDL_STREAM_ELEMENTS && idl_base_type(x->argument->type.type)->builtin !=
                                                   idl_base_type(y->argument->type.type)->builtin))
            say(r, true, "%s: %s has other elements", a->name, name);
        else
            compare_leaves(r, a->name, x->element_leaves, x->element_leaf_count, y->element_leaves,
                           y->element_leaf_count);
        if (x->argument->max < y->argument->max)
            say(r, true, "%s: %s may be larger than the old side accepts (%llu, was %llu)", a->name,
                name, (unsigned long long)y->argument->max, (unsigned long long)x->argument->max);
        else if (x->argument->max > y->argument->max)
            say(r, true, "%s: %s may be larger than the new side accepts (%llu, was %llu)", a->name,
                name, (unsigned long long)y->argument->max, (unsigned long long)x->argument->max);
    }
}

static void compare_caps(struct report *r, const struct idl_wire_message *a,
                         const struct idl_wire_message *b)
{
    if (a->cap_count != b->cap_count) {
        say(r, true, "%s: carried %zu capabilities and carries %zu", a->name, a->cap_count,
            b->cap_count);
        return;
    }
    for (size_t i = 0; i < a->cap_count; i++)
        if (a->caps[i].give_away != b->caps[i].give_away)
            say(r, false, "%s: %s: giving away is the sender's business", a->name, a->caps[i].name);
}

unsigned idl_compat(struct idl_text *out, const struct idl_plan *old,
                    const struct idl_plan *new_plan)
{
    struct report r = { out, 0 };
    if (strcmp(old->interface->name, new_plan->interface->name) != 0)
        say(&r, false, "interface %s is now named %s", old->interface->name,
            new_plan->interface->name);
    for (size_t i = 0; i < old->message_count; i++) {
        const struct idl_wire_message *a = &old->messages[i], *b = find(new_plan, a->name);
        if (b == NULL) {
            say(&r, true, "message %s is gone", a->name);
            continue;
        }
        if (a->number != b->number)
            say(&r, true, "message %s had number %u and has %u: append new messages at the end",
                a->name, a->number, b->number);
        if (a->kind != b->kind && (a->kind == IDL_WIRE_MESSAGE || b->kind == IDL_WIRE_MESSAGE))
            say(&r, true, "message %s is half of an rpc on one side only", a->name);
        compare_leaves(&r, a->name, a->leaves, a->leaf_count, b->leaves, b->leaf_count);
        compare_streams(&r, a, b);
        compare_caps(&r, a, b);
    }
    for (size_t i = 0; i < new_plan->message_count; i++)
        if (find(old, new_plan->messages[i].name) == NULL)
            say(&r, false, "message %s is new; the old side refuses it",
                new_plan->messages[i].name);
    if (out->length == 0)
        put(out, "keeps: no difference on the wire\n");
    return r.breaks;
}
