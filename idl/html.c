/* SPDX-License-Identifier: MIT
 *
 * --html (html.h): one static page, no script, readable without styles too.
 *
 * A table of all messages, the types, then a section for each message or rpc with its arguments,
 * their sizes, and what the whole takes on each kind of channel.  Names come from the lexer and
 * need no escaping; the description is the only free text.
 */
#include "html.h"

#include <string.h>

#include "findings/markup.h"
#include "resolve.h"

static void put_escaped(struct idl_text *out, const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        const char *entity = markup_entity(*text);
        if (entity != NULL)
            put(out, "%s", entity);
        else
            put(out, "%c", *text);
    }
}

/* "1 word", "2 words" */
static void put_count(struct idl_text *out, unsigned long long count, const char *what)
{
    put(out, "%llu %s%s", count, what, count == 1 ? "" : "s");
}

/* ---- types ---- */

#define MOST_BITS (IDL_MAX_FIXED_WORDS * 64ull) /* that a message can hold */

/* Bits of a value of the type on the wire; no further than it takes to see that they are too
 * many. */
static uint64_t type_bits(const struct idl_type *type)
{
    uint64_t bits = 0;
    type = idl_base_type(type);
    switch (type->kind) {
    case IDL_TYPE_BUILTIN:
        return idl_builtins[type->builtin].wire_bits;
    case IDL_TYPE_ENUM:
        return 32;
    case IDL_TYPE_ARRAY:
        bits = type_bits(type->target.type);
        return bits > MOST_BITS ? bits : type->elements * bits;
    default:
        for (const struct idl_field *f = type->fields; f != NULL && bits <= MOST_BITS; f = f->next)
            bits += type_bits(f->type.type);
        return bits;
    }
}

static bool is_own(const struct idl_interface *interface, const char *name)
{
    for (const struct idl_type *t = interface->types; t != NULL; t = t->next)
        if (strcmp(t->name, name) == 0)
            return true;
    return false;
}

/* The name of a type, as a link if it is described on this page. */
static void put_type_name(struct idl_text *out, const struct idl_interface *interface,
                          const struct idl_type_ref *ref)
{
    if (is_own(interface, ref->name))
        put(out, "<a href=\"#type-%s\"><code>%s</code></a>", ref->name, ref->name);
    else
        put(out, "<code>%s</code>", ref->name);
}

static void put_type(struct idl_text *out, const struct idl_interface *interface,
                     const struct idl_type *t)
{
    unsigned value = 0;
    put(out, "<tr id=\"type-%s\"><td><code>%s</code></td><td>", t->name, t->name);
    switch (t->kind) {
    case IDL_TYPE_ENUM:
        put(out, "enum");
        for (const struct idl_enumerator *e = t->enumerators; e != NULL; e = e->next)
            put(out, "<br>%u = <code>%s</code>", value++, e->name);
        break;
    case IDL_TYPE_STRUCT:
        put(out, "struct");
        for (const struct idl_field *f = t->fields; f != NULL; f = f->next) {
            put(out, "<br>");
            put_type_name(out, interface, &f->type);
            put(out, " <code>%s</code>", f->name);
        }
        break;
    default:
        if (t->kind == IDL_TYPE_ARRAY)
            put(out, "%llu times ", (unsigned long long)t->elements);
        put_type_name(out, interface, &t->target);
    }
    put(out, "</td><td>");
    if (type_bits(t) > MOST_BITS)
        put(out, "too large for a message");
    else if (type_bits(t) > 0)
        put_count(out, type_bits(t), "bit");
    put(out, "</td></tr>\n");
}

static void put_types(struct idl_text *out, const struct idl_interface *interface)
{
    if (interface->types == NULL)
        return;
    put(out, "<h2>Types</h2>\n<table>\n<tr><th>type</th><th>is</th><th>size</th></tr>\n");
    for (const struct idl_type *t = interface->types; t != NULL; t = t->next)
        put_type(out, interface, t);
    put(out, "</table>\n");
}

/* ---- messages ---- */

