/* SPDX-License-Identifier: MIT
 *
 * The part of NAME_flounder_bindings.c that turns pairs of messages into procedures.
 *
 * For each rpc X: X__store_results copies an arrived response to the caller's pointers; X__rpc is
 * the function in rpc_tx_vtbl; X__serve runs the function in rpc_rx_vtbl and sends its results; and
 * the two send functions of tx_vtbl choose the token.  Must not touch results after
 * flounder_rpc_complete: they lie on the caller's stack.
 */
#include <string.h>

#include "gen.h"
#include "resolve.h"

struct rpc {
    const struct idl_message *message;
    const struct idl_wire_message *call, *response;
    const struct idl_argument **arguments; /* all, in order */
    size_t count;
};

static bool is_fixed_array(const struct idl_argument *a)
{
    return idl_base_type(a->type.type)->kind == IDL_TYPE_ARRAY;
}

static bool is_single(const struct idl_argument *a)
{
    const struct idl_type *base = idl_base_type(a->type.type);
    return base->kind == IDL_TYPE_ENUM || base->kind == IDL_TYPE_BUILTIN;
}

/* ---- client ---- */

static void gen_results_struct(struct idl_emit *e, const struct rpc *r)
{
    if (r->response->argument_count == 0)
        return;
    put(e->out, "/* Where a caller of %s wants its results. */\nstruct %s_%s__results {\n",
        r->message->name, e->name, r->message->name);
    for (size_t i = 0; i < r->response->argument_count; i++) {
        const struct idl_argument *a = r->response->arguments[i];
        if (a->kind == IDL_ARGUMENT_STRING)
            put(e->out, "    char *%s;\n", a->name);
        else
            put(e->out, "    %s *%s;\n", idl_c_type(e->arena, e->plan->interface, a->type.type),
                a->name);
        if (a->kind == IDL_ARGUMENT_ARRAY)
            put(e->out, "    size_t *%s;\n", a->length_name);
    }
    put(e->out, "};\n\n");
}

/* Before the structs, in which the caller's slots are. */
static void store_caps(struct idl_emit *e, const struct idl_wire_message *m)
{
    for (size_t c = 0; c < m->cap_count; c++) {
        const char *argument = m->caps[c].argument->name, *path = m->caps[c].path;
        if (path[0] == '\0')
            put(e->out, "    flounder_result_cap(_out->%s, _rx->cap[%zu]);\n", argument, c);
        else
            put(e->out,
                "    flounder_result_cap(&_out->%s->%s, _rx->cap[%zu]);\n"
                "    %s = _out->%s->%s;\n",
                argument, path + 1, c, m->caps[c].name, argument, path + 1);
    }
}

static void gen_store_results(struct idl_emit *e, const struct rpc *r)
{
    const struct idl_wire_message *m = r->response;
    if (m->argument_count == 0)
        return;
    const struct idl_argument **fixed =
        idl_arena_alloc(e->arena, (m->argument_count + 1) * sizeof(*fixed));
    size_t fixed_count = 0, stream = 0;
    for (size_t i = 0; i < m->argument_count; i++)
        if (m->arguments[i]->kind == IDL_ARGUMENT_SCALAR && !idl_is_cap(m->arguments[i]->type.type))
            fixed[fixed_count++] = m->arguments[i];
    put(e->out, "/* Puts the results of %s where its caller wants them. */\n", r->message->name);
    idl_put_parameters(
        e,
        idl_arena_printf(e->arena,
                         "static void %s_%s__store_results(const struct %s_%s__results *_out,\n"
                         "    const struct flounder_rx *_rx",
                         e->name, r->message->name, e->name, r->message->name),
        fixed, fixed_count, IDL_VIEW_IN);
    put(e->out, ")\n{\n");
    if (m->stream_count == 0 && m->cap_count == 0)
        put(e->out, "    (void)_rx;\n");
    store_caps(e, m);
    for (size_t i = 0; i < m->argument_count; i++) {
        const struct idl_argument *a = m->arguments[i];
        if (a->kind == IDL_ARGUMENT_STRING)
            put(e->out,
                "    flounder_result_string(_out->%s, %s__%s_%s_MAX_ARGUMENT_SIZE,\n"
                "        &_rx->stream[%zu]);\n",
                a->name, e->name, m->name, a->name, stream++);
        else if (a->kind == IDL_ARGUMENT_ARRAY)
            put(e->out,
                "    flounder_result_array(_out->%s, _out->%s, sizeof(%s),\n"
                "        &_rx->stream[%zu]);\n",
                a->name, a->length_name, idl_c_type(e->arena, e->plan->interface, a->type.type),
                stream++);
        else if (idl_is_cap(a->type.type))
            ; /* below */
        else if (is_fixed_array(a))
            put(e->out,
                "    if (_out->%s != NULL)\n        memcpy(*_out->%s, %s, sizeof(*_out->%s));\n",
                a->name, a->name, a->name, a->name);
        else
            put(e->out, "    if (_out->%s != NULL)\n        *_out->%s = %s;\n", a->name, a->name,
                a->name);
    }
    put(e->out, "}\n\n");
}

