/* SPDX-License-Identifier: MIT
 *
 * Writes the program that tries out one interface (random_interface.h).
 *
 * For each message: a structure of its arguments, a function that fills it from a seed, a function
 * that sends it, and a handler that fills another from the same seed and compares.  Both ends run
 * in one thread on one waitset; the driver knows the order in which messages must arrive.
 */
#include <string.h>

#include "../../idl/resolve.h"
#include "random_interface.h"

struct writer {
    struct idl_emit e;
    const struct idl_wire_message *m;
};

static const char *type_of(struct writer *w, const struct idl_argument *a)
{
    return idl_c_type(w->e.arena, w->e.plan->interface, a->type.type);
}

static bool is_give_away(const struct idl_argument *a)
{
    return idl_base_type(a->type.type)->builtin == IDL_GIVE_AWAY_CAP;
}

static bool is_cap(const struct idl_argument *a)
{
    return a->kind == IDL_ARGUMENT_SCALAR && idl_is_cap(a->type.type);
}

static const char *random_value(struct writer *w, const struct idl_type *type)
{
    if (type->kind == IDL_TYPE_ENUM) {
        unsigned count = 0;
        for (const struct idl_enumerator *e = type->enumerators; e != NULL; e = e->next)
            count++;
        return idl_arena_printf(w->e.arena, "(driver_random(&_r) %% %u)", count);
    }
    if (type->builtin == IDL_BOOL)
        return "(driver_random(&_r) & 1) != 0";
    if (type->builtin == IDL_ERRVAL)
        return "(driver_random(&_r) & 0xffffffff)";
    return idl_arena_printf(w->e.arena, "(%s)driver_random(&_r)",
                            idl_builtins[type->builtin].c_type);
}

static void write_values(struct writer *w)
{
    struct idl_text *out = w->e.out;
    put(out, "struct %s_%s_values {\n    char none;\n", w->e.name, w->m->name);
    for (size_t i = 0; i < w->m->argument_count; i++) {
        const struct idl_argument *a = w->m->arguments[i];
        if (a->kind == IDL_ARGUMENT_STRING)
            put(out, "    char x_%s[%llu];\n    bool null_%s;\n", a->name,
                (unsigned long long)a->max, a->name);
        else if (a->kind == IDL_ARGUMENT_ARRAY)
            put(out, "    %s x_%s[%llu];\n    size_t n_%s;\n", type_of(w, a), a->name,
                (unsigned long long)a->max, a->name);
        else if (is_cap(a))
            put(out, "    uint32_t x_%s;\n", a->name);
        else
            put(out, "    %s x_%s;\n", type_of(w, a), a->name);
    }
    put(out, "};\n\n");
}

static const struct idl_stream *stream_of(const struct idl_wire_message *m,
                                          const struct idl_argument *a)
{
    for (size_t i = 0; i < m->stream_count; i++)
        if (m->streams[i].argument == a)
            return &m->streams[i];
    return NULL;
}

static void write_fill(struct writer *w)
{
    struct idl_text *out = w->e.out;
    put(out, "static void %s_%s_fill(struct %s_%s_values *_v, uint64_t _r)\n{\n", w->e.name,
        w->m->name, w->e.name, w->m->name);
    put(out, "    memset(_v, 0, sizeof(*_v));\n    (void)_r;\n");
    for (size_t i = 0; i < w->m->argument_count; i++) {
        const struct idl_argument *a = w->m->arguments[i];
        if (a->kind == IDL_ARGUMENT_STRING) {
            put(out, "    driver_string(&_r, _v->x_%s, %llu);\n", a->name,
                (unsigned long long)a->max);
            put(out, "    _v->null_%s = _v->x_%s[0] == 0 && driver_random(&_r) %% 2;\n", a->name,
                a->name);
        } else if (a->kind == IDL_ARGUMENT_ARRAY) {
            const struct idl_stream *s = stream_of(w->m, a);
            put(out, "    _v->n_%s = driver_length(&_r, %llu);\n", a->name,
                (unsigned long long)a->max);
            put(out, "    for (size_t _i = 0; _i < _v->n_%s; _i++) {\n", a->name);
            for (size_t l = 0; l < s->element_leaf_count; l++)
                put(out, "        _v->x_%s[_i]%s = %s;\n", a->name, s->element_leaves[l].path,
                    random_value(w, s->element_leaves[l].type));
            if (s->element_leaf_count == 0)
                put(out, "        _v->x_%s[_i] = %s;\n", a->name,
                    random_value(w, idl_base_type(a->type.type)));
            put(out, "    }\n");
        } else if (is_cap(a)) {
            put(out, "    _v->x_%s = 1 + driver_random(&_r) %% 1000000;\n", a->name);
        } else {
            for (size_t l = 0; l < w->m->leaf_count; l++)
                if (w->m->leaves[l].argument == a)
                    put(out, "    _v->x_%s%s = %s;\n", a->name, w->m->leaves[l].path,
                        random_value(w, w->m->leaves[l].type));
        }
    }
    put(out, "}\n\n");
}

