/* SPDX-License-Identifier: MIT
 *
 * The part of NAME_flounder_bindings.c that exists once for each kind of channel: how each message
 * is packed and sent, how it is unpacked and delivered, and the tables that hold these functions.
 *
 * A message that fits one fragment is packed on the stack and sent in line; any other leaves its
 * words and pointers in the binding and is sent by the library.  Must keep every identifier of its
 * own behind an underscore: arguments are named by interfaces.
 */
#include <string.h>

#include "gen.h"
#include "resolve.h"

static bool is_short(const struct idl_wire_message *m, enum idl_channel channel)
{
    return channel != IDL_MULTIHOP && m->stream_count == 0 && m->fixed_fragments[channel] == 1 &&
           m->cap_count <= (channel == IDL_LMP ? 1 : 0);
}

static bool is_plain(const struct idl_wire_message *m)
{
    return m->kind == IDL_WIRE_MESSAGE;
}

/* The value of one word: all leaves in it, joined. */
static const char *word_value(struct idl_emit *e, const struct idl_wire_message *m,
                              enum idl_channel channel, unsigned word)
{
    const char *value = NULL;
    for (size_t i = 0; i < m->leaf_count; i++) {
        const struct idl_leaf *leaf = &m->leaves[i];
        bool token = leaf->argument == NULL;
        if ((token && (is_plain(m) || !m->has_token[channel])) || leaf->spot[channel].word != word)
            continue;
        const char *expression =
            token ? "_token" : idl_arena_printf(e->arena, "%s%s", leaf->argument->name, leaf->path);
        const char *item = idl_pack(e, leaf, expression);
        if (leaf->spot[channel].shift > 0)
            item = idl_arena_printf(e->arena, "%s << %u", item, leaf->spot[channel].shift);
        value = value == NULL ? item : idl_arena_printf(e->arena, "%s | %s", value, item);
    }
    if (word == 0 && channel != IDL_UMP) {
        const char *number = idl_arena_printf(e->arena, "%s_%s__msgnum", e->name, m->name);
        value = value == NULL ? number : idl_arena_printf(e->arena, "%s | %s", value, number);
    }
    return value == NULL ? "0" : value;
}

static void gen_size_checks(struct idl_emit *e, const struct idl_wire_message *m)
{
    for (size_t s = 0; s < m->stream_count; s++) {
        const struct idl_argument *a = m->streams[s].argument;
        if (a->kind == IDL_ARGUMENT_STRING)
            put(e->out, "    const size_t _length%zu = flounder_string_length(%s);\n", s, a->name);
    }
    for (size_t s = 0; s < m->stream_count; s++) {
        const struct idl_argument *a = m->streams[s].argument;
        put(e->out, "    if (");
        if (a->kind == IDL_ARGUMENT_STRING)
            put(e->out, "_length%zu", s);
        else
            put(e->out, "%s", a->length_name);
        put(e->out, " > %s__%s_%s_MAX_ARGUMENT_SIZE)\n        return FLOUNDER_ERR_TX_MSG_SIZE;\n",
            e->name, m->name, a->name);
    }
}

static void gen_short_send(struct idl_emit *e, const struct idl_backend *b,
                           const struct idl_wire_message *m)
{
    const bool ump = b->channel == IDL_UMP;
    const char *plan =
        idl_arena_printf(e->arena, "&%s__%s_plan[%u]", e->name, b->name, m->number - 3);
    put(e->out, "    struct flounder_binding *_c = &_binding->flounder;\n");
    if (ump)
        put(e->out, "    struct flounder_line _line;\n");
    put(e->out,
        "    %suint64_t *_words = flounder_%s_reserve(_c, %s_%s__msgnum, _cont%s);\n"
        "    if (_words == NULL)\n        return flounder_tx_refusal(_c);\n",
        ump ? "volatile " : "", b->name, e->name, m->name, ump ? ", &_line" : "");
    for (unsigned w = 0; w < m->words[b->channel]; w++)
        put(e->out, "    _words[%u] = %s;\n", w, word_value(e, m, b->channel, w));
    put(e->out, "    return flounder_%s_submit(_c, %s, _cont, %s);\n", b->name, plan,
        ump                ? "&_line"
        : m->cap_count > 0 ? m->caps[0].name
                           : "NULL_CAP");
}

