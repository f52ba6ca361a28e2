/* SPDX-License-Identifier: MIT
 *
 * NAME_thc.h: a binding for activities of asynchronous C (docs/idl.md).
 *
 * Everything is inline or static in the header, so interfaces that no such program uses cost
 * nothing.  For each message W: W_arrived keeps it, W_send and W_recv wait.  Clients and services
 * then have tables of the same functions: a call is sent by the one and received by the other under
 * the name of its procedure.
 */
#include <string.h>

#include "gen.h"
#include "resolve.h"

struct side {
    const char *name; /* "client" */
    enum idl_wire_kind sends, receives;
};
static const struct side sides[] = {
    { "client", IDL_WIRE_CALL, IDL_WIRE_RESPONSE },
    { "service", IDL_WIRE_RESPONSE, IDL_WIRE_CALL },
};
#define SIDES 2

static bool is_fixed_array(const struct idl_argument *a)
{
    return idl_base_type(a->type.type)->kind == IDL_TYPE_ARRAY;
}

static const char *type_of(struct idl_emit *e, const struct idl_argument *a)
{
    return idl_c_type(e->arena, e->plan->interface, a->type.type);
}

static const char *limit_of(struct idl_emit *e, const struct idl_wire_message *m,
                            const struct idl_argument *a)
{
    return idl_arena_printf(e->arena, "%s__%s_%s_MAX_ARGUMENT_SIZE", e->name, m->name, a->name);
}

/* ---- each message ---- */

static void gen_arrived(struct idl_emit *e, const struct idl_wire_message *m)
{
    put(e->out, "/* Keeps %s until somebody receives it. */\n", m->name);
    idl_put_parameters(
        e,
        idl_arena_printf(e->arena,
                         "static inline void %s_thc__%s_arrived(struct %s_binding *_binding",
                         e->name, m->name, e->name),
        m->arguments, m->argument_count, IDL_VIEW_IN);
    put(e->out, ")\n{\n");
    if (m->argument_count == 0) {
        put(e->out, "    struct thc_message *_m = thc_message_new(%s_%s__msgnum, 0, 0);\n", e->name,
            m->name);
    } else {
        put(e->out, "    size_t _more = 0;\n");
        for (size_t i = 0; i < m->argument_count; i++) {
            const struct idl_argument *a = m->arguments[i];
            if (a->kind == IDL_ARGUMENT_STRING)
                put(e->out, "    _more += strlen(%s) + 8;\n", a->name);
            else if (a->kind == IDL_ARGUMENT_ARRAY)
                put(e->out, "    _more += %s * sizeof(%s) + 8;\n", a->length_name, type_of(e, a));
        }
        put(e->out,
            "    const size_t _size = sizeof(struct %s_%s__rx_args);\n"
            "    struct thc_message *_m = thc_message_new(%s_%s__msgnum, _size, _more);\n",
            e->name, m->name, e->name, m->name);
        put(e->out, "    struct %s_%s__rx_args *_a = (void *)_m->arguments;\n\n", e->name, m->name);
    }
    for (size_t i = 0; i < m->argument_count; i++) {
        const struct idl_argument *a = m->arguments[i];
        if (a->kind == IDL_ARGUMENT_STRING)
            put(e->out, "    _a->%s = thc_message_copy(_m, %s, strlen(%s) + 1);\n", a->name,
                a->name, a->name);
        else if (a->kind == IDL_ARGUMENT_ARRAY)
            put(e->out,
                "    _a->%s = thc_message_copy(_m, %s, %s * sizeof(%s));\n    _a->%s = %s;\n",
                a->name, a->name, a->length_name, type_of(e, a), a->length_name, a->length_name);
        else if (is_fixed_array(a))
            put(e->out, "    memcpy(_a->%s, %s, sizeof(_a->%s));\n", a->name, a->name, a->name);
        else
            put(e->out, "    _a->%s = %s;\n", a->name, a->name);
    }
    if (m->kind == IDL_WIRE_CALL)
        put(e->out, "    _m->token = _binding->incoming_token;\n");
    put(e->out, "    thc_port_put((struct thc_port *)_binding->st, _m);\n}\n\n");
}

