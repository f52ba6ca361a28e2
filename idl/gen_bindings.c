/* SPDX-License-Identifier: MIT
 *
 * NAME_flounder_bindings.c: the parts that exist once for an interface, and the order of all parts.
 *
 * Most functions here only give a library function its interface's types.  Must write everything
 * before its first use; there are no forward declarations but those of tables.
 */
#include <string.h>

#include "gen.h"
#include "resolve.h"

/* ---- packed elements of arrays ---- */

static const char *stream_name(struct idl_emit *e, const struct idl_wire_message *m,
                               const struct idl_stream *s)
{
    return idl_arena_printf(e->arena, "%s_%s__%s", e->name, m->name, s->argument->name);
}

/* The leaf of the element that _e points to. */
static const char *element_leaf(struct idl_emit *e, const struct idl_leaf *leaf)
{
    if (leaf->path[0] == '.')
        return idl_arena_printf(e->arena, "_e->%s", leaf->path + 1);
    return idl_arena_printf(e->arena, leaf->path[0] == '[' ? "(*_e)%s" : "*_e%s", leaf->path);
}

static void gen_pack_functions(struct idl_emit *e, const struct idl_wire_message *m,
                               const struct idl_stream *s)
{
    const char *name = stream_name(e, m, s);
    const char *type = idl_c_type(e->arena, e->plan->interface, s->argument->type.type);
    /* a pointer to an array of constants takes no other pointer by itself before C23 */
    const char *cast = idl_base_type(s->argument->type.type)->kind == IDL_TYPE_ARRAY
                           ? idl_arena_printf(e->arena, "(const %s *)", type)
                           : "";
    put(e->out,
        "/* Packs an element of %s, an argument of %s. */\n"
        "static void %s_pack(const void *_element, uint64_t *_words)\n{\n"
        "    const %s *_e = %s_element;\n\n",
        s->argument->name, m->name, name, type, cast);
    for (unsigned w = 0; w < s->element_words; w++) {
        bool first = true;
        put(e->out, "    _words[%u] =", w);
        for (size_t i = 0; i < s->element_leaf_count; i++) {
            const struct idl_leaf *leaf = &s->element_leaves[i];
            if (leaf->spot[0].word != w)
                continue;
            put(e->out, " %s%s", first ? "" : "| ", idl_pack(e, leaf, element_leaf(e, leaf)));
            if (leaf->spot[0].shift > 0)
                put(e->out, " << %u", leaf->spot[0].shift);
            first = false;
        }
        put(e->out, ";\n");
    }
    put(e->out,
        "}\n\n/* Unpacks an element of %s. */\n"
        "static void %s_unpack(void *_element, const uint64_t *_words)\n{\n"
        "    %s *_e = _element;\n\n",
        s->argument->name, name, type);
    for (size_t i = 0; i < s->element_leaf_count; i++) {
        const struct idl_leaf *leaf = &s->element_leaves[i];
        put(e->out, "    %s = %s;\n", element_leaf(e, leaf),
            idl_unpack(e, leaf, idl_arena_printf(e->arena, "_words[%u]", leaf->spot[0].word),
                       leaf->spot[0].shift));
    }
    put(e->out, "}\n\n");
}

static void gen_stream_plans(struct idl_emit *e, const struct idl_wire_message *m)
{
    for (size_t i = 0; i < m->stream_count; i++)
        if (m->streams[i].kind == IDL_STREAM_PACKED)
            gen_pack_functions(e, m, &m->streams[i]);
    if (m->stream_count == 0)
        return;
    put(e->out,
        "/* Strings and arrays of %s. */\n"
        "static const struct flounder_stream_plan %s_%s__streams[] = {\n",
        m->name, e->name, m->name);
    for (size_t i = 0; i < m->stream_count; i++) {
        const struct idl_stream *s = &m->streams[i];
        put(e->out, "    { .kind = %s,\n      .max = %s__%s_%s_MAX_ARGUMENT_SIZE,\n",
            s->kind == IDL_STREAM_PACKED ? "FLOUNDER_PACKED" : "FLOUNDER_PLAIN", e->name, m->name,
            s->argument->name);
        if (s->kind == IDL_STREAM_STRING)
            put(e->out, "      .element_bytes = 1");
        else
            put(e->out, "      .element_bytes = sizeof(%s)",
                idl_c_type(e->arena, e->plan->interface, s->argument->type.type));
        if (s->kind == IDL_STREAM_PACKED)
            put(e->out,
                ",\n      .element_words = %u,\n      .pack = %s_pack,\n      .unpack = %s_unpack",
                s->element_words, stream_name(e, m, s), stream_name(e, m, s));
        put(e->out, " },\n");
    }
    put(e->out, "};\n\n");
}