static void gen_long_send(struct idl_emit *e, const struct idl_backend *b,
                          const struct idl_wire_message *m)
{
    gen_size_checks(e, m);
    put(e->out,
        "    errval_t _err = flounder_tx_begin(&_binding->flounder, &%s__%s_plan[%u], _cont);\n"
        "    if (err_is_fail(_err))\n        return _err;\n",
        e->name, b->name, m->number - 3);
    for (unsigned w = 0; w < m->words[b->channel]; w++)
        put(e->out, "    _binding->tx_words[%u] = %s;\n", w, word_value(e, m, b->channel, w));
    for (size_t s = 0; s < m->stream_count; s++) {
        const struct idl_argument *a = m->streams[s].argument;
        const char *length = a->kind == IDL_ARGUMENT_STRING
                                 ? idl_arena_printf(e->arena, "_length%zu", s)
                                 : a->length_name;
        put(e->out, "    _binding->tx_stream[%zu] = (struct flounder_tx_stream){ %s, %s };\n", s,
            a->name, length);
    }
    for (size_t c = 0; c < m->cap_count; c++)
        put(e->out, "    _binding->tx_cap[%zu] = %s;\n", c, m->caps[c].name);
    put(e->out, "    return flounder_tx_start(&_binding->flounder);\n");
}

static void gen_send(struct idl_emit *e, const struct idl_backend *b,
                     const struct idl_wire_message *m)
{
    put(e->out, "/* %s. */\nstatic ", idl_gen_sends(e, m));
    idl_gen_send_head(e, m, idl_arena_printf(e->arena, "%s_%s__%s_send", e->name, m->name, b->name),
                      !is_plain(m));
    put(e->out, ")\n{\n");
    if (is_short(m, b->channel))
        gen_short_send(e, b, m);
    else
        gen_long_send(e, b, m);
    put(e->out, "}\n\n");
}

/* ---- delivery ---- */

static const char *rearm_function(const struct idl_wire_message *m, const struct idl_backend *b)
{
    if (b->channel == IDL_LMP)
        return "flounder_lmp_rearm";
    if (b->channel == IDL_MULTIHOP)
        return "flounder_multihop_rearm";
    return is_short(m, IDL_UMP) ? "flounder_ump_rearm_line" : "flounder_ump_rearm";
}

static const struct idl_leaf *only_leaf(const struct idl_wire_message *m,
                                        const struct idl_argument *a)
{
    for (size_t i = 0; i < m->leaf_count; i++)
        if (m->leaves[i].argument == a && m->leaves[i].path[0] == '\0')
            return &m->leaves[i];
    return NULL;
}

/* Takes all arguments that lie in the words out of them, into variables of their names. */
static void gen_unpack(struct idl_emit *e, const struct idl_wire_message *m,
                       enum idl_channel channel)
{
    bool *used = idl_arena_alloc(e->arena, m->words[channel] + 1), any = false;
    for (size_t i = 0; i < m->leaf_count; i++)
        if (m->leaves[i].argument != NULL || !is_plain(m))
            used[m->leaves[i].spot[channel].word] = true;
    for (unsigned w = 0; w < m->words[channel]; w++)
        if (used[w]) {
            put(e->out, "    const uint64_t _w%u = _words[%u];\n", w, w);
            any = true;
        }
    if (!any)
        put(e->out, "    (void)_words;\n");
    for (size_t i = 0; i < m->leaf_count; i++)
        if (m->leaves[i].argument == NULL && !is_plain(m)) {
            struct idl_spot spot = m->leaves[i].spot[channel];
            put(e->out, "    const uint32_t _token = %s;\n",
                idl_unpack(e, &m->leaves[i], idl_arena_printf(e->arena, "_w%u", spot.word),
                           spot.shift));
        }
    for (size_t n = 0; n < m->argument_count; n++) {
        const struct idl_argument *a = m->arguments[n];
        if (a->kind != IDL_ARGUMENT_SCALAR || idl_is_cap(a->type.type))
            continue;
        const char *type = idl_c_type(e->arena, e->plan->interface, a->type.type);
        const struct idl_leaf *leaf = only_leaf(m, a);
        if (leaf != NULL) {
            struct idl_spot spot = leaf->spot[channel];
            put(e->out, "    const %s %s = %s;\n", type, a->name,
                idl_unpack(e, leaf, idl_arena_printf(e->arena, "_w%u", spot.word), spot.shift));
            continue;
        }
        put(e->out, "    %s %s;\n", type, a->name);
        for (size_t i = 0; i < m->leaf_count; i++) {
            leaf = &m->leaves[i];
            if (leaf->argument != a)
                continue;
            struct idl_spot spot = leaf->spot[channel];
            put(e->out, "    %s%s = %s;\n", a->name, leaf->path,
                idl_unpack(e, leaf, idl_arena_printf(e->arena, "_w%u", spot.word), spot.shift));
        }
    }
}

