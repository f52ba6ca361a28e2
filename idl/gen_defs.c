/* SPDX-License-Identifier: MIT
 *
 * NAME_defs.h: what a program sees of an interface (facts §1.3).
 *
 * Order: types, message numbers and limits, function types, tables of functions, the binding, bind
 * and export, send functions.  Must not depend on anything but the plan.
 */
#include <string.h>

#include "gen.h"
#include "resolve.h"

const struct idl_backend idl_backends[IDL_BACKENDS] = {
    { IDL_LMP, "lmp", "FLOUNDER_LMP", "messages within a core (LMP)" },
    { IDL_UMP, "ump", "FLOUNDER_UMP", "messages between cores (UMP)" },
    { IDL_MULTIHOP, "multihop", "FLOUNDER_MULTIHOP", "messages through the monitors (multihop)" },
};

void idl_gen_banner(struct idl_emit *e, const char *what)
{
    put(e->out, "/* SPDX-License-Identifier: MIT\n *\n");
    put(e->out, " * Interface %s", e->name);
    if (e->plan->interface->description != NULL &&
        strstr(e->plan->interface->description, "*/") == NULL)
        put(e->out, ": %s", e->plan->interface->description);
    put(e->out, ".\n *\n%s * Written by the interface compiler; changes here are lost.\n */\n",
        what);
}

/* ---- types ---- */

static void gen_type(struct idl_emit *e, const struct idl_type *t)
{
    const char *name = e->name;
    switch (t->kind) {
    case IDL_TYPE_TYPEDEF:
        put(e->out, "typedef %s %s_%s_t;\n",
            idl_c_type(e->arena, e->plan->interface, t->target.type), name, t->name);
        break;
    case IDL_TYPE_ARRAY:
        put(e->out, "typedef %s %s_%s_t[%llu];\n",
            idl_c_type(e->arena, e->plan->interface, t->target.type), name, t->name,
            (unsigned long long)t->elements);
        break;
    case IDL_TYPE_STRUCT:
        put(e->out, "typedef struct _%s_%s__struct {\n", name, t->name);
        for (const struct idl_field *f = t->fields; f != NULL; f = f->next)
            put(e->out, "    %s %s;\n", idl_c_type(e->arena, e->plan->interface, f->type.type),
                f->name);
        put(e->out, "} %s_%s_t;\n", name, t->name);
        break;
    case IDL_TYPE_ENUM: {
        unsigned value = 0;
        put(e->out, "typedef enum _%s_%s__enum {\n", name, t->name);
        for (const struct idl_enumerator *en = t->enumerators; en != NULL; en = en->next)
            put(e->out, "    %s_%s = %u,\n", name, en->name, value++);
        put(e->out, "} %s_%s_t;\n", name, t->name);
        break;
    }
    case IDL_TYPE_BUILTIN:
    case IDL_TYPE_ALIAS:
        break;
    }
}

static void gen_types(struct idl_emit *e)
{
    if (e->plan->interface->order_count == 0)
        return;
    put(e->out, "\n/* Types. */\n");
    for (size_t i = 0; i < e->plan->interface->order_count; i++)
        gen_type(e, e->plan->interface->order[i]);
}

/* ---- numbers and limits ---- */

static void gen_numbers(struct idl_emit *e)
{
    const char *name = e->name;
    put(e->out, "\n/* Message numbers. */\nenum %s_msg_enum {\n", name);
    put(e->out, "    %s___dummy__msgnum = 0,\n    %s___bind__msgnum = 1,\n", name, name);
    put(e->out, "    %s___bind_reply__msgnum = 2,\n", name);
    for (size_t i = 0; i < e->plan->message_count; i++)
        put(e->out, "    %s_%s__msgnum = %u,\n", name, e->plan->messages[i].name,
            e->plan->messages[i].number);
    put(e->out, "};\n");
}

static void gen_limits(struct idl_emit *e)
{
    uint64_t largest = 0;
    bool any = false;
    for (size_t i = 0; i < e->plan->message_count; i++) {
        const struct idl_wire_message *m = &e->plan->messages[i];
        if (m->max_bytes > largest)
            largest = m->max_bytes;
        for (size_t s = 0; s < m->stream_count; s++) {
            const struct idl_argument *a = m->streams[s].argument;
            if (!any)
                put(e->out,
                    "\n/* Largest strings (bytes with the NUL) and arrays (elements). */\n");
            any = true;
            put(e->out, "#define %s__%s_%s_MAX_ARGUMENT_SIZE %llu\n", e->name, m->name, a->name,
                (unsigned long long)a->max);
        }
    }
    put(e->out, "\n/* Bytes of the largest message, marshalled. */\n");
    put(e->out, "#define %s__MAX_MESSAGE_SIZE %llu\n", e->name, (unsigned long long)largest);
}