/* Compares the arguments, written with `prefix` and `suffix` around their names, with _v. */
static void write_compare(struct writer *w, const char *prefix, const char *suffix)
{
    struct idl_text *out = w->e.out;
    for (size_t i = 0; i < w->m->argument_count; i++) {
        const struct idl_argument *a = w->m->arguments[i];
        const char *x = idl_arena_printf(w->e.arena, "%s%s%s", prefix, a->name, suffix);
        if (a->kind == IDL_ARGUMENT_STRING) {
            put(out, "    CHECK(strcmp(%s, _v->x_%s) == 0, \"%s\");\n", x, a->name, a->name);
        } else if (a->kind == IDL_ARGUMENT_ARRAY) {
            const struct idl_stream *s = stream_of(w->m, a);
            put(out, "    CHECK(%s%s%s == _v->n_%s, \"%s\");\n", prefix, a->length_name, suffix,
                a->name, a->length_name);
            put(out, "    for (size_t _i = 0; _i < _v->n_%s; _i++) {\n", a->name);
            for (size_t l = 0; l < s->element_leaf_count; l++)
                put(out, "        CHECK(%s[_i]%s == _v->x_%s[_i]%s, \"%s%s\");\n", x,
                    s->element_leaves[l].path, a->name, s->element_leaves[l].path, a->name,
                    s->element_leaves[l].path);
            if (s->element_leaf_count == 0)
                put(out, "        CHECK(%s[_i] == _v->x_%s[_i], \"%s\");\n", x, a->name, a->name);
            put(out, "    }\n");
        } else if (is_cap(a)) {
            put(out, "    CHECK(host_cap_object(%s) == _v->x_%s, \"%s\");\n    cap_destroy(%s);\n",
                x, a->name, a->name, x);
        } else {
            for (size_t l = 0; l < w->m->leaf_count; l++)
                if (w->m->leaves[l].argument == a)
                    put(out, "    CHECK(%s%s == _v->x_%s%s, \"%s%s\");\n", x, w->m->leaves[l].path,
                        a->name, w->m->leaves[l].path, a->name, w->m->leaves[l].path);
        }
    }
}

static void write_value_names(struct writer *w, const struct idl_argument *a)
{
    struct idl_text *out = w->e.out;
    if (a->kind == IDL_ARGUMENT_STRING)
        put(out, ", _v->null_%s ? NULL : _v->x_%s", a->name, a->name);
    else if (a->kind == IDL_ARGUMENT_ARRAY)
        put(out, ", _v->x_%s, _v->n_%s", a->name, a->name);
    else if (is_cap(a))
        put(out, ", driver_cap(_from, _v->x_%s, %s)", a->name, is_give_away(a) ? "true" : "false");
    else
        put(out, ", _v->x_%s", a->name);
}