static void gen_deliver_response(struct idl_emit *e, const struct idl_backend *b,
                                 const struct idl_wire_message *m)
{
    put(e->out,
        "    struct flounder_rpc *_rpc = flounder_rpc_take(_c, _token, %s_%s__msgnum);\n"
        "    if (_rpc != NULL) {\n",
        e->name, m->name);
    if (m->argument_count > 0) {
        const struct idl_argument **fixed =
            idl_arena_alloc(e->arena, (m->argument_count + 1) * sizeof(*fixed));
        size_t count = 0;
        for (size_t i = 0; i < m->argument_count; i++)
            if (m->arguments[i]->kind == IDL_ARGUMENT_SCALAR &&
                !idl_is_cap(m->arguments[i]->type.type))
                fixed[count++] = m->arguments[i];
        put(e->out, "        const struct flounder_rx _rx = { _c->rx_stream, _c->rx_cap };\n");
        idl_put_names(e,
                      idl_arena_printf(e->arena, "        %s_%s__store_results(_rpc->results, &_rx",
                                       e->name, m->source->name),
                      fixed, count);
        put(e->out, ");\n");
    }
    put(e->out, "        %s(_c);\n        flounder_rpc_complete(_c, _rpc);\n",
        rearm_function(m, b));
    for (size_t s = 0; s < m->stream_count; s++)
        put(e->out, "        flounder_rx_free(_stream%zu.data);\n", s);
    put(e->out, "        return;\n    }\n");
}

static void gen_deliver(struct idl_emit *e, const struct idl_backend *b,
                        const struct idl_wire_message *m)
{
    put(e->out,
        "/* Takes %s out of the channel and hands it over. */\n"
        "static void %s_%s__%s_deliver(struct flounder_binding *_c, const volatile uint64_t "
        "*_words)\n{\n",
        m->name, e->name, m->name, b->name);
    put(e->out, "    struct %s_binding *_binding = _c->binding;\n", e->name);
    gen_unpack(e, m, b->channel);
    for (size_t s = 0; s < m->stream_count; s++)
        put(e->out, "    const struct flounder_rx_stream _stream%zu = _c->rx_stream[%zu];\n", s, s);
    for (size_t c = 0; c < m->cap_count; c++)
        put(e->out, "    %s%s = _c->rx_cap[%zu];\n",
            m->caps[c].path[0] == '\0' ? "const struct capref " : "", m->caps[c].name, c);
    put(e->out, "\n");
    if (m->kind == IDL_WIRE_RESPONSE)
        gen_deliver_response(e, b, m);
    put(e->out, "    %s(_c);\n", rearm_function(m, b));
    put(e->out, "    %s_%s__handle(_binding", e->name, m->name);
    if (m->kind == IDL_WIRE_CALL)
        put(e->out, ", _token");
    for (size_t i = 0, s = 0; i < m->argument_count; i++) {
        const struct idl_argument *a = m->arguments[i];
        if (a->kind == IDL_ARGUMENT_SCALAR)
            put(e->out, ", %s", a->name);
        else if (a->kind == IDL_ARGUMENT_STRING)
            put(e->out, ", _stream%zu.data", s++);
        else {
            put(e->out, ", _stream%zu.data, _stream%zu.length", s, s);
            s++;
        }
    }
    put(e->out, ");\n");
    for (size_t s = 0; s < m->stream_count; s++)
        put(e->out, "    flounder_rx_free(_stream%zu.data);\n", s);
    put(e->out, "}\n\n");
}

/* ---- tables ---- */

static void gen_plan_table(struct idl_emit *e, const struct idl_backend *b)
{
    put(e->out,
        "/* The layout of each message. */\nstatic const struct flounder_message_plan "
        "%s__%s_plan[] = {\n",
        e->name, b->name);
    for (size_t i = 0; i < e->plan->message_count; i++) {
        const struct idl_wire_message *m = &e->plan->messages[i];
        unsigned give_away = 0;
        for (size_t c = 0; c < m->cap_count; c++)
            if (m->caps[c].give_away)
                give_away |= 1u << c;
        put(e->out,
            "    { .name = \"%s.%s\",\n      .deliver = %s_%s__%s_deliver,\n"
            "      .number = %s_%s__msgnum,\n      .words = %u,\n      .fragments = %u",
            e->name, m->name, e->name, m->name, b->name, e->name, m->name, m->words[b->channel],
            m->fixed_fragments[b->channel]);
        if (is_short(m, b->channel))
            put(e->out, ",\n      .single = true");
        if (m->cap_count > 0)
            put(e->out, ",\n      .caps = %zu", m->cap_count);
        if (give_away != 0)
            put(e->out, ",\n      .give_away = 0x%x", give_away);
        if (m->stream_count > 0)
            put(e->out, ",\n      .streams = %zu,\n      .stream = %s_%s__streams", m->stream_count,
                e->name, m->name);
        put(e->out, " },\n");
    }
    put(e->out, "};\n\n");
}