static void gen_send(struct idl_emit *e, const struct idl_wire_message *m)
{
    bool response = m->kind == IDL_WIRE_RESPONSE;
    idl_put_parameters(e,
                       idl_arena_printf(e->arena,
                                        "/* %s, and waits until it is out. */\n"
                                        "static inline errval_t %s_thc__%s_send(struct thc_port "
                                        "*_port, struct %s_binding *_binding, bool _x",
                                        idl_gen_sends(e, m), e->name, m->name, e->name),
                       m->arguments, m->argument_count, IDL_VIEW_IN);
    put(e->out, ")\n{\n    errval_t _err = thc_port_send_begin(_port, _x);\n"
                "    if (err_is_fail(_err))\n        return _err;\n");
    if (response)
        put(e->out, "    const uint32_t _token = thc_port_take_call(_port, %s_%s_call__msgnum);\n",
            e->name, m->source->name);
    put(e->out, "    do {\n");
    if (response)
        put(e->out, "        _binding->incoming_token = _token;\n");
    idl_put_names(e,
                  idl_arena_printf(e->arena,
                                   "        _err = %s_%s__tx(_binding, thc_port_sent(_port)",
                                   e->name, m->name),
                  m->arguments, m->argument_count);
    put(e->out, ");\n    } while (thc_port_again(_port, &_err));\n"
                "    return thc_port_send_end(_port, _err);\n}\n\n");
}

static void gen_take(struct idl_emit *e, const struct idl_argument *a)
{
    const char *n = a->name;
    if (a->kind == IDL_ARGUMENT_STRING)
        put(e->out, "    if (%s != NULL)\n        strcpy(%s, _a->%s);\n", n, n, n);
    else if (a->kind == IDL_ARGUMENT_ARRAY)
        put(e->out,
            "    if (%s != NULL)\n        memcpy(%s, _a->%s, _a->%s * sizeof(%s));\n"
            "    if (%s != NULL)\n        *%s = _a->%s;\n",
            n, n, n, a->length_name, type_of(e, a), a->length_name, a->length_name, a->length_name);
    else if (is_fixed_array(a))
        put(e->out, "    if (%s != NULL)\n        memcpy(*%s, _a->%s, sizeof(*%s));\n", n, n, n, n);
    else
        put(e->out, "    if (%s != NULL)\n        *%s = _a->%s;\n", n, n, n);
}

static void gen_receive(struct idl_emit *e, const struct idl_wire_message *m)
{
    put(e->out, "/* Takes %s apart and is done with it. */\n", m->name);
    idl_put_parameters(
        e,
        idl_arena_printf(e->arena,
                         "static inline void %s_thc__%s_take(struct thc_port *_port, struct "
                         "thc_message *_m",
                         e->name, m->name),
        m->arguments, m->argument_count, IDL_VIEW_OUT);
    put(e->out, ")\n{\n");
    if (m->argument_count > 0)
        put(e->out, "    const struct %s_%s__rx_args *_a = (const void *)_m->arguments;\n\n",
            e->name, m->name);
    for (size_t i = 0; i < m->argument_count; i++)
        gen_take(e, m->arguments[i]);
    if (m->kind == IDL_WIRE_CALL)
        put(e->out, "    thc_port_keep_call(_port, _m); /* its response will want the token */\n");
    else
        put(e->out, "    (void)_port;\n    free(_m);\n");
    put(e->out, "}\n\n/* Waits for %s. */\n", m->name);
    idl_put_parameters(
        e,
        idl_arena_printf(e->arena,
                         "static inline errval_t %s_thc__%s_recv(struct thc_port *_port, bool _x",
                         e->name, m->name),
        m->arguments, m->argument_count, IDL_VIEW_OUT);
    put(e->out,
        ")\n{\n    static const uint16_t _number = %s_%s__msgnum;\n"
        "    static const bool _wanted = true;\n"
        "    static const struct thc_choice _choice = { &_number, &_wanted, 1 };\n"
        "    struct thc_message *_m;\n"
        "    errval_t _err = thc_port_receive(_port, _x, &_choice, &_m);\n"
        "    if (err_is_ok(_err))\n",
        e->name, m->name);
    idl_put_names(e,
                  idl_arena_printf(e->arena, "        %s_thc__%s_take(_port, _m", e->name, m->name),
                  m->arguments, m->argument_count);
    put(e->out, ");\n    return _err;\n}\n\n");
}