static void put_size(struct idl_text *out, const struct idl_argument *a)
{
    unsigned long long max = a->max;
    if (a->kind == IDL_ARGUMENT_STRING) {
        put(out, "at most ");
        put_count(out, max, "byte");
        put(out, " with the NUL");
    } else if (a->kind == IDL_ARGUMENT_ARRAY) {
        put(out, "<code>%s</code> elements, at most %llu, of ", a->length_name, max);
        put_count(out, type_bits(a->type.type), "bit");
    } else if (idl_is_cap(a->type.type)) {
        put(out, "capability%s",
            idl_base_type(a->type.type)->builtin == IDL_GIVE_AWAY_CAP ? ", leaves the sender" : "");
    } else {
        put_count(out, type_bits(a->type.type), "bit");
    }
}

static void put_arguments(struct idl_text *out, const struct idl_interface *interface,
                          const struct idl_message *m)
{
    bool rpc = m->kind == IDL_RPC;
    if (m->arguments == NULL)
        return;
    put(out, "<table>\n<tr>%s<th>argument</th><th>type</th><th>size</th></tr>\n",
        rpc ? "<th></th>" : "");
    for (const struct idl_argument *a = m->arguments; a != NULL; a = a->next) {
        put(out, "<tr>");
        if (rpc)
            put(out, "<td>%s</td>", a->direction == IDL_OUT ? "out" : "in");
        put(out, "<td><code>%s</code></td><td>", a->name);
        put_type_name(out, interface, &a->type);
        put(out, "</td><td>");
        put_size(out, a);
        put(out, "</td></tr>\n");
    }
    put(out, "</table>\n");
}

/* What a message takes on the wire. */
static void put_cost(struct idl_text *out, const struct idl_wire_message *m)
{
    put(out, "<p>Message %u, <code>%s</code>: over LMP ", m->number, m->name);
    put_count(out, m->words[IDL_LMP], "word");
    put(out, " of fixed size and at most ");
    put_count(out, m->max_fragments[IDL_LMP], "fragment");
    put(out, "; over UMP ");
    put_count(out, m->words[IDL_UMP], "word");
    put(out, " and at most ");
    put_count(out, m->max_fragments[IDL_UMP], "line");
    put(out, ".</p>\n");
}

static void put_messages(struct idl_text *out, const struct idl_plan *plan)
{
    put(out, "<h2>Messages</h2>\n<table>\n<tr><th>number</th><th>message</th><th>words over LMP"
             "</th><th>words over UMP</th></tr>\n");
    for (size_t i = 0; i < plan->message_count; i++) {
        const struct idl_wire_message *m = &plan->messages[i];
        put(out,
            "<tr><td>%u</td><td><a "
            "href=\"#%s\"><code>%s</code></a></td><td>%u</td><td>%u</td></tr>\n",
            m->number, m->source->name, m->name, m->words[IDL_LMP], m->words[IDL_UMP]);
    }
    put(out, "</table>\n");
}

void idl_html(struct idl_text *out, const struct idl_plan *plan)
{
    static const char *const kinds[] = { "message", "call", "response", "rpc" };
    const struct idl_interface *interface = plan->interface;
    put(out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n"
        "<title>Interface %s</title>\n<style>\n"
        "body { font-family: sans-serif; max-width: 50em; margin: 2em auto; padding: 0 1em; }\n"
        "table { border-collapse: collapse; }\n"
        "td, th { border: 1px solid #999; padding: 0.2em 0.6em; text-align: left; "
        "vertical-align: top; }\n"
        "</style>\n</head>\n<body>\n<h1>Interface <code>%s</code></h1>\n<p>",
        interface->name, interface->name);
    put_escaped(out, interface->description);
    put(out, "</p>\n");
    put_messages(out, plan);
    put_types(out, interface);
    for (size_t i = 0; i < plan->message_count; i++) {
        const struct idl_wire_message *m = &plan->messages[i];
        if (m->kind != IDL_WIRE_RESPONSE) {
            put(out, "<h3 id=\"%s\">%s <code>%s</code></h3>\n", m->source->name,
                kinds[m->source->kind], m->source->name);
            put_arguments(out, interface, m->source);
        }
        put_cost(out, m);
    }
    put(out, "</body>\n</html>\n");
}
