/* SPDX-License-Identifier: MIT
 *
 * The marshalling plan (plan.h has its rules).
 *
 * Flatten, sort, place, cut.  All sizes are known here, so that the generated code contains only
 * constants.  Must stay a pure function of the tree: two compilers that disagree about a plan
 * cannot talk to each other.
 */
#include "plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "resolve.h"

struct planner {
    struct idl_arena *arena;
    struct idl_diag *diag;
};

bool idl_is_cap(const struct idl_type *type)
{
    const struct idl_type *base = idl_base_type(type);
    return base->kind == IDL_TYPE_BUILTIN &&
           (base->builtin == IDL_CAP || base->builtin == IDL_GIVE_AWAY_CAP);
}

/* ---- flatten ---- */

struct leaves {
    struct idl_leaf *list;
    size_t count, size;
    bool overflow;
    struct idl_cap_field *caps;
    size_t cap_count;
};

#define MAX_LEAVES (IDL_MAX_FIXED_WORDS * 64) /* as many one-bit fields */

static void add_leaf(struct planner *p, struct leaves *leaves, struct idl_leaf leaf)
{
    if (leaves->count >= MAX_LEAVES) {
        leaves->overflow = true;
        return;
    }
    if (leaves->count == leaves->size) {
        size_t size = leaves->size == 0 ? 8 : leaves->size * 2;
        struct idl_leaf *list = idl_arena_alloc(p->arena, size * sizeof(*list));
        if (leaves->count > 0)
            memcpy(list, leaves->list, leaves->count * sizeof(*list));
        leaves->list = list;
        leaves->size = size;
    }
    leaves->list[leaves->count++] = leaf;
}

static void add_cap(struct planner *p, struct leaves *leaves, struct idl_cap_field cap)
{
    if (leaves->cap_count > IDL_MAX_CAPS)
        return; /* one too many is enough to be refused */
    if (leaves->caps == NULL)
        leaves->caps = idl_arena_alloc(p->arena, (IDL_MAX_CAPS + 1) * sizeof(*leaves->caps));
    leaves->caps[leaves->cap_count++] = cap;
}

static void flatten(struct planner *p, struct leaves *leaves, const struct idl_argument *argument,
                    const struct idl_type *type, const char *path)
{
    if (leaves->overflow)
        return;
    type = idl_base_type(type);
    switch (type->kind) {
    case IDL_TYPE_BUILTIN:
        if (idl_is_cap(type)) {
            add_cap(p, leaves,
                    (struct idl_cap_field){
                        .argument = argument,
                        .name = idl_arena_printf(p->arena, "%s%s", argument->name, path),
                        .path = path,
                        .give_away = type->builtin == IDL_GIVE_AWAY_CAP });
            break;
        }
        add_leaf(p, leaves,
                 (struct idl_leaf){ .argument = argument,
                                    .path = path,
                                    .type = type,
                                    .bits = idl_builtins[type->builtin].wire_bits });
        break;
    case IDL_TYPE_ENUM:
        add_leaf(p, leaves,
                 (struct idl_leaf){ .argument = argument, .path = path, .type = type, .bits = 32 });
        break;
    case IDL_TYPE_ARRAY:
        for (uint64_t i = 0; i < type->elements && !leaves->overflow; i++)
            flatten(p, leaves, argument, type->target.type,
                    idl_arena_printf(p->arena, "%s[%llu]", path, (unsigned long long)i));
        break;
    case IDL_TYPE_STRUCT:
        for (const struct idl_field *field = type->fields; field != NULL; field = field->next)
            flatten(p, leaves, argument, field->type.type,
                    idl_arena_printf(p->arena, "%s.%s", path, field->name));
        break;
    case IDL_TYPE_ALIAS:
    case IDL_TYPE_TYPEDEF:
        assert(!"base types only");
    }
}

/* Stable, and there are only a few widths. */
static void sort_by_width(struct planner *p, struct leaves *leaves)
{
    static const unsigned widths[] = { 1, 8, 16, 32, 64 };
    struct idl_leaf *sorted = idl_arena_alloc(p->arena, (leaves->count + 1) * sizeof(*sorted));
    size_t count = 0;
    for (size_t w = 0; w < sizeof(widths) / sizeof(widths[0]); w++)
        for (size_t i = 0; i < leaves->count; i++)
            if (leaves->list[i].bits == widths[w])
                sorted[count++] = leaves->list[i];
    assert(count == leaves->count);
    leaves->list = sorted;
    leaves->size = count;
}

/* ---- place ---- */

struct cursor {
    unsigned word, bit; /* next free bit */
};

static struct idl_spot place_field(struct cursor *at, unsigned bits)
{
    if (at->bit + bits > 64) {
        at->word++;
        at->bit = 0;
    }
    struct idl_spot spot = { (uint16_t)at->word, (uint8_t)at->bit };
    at->bit += bits;
    return spot;
}

static unsigned words_used(const struct cursor *at)
{
    return at->word + (at->bit > 0);
}