static void gen_attach(struct idl_emit *e)
{
    const char *n = e->name;
    put(e->out,
        "/* The peer is gone: who waits is told. */\n"
        "static inline void %s_thc__broken(struct %s_binding *_binding, errval_t _err)\n{\n"
        "    thc_port_break((struct thc_port *)_binding->st, _err);\n}\n\n"
        "/* From now on messages are kept.  Once for a binding. */\n"
        "static inline struct thc_port *%s_thc__attach(struct %s_binding *_binding)\n{\n"
        "    if (_binding->error_handler == %s_thc__broken)\n"
        "        return (struct thc_port *)_binding->st;\n"
        "    struct thc_port *_port = thc_port_new(&_binding->flounder, _binding->waitset);\n"
        "    _binding->st = _port;\n"
        "    _binding->error_handler = %s_thc__broken;\n",
        n, n, n, n, n, n);
    for (size_t i = 0; i < e->plan->message_count; i++)
        put(e->out, "    _binding->rx_vtbl.%s = %s_thc__%s_arrived;\n", e->plan->messages[i].name,
            n, e->plan->messages[i].name);
    put(e->out,
        "    return _port;\n}\n\n"
        "/* Ends a connection; nobody may wait for it any more, and *b is gone afterwards. */\n"
        "static inline errval_t %s_thc_close(struct %s_binding *b)\n{\n"
        "    struct thc_port *_port = %s_thc__attach(b);\n"
        "    errval_t _err = b->control(b, IDC_CONTROL_TEARDOWN);\n"
        "    thc_port_free(_port);\n    return _err;\n}\n\n",
        n, n, n);
}

/* ---- each side ---- */

static bool is_sent(const struct side *s, const struct idl_wire_message *m)
{
    return m->kind == IDL_WIRE_MESSAGE || m->kind == s->sends;
}

static bool is_received(const struct side *s, const struct idl_wire_message *m)
{
    return m->kind == IDL_WIRE_MESSAGE || m->kind == s->receives;
}

/* Messages that may be received, as a set and as a structure. */
static void gen_any_types(struct idl_emit *e, const struct side *s)
{
    const char *n = e->name;
    put(e->out,
        "/* Which messages %s's recv_any is to wait for. */\n"
        "struct %s_%s_selector {\n",
        s->name, n, s->name);
    for (size_t i = 0; i < e->plan->message_count; i++)
        if (is_received(s, &e->plan->messages[i]))
            put(e->out, "    bool %s;\n", e->plan->messages[i].source->name);
    put(e->out,
        "    bool _none;\n};\n\n/* What it received: msg is its number, %s_..__msgnum. */\n"
        "typedef struct %s_%s_msg {\n    enum %s_msg_enum msg;\n    union {\n        char _none;\n",
        n, n, s->name, n);
    for (size_t i = 0; i < e->plan->message_count; i++) {
        const struct idl_wire_message *m = &e->plan->messages[i];
        if (!is_received(s, m) || m->argument_count == 0)
            continue;
        put(e->out, "        struct {\n");
        for (size_t k = 0; k < m->argument_count; k++) {
            const struct idl_argument *a = m->arguments[k];
            if (a->kind == IDL_ARGUMENT_STRING)
                put(e->out, "            char %s[%s];\n", a->name, limit_of(e, m, a));
            else if (a->kind == IDL_ARGUMENT_ARRAY)
                put(e->out, "            %s %s[%s];\n            size_t %s;\n", type_of(e, a),
                    a->name, limit_of(e, m, a), a->length_name);
            else
                put(e->out, "            %s %s;\n", type_of(e, a), a->name);
        }
        put(e->out, "        } %s;\n", m->source->name);
    }
    put(e->out, "    } args;\n} %s_%s_msg_t;\n\n", n, s->name);
}

