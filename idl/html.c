/* SPDX-License-Identifier: MIT
 *
 * --html (html.h): one static page, no script, readable without styles too.
 *
 * Names come from the lexer and need no escaping; the description is the only free text.
 */
#include "html.h"

#include <string.h>

#include "resolve.h"

static void put_escaped(struct idl_text *out, const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        if (*text == '<')
            put(out, "&lt;");
        else if (*text == '>')
            put(out, "&gt;");
        else if (*text == '&')
            put(out, "&amp;");
        else
            put(out, "%c", *text);
    }
}

static void put_types(struct idl_text *out, const struct idl_interface *interface)
{
    if (interface->types == NULL)
        return;
    put(out, "<h2>Types</h2>\n<dl>\n");
    for (const struct idl_type *t = interface->types; t != NULL; t = t->next) {
        put(out, "<dt id=\"type-%s\"><code>%s</code></dt>\n<dd>", t->name, t->name);
        switch (t->kind) {
        case IDL_TYPE_ENUM: {
            unsigned value = 0;
            put(out, "enum:");
            for (const struct idl_enumerator *e = t->enumerators; e != NULL; e = e->next)
                put(out, " <code>%s</code>&nbsp;=&nbsp;%u", e->name, value++);
            break;
        }
        case IDL_TYPE_STRUCT:
            put(out, "struct:");
            for (const struct idl_field *f = t->fields; f != NULL; f = f->next)
                put(out, " <code>%s %s</code>;", f->type.name, f->name);
            break;
        case IDL_TYPE_ARRAY:
            put(out, "%llu times <code>%s</code>", (unsigned long long)t->elements, t->target.name);
            break;
        default:
            put(out, "<code>%s</code>", t->target.name);
        }
        put(out, "</dd>\n");
    }
    put(out, "</dl>\n");
}

static void put_argument(struct idl_text *out, const struct idl_argument *a)
{
    put(out, "<tr><td><code>%s</code></td><td><code>%s</code></td><td>", a->name, a->type.name);
    if (a->kind == IDL_ARGUMENT_STRING)
        put(out, "at most %llu bytes with its NUL", (unsigned long long)a->max);
    else if (a->kind == IDL_ARGUMENT_ARRAY)
        put(out, "<code>%s</code> elements, at most %llu", a->length_name,
            (unsigned long long)a->max);
    else if (idl_is_cap(a->type.type))
        put(out, "capability%s",
            idl_base_type(a->type.type)->builtin == IDL_GIVE_AWAY_CAP ? ", leaves the sender" : "");
    put(out, "</td></tr>\n");
}

static void put_message(struct idl_text *out, const struct idl_wire_message *m)
{
    put(out, "<h3 id=\"%s\">%u <code>%s</code></h3>\n", m->name, m->number, m->name);
    if (m->kind != IDL_WIRE_MESSAGE)
        put(out, "<p>%s of the remote procedure <code>%s</code>.</p>\n",
            m->kind == IDL_WIRE_CALL ? "Request" : "Reply", m->source->name);
    if (m->argument_count > 0) {
        put(out, "<table>\n<tr><th>argument</th><th>type</th><th>size</th></tr>\n");
        for (size_t i = 0; i < m->argument_count; i++)
            put_argument(out, m->arguments[i]);
        put(out, "</table>\n");
    }
    put(out,
        "<p>LMP: %u words of fixed size, at most %llu fragments. UMP: %u words, at most %llu "
        "lines.</p>\n",
        m->words[IDL_LMP], (unsigned long long)m->max_fragments[IDL_LMP], m->words[IDL_UMP],
        (unsigned long long)m->max_fragments[IDL_UMP]);
}

void idl_html(struct idl_text *out, const struct idl_plan *plan)
{
    const struct idl_interface *interface = plan->interface;
    put(out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<title>Interface %s</title>\n<style>\n"
        "body { font-family: sans-serif; max-width: 50em; margin: 2em auto; }\n"
        "table { border-collapse: collapse; }\n"
        "td, th { border: 1px solid #999; padding: 0.2em 0.6em; text-align: left; }\n"
        "</style>\n</head>\n<body>\n<h1>Interface <code>%s</code></h1>\n<p>",
        interface->name, interface->name);
    put_escaped(out, interface->description);
    put(out, "</p>\n");
    put_types(out, interface);
    put(out, "<h2>Messages</h2>\n");
    for (size_t i = 0; i < plan->message_count; i++)
        put_message(out, &plan->messages[i]);
    put(out, "</body>\n</html>\n");
}