/* ---- function types ---- */

const char *idl_gen_sends(struct idl_emit *e, const struct idl_wire_message *m)
{
    static const char *const sends[] = { "Sends %s", "Sends a call of %s", "Answers a call of %s" };
    return idl_arena_printf(e->arena, sends[m->kind], m->source->name);
}

void idl_gen_send_head(struct idl_emit *e, const struct idl_wire_message *m, const char *function,
                       bool token)
{
    const char *head = idl_arena_printf(
        e->arena, "errval_t %s(struct %s_binding *_binding, struct event_closure _cont%s", function,
        e->name, token ? ", uint32_t _token" : "");
    idl_put_parameters(e, head, m->arguments, m->argument_count, IDL_VIEW_IN);
}

static void gen_message_function_types(struct idl_emit *e, const struct idl_wire_message *m)
{
    put(e->out, "typedef ");
    idl_gen_send_head(e, m, idl_arena_printf(e->arena, "%s_%s__tx_method_fn", e->name, m->name),
                      false);
    put(e->out, ");\ntypedef ");
    idl_put_parameters(e,
                       idl_arena_printf(e->arena,
                                        "void %s_%s__rx_method_fn(struct %s_binding *_binding",
                                        e->name, m->name, e->name),
                       m->arguments, m->argument_count, IDL_VIEW_IN);
    put(e->out, ");\n");
}

static void gen_rpc_function_types(struct idl_emit *e, const struct idl_message *m)
{
    static const char *const side[] = { "tx", "rx" };
    size_t count;
    const struct idl_argument **arguments = idl_rpc_arguments(e->arena, m, &count);
    for (int i = 0; i < 2; i++) {
        put(e->out, "typedef ");
        idl_put_parameters(
            e,
            idl_arena_printf(e->arena,
                             "errval_t %s_%s__rpc_%s_method_fn(struct %s_binding *_binding",
                             e->name, m->name, side[i], e->name),
            arguments, count, IDL_VIEW_RPC);
        put(e->out, ");\n");
    }
}

static bool has_rpc(const struct idl_plan *plan)
{
    for (const struct idl_message *m = plan->interface->messages; m != NULL; m = m->next)
        if (m->kind == IDL_RPC)
            return true;
    return false;
}

static void gen_function_types(struct idl_emit *e)
{
    const char *n = e->name;
    put(e->out, "\nstruct %s_binding;\n", n);
    put(e->out, "\n/* Functions that send and handle each message. */\n");
    for (size_t i = 0; i < e->plan->message_count; i++)
        gen_message_function_types(e, &e->plan->messages[i]);
    if (has_rpc(e->plan)) {
        put(e->out, "\n/* Remote procedures: called by the client, and handled by the server, as "
                    "functions. */\n");
        for (const struct idl_message *m = e->plan->interface->messages; m != NULL; m = m->next)
            if (m->kind == IDL_RPC)
                gen_rpc_function_types(e, m);
    }
    put(e->out, "\n/* Functions of a binding as a whole. */\n");
    put(e->out,
        "typedef void %s_bind_continuation_fn(void *st, errval_t err, struct %s_binding *b);\n", n,
        n);
    put(e->out, "typedef errval_t %s_connect_fn(void *st, struct %s_binding *b);\n", n, n);
    put(e->out, "typedef bool %s_can_send_fn(struct %s_binding *b);\n", n, n);
    put(e->out,
        "typedef errval_t %s_register_send_fn(struct %s_binding *b, struct waitset *ws,\n"
        "    struct event_closure cont);\n",
        n, n);
    put(e->out,
        "typedef errval_t %s_change_waitset_fn(struct %s_binding *b, struct waitset *ws);\n", n, n);
    put(e->out, "typedef errval_t %s_control_fn(struct %s_binding *b, idc_control_t control);\n", n,
        n);
    put(e->out, "typedef void %s_error_handler_fn(struct %s_binding *b, errval_t err);\n", n, n);
    put(e->out, "typedef errval_t %s_receive_next_fn(struct %s_binding *b);\n", n, n);
    put(e->out,
        "typedef struct waitset_chanstate *%s_get_receiving_chanstate_fn(struct %s_binding *b);\n",
        n, n);
}