static void gen_table(struct idl_emit *e, const struct side *s, const char *table, bool sends)
{
    const char *n = e->name;
    put(e->out, "struct %s_thc_%s_%s {\n", n, s->name, table);
    for (size_t i = 0; i < e->plan->message_count; i++) {
        const struct idl_wire_message *m = &e->plan->messages[i];
        if (!(sends ? is_sent(s, m) : is_received(s, m)))
            continue;
        idl_put_parameters(e,
                           idl_arena_printf(e->arena,
                                            "    errval_t (*%s)(struct %s_thc_%s_binding_t *_thc",
                                            m->source->name, n, s->name),
                           m->arguments, m->argument_count, sends ? IDL_VIEW_IN : IDL_VIEW_OUT);
        put(e->out, ");\n");
    }
    put(e->out, "    void *_none;\n};\n");
}

static void gen_call_table(struct idl_emit *e)
{
    const char *n = e->name;
    put(e->out, "struct %s_thc_client_call {\n", n);
    for (const struct idl_message *m = e->plan->interface->messages; m != NULL; m = m->next) {
        size_t count;
        if (m->kind != IDL_RPC)
            continue;
        const struct idl_argument **arguments = idl_rpc_arguments(e->arena, m, &count);
        idl_put_parameters(
            e,
            idl_arena_printf(e->arena, "    errval_t (*%s)(struct %s_thc_client_binding_t *_thc",
                             m->name, n),
            arguments, count, IDL_VIEW_RPC);
        put(e->out, ");\n");
    }
    put(e->out, "    void *_none;\n};\n");
}

static void gen_side_types(struct idl_emit *e, const struct side *s)
{
    const char *n = e->name;
    bool client = s->sends == IDL_WIRE_CALL;
    gen_any_types(e, s);
    put(e->out, "struct %s_thc_%s_binding_t;\n", n, s->name);
    gen_table(e, s, "send", true);
    gen_table(e, s, "recv", false);
    if (client)
        gen_call_table(e);
    put(e->out,
        "/* A connection as the %s has it.  Functions of the tables that end in _x can be "
        "cancelled.%s */\n"
        "struct %s_thc_%s_binding_t {\n    void *st; /* the program's */\n"
        "    struct %s_binding *b;\n    struct thc_port *port; /* private */\n"
        "    struct %s_thc_%s_send send, send_x;\n    struct %s_thc_%s_recv recv, recv_x;\n"
        "    errval_t (*recv_any)(struct %s_thc_%s_binding_t *_thc, %s_%s_msg_t *_msg, struct "
        "%s_%s_selector _ops);\n"
        "    errval_t (*recv_any_x)(struct %s_thc_%s_binding_t *_thc, %s_%s_msg_t *_msg, struct "
        "%s_%s_selector _ops);\n",
        s->name,
        client ? "  Of call_seq there is one call at a time; of call_fifo many, if the\n * service "
                 "answers in order."
               : "",
        n, s->name, n, n, s->name, n, s->name, n, s->name, n, s->name, n, s->name, n, s->name, n,
        s->name, n, s->name);
    if (client)
        put(e->out, "    struct %s_thc_client_call call_seq, call_seq_x, call_fifo, call_fifo_x;\n",
            n);
    put(e->out, "};\n\n");
}

static void gen_wrapper(struct idl_emit *e, const struct side *s, const struct idl_wire_message *m,
                        bool sends, bool x)
{
    const char *n = e->name, *what = sends ? "send" : "recv";
    idl_put_parameters(e,
                       idl_arena_printf(e->arena,
                                        "/* %s of the %s's table %s%s. */\n"
                                        "static inline errval_t %s_thc_%s__%s%s_%s(struct "
                                        "%s_thc_%s_binding_t *_thc",
                                        m->source->name, s->name, what, x ? "_x" : "", n, s->name,
                                        what, x ? "_x" : "", m->source->name, n, s->name),
                       m->arguments, m->argument_count, sends ? IDL_VIEW_IN : IDL_VIEW_OUT);
    idl_put_names(e,
                  idl_arena_printf(e->arena, ")\n{\n    return %s_thc__%s_%s(_thc->port, %s%s", n,
                                   m->name, what, sends ? "_thc->b, " : "", x ? "true" : "false"),
                  m->arguments, m->argument_count);
    put(e->out, ");\n}\n\n");
}