static void place_message(struct idl_wire_message *m, enum idl_channel channel)
{
    struct cursor at = { 0, channel == IDL_UMP ? 0 : 16 };
    m->has_token[channel] = channel != IDL_UMP || m->kind != IDL_WIRE_MESSAGE;
    for (size_t i = 0; i < m->leaf_count; i++) {
        struct idl_leaf *leaf = &m->leaves[i];
        if (leaf->argument == NULL && !m->has_token[channel])
            continue;
        leaf->spot[channel] = place_field(&at, leaf->bits);
    }
    m->words[channel] = words_used(&at);
    if (channel != IDL_LMP)
        m->words[channel] += (unsigned)m->cap_count; /* their tickets */
}

static uint64_t divide_up(uint64_t a, uint64_t b)
{
    return (a + b - 1) / b;
}

uint64_t idl_stream_max_words(const struct idl_stream *s)
{
    uint64_t max = s->argument->max;
    switch (s->kind) {
    case IDL_STREAM_STRING:
    case IDL_STREAM_BYTES:
        return divide_up(max, 8);
    case IDL_STREAM_ELEMENTS:
        return divide_up(max * idl_builtins[idl_base_type(s->argument->type.type)->builtin].c_bits,
                         64);
    case IDL_STREAM_PACKED:
        return max * s->element_words;
    }
    return 0;
}

static void cut_message(struct idl_wire_message *m)
{
    static const unsigned fragment_words[] = { IDL_LMP_WORDS, IDL_UMP_WORDS, IDL_MULTIHOP_WORDS };
    uint64_t total = m->words[IDL_MULTIHOP];
    for (unsigned c = 0; c < IDL_CHANNEL_COUNT; c++) {
        unsigned fixed = (unsigned)divide_up(m->words[c], fragment_words[c]);
        if (fixed == 0 && m->stream_count == 0)
            fixed = 1;
        if (c == IDL_LMP && fixed < m->cap_count)
            fixed = (unsigned)m->cap_count;
        m->fixed_fragments[c] = fixed;
        m->max_fragments[c] = fixed;
        for (size_t i = 0; i < m->stream_count; i++)
            m->max_fragments[c] +=
                divide_up(idl_stream_max_words(&m->streams[i]) + 1, fragment_words[c]);
    }
    for (size_t i = 0; i < m->stream_count; i++)
        total += idl_stream_max_words(&m->streams[i]) + 1;
    m->max_bytes = total * 8;
    m->max_fragments[IDL_MULTIHOP] = divide_up(total, IDL_MULTIHOP_WORDS); /* no gaps */
}

/* ---- streams ---- */

static void plan_stream(struct planner *p, struct idl_stream *s, const struct idl_argument *a)
{
    const struct idl_type *type = idl_base_type(a->type.type);
    s->argument = a;
    if (a->kind == IDL_ARGUMENT_STRING) {
        s->kind = IDL_STREAM_STRING;
        return;
    }
    if (type->kind == IDL_TYPE_BUILTIN && type->builtin != IDL_BOOL &&
        type->builtin != IDL_ERRVAL) {
        s->kind = idl_builtins[type->builtin].c_bits == 8 ? IDL_STREAM_BYTES : IDL_STREAM_ELEMENTS;
        return;
    }
    struct leaves leaves = { 0 };
    s->kind = IDL_STREAM_PACKED;
    flatten(p, &leaves, a, type, "");
    sort_by_width(p, &leaves);
    struct cursor at = { 0, 0 };
    for (size_t i = 0; i < leaves.count; i++)
        leaves.list[i].spot[0] = place_field(&at, leaves.list[i].bits);
    s->element_leaves = leaves.list;
    s->element_leaf_count = leaves.count;
    s->element_words = words_used(&at);
    if (leaves.overflow || s->element_words > IDL_MAX_FIXED_WORDS)
        idl_error(p->diag, a->type.place, NULL,
                  "an element of '%s' is too large (at most %d words)", a->name,
                  IDL_MAX_FIXED_WORDS);
}

/* ---- messages ---- */

static bool carried(const struct idl_wire_message *m, const struct idl_argument *a)
{
    return m->kind == IDL_WIRE_MESSAGE || (m->kind == IDL_WIRE_CALL) == (a->direction == IDL_IN);
}