/* ---- tables ---- */

static void gen_tables(struct idl_emit *e)
{
    static const struct {
        const char *side, *what;
    } tables[] = { { "tx", "Sends a message; set by bind." },
                   { "rx", "Handles a message; set by the program." } };
    for (int t = 0; t < 2; t++) {
        put(e->out, "\n/* %s */\nstruct %s_%s_vtbl {\n", tables[t].what, e->name, tables[t].side);
        for (size_t i = 0; i < e->plan->message_count; i++) {
            const char *message = e->plan->messages[i].name;
            put(e->out, "    %s_%s__%s_method_fn *%s;\n", e->name, message, tables[t].side,
                message);
        }
        put(e->out, "};\n");
    }
    put(e->out,
        "\n/* Calls a remote procedure and waits for its results; set by rpc_client_init. */\n"
        "struct %s_rpc_tx_vtbl {\n",
        e->name);
    for (const struct idl_message *m = e->plan->interface->messages; m != NULL; m = m->next)
        if (m->kind == IDL_RPC)
            put(e->out, "    %s_%s__rpc_tx_method_fn *%s;\n", e->name, m->name, m->name);
    if (!has_rpc(e->plan))
        put(e->out, "    void *_none; /* the interface has no rpc */\n");
    put(e->out,
        "};\n\n/* Serves a remote procedure; set by the program. */\n"
        "struct %s_rpc_rx_vtbl {\n",
        e->name);
    for (const struct idl_message *m = e->plan->interface->messages; m != NULL; m = m->next)
        if (m->kind == IDL_RPC)
            put(e->out, "    %s_%s__rpc_rx_method_fn *%s_call;\n", e->name, m->name, m->name);
    if (!has_rpc(e->plan))
        put(e->out, "    void *_none; /* the interface has no rpc */\n");
    put(e->out, "};\n");
}

/* ---- arguments as structures ---- */

static void gen_argument_struct(struct idl_emit *e, const struct idl_wire_message *m,
                                const char *side)
{
    put(e->out, "struct %s_%s__%s_args {\n", e->name, m->name, side);
    for (size_t i = 0; i < m->argument_count; i++) {
        const struct idl_argument *a = m->arguments[i];
        if (a->kind == IDL_ARGUMENT_STRING) {
            put(e->out, "    const char *%s;\n", a->name);
            continue;
        }
        const char *type = idl_c_type(e->arena, e->plan->interface, a->type.type);
        if (a->kind == IDL_ARGUMENT_ARRAY)
            put(e->out, "    const %s *%s;\n    size_t %s;\n", type, a->name, a->length_name);
        else
            put(e->out, "    %s %s;\n", type, a->name);
    }
    put(e->out, "};\n");
}

/* For programs that keep messages until they can be sent. */
static void gen_argument_structs(struct idl_emit *e)
{
    static const char *const sides[] = { "tx", "rx" };
    put(e->out,
        "\n/* The arguments of a message as one structure, for queues of a program's own. */\n");
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < e->plan->message_count; i++)
            if (e->plan->messages[i].argument_count > 0)
                gen_argument_struct(e, &e->plan->messages[i], sides[side]);
        put(e->out, "union %s_%s_arg_union {\n    char _none;\n", e->name, sides[side]);
        for (size_t i = 0; i < e->plan->message_count; i++)
            if (e->plan->messages[i].argument_count > 0)
                put(e->out, "    struct %s_%s__%s_args %s;\n", e->name, e->plan->messages[i].name,
                    sides[side], e->plan->messages[i].name);
        put(e->out, "};\n");
    }
}

static size_t at_least_one(size_t n)
{
    return n == 0 ? 1 : n;
}