static void gen_client(struct idl_emit *e, const struct rpc *r)
{
    const char *name = r->message->name;
    put(e->out, "/* Calls %s and waits for its results. */\n", name);
    idl_put_parameters(e,
                       idl_arena_printf(e->arena,
                                        "static errval_t %s_%s__rpc(struct %s_binding *_binding",
                                        e->name, name, e->name),
                       r->arguments, r->count, IDL_VIEW_RPC);
    put(e->out, ")\n{\n    struct flounder_binding *_c = &_binding->flounder;\n");
    bool results = r->response->argument_count > 0;
    if (results) {
        put(e->out, "    struct %s_%s__results _results = {\n", e->name, name);
        for (size_t i = 0; i < r->response->argument_count; i++) {
            const struct idl_argument *a = r->response->arguments[i];
            put(e->out, "        .%s = %s,\n", a->name, a->name);
            if (a->kind == IDL_ARGUMENT_ARRAY)
                put(e->out, "        .%s = %s,\n", a->length_name, a->length_name);
        }
        put(e->out, "    };\n");
    }
    put(e->out, "    struct flounder_rpc _rpc;\n    errval_t _err;\n\n");
    put(e->out,
        "    const uint32_t _token = flounder_rpc_begin(_c, &_rpc, %s_%s_response__msgnum, %s);\n",
        e->name, name, results ? "&_results" : "NULL");
    put(e->out, "    if (_token == 0)\n        return FLOUNDER_ERR_RPC_NESTED;\n    do {\n");
    idl_put_names(e,
                  idl_arena_printf(e->arena,
                                   "        _err = _binding->token_vtbl->%s_call(_binding, "
                                   "BLOCKING_CONT, _token",
                                   name),
                  r->call->arguments, r->call->argument_count);
    put(e->out, ");\n    } while (flounder_tx_again(_c, &_err));\n"
                "    return flounder_rpc_end(_c, &_rpc, _err);\n}\n\n");
}

/* ---- server ---- */

static void gen_result_variables(struct idl_emit *e, const struct rpc *r)
{
    for (size_t i = 0; i < r->response->argument_count; i++) {
        const struct idl_argument *a = r->response->arguments[i];
        const char *limit = idl_arena_printf(e->arena, "%s__%s_%s_MAX_ARGUMENT_SIZE", e->name,
                                             r->response->name, a->name);
        if (a->kind == IDL_ARGUMENT_STRING) {
            put(e->out, "    char *%s = flounder_result_buffer(%s);\n", a->name, limit);
            continue;
        }
        const char *type = idl_c_type(e->arena, e->plan->interface, a->type.type);
        if (a->kind == IDL_ARGUMENT_ARRAY)
            put(e->out,
                "    %s *%s = flounder_result_buffer(%s * sizeof(%s));\n    size_t %s = 0;\n", type,
                a->name, limit, type, a->length_name);
        else if (idl_is_cap(a->type.type))
            put(e->out, "    struct capref %s = NULL_CAP;\n", a->name);
        else if (is_single(a))
            put(e->out, "    %s %s = 0;\n", type, a->name);
        else
            put(e->out, "    %s %s = { 0 };\n", type, a->name);
    }
}