static void gen_recv_any(struct idl_emit *e, const struct side *s, bool x)
{
    const char *n = e->name;
    size_t received = 0;
    for (size_t i = 0; i < e->plan->message_count; i++)
        received += is_received(s, &e->plan->messages[i]);
    put(e->out,
        "/* Waits for any of the messages that _ops names%s. */\n"
        "static inline errval_t %s_thc_%s__recv_any%s(struct %s_thc_%s_binding_t *_thc, "
        "%s_%s_msg_t *_msg,\n    struct %s_%s_selector _ops)\n{\n"
        "    uint16_t _numbers[%zu];\n"
        "    struct thc_choice _choice;\n",
        x ? ", or until it is cancelled" : "", n, s->name, x ? "_x" : "", n, s->name, n, s->name, n,
        s->name, received + 1);
    size_t at = 0;
    for (size_t i = 0; i < e->plan->message_count; i++)
        if (is_received(s, &e->plan->messages[i]))
            put(e->out, "    _numbers[%zu] = %s_%s__msgnum;\n", at++, n, e->plan->messages[i].name);
    put(e->out,
        "    _choice.numbers = _numbers;\n"
        "    _choice.wanted = (const bool *)&_ops;\n"
        "    _choice.count = %zu;\n"
        "    struct thc_message *_m;\n"
        "    errval_t _err = thc_port_receive(_thc->port, %s, &_choice, &_m);\n"
        "    if (err_is_fail(_err))\n        return _err;\n"
        "    _msg->msg = (enum %s_msg_enum)_m->number;\n    switch (_msg->msg) {\n",
        received, x ? "true" : "false", n);
    for (size_t i = 0; i < e->plan->message_count; i++) {
        const struct idl_wire_message *m = &e->plan->messages[i];
        if (!is_received(s, m))
            continue;
        put(e->out, "    case %s_%s__msgnum:\n        %s_thc__%s_take(_thc->port, _m", n, m->name,
            n, m->name);
        for (size_t k = 0; k < m->argument_count; k++) {
            const struct idl_argument *a = m->arguments[k];
            const char *member = m->source->name;
            bool plain = a->kind != IDL_ARGUMENT_SCALAR;
            put(e->out, ", %s_msg->args.%s.%s", plain ? "" : "&", member, a->name);
            if (a->kind == IDL_ARGUMENT_ARRAY)
                put(e->out, ", &_msg->args.%s.%s", member, a->length_name);
        }
        put(e->out, ");\n        break;\n");
    }
    put(e->out, "    default:\n        break;\n    }\n    return SYS_ERR_OK;\n}\n\n");
}

/* A call that is cancelled while it waits has been sent.  If it is the only one, its response is
 * dropped when it comes.  Of several under way nobody could tell which response to drop, so those
 * of call_fifo can be cancelled until they are sent. */