static void plan_message(struct planner *p, struct idl_wire_message *m)
{
    static const struct idl_type token_type = { .kind = IDL_TYPE_BUILTIN, .builtin = IDL_UINT32 };
    size_t count = 0;
    for (const struct idl_argument *a = m->source->arguments; a != NULL; a = a->next)
        count += carried(m, a);
    m->arguments = idl_arena_alloc(p->arena, (count + 1) * sizeof(*m->arguments));
    m->streams = idl_arena_alloc(p->arena, (count + 1) * sizeof(*m->streams));

    struct leaves leaves = { 0 };
    add_leaf(p, &leaves, (struct idl_leaf){ .path = "", .type = &token_type, .bits = 32 });
    for (const struct idl_argument *a = m->source->arguments; a != NULL; a = a->next) {
        if (!carried(m, a))
            continue;
        m->arguments[m->argument_count++] = a;
        if (a->kind != IDL_ARGUMENT_SCALAR)
            plan_stream(p, &m->streams[m->stream_count++], a);
        else
            flatten(p, &leaves, a, a->type.type, "");
    }
    sort_by_width(p, &leaves);
    m->caps = leaves.caps;
    m->cap_count = leaves.cap_count;
    m->leaves = leaves.list;
    m->leaf_count = leaves.count;
    for (unsigned c = 0; c < IDL_CHANNEL_COUNT; c++)
        place_message(m, (enum idl_channel)c);
    cut_message(m);
    if (leaves.overflow || m->words[IDL_LMP] > IDL_MAX_FIXED_WORDS)
        idl_error(p->diag, m->source->place,
                  "send large amounts of data as a dynamic array, or through a shared frame",
                  "message '%s' has more than %d words of fixed size", m->name,
                  IDL_MAX_FIXED_WORDS);
    if (m->stream_count > IDL_MAX_STREAMS)
        idl_error(p->diag, m->source->place, NULL,
                  "message '%s' has more than %d strings and dynamic arrays", m->name,
                  IDL_MAX_STREAMS);
    if (m->cap_count > IDL_MAX_CAPS)
        idl_error(p->diag, m->source->place, NULL, "message '%s' has more than %d capabilities",
                  m->name, IDL_MAX_CAPS);
}

/* ---- names of limits ---- */

struct limit {
    const char *name;
    const struct idl_argument *argument;
};

static int compare_limits(const void *a, const void *b)
{
    return strcmp(((const struct limit *)a)->name, ((const struct limit *)b)->name);
}

/* IF__MESSAGE_ARGUMENT_MAX_ARGUMENT_SIZE does not tell where the message's name ends. */
static void check_limit_names(struct planner *p, const struct idl_plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->message_count; i++)
        count += plan->messages[i].stream_count;
    struct limit *limits = idl_arena_alloc(p->arena, (count + 1) * sizeof(*limits));
    count = 0;
    for (size_t i = 0; i < plan->message_count; i++)
        for (size_t s = 0; s < plan->messages[i].stream_count; s++) {
            const struct idl_argument *a = plan->messages[i].streams[s].argument;
            limits[count].name =
                idl_arena_printf(p->arena, "%s_%s", plan->messages[i].name, a->name);
            limits[count++].argument = a;
        }
    qsort(limits, count, sizeof(*limits), compare_limits);
    for (size_t i = 1; i < count; i++) {
        const struct idl_argument *a = limits[i - 1].argument, *b = limits[i].argument;
        if (strcmp(limits[i - 1].name, limits[i].name) != 0 || a->max == b->max)
            continue;
        const bool swap = b->place.offset < a->place.offset;
        idl_error(p->diag, swap ? a->place : b->place, "rename it, or give both the same maximum",
                  "two maxima would have the same name in C, %s__%s_MAX_ARGUMENT_SIZE",
                  plan->interface->name, limits[i].name);
        idl_note(p->diag, swap ? b->place : a->place, "the first is here");
    }
}

struct idl_plan *idl_plan(struct idl_arena *arena, struct idl_diag *diag,
                          const struct idl_interface *interface)
{
    struct planner p = { arena, diag };
    struct idl_plan *plan = idl_arena_alloc(arena, sizeof(*plan));
    size_t count = 0;
    assert(diag->errors == 0);
    plan->interface = interface;
    for (const struct idl_message *m = interface->messages; m != NULL; m = m->next)
        count += m->kind == IDL_RPC ? 2 : 1;
    plan->messages = idl_arena_alloc(arena, (count + 1) * sizeof(*plan->messages));
    for (const struct idl_message *m = interface->messages; m != NULL; m = m->next) {
        bool rpc = m->kind == IDL_RPC;
        for (int half = 0; half < (rpc ? 2 : 1); half++) {
            struct idl_wire_message *wire = &plan->messages[plan->message_count];
            wire->source = m;
            wire->kind = !rpc ? IDL_WIRE_MESSAGE : half == 0 ? IDL_WIRE_CALL : IDL_WIRE_RESPONSE;
            wire->name =
                !rpc ? m->name
                     : idl_arena_printf(arena, half == 0 ? "%s_call" : "%s_response", m->name);
            wire->number = 3 + (unsigned)plan->message_count++;
            plan_message(&p, wire);
            for (unsigned c = 0; c < IDL_CHANNEL_COUNT; c++)
                if (wire->words[c] > plan->max_words)
                    plan->max_words = wire->words[c];
            if (wire->stream_count > plan->max_streams)
                plan->max_streams = wire->stream_count;
            if (wire->cap_count > plan->max_caps)
                plan->max_caps = wire->cap_count;
        }
    }
    assert(plan->message_count == count);
    check_limit_names(&p, plan);
    return diag->errors == 0 ? plan : NULL;
}