static void gen_server(struct idl_emit *e, const struct rpc *r)
{
    const char *name = r->message->name;
    put(e->out, "/* Runs the program's %s and sends the results. */\n", name);
    idl_put_parameters(
        e,
        idl_arena_printf(e->arena,
                         "static void %s_%s__serve(struct %s_binding *_binding, uint32_t _token",
                         e->name, name, e->name),
        r->call->arguments, r->call->argument_count, IDL_VIEW_IN);
    put(e->out, ")\n{\n    struct flounder_binding *_c = &_binding->flounder;\n");
    gen_result_variables(e, r);
    put(e->out, "\n    errval_t _err = _binding->rpc_rx_vtbl.%s_call(_binding", name);
    for (size_t i = 0; i < r->count; i++) {
        const struct idl_argument *a = r->arguments[i];
        bool out = a->direction == IDL_OUT;
        put(e->out, ", %s%s", out && a->kind == IDL_ARGUMENT_SCALAR ? "&" : "", a->name);
        if (a->kind == IDL_ARGUMENT_ARRAY)
            put(e->out, ", %s%s", out ? "&" : "", a->length_name);
    }
    put(e->out, ");\n    if (err_is_ok(_err)) {\n        do {\n");
    idl_put_names(e,
                  idl_arena_printf(e->arena,
                                   "            _err = _binding->token_vtbl->%s_response(_binding, "
                                   "BLOCKING_CONT,\n                _token & ~UINT32_C(1)",
                                   name),
                  r->response->arguments, r->response->argument_count);
    put(e->out, ");\n        } while (flounder_tx_again(_c, &_err));\n    }\n"
                "    if (err_is_fail(_err))\n        flounder_fail(_c, _err);\n");
    for (size_t i = 0; i < r->response->argument_count; i++)
        if (r->response->arguments[i]->kind != IDL_ARGUMENT_SCALAR)
            put(e->out, "    flounder_result_free(%s);\n", r->response->arguments[i]->name);
    put(e->out, "}\n\n");
}

static void gen_send_functions(struct idl_emit *e, const struct rpc *r)
{
    const struct idl_wire_message *halves[] = { r->call, r->response };
    for (int i = 0; i < 2; i++) {
        const struct idl_wire_message *m = halves[i];
        put(e->out, "/* %s%s. */\nstatic ", idl_gen_sends(e, m),
            i == 0 ? ", with a new token" : ": the one that incoming_token names");
        idl_gen_send_head(e, m, idl_arena_printf(e->arena, "%s_%s__send", e->name, m->name), false);
        put(e->out, ")\n{\n");
        if (i == 0)
            put(e->out,
                "    _binding->outgoing_token = flounder_new_token(&_binding->flounder);\n");
        idl_put_names(
            e,
            idl_arena_printf(
                e->arena, "    return _binding->token_vtbl->%s(_binding, _cont, %s", m->name,
                i == 0 ? "_binding->outgoing_token" : "_binding->incoming_token & ~UINT32_C(1)"),
            m->arguments, m->argument_count);
        put(e->out, ");\n}\n\n");
    }
}

/* ---- the older style ---- */

static bool is_buffer(const struct idl_argument *a)
{
    return a->direction == IDL_OUT && a->kind != IDL_ARGUMENT_SCALAR;
}