static void gen_binding(struct idl_emit *e)
{
    const char *n = e->name;
    size_t streams = at_least_one(e->plan->max_streams), caps = at_least_one(e->plan->max_caps);
    put(e->out, "\nstruct %s_token_vtbl; /* private */\n", n);
    put(e->out, "\n/* A connection, whatever carries it. */\nstruct %s_binding {\n", n);
    put(e->out, "    void *st;                 /* the program's */\n"
                "    struct waitset *waitset;  /* events come here; see change_waitset */\n"
                "    struct event_mutex mutex; /* for the program's use */\n");
    static const char *const members[] = {
        "can_send",      "register_send", "change_waitset",         "control",
        "error_handler", "receive_next",  "get_receiving_chanstate"
    };
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        put(e->out, "    %s_%s_fn *%s;\n", n, members[i], members[i]);
    put(e->out, "    struct %s_tx_vtbl tx_vtbl;\n", n);
    put(e->out, "    struct %s_rx_vtbl rx_vtbl;\n", n);
    put(e->out, "    struct %s_rx_vtbl message_rx_vtbl; /* where rx_vtbl has no handler */\n", n);
    put(e->out, "    struct %s_rpc_rx_vtbl rpc_rx_vtbl;\n", n);
    put(e->out, "    struct %s_rpc_tx_vtbl rpc_tx_vtbl;\n", n);
    put(e->out,
        "    uint32_t incoming_token; /* of the last call; set it before a late response */\n");
    put(e->out, "    uint32_t outgoing_token; /* of the last call sent */\n");
    put(e->out, "\n    /* private */\n");
    put(e->out, "    const struct %s_token_vtbl *token_vtbl;\n", n);
    put(e->out, "    struct flounder_binding flounder;\n");
    put(e->out, "    uint64_t tx_words[%u], rx_words[%u];\n", e->plan->max_words,
        e->plan->max_words);
    put(e->out, "    struct flounder_tx_stream tx_stream[%zu];\n", streams);
    put(e->out, "    struct flounder_rx_stream rx_stream[%zu];\n", streams);
    put(e->out, "    struct capref tx_cap[%zu], rx_cap[%zu];\n", caps, caps);
    put(e->out, "};\n");
}

/* ---- functions ---- */

static void gen_prototype(struct idl_emit *e, enum idl_entry entry)
{
    idl_gen_entry_head(e, entry);
    put(e->out, ";\n");
}

static void gen_functions(struct idl_emit *e)
{
    const char *n = e->name;
    put(e->out,
        "\n/* Offers the interface.  export_cb is given the iref; connect_cb each new binding,"
        " whose rx_vtbl it\n * fills in, or refuses by an error.  Returns at once. */\n");
    gen_prototype(e, IDL_EXPORT);
    put(e->out,
        "\n/* Connects to an exported interface, over what reaches it.  Returns at once; cont is"
        " given the\n * outcome. */\n");
    gen_prototype(e, IDL_BIND);
    put(e->out,
        "\n/* Connect over a frame that both sides have mapped; inbuf of one is outbuf of "
        "the other, zeroed\n * at first use.  The dispatcher polls it and does not sleep. */\n");
    put(e->out,
        "struct %s_frameinfo {\n    genpaddr_t sendbase; /* kept for programs that fill it in */\n"
        "    volatile void *inbuf;\n    size_t inbufsize;\n    volatile void *outbuf;\n"
        "    size_t outbufsize;\n};\n",
        n);
    gen_prototype(e, IDL_ACCEPT);
    gen_prototype(e, IDL_CONNECT);
    put(e->out, "\n/* Connect through an endpoint capability, which create puts into the empty "
                "slot ep. Only"
                "\n * IDC_ENDPOINT_LMP; one client for each endpoint. */\n");
    gen_prototype(e, IDL_CREATE_ENDPOINT);
    gen_prototype(e, IDL_BIND_TO_ENDPOINT);
    put(e->out, "\n/* Makes rpc_tx_vtbl usable; responses then belong to the calls. */\n");
    put(e->out, "void %s_rpc_client_init(struct %s_binding *_binding);\n", n, n);
}

/* Calls as programs of the older style make them: `rpc.vtbl.X(&rpc, ...)`. */
static void gen_old_calls(struct idl_emit *e)
{
    const char *n = e->name;
    if (!has_rpc(e->plan))
        return;
    put(e->out,
        "\n/* The older style of calls: rpc_client_init(&rpc, binding), then rpc.vtbl.X(&rpc, "
        "...).  The\n"
        " * caller frees strings and arrays of results. */\n"
        "struct %s_rpc_client;\nstruct %s_rpc_vtbl {\n",
        n, n);
    for (const struct idl_message *m = e->plan->interface->messages; m != NULL; m = m->next) {
        if (m->kind != IDL_RPC)
            continue;
        size_t count;
        const struct idl_argument **arguments = idl_rpc_arguments(e->arena, m, &count);
        idl_put_parameters(
            e,
            idl_arena_printf(e->arena, "    errval_t (*%s)(struct %s_rpc_client *_rpc", m->name, n),
            arguments, count, IDL_VIEW_OLD);
        put(e->out, ");\n");
    }
    put(e->out,
        "};\nstruct %s_rpc_client {\n    struct %s_binding *b;\n    struct %s_rpc_vtbl vtbl;\n};\n"
        "errval_t %s_rpc_client_attach(struct %s_rpc_client *rpc, struct %s_binding *b);\n"
        "#define %s_rpc_client_init(...) FLOUNDER_RPC_CLIENT_INIT(%s, __VA_ARGS__)\n",
        n, n, n, n, n, n, n, n);
}