static void gen_call(struct idl_emit *e, const struct idl_wire_message *call, bool seq, bool x)
{
    const char *n = e->name, *name = call->source->name;
    const struct idl_wire_message *response = call + 1;
    size_t count;
    const struct idl_argument **arguments = idl_rpc_arguments(e->arena, call->source, &count);
    idl_put_parameters(e,
                       idl_arena_printf(e->arena,
                                        "/* %s: sends the call and waits for its response. */\n"
                                        "static inline errval_t %s_thc_client__call_%s%s_%s(struct "
                                        "%s_thc_client_binding_t *_thc",
                                        name, n, seq ? "seq" : "fifo", x ? "_x" : "", name, n),
                       arguments, count, IDL_VIEW_RPC);
    const char *cancel = x ? "true" : "false";
    put(e->out, ")\n{\n    struct thc_port *_port = _thc->port;\n");
    if (x)
        put(e->out, "    errval_t _err = thc_lock_acquire_x(&_port->calling);\n"
                    "    if (err_is_fail(_err))\n        return _err;\n");
    else
        put(e->out, "    errval_t _err;\n    thc_lock_acquire(&_port->calling);\n");
    idl_put_names(e,
                  idl_arena_printf(e->arena, "    _err = %s_thc__%s_send(_port, _thc->b, %s", n,
                                   call->name, cancel),
                  call->arguments, call->argument_count);
    put(e->out, ");\n");
    if (!seq)
        put(e->out, "    thc_lock_release(&_port->calling);\n");
    put(e->out, "    if (err_is_ok(_err)) {\n");
    idl_put_names(e,
                  idl_arena_printf(e->arena, "        _err = %s_thc__%s_recv(_port, %s", n,
                                   response->name, seq ? cancel : "false"),
                  response->arguments, response->argument_count);
    put(e->out, ");\n");
    if (x && seq)
        put(e->out,
            "        if (err_no(_err) == THC_CANCELED)\n"
            "            thc_port_drop_next(_port, %s_%s__msgnum);\n",
            n, response->name);
    put(e->out, "    }\n");
    if (seq)
        put(e->out, "    thc_lock_release(&_port->calling);\n");
    put(e->out, "    return _err;\n}\n\n");
}

static void gen_init(struct idl_emit *e, const struct side *s)
{
    const char *n = e->name;
    put(e->out,
        "/* Makes *thc usable for a binding.  (Two are given because two are named where each "
        "direction has\n * its own; here they are the same.) */\n"
        "static inline errval_t %s_thc_init_%s(struct %s_thc_%s_binding_t *thc, struct %s_binding "
        "*s2c,\n    struct %s_binding *c2s)\n{\n    (void)c2s;\n"
        "    memset(thc, 0, sizeof(*thc));\n    thc->b = s2c;\n    thc->port = "
        "%s_thc__attach(s2c);\n"
        "    thc->recv_any = %s_thc_%s__recv_any;\n    thc->recv_any_x = "
        "%s_thc_%s__recv_any_x;\n",
        n, s->name, n, s->name, n, n, n, n, s->name, n, s->name);
    for (size_t i = 0; i < e->plan->message_count; i++) {
        const struct idl_wire_message *m = &e->plan->messages[i];
        const char *name = m->source->name;
        for (int x = 0; x < 2; x++) {
            const char *end = x ? "_x" : "";
            if (is_sent(s, m))
                put(e->out, "    thc->send%s.%s = %s_thc_%s__send%s_%s;\n", end, name, n, s->name,
                    end, name);
            if (is_received(s, m))
                put(e->out, "    thc->recv%s.%s = %s_thc_%s__recv%s_%s;\n", end, name, n, s->name,
                    end, name);
            if (s->sends == IDL_WIRE_CALL && m->kind == IDL_WIRE_CALL)
                put(e->out,
                    "    thc->call_seq%s.%s = %s_thc_client__call_seq%s_%s;\n"
                    "    thc->call_fifo%s.%s = %s_thc_client__call_fifo%s_%s;\n",
                    end, name, n, end, name, end, name, n, end, name);
        }
    }
    put(e->out, "    return SYS_ERR_OK;\n}\n\n");
}

static void gen_side(struct idl_emit *e, const struct side *s)
{
    gen_side_types(e, s);
    for (size_t i = 0; i < e->plan->message_count; i++) {
        const struct idl_wire_message *m = &e->plan->messages[i];
        for (int x = 0; x < 2; x++) {
            if (is_sent(s, m))
                gen_wrapper(e, s, m, true, x);
            if (is_received(s, m))
                gen_wrapper(e, s, m, false, x);
            if (s->sends == IDL_WIRE_CALL && m->kind == IDL_WIRE_CALL) {
                gen_call(e, m, true, x);
                gen_call(e, m, false, x);
            }
        }
    }
    gen_recv_any(e, s, false);
    gen_recv_any(e, s, true);
    gen_init(e, s);
}

/* ---- connections ---- */