static void gen_old_call(struct idl_emit *e, const struct rpc *r)
{
    const char *name = r->message->name;
    bool buffers = false;
    put(e->out, "/* Calls %s in the older style. */\n", name);
    idl_put_parameters(e,
                       idl_arena_printf(e->arena,
                                        "static errval_t %s_%s__old_rpc(struct %s_rpc_client *_rpc",
                                        e->name, name, e->name),
                       r->arguments, r->count, IDL_VIEW_OLD);
    put(e->out, ")\n{\n");
    for (size_t i = 0; i < r->count; i++) {
        const struct idl_argument *a = r->arguments[i];
        if (!is_buffer(a))
            continue;
        const char *size = idl_arena_printf(e->arena, "%s__%s_%s_MAX_ARGUMENT_SIZE", e->name,
                                            r->response->name, a->name);
        buffers = true;
        if (a->kind == IDL_ARGUMENT_STRING)
            put(e->out, "    *%s = flounder_result_buffer(%s);\n", a->name, size);
        else
            put(e->out, "    *%s = flounder_result_buffer(%s * sizeof(**%s));\n", a->name, size,
                a->name);
    }
    put(e->out, "    %s %s_%s__rpc(_rpc->b", buffers ? "errval_t _err =" : "return", e->name, name);
    for (size_t i = 0; i < r->count; i++) {
        const struct idl_argument *a = r->arguments[i];
        put(e->out, ", %s%s", is_buffer(a) ? "*" : "", a->name);
        if (a->kind == IDL_ARGUMENT_ARRAY)
            put(e->out, ", %s", a->length_name);
    }
    put(e->out, ");\n");
    if (buffers) {
        put(e->out, "    if (err_is_fail(_err)) {\n");
        for (size_t i = 0; i < r->count; i++)
            if (is_buffer(r->arguments[i]))
                put(e->out, "        flounder_result_free(*%s);\n        *%s = NULL;\n",
                    r->arguments[i]->name, r->arguments[i]->name);
        put(e->out, "    }\n    return _err;\n");
    }
    put(e->out, "}\n\n");
}

static void gen_attach(struct idl_emit *e)
{
    const char *n = e->name;
    put(e->out,
        "/* Makes rpc->vtbl usable. */\nerrval_t %s_rpc_client_attach(struct %s_rpc_client *rpc, "
        "struct %s_binding *b)\n{\n"
        "    %s_rpc_client_init(b);\n    rpc->b = b;\n",
        n, n, n, n);
    for (const struct idl_message *m = e->plan->interface->messages; m != NULL; m = m->next)
        if (m->kind == IDL_RPC)
            put(e->out, "    rpc->vtbl.%s = %s_%s__old_rpc;\n", m->name, n, m->name);
    put(e->out, "    return SYS_ERR_OK;\n}\n\n");
}

/* ---- all ---- */

static void gen_token_vtbl(struct idl_emit *e)
{
    put(e->out,
        "/* Send functions of the halves of remote procedures, with their token. */\n"
        "struct %s_token_vtbl {\n",
        e->name);
    bool any = false;
    for (size_t i = 0; i < e->plan->message_count; i++) {
        const struct idl_wire_message *m = &e->plan->messages[i];
        if (m->kind == IDL_WIRE_MESSAGE)
            continue;
        any = true;
        put(e->out, "    ");
        idl_gen_send_head(e, m, idl_arena_printf(e->arena, "(*%s)", m->name), true);
        put(e->out, ");\n");
    }
    if (!any)
        put(e->out, "    void *_none; /* the interface has no rpc */\n");
    put(e->out, "};\n\n");
}

void idl_gen_rpc(struct idl_emit *e)
{
    put(e->out, "/* ---- remote procedures ---- */\n\n");
    bool any = false;
    gen_token_vtbl(e);
    for (size_t i = 0; i < e->plan->message_count; i++) {
        const struct idl_wire_message *m = &e->plan->messages[i];
        if (m->kind != IDL_WIRE_CALL)
            continue;
        struct rpc r = { m->source, m, m + 1, NULL, 0 };
        r.arguments = idl_rpc_arguments(e->arena, m->source, &r.count);
        gen_results_struct(e, &r);
        gen_store_results(e, &r);
        gen_client(e, &r);
        gen_server(e, &r);
        gen_send_functions(e, &r);
        gen_old_call(e, &r);
        any = true;
    }
    put(e->out,
        "/* Makes rpc_tx_vtbl usable. */\nvoid %s_rpc_client_init(struct %s_binding "
        "*_binding)\n{\n",
        e->name, e->name);
    put(e->out, "    _binding->error_handler = NULL;\n");
    for (const struct idl_message *m = e->plan->interface->messages; m != NULL; m = m->next)
        if (m->kind == IDL_RPC)
            put(e->out,
                "    _binding->rpc_tx_vtbl.%s = %s_%s__rpc;\n"
                "    _binding->rx_vtbl.%s_response = NULL;\n",
                m->name, e->name, m->name, m->name);
    put(e->out, "}\n\n");
    if (any)
        gen_attach(e);
}
