/* SPDX-License-Identifier: MIT
 *
 * The local backend: NAME_local_defs.h and its part of NAME_flounder_bindings.c.
 *
 * Both ends are in one dispatcher, so a send function checks sizes as the others do and calls the
 * peer's handler.  A response finds its call as if it had arrived.
 */
#include "gen.h"
#include "resolve.h"

void idl_gen_local_defs(struct idl_emit *e)
{
    const char *n = e->name;
    idl_gen_banner(e, " * Bindings within a dispatcher (local).\n *\n");
    put(e->out,
        "#ifndef IF_%s_LOCAL_DEFS_H\n#define IF_%s_LOCAL_DEFS_H\n\n#include "
        "<if/%s_defs.h>\n\n__BEGIN_DECLS\n"
        "struct %s_local_binding {\n    struct %s_binding b;\n    struct flounder_local "
        "chan;\n};\n\n"
        "/* Sets up two bindings in the caller's memory as the ends of one connection: what one "
        "sends,\n"
        " * the other's handlers are called with at once. */\n"
        "void %s_local_connect(struct %s_local_binding *a, struct %s_local_binding *b,\n"
        "    struct waitset *ws);\n\n__END_DECLS\n\n#endif\n",
        n, n, n, n, n, n, n, n);
}

static void gen_size_checks(struct idl_emit *e, const struct idl_wire_message *m)
{
    for (size_t s = 0; s < m->stream_count; s++) {
        const struct idl_argument *a = m->streams[s].argument;
        const char *length = a->kind == IDL_ARGUMENT_STRING
                                 ? idl_arena_printf(e->arena, "flounder_string_length(%s)", a->name)
                                 : a->length_name;
        put(e->out,
            "    if (%s > %s__%s_%s_MAX_ARGUMENT_SIZE)\n        return FLOUNDER_ERR_TX_MSG_SIZE;\n",
            length, e->name, m->name, a->name);
    }
}

/* A response that belongs to a waiting call. */
static void gen_reply(struct idl_emit *e, const struct idl_wire_message *m)
{
    put(e->out,
        "    struct flounder_rpc *_rpc = flounder_rpc_take(_peer, _token, %s_%s__msgnum);\n"
        "    if (_rpc != NULL) {\n",
        e->name, m->name);
    if (m->stream_count > 0) {
        put(e->out, "        struct flounder_rx_stream _streams[] = {\n");
        for (size_t s = 0; s < m->stream_count; s++) {
            const struct idl_argument *a = m->streams[s].argument;
            if (a->kind == IDL_ARGUMENT_STRING)
                put(e->out, "            { (void *)(uintptr_t)%s, flounder_string_length(%s) },\n",
                    a->name, a->name);
            else
                put(e->out, "            { (void *)(uintptr_t)%s, %s },\n", a->name,
                    a->length_name);
        }
        put(e->out, "        };\n");
    }
    if (m->cap_count > 0) {
        put(e->out, "        struct capref _caps[] = {\n");
        for (size_t c = 0; c < m->cap_count; c++)
            put(e->out, "            _cap%zu,\n", c);
        put(e->out, "        };\n");
    }
    if (m->argument_count > 0) {
        const struct idl_argument **fixed =
            idl_arena_alloc(e->arena, (m->argument_count + 1) * sizeof(*fixed));
        size_t count = 0;
        for (size_t i = 0; i < m->argument_count; i++)
            if (m->arguments[i]->kind == IDL_ARGUMENT_SCALAR &&
                !idl_is_cap(m->arguments[i]->type.type))
                fixed[count++] = m->arguments[i];
        put(e->out, "        const struct flounder_rx _rx = { %s, %s };\n",
            m->stream_count > 0 ? "_streams" : "NULL", m->cap_count > 0 ? "_caps" : "NULL");
        idl_put_names(e,
                      idl_arena_printf(e->arena, "        %s_%s__store_results(_rpc->results, &_rx",
                                       e->name, m->source->name),
                      fixed, count);
        put(e->out, ");\n");
    }
    put(e->out, "        flounder_rpc_complete(_peer, _rpc);\n"
                "        return flounder_local_sent(_peer, _cont);\n    }\n");
}

/* The number of an argument that is a capability. */
static size_t cap_of(const struct idl_wire_message *m, const struct idl_argument *a)
{
    size_t cap = 0;
    while (m->caps[cap].argument != a)
        cap++;
    return cap;
}