/* ---- handlers ---- */

/* IF_M__handle: the program's handler for an arrived message. */
static void gen_handle(struct idl_emit *e, const struct idl_wire_message *m)
{
    bool call = m->kind == IDL_WIRE_CALL;
    put(e->out, "/* Gives %s to the program. */\n", m->name);
    idl_put_parameters(e,
                       idl_arena_printf(e->arena,
                                        "static void %s_%s__handle(struct %s_binding *_binding%s",
                                        e->name, m->name, e->name, call ? ", uint32_t _token" : ""),
                       m->arguments, m->argument_count, IDL_VIEW_IN);
    put(e->out, ")\n{\n    %s_%s__rx_method_fn *_handler = _binding->rx_vtbl.%s;\n", e->name,
        m->name, m->name);
    put(e->out, "    if (_handler == NULL)\n        _handler = _binding->message_rx_vtbl.%s;\n",
        m->name);
    if (call) {
        put(e->out, "    if (_handler == NULL && _binding->rpc_rx_vtbl.%s != NULL) {\n", m->name);
        idl_put_names(e,
                      idl_arena_printf(e->arena, "        %s_%s__serve(_binding, _token", e->name,
                                       m->source->name),
                      m->arguments, m->argument_count);
        put(e->out, ");\n        return;\n    }\n");
    }
    put(e->out,
        "    if (_handler == NULL) {\n"
        "        flounder_no_handler(&_binding->flounder, \"%s.%s\");\n"
        "        return;\n    }\n",
        e->name, m->name);
    if (call)
        put(e->out, "    const uint32_t _outer_token = _binding->incoming_token;\n"
                    "    _binding->incoming_token = _token;\n");
    idl_put_names(e, "    _handler(_binding", m->arguments, m->argument_count);
    put(e->out, ");\n");
    if (call)
        put(e->out, "    /* a handler below us on the stack still has to answer its own call */\n"
                    "    if (_binding->flounder.depth > 2)\n"
                    "        _binding->incoming_token = _outer_token;\n");
    put(e->out, "}\n\n");
}

/* ---- the binding ---- */

static void gen_members(struct idl_emit *e)
{
    const char *n = e->name;
    put(e->out,
        "/* Is no message on its way? */\n"
        "static bool %s__can_send(struct %s_binding *b)\n{\n"
        "    return flounder_can_send(&b->flounder);\n}\n\n",
        n, n);
    put(e->out,
        "/* Runs cont when the next message can be sent. */\n"
        "static errval_t %s__register_send(struct %s_binding *b, struct waitset *ws,\n"
        "    struct event_closure cont)\n{\n"
        "    return flounder_register_send(&b->flounder, ws, cont);\n}\n\n",
        n, n);
    put(e->out,
        "/* Takes the events of the binding to another waitset. */\n"
        "static errval_t %s__change_waitset(struct %s_binding *b, struct waitset *ws)\n{\n"
        "    errval_t err = flounder_change_waitset(&b->flounder, ws);\n"
        "    if (err_is_ok(err))\n        b->waitset = ws;\n    return err;\n}\n\n",
        n, n);
    put(e->out,
        "/* Closes the binding, or sets how it sends. */\n"
        "static errval_t %s__control(struct %s_binding *b, idc_control_t control)\n{\n"
        "    return flounder_control(&b->flounder, control);\n}\n\n",
        n, n);
    put(e->out,
        "/* The error handler of programs that set none. */\n"
        "static void %s__default_error(struct %s_binding *b, errval_t err)\n{\n"
        "    flounder_default_error(&b->flounder, err);\n}\n\n",
        n, n);
    put(e->out,
        "/* The library receives by itself: nothing is left to do. */\n"
        "static errval_t %s__receive_next(struct %s_binding *b)\n{\n"
        "    (void)b;\n    return SYS_ERR_OK;\n}\n\n",
        n, n);
    put(e->out,
        "/* Where the next message will be noticed. */\n"
        "static struct waitset_chanstate *%s__receiving_chanstate(struct %s_binding *b)\n{\n"
        "    return flounder_receiving_chanstate(&b->flounder);\n}\n\n",
        n, n);
}