static void gen_send_tables(struct idl_emit *e, const struct idl_backend *b)
{
    put(e->out,
        "/* What a binding is given to send with. */\nstatic const struct %s_tx_vtbl "
        "%s__%s_tx_vtbl = {\n",
        e->name, e->name, b->name);
    for (size_t i = 0; i < e->plan->message_count; i++) {
        const struct idl_wire_message *m = &e->plan->messages[i];
        if (is_plain(m))
            put(e->out, "    .%s = %s_%s__%s_send,\n", m->name, e->name, m->name, b->name);
        else
            put(e->out, "    .%s = %s_%s__send,\n", m->name, e->name, m->name);
    }
    put(e->out, "};\n\n");
    put(e->out,
        "/* The halves of remote procedures, with their token. */\nstatic const struct "
        "%s_token_vtbl %s__%s_token_vtbl = {\n",
        e->name, e->name, b->name);
    bool any = false;
    for (size_t i = 0; i < e->plan->message_count; i++) {
        const struct idl_wire_message *m = &e->plan->messages[i];
        any |= !is_plain(m);
        if (!is_plain(m))
            put(e->out, "    .%s = %s_%s__%s_send,\n", m->name, e->name, m->name, b->name);
    }
    if (!any)
        put(e->out, "    ._none = NULL,\n");
    put(e->out, "};\n\n");
}

static void gen_init(struct idl_emit *e, const struct idl_backend *b)
{
    const char *n = e->name;
    bool lmp = b->channel == IDL_LMP;
    put(e->out,
        "/* Makes a binding of the memory, whatever that held. */\n"
        "static struct flounder_binding *%s__%s_setup(void *_memory, struct waitset *_ws)\n{\n"
        "    struct %s_%s_binding *_b = _memory;\n\n"
        "    memset(_b, 0, sizeof(*_b));\n"
        "    %s__init(&_b->b, %s__%s_plan, %s, &flounder_%s_transport,\n"
        "        &_b->chan, _ws);\n"
        "    _b->b.tx_vtbl = %s__%s_tx_vtbl;\n"
        "    _b->b.token_vtbl = &%s__%s_token_vtbl;\n"
        "%s"
        "    return &_b->b.flounder;\n}\n\n",
        n, b->name, n, b->name, n, n, b->name, b->constant, b->name, n, b->name, n, b->name,
        b->channel == IDL_MULTIHOP ? "    multihop_chan_init(&_b->chan, _ws);\n" : "");
    if (b->channel == IDL_MULTIHOP)
        idl_gen_multihop_init(e);
    else if (lmp)
        put(e->out,
            "/* Sets up a binding for a channel that comes from elsewhere. */\n"
            "void %s_lmp_init(struct %s_lmp_binding *b, struct waitset *ws)\n{\n"
            "    %s__lmp_setup(b, ws);\n    lmp_chan_init(&b->chan);\n}\n\n",
            n, n, n);
    else
        put(e->out,
            "/* Sets up a binding over two buffers. */\n"
            "errval_t %s_ump_init(struct %s_ump_binding *b, struct waitset *ws,\n"
            "    volatile void *inbuf, size_t inlen, volatile void *outbuf, size_t outlen,\n"
            "    struct capref notify)\n{\n"
            "    %s__ump_setup(b, ws);\n"
            "    return flounder_ump_init_chan(&b->chan, inbuf, inlen, outbuf, outlen, "
            "notify);\n}\n\n",
            n, n, n);
    put(e->out,
        "/* Begins to receive. */\nerrval_t %s_%s_start(struct %s_%s_binding *b)\n{\n"
        "    return flounder_start(&b->b.flounder);\n}\n\n",
        n, b->name, n, b->name);
}

void idl_gen_channel_stubs(struct idl_emit *e, const struct idl_backend *b)
{
    put(e->out, "/* ---- %s ---- */\n\n", b->title);
    put(e->out, "static const struct flounder_message_plan %s__%s_plan[%zu];\n\n", e->name, b->name,
        e->plan->message_count);
    for (size_t i = 0; i < e->plan->message_count; i++)
        gen_send(e, b, &e->plan->messages[i]);
    for (size_t i = 0; i < e->plan->message_count; i++)
        gen_deliver(e, b, &e->plan->messages[i]);
    gen_plan_table(e, b);
    gen_send_tables(e, b);
    gen_init(e, b);
}
