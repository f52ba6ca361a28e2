/* SPDX-License-Identifier: MIT
 *
 * Readable forms of tree and plan: --dump-ast, --dump-plan, --list-messages.
 *
 * One item on each line, stable, meant for people and for `diff`.  Must not change anything.
 */
#include <string.h>

#include "ast.h"
#include "plan.h"
#include "resolve.h"

static void put_place(FILE *out, struct idl_place place)
{
    unsigned line, column;
    idl_place_position(place, &line, &column);
    fprintf(out, "  <%u:%u>\n", line, column);
}

static void dump_type(FILE *out, const struct idl_type *t)
{
    static const char *const kinds[] = { "builtin", "alias", "typedef", "array", "struct", "enum" };
    fprintf(out, "  %s %s", kinds[t->kind], t->name);
    if (t->target.name != NULL)
        fprintf(out, " of %s", t->target.name);
    if (t->kind == IDL_TYPE_ARRAY)
        fprintf(out, " x %llu", (unsigned long long)t->elements);
    put_place(out, t->place);
    for (const struct idl_field *f = t->fields; f != NULL; f = f->next) {
        fprintf(out, "    field %s %s", f->type.name, f->name);
        put_place(out, f->place);
    }
    unsigned value = 0;
    for (const struct idl_enumerator *e = t->enumerators; e != NULL; e = e->next) {
        fprintf(out, "    enumerator %s = %u", e->name, value++);
        put_place(out, e->place);
    }
}

void idl_dump_ast(FILE *out, const struct idl_interface *interface)
{
    static const char *const kinds[] = { "message", "call", "response", "rpc" };
    if (interface->name == NULL)
        fprintf(out, "shared types");
    else
        fprintf(out, "interface %s \"%s\"", interface->name,
                interface->description == NULL ? "" : interface->description);
    put_place(out, interface->place);
    for (const struct idl_type *t = interface->types; t != NULL; t = t->next)
        dump_type(out, t);
    for (const struct idl_message *m = interface->messages; m != NULL; m = m->next) {
        fprintf(out, "  %s %s", kinds[m->kind], m->name);
        put_place(out, m->place);
        for (const struct idl_attribute *a = m->attributes; a != NULL; a = a->next)
            fprintf(out, "    attribute %s %s = %s\n", a->backend, a->key, a->value);
        for (const struct idl_argument *a = m->arguments; a != NULL; a = a->next) {
            fprintf(out, "    %s %s %s", a->direction == IDL_OUT ? "out" : "in", a->type.name,
                    a->name);
            if (a->kind == IDL_ARGUMENT_ARRAY)
                fprintf(out, " length %s", a->length_name);
            if (a->kind != IDL_ARGUMENT_SCALAR)
                fprintf(out, " max %llu%s", (unsigned long long)a->max,
                        a->has_max ? "" : " (default)");
            put_place(out, a->place);
        }
    }
}

static const char *leaf_name(const struct idl_leaf *leaf)
{
    return leaf->argument == NULL ? "(token)" : leaf->argument->name;
}

/* As flounder_lmp_is_short() decides when the message is sent. */
static bool takes_short_way(const struct idl_wire_message *m, enum idl_channel channel)
{
    return channel == IDL_LMP && m->words[channel] <= IDL_LRPC_WORDS && m->stream_count == 0 &&
           m->cap_count == 0;
}

static void dump_channel(FILE *out, const struct idl_wire_message *m, enum idl_channel channel)
{
    static const char *const names[] = { "lmp", "ump", "multihop" };
    fprintf(out, "  %-8s %u words, %u fixed fragment%s, at most %llu in all%s\n", names[channel],
            m->words[channel], m->fixed_fragments[channel],
            m->fixed_fragments[channel] == 1 ? "" : "s",
            (unsigned long long)m->max_fragments[channel],
            takes_short_way(m, channel) ? ", by lrpc" : "");
    if (channel != IDL_UMP)
        fprintf(out, "    word   0 bits  0-15  (message number)\n");
    for (size_t i = 0; i < m->leaf_count; i++) {
        const struct idl_leaf *leaf = &m->leaves[i];
        if (leaf->argument == NULL && !m->has_token[channel])
            continue;
        struct idl_spot spot = leaf->spot[channel];
        fprintf(out, "    word %3u bits %2u-%-2u  %s%s\n", spot.word, spot.shift,
                spot.shift + leaf->bits - 1, leaf_name(leaf), leaf->path);
    }
    for (size_t i = 0; channel != IDL_LMP && i < m->cap_count; i++)
        fprintf(out, "    word %3zu bits  0-63  (ticket of %s)\n",
                m->words[channel] - m->cap_count + i, m->caps[i].name);
}

void idl_dump_plan(FILE *out, const struct idl_plan *plan)
{
    static const char *const kinds[] = { "string", "bytes", "elements", "packed elements" };
    fprintf(out, "interface %s: %zu messages\n", plan->interface->name, plan->message_count);
    for (size_t i = 0; i < plan->message_count; i++) {
        const struct idl_wire_message *m = &plan->messages[i];
        fprintf(out, "%u %s\n", m->number, m->name);
        for (unsigned c = 0; c < IDL_CHANNEL_COUNT; c++)
            dump_channel(out, m, (enum idl_channel)c);
        for (size_t s = 0; s < m->stream_count; s++) {
            const struct idl_stream *stream = &m->streams[s];
            fprintf(out, "  stream   %s: %s, at most %llu (%llu words)\n", stream->argument->name,
                    kinds[stream->kind], (unsigned long long)stream->argument->max,
                    (unsigned long long)idl_stream_max_words(stream));
            for (size_t l = 0; l < stream->element_leaf_count; l++) {
                const struct idl_leaf *leaf = &stream->element_leaves[l];
                fprintf(out, "    word %3u bits %2u-%-2u  %s[]%s\n", leaf->spot[0].word,
                        leaf->spot[0].shift, leaf->spot[0].shift + leaf->bits - 1, leaf_name(leaf),
                        leaf->path);
            }
        }
        for (size_t c = 0; c < m->cap_count; c++)
            fprintf(out, "  cap      %s%s, on lmp fragment %zu\n", m->caps[c].name,
                    m->caps[c].give_away ? " (given away)" : "", c);
    }
}

void idl_list_messages(FILE *out, const struct idl_plan *plan)
{
    for (size_t i = 0; i < plan->message_count; i++) {
        const struct idl_wire_message *m = &plan->messages[i];
        fprintf(out, "%u\t%s\t", m->number, m->name);
        for (size_t a = 0; a < m->argument_count; a++) {
            const struct idl_argument *arg = m->arguments[a];
            fprintf(out, "%s%s %s", a == 0 ? "" : ", ", arg->type.name, arg->name);
            if (arg->kind == IDL_ARGUMENT_STRING)
                fprintf(out, "[%llu]", (unsigned long long)arg->max);
            if (arg->kind == IDL_ARGUMENT_ARRAY)
                fprintf(out, "[%s, %llu]", arg->length_name, (unsigned long long)arg->max);
        }
        fprintf(out, "\n");
    }
}