static void gen_init(struct idl_emit *e)
{
    const char *n = e->name;
    put(e->out, "static const struct flounder_interface %s__interface;\n\n", n);
    put(e->out,
        "/* Sets up what does not depend on the channel; the memory is zero. */\n"
        "static void %s__init(struct %s_binding *b, const struct flounder_message_plan *plan,\n"
        "    enum flounder_channel kind, const struct flounder_transport *transport, void "
        "*channel,\n"
        "    struct waitset *ws)\n{\n"
        "    b->waitset = ws;\n"
        "    event_mutex_init(&b->mutex, ws);\n"
        "    b->can_send = %s__can_send;\n"
        "    b->register_send = %s__register_send;\n"
        "    b->change_waitset = %s__change_waitset;\n"
        "    b->control = %s__control;\n"
        "    b->error_handler = %s__default_error;\n"
        "    b->receive_next = %s__receive_next;\n"
        "    b->get_receiving_chanstate = %s__receiving_chanstate;\n"
        "    b->flounder.tx_words = b->tx_words;\n"
        "    b->flounder.tx_stream = b->tx_stream;\n"
        "    b->flounder.tx_cap = b->tx_cap;\n"
        "    b->flounder.rx_words = b->rx_words;\n"
        "    b->flounder.rx_stream = b->rx_stream;\n"
        "    b->flounder.rx_cap = b->rx_cap;\n"
        "    flounder_binding_init(&b->flounder, &%s__interface, plan, kind, transport, b, "
        "channel,\n        ws);\n}\n\n",
        n, n, n, n, n, n, n, n, n, n);
}

void idl_gen_entry_head(struct idl_emit *e, enum idl_entry entry)
{
    const char *n = e->name;
    switch (entry) {
    case IDL_EXPORT:
        put(e->out,
            "errval_t %s_export(void *st, idc_export_callback_fn *export_cb, %s_connect_fn "
            "*connect_cb,\n    struct waitset *ws, idc_export_flags_t flags)",
            n, n);
        break;
    case IDL_BIND:
        put(e->out,
            "errval_t %s_bind(iref_t iref, %s_bind_continuation_fn *cont, void *st, struct waitset "
            "*ws,\n    idc_bind_flags_t flags)",
            n, n);
        break;
    case IDL_ACCEPT:
        put(e->out,
            "errval_t %s_accept(struct %s_frameinfo *frameinfo, void *st, %s_bind_continuation_fn "
            "*cont,\n    struct waitset *ws, idc_export_flags_t flags)",
            n, n, n);
        break;
    case IDL_CONNECT:
        put(e->out,
            "errval_t %s_connect(struct %s_frameinfo *frameinfo, %s_bind_continuation_fn *cont, "
            "void *st,\n    struct waitset *ws, idc_bind_flags_t flags)",
            n, n, n);
        break;
    case IDL_CREATE_ENDPOINT:
        put(e->out,
            "errval_t %s_create_endpoint(idc_endpoint_t type, struct %s_rx_vtbl *rx_vtbl, void "
            "*st,\n    struct waitset *ws, idc_endpoint_flags_t flags, struct %s_binding **ret,\n"
            "    struct capref ep)",
            n, n, n);
        break;
    case IDL_BIND_TO_ENDPOINT:
        put(e->out,
            "errval_t %s_bind_to_endpoint(struct capref ep, %s_bind_continuation_fn *cont, void "
            "*st,\n    struct waitset *ws, idc_bind_flags_t flags)",
            n, n);
        break;
    }
}

