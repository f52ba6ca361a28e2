/* SPDX-License-Identifier: MIT
 *
 * The C generators.  Each writes one kind of output for a plan.
 */
#ifndef IDL_GEN_H
#define IDL_GEN_H

#include "emit.h"

/* A kind of channel with a header and stubs of its own. */
struct idl_backend {
    enum idl_channel channel;
    const char *name;     /* "lmp": part of names */
    const char *constant; /* "FLOUNDER_LMP" */
    const char *title;    /* "local message passing" */
};

#define IDL_BACKENDS 3
extern const struct idl_backend idl_backends[IDL_BACKENDS];

/* The functions by which programs come to a binding. */
enum idl_entry {
    IDL_EXPORT,
    IDL_BIND,
    IDL_ACCEPT,
    IDL_CONNECT,
    IDL_CREATE_ENDPOINT,
    IDL_BIND_TO_ENDPOINT
};

/* Prototype of one, without what ends it. */
void idl_gen_entry_head(struct idl_emit *e, enum idl_entry entry);

void idl_gen_defs(struct idl_emit *e);                                      /* NAME_defs.h */
void idl_gen_channel_defs(struct idl_emit *e, const struct idl_backend *b); /* NAME_lmp_defs.h */
void idl_gen_bindings(struct idl_emit *e); /* NAME_flounder_bindings.c: common part */
void idl_gen_channel_stubs(struct idl_emit *e, const struct idl_backend *b); /* its channel parts */
void idl_gen_rpc(struct idl_emit *e);                                        /* its rpc parts */
void idl_gen_multihop_defs(struct idl_emit *e); /* NAME_multihop_defs.h */
void idl_gen_multihop_init(struct idl_emit *e); /* functions of that header */
void idl_gen_thc(struct idl_emit *e);           /* NAME_thc.h */
void idl_gen_local_defs(struct idl_emit *e);    /* NAME_local_defs.h */
void idl_gen_local_stubs(struct idl_emit *e);   /* local part of NAME_flounder_bindings.c */

/* if_types.h: IF_TYPE_NAME for each of the names, numbered in alphabetical order. */
void idl_gen_if_types(struct idl_text *out, struct idl_arena *arena, const char **names,
                      size_t count);

/* What a send function does, for its comment: "Sends M", "Answers a call of X". */
const char *idl_gen_sends(struct idl_emit *e, const struct idl_wire_message *m);

/* The comment at the top of each output; `what` ends with a newline. */
void idl_gen_banner(struct idl_emit *e, const char *what);

/* Prototype of the send function of a message, without the closing parenthesis:
 * `errval_t NAME(struct IF_binding *_binding, struct event_closure _cont[, uint32_t _token],
 * ...`. */
void idl_gen_send_head(struct idl_emit *e, const struct idl_wire_message *m, const char *function,
                       bool token);

#endif
