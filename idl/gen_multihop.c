/* SPDX-License-Identifier: MIT
 *
 * What only multi-hop bindings have: NAME_multihop_defs.h and the functions it declares.  Packing,
 * sending and delivery are those of every kind of channel (gen_stubs.c): the message's words and
 * streams are left in the binding, and the library cuts them into payloads.
 */
#include "gen.h"

void idl_gen_multihop_defs(struct idl_emit *e)
{
    const char *n = e->name;
    idl_gen_banner(e, " * Bindings over messages through the monitors (multihop).\n *\n");
    put(e->out,
        "#ifndef IF_%s_MULTIHOP_DEFS_H\n#define IF_%s_MULTIHOP_DEFS_H\n\n#include "
        "<if/%s_defs.h>\n\n__BEGIN_DECLS\n"
        "struct %s_multihop_binding {\n    struct %s_binding b;\n"
        "    struct multihop_chan chan;\n};\n\n",
        n, n, n, n, n);
    put(e->out,
        "/* Sets up a binding in the caller's memory, for a channel that comes from elsewhere than "
        "%s_bind\n * or export: the caller connects b->chan and calls start, or calls bind. */\n"
        "void %s_multihop_init(struct %s_multihop_binding *b, struct waitset *ws);\n"
        "/* Begins to receive. */\n"
        "errval_t %s_multihop_start(struct %s_multihop_binding *b);\n\n",
        n, n, n, n, n);
    put(e->out,
        "/* Sets up a binding in the caller's memory and connects it to a service of another core "
        "through the\n * monitors, or not at all.  Returns at once; cont is given the outcome. */\n"
        "errval_t %s_multihop_bind(struct %s_multihop_binding *b, iref_t iref,\n"
        "    %s_bind_continuation_fn *cont, void *st, struct waitset *ws, idc_bind_flags_t "
        "flags);\n"
        "\n__END_DECLS\n\n#endif\n",
        n, n, n);
}

void idl_gen_multihop_init(struct idl_emit *e)
{
    const char *n = e->name;
    put(e->out,
        "/* Sets up a binding in the caller's memory. */\n"
        "void %s_multihop_init(struct %s_multihop_binding *b, struct waitset *ws)\n{\n"
        "    %s__multihop_setup(b, ws);\n}\n\n",
        n, n, n);
    put(e->out,
        "/* Binds through the monitors, and only so. */\n"
        "errval_t %s_multihop_bind(struct %s_multihop_binding *b, iref_t iref,\n"
        "    %s_bind_continuation_fn *cont, void *st, struct waitset *ws, idc_bind_flags_t flags)\n"
        "{\n    (void)flags;\n"
        "    return flounder_multihop_bind(%s__multihop_setup(b, ws), iref, (flounder_any_fn "
        "*)cont, "
        "st);\n}\n\n",
        n, n, n, n);
}