static void write_plain(struct writer *w)
{
    struct idl_text *out = w->e.out;
    const char *n = w->e.name, *m = w->m->name;
    put(out, "static errval_t %s_%s_send(struct %s_binding *_b, int _side, uint64_t _seed)\n{\n", n,
        m, n);
    put(out, "    static struct %s_%s_values _values[2];\n", n, m);
    put(out, "    struct %s_%s_values *_v = &_values[_side];\n", n, m);
    put(out, "    struct driver_side *_from = &driver.side[_side];\n");
    put(out, "    if (!_b->can_send(_b) || _from->continuations > 0)\n"
             "        return FLOUNDER_ERR_TX_BUSY;\n");
    put(out, "    %s_%s_fill(_v, _seed);\n    _from->continuations++;\n", n, m);
    put(out, "    driver_expect(&driver.side[1 - _side], %s_%s__msgnum, _seed);\n", n, m);
    put(out, "    return %s_%s__tx(_b, MKCONT(driver_sent, _from)", n, m);
    for (size_t i = 0; i < w->m->argument_count; i++)
        write_value_names(w, w->m->arguments[i]);
    put(out, ");\n}\n\n");
    idl_put_parameters(
        &w->e, idl_arena_printf(w->e.arena, "static void %s_%s_rx(struct %s_binding *_b", n, m, n),
        w->m->arguments, w->m->argument_count, IDL_VIEW_IN);
    put(out, ")\n{\n    static struct %s_%s_values _values, *_v = &_values;\n", n, m);
    put(out, "    %s_%s_fill(_v, driver_arrived(_b->st, %s_%s__msgnum, \"%s.%s\"));\n", n, m, n, m,
        n, m);
    write_compare(w, "", "");
    put(out, "}\n\n");
}

static void write_rpc(struct writer *w)
{
    struct idl_text *out = w->e.out;
    const struct idl_wire_message *call = w->m, *response = w->m + 1;
    const char *n = w->e.name, *x = call->source->name;
    size_t count;
    const struct idl_argument **all = idl_rpc_arguments(w->e.arena, call->source, &count);

    /* server */
    idl_put_parameters(
        &w->e,
        idl_arena_printf(w->e.arena, "static errval_t %s_%s_serve(struct %s_binding *_b", n, x, n),
        all, count, IDL_VIEW_RPC);
    put(out,
        ")\n{\n    static struct %s_%s_values _values;\n    struct %s_%s_values *_v = &_values;\n",
        n, call->name, n, call->name);
    put(out, "    struct driver_side *_from = _b->st;\n    (void)_from;\n");
    put(out, "    uint64_t _seed = driver_arrived(_b->st, %s_%s__msgnum, \"%s.%s\");\n", n,
        call->name, n, x);
    put(out, "    %s_%s_fill(_v, _seed);\n", n, call->name);
    write_compare(w, "", "");
    put(out,
        "    {\n    static struct %s_%s_values _results;\n    struct %s_%s_values *_v = "
        "&_results;\n",
        n, response->name, n, response->name);
    put(out, "    %s_%s_fill(_v, ~_seed);\n", n, response->name);
    for (size_t i = 0; i < response->argument_count; i++) {
        const struct idl_argument *a = response->arguments[i];
        if (a->kind == IDL_ARGUMENT_STRING)
            put(out, "    strcpy(%s, _v->x_%s);\n", a->name, a->name);
        else if (a->kind == IDL_ARGUMENT_ARRAY)
            put(out, "    memcpy(%s, _v->x_%s, sizeof(_v->x_%s));\n    *%s = _v->n_%s;\n", a->name,
                a->name, a->name, a->length_name, a->name);
        else if (is_cap(a))
            put(out, "    *%s = driver_cap(_from, _v->x_%s, %s);\n", a->name, a->name,
                is_give_away(a) ? "true" : "false");
        else
            put(out, "    memcpy(%s, &_v->x_%s, sizeof(_v->x_%s));\n", a->name, a->name, a->name);
    }
    put(out, "    (void)_v;\n    }\n    return SYS_ERR_OK;\n}\n\n");

    /* client */
    put(out, "static void %s_%s_do(struct %s_binding *_b, int _side, uint64_t _seed)\n{\n", n, x,
        n);
    put(out, "    static struct %s_%s_values _call;\n    struct %s_%s_values *_v = &_call;\n", n,
        call->name, n, call->name);
    put(out, "    struct driver_side *_from = &driver.side[_side];\n    (void)_from;\n");
    put(out, "    %s_%s_fill(_v, _seed);\n", n, call->name);
    put(out, "    driver_expect(&driver.side[1 - _side], %s_%s__msgnum, _seed);\n", n, call->name);
    for (size_t i = 0; i < response->argument_count; i++) {
        const struct idl_argument *a = response->arguments[i];
        if (a->kind == IDL_ARGUMENT_STRING)
            put(out, "    static char o_%s[%llu];\n", a->name, (unsigned long long)a->max);
        else if (a->kind == IDL_ARGUMENT_ARRAY)
            put(out, "    static %s o_%s[%llu];\n    size_t o_%s = 99999;\n", type_of(w, a),
                a->name, (unsigned long long)a->max, a->length_name);
        else if (is_cap(a))
            put(out, "    struct capref o_%s = NULL_CAP;\n", a->name);
        else
            put(out, "    %s o_%s;\n", type_of(w, a), a->name);
    }
    put(out, "    errval_t _err = _b->rpc_tx_vtbl.%s(_b", x);
    for (size_t i = 0; i < count; i++) {
        const struct idl_argument *a = all[i];
        if (a->direction == IDL_IN)
            write_value_names(w, a);
        else if (a->kind == IDL_ARGUMENT_SCALAR)
            put(out, ", &o_%s", a->name);
        else if (a->kind == IDL_ARGUMENT_STRING)
            put(out, ", o_%s", a->name);
        else
            put(out, ", o_%s, &o_%s", a->name, a->length_name);
    }
    put(out, ");\n    driver.message = \"%s.%s\";\n    CHECK(err_is_ok(_err), \"error\");\n", n, x);
    put(out, "    driver_drop_caps(&driver.side[0]);\n    driver_drop_caps(&driver.side[1]);\n");
    put(out,
        "    {\n    static struct %s_%s_values _results;\n    struct %s_%s_values *_v = "
        "&_results;\n",
        n, response->name, n, response->name);
    put(out, "    %s_%s_fill(_v, ~_seed);\n", n, response->name);
    w->m = response;
    write_compare(w, "o_", "");
    w->m = call;
    put(out, "    (void)_v;\n    }\n}\n\n");
}