static void gen_send_functions(struct idl_emit *e)
{
    put(e->out,
        "\n/* Send functions.  FLOUNDER_ERR_TX_BUSY: another message is on its way; see "
        "register_send.\n * Strings and arrays must live until the continuation runs. */\n\n");
    for (size_t i = 0; i < e->plan->message_count; i++) {
        const struct idl_wire_message *m = &e->plan->messages[i];
        put(e->out, "/* %s. */\nstatic inline ", idl_gen_sends(e, m));
        idl_gen_send_head(e, m, idl_arena_printf(e->arena, "%s_%s__tx", e->name, m->name), false);
        put(e->out, ")\n{\n");
        idl_put_names(
            e,
            idl_arena_printf(e->arena, "    return _binding->tx_vtbl.%s(_binding, _cont", m->name),
            m->arguments, m->argument_count);
        put(e->out, ");\n}\n\n");
    }
}

void idl_gen_defs(struct idl_emit *e)
{
    idl_gen_banner(e, "");
    put(e->out,
        "#ifndef IF_%s_DEFS_H\n#define IF_%s_DEFS_H\n\n#include "
        "<flounder/flounder.h>\n\n__BEGIN_DECLS\n",
        e->name, e->name);
    gen_types(e);
    gen_numbers(e);
    gen_limits(e);
    gen_function_types(e);
    gen_tables(e);
    gen_argument_structs(e);
    gen_binding(e);
    gen_functions(e);
    gen_old_calls(e);
    gen_send_functions(e);
    put(e->out,
        "#include <if/%s_lmp_defs.h>\n#include <if/%s_local_defs.h>\n"
        "#include <if/%s_multihop_defs.h>\n#include <if/%s_ump_defs.h>\n",
        e->name, e->name, e->name, e->name);
    put(e->out, "\n__END_DECLS\n\n#endif\n");
}

void idl_gen_channel_defs(struct idl_emit *e, const struct idl_backend *b)
{
    const char *n = e->name;
    bool lmp = b->channel == IDL_LMP;
    if (b->channel == IDL_MULTIHOP) {
        idl_gen_multihop_defs(e);
        return;
    }
    idl_gen_banner(e, idl_arena_printf(e->arena, " * Bindings over %s.\n", b->title));
    put(e->out,
        "#ifndef IF_%s_%s_DEFS_H\n#define IF_%s_%s_DEFS_H\n\n#include "
        "<if/%s_defs.h>\n\n__BEGIN_DECLS\n",
        n, b->name, n, b->name, n);
    put(e->out,
        lmp ? "struct %s_%s_binding {\n    struct %s_binding b;\n    struct %s_chan chan;\n};\n\n"
            : "struct %s_%s_binding {\n    struct %s_binding b;\n    union {\n"
              "        struct %s_chan chan;\n        struct flounder_ump_state ump_state;\n"
              "    };\n};\n\n",
        n, b->name, n, b->name);
    put(e->out,
        "/* Sets up a binding in the caller's memory, for a channel that comes from elsewhere "
        "than bind or export%s */\n",
        lmp ? ".\n * The caller then connects b->chan (lmp_chan_accept) and calls start."
            : ":\n * two buffers, each zeroed at first use.  notify wakes the peer; NULL_CAP if it "
              "always polls.");
    if (lmp)
        put(e->out, "void %s_lmp_init(struct %s_lmp_binding *b, struct waitset *ws);\n", n, n);
    else
        put(e->out,
            "errval_t %s_ump_init(struct %s_ump_binding *b, struct waitset *ws,\n"
            "    volatile void *inbuf, size_t inlen, volatile void *outbuf, size_t outlen,\n"
            "    struct capref notify);\n",
            n, n);
    put(e->out, "/* Begins to receive. */\nerrval_t %s_%s_start(struct %s_%s_binding *b);\n", n,
        b->name, n, b->name);
    put(e->out, "\n__END_DECLS\n\n#endif\n");
}