static void gen_connections(struct idl_emit *e)
{
    const char *n = e->name;
    put(e->out,
        "/* ---- connections ---- */\n\n"
        "struct %s_thc_export_info {\n    struct thc_exporter exporter; /* private */\n};\n\n"
        "/* Keeps a new client for who accepts. */\n"
        "static inline errval_t %s_thc__connected(void *_st, struct %s_binding *_binding)\n{\n"
        "    %s_thc__attach(_binding);\n"
        "    thc_exporter_add((struct thc_exporter *)_st, _binding);\n"
        "    return SYS_ERR_OK;\n}\n\n",
        n, n, n, n);
    put(e->out,
        "/* Offers the interface, under a name unless that is NULL; *iref unless that is NULL. */\n"
        "static inline errval_t %s_thc_export(struct %s_thc_export_info *info, const char *name,\n"
        "    struct waitset *ws, idc_export_flags_t flags, iref_t *iref)\n{\n"
        "    thc_exporter_init(&info->exporter);\n"
        "    errval_t _err = %s_export(&info->exporter, thc_exporter_done, %s_thc__connected, ws, "
        "flags);\n"
        "    return err_is_fail(_err) ? _err : thc_exporter_wait(&info->exporter, name, iref);\n"
        "}\n\n",
        n, n, n, n);
    for (int x = 0; x < 2; x++)
        put(e->out,
            "/* Waits for the next client. */\n"
            "static inline errval_t %s_thc_accept%s(struct %s_thc_export_info *info, struct "
            "%s_binding **b)\n{\n    void *_binding = NULL;\n"
            "    errval_t _err = thc_exporter_accept(&info->exporter, %s, &_binding);\n"
            "    *b = (struct %s_binding *)_binding;\n    return _err;\n}\n\n",
            n, x ? "_x" : "", n, n, x ? "true" : "false", n);
    put(e->out,
        "/* The bind has ended: thc_connect goes on. */\n"
        "static inline void %s_thc__bound(void *_st, errval_t _err, struct %s_binding *_binding)\n"
        "{\n    if (err_is_ok(_err))\n        %s_thc__attach(_binding);\n"
        "    thc_binder_done(_st, _err, _binding);\n}\n\n",
        n, n, n);
    put(e->out,
        "/* Connects. */\n"
        "static inline errval_t %s_thc_connect(iref_t iref, struct waitset *ws, idc_bind_flags_t "
        "flags,\n    struct %s_binding **b)\n{\n"
        "    struct thc_binder _binder = { .done = false };\n    void *_binding = NULL;\n"
        "    errval_t _err = %s_bind(iref, %s_thc__bound, &_binder, ws, flags);\n"
        "    if (err_is_ok(_err))\n        _err = thc_binder_wait(&_binder, &_binding);\n"
        "    *b = (struct %s_binding *)_binding;\n    return _err;\n}\n\n"
        "/* Connects to who has registered the name; waits for that. */\n"
        "static inline errval_t %s_thc_connect_by_name(const char *name, struct waitset *ws,\n"
        "    idc_bind_flags_t flags, struct %s_binding **b)\n{\n    iref_t _iref;\n"
        "    errval_t _err = nameservice_blocking_lookup(name, &_iref);\n"
        "    return err_is_fail(_err) ? _err : %s_thc_connect(_iref, ws, flags, b);\n}\n\n",
        n, n, n, n, n, n, n, n);
}

void idl_gen_thc(struct idl_emit *e)
{
    const char *n = e->name;
    idl_gen_banner(e, " * Bindings for activities of asynchronous C.\n *\n");
    put(e->out,
        "#ifndef IF_%s_THC_H\n#define IF_%s_THC_H\n\n#include <barrelfish/nameservice_client.h>\n"
        "#include <if/%s_defs.h>\n#include <stdlib.h>\n#include <string.h>\n"
        "#include <thc/thcbinding.h>\n\n#ifndef __cplusplus\n\n",
        n, n, n);
    for (size_t i = 0; i < e->plan->message_count; i++) {
        gen_arrived(e, &e->plan->messages[i]);
        gen_send(e, &e->plan->messages[i]);
        gen_receive(e, &e->plan->messages[i]);
    }
    gen_attach(e);
    for (int s = 0; s < SIDES; s++)
        gen_side(e, &sides[s]);
    gen_connections(e);
    put(e->out, "#endif\n#endif\n");
}