static void write_run(struct writer *w, const struct idl_plan *plan)
{
    struct idl_text *out = w->e.out;
    const char *n = w->e.name;
    put(out, "void %s_run(enum flounder_channel kind, uint64_t seed, unsigned rounds);\n", n);
    put(out, "void %s_run(enum flounder_channel kind, uint64_t seed, unsigned rounds)\n{\n", n);
    put(out,
        "    static struct %s_local_binding local[2];\n    static struct %s_lmp_binding lmp[2];\n  "
        "  static struct %s_ump_binding ump[2];\n    static struct %s_multihop_binding "
        "multihop[2];\n"
        "    static uint8_t ring[2][4096] __attribute__((aligned(64)));\n"
        "    struct %s_binding *b[2];\n"
        "    uint64_t r = seed;\n    const size_t bytes = 64 * (5 + driver_random(&r) %% 40);\n"
        "    memset(&driver, 0, sizeof(driver));\n    waitset_init(&driver.ws);\n"
        "    for (int i = 0; i < 2; i++) {\n"
        "        b[i] = kind == FLOUNDER_LMP   ? &lmp[i].b\n"
        "               : kind == FLOUNDER_UMP ? &ump[i].b\n"
        "               : kind == FLOUNDER_MULTIHOP ? &multihop[i].b\n"
        "                                      : &local[i].b;\n"
        "        memset(ring[i], 0, sizeof(ring[i]));\n"
        "        if (kind == FLOUNDER_LMP)\n            %s_lmp_init(&lmp[i], &driver.ws);\n"
        "        if (kind == FLOUNDER_MULTIHOP)\n            %s_multihop_init(&multihop[i], "
        "&driver.ws);\n"
        "    }\n"
        "    if (kind == FLOUNDER_LOCAL)\n"
        "        %s_local_connect(&local[0], &local[1], &driver.ws);\n"
        "    if (kind == FLOUNDER_LMP)\n"
        "        host_lmp_connect(&lmp[0].chan, &lmp[1].chan, 12 + driver_random(&r) %% 60);\n"
        "    if (kind == FLOUNDER_MULTIHOP)\n"
        "        host_lmp_connect(&multihop[0].chan.link.lmp, &multihop[1].chan.link.lmp, 12 + "
        "driver_random(&r) %% 60);\n"
        "    for (int i = 0; i < 2; i++) {\n"
        "        if (kind == FLOUNDER_UMP)\n"
        "            %s_ump_init(&ump[i], &driver.ws, ring[i], bytes, ring[1 - i], bytes, "
        "NULL_CAP);\n"
        "        errval_t err = flounder_start(&b[i]->flounder);\n"
        "        driver.message = \"%s\";\n"
        "        CHECK(err_is_ok(err), \"start\");\n"
        "        b[i]->st = &driver.side[i];\n",
        n, n, n, n, n, n, n, n, n, n);
    for (size_t i = 0; i < plan->message_count; i++) {
        const struct idl_wire_message *m = &plan->messages[i];
        if (m->kind == IDL_WIRE_MESSAGE)
            put(out, "        b[i]->rx_vtbl.%s = %s_%s_rx;\n", m->name, n, m->name);
        else if (m->kind == IDL_WIRE_CALL)
            put(out, "        b[i]->rpc_rx_vtbl.%s = %s_%s_serve;\n", m->name, n, m->source->name);
    }
    put(out, "        %s_rpc_client_init(b[i]);\n    }\n", n);
    put(out,
        "    for (unsigned i = 0; i < rounds; i++) {\n"
        "        int side = driver_random(&r) & 1;\n"
        "        uint64_t s = driver_random(&r);\n"
        "        errval_t err = SYS_ERR_OK;\n"
        "        switch (driver_random(&r) %% %zu) {\n",
        plan->message_count);
    for (size_t i = 0; i < plan->message_count; i++) {
        const struct idl_wire_message *m = &plan->messages[i];
        put(out, "        case %zu:\n", i);
        if (m->kind == IDL_WIRE_MESSAGE)
            put(out,
                "            while ((err = %s_%s_send(b[side], side, s)) == FLOUNDER_ERR_TX_BUSY)\n"
                "                event_dispatch(&driver.ws);\n",
                n, m->name);
        else if (m->kind == IDL_WIRE_CALL)
            put(out, "            driver_settle();\n            %s_%s_do(b[side], side, s);\n", n,
                m->source->name);
        put(out, "            break;\n");
    }
    put(out,
        "        }\n        driver.message = \"%s\";\n"
        "        CHECK(err_is_ok(err), \"send\");\n"
        "        if (driver_random(&r) %% 4 == 0)\n            driver_settle();\n    }\n"
        "    driver_settle();\n"
        "    for (int i = 0; i < 2; i++) {\n"
        "        if (kind == FLOUNDER_LMP)\n            lmp_chan_destroy(&lmp[i].chan);\n"
        "        else if (kind == FLOUNDER_UMP)\n            ump_chan_destroy(&ump[i].chan);\n    "
        "    else if (kind == FLOUNDER_MULTIHOP)\n            "
        "multihop_chan_destroy(&multihop[i].chan);\n    "
        "}\n"
        "    CHECK(host_caps_live() == 0, \"number of capabilities left\");\n}\n",
        n);
}

void write_driver(struct idl_text *out, struct idl_arena *arena, const struct idl_plan *plan)
{
    struct writer w = { .e = { arena, plan, plan->interface->name, out } };
    for (size_t i = 0; i < plan->message_count; i++) {
        w.m = &plan->messages[i];
        write_values(&w);
        write_fill(&w);
    }
    for (size_t i = 0; i < plan->message_count; i++) {
        w.m = &plan->messages[i];
        if (w.m->kind == IDL_WIRE_MESSAGE)
            write_plain(&w);
        else if (w.m->kind == IDL_WIRE_CALL)
            write_rpc(&w);
    }
    write_run(&w, plan);
}