/* Begins the function, with what it does. */
static void gen_entry(struct idl_emit *e, enum idl_entry entry, const char *does)
{
    put(e->out, "/* %s. */\n", does);
    idl_gen_entry_head(e, entry);
    put(e->out, "\n{\n");
}

static void gen_interface(struct idl_emit *e)
{
    const char *n = e->name;
    put(e->out, "/* ---- bind and export ---- */\n\n");
    put(e->out,
        "/* Tells who called bind the outcome. */\n"
        "static void %s__call_bound(flounder_any_fn *fn, void *st, errval_t err,\n"
        "    struct flounder_binding *c)\n{\n"
        "    ((%s_bind_continuation_fn *)fn)(st, err, c == NULL ? NULL : c->binding);\n}\n\n",
        n, n);
    put(e->out,
        "/* Shows the program a new client; it may refuse. */\n"
        "static errval_t %s__call_connected(flounder_any_fn *fn, void *st,\n"
        "    struct flounder_binding *c)\n{\n"
        "    return ((%s_connect_fn *)fn)(st, c->binding);\n}\n\n",
        n, n);
    put(e->out,
        "/* Tells the program of an error; false if it does not want to know. */\n"
        "static bool %s__call_error(struct flounder_binding *c, errval_t err)\n{\n"
        "    struct %s_binding *b = c->binding;\n\n"
        "    if (b->error_handler == NULL)\n        return false;\n"
        "    b->error_handler(b, err);\n    return true;\n}\n\n",
        n, n);
    put(e->out,
        "/* What the library must know of the interface. */\nstatic const struct "
        "flounder_interface %s__interface = {\n    .name = \"%s\",\n",
        n, n);
    put(e->out, "    .messages = %zu,\n", e->plan->message_count);
    put(e->out,
        "    .call_bound = %s__call_bound,\n    .call_connected = %s__call_connected,\n"
        "    .call_error = %s__call_error,\n};\n\n",
        n, n, n);
    put(e->out,
        "/* The interface over every kind of channel. */\nstatic const struct flounder_backends "
        "%s__backends = {\n    .interface = &%s__interface,\n",
        n, n);
    for (int b = 0; b < IDL_BACKENDS; b++)
        put(e->out, "    .binding_bytes[%s] = sizeof(struct %s_%s_binding),\n",
            idl_backends[b].constant, n, idl_backends[b].name);
    for (int b = 0; b < IDL_BACKENDS; b++)
        put(e->out, "    .init[%s] = %s__%s_setup,\n", idl_backends[b].constant, n,
            idl_backends[b].name);
    put(e->out,
        "    .binding_bytes[FLOUNDER_LOCAL] = sizeof(struct %s_local_binding),\n"
        "    .init[FLOUNDER_LOCAL] = %s__local_setup,\n};\n\n",
        n, n);
    gen_entry(e, IDL_BIND, "Connects to who exported the interface");
    put(e->out,
        "    return flounder_bind(&%s__backends, iref, (flounder_any_fn *)cont, st, ws, "
        "flags);\n}\n\n",
        n);
    gen_entry(e, IDL_EXPORT, "Offers the interface to clients");
    put(e->out,
        "    return flounder_export(&%s__backends, st, export_cb, (flounder_any_fn "
        "*)connect_cb, ws,\n"
        "        flags);\n}\n",
        n);
}

static void gen_over_frame(struct idl_emit *e, const char *greets)
{
    put(e->out,
        "    const struct flounder_frameinfo frame = %s__frame(frameinfo);\n"
        "    (void)flags;\n"
        "    return flounder_over_frame(&%s__backends, &frame, %s, (flounder_any_fn *)cont, st, "
        "ws);\n}\n\n",
        e->name, e->name, greets);
}