static void gen_send(struct idl_emit *e, const struct idl_wire_message *m)
{
    bool plain = m->kind == IDL_WIRE_MESSAGE;
    put(e->out, "/* %s: calls the peer's handler. */\nstatic ", idl_gen_sends(e, m));
    idl_gen_send_head(e, m, idl_arena_printf(e->arena, "%s_%s__local_send", e->name, m->name),
                      !plain);
    put(e->out, ")\n{\n");
    gen_size_checks(e, m);
    put(e->out,
        "    errval_t _err = SYS_ERR_OK;\n"
        "    struct flounder_binding *_peer = flounder_local_begin(&_binding->flounder, &_err);\n"
        "    if (_peer == NULL)\n        return _err;\n");
    for (size_t c = 0; c < m->cap_count; c++)
        put(e->out, "    const struct capref _cap%zu = flounder_local_cap(%s, %s);\n", c,
            m->caps[c].name, m->caps[c].give_away ? "true" : "false");
    for (size_t c = 0; c < m->cap_count; c++)
        if (m->caps[c].path[0] != '\0')
            put(e->out, "    %s = _cap%zu;\n", m->caps[c].name, c);
    if (m->kind == IDL_WIRE_RESPONSE)
        gen_reply(e, m);
    put(e->out, "    %s_%s__handle(_peer->binding", e->name, m->name);
    if (m->kind == IDL_WIRE_CALL)
        put(e->out, ", _token");
    for (size_t i = 0; i < m->argument_count; i++) {
        const struct idl_argument *a = m->arguments[i];
        if (a->kind == IDL_ARGUMENT_STRING)
            put(e->out, ", flounder_local_data(%s)", a->name);
        else if (a->kind == IDL_ARGUMENT_ARRAY)
            put(e->out, ", flounder_local_data(%s), %s", a->name, a->length_name);
        else if (idl_is_cap(a->type.type))
            put(e->out, ", _cap%zu", cap_of(m, a));
        else
            put(e->out, ", %s", a->name);
    }
    put(e->out, ");\n    return flounder_local_sent(_peer, _cont);\n}\n\n");
}

static void gen_tables(struct idl_emit *e)
{
    bool any = false;
    put(e->out,
        "/* What a binding is given to send with. */\nstatic const struct %s_tx_vtbl "
        "%s__local_tx_vtbl = {\n",
        e->name, e->name);
    for (size_t i = 0; i < e->plan->message_count; i++) {
        const struct idl_wire_message *m = &e->plan->messages[i];
        put(e->out, "    .%s = %s_%s__%ssend,\n", m->name, e->name, m->name,
            m->kind == IDL_WIRE_MESSAGE ? "local_" : "");
    }
    put(e->out,
        "};\n\n/* The halves of remote procedures, with their token. */\nstatic const struct "
        "%s_token_vtbl %s__local_token_vtbl = {\n",
        e->name, e->name);
    for (size_t i = 0; i < e->plan->message_count; i++) {
        const struct idl_wire_message *m = &e->plan->messages[i];
        any |= m->kind != IDL_WIRE_MESSAGE;
        if (m->kind != IDL_WIRE_MESSAGE)
            put(e->out, "    .%s = %s_%s__local_send,\n", m->name, e->name, m->name);
    }
    if (!any)
        put(e->out, "    ._none = NULL,\n");
    put(e->out, "};\n\n");
}

void idl_gen_local_stubs(struct idl_emit *e)
{
    const char *n = e->name;
    put(e->out, "/* ---- within a dispatcher (local) ---- */\n\n");
    for (size_t i = 0; i < e->plan->message_count; i++)
        gen_send(e, &e->plan->messages[i]);
    gen_tables(e);
    put(e->out,
        "/* Makes a binding of the memory, whatever that held. */\n"
        "static struct flounder_binding *%s__local_setup(void *_memory, struct waitset *_ws)\n{\n"
        "    struct %s_local_binding *_b = _memory;\n\n"
        "    memset(_b, 0, sizeof(*_b));\n"
        "    %s__init(&_b->b, NULL, FLOUNDER_LOCAL, &flounder_local_transport, &_b->chan, _ws);\n"
        "    _b->b.tx_vtbl = %s__local_tx_vtbl;\n"
        "    _b->b.token_vtbl = &%s__local_token_vtbl;\n"
        "    return &_b->b.flounder;\n}\n\n",
        n, n, n, n, n);
    put(e->out,
        "/* Makes two bindings that call each other. */\n"
        "void %s_local_connect(struct %s_local_binding *a, struct %s_local_binding *b,\n"
        "    struct waitset *ws)\n{\n"
        "    flounder_local_connect(%s__local_setup(a, ws), %s__local_setup(b, ws));\n}\n\n",
        n, n, n, n, n);
}