static void gen_handshakes(struct idl_emit *e)
{
    const char *n = e->name;
    put(e->out,
        "\n/* The frame as the library describes it. */\nstatic struct flounder_frameinfo "
        "%s__frame(const "
        "struct %s_frameinfo *frameinfo)\n{\n"
        "    return (struct flounder_frameinfo){\n"
        "        .inbuf = frameinfo->inbuf,\n        .inbufsize = frameinfo->inbufsize,\n"
        "        .outbuf = frameinfo->outbuf,\n        .outbufsize = frameinfo->outbufsize,\n"
        "    };\n}\n\n",
        n, n);
    gen_entry(e, IDL_ACCEPT, "Waits for the peer at a frame");
    gen_over_frame(e, "false");
    gen_entry(e, IDL_CONNECT, "Greets the peer who waits at a frame");
    gen_over_frame(e, "true");
    gen_entry(e, IDL_CREATE_ENDPOINT, "Makes an endpoint through which one client can bind");
    put(e->out,
        "    struct flounder_binding *c;\n"
        "    (void)flags;\n"
        "    if (type != IDC_ENDPOINT_LMP)\n        return LIB_ERR_NOT_IMPLEMENTED;\n"
        "    errval_t err = flounder_create_endpoint(&%s__backends, ws, ep, &c);\n"
        "    if (err_is_fail(err))\n        return err;\n"
        "    *ret = c->binding;\n"
        "    (*ret)->st = st;\n"
        "    if (rx_vtbl != NULL)\n        (*ret)->rx_vtbl = *rx_vtbl;\n"
        "    return SYS_ERR_OK;\n}\n\n",
        n);
    gen_entry(e, IDL_BIND_TO_ENDPOINT, "Connects to who made the endpoint");
    put(e->out,
        "    (void)flags;\n"
        "    return flounder_bind_to_endpoint(&%s__backends, ep, (flounder_any_fn *)cont, st, "
        "ws);\n}\n",
        n);
}

/* Names of the messages, and the lines they take over UMP, as text in a section that is not loaded:
 * for whoever watches channels from outside. */
static void gen_names(struct idl_emit *e)
{
    put(e->out,
        "/* ---- names, for who watches channels ---- */\n\n/* clang-format off */\n"
        "__asm__(\".pushsection .idl.messages,\\\"\\\",@progbits\\n\"\n"
        "        \".ascii \\\"interface %s\\\\n\\\"\\n\"\n",
        e->name);
    for (size_t i = 0; i < e->plan->message_count; i++) {
        const struct idl_wire_message *m = &e->plan->messages[i];
        put(e->out, "        \".ascii \\\"message %u %s %u", m->number, m->name,
            m->fixed_fragments[IDL_UMP]);
        for (size_t k = 0; k < m->stream_count; k++) {
            const struct idl_stream *s = &m->streams[k];
            if (s->kind == IDL_STREAM_PACKED)
                put(e->out, " p%u", s->element_words);
            else if (s->kind == IDL_STREAM_ELEMENTS)
                put(e->out, " e%u",
                    idl_builtins[idl_base_type(s->argument->type.type)->builtin].c_bits / 8u);
            else
                put(e->out, " b");
        }
        put(e->out, "\\\\n\\\"\\n\"\n");
    }
    put(e->out, "        \".popsection\");\n/* clang-format on */\n");
}

void idl_gen_bindings(struct idl_emit *e)
{
    const struct idl_plan *plan = e->plan;
    idl_gen_banner(e, " * Stubs: see <flounder/flounder.h> for what they rest on.\n *\n");
    put(e->out, "#include <stdlib.h>\n#include <string.h>\n\n#include <if/%s_defs.h>\n\n", e->name);
    for (size_t i = 0; i < plan->message_count; i++)
        gen_stream_plans(e, &plan->messages[i]);
    idl_gen_rpc(e);
    put(e->out, "/* ---- handlers ---- */\n\n");
    for (size_t i = 0; i < plan->message_count; i++)
        gen_handle(e, &plan->messages[i]);
    put(e->out, "/* ---- members of a binding ---- */\n\n");
    gen_members(e);
    gen_init(e);
    for (int b = 0; b < IDL_BACKENDS; b++)
        idl_gen_channel_stubs(e, &idl_backends[b]);
    idl_gen_local_stubs(e);
    gen_interface(e);
    gen_handshakes(e);
    gen_names(e);
}
